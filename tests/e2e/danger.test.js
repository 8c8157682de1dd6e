'use strict';
// People in danger: residents who are marked by a person, and campaigns that tell nobody.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const XLSX = require('xlsx');
const { journey, campaign, people, inDays } = require('./lib/stage');
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

/** The entries of the audit of one kind. */
const audited = async (s, op) => JSON.parse((await s.ok('audit', '--json')).out).filter((e) => e.op === op);

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

  // Her hours: nothing else is left of it, and the list says when it goes on.
  await until('all others to be through', async () => (await s.counts('fair', 'first')).parked === 1 && !(await s.counts('fair', 'first')).sending);
  assert.match((await s.ok('list')).out, /^fair +active .* 2027-03-01 Mon 13:00 +6\/14 /m);
  // Why it waits is said so that it is true of her hours as of others', and in her language.
  assert.match((await s.ok('show', '-s', 'waiting', '-r', 'first', 'fair')).out, /\n {12}held until hours in which this recipient may be told\n/);
  assert.match((await s.ok('why', '13851401003')).out, /hours 13:00-14:00: only sent at these hours\n[^]*looked at again 2027-03-01 Mon 13:00:00\n {16}held until hours in which/);
  assert.match((await s.run(['-c', s.conf, 'report', 'fair'], { env: { ...s.env, LC_ALL: 'zh_CN.UTF-8' } })).out, /现在不是可以通知此人的时段/);
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
  for (const all of ['09:00-09:00', 'always', '00:00-24:00']) // by a slip she would be told at any hour
    assert.equal((await s.outreach('safe', '13851401001', 'hours', all)).code, 65, all);
});

journey('without a neutral text, in a promotion, or by a provider\'s template nobody marked neutral is sent anything', async (s) => {
  neutralDefaults(s);
  const smsc = await s.smsc();
  await s.start();
  await s.ok('safe', '13851401001', 'neutral');
  const reminders = [{ name: 'first', at: 'now' }, { name: 'later', at: inDays(5, '12:00') }];
  await s.xadd(campaign('plain', people(3), { reminders }));
  await s.xadd(campaign('ad', people(3), { reminders, class: 'promotion', texts: { zh: '促销。', neutral: NEUTRAL }, event: { ...campaign('x', []).event, contact: '1' } }));
  await s.xadd(campaign('coded', people(3), {
    reminders, templates: { mobile: { code: 'T1', params: ['name'] } }, texts: { zh: '{{name}}您好。', neutral: '您好。' },
  }));
  for (const id of ['plain', 'ad', 'coded'])
    assert.deepEqual(await s.settled(id, 'first'), { delivered: 2, excluded: 1 }, id);
  assert.deepEqual(told(smsc, 1), []);
  // What is still to come will end the same way, and is not said to wait; it waits where there is a text for her.
  const later = async (id) => JSON.parse((await s.ok('why', '13851401001', '--campaign', id, '--json')).out).notices[0].reminders[1];
  await s.xadd(campaign('spoken', people(3), { reminders, texts: { zh: '{{name}}您好。', neutral: '您好。' } }));
  assert.deepEqual(await s.settled('spoken', 'first'), { delivered: 3 });
  smsc.messages.length = 0;
  for (const [id, kept] of [['plain', true], ['ad', true], ['coded', true], ['spoken', false]])
    assert.deepEqual([id, (await later(id)).kept_back], [id, kept]);
  const said = /first +excluded[^]* {16}(protected: not sent by machine; tell her in person)\n {2}later +will not be sent, due [^\n]*\n {16}\1\n/;
  assert.match((await s.ok('why', '13851401001', '--campaign', 'plain')).out, said);
  assert.doesNotMatch((await s.ok('why', '13851401002', '--campaign', 'plain')).out, /will not be sent/, 'nobody else');
  // Whoever marks her is told so; a note stays with another mode, and what is taken away is said to be.
  await s.ok('safe', '13851401001', 'skip', '--note', 'ask Wang');
  const marked = JSON.parse((await s.ok('safe', '13851401001', 'neutral', '--json')).out);
  assert.deepEqual([marked.mode, marked.note, marked.without_text], ['neutral', 'ask Wang', ['ad', 'coded', 'plain']]);
  assert.match((await s.ok('safe', '13851401001', '--remove')).out, /the mark is taken away/);
  assert.match((await s.ok('safe', '13851401001', '--remove')).out, /is not marked/);
  assert.equal(JSON.parse((await s.ok('safe', '13851401001', 'neutral', '--json')).out).note, '', 'it went with the mark');
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

/** Every line fits 80 columns, a wide character taking two. */
function fits(page) {
  for (const line of page.split('\n')) {
    const columns = [...line].reduce((n, c) => n + (c.codePointAt(0) > 0x2e7f ? 2 : 1), 0);
    assert.ok(columns <= 80, `${columns} columns: ${line}`);
  }
}

journey('a proof holds what the phone has shown, the message id and the receipt, and says what it does not know', async (s) => {
  neutralDefaults(s);
  s.settings.defaults.neutral_text = '您好，有事相告，请来电。';
  const smsc = await s.smsc(({ to }) => ({ receipt: to === number(1) ? { state: 'UNDELIV', err: 'MK:0001' } : { afterMs: 2500 } }));
  await s.start();
  await s.ok('safe', '13851401002', 'neutral');
  const before = campaign('fair', people(3), { title: '招聘会', texts: { zh: '{{name}}您好，请到{{event.venue}}。', moved: '{{name}}您好，改到{{event.date}}。' } });
  await s.xadd(before, { by: '李姐' });
  assert.deepEqual(await s.settled('fair', 'first'), { delivered: 2, undelivered: 1 });
  await smsc.reply(number(0), '1069000038', 'TD');
  await until('her refusal', async () => (await (await s.redis()).call('SISMEMBER', 'outreach:optout', number(0))) === 1);

  const proof = async (who) => JSON.parse((await s.ok('proof', who, 'fair', '--json')).out);
  for (const i of [0, 1, 2]) {
    const one = (await proof(`1385140100${i}`)).notices[0];
    const submit = smsc.submits.find((m) => m.to === number(i));
    assert.equal(one.text, submit.text, 'the text is what went over the wire');
    assert.ok(one.log.some((e) => e.event === 'accepted' && e.id === submit.id), 'and the id is the operator\'s');
    assert.equal(one.neutral, i === 2);
    assert.equal(one.gateway, 'mobile');
  }
  const first = await proof('13851401000');
  assert.equal(first.opted_out, true);
  assert.deepEqual(first.refusals.map((r) => [r.kind, r.detail]), [['reply', 'TD']]);
  assert.ok(Math.abs(first.refusals[0].at_ms - Date.now()) < 600e3);
  assert.equal(first.queued_by, '李姐');
  assert.equal(first.consent, null, 'nobody has recorded any');
  const waited = first.notices[0].receipt_ms - first.notices[0].accepted_ms;
  assert.ok(waited >= 2000, `the receipt came when it came, not when the operator took the notice: ${waited} ms`);
  assert.equal((await proof('13851409999')).notices.length, 0);

  const en = (await s.ok('proof', '13851401001', 'fair')).out;
  assert.match(en, /not known here/);
  assert.match(en, /居民2您好，请到区妇联。/);
  assert.match(en, /does not exist|no such|not in service|空号/i, 'the receipt in plain words');
  fits(en);
  const zh = (await s.run(['-c', s.conf, 'proof', '13851401000', 'fair'], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out;
  assert.match(zh, /回执：已送达手机/);
  assert.match(zh, /本人回复：TD/);
  fits(zh);
  assert.equal((await s.outreach('proof', '13851401000', 'nothing')).code, 65);
  // What waits for her will not be sent, and is not told as if it were; what waits for others will.
  await s.xadd(campaign('later', people(2), { reminders: [{ name: 'eve', at: '-1d 10:00' }] }));
  await until('the plan', async () => (await s.outreach('show', 'later')).code === 0);
  for (const [i, kept] of [[0, true], [1, false]]) {
    const notices = JSON.parse((await s.ok('why', `1385140100${i}`, '--campaign', 'later', '--json')).out).notices;
    assert.deepEqual(notices[0].reminders.map((r) => [r.name, r.state, r.kept_back]), [['eve', 'waiting', kept]]);
    const page = JSON.parse((await s.ok('proof', `1385140100${i}`, 'later', '--json')).out);
    assert.deepEqual(page.notices.map((n) => [n.state, n.kept_back]), [['waiting', kept]]);
    for (const command of [['why', `1385140100${i}`], ['proof', `1385140100${i}`, 'later']])
      assert.equal(/will not be sent[^]*she opted out on 20\d\d-/.test((await s.ok(...command)).out), kept, command.join(' '));
  }
  assert.equal(JSON.parse((await s.ok('why', '13851401000', '--campaign', 'fair', '--json')).out).notices[0].reminders[0].kept_back, false, 'she had it before');
  // Who changed it, whom and out of which list somebody came with later, and whose correction it is.
  const as = (by, ...args) => s.run(['-c', s.conf, '--by', by, ...args]);
  const late = await as('张姐', 'add', 'fair', s.write('late.csv', '姓名,手机号\n赵晚,13851401077\n'));
  assert.equal(late.code, 0, late.all);
  await until('her notice', async () => (await s.ledger('fair', 'first'))[3]?.state === 'delivered');
  const move = s.write('move.json', JSON.stringify({ ...before, event: { ...before.event, starts: inDays(9, '09:00') }, audience: {} }));
  const moved = await as('王主任', 'amend', move, '--yes');
  assert.equal(moved.code, 0, moved.all);
  await until('the corrections', async () => (await s.ledger('fair', 'corrections')).length >= 3);
  await s.settled('fair', 'corrections');
  const hers = await proof('13851401077');
  assert.deepEqual(hers.notices.map((n) => [n.reminder, n.n, n.due_ms > 0]), [['first', 4, true], ['corrections', 4, false]]);
  assert.deepEqual(hers.changes.map((c) => [c.op, c.by, c.version ?? c.rows]), [['queue', '李姐', '3'], ['add', '张姐', '4-4'], ['amend', '王主任', '2']]);
  const page = (await s.ok('proof', '13851401077', 'fair')).out;
  assert.match(page, /added later +\S+ \S+ \S+ by 张姐[^]*late\.csv\n\nCAMPAIGN/, 'not the list that was queued');
  assert.match(page, /amended +\S+ \S+ \S+ by 王主任, version 2\n/);
  assert.match((await s.ok('proof', '13851401002', 'fair')).out, /list +given with the campaign itself[^]*3 people/);
  const made = (await audited(s, 'numbers-shown')).at(-1);
  assert.deepEqual([made.command, made.campaign, made.to], ['proof', 'fair', '+86138…02']);
  // What the register has of her consent, until she is erased.
  s.write('agreed.csv', '姓名,手机号\n居民2,13851401001\n');
  for (const wrong of ['', 'two\nlines', '很'.repeat(67)])
    assert.equal((await s.outreach('residents', 'import', s.path('agreed.csv'), '--yes', '--consent', wrong)).code, 65);
  await s.ok('residents', 'import', s.path('agreed.csv'), '--yes', '--consent', '社区登记表 2026年第3册');
  const today = new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Shanghai' }).format(Date.now());
  assert.deepEqual((await proof('13851401001')).consent, [{ name: '居民2', consent: `${today} 社区登记表 2026年第3册` }]);
  const agreed = (await s.ok('proof', '13851401001', 'fair')).out;
  assert.match(agreed, /consent +\d{4}-\d\d-\d\d 社区登记表 2026年第3册 \(居民2, by the register\)/);
  fits(agreed);
  assert.equal((await proof('13851401000')).consent, null, 'of others nothing is known');
  await s.ok('residents', 'export', s.path('all.csv'));
  assert.match(fs.readFileSync(s.path('all.csv'), 'utf8'), /社区登记表 2026年第3册/);
  await s.ok('residents', 'erase', '13851401001', '--yes');
  assert.equal((await proof('13851401001')).consent, null);
  assert.doesNotMatch(JSON.stringify(await (await s.redis()).call('HGETALL', 'outreach:{outreach:residents}:people')), /社区登记表/);
  // Without the log what stands there alone is said to be not known.
  fs.renameSync(`${s.state}/delivery.jsonl`, s.path('log'));
  assert.match((await s.ok('proof', '13851401001', 'fair')).out, /when it came is\s+not\s+known[^]*message ids and receipts' codes are not\s+known/);
});

journey('whom no message reached is listed by community, ticked in Excel or a CSV, and not listed again', async (s) => {
  neutralDefaults(s);
  const unknown = new Set([number(1)]);
  await s.smsc(({ to }) => ({ receipt: unknown.has(to) ? { state: 'UNDELIV', err: 'MK:0001' } : {} }));
  await s.start();
  await s.ok('safe', '13851401002', 'skip');
  await s.ok('optout', 'add', '13851401003');
  const where = ['云南路', '云南路', '湖南路', '湖南路', ''];
  const list = s.write('list.csv', `姓名,手机号,社区\n${people(5).map((p, i) => `${p.name},${p.sms},${where[i]}`).join('\n')}\n`);
  const fair = (starts) => `campaign = { id = "fair"; class = "notice"; title = "招聘会"; event = { starts = "${starts}"; };
    audience = { file = "${list}"; }; texts = { zh = "{{name}}您好。"; moved = "{{name}}，改到{{event.date}}。"; }; reminders = ( { name = "first"; at = "now"; } ); };`;
  s.write('fair.conf', fair(event.starts));
  await s.ok('queue', s.path('fair.conf'));
  await s.counted('fair', 'first', { delivered: 2, undelivered: 1, excluded: 1, 'opted-out': 1 });
  await s.xadd(campaign('home', people(3), discreet));
  await s.counted('home', 'first', { delivered: 1, undelivered: 1, excluded: 1 });

  const uncalled = async (...args) => JSON.parse((await s.ok('uncalled', '--json', ...args)).out);
  const all = await uncalled();
  assert.deepEqual(all.people.map((p) => [p.community, p.n, p.name, p.reason || p.state]),
    [['云南路', 2, '居民2', 'number'], ['湖南路', 3, '居民3', 'safe'], ['湖南路', 4, '居民4', 'opted-out']]);
  assert.equal(all.sensitive, 2, 'of a sensitive campaign the sum alone');
  assert.deepEqual(all.people.map((p) => p.tell), [2, 3, 4].map((n) => `居民${n}您好。`), 'the text that did not come');
  const page = await s.run(['-c', s.conf, 'uncalled'], { env: { LC_ALL: 'zh_CN.UTF-8', COLUMNS: '80' } });
  assert.match(page.out, /云南路\n {2}居民2 {2}\S+\n {4}fair {2}招聘会\n[^]*湖南路\n {2}居民3/);
  assert.doesNotMatch(page.out, /home/);
  assert.notEqual((await s.outreach('uncalled', 'home', '-o', s.path('home.csv'))).code, 0);
  assert.equal(fs.existsSync(s.path('home.csv')), false, 'no file of a sensitive campaign');

  // A CSV, with the headings of one language read under the other.
  const written = await s.run(['-c', s.conf, 'uncalled', 'fair', '-o', s.path('云.csv')], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  assert.doesNotMatch(written.out, /居民2/, 'the list is in the file');
  assert.match(written.out, /^共 3 人.*\n[^]*云\.csv/);
  assert.equal(fs.statSync(s.path('云.csv')).mode & 0o777, 0o600);
  const csv = fs.readFileSync(s.path('云.csv'), 'utf8');
  s.write('ticked.csv', csv.split('\r\n').map((line) => (line.includes('居民2') ? `${line}√` : line.includes('居民3') ? `${line}否` : line)).join('\r\n'));
  assert.match((await s.ok('uncalled', '--ticks', s.path('ticked.csv'))).out, /^1 were told/);
  assert.deepEqual((await uncalled('fair')).people.map((p) => p.n), [3, 4]);
  const kept = await (await s.redis()).call('HGET', 'outreach:{fair}:called', '2');
  assert.match(kept, /^by \S+\nat \d{13}\nversion 1\n√$/, 'by whom, when, of what, and what stood there');

  // An Excel workbook; and one with a mistake changes nothing.
  await s.ok('uncalled', 'fair', '-o', s.path('fair.xlsx'));
  const book = XLSX.read(fs.readFileSync(s.path('fair.xlsx')));
  const sheet = book.Sheets[book.SheetNames[0]];
  const rows = XLSX.utils.sheet_to_json(sheet, { header: 1 });
  const tick = rows[0].indexOf('told (tick)');
  const save = (name, edit) => {
    const copy = rows.map((row) => [...row]);
    edit(copy);
    XLSX.writeFile({ SheetNames: ['x'], Sheets: { x: XLSX.utils.aoa_to_sheet(copy) } }, s.path(name));
    return s.path(name);
  };
  const wrong = save('wrong.xlsx', (all) => { all[1][tick] = '1'; all[2][tick] = '1'; all[2][rows[0].indexOf('number in the list')] = 77; });
  assert.equal((await s.outreach('uncalled', '--ticks', wrong)).code, 65);
  assert.equal((await uncalled('fair')).people.length, 2);
  // What is no clear mark, and a row that is not hers, is told by row and left out; the rest is taken.
  const [name, to] = [rows[0].indexOf('name'), rows[0].indexOf('address')];
  const odd = await s.outreach('uncalled', '--ticks', save('odd.xlsx', (all) => { all[1][tick] = '王姐 3月5日'; all[2][tick] = '√'; all[2][name] = '居民3'; }));
  assert.equal(odd.code, 65);
  assert.match(odd.err, /row 2 is left out: its mark .*\nrow 3 is left out: the name /);
  const moved = await s.outreach('uncalled', '--ticks', save('moved.xlsx', (all) => { all[1][tick] = '无人接听'; all[2][tick] = '√'; all[2][to] = number(2); }));
  assert.match(moved.err, /^row 3 is left out: the number /);
  assert.equal((await uncalled('fair')).people.length, 2);
  assert.equal((await s.outreach('uncalled', '--ticks', s.path('nothing.csv'))).code, 66);
  assert.equal((await s.outreach('uncalled', '-o', s.path('fair.xlsx'))).code, 73, 'a file that is there is not overwritten');
  const right = save('right.xlsx', (all) => { all[1][tick] = '√ 王姐 3月5日'; all[1][to] = '138 5140 1002'; all[2][tick] = 1; });
  await s.ok('uncalled', '--ticks', right);
  assert.deepEqual(await uncalled('fair').then((u) => [u.people.length, u.told_already]), [0, 3]);
  assert.match((await s.ok('uncalled', '--ticks', right)).out, /^0 were told by a person; 2 /);
  assert.equal((await s.outreach('uncalled', '--ticks', list)).code, 65, 'another list is none');
  const seen = await audited(s, 'numbers-shown');
  assert.deepEqual(seen.slice(0, 2).map((e) => [e.command, e.count]), [['uncalled', '3'], ['uncalled', '3']], 'who saw the numbers is on record');

  // The event moves: who knows of it as it was, and did not get the correction, is told what it says;
  // whom a person has told, too. Who got it is not listed.
  unknown.add(number(0));
  await s.ok('amend', s.write('fair2.conf', fair(inDays(21, '09:00'))), '--yes');
  assert.deepEqual(await s.settled('fair', 'corrections'), { delivered: 1, undelivered: 2 });
  const closed = (await uncalled('fair')).people;
  assert.deepEqual(closed.map((p) => [p.n, p.outdated, p.in_person, p.reason || p.state]).sort((x, y) => x[0] - y[0]),
    [[1, true, false, 'number'], [2, true, true, 'number'], [3, true, true, 'waiting'], [4, true, true, 'waiting']]);
  for (const p of closed) assert.match(p.tell, new RegExp(`^居民${p.n}，改到.*${Number(inDays(21).slice(8))}日`));
  await s.ok('uncalled', 'fair', '-o', s.path('again.csv'), '--group', '社区');
  s.write('told.csv', fs.readFileSync(s.path('again.csv'), 'utf8').split('\r\n').map((line) => (/居民[13],/.test(line) ? `${line}已告知` : line)).join('\r\n'));
  assert.match((await s.ok('uncalled', '--ticks', s.path('told.csv'))).out, /^2 were told/);
  assert.deepEqual((await uncalled('fair')).people.map((p) => p.n).sort(), [2, 4]);

  // Who is missed by two campaigns is one person, in the community that one of them knows.
  await s.xadd(campaign('talk', people(2).slice(1), { texts: { zh: '{{name}}，来听讲座。' } }));
  assert.deepEqual(await s.settled('talk', 'first'), { undelivered: 1 });
  const both = await uncalled();
  assert.deepEqual([both.to_be_told, both.people.map((p) => [p.community, p.campaign, p.n])],
    [2, [['云南路', 'fair', 2], ['云南路', 'talk', 1], ['湖南路', 'fair', 4]]]);
  assert.match((await s.ok('uncalled')).out, /居民2 {2}\+8613851401001\n {4}fair {2}招聘会\n[^]* {4}talk {2}测试\n[^]*\n {6}tell her: 居民2，来听讲座。\n[^]*\n2 to be told by a person\n/);
  // Of another campaign they cannot be written: what was kept before that is on record.
  await s.xadd(campaign('second', people(2).slice(1)));
  await s.counted('second', 'first', { undelivered: 1 });
  await s.ok('uncalled', '-o', s.path('both.csv'));
  const [head, ...lines] = fs.readFileSync(s.path('both.csv'), 'utf8').split('\r\n').filter(Boolean);
  lines.sort((a, b) => a.includes('second') - b.includes('second'));
  assert.match(lines.at(-1), /second/);
  await (await s.redis()).call('SET', 'outreach:{second}:called', 'no hash');
  const before = (await audited(s, 'uncalled-ticks')).length;
  s.write('both-ticked.csv', [head, ...lines.map((line) => `${line}√`)].join('\r\n'));
  assert.equal((await s.outreach('uncalled', '--ticks', s.path('both-ticked.csv'))).code, 69);
  assert.deepEqual((await uncalled('fair')).people, []);
  assert.equal((await audited(s, 'uncalled-ticks')).length, before + 1);
});

journey('corrections and answers too: skip, neutral, and the usual answers of a sensitive campaign without its title', async (s) => {
  neutralDefaults(s);
  const smsc = await s.smsc();
  await s.start();
  const asked = { class: 'notice', registration: { word: '1' } };
  const before = campaign('move', people(3), {
    ...asked, event: { ...event, starts: inDays(20, '09:00') },
    texts: { zh: '{{name}}您好。', moved: '{{name}}您好，原定{{was.date}}，改到{{event.venue}}。', neutral: NEUTRAL },
  });
  const on = (days) => `${Number(inDays(days).slice(5, 7))}月${Number(inDays(days).slice(8, 10))}日`;
  await s.xadd(before);
  assert.deepEqual(await s.settled('move', 'first'), { delivered: 3 });
  await s.ok('safe', '13851401001', 'skip');
  await s.ok('safe', '13851401002', 'neutral');
  smsc.messages.length = 0;
  const file = s.write('move.json', JSON.stringify({ ...before, event: { ...before.event, starts: inDays(21, '09:00') }, audience: {} }));
  await s.ok('amend', file, '--yes');
  assert.deepEqual(await s.settled('move', 'corrections'), { delivered: 2, excluded: 1 });
  assert.deepEqual([0, 1, 2].map((i) => told(smsc, i).map((text) => text.replace(/（周.）/, ''))), [[`【鼓楼区妇联】居民1您好，原定${on(20)}，改到区妇联。`], [], [`【便民服务】${ON_THE_WIRE}`]]);
  for (const i of [0, 1, 2]) assert.equal(await smsc.reply(number(i), '1069000038', '1'), 0);
  await until('three answers', async () => (await s.ledger('move', 'answers')).length === 3);
  assert.deepEqual(await s.settled('move', 'answers'), { delivered: 2, excluded: 1 });
  assert.deepEqual([0, 1, 2].map((i) => told(smsc, i).length), [2, 0, 2]);
  assert.equal(told(smsc, 2)[1], `【便民服务】${ON_THE_WIRE}`, 'also to what she asked herself: who asks may not be she');

  // Moved once more: to whom no machine writes now a person says it from the last that she was told.
  await s.ok('safe', '13851401000', 'skip');
  const again = { ...before, event: { ...before.event, starts: inDays(22, '09:00') }, audience: {} };
  await s.ok('amend', s.write('again.json', JSON.stringify(again)), '--yes');
  await until('the second corrections', async () => (await s.settled('move', 'corrections')).excluded === 3);
  const unheard = JSON.parse((await s.ok('uncalled', 'move', '--json')).out).people;
  assert.match(unheard.find((p) => p.n === 1).tell, new RegExp(`原定${on(21)}`));

  await s.xadd(campaign('home', people(4).slice(3), { ...discreet, ...asked, event: { ...event, starts: inDays(20, '09:00') } }));
  assert.deepEqual(await s.settled('home', 'first'), { delivered: 1 });
  assert.equal(await smsc.reply(number(3), '1069000038', '1'), 0);
  await until('her answer', () => told(smsc, 3).length === 2);
  assert.match(told(smsc, 3)[1], /^【便民服务】已为您登记/);
  assert.doesNotMatch(told(smsc, 3)[1], /庇护|居民/);
});
