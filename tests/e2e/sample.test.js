'use strict';
// The sample campaign of the documentation, from the organizer's file to the phone.

const assert = require('node:assert/strict');
const { journey, campaign, inDays, people } = require('./lib/stage');
const { until } = require('./lib/wait');

// As residents read a date: 3月6日（周六） and Sat 6 Mar.
function dateFor(day) {
  const at = new Date(`${day}T00:00:00Z`);
  const [month, date, weekday] = [at.getUTCMonth(), at.getUTCDate(), at.getUTCDay()];
  return {
    zh: `${month + 1}月${date}日（周${'日一二三四五六'[weekday]}）`,
    en: `${['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][weekday]} ${date} ${'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[month]}`,
  };
}

const day = inDays(7);
// The sample as it is, but for the year: its event in a week, its announcement now.
const soon = (text) => text.replaceAll('2027-03-06', day).replace('"-7d 09:30"', '"now"');

async function queueSample(s) {
  s.copy('jobseekers.csv');
  s.copy('job-fair.conf', soon);
  return s.ok('queue', s.path('job-fair.conf'));
}

const ID = 'job-fair-2027-spring';

journey('the sample campaign arrives with the exact texts', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await queueSample(s);
  const counts = await s.settled(ID, 'announce');
  assert.deepEqual(counts, { delivered: 7 });
  const { zh, en } = dateFor(day);
  const expected = (name) =>
    `【鼓楼区妇联】${name}您好，${zh}上午9:00，区人力资源市场一楼大厅办女性专场招聘会，86家企业进场，请带身份证。`;
  assert.deepEqual(smsc.textsFor('+8613851400002'), [expected('李桂芳')]);
  assert.deepEqual(smsc.textsFor('+8613851400003'), [expected('张敏')]);
  assert.deepEqual(smsc.textsFor('+8613851400004'), [
    `【鼓楼区妇联】Maria Lopez: women's job fair ${en} 9:00, District HR Market, ground floor. Bring ID.`,
  ]);
  assert.deepEqual(smsc.textsFor('+8613851400007'), [expected('居民')], 'a missing name has its default');
  assert.deepEqual(smsc.textsFor('+8613851400009'), [expected('孙燕😊')]);
  assert.deepEqual(smsc.textsFor('+8613851400010'), [expected('周敏')], 'full-width digits are a number');
  assert.equal(smsc.textsFor('+8613851400001').length, 1, 'two people on one phone, merged');
  assert.match(smsc.textsFor('+8613851400001')[0], /王秀英/);
  assert.equal(smsc.messages.length, 7);
  assert.equal(smsc.messages[0].from, '1069000038');
  assert.equal(smsc.submits[0].pdu.data_coding, 8, 'Chinese goes as UCS-2');
});

journey('unusable rows are reported by row with what to do, the others are taken', async (s) => {
  await s.smsc();
  const check = await (s.copy('jobseekers.csv'), s.copy('job-fair.conf', soon), s.outreach('check', s.path('job-fair.conf')));
  // Rows of the file, the header being row 1.
  for (const [row, what] of [[7, /025-?83200000|座机|landline|mobile/i], [9, /1385140|short|太短|valid/i], [10, /Excel/i]]) {
    const line = check.all.split('\n').find((l) => new RegExp(`\\b${row}\\b`).test(l) && what.test(l));
    assert.ok(line, `row ${row} is named in\n${check.all}`);
  }
  assert.match(check.all.split('\n').find((l) => /Excel/.test(l)), /text|文本/, 'Excel: format the column as text');
});

journey('the same list in UTF-8 gives the same seven people', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  s.copy('jobseekers.utf8.csv');
  s.copy('job-fair.conf', (text) => soon(text).replace('jobseekers.csv', 'jobseekers.utf8.csv'));
  await s.ok('queue', s.path('job-fair.conf'));
  assert.deepEqual(await s.settled(ID, 'announce'), { delivered: 7 });
  assert.ok(smsc.textsFor('+8613851400002')[0].includes('李桂芳您好'));
});

for (const [what, encode] of [
  ['a byte order mark and CRLF', (t) => `\ufeff${t.replaceAll('\n', '\r\n')}`],
  ['semicolons', (t) => t.replaceAll(',', ';')],
  ['tabs', (t) => t.replaceAll(',', '\t')],
])
  journey(`a CSV with ${what} is read`, async (s) => {
    const smsc = await s.smsc();
    await s.start();
    s.write('list.csv', encode('姓名,手机号,语言\n"王 ""小"" 英",13851400001,中文\nAnn,13851400002,en\n'));
    s.copy('job-fair.conf', (text) => soon(text).replace('jobseekers.csv', 'list.csv'));
    await s.ok('queue', s.path('job-fair.conf'));
    assert.deepEqual(await s.settled(ID, 'announce'), { delivered: 2 });
    assert.match(smsc.textsFor('+8613851400001')[0], /王 "小" 英您好/);
    assert.match(smsc.textsFor('+8613851400002')[0], /Ann: women's job fair/);
  });

journey('reminders that lie ahead wait, and show says when', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await queueSample(s);
  await s.settled(ID, 'announce');
  const show = await s.ok('show', ID);
  assert.match(show.out, /eve/);
  assert.match(show.out, /today/);
  const due = await (await s.redis()).call('ZSCORE', 'outreach:schedule', `${ID}/eve`);
  assert.equal(Number(due), Date.parse(`${day}T18:00:00+08:00`) - 86400e3, 'the evening before, Shanghai time');
  assert.equal(smsc.messages.length, 7);
});

journey('show prints the equation and verify counts the ledger itself', async (s) => {
  await s.smsc((submit) => (submit.to === '+8613851400003' ? { status: 0x0b } : {}));
  await s.start();
  await queueSample(s);
  await s.settled(ID, 'announce');
  const show = await s.ok('show', ID);
  const equation = show.out.split('\n').find((l) => /planned/.test(l) && /=/.test(l));
  assert.ok(equation, show.out);
  assert.ok(/\b7\b/.test(equation) && /\b6\b/.test(equation) && /\b1\b/.test(equation), equation);
  const verify = await s.ok('verify', ID);
  assert.match(verify.all, /announce/);
  // Of every campaign where none is named. And queue takes -y, which it needs not.
  await s.ok('queue', '-y', s.write('two.json', JSON.stringify(campaign('two', people(2)))));
  await s.settled('two', 'first');
  assert.deepEqual((await s.ok('verify')).out.match(/^[^ ]+\/(?=announce|first)/gm), [`${ID}/`, 'two/']);
  assert.equal((await s.outreach('verify', '--repair')).code, 64, 'which?');
  // Someone tampers with a counter: verify says so.
  const redis = await s.redis();
  const key = `outreach:{${ID}}:announce`;
  assert.equal((await redis.hash(key)).c5, '6', 'counters are named after the state');
  await redis.call('HSET', key, 'c5', 5);
  const wrong = await s.outreach('verify', ID);
  assert.notEqual(wrong.code, 0, wrong.all);
  const all = await s.outreach('verify', '--json');
  assert.deepEqual([all.code, JSON.parse(all.out).map((c) => [c.id, c.ok])], [70, [[ID, false], ['two', true]]]);
});

journey('why tells what became of one number', async (s) => {
  await s.smsc((submit) => (submit.to === '+8613851400003' ? { status: 0x0b } : {}));
  await s.start();
  await queueSample(s);
  await s.settled(ID, 'announce');
  const good = await s.ok('why', '138 5140 0002');
  assert.match(good.out, /job-fair-2027-spring/);
  assert.match(good.out, /delivered|送达/);
  const bad = await s.ok('why', '+8613851400003');
  assert.match(bad.out, /failed|失败/);
});

journey('a Chinese and an English text are cut as the standard says', async (s) => {
  const smsc = await s.smsc(undefined, { signature: 'none' });
  await s.start();
  // A text of n characters for one person, who is billed for so many segments.
  const facts = [
    ['en', 'a'.repeat(160), 1, 0], ['en', 'a'.repeat(161), 2, 0], ['en', '€'.repeat(80), 1, 0], ['en', '€'.repeat(81), 2, 0],
    ['zh', '妇'.repeat(70), 1, 8], ['zh', '妇'.repeat(71), 2, 8], ['zh', `${'妇'.repeat(66)}😀${'女'.repeat(10)}`, 2, 8],
  ];
  for (const [i, [language, text, parts, coding]] of facts.entries()) {
    const to = `+861385140002${i}`;

    await s.xadd(campaign(`cut-${i}`, [{ sms: to, name: 'x', language }], { texts: { [language]: text } }));
    await s.settled(`cut-${i}`, 'first');
    const message = await until(`message ${i}`, () => smsc.messages.find((m) => m.to === to));
    assert.equal(message.text, text);
    assert.equal(message.parts, parts, `${text.slice(0, 1)} x ${[...text].length}`);
    assert.equal(message.submits[0].pdu.data_coding, coding);
    // The ledger keeps both: the ids to come, one a part, and what is billed. In the mainland that
    // is 70 characters, or 67 each, whatever the alphabet.
    const units = text.length;
    const record = (await s.ledger(`cut-${i}`, 'first'))[0];
    assert.equal(record.ids, parts);
    assert.equal(record.segments, units <= 70 ? 1 : Math.ceil(units / 67));
  }
});
