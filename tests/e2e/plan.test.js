'use strict';
// The year's plan: events that repeat, the plan for people, and as a calendar that ical.js,
// which is no work of ours, reads.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, campaign, people, ROOT } = require('./lib/stage');
const { until } = require('./lib/wait');

const series = (fields = {}) => campaign('lectures', people(3), {
  title: '公益讲座',
  event: { starts: '2027-03-06T09:00', ends: '2027-03-06T10:30', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' },
    repeat: 'FREQ=WEEKLY;BYDAY=SA;COUNT=4', except: ['2027-03-20'] },
  texts: { zh: '{{name}}您好，{{event.date}}{{event.time}}讲座。' },
  reminders: [{ name: 'eve', at: '-1d 18:00' }],
  ...fields,
});

/** What an .ics holds: { uid: { summary, location, start, end } }, times as ISO in UTC. */
async function calendar(text) {
  const { default: ICAL } = await import('ical.js');
  for (const line of text.split('\r\n')) {
    assert.ok(Buffer.byteLength(line) <= 75, `a line of ${Buffer.byteLength(line)} bytes: ${line}`);
    assert.doesNotMatch(line, /[\n\r\ufffd]/);
  }
  const found = {};
  for (const one of new ICAL.Component(ICAL.parse(text)).getAllSubcomponents('vevent')) {
    const event = new ICAL.Event(one);
    const iso = (name) => one.getFirstPropertyValue(name)?.toJSDate().toISOString().replace(':00.000Z', '');
    assert.equal(found[event.uid], undefined, `${event.uid} is there twice`);
    assert.ok(one.getFirstPropertyValue('dtstamp'), 'RFC 5545 wants it');
    found[event.uid] = { summary: event.summary, location: event.location, start: iso('dtstart'), end: iso('dtend') };
  }
  return found;
}

journey('an event that repeats reminds before each occurrence, with its date, once', async (s) => {
  const clock = s.drivenClock('2027-03-05T17:58:00+08:00');
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(series());
  await until('the schedule', async () => (await (await s.redis()).call('ZCARD', 'outreach:schedule')) === 3);
  clock.sleepTo('2027-03-05T18:00:05+08:00');
  assert.deepEqual(await s.settled('lectures', 'eve-20270306'), { delivered: 3 });
  clock.sleepTo('2027-03-12T18:00:05+08:00');
  assert.deepEqual(await s.settled('lectures', 'eve-20270313'), { delivered: 3 });
  clock.sleepTo('2027-03-26T18:00:05+08:00'); // there is none on the 20th
  assert.deepEqual(await s.settled('lectures', 'eve-20270327'), { delivered: 3 });
  assert.deepEqual(smsc.textsFor('+8613851401000'), ['3月6日（周六）', '3月13日（周六）', '3月27日（周六）']
    .map((day) => `【鼓楼区妇联】居民1您好，${day}上午9:00讲座。`));
  await s.ok('verify', 'lectures');
});

journey('the plan shows what is queued and what lies in campaigns/, each once, in the order of time', async (s) => {
  s.drivenClock('2027-03-01T10:00:00+08:00');
  await s.smsc();
  fs.mkdirSync(s.path('campaigns'));
  s.write('campaigns/lectures.json', JSON.stringify(series({ title: '旧稿' })));
  s.write('campaigns/fair.json', JSON.stringify(campaign('fair', people(2), {
    title: '一个名字很长很长很长很长很长很长很长很长很长很长的招聘会', event: { starts: '2027-03-06T08:00' }, texts: { zh: '招聘会' }, reminders: [{ name: 'week', at: '-1w 18:00' }] })));
  s.write('campaigns/summer.json', JSON.stringify({ ...campaign('summer', [], { title: '夏令营', event: { starts: '2027-07-05T09:00' }, texts: { zh: '{{name|居民}}您好，{{event.when}}夏令营' },
    reminders: [{ name: 'eve', at: '-1d 18:00' }] }), audience: { file: 'not-yet.csv' } }));
  s.write('campaigns/broken.conf', 'campaign = { id = "broken"; };\n');
  s.write('campaigns/org.conf', 'signature = "【鼓楼区妇联】";\nvars = { office = "区妇联"; };\n'); // what campaigns include
  await s.start();
  await s.xadd(series());
  await until('the schedule', async () => (await (await s.redis()).call('ZCARD', 'outreach:schedule')) === 3);
  const shown = await s.run(['-c', s.conf, 'plan'], { env: { LC_ALL: 'zh_CN.UTF-8', COLUMNS: '80' } });
  assert.equal(shown.code, 65, 'for the broken one');
  assert.deepEqual(shown.err.match(/broken\.conf 第 1 行 `campaign`：缺少 \w+/g).map((told) => told.match(/\w+$/)[0]), ['class', 'title', 'event', 'reminders'], 'every mistake of it');
  assert.match(shown.err, /org\.conf 不是活动文件/, 'and is not counted as a broken one');
  assert.deepEqual(shown.out.split('\n').slice(1, -1).map((line) => line.trim().split(/\s+/).join(' ')), [
    '2027年2月',
    '27 周六 18:00 week fair 一个名字很长很长很长很长很长很长很长很长很长很长的招聘会 2 未排队',
    '2027年3月',
    '05 周五 18:00 eve-20270306 lectures 公益讲座 3 已排期',
    '06 周六 8:00 活动 fair 一个名字很长很长很长很长很长很长很长很长很长很长的招聘会 2 未排队',
    '06 周六 9:00 活动 lectures 公益讲座 3 生效',
    '12 周五 18:00 eve-20270313 lectures 公益讲座 3 已排期',
    '13 周六 9:00 活动 lectures 公益讲座 3 生效',
    '26 周五 18:00 eve-20270327 lectures 公益讲座 3 已排期',
    '27 周六 9:00 活动 lectures 公益讲座 3 生效',
    '2027年7月',
    '04 周日 18:00 eve summer 夏令营 ? 未排队',
    '05 周一 9:00 活动 summer 夏令营 ? 未排队',
  ]);
  const one = JSON.parse((await s.outreach('plan', '--json')).out).find((e) => e.reminder === 'eve-20270313');
  assert.deepEqual([one.at, one.at_ms, one.people, one.state], ['2027-03-12T18:00', Date.parse('2027-03-12T18:00+08:00'), 3, 'scheduled']);
  // Of files that are named it is known, too, which of them are queued; but not where nobody is asked.
  const named = await s.run(['-c', s.conf, 'plan', s.path('campaigns')], { env: { LC_ALL: 'zh_CN.UTF-8', COLUMNS: '80' } });
  assert.equal(named.out, shown.out);
  assert.match((await s.ok('plan', s.path('campaigns/lectures.json'))).out, /eve-20270313 +lectures +公益讲座 +3 +scheduled\n/);
  assert.match((await s.ok('plan', s.path('campaigns/fair.json'))).out, /week .* 2 +not queued\n/);
  assert.match((await s.ok('plan', s.path('campaigns/lectures.json'), '--offline')).out, /eve-20270313 +lectures +旧稿 +3 +file\n/);
  assert.match((await s.outreach('plan', '--offline')).out, /eve-20270313 +lectures +旧稿 +3 +file\n/, 'nor of those of campaigns/');
  assert.equal((await s.outreach('plan', '--offline', '--queued')).code, 64);
  assert.match((await s.outreach('plan', '--year', '2031')).out, /nothing is planned in 2031 .*\n$/);
  assert.match((await s.outreach('plan', '--year', '2020')).out, /nothing is planned in 2020 .*\nand \d+ after that year: --year 2027, or --year all\n/);
});

journey('the plan is a calendar that another parser reads: texts, times, and UIDs that stay', async (s) => {
  const title = '招聘会；第一场, 第二场; 带\\ 身份证 '.repeat(4).trim();
  s.write('fair.json', JSON.stringify(campaign('fair', people(2), {
    title, event: { starts: '2027-03-28T01:30', ends: '2027-03-28T03:30', timezone: 'Europe/Berlin', venue: { zh: '区人力资源市场\n一楼, 大厅' } },
    reminders: [{ name: 'eve', at: '-1d 18:00' }] })));
  s.write('lectures.json', JSON.stringify(series()));
  const files = [s.path('fair.json'), s.path('lectures.json')];
  const feed = await s.ok('plan', '--ics', ...files);
  const found = await calendar(feed.out);
  const lecture = (day) => ({ summary: '公益讲座', location: '区妇联', start: `2027-03-${day}T01:00`, end: `2027-03-${day}T02:30` });
  const eve = (day) => ({ summary: `Reminder eve-202703${day + 1 < 10 ? '0' : ''}${day + 1}: 公益讲座`, location: null, start: `2027-03-${String(day).padStart(2, '0')}T10:00`, end: undefined });
  assert.deepEqual(found, {
    // Summer time begins between its start and its end.
    'fair@outreach': { summary: title, location: '区人力资源市场\n一楼, 大厅', start: '2027-03-28T00:30', end: '2027-03-28T01:30' },
    'fair/eve@outreach': { summary: `Reminder eve: ${title}`, location: null, start: '2027-03-27T17:00', end: undefined },
    'lectures@20270306.outreach': lecture('06'), 'lectures/eve-20270306@outreach': eve(5),
    'lectures@20270313.outreach': lecture('13'), 'lectures/eve-20270313@outreach': eve(12),
    'lectures@20270327.outreach': lecture('27'), 'lectures/eve-20270327@outreach': eve(26),
  });
  const again = await calendar((await s.ok('plan', '--ics', ...files.reverse())).out);
  assert.deepEqual(Object.keys(again).sort(), Object.keys(found).sort());
  assert.ok(!fs.existsSync(s.state), 'no Redis for files alone');
});

journey('the samples of conf/campaigns are a plan', async (s) => {
  const shown = await s.ok('plan', '--year', '2027', path.join(ROOT, 'conf/campaigns'));
  assert.match(shown.out, /^ {2}06 Sat +9:00 +EVENT +job-fair-2027-spring +春风送岗位女性专场招聘会 +\d+ +not queued$/m);
});
