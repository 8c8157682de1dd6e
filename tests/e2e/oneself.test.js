'use strict';
// outreach test: what the first of the list would get comes to oneself, and to nobody else.

const assert = require('node:assert/strict');
const { journey, inDays } = require('./lib/stage');

const SELF = '13951409999';
const conf = (s, fields = '') => {
  s.write('list.csv', '姓名,手机号,语言\n王秀英,13851401000,zh\nMaria,13851401001,en\n');
  return s.write('fair.conf', `campaign = { id = "fair"; class = "notice"; title = "招聘会";
    event = { starts = "${inDays(9, '09:00')}"; venue = "区妇联"; }; audience = { file = "list.csv"; };
    texts = { zh = "{{name}}您好，请到{{event.venue}}。"; en = "{{name}}, please come."; };
    reminders = ( { name = "first"; at = "-7d 09:30"; }, { name = "eve"; at = "-1d 18:00"; texts = { zh = "{{name}}，明天见。"; en = "{{name}}, see you."; }; } );
    ${fields} };\n`);
};

journey('each reminder comes to oneself, at night too, and nobody of the list gets anything', async (s) => {
  const smsc = await s.smsc();
  s.settings.defaults.hours = '03:00-03:01';
  await s.start();
  const file = conf(s);
  const { out } = await s.ok('test', file, '--to', SELF);
  assert.match(out, /first +delivered\neve +delivered\n/);
  assert.deepEqual(smsc.textsFor(`+86${SELF}`).sort(), ['【鼓楼区妇联】王秀英您好，请到区妇联。', '【鼓楼区妇联】王秀英，明天见。'].sort());
  assert.equal(smsc.messages.length, 2);
  // Once more is sent once more; and the campaign itself is still to be queued.
  const r = JSON.parse((await s.ok('test', file, '--to', SELF, '--reminder', 'eve', '--language', 'en', '--json')).out);
  assert.deepEqual(r.reminders, [{ reminder: 'eve', state: 'delivered' }]);
  assert.match(r.id, /^fair-test-/);
  assert.equal(smsc.textsFor(`+86${SELF}`).at(-1), '【鼓楼区妇联】Maria, see you.');
  // A test that is through is nobody's campaign.
  const list = (await s.ok('list')).out;
  assert.match(list, /^no campaigns yet .*\ntests that are through: 2 \(outreach list --all\)\n/m);
  assert.doesNotMatch(list, /fair-test/);
  assert.equal((await s.ok('list', '--all')).out.match(/fair-test-/g).length, 2);
  assert.match((await s.ok('plan', '--year', 'all', '--queued')).out, /nothing is planned/);
  await s.ok('queue', file);
});

journey('a gateway that sends no receipts leaves nothing to wait for, and one without a rate has none', async (s) => {
  const cloud = await s.cloud(() => ({ body: '0: Accepted' }), { rate: undefined });
  s.settings.gateways.push({ name: 'off', plugin: 'sandbox', channel: 'sms', disabled: true });
  await s.start();
  const began = Date.now();
  const { out } = await s.ok('test', conf(s), '--to', SELF, '--wait', '300');
  assert.match(out, /first +accepted\neve +accepted\n/);
  assert.equal(cloud.requests.length, 2);
  assert.ok(Date.now() - began < 100000, 'it does not wait for what never comes');
  const [gateway] = JSON.parse((await s.ok('gateways', 'cloud', '--json')).out);
  assert.equal(gateway.daemons[0].rate, null);
  assert.equal(gateway.daemons[0].receipts, false);
  assert.match((await s.ok('gateways', 'cloud')).out, /^cloud .* none +\S+$/m);
  assert.match((await s.ok('gateways', 'off')).out, /^off +sms +sandbox +not in use$/m);
});

journey('a second telephone column keeps its own name in a text, and nobody but she is written to', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  s.write('list.csv', '姓名,联系电话（家属）,手机号,联系电话\n王秀英,13851400099,13851400001,025-83200000\n');
  const file = s.write('kin.conf', `campaign = { id = "kin"; class = "notice"; title = "招聘会"; hours = "always"; days = "any";
    event = { starts = "${inDays(9, '09:00')}"; }; audience = { file = "list.csv"; };
    texts = { zh = "{{name}}您好，家属{{联系电话（家属）}}，座机{{联系电话}}。"; }; reminders = ( { name = "first"; at = "now"; } ); };\n`);
  await s.ok('queue', file, '-y');
  await s.settled('kin', 'first');
  assert.deepEqual(smsc.messages.map((m) => [m.to, m.text]), [['+8613851400001', '【鼓楼区妇联】王秀英您好，家属13851400099，座机025-83200000。']]);
});

journey('by a messenger it goes to an address as it is written', async (s) => {
  const wecom = await s.cloud(() => ({ body: '0: Accepted' }), { name: 'chat', channel: 'wecom', signature: 'none' });
  await s.start();
  s.write('list.csv', '姓名,wecom\n王秀英,wang.xy\n');
  const file = s.write('chat.conf', `campaign = { id = "chat"; class = "notice"; title = "招聘会"; channels = ( "wecom" );
    event = { starts = "${inDays(9, '09:00')}"; }; audience = { file = "list.csv"; };
    texts = { zh = "{{name}}您好。"; }; reminders = ( { name = "first"; at = "-7d 09:30"; } ); };\n`);
  assert.match((await s.ok('test', file, '--to', 'zhang.san')).out, /^first +accepted$/m);
  assert.equal(wecom.requests[0].query.to, 'zhang.san');
});

journey('what is wrong is said before anything is sent', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const file = conf(s);
  for (const [args, code, words] of [
    [['test', file], 64, /to whom\?/],
    [['test', file, '--to', '025-83241001'], 65, /landline|mobile/],
    [['test', file, '--to', SELF, '--reminder', 'last'], 65, /no reminder last/],
    [['test', file, '--to', SELF, '--channel', 'wecom'], 65, /no channel wecom/],
    [['test', file, '--to', SELF, '--language', 'ja'], 65, /nobody in the list reads ja/],
    [['test', s.path('none.conf'), '--to', SELF], 66, /cannot be read/],
  ]) {
    const r = await s.outreach(...args);
    assert.equal(r.code, code, r.all);
    assert.match(r.err, words);
  }
  assert.equal(smsc.messages.length, 0);
});

journey('who has refused is told, and gets nothing; a number that is none is a failure', async (s) => {
  const smsc = await s.smsc(() => ({ status: 0x0b }));
  await s.start();
  const file = conf(s);
  let r = await s.outreach('test', file, '--to', SELF, '--reminder', 'eve');
  assert.equal(r.code, 65, r.all);
  assert.match(r.out, /eve +failed\n.*outreach why \+8613951409999 --campaign fair-test-/);
  await s.ok('optout', 'add', SELF);
  r = await s.outreach('test', file, '--to', SELF, '--reminder', 'eve');
  assert.equal(r.code, 65);
  assert.match(r.out, /opted-out/);
  assert.equal(smsc.submits.length, 1);
});
