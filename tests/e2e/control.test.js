'use strict';
// Pause, resume, cancel; refusals, hours, expiry, limits.

const assert = require('node:assert/strict');
const { journey, campaign, people, inDays, inSeconds } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

journey('pause stops sending within a window, resume goes on, nobody is left out or told twice', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '40/s', window: 10 });
  await s.start();
  await s.xadd(campaign('pause', people(80)));
  await until('the first ten', () => smsc.submits.length >= 10);
  await s.ok('pause', 'pause');
  const at = smsc.submits.length;
  await pause(700);
  assert.ok(smsc.submits.length <= at + 10, `${smsc.submits.length - at} were sent after the pause`);
  const still = smsc.submits.length;
  await pause(700);
  assert.equal(smsc.submits.length, still);
  await s.ok('resume', 'pause');
  assert.deepEqual(await s.settled('pause', 'first'), { delivered: 80 });
  assert.equal(new Set(smsc.messages.map((m) => m.to)).size, 80);
  assert.equal(smsc.messages.length, 80);
});

journey('a pause that was asked for before a person has resumed does not come back when a daemon reads it', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '40/s', window: 10 });
  await s.redisServer();
  await s.start();
  await s.xadd(campaign('order', people(60)));
  await until('the first ten', () => smsc.submits.length >= 10);
  await s.stop();
  const client = await s.redis();
  await client.call('XADD', 'outreach:events', '*', 'op', 'pause', 'campaign', 'order', 'by', 'ann');
  await s.ok('resume', 'order');
  await s.start();
  await until('it to be read', () => /event\.old id=\S+ op=pause campaign=order/.test(s.log()));
  assert.deepEqual(await s.settled('order', 'first'), { delivered: 60 });
  // One that is asked for after it counts, and so does a cancel that was asked for before.
  await s.xadd(campaign('final', people(600)));
  await until('more', () => smsc.submits.length >= 70);
  await client.call('XADD', 'outreach:events', '*', 'op', 'pause', 'campaign', 'final', 'by', 'ann');
  await until('it to be paused', async () => (await client.call('HGET', 'outreach:{final}', 'state')) === 'paused');
  await s.stop();
  await client.call('XADD', 'outreach:events', '*', 'op', 'cancel', 'campaign', 'final', 'by', 'ann');
  await s.ok('resume', 'final');
  await s.start();
  assert.ok((await s.settled('final', 'first')).cancelled > 500);
  assert.deepEqual(await s.rejected(), []);
});

journey('cancel wins: what was not sent is cancelled, for good', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '40/s', window: 10 });
  await s.start();
  await s.xadd(campaign('cancel', people(600)));
  await until('the first ten', () => smsc.submits.length >= 10);
  await s.ok('cancel', '-y', 'cancel');
  const at = smsc.submits.length;
  const counts = await s.settled('cancel', 'first');
  assert.ok(smsc.submits.length <= at + 10);
  assert.equal(counts.cancelled + counts.delivered, 600);
  assert.equal(counts.delivered, smsc.submits.length);
  const late = await s.outreach('resume', 'cancel');
  await pause(300);
  assert.equal(smsc.submits.length, counts.delivered, late.all);
});

journey('texts that change while it flows: a window of the old ones at most, then the new, nobody twice', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '40/s', window: 10 });
  await s.start();
  const client = await s.redis();
  await s.xadd(campaign('texts', people(120)));
  await until('the first ten', () => smsc.submits.length >= 10);
  // What an amendment writes: the document and, in the same step, each reminder's version of it.
  const document = (await client.call('HGET', 'outreach:{texts}', 'document')).replaceAll('请到', '改到');
  await client.call('EVAL', "redis.call('HSET', KEYS[1], 'document', ARGV[1]) return redis.call('HSET', KEYS[2], 'tv', 2)",
    '2', 'outreach:{texts}', 'outreach:{texts}:first', document);
  const at = smsc.submits.length;
  assert.deepEqual(await s.settled('texts', 'first', 60000), { delivered: 120 });
  const late = smsc.submits.slice(at).filter((one) => one.text.includes('请到'));
  assert.ok(late.length <= 10, `${late.length} of the old texts came later`);
  assert.ok(smsc.submits.filter((one) => one.text.includes('改到')).length >= 60);
  assert.equal(new Set(smsc.submits.map((one) => one.to)).size, 120);
  assert.equal(smsc.submits.length, 120);
});

journey('pause, resume and cancel work while no daemon runs', async (s) => {
  const smsc = await s.smsc();
  s.copy('jobseekers.csv');
  s.copy('job-fair.conf', (t) => t.replaceAll('2027-03-06', inDays(7)).replace('"-7d 09:30"', '"now"'));
  await s.ok('queue', s.path('job-fair.conf'));
  await s.start();
  await s.settled('job-fair-2027-spring', 'announce');
  await s.stop();
  await s.ok('cancel', '-y', 'job-fair-2027-spring');
  await s.start();
  assert.match((await s.ok('show', 'job-fair-2027-spring')).out, /cancelled/);
  assert.equal(smsc.messages.length, 7);
});

journey('a cancel that nobody confirmed is refused; a second one changes nothing; the id is spent', async (s) => {
  const smsc = await s.smsc();
  s.copy('jobseekers.csv');
  s.copy('job-fair.conf', (t) => t.replaceAll('2027-03-06', inDays(9)));
  await s.start();
  const queued = await s.ok('queue', s.path('job-fair.conf'));
  assert.doesNotMatch(queued.out, /as soon as outreachd runs/);
  const refused = await s.outreach('cancel', 'job-fair-2027-spring');
  assert.equal(refused.code, 64);
  assert.match(refused.err, /job-fair-2027-spring.*-y/);
  assert.match((await s.ok('list')).out, /active/);
  await s.ok('cancel', '-y', 'job-fair-2027-spring');
  assert.match((await s.ok('cancel', 'job-fair-2027-spring')).out, /was cancelled before/);
  const again = await s.outreach('queue', s.path('job-fair.conf'));
  assert.equal(again.code, 65);
  assert.match(again.err, /was cancelled.*another id/);
  assert.doesNotMatch((await s.ok('why', '13851400002')).out, /submitted|mobile/);
  assert.equal(smsc.messages.length, 0);
});

journey('a campaign that does not exist is an error that names it', async (s) => {
  await s.smsc();
  await s.start();
  for (const command of ['show', 'pause', 'cancel', 'logs']) {
    const result = await s.outreach(command, ...(command === 'logs' ? ['--campaign'] : []), 'nobody-knows');
    assert.notEqual(result.code, 0);
    assert.match(result.err, /nobody-knows/);
  }
});

journey('who refused is never sent anything', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const list = people(3);
  await (await s.redis()).call('SADD', 'outreach:optout', list[1].sms);
  await s.xadd(campaign('refuse', list, { class: 'notice' }));
  assert.deepEqual(await s.settled('refuse', 'first'), { delivered: 2, 'opted-out': 1 });
  assert.deepEqual(smsc.textsFor(list[1].sms), []);
});

journey('a refusal that comes by SMS while it flows stops what has not left, on the very next intent', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '40/s', window: 10 });
  await s.start();
  await s.xadd(campaign('flow', people(120)));
  await until('the first ten', () => smsc.submits.length >= 10);
  const words = ['T', 'ｔｄ', '退 订', '请不要再发', '【拒收】'];
  const refusing = people(120).slice(20).filter((_, i) => i % 4 === 0).map((p) => p.sms);
  for (const [i, from] of refusing.entries()) assert.equal(await smsc.reply(from, '1069000038', words[i % words.length]), 0);
  const before = smsc.submits.length;
  const counts = await s.settled('flow', 'first', 60000);
  const late = smsc.submits.slice(before).filter((one) => refusing.includes(one.to));
  assert.ok(late.length <= 10, `${late.length} were sent to after their refusals had been acknowledged`);
  assert.equal(counts.delivered, smsc.submits.length);
  assert.equal(counts['opted-out'], 120 - smsc.submits.length);
  assert.ok(counts['opted-out'] > 10, 'refusals were met');
});

journey('while nobody can tell who refused nothing is sent, and nobody is taken for one who did', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const client = await s.redis();
  await client.call('RENAME', 'outreach:optout', 'outreach:aside');
  await client.call('SET', 'outreach:optout', 'not a set');
  await s.xadd(campaign('blind', people(3)));
  await until('the gate to hold them', () => /optout.error/.test(s.log()));
  await pause(300);
  assert.equal(smsc.submits.length, 0);
  await client.call('RENAME', 'outreach:aside', 'outreach:optout');
  assert.deepEqual(await s.settled('blind', 'first'), { delivered: 3 });
});

journey('a reminder that is cancelled at the last moment leaves no mark on what a person may get', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '4/s', window: 20 });
  s.settings.defaults.per_recipient = ['1/day'];
  await s.start();
  const list = people(20);
  await s.xadd(campaign('gone', list));
  await until('the first two', () => smsc.submits.length >= 2);
  await s.ok('cancel', '-y', 'gone');
  const counts = await s.settled('gone', 'first');
  const told = new Set(smsc.submits.map((one) => one.to));
  await s.xadd(campaign('next', list, { reminders: [{ name: 'first', at: 'now' }] }));
  await s.counted('next', 'first', { delivered: counts.cancelled, parked: told.size }, 30000);
});

journey('a refusal on a channel without telephone numbers is kept as the name that it came from', async (s) => {
  s.settings.gateways.push({
    name: 'chat', plugin: 'sandbox', channel: 'wecom', replies: 100, reply_text: 'TD', reply_delay: '10ms',
  });
  await s.start();
  await s.xadd(campaign('chat', [{ wecom: '13851401000', name: '居民' }], { channels: ['wecom'] }));
  await until('the refusal', async () => (await s.refused()).length === 1);
  assert.deepEqual(await s.refused(), ['13851401000']);
  await s.xadd(campaign('chat-2', [{ wecom: '13851401000', name: '居民' }], { channels: ['wecom'] }));
  assert.deepEqual(await s.settled('chat-2', 'first'), { 'opted-out': 1 });
});

journey('outside the allowed hours notices are held, not dropped', async (s) => {
  const smsc = await s.smsc();
  // Allowed for an hour that begins two hours from now, in Shanghai.
  const [opens, closes] = [inSeconds(7200).slice(0, 16), inSeconds(10800).slice(0, 16)];
  s.settings.defaults.hours = `${opens.slice(11)}-${closes.slice(11)}`;
  await s.start();
  await s.xadd(campaign('night', people(3), { class: 'notice' }));
  await until('the campaign', async () => (await s.ledger('night', 'first')).length === 3 || (await (await s.redis()).call('ZSCORE', 'outreach:schedule', 'night/first')));
  await pause(1000);
  assert.equal(smsc.submits.length, 0);
  await until('the list to say until when', async () =>
    JSON.parse((await s.ok('list', '--json')).out)[0].next_ms === Date.parse(`${opens}+08:00`), 60000);
  // And why it waits, in both languages; to whom a person has to go it will not be sent at all.
  const [one, other, third] = people(3);
  await s.ok('safe', other.sms, 'skip');
  await s.ok('safe', third.sms, 'neutral');
  const why = async (who) => JSON.parse((await s.ok('why', who.sms, '--json')).out).notices[0].reminders[0];
  const [held, kept] = [await why(one), await why(other)];
  assert.deepEqual([held.waits_for, held.opens_ms, held.kept_back, kept.kept_back], ['hours', Date.parse(`${opens}+08:00`), false, true]);
  const [day, hour] = opens.split('T');
  assert.match((await s.ok('why', one.sms)).out, new RegExp(`\\n {16}held until its allowed hours begin: ${day} \\w+ ${hour}\\n`));
  assert.match((await s.ok('why', other.sms)).out, /will not be sent, due [^\n]*\n {16}protected: not sent by machine; tell her in person\n/);
  for (const { sms } of [other, third]) // the third: by a neutral text only, which it has none of
    assert.match((await s.ok('proof', sms, 'night')).out, /will not be sent[^]*protected: not sent by machine/);
  const zh = async (who) => (await s.run(['-c', s.conf, 'why', who.sms], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out;
  assert.match(await zh(one), new RegExp(`不在允许时段，等到 ${day} 周. ${hour} 再发\\n`));
  assert.match(await zh(other), /不发送，[^\n]*\n {16}受保护居民：系统不发送，请由专人告知\n/);
  // One that is over before the hours begin waits for none.
  await s.xadd(campaign('short', people(1), { class: 'notice', reminders: [{ name: 'first', at: 'now', expires: inSeconds(3600) }] }));
  await until('it to be taken', async () => (await s.outreach('show', 'short')).code === 0, 60000);
  assert.match((await s.ok('why', one.sms, '--campaign', 'short')).out, /\n {16}its allowed hours do not begin before it is over: 20\d\d-/);
  const states = Object.keys(await s.counts('night', 'first'));
  assert.deepEqual(states.filter((x) => !['untouched', 'parked'].includes(x)), []);
});

journey('what would come too late is expired, not sent', async (s) => {
  const smsc = await s.smsc();
  await smsc.stop();
  await s.start();
  // Two minutes resolution would be long: the end of the reminder is said to the second.
  await s.xadd(campaign('late', people(4), { reminders: [{ name: 'first', at: 'now', expires: inSeconds(2) }] }));
  assert.deepEqual(await s.settled('late', 'first', 30000), { expired: 4 });
  await smsc.start();
  await smsc.bound();
  await pause(300);
  assert.equal(smsc.submits.length, 0);
});

journey('a person gets no more than her limit over all campaigns', async (s) => {
  const smsc = await s.smsc();
  s.settings.defaults.per_recipient = ['2/day'];
  await s.start();
  for (const id of ['one', 'two', 'three']) {
    await s.xadd(campaign(id, people(1), { class: 'notice' }));
    await until(id, async () => Object.keys(await s.counts(id, 'first')).some((x) => ['delivered', 'capped', 'parked'].includes(x)));
  }
  await pause(500);
  assert.equal(smsc.messages.length, 2);
});

journey('opt-out line and signature are there once, where the class asks for them', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('promo', people(1), { class: 'promotion' }));
  await s.settled('promo', 'first');
  const [text] = smsc.textsFor(people(1)[0].sms);
  assert.equal(text, '【鼓楼区妇联】居民1您好，请到区妇联。拒收请回复R');
});

journey('several campaigns at once get fair shares', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '50/s' });
  await s.start();
  for (const id of ['a', 'b'])
    await s.xadd(campaign(id, people(100, (i) => ({ sms: `+86138514${id === 'a' ? 3 : 4}${String(i).padStart(4, '0')}` }))));
  await until('eighty', () => smsc.submits.length >= 80);
  const a = smsc.submits.slice(0, 80).filter((one) => one.to.startsWith('+861385143')).length;
  assert.ok(a >= 20 && a <= 60, `${a} of 80 were the first one's`);
});
