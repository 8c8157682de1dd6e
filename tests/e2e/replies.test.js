'use strict';
// What residents write back: places are taken and given back by reply, answers counted, refusals
// confirmed once, cries for help told to the duty people, and the rest is kept for a person.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people, until } = require('./lib/stage');

const SOURCE = '1069000038';

/** What was said to a number beyond the first n texts, without the signature. */
const said = (smsc, number, n = 0) => smsc.textsFor(number).slice(n).map((t) => t.replace('【鼓楼区妇联】', ''));
const hears = (smsc, person, text) => until(`${person.name} to hear ${text}`,
  () => said(smsc, person.sms).some((t) => t.includes(text)), 60000);

async function stored(s) {
  const entries = (await (await s.redis()).call('XRANGE', 'outreach:replies', '-', '+')) ?? [];
  return entries.map(([id, flat]) => {
    const fields = { id };
    for (let i = 0; i < flat.length; i += 2) fields[flat[i]] = flat[i + 1];
    return fields;
  });
}

/** The entries of the audit of one kind. */
const audited = async (s, op) => JSON.parse((await s.ok('audit', '--json')).out).filter((e) => e.op === op);

journey('a course of two places: who replies has one, waits for one, gives it back, and only they are reminded', async (s) => {
  const [a, b, c, d, late, never, has, refuses] = people(8);
  s.drivenClock('2027-03-01T09:00:00+08:00');
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('flowers', [a, b, c, d, late, never], {
    class: 'notice', title: { zh: '插花培训', en: 'Flowers' }, hours: '08:00-21:00', event: { starts: '2027-03-08T14:00', timezone: 'Asia/Shanghai' },
    registration: { word: '1', cancel_word: '不去了', capacity: 2, waiting: 1, until: '-1d 12:00' },
    texts: { zh: '{{name}}，插花培训回1报名。', en: 'x', confirmation: { zh: '{{name}}，给您留了座位。' } },
    reminders: [{ name: 'open', at: 'now' },
      { name: 'places', at: '-2d 10:00', only: 'unregistered', texts: { zh: '{{name}}，还可以候补。' } },
      { name: 'eve', at: '-1d 10:00', only: 'registered', texts: { zh: '{{name}}，明天开课。' } },
      { name: 'queue', at: '-1d 10:00', only: 'waiting', texts: { zh: '您在候补。' } }],
  }));
  assert.deepEqual(await s.settled('flowers', 'open'), { delivered: 6 });
  // Of reminders for some nobody knows yet for whom: they are not counted as if they were for all.
  const progress = async () => { const one = JSON.parse((await s.ok('list', '--json')).out).find((c) => c.id === 'flowers'); return [one.through, one.planned, one.more]; };
  assert.deepEqual(await progress(), [6, 6, true]);
  assert.match((await s.ok('list')).out, /^flowers .* 6\/6\+ +100%\n\+: /m);
  const reply = async (person, text) => assert.equal(await smsc.reply(person.sms, SOURCE, text), 0);
  await reply(a, '１');
  await hears(smsc, a, '居民1，给您留了座位。');
  await reply(a, '报名'); // has it, and was told
  await reply(b, '回1报名');
  await hears(smsc, b, '居民2，给您留了座位。');
  await reply(c, '1。');
  await hears(smsc, c, '候补');
  await reply(d, '1');
  await hears(smsc, d, '名额已满，未能为您登记');
  await s.xadd(campaign('talk', [has, refuses], {
    event: { starts: '2027-03-08T14:00', timezone: 'Asia/Shanghai' }, hours: '08:00-21:00',
    registration: { word: '1', capacity: 1, waiting: 1 }, texts: { zh: '讲座回1报名。' },
  }));
  assert.deepEqual(await s.settled('talk', 'first'), { delivered: 2 });
  await reply(has, '1');
  await hears(smsc, has, '已为您登记');
  await reply(refuses, '1');
  await hears(smsc, refuses, '候补');
  await reply(refuses, '退订');
  await hears(smsc, refuses, '您已退订');
  // At night who writes is answered; who has her place since is told in the morning, unless she refused.
  s.clock.sleepTo('2027-03-01T22:00:00+08:00');
  await reply(a, '取消'); // no refusal here: the place goes to whoever waits
  await hears(smsc, a, '已取消您的登记');
  await reply(has, '取消');
  await hears(smsc, has, '已取消您的登记');
  await until('both to wait', async () => (await s.counts('flowers', 'answers')).parked === 1
    && (await s.counts('talk', 'answers')).parked === 1, 60000);
  s.clock.sleepTo('2027-03-02T08:00:01+08:00');
  await hears(smsc, c, '居民3，给您留了座位。');
  assert.deepEqual(await s.settled('talk', 'answers'), { delivered: 4, 'opted-out': 1 });
  assert.equal(said(smsc, refuses.sms).length, 3);
  await reply(never, '几点开始？'); // for a person
  const client = await s.redis();
  for (const who of [a, b, c, d]) assert.equal(await client.call('SISMEMBER', 'outreach:optout', who.sms), 0);
  assert.deepEqual((await stored(s)).filter((r) => r.campaign === 'flowers').map((r) => [r.from, r.kind, r.campaign, r.n]),
    [[a, 'registered', 1], [a, 'registered', 1], [b, 'registered', 2], [c, 'waiting', 3], [d, 'full', 4], [a, 'withdrawn', 1],
      [never, 'reply', 6]].map(([who, kind, n]) => [who.sms, kind, 'flowers', String(n)]));

  s.clock.sleepTo('2027-03-06T10:00:01+08:00');
  assert.deepEqual(await s.settled('flowers', 'places'), { delivered: 4, excluded: 2 });
  s.clock.sleepTo('2027-03-07T10:00:01+08:00');
  assert.deepEqual(await s.settled('flowers', 'eve'), { delivered: 2, excluded: 4 });
  await until('its end', async () => (await client.call('HGET', 'outreach:{flowers}:eve', 'state')) === 'done');
  assert.deepEqual(said(smsc, b.sms).slice(-1), ['居民2，明天开课。']);
  assert.deepEqual(said(smsc, c.sms).slice(-1), ['居民3，明天开课。']);
  // Somebody gives back and somebody comes late: she is reminded too, though the reminder had ended.
  await reply(b, '不去了');
  await hears(smsc, b, '已取消您的登记');
  await reply(late, '1');
  await hears(smsc, late, '居民5，给您留了座位。');
  await hears(smsc, late, '居民5，明天开课。');
  // A ledger that is lost keeps nobody from being reminded in silence.
  assert.deepEqual(await s.settled('flowers', 'queue'), { excluded: 6 });
  const answers = Object.values(await s.settled('flowers', 'answers')).reduce((sum, n) => sum + n, 0);
  const all = 6 + 4 + Object.values({ ...await s.counts('flowers', 'eve'), excluded: 0 }).reduce((sum, n) => sum + n, 0) + answers;
  assert.deepEqual(await progress(), [all, all, false]);
  await client.call('RENAME', 'outreach:{flowers}:queue:ledger', 'kept');
  await reply(never, '1');
  await hears(smsc, never, '候补');
  await until('a word', () => /latecomer\.lost campaign=flowers reminder=queue n=6 reason="its ledger is lost"/.test(s.log()));
  await client.call('RENAME', 'kept', 'outreach:{flowers}:queue:ledger');
  s.clock.sleepTo('2027-03-07T12:00:01+08:00');
  await reply(d, '1');
  await hears(smsc, d, '回复时间已过');
  await until('all to be settled', async () => Object.keys(await s.counts('flowers', 'answers')).join() === 'delivered');
  assert.deepEqual(await s.counts('flowers', 'eve'), { delivered: 3, excluded: 3 });
  assert.equal(said(smsc, a.sms).filter((t) => /留了座位/.test(t)).length, 1);
  assert.deepEqual(said(smsc, b.sms).slice(-2), ['居民2，明天开课。', '已取消您的登记：插花培训。']);
  assert.equal((await s.outreach('verify', 'flowers')).code, 0);
  const why = JSON.parse((await s.ok('why', a.sms, '--json')).out);
  assert.match(JSON.stringify(why), /"filter"/);
  // 取消 from who has no place is what it is everywhere else.
  await reply(d, '取消');
  await until('the refusal', async () => (await client.call('SISMEMBER', 'outreach:optout', d.sms)) === 1);
  await hears(smsc, d, '您已退订');
}, { timeout: 600000 });

journey('a survey is counted, a refusal confirmed once, the rest is for a person, who answers', async (s) => {
  const [a, b, c, refusing, asking, other] = people(6);
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('walk', [a], { extension: '07', registration: {} }));
  assert.deepEqual(await s.settled('walk', 'first'), { delivered: 1 });
  assert.equal(smsc.messages[0].from, `${SOURCE}07`);
  await s.xadd(campaign('survey', [a, b, c, refusing, asking, other], {
    class: 'promotion', title: { zh: '满意度调查' }, answers: { words: ['A', 'B'], counts: 'last' },
    texts: { zh: '{{name}}，满意请回A，不满意请回B。', answered: { zh: '{{name|居民}}，已记录，谢谢。' } },
  }));
  assert.deepEqual(await s.settled('survey', 'first'), { delivered: 6 });
  const reply = async (from, text) => assert.equal(await smsc.reply(from.sms ?? from, SOURCE, text), 0);
  await reply(a, 'ａ');
  await reply(b, 'A');
  await reply(c, '回B');
  await reply(b, 'b'); // thinks again
  await reply(c, 'B'); // says it again
  await hears(smsc, a, '居民1，已记录，谢谢。');
  const sums = JSON.parse((await s.ok('replies', 'survey', '--sums', '--json')).out);
  assert.deepEqual([sums.answers, sums.answered], [{ A: 1, B: 2 }, 3]);
  assert.match((await s.ok('replies', 'survey', '--sums')).out, /^ +1 {2}A\n +2 {2}B\n/);

  // By the number that it was sent to, whatever came last: also from somebody who was told nothing.
  const stray = { name: 'who heard of it', sms: '+8613851408888' };
  assert.equal(await smsc.reply(stray.sms, `${SOURCE}07`, '报名'), 0);
  await hears(smsc, stray, '已为您登记');
  assert.equal(smsc.messages.find((m) => m.to === stray.sms).from, `${SOURCE}07`);
  assert.equal(await smsc.reply(a.sms, `${SOURCE}07`, '报名'), 0);
  await hears(smsc, a, '已为您登记');
  assert.deepEqual(JSON.parse((await s.ok('replies', 'walk', '--registered', '--numbers', '--json')).out).map((r) => [r.to, r.n]),
    [[stray.sms, 0], [a.sms, 0]]);
  assert.deepEqual(JSON.parse((await s.ok('replies', 'survey', '--sums', '--json')).out).registered, 0);

  await reply(refusing, 'ＴＤ');
  await reply(refusing, '退订');
  await hears(smsc, refusing, '您已退订，今后不再向您发送。');
  await reply(asking, '在哪里领奖？');
  await reply(other, '谢谢');
  await reply('+8613899990000', '你们是谁'); // whom nobody has told anything
  const open = JSON.parse((await s.ok('replies', '--json')).out);
  assert.deepEqual(open.map((r) => [r.kind, r.campaign, r.text, r.who]),
    [['reply', 'survey', '在哪里领奖？', ''], ['reply', 'survey', '谢谢', ''], ['reply', '', '你们是谁', '']]);
  assert.equal(open[0].from, '+86138…04', 'numbers are masked');
  assert.match((await s.ok('replies', '--numbers')).out, new RegExp(`\\${asking.sms} 居民5 .*\n    在哪里领奖？\n`));
  const shown = async () => (await audited(s, 'numbers-shown')).map((e) => [e.command, e.count]);
  assert.deepEqual(await shown(), [['replies --registered', '2'], ['replies', '3']], 'who saw whole numbers is on record');

  const [question, thanks, stranger] = open.map((r) => r.id);
  await s.ok('replies', 'assign', asking.sms.slice(3), '王主任'); // by her number, from which one alone waits
  assert.deepEqual(JSON.parse((await s.run(['-c', s.conf, '--by', '王主任', 'replies', '--mine', '--json'])).out).map((r) => r.id), [question]);
  assert.match((await s.ok('replies', 'answer', question, '请到区妇联二楼领取。')).out, /answered.*\n +【鼓楼区妇联】请到区妇联二楼领取。\n/);
  assert.match((await s.ok('replies', 'answer', question, '请到区妇联二楼领取。')).out, /nothing is sent/, 'pressed twice');
  const answered = JSON.parse((await s.ok('replies', '--json')).out).map((r) => r.answered_ms > 0 && r.open);
  assert.deepEqual(answered, [true, false, false], 'what is answered is not closed, and does not look unanswered');
  await hears(smsc, asking, '请到区妇联二楼领取。');
  const noCampaign = await s.outreach('replies', 'answer', stranger, '您好');
  assert.equal(noCampaign.code, 64, noCampaign.all);
  await s.ok('replies', 'answer', stranger, '--campaign', 'survey', '这里是区妇联。');
  await hears(smsc, { name: 'a stranger', sms: '+8613899990000' }, '这里是区妇联。');
  const bad = await s.outreach('replies', 'answer', thanks, '【区妇联】好');
  assert.equal(bad.code, 65, bad.all);
  await s.ok('replies', 'close', question, other.sms);
  assert.deepEqual(JSON.parse((await s.ok('replies', '--json')).out).map((r) => r.id), [stranger]);
  assert.equal((await s.outreach('replies', 'close', '1-1')).code, 65);
  for (const text of ['还有', '一问']) await reply(other, text);
  const both = JSON.parse((await s.ok('replies', '--json')).out).filter((r) => r.campaign === 'survey').map((r) => r.id);
  for (const [args, code, words] of [
    [['close', asking.sms], 65, `nothing that ${asking.sms} wrote waits for a person`],
    [['close', other.sms], 65, `wrote more than once: say which of ${both.join(', ')}\n`],
    [['answer', stranger], 64, 'what is the answer? outreach replies answer ID "TEXT"\n'],
    [['answer', stranger, '请', '来'], 64, 'put the answer in quotes'],
    [['close'], 64, 'replies close: which?'],
    [['assign', stranger], 64, 'to whom?'],
  ]) {
    const wrong = await s.outreach('replies', ...args);
    assert.deepEqual([wrong.code, wrong.err.includes(words), /usage/.test(wrong.err)], [code, true, false], wrong.all);
  }
  await s.ok('replies', 'close', ...both);

  // When and how each refused, the last one last; nothing where nothing is on record.
  const client = await s.redis();
  await s.ok('optout', 'add', '13851409901', '--by', '李主任');
  await client.call('SADD', 'outreach:optout', '+8613851409902'); // as one that is older than all records
  const optouts = (await s.ok('optout', 'list')).out;
  assert.match(optouts, /^NUMBER {5}WHEN {18}HOW\n\+86138…02\n\+86138…03 {2}\d{4}-\d\d-\d\d [A-Z][a-z]{2} \d\d:\d\d {2}reply to survey\n\+86138…01 {2}.{20} {2}entered by 李主任\n3 have opted out\n$/);
  assert.match((await s.run(['-c', s.conf, 'optout', 'list'], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out, /\n\+86138…03 {2}\d{4}-\d\d-\d\d 周. \d\d:\d\d {2}回复 survey\n[^\n]* 李主任 录入\n/);
  assert.match((await s.ok('optout', 'list', refusing.sms, '13851409902')).out,
    /^\+8613851401003 {2}has opted out\n {2}\d{4}-.{15} {2}reply to survey\n\+8613851409902 {2}has opted out\n$/);
  const told = JSON.parse((await s.ok('optout', 'list', '--json')).out);
  assert.deepEqual([told.count, told.masked, told.refusals.map((r) => [r.campaign, r.by])],
    [3, ['+86138…02', '+86138…03', '+86138…01'], [[undefined, undefined], ['survey', ''], ['', '李主任']]]);
  assert.ok(told.refusals[2].at_ms >= told.refusals[1].at_ms && Date.now() - told.refusals[1].at_ms < 600e3);

  // Who has refused is answered only if she asked after that.
  const refusals = JSON.parse((await s.ok('replies', '--all', '--json')).out).filter((r) => r.kind === 'optout');
  assert.equal(refusals.length, 2, JSON.stringify(refusals));
  assert.equal((await s.outreach('replies', 'answer', refusals[1].id, '为什么？')).code, 77);
  await reply(refusing, '请问怎么恢复？');
  const [again] = JSON.parse((await s.ok('replies', 'survey', '--json')).out);
  await s.ok('replies', 'answer', again.id, '可以为您恢复。');
  await hears(smsc, refusing, '可以为您恢复。');
  await until('all to be settled', async () => Object.keys(await s.counts('survey', 'answers')).join() === 'delivered');
  assert.equal(said(smsc, refusing.sms).length, 3, said(smsc, refusing.sms).join('|'));
  assert.deepEqual(said(smsc, asking.sms).slice(1), ['请到区妇联二楼领取。']);
  assert.equal(said(smsc, b.sms).length, 3, 'each answer that counts is confirmed once');
  assert.equal(said(smsc, c.sms).length, 2);
}, { timeout: 600000 });

journey('a cry for help is answered by no machine, and the duty people hear of it until they have it', async (s) => {
  const [woman] = people(1);
  const duty = '+8613851409999';
  let refuse = 1;
  const smsc = await s.smsc((submit) => (submit.to === duty && refuse-- > 0 ? { status: 0x58 } : {}));
  const told = s.path('told');
  const program = s.write('call-duty', `#!/bin/sh\ncat >>${told}\n[ -e ${told}.once ] || { touch ${told}.once; exit 3; }\n`);
  fs.chmodSync(program, 0o700);
  s.settings.alerts = [{ to: `mobile:${duty.slice(3)}` }, { exec: program }]; // as people write it
  await s.start();
  // What was written in 1970 is forgotten, and that is on record; not what nobody has dealt with yet.
  const old = await s.redis();
  for (const [id, kind] of [['1000-1', 'reply'], ['1000-2', 'alarm'], ['1000-3', 'answer']])
    await old.call('XADD', 'outreach:replies', id, 'kind', kind, 'from', woman.sms, 'text', '……', 'campaign', '');
  await old.call('HSET', 'outreach:{outreach:replies}:open', '1000-2', '');
  await until('the closed ones to be forgotten', async () => (await old.call('XLEN', 'outreach:replies')) === 1, 300000);
  assert.equal((await audited(s, 'replies-forgotten'))[0].replies, '2');
  assert.deepEqual(JSON.parse((await s.ok('replies', '--json')).out).map((r) => r.id), ['1000-2']);
  await s.ok('replies', 'close', '1000-2');
  await s.xadd(campaign('course', [woman], { registration: { word: '1' } }));
  assert.deepEqual(await s.settled('course', 'first'), { delivered: 1 });
  assert.equal(await smsc.reply(woman.sms, SOURCE, '他又打我了，救命'), 0);
  await until('the duty people to hear', () => said(smsc, duty).length === 1 && (fs.existsSync(told) && fs.readFileSync(told, 'utf8').split('\n').length === 3), 300000);
  assert.equal(said(smsc, duty)[0], `求助警报：${woman.sms}回复“他又打我了，救命”。请立即联系本人，系统不会自动答复。`);
  const lines = fs.readFileSync(told, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  const { id, ...rest } = lines[0];
  assert.deepEqual(rest, { event: 'alarm', from: woman.sms, campaign: 'course', text: '他又打我了，救命' });
  await until('nobody to be in line', async () => (await (await s.redis()).call('ZCARD', 'outreach:{outreach:replies}:duty')) === 0);
  assert.equal(said(smsc, woman.sms).length, 1, 'no machine answers her');
  // One that an earlier configuration named makes way for those that this one names.
  await (await s.redis()).call('ZADD', 'outreach:{outreach:replies}:duty', '0', `${id} mobile:+8613851409998`);
  await until('both to hear', () => said(smsc, duty).length === 2 && fs.readFileSync(told, 'utf8').split('\n').length === 4, 300000);
  await until('nobody to be in line', async () => (await (await s.redis()).call('ZCARD', 'outreach:{outreach:replies}:duty')) === 0);
  assert.deepEqual(said(smsc, '+8613851409998'), []);
  // Words that are cut within a character of many marks, and over lines, make one that a phone can show.
  assert.equal(await smsc.reply(woman.sms, SOURCE, `救命!\nก${'\u0e34'.repeat(110)}`), 0);
  await until('the duty people to hear', () => said(smsc, duty).length === 3, 300000);
  assert.match(said(smsc, duty)[2], /回复“救命! ก\u0e34{70,80}”。请立即/);
  await until('nobody to be in line', async () => (await (await s.redis()).call('ZCARD', 'outreach:{outreach:replies}:duty')) === 0);
  const open = JSON.parse((await s.ok('replies', '--json')).out).find((r) => r.id === id);
  assert.deepEqual([open.id, open.kind, open.from, open.open], [id, 'alarm', woman.sms, true]);
  assert.equal(await smsc.reply('+8613851400077', SOURCE, '谢谢'), 0);
  await until('thanks to be stored', async () => JSON.parse((await s.ok('replies', '--json')).out).some((r) => r.text === '谢谢'));
  const page = (await s.ok('replies')).out;
  assert.match(page, /^\S+  .*CRY FOR HELP[^]*\n    他又打我了，救命\n[^]*\n    谢谢\n/, 'a cry for help comes before what is newer, whole');
  const listed = (await s.ok('list')).out;
  assert.ok(listed.includes(`\nreplies that wait for a person: ${JSON.parse((await s.ok('replies', '--json')).out).length} (outreach replies)\n`), listed);
  assert.doesNotMatch(listed, /CRY FOR HELP/, 'all have been told');
  assert.match(s.log(), /alarm\.untold .*reason="the program ended with 3"/);
  assert.doesNotMatch(s.log(), /打我了/, 'her words are in no log');
  // A text in answer to it is asked about: a person should call. Who had it still has it.
  await s.ok('replies', 'assign', id, '李主任');
  const careless = await s.outreach('replies', 'answer', id, '请来区妇联。');
  assert.equal(careless.code, 64, careless.all);
  assert.match(careless.err, new RegExp(`cry for help\\. A person should call her: \\${woman.sms}\\.`));
  assert.equal(said(smsc, woman.sms).length, 1, 'nothing is sent');
  const seen = (await audited(s, 'numbers-shown')).at(-1);
  assert.deepEqual([seen.command, seen.campaign, seen.count], ['replies answer', 'course', '1'], 'who saw her number is on record');
  await s.ok('replies', 'answer', id, '-y', '李主任马上打给您。', '--by', 'ann');
  await hears(smsc, woman, '李主任马上打给您。');
  assert.match((await s.ok('replies')).out, /CRY FOR HELP, 李主任 has it; answered by ann, not closed yet\n/);
  const file = s.write('bad.conf', 'campaign = { id = "x"; class = "notice"; title = "t"; event = { starts = "2030-05-18T14:00"; };\n'
    + '  answers = { words = ( "A",\n    "救命" ); };\n  texts = "t"; reminders = ( { name = "a"; at = "-1d"; } ); };\n');
  const check = await s.outreach('check', file);
  assert.notEqual(check.code, 0);
  assert.match(check.all, /bad\.conf:3: .*answers\.words\[1\]/);
}, { timeout: 600000 });
