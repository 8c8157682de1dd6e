'use strict';
// An organizer's calendar (as Outlook and Google export it) becomes campaign files: what ical.js,
// which is no work of ours, says of its events is what the files say.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, DATA } = require('./lib/stage');

const NOW = '2027-03-01T10:00:00+08:00';
const LIST = '姓名,手机号\n王秀英,13851400001\n';

/** Local starts of all occurrences of the event of that UID, by ical.js. */
async function occurrences(file, uid) {
  const { default: ICAL } = await import('ical.js');
  const all = new ICAL.Component(ICAL.parse(fs.readFileSync(file, 'utf8'))).getAllSubcomponents('vevent').map((one) => new ICAL.Event(one));
  const event = all.find((one) => one.uid === uid && !one.isRecurrenceException());
  const found = [];
  const iterator = event.iterator();
  for (let next = iterator.next(); next && found.length < 400; next = iterator.next()) found.push(next.toString().slice(0, 16));
  return found;
}

const events = async (s, ...files) =>
  JSON.parse((await s.ok('plan', '--year', 'all', '--json', ...files)).out).filter((e) => e.kind === 'event').map((e) => e.at);

journey('a calendar of Outlook becomes files that only want a list, and is never imported over them', async (s) => {
  s.drivenClock(NOW);
  s.settings.defaults.timezone = 'Europe/London';
  const ics = path.join(DATA, 'outlook.ics');
  const read = JSON.parse((await s.ok('import', '--json', '--into', s.dir, ics)).out);
  assert.deepEqual(read.map((e) => [e.result, e.trouble]), [['written', null], ['cancelled', null], ['written', null], ['over', null]]);
  const [lectures, , allDay] = read.map((e) => e.file);
  assert.equal(read[0].title, '百场公益讲座：家庭教育、心理健康、法律常识、安全防护 与生活技能（第一季）; 请带 "听课证"');
  const uid = '040000008200E00074C5B7101A82E00800000000306F5C7A1A2DD901000000000000000010000000A1B2C3D4';
  const expected = await occurrences(ics, uid);
  assert.equal(expected.length, 4, 'six Saturdays but for two');
  assert.deepEqual(await events(s, lectures), expected);
  assert.match(fs.readFileSync(lectures, 'utf8'), /timezone = "Asia\/Shanghai"/, '"China Standard Time"');
  assert.deepEqual(await events(s, allDay), ['2027-03-08T00:00']);
  assert.match(fs.readFileSync(allDay, 'utf8'), /ends = "2027-03-09T23:59"/, 'the day behind it is free');
  // With a list they are campaigns.
  s.write('residents.csv', LIST);
  const checked = await s.ok('check', lectures);
  assert.match(checked.out.replaceAll('\n  | ', ''), /王秀英您好，3月6日（周六）上午9:00至10:30在区人力资源市场, 一楼大厅「东门」：百场公益讲座/);
  assert.match(checked.out, /eve-20270313 +2027-03-12 Fri 18:00/);
  assert.match((await s.ok('check', allDay)).out.replaceAll('\n  | ', ''), /王秀英您好，3月8日（周一）至3月9日（周二）：三八节慰问。/);
  // Imported again what is there stays as a person has made it.
  fs.appendFileSync(lectures, '# mine\n');
  assert.match((await s.ok('import', '--into', s.dir, ics)).out, /written 0, already there 2, cancelled 1, over 1/);
  assert.match(fs.readFileSync(lectures, 'utf8'), /# mine\n$/);
  assert.ok(!fs.existsSync(s.state), 'no Redis');
});

journey('a calendar of Google: times in UTC, a series without end, and one that was moved', async (s) => {
  s.drivenClock(NOW);
  const ics = path.join(DATA, 'google.ics');
  const read = JSON.parse((await s.ok('import', '--json', '--into', s.dir, ics)).out);
  assert.deepEqual(read.map((e) => e.result), ['written', 'written', 'written']);
  const [fair, weekly, moved] = read.map((e) => e.file);
  assert.match(path.basename(fair), /^job-fair-2027-[0-9a-f]{8}\.conf$/);
  assert.deepEqual(await events(s, fair), ['2027-06-12T09:00'], 'in Shanghai, as the calendar says');
  const expected = (await occurrences(ics, 'weekly@google.com')).filter((at) => at > '2027-03-01' && at < '2028-02-29' && at !== '2027-04-05T19:00');
  assert.deepEqual(await events(s, weekly), expected, 'for a year, but for the day that was moved');
  assert.deepEqual(await events(s, moved), ['2027-04-07T19:00']);
  s.write('residents.csv', LIST);
  for (const file of [fair, weekly, moved]) await s.ok('check', file);
});

journey('GB18030 is read too; what is no calendar is refused with a sentence', async (s) => {
  s.drivenClock(NOW);
  const lines = ['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'UID:1', 'DTSTART:20270601T090000', 'SUMMARY:', 'END:VEVENT', 'END:VCALENDAR', ''].join('\n');
  const [head, tail] = lines.split('SUMMARY:');
  // 六一 in GB18030
  s.write('wps.ics', Buffer.concat([Buffer.from(`${head}SUMMARY:`), Buffer.from([0xc1, 0xf9, 0xd2, 0xbb]), Buffer.from(tail)]));
  assert.equal(JSON.parse((await s.ok('import', '--json', '--into', s.dir, s.path('wps.ics'))).out)[0].title, '六一');
  s.write('list.csv', LIST);
  const refused = await s.outreach('import', s.path('list.csv'));
  assert.equal(refused.code, 65);
  assert.match(refused.err, /list\.csv: is no calendar: it does not begin with BEGIN:VCALENDAR/);
  assert.equal((await s.outreach('import', s.path('none.ics'))).code, 66);
});
