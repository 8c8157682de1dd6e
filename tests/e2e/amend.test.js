'use strict';
// A campaign is amended while it is sent: who gets which text, and who is told that an event moved.

const assert = require('node:assert/strict');
const libconfig = require('./lib/libconfig');
const { journey, campaign, people, inDays, inSeconds, until } = require('./lib/stage');

const MOVED = '{{name}}您好，原定{{was.date}}{{was.time}}在{{was.venue}}，现改到{{event.date}}{{event.time}}，{{event.venue}}。';
const CANCELLED = '{{name}}您好，{{was.date}}的活动取消。';

/** A notice of an event in so many days, which says when and where it is. */
const event = (id, list, days, venue = '区妇联', fields = {}) => campaign(id, list, {
  event: { starts: inDays(days, '09:00'), timezone: 'Asia/Shanghai', venue },
  texts: { zh: '{{name}}您好，{{event.date}}{{event.time}}，{{event.venue}}。', moved: MOVED, cancelled: CANCELLED },
  ...fields,
});

/** As texts say it: "3月6日（周六）". */
const date = (days) => {
  const at = new Date(`${inDays(days)}T00:00:00Z`);
  return `${at.getUTCMonth() + 1}月${at.getUTCDate()}日（周${'日一二三四五六'[at.getUTCDay()]}）`;
};

const first = (p, days, venue = '区妇联') => `【鼓楼区妇联】${p.name}您好，${date(days)}上午9:00，${venue}。`;
const moved = (p, was, days, venue = '区妇联', old = '区妇联') =>
  `【鼓楼区妇联】${p.name}您好，原定${date(was)}上午9:00在${old}，现改到${date(days)}上午9:00，${venue}。`;

const slow = { rate: '40/s', window: 4 };

const version = async (s, id) => Number(await (await s.redis()).call('HGET', `outreach:{${id}}`, 'version'));
const walked = (s, id) => until('all who were told to be looked for', async () =>
  (await (await s.redis()).call('HGET', `outreach:{${id}}`, 'correct')) === null, 60000);
const verified = async (s, id) => assert.equal((await s.outreach('verify', id)).code, 0);

journey('a text amended half-way holds for what was not sent, and nobody gets two', async (s) => {
  const list = people(80);
  const smsc = await s.smsc(undefined, slow);
  await s.start();
  const before = campaign('half', list, { texts: { zh: '{{name}}您好，旧的。' } });
  await s.xadd(before);
  await until('some to be sent', () => smsc.messages.length >= 10);
  const after = { ...before, texts: { zh: '{{name}}您好，新的。' } };
  const file = s.write('half.json', JSON.stringify({ ...after, audience: {} }));
  const shown = await s.ok('amend', file, '--yes', '--wait', '30');
  assert.match(shown.out, /half becomes version 2:\n {2}first {2}has begun; \d+ wait/);
  assert.match(shown.out, /- 【鼓楼区妇联】\{\{name\}\}您好，旧的。\n.*\+ 【鼓楼区妇联】\{\{name\}\}您好，新的。/);
  assert.match(shown.out, /corrections that will be sent: 0\n/);
  assert.deepEqual(await s.settled('half', 'first', 60000), { delivered: 80 });
  assert.equal(smsc.messages.length, 80);
  const texts = smsc.messages.map((m) => (/旧/.test(m.text) ? 'old' : 'new'));
  const turn = texts.indexOf('new');
  assert.ok(turn >= 10 && turn < 80, `${turn}`);
  assert.deepEqual(texts.slice(turn).filter((t) => t === 'old').length <= slow.window, true);
  for (const p of list) assert.equal(smsc.textsFor(p.sms).length, 1, p.sms);
  await verified(s, 'half');
  // Said once more it is said already; the old one is another, and the word names the command.
  assert.match((await s.ok('amend', file, '--yes')).out, /nothing was changed/);
  assert.equal(await version(s, 'half'), 2);
  // What no reminder shows and no text says stands in lines of its own; what does is not told twice.
  const asked = s.write('asked.json', JSON.stringify({ ...after, audience: {}, event: { ...after.event, contact: '王姐 12345' }, texts: { ...after.texts, en: 'New.' } }));
  const fields = await s.ok('amend', asked, '--yes', '--wait', '30');
  assert.match(fields.out, /half becomes version 3:\n[^]*\n {2}the contact\n {4}was: \(not there\)\n {4}is: +王姐 12345\n {2}the text \(.*\)\n {4}was: \(not there\)\n {4}is: +New\.\n/);
  assert.doesNotMatch(fields.out, /新的/);
  assert.doesNotMatch(shown.out, /the text \(/);
  await s.xadd(before);
  const [rejected] = await until('its refusal', async () => { const all = await s.rejected(); return all.length && all; });
  assert.match(rejected.reason, /outreach amend CAMPAIGN\.conf/);
});

journey('a correction that was being sent when the campaign was amended once more, and came back, reaches her all the same, once', async (s) => {
  const [her] = people(1);
  let held, let_go;
  const gate = new Promise((resolve) => { let_go = resolve; });
  const smsc = await s.smsc(async ({ text }) => {
    if (!/原定/.test(text) || held) return {};
    held = true;
    await gate;
    return { status: 0x58 }; // too fast: not now
  });
  await s.start();
  await s.xadd(event('back', [her], 20));
  assert.deepEqual(await s.settled('back', 'first', 60000), { delivered: 1 });
  await s.xadd(event('back', [her], 27), { op: 'amend' });
  await until('her correction to be under way', () => held, 60000);
  const reworded = event('back', [her], 27);
  reworded.texts.zh += '谢谢。';
  await s.xadd(reworded, { op: 'amend' });
  await until('it to be amended again', async () => (await version(s, 'back')) === 3 && /reminder\.changed .*reminder=corrections version=3/.test(s.log()), 60000);
  let_go();
  await walked(s, 'back');
  assert.deepEqual(await s.settled('back', 'corrections', 60000), { cancelled: 1, delivered: 1 });
  assert.deepEqual(smsc.textsFor(her.sms).filter((text) => /原定/.test(text)), [moved(her, 20, 27)]);
  await verified(s, 'back');
});

journey('a moved event: who was told gets one correction of what she was told, the others the new notice alone', async (s) => {
  const list = people(60);
  const refused = list[0];
  const smsc = await s.smsc(undefined, slow);
  await s.start();
  await s.xadd(event('move', list, 20, '区妇联', { reminders: [{ name: 'first', at: 'now' }, { name: 'eve', at: '-1d 18:00' }] }));
  await until('some to be told', () => smsc.messages.length >= 12 && smsc.textsFor(refused.sms).length > 0);
  await s.ok('optout', 'add', refused.sms);
  const eve = async () => Number(await (await s.redis()).call('HGET', 'outreach:{move}:eve', 'due'));
  const due = await eve();
  await s.xadd(event('move', list, 27, '文化馆', { reminders: [{ name: 'first', at: 'now' }, { name: 'eve', at: '-1d 18:00' }] }), { op: 'amend' });
  await until('the amendment', async () => (await version(s, 'move')) === 2);
  await walked(s, 'move');
  await s.settled('move', 'first', 60000);
  await s.settled('move', 'corrections', 60000);
  assert.equal((await eve()) - due, 7 * 86400e3);
  assert.equal(await (await s.redis()).call('ZSCORE', 'outreach:schedule', 'move/eve'), String(await eve()));
  let corrected = 0;
  for (const p of list) {
    const texts = smsc.textsFor(p.sms);
    if (p === refused) assert.deepEqual(texts, [first(p, 20)]);
    else if (texts.length === 1) assert.deepEqual(texts, [first(p, 27, '文化馆')]);
    else assert.deepEqual(texts, [first(p, 20), moved(p, 20, 27, '文化馆')], (corrected += 1));
  }
  assert.ok(corrected >= 11 && corrected < 60, `${corrected}`);
  assert.deepEqual(await s.counts('move', 'corrections'), { delivered: corrected, 'opted-out': 1 });
  await verified(s, 'move');
  const why = JSON.parse((await s.ok('why', list[1].sms, '--json')).out);
  assert.deepEqual(why.notices.map((c) => c.reminders.map((r) => r.name)), [['first', 'eve'], ['corrections']]);
});

journey('amended again while corrections are sent, and back: each one says what that person knew, and the last is right', async (s) => {
  const list = people(60);
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(event('twice', list, 20));
  assert.deepEqual(await s.settled('twice', 'first', 60000), { delivered: 60 });
  s.settings.gateways[0].rate = '30/s';
  s.settings.gateways[0].window = 4;
  s.writeConf();
  process.kill(s.daemon.pid, 'SIGHUP');
  await until('the lower rate', () => /reload/.test(s.log()));
  await s.xadd(event('twice', list, 21), { op: 'amend' });
  await until('some corrections', () => smsc.messages.length >= 70, 60000);
  await s.xadd(event('twice', list, 23), { op: 'amend' });
  await until('the second', async () => (await version(s, 'twice')) === 3);
  await walked(s, 'twice');
  await s.settled('twice', 'corrections', 60000);
  let both = 0;
  for (const p of list) {
    const texts = smsc.textsFor(p.sms);
    if (texts.length === 3) assert.deepEqual(texts, [first(p, 20), moved(p, 20, 21), moved(p, 21, 23)], (both += 1));
    else assert.deepEqual(texts, [first(p, 20), moved(p, 20, 23)]);
  }
  assert.ok(both >= 8 && both < 60, `${both}`);
  const counts = await s.counts('twice', 'corrections');
  assert.deepEqual(counts, { delivered: 60 + both, cancelled: 60 - both });
  const shown = (await s.ok('why', list[59].sms)).out;
  assert.match(shown, /amended before it left/);
  // Only the words are another: nobody is told of that.
  const words = event('twice', list, 23);
  words.texts.zh += '请准时。';
  await s.xadd(words, { op: 'amend' });
  await until('the third', async () => (await version(s, 'twice')) === 4);
  await walked(s, 'twice');
  assert.deepEqual(await s.counts('twice', 'corrections'), counts);
  await verified(s, 'twice');
});

journey('killed while corrections are planned, the next life goes on: each gets exactly one', async (s) => {
  const list = people(700);
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(event('crash', list, 20));
  assert.deepEqual(await s.settled('crash', 'first', 90000), { delivered: 700 });
  await s.stop();
  // The second page is appended, and nobody has said so.
  await s.start({ env: { OUTREACH_FAULT: 'correct:2' } });
  await s.xadd(event('crash', list, 21), { op: 'amend' });
  await until('the crash', () => s.daemon.how, 60000);
  assert.equal(s.daemon.how.signal, 'SIGKILL');
  await s.start();
  await walked(s, 'crash');
  await until('all corrections', async () => (await s.ledger('crash', 'corrections')).length === 700, 60000);
  await s.settled('crash', 'corrections', 100000);
  for (const p of list) {
    const texts = smsc.textsFor(p.sms);
    assert.deepEqual(texts, [first(p, 20), moved(p, 20, 21)], p.sms);
  }
  await verified(s, 'crash');
}, { timeout: 300000 });

journey('a cancelled event: who was told is told, the rest is not sent, and a second cancel stops that too', async (s) => {
  const list = people(60);
  const smsc = await s.smsc(undefined, slow);
  await s.redisServer(); // which outlives the daemon
  await s.start();
  await s.xadd(event('off', list, 20, '区妇联', { reminders: [{ name: 'first', at: 'now' }, { name: 'eve', at: '-1d 18:00' }] }));
  await until('some to be told', () => smsc.messages.length >= 12);
  const result = JSON.parse((await s.ok('cancel', 'off', '--tell', '--yes', '--json', '--wait', '30')).out);
  assert.equal(result.cancelled, true);
  assert.equal(result.state, 'cancelled');
  await walked(s, 'off');
  await s.settled('off', 'first', 60000);
  await s.settled('off', 'corrections', 60000);
  let told = 0;
  for (const p of list) {
    const texts = smsc.textsFor(p.sms);
    if (texts.length > 0) assert.deepEqual(texts, [first(p, 20), `【鼓楼区妇联】${p.name}您好，${date(20)}的活动取消。`], (told += 1));
  }
  assert.ok(told >= 12 && told < 60, `${told}`);
  assert.deepEqual(await s.counts('off', 'first'), { delivered: told, cancelled: 60 - told });
  assert.deepEqual(await s.counts('off', 'corrections'), { delivered: told });
  assert.match((await s.ok('show', 'off')).out, /off[^]*cancelled, 60 recipients[^]*eve {2}cancelled/);
  await verified(s, 'off');
  // Final.
  await s.xadd(event('off', list, 25), { op: 'amend' });
  const [rejected] = await until('its refusal', async () => { const all = await s.rejected(); return all.length && all; });
  assert.match(rejected.reason, /cancelled; that is final/);

  // Nobody was told of this one: there is nothing to do, and nothing says that it will be.
  await s.xadd(event('early', people(3), 20, '区妇联', { reminders: [{ name: 'eve', at: '-1d 18:00' }] }));
  await until('it to be taken', async () => (await s.outreach('show', 'early')).code === 0, 60000);
  assert.match((await s.ok('cancel', 'early', '--tell', '-y', '--wait', '60')).out, /early is cancelled; what waited is not sent\n$/);
  await walked(s, 'early');
  assert.match((await s.ok('show', 'early')).out, /corrections {2}nobody to tell/);
  assert.equal(JSON.parse((await s.ok('list', '--json')).out).find((c) => c.id === 'early').next_ms, null);

  // Without a daemon nothing has changed yet: 75, and what to do.
  await s.xadd(event('later', people(3), 20, '区妇联', { reminders: [{ name: 'eve', at: '-1d 18:00' }] }));
  await until('it to be taken', async () => (await s.outreach('show', 'later')).code === 0, 60000);
  await s.stop();
  for (const args of [['list'], ['show', 'later']]) assert.match((await s.ok(...args)).out, /no outreachd runs: nothing moves until one does\n/);
  const waits = await s.outreach('cancel', 'later', '--tell', '-y', '--wait', '0');
  assert.equal(waits.code, 75, waits.all);
  assert.match(waits.err, /later is not changed yet: no outreachd runs\. Start it[^]*tell nobody: outreach cancel later\n/);
});

journey('whether anybody was told cannot be read: that is no "nobody", and they are told once it can', async (s) => {
  const list = people(3);
  const smsc = await s.smsc();
  await s.start();
  const client = await s.redis();
  const ledger = 'outreach:{lost}:first:ledger';
  const errors = (words) => s.log().split('\n').filter((l) => /corrections\.error campaign=lost /.test(l) && l.includes(words)).length;
  await s.xadd(event('lost', list, 20));
  assert.deepEqual(await s.settled('lost', 'first'), { delivered: 3 });
  await until('its end', async () => (await client.call('HGET', 'outreach:{lost}:first', 'state')) === 'done');
  await client.call('RENAME', ledger, 'kept');
  await s.xadd(event('lost', list, 27), { op: 'amend' });
  await until('the error', () => errors('the ledger of first: it is lost') === 1);
  // The command does not say that it would be sent to nobody, either.
  const file = s.write('lost.json', JSON.stringify({ ...event('lost', list, 30), audience: {} }));
  const blind = async (words) => {
    const said = await s.outreach('amend', '-y', file);
    assert.equal(said.code, 65, said.all);
    assert.match(said.err, words);
  };
  await blind(/lost the ledger of "first": who was told cannot be read/);
  await client.call('HSET', ledger, 'no', 'ledger');
  await blind(/WRONGTYPE/);
  await s.xadd(event('lost', list, 28), { op: 'amend' });
  await until('the error', () => errors('the ledger of first: WRONGTYPE') === 1);
  await client.call('DEL', ledger);
  await client.call('COPY', 'kept', ledger);
  await client.call('SETRANGE', ledger, '0', 'what');
  await blind(/lost the ledger of "first"/);
  await s.xadd(event('lost', list, 29), { op: 'amend' });
  await until('the error', () => errors('the ledger of first: it is lost') === 2);
  assert.deepEqual(await client.call('HMGET', 'outreach:{lost}', 'correct', 'correct_at'), ['4', '1']);
  await client.call('RENAME', 'kept', ledger);
  await s.xadd(event('lost', list, 30), { op: 'amend' });
  await walked(s, 'lost');
  assert.deepEqual(await s.settled('lost', 'corrections'), { delivered: 3 });
  for (const p of list) assert.deepEqual(smsc.textsFor(p.sms), [first(p, 20), moved(p, 20, 30)]);
  // Nobody was told of this one yet: then there need be no words for it.
  const idle = campaign('idle', list, { texts: { zh: '讲座。' }, event: { starts: inDays(20, '09:00') }, reminders: [{ name: 'eve', at: '-1d 18:00' }] });
  await s.xadd(idle);
  await s.xadd({ ...idle, event: { starts: inDays(27, '09:00') } }, { op: 'amend' });
  await until('the amendment', async () => (await version(s, 'idle')) === 2);
  await walked(s, 'idle');
  // Nor later, when people know of the new day, and of no other.
  const begun = { ...idle, event: { starts: inDays(27, '09:00') }, reminders: [{ name: 'first', at: 'now' }, ...idle.reminders] };
  await s.xadd(begun, { op: 'amend' });
  assert.deepEqual(await s.settled('idle', 'first', 60000), { delivered: 3 });
  await s.xadd({ ...begun, texts: { zh: '讲座！' } }, { op: 'amend' });
  await until('the other words', async () => (await version(s, 'idle')) === 4, 60000);
  await walked(s, 'idle');
  assert.doesNotMatch(s.log(), /corrections\.error campaign=idle/);
});

journey('what an amendment may not be is refused with the reason, and nothing is changed', async (s) => {
  const list = people(4);
  const smsc = await s.smsc(({ to }) => (to.endsWith(list[3].sms.slice(-11)) ? { status: 0x0b } : {}));
  await s.start();
  const good = event('word', list, 20, '区妇联', { reminders: [{ name: 'first', at: 'now' }, { name: 'eve', at: '-1d 18:00' }] });
  await s.xadd(good);
  await s.settled('word', 'first');
  const document = await (await s.redis()).call('HGET', 'outreach:{word}', 'document');
  const refused = async (fields, words) => {
    const file = s.write('word.json', JSON.stringify({ ...good, ...fields, audience: {} }));
    const result = await s.outreach('amend', file, '--yes');
    assert.equal(result.code, 65, result.all);
    assert.match(result.err, words);
  };
  const there = { timezone: 'Asia/Shanghai', venue: '文化馆', starts: good.event.starts };
  await refused({ class: 'notice' }, /class: it is personal/);
  await refused({ channels: ['sms', 'wecom'] }, /channels: they cannot be changed/);
  await refused({ event: there, texts: { zh: '{{name}}' } }, /texts\.moved is missing/);
  await refused({ event: there, texts: { zh: '{{name}}', moved: { en: 'moved' } } }, /texts\.moved/);
  await refused({ texts: { zh: '{{name}}{{age}}' } }, /the texts use "age"/);
  await refused({ event: { ...there, starts: inDays(-1, '09:00') }, reminders: [{ name: 'first', at: 'now' }] }, /it is over, or would be/);
  await refused({ reminders: [{ name: 'eve', at: '-1d 18:00' }] }, /"first" has begun/);
  await refused({ id: 'nobody' }, /there is no campaign nobody/);
  const nobody = await s.outreach('amend', s.write('word.json', JSON.stringify({ ...good, title: '另', audience: {} })));
  assert.equal(nobody.code, 64, nobody.all);
  assert.match(nobody.err, /say -y/);
  // Reminders that say the same are named together: those to come are not left out.
  const reworded = await s.outreach('amend', s.write('word.json', JSON.stringify({ ...good, texts: { ...good.texts, zh: `${good.texts.zh}！` }, audience: {} })));
  assert.deepEqual(reworded.out.match(/text of .*/g), ['text of first, eve (sms):'], reworded.all);
  await s.xadd({ ...good, class: 'notice' }, { op: 'amend' });
  await until('its refusal', async () => (await s.rejected()).some((r) => /class: it is personal/.test(r.reason)));
  assert.equal(await (await s.redis()).call('HGET', 'outreach:{word}', 'document'), document);
  assert.equal(await version(s, 'word'), 1);

  // What has not begun may be taken out, and another one put in.
  await s.ok('amend', s.write('word.json', JSON.stringify({ ...good, audience: {},
    reminders: [{ name: 'first', at: 'now' }, { name: 'again', at: '-3d 10:00' }] })), '--yes', '--wait', '30');
  assert.match((await s.ok('show', 'word')).out, /again {2}scheduled[^]*eve {2}cancelled/);
  await verified(s, 'word');
  assert.deepEqual(list.map((p) => smsc.textsFor(p.sms).length), [1, 1, 1, 0]);

  // A gateway that sends one an hour has no time for two of three: nor do they cost anything.
  const [gateway] = s.settings.gateways;
  const hourly = s.write('hourly.conf', libconfig.write({ ...s.settings, gateways: [{ ...gateway, rate: '1/h' }] }));
  const soon = s.write('soon.json', JSON.stringify({ ...good, event: { ...there, starts: inSeconds(5400) }, audience: {},
    reminders: [{ name: 'first', at: 'now' }] }));
  assert.match((await s.run(['-c', hourly, 'amend', soon])).out,
    /3 people were told before; corrections that will be sent: 1\n {4}no correction goes to 2: expired\n {2}they cost about 0\.0[45] /);

  // As many corrections are announced as are sent: none to who refused, is protected, or was never told.
  await s.ok('optout', 'add', list[0].sms);
  await s.ok('safe', list[1].sms, 'skip');
  assert.match((await s.outreach('cancel', 'word', '--tell')).out,
    /3 people were told before; corrections that will be sent: 1\n {4}no correction goes to 1: opted-out\n {4}no correction goes to 1: /);
  const off = JSON.parse((await s.ok('cancel', 'word', '--tell', '-y', '--json', '--wait', '60')).out);
  assert.deepEqual([off.told, off.corrections, off.not_corrected], [3, 1, { 'opted-out': 1, safe: 1 }]);
  await walked(s, 'word');
  assert.deepEqual(await s.settled('word', 'corrections', 60000), { delivered: 1, 'opted-out': 1, excluded: 1 });
});

journey('of an event that repeats one day moves, then falls out: who was told of that day is told, of no other', async (s) => {
  const list = people(4);
  const LOST = '+8613851409999', GONE = '+8613851409998';
  let gone = false;
  const smsc = await s.smsc(({ to }) => (to === LOST || (gone && to === GONE) ? { status: 0x0b } : {}));
  await s.start();
  const body = (more) => event('series', list, 3, '区妇联', { reminders: [{ name: 'eve', at: '-4d 00:00' }] , ...more });
  const series = (more) => { const b = body(); return { ...b, event: { ...b.event, repeat: 'FREQ=WEEKLY;COUNT=3', ...more } }; };
  const day = (days) => inDays(days).slice(0, 10);
  const name = (days) => `eve-${day(days).replaceAll('-', '')}`;
  await s.xadd(series({}));
  assert.deepEqual(await s.settled('series', name(3), 60000), { delivered: 4 });
  // Another day moves: nobody knew of it, and nobody is told.
  const later = { moved: [`${day(10)} ${inDays(11, '09:00')}`] };
  const asked = await s.outreach('amend', s.write('later.json', JSON.stringify({ ...series(later), audience: {} })));
  assert.match(asked.out, /series becomes version 2:\n {2}eve-.*[^]*\n {2}eve-\d+ {2}.* -> /, asked.all); // no two lines that say the same
  await s.xadd(series(later), { op: 'amend' });
  await until('the amendment', async () => (await version(s, 'series')) === 2, 60000);
  await walked(s, 'series');
  assert.equal(smsc.messages.length, 4);
  // Theirs moves too, with the command, which says so before.
  const theirs = { moved: [...later.moved, `${day(3)} ${inDays(4, '09:00')}`] };
  const file = s.write('series.json', JSON.stringify({ ...series(theirs), audience: {} }));
  const shown = await s.ok('amend', file, '--yes', '--wait', '60');
  assert.match(shown.out, /series becomes version 3:\n {2}was: .*\n {2}is: /);
  assert.match(shown.out, /4 people were told before; corrections that will be sent: 4\n/);
  await walked(s, 'series');
  assert.deepEqual(await s.settled('series', 'corrections', 60000), { delivered: 4 });
  for (const p of list) assert.deepEqual(smsc.textsFor(p.sms), [first(p, 3), moved(p, 3, 4)]);
  // Then it falls out: what they read says the day that they knew last.
  await s.xadd(series({ ...later, except: [day(3)] }), { op: 'amend' });
  await until('the second telling', () => smsc.messages.length === 12, 60000);
  for (const p of list) assert.equal(smsc.textsFor(p.sms)[2], `【鼓楼区妇联】${p.name}您好，${date(4)}的活动取消。`);
  await walked(s, 'series');
  await s.settled('series', 'corrections', 60000);
  assert.match((await s.ok('show', 'series')).out, new RegExp(`${name(10)} {2}scheduled`));
  await verified(s, 'series');
  const retried = await s.run(['-c', s.conf, 'retry', 'series', '-r', '更正', '-y'], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  assert.deepEqual([retried.code, retried.err], [0, ''], 'by the name that it is shown under');
  // Whom its reminder did not reach is on no list any more once that day falls out.
  const fallen = (more) => ({ ...series(more), id: 'fallen', approval: { required: true }, audience: { recipients: [{ sms: LOST, name: '失联' }] } });
  await s.xadd(fallen({}));
  await until('it to be taken', async () => (await version(s, 'fallen')) === 1, 60000);
  await s.ok('approve', 'fallen', '-y', '--by', 'bob');
  assert.deepEqual(await s.settled('fallen', name(3), 60000), { failed: 1 });
  assert.match((await s.ok('uncalled', 'fallen')).out, new RegExp(`tell her: 失联您好，${date(3)}`));
  await s.xadd(fallen({ except: [day(3)] }), { op: 'amend' });
  await until('that day to fall out', async () => (await version(s, 'fallen')) === 2, 60000);
  assert.match((await s.ok('approve', 'fallen', '--dry-run')).out, new RegExp(`${name(3)} {2}that day falls out: 0 that wait are not sent`));
  assert.match((await s.ok('uncalled', 'fallen')).out, /^0 to be told by a person\n/);
  // And whom its end did not reach is told of the next day, not of the first, which is over.
  const weeks = (more) => ({ ...series({ starts: inDays(-4, '09:00'), ...more }), id: 'weeks', audience: { recipients: [{ sms: GONE, name: '李' }] } });
  await s.xadd(weeks({}));
  assert.deepEqual(await s.settled('weeks', name(3), 60000), { delivered: 1 });
  gone = true;
  await s.xadd(weeks({ cancelled: true }), { op: 'amend' });
  assert.deepEqual(await s.settled('weeks', 'corrections', 60000), { failed: 1 });
  assert.match((await s.ok('uncalled', 'weeks')).out, new RegExp(`tell her: 李您好，${date(3)}的活动取消。`));
});

journey('a correction is what the channel says that carries it, also where it goes by the next one', async (s) => {
  const list = people(2, (i) => ({ wecom: `u${i}` }));
  let refuses = false;
  const smsc = await s.smsc(({ to }) => (to === list[0].sms && refuses ? { status: 0x0b } : {}));
  const chat = await s.cloud(undefined, { name: 'chat', channel: 'wecom', signature: 'none' });
  await s.start();
  const body = (days) => event('ways', list, days, '区妇联', { channels: ['sms', 'wecom'],
    texts: { zh: '{{name}}您好，{{event.date}}{{event.time}}，{{event.venue}}。', moved: { zh: MOVED, wecom: { zh: '{{name}}：改到{{event.date}}，详见群公告。' } } } });
  await s.xadd(body(20));
  assert.deepEqual(await s.settled('ways', 'first', 60000), { delivered: 2 });
  refuses = true;
  await s.xadd(body(27), { op: 'amend' });
  await until('the other channel', () => chat.requests.length === 1, 60000);
  assert.deepEqual([chat.requests[0].query.to, chat.requests[0].query.text], ['u0', `${list[0].name}：改到${date(27)}，详见群公告。`]);
  await until('her SMS', () => smsc.textsFor(list[1].sms).length === 2, 60000);
  assert.deepEqual(smsc.textsFor(list[1].sms), [first(list[1], 20), moved(list[1], 20, 27)]);
});
