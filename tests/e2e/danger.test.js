'use strict';
// People in danger: residents who are marked by a person, and campaigns that tell nobody.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');

const NOON = '2027-03-01T12:00:00+08:00'; // a Monday
const NEUTRAL = { zh: '您好，有一件事想告诉您，方便时请致电{{event.contact}}。' };
const ON_THE_WIRE = '您好，有一件事想告诉您，方便时请致电025-83200000。';
const event = { starts: '2027-03-06T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' }, contact: '025-83200000' };
const both = (n) => people(n, (i) => ({ wecom: `u${1000 + i}` }));
const number = (i) => `+861385140${1000 + i}`;

/** A gateway of the other channel, which sends no receipts. */
const chat = (s, behave) => s.cloud(behave, { name: 'chat', channel: 'wecom', signature: 'prefix' });
const neutralDefaults = (s) => {
  s.settings.defaults.neutral_signature = '【便民服务】';
  s.settings.dispatch = { backoff: '1s', backoff_max: '2s' };
};
const told = (smsc, i) => smsc.messages.filter((m) => m.to === number(i)).map((m) => m.text);

journey('a mark holds on every path: first send, retry, next channel; and for what was queued before it', async (s) => {
  const clock = s.drivenClock(NOON);
  neutralDefaults(s);
  let busy = true; // for the seventh: their queue is full
  const smsc = await s.smsc(({ to }) => {
    if (to === number(6) && busy) return { status: 0x14 };
    return { receipt: to === number(0) ? {} : { state: 'UNDELIV', err: '021' } };
  });
  const other = await chat(s);
  await s.start();
  await s.ok('safe', '13851401001', 'skip', '--note', 'ask Li first');
  await s.ok('safe', '13851401002', 'neutral');
  await s.ok('safe', '13851401003', 'hours', '13:00-14:00');
  await s.ok('safe', 'u1004', 'skip', '--as-is'); // by her other address
  await s.xadd(campaign('fair', both(7), {
    event, channels: ['sms', 'wecom'],
    texts: { zh: '{{name}}您好，{{event.title}}请到{{event.venue}}。', neutral: NEUTRAL },
    reminders: [{ name: 'first', at: 'now' }, { name: 'second', at: '2027-03-02T12:00' }],
  }));
  await until('the other channel', () => other.requests.length === 2);
  assert.deepEqual(told(smsc, 0), ['【鼓楼区妇联】居民1您好，测试请到区妇联。']);
  assert.deepEqual(told(smsc, 1), [], 'skip');
  assert.deepEqual(told(smsc, 2), [`【便民服务】${ON_THE_WIRE}`], 'neutral, with the neutral signature');
  assert.deepEqual(told(smsc, 3), [], 'not at this hour');
  assert.deepEqual(told(smsc, 4), [], 'a mark of any of her addresses holds for all of them');
  const asked = Object.fromEntries(other.requests.map((r) => [r.query.to, r.query.text]));
  assert.equal(asked.u1002, `【便民服务】${ON_THE_WIRE}`, 'the next channel says no more');
  assert.deepEqual(Object.keys(asked).sort(), ['u1002', 'u1005']);
  assert.deepEqual(s.deliveryLog().filter((e) => e.n === 3 && e.event === 'intent').map((e) => e.reason), ['neutral', 'neutral']);

  // Marked between two attempts: there is no second one.
  await until('her first attempt', () => smsc.submits.some((m) => m.to === number(6)));
  await s.ok('safe', '13851401006', 'skip');
  busy = false;
  await until('her end', async () => (await s.ledger('fair', 'first'))[6].state === 'excluded');
  assert.deepEqual(told(smsc, 6), []);
  let ledger = await s.ledger('fair', 'first');
  for (const i of [1, 4, 6]) assert.deepEqual([ledger[i].state, ledger[i].reason], ['excluded', 31]);
  assert.equal(ledger[3].state, 'parked');

  // Her hours.
  clock.sleepTo('2027-03-01T13:00:05+08:00');
  await until('her hours', () => told(smsc, 3).length === 1);
  await until('the other channel, within them', () => other.requests.some((r) => r.query.to === 'u1003'));
  assert.match((await s.ok('verify', 'fair')).out, /fair/);

  // The next reminder was queued long ago; and a mark that is taken away is gone.
  await s.ok('safe', '13851401001', '--remove');
  await s.ok('safe', '13851401000', 'skip');
  smsc.messages.length = 0;
  clock.sleepTo('2027-03-02T12:00:05+08:00');
  await until('the second', () => told(smsc, 1).length === 1);
  await until('her end', async () => (await s.ledger('fair', 'second'))[0]?.state === 'excluded');
  assert.deepEqual(told(smsc, 0), []);
  assert.equal((await s.ok('report', 'fair', '--json')).code, 0);

  // What people see.
  const shown = await s.ok('safe', '13851401003');
  assert.match(shown.out, /hours 13:00-14:00/);
  const list = JSON.parse((await s.ok('safe', '--list', '--json')).out);
  assert.equal(list.count, 5);
  assert.doesNotMatch(JSON.stringify(list), /13851401003/, 'masked');
  const audit = JSON.stringify(await (await s.redis()).call('XRANGE', 'outreach:audit', '-', '+'));
  assert.match(audit, /safe-mark/);
  assert.doesNotMatch(audit, /ask Li|neutral|13851401001/, 'the audit tells neither why nor whom');
  for (const bad of [['safe'], ['safe', '13851401001', 'sometimes'], ['safe', '13851401001', 'hours']])
    assert.equal((await s.outreach(...bad)).code, 64, bad.join(' '));
  assert.equal((await s.outreach('safe', '13851401001', 'hours', 'noon')).code, 65);
});

journey('without a neutral text, in a promotion, or by a provider\'s template nobody marked neutral is sent anything', async (s) => {
  neutralDefaults(s);
  const smsc = await s.smsc();
  await s.start();
  await s.ok('safe', '13851401001', 'neutral');
  await s.xadd(campaign('plain', people(3)));
  await s.xadd(campaign('ad', people(3), { class: 'promotion', texts: { zh: '促销。', neutral: NEUTRAL }, event: { ...campaign('x', []).event, contact: '1' } }));
  await s.xadd(campaign('coded', people(3), {
    templates: { mobile: { code: 'T1', params: ['name'] } }, texts: { zh: '{{name}}您好。', neutral: '您好。' },
  }));
  for (const id of ['plain', 'ad', 'coded'])
    assert.deepEqual(await s.settled(id, 'first'), { delivered: 2, excluded: 1 }, id);
  assert.deepEqual(told(smsc, 1), []);
  // The configured line serves all campaigns that have none.
  s.settings.defaults.neutral_text = '您好，有事相告，请来电。';
  await s.stop();
  await s.start();
  await s.xadd(campaign('line', people(3)));
  assert.deepEqual(await s.settled('line', 'first'), { delivered: 3 });
  assert.deepEqual(told(smsc, 1), ['【便民服务】您好，有事相告，请来电。']);
});

const discreet = {
  event, title: '家暴庇护登记', sensitive: true,
  texts: { zh: '您好，请按您和我们约好的时间前来，{{event.venue}}，改期请电{{event.contact}}。' },
};

journey('a sensitive campaign: the neutral signature, no other channel, no headline, and nobody in any list', async (s) => {
  neutralDefaults(s);
  const smsc = await s.smsc(() => ({ receipt: { state: 'UNDELIV', err: '021' } }));
  const other = await chat(s);
  const program = s.write('told.js', `
    console.log('{"ready":true}');
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const m = JSON.parse(line);
      require('fs').appendFileSync(${JSON.stringify(s.path('told'))}, line + '\\n');
      if (m.id) console.log(JSON.stringify({ id: m.id, outcome: 'rejected' }));
    });`);
  s.settings.gateways.push({ name: 'box', plugin: 'exec', channel: 'email', command: [process.execPath, program], signature: 'none' });
  await s.start();
  await s.xadd(campaign('home', both(3), { ...discreet, channels: ['sms', 'wecom'] }));
  assert.deepEqual(await s.settled('home', 'first'), { undelivered: 3 });
  assert.deepEqual(told(smsc, 0), ['【便民服务】您好，请按您和我们约好的时间前来，区妇联，改期请电025-83200000。']);
  // Who has only the second address is sent to by it; who was tried by one is not tried by another.
  await s.xadd(campaign('mixed', [{ wecom: 'u9' }, { email: 'a@example.org', wecom: 'u8' }], { ...discreet, channels: ['sms', 'email', 'wecom'] }));
  await s.counted('mixed', 'first', { accepted: 1, failed: 1 });
  assert.deepEqual(other.requests.map((r) => r.query.to), ['u9']);

  const box = fs.readFileSync(s.path('told'), 'utf8');
  assert.doesNotMatch(box, /庇护/, 'the title goes to no gateway');
  assert.doesNotMatch(JSON.stringify(s.deliveryLog()), /庇护/, 'nor into the delivery log');

  const report = await s.ok('report', 'home');
  assert.match(report.out, /undelivered/);
  assert.doesNotMatch(report.out, /1385140|5140/, 'sums only');
  const file = s.path('home.csv');
  assert.equal((await s.outreach('report', 'home', '-o', file)).code, 65);
  assert.equal(fs.existsSync(file), false);

  // The one who looks after the daemon may be told of single people; nobody else is, nor whether she is in it.
  assert.match((await s.ok('why', '13851401000')).out, /home/);
  fs.renameSync(`${s.state}/log.key`, s.path('elsewhere'));
  for (const who of ['13851401000', '13851409999']) {
    const why = await s.ok('why', who);
    assert.doesNotMatch(why.out, /home|庇护/);
    assert.match(why.out, /2 sensitive campaigns/);
    assert.equal(JSON.parse((await s.ok('why', who, '--json')).out).hidden, 2);
  }
  const who = await s.outreach('show', '-s', 'undelivered', 'home');
  assert.notEqual(who.code, 0);
  assert.doesNotMatch(who.all, /138\d*…/);
});
