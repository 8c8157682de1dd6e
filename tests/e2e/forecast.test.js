'use strict';
// outreach forecast: what it says before is what the operators count afterwards.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, inDays } = require('./lib/stage');

const conf = (fields) => `campaign = { id = "fair"; class = "notice"; title = "招聘会";
  event = { starts = "${inDays(9, '09:00')}"; venue = "区妇联"; }; audience = { file = "list.csv"; };
  ${fields} };\n`;

const told = async (s, file, ...more) => {
  const { out } = await s.ok('forecast', file, '--json', ...more);
  assert.doesNotMatch(out, /\d\.\d{13}/, 'a sum reads as people write it');
  return JSON.parse(out);
};

journey('the forecast is what is sent: by gateway, in notices and segments, and who gets nothing', async (s) => {
  const smsc = await s.smsc(undefined, { cost: 0.045 });
  const cloud = await s.cloud(undefined, { match: ['+86135*'], cost: 0.05 });
  s.settings.defaults.hours = 'always';
  await s.start();
  const rows = ['姓名,手机号,语言,备注'];
  for (let i = 0; i < 60; i++) {
    const number = `${i % 3 === 0 ? '135' : '138'}5140${String(2000 + i)}`;
    rows.push(`居民${i},${number},${i % 5 === 0 ? 'en' : 'zh'},${i % 4 === 0 ? '请带好身份证、户口本和近期体检报告，从东门进，乘电梯上三楼，在服务台领号后到等候区就座，'.repeat(1 + (i % 2)) : i % 7 === 0 ? '' : '谢谢'}`);
  }
  s.write('list.csv', `${rows.join('\n')}\n王,025-83241001,zh,谢谢\n`);
  await s.ok('optout', 'add', '+8613851402001');
  const file = s.write('fair.conf', conf(`
    texts = { zh = "{{name}}您好，{{event.date}}在{{event.venue}}。{{备注}}"; en = "{{name}}, please come. {{备注|}}"; };
    reminders = ( { name = "first"; at = "now"; }, { name = "second"; at = "-1d 10:00"; } );`));
  const before = await told(s, file);
  const [first, second] = before.reminders;
  assert.ok(before.recipients > 50, 'rows that the text has no use for were refused at the list');
  assert.equal(first.notices + first.opted_out, before.recipients);
  assert.equal(first.opted_out, 1);
  assert.equal(second.notices, first.notices);

  await s.ok('queue', file);
  await s.counted('fair', 'first', { delivered: first.gateways.mobile.notices, accepted: first.gateways.cloud.notices, 'opted-out': 1 }, 60000);
  const records = await s.ledger('fair', 'first');
  const mobile = smsc.submits.length, http = cloud.requests.length;
  // Counted at the operators: the SMSC takes each part by itself, the cloud whole texts.
  assert.equal(first.gateways.mobile.segments, mobile);
  assert.equal(first.gateways.mobile.notices, smsc.messages.length);
  assert.equal(first.gateways.cloud.notices, http);
  assert.equal(first.notices, records.filter((r) => r.state !== 'opted-out').length);
  const sent = records.filter((r) => ['accepted', 'delivered'].includes(r.state));
  assert.equal(first.segments, sent.reduce((n, r) => n + r.segments, 0));
  assert.deepEqual(first.missed, {});
  const report = JSON.parse((await s.ok('report', 'fair', '--reminder', 'first', '--json')).out);
  assert.ok(Math.abs(report.cost - first.cost) < 1e-9, `${report.cost} was forecast as ${first.cost}`);
});

journey("what a provider's template is filled with is told, and who lacks a parameter gets nothing", async (s) => {
  const cloud = await s.cloud(({ n }) => ({ status: 202, body: JSON.stringify({ id: `m${n}` }) }));
  Object.assign(s.settings.gateways[0], {
    url: `http://127.0.0.1:${cloud.port}/send`, body: '{"template": "{{template_code:json}}", "to": "{{to:json}}", "params": {{params}}}',
  });
  s.settings.defaults.hours = 'always';
  await s.start();
  s.write('list.csv', '姓名,手机号,语言,地点\n居民1,13851402001,zh,三楼\n居民2,13851402002,en,\n居民3,13851402003,zh,四楼\n');
  const file = s.write('fair.conf', conf(`
    texts = { zh = "{{name}}您好"; en = "Dear {{name}}"; };
    templates = { cloud = { zh = { code = "SMS_1"; params = ( "name", "where=地点" ); signature = "鼓楼区妇联"; };
      en = { code = "SMS_2"; params = ( "name", "where=地点" ); }; }; };
    reminders = ( { name = "first"; at = "now"; } );`));
  const { templates, reminders: [first] } = await told(s, file);
  assert.deepEqual(templates, [{ reminder: 'first', gateway: 'cloud', code: 'SMS_1', signature: '鼓楼区妇联', params: { name: '居民1', where: '三楼' } }]);
  assert.equal(first.notices, 2);
  assert.deepEqual(first.missed, { empty: 1 });
  assert.match((await s.ok('forecast', file)).out, /first {2}cloud {2}SMS_1 {2}name=居民1 {2}where=三楼 {2}(签名|signature) 鼓楼区妇联/);
  await s.ok('queue', file);
  await s.counted('fair', 'first', { accepted: 2, failed: 1 }, 60000);
  assert.deepEqual(JSON.parse(cloud.requests.find((r) => r.body.includes('13851402001')).body).params, templates[0].params);
});

journey('it says when the last one leaves, by the rate and the hours, and who would come too late', async (s) => {
  await s.smsc(undefined, { rate: '600/min', count: 'messages' });
  s.settings.defaults.hours = '09:00-10:00';
  const people = Array.from({ length: 50000 }, (_, i) => `居民${i},138${String(50000000 + i)}`);
  s.write('list.csv', `姓名,手机号\n${people.join('\n')}\n`);
  const day = (n, time) => new Date(`${inDays(n)}T${time}:00+08:00`).getTime();
  const file = s.write('fair.conf', conf(`
    texts = { zh = "{{name}}您好。"; };
    reminders = ( { name = "early"; at = "-5d 08:00"; expires = "-4d 09:30"; }, { name = "fits"; at = "-5d 09:00"; } );`));
  const { reminders: [early, fits] } = await told(s, file, '--offline');
  // 10 a second: 36,000 in the hour of the first day, the rest on the next from nine.
  assert.equal(early.begins_ms, day(4, '09:00'), 'moved to when residents may be disturbed');
  assert.equal(fits.done_ms, day(5, '09:00') + 1400e3, '14,000 are left for the second day');
  assert.equal(fits.late, 0);
  assert.equal(early.done_ms, day(5, '09:00') + 1400e3);
  assert.equal(early.late, 0);
  const shorter = s.write('late.conf', conf(`
    texts = { zh = "{{name}}您好。"; };
    reminders = ( { name = "early"; at = "-5d 09:00"; expires = "-4d 09:10"; } );`));
  const { reminders: [late] } = await told(s, shorter, '--offline');
  assert.equal(late.late, 50000 - 36000 - 6000);
  const { out } = await s.ok('forecast', shorter, '--offline');
  assert.match(out, /! early: 8,000 notices cannot be sent before it expires/);
  const moved = (await s.ok('forecast', file, '--offline')).out;
  assert.match(moved, /early: due .* 08:00, outside the allowed hours: it waits 1 h 0 min, and then 50,000 notices/);
});

journey('who may be told at hours of her own only is reckoned with: when the last one is told, and whom none of them is left for', async (s) => {
  await s.smsc();
  s.settings.defaults.hours = '08:00-20:00';
  await s.start();
  const rows = Array.from({ length: 6 }, (_, i) => `居民${i},1385140200${i}`);
  s.write('list.csv', `姓名,手机号\n${rows.join('\n')}\n`);
  const file = s.write('fair.conf', conf(`texts = { zh = "{{name}}您好。"; };
    reminders = ( { name = "first"; at = "-5d 12:00"; }, { name = "last"; at = "-1d 12:00"; expires = "-1d 18:00"; } );`));
  const day = (n, time) => new Date(`${inDays(n)}T${time}:00+08:00`).getTime();
  assert.doesNotMatch((await s.ok('forecast', file)).out, /hours of their own/);
  await s.ok('safe', '13851402000', 'hours', '13:00-14:00'); // the same day
  await s.ok('safe', '13851402001', 'hours', '09:00-11:00'); // the next
  await s.ok('safe', '13851402002', 'hours', '06:00-08:30'); // of it what lies in the allowed hours
  await s.ok('safe', '13851402003', 'hours', '02:00-03:00'); // nothing does
  const { reminders: [first, last] } = await told(s, file);
  assert.deepEqual([first.begins_ms, first.done_ms], [day(4, '12:00'), day(5, '09:00')]);
  assert.deepEqual([first.notices, first.own_hours, first.late, first.own_late], [5, 3, 1, 1]);
  assert.deepEqual([last.done_ms, last.notices, last.own_hours, last.late], [day(8, '13:00'), 3, 1, 3]);
  const { out } = await s.ok('forecast', file);
  assert.match(out, new RegExp(`\n {2}first +${inDays(4)} ... 12:00 +${inDays(5)} ... 09:00 `));
  assert.match(out, new RegExp(`\n {2}first: 3 get it at hours of their own, the last ${inDays(5)} ... 09:00\n {2}! first: 1 have hours of their own, none of them before`));
  assert.doesNotMatch(out, /add a gateway/, 'none would help');
  // What is too late for everybody is not for her hours.
  const late = s.write('late.conf', conf(`texts = { zh = "{{name}}您好。"; }; reminders = ( { name = "late"; at = "-1d 21:00"; expires = "-1d 23:00"; } );`));
  const night = (await s.ok('forecast', late)).out;
  assert.match(night, /! late: 6 notices cannot be sent before it expires/);
  assert.doesNotMatch(night, /hours of their own/);
});

journey('the shortest cut that saves a segment is told, with the sum', async (s) => {
  await s.smsc(undefined, { cost: 0.045 });
  // 76 characters with the signature of 7: six less fit into one SMS of 70.
  const text = '一'.repeat(76 - 7);
  s.write('list.csv', `手机号\n${Array.from({ length: 3200 }, (_, i) => `138${50000000 + i}`).join('\n')}\n`);
  const file = s.write('fair.conf', conf(`texts = { zh = "${text}"; }; reminders = ( { name = "a"; at = "-1d 10:00"; } );`));
  const { reminders: [a] } = await told(s, file, '--offline');
  assert.deepEqual({ ...a.cut, saves: Math.round(a.cut.saves * 100) / 100 }, { characters: 6, notices: 3200, saves: 144 });
  const zh = await s.run(['-c', s.conf, 'forecast', file, '--offline'], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  assert.match(zh.out, /a：删去 6 个字，3,200 人各省一条：省 144\.00 元/);
  assert.match(zh.out, /锁屏上看到的\n {2}【鼓楼区妇联】一{12,13}…/);
});

journey('closed days of a gateway, and one that is not configured, are reckoned with', async (s) => {
  await s.smsc(undefined, { closed: [inDays(8)] });
  s.settings.defaults.hours = '09:00-18:00';
  s.write('list.csv', '姓名,手机号,企业微信\n王,13851401000,\n李,,lili\n');
  const file = s.write('fair.conf', conf(`channels = ( "sms", "wecom" ); texts = { zh = "{{name}}您好。"; };
    reminders = ( { name = "eve"; at = "-1d 10:00"; } );`));
  const { reminders: [eve] } = await told(s, file, '--offline');
  assert.equal(eve.notices, 1);
  assert.equal(eve.missed['no-gateway'], 1);
  assert.equal(eve.late, 1, 'closed on the eve, and on the day it begins at nine');

  // Who gets a reminder once she has a place is no warning: nobody can have one yet. Of three, two will.
  s.write('list.csv', '姓名,手机号\n王,13851401000\n李,13851401001\n张,13851401002\n');
  const placed = s.write('fair.conf', conf(`texts = { zh = "{{name}}您好。"; }; registration = { capacity = 2; };
    reminders = ( { name = "all"; at = "-3d 10:00"; }, { name = "placed"; at = "-2d 10:00"; only = "registered"; },
      { name = "others"; at = "-2d 11:00"; only = "untold"; } );`));
  const shown = await s.ok('forecast', placed, '--offline');
  assert.match(shown.out, /\n {2}placed: for who has registered by then: nobody can have yet, at most 2 will\n/);
  assert.match(shown.out, /\n {2}others: not for 3 of them, by only = "untold"\n/);
  assert.doesNotMatch(shown.out, /!/);
  const zh = { env: { LC_ALL: 'zh_CN.UTF-8' } };
  assert.match((await s.run(['-c', s.conf, 'forecast', placed, '--offline'], zh)).out, /\n {2}placed：发给届时已报名的人：现在还没有人能报名，最多 2 人\n/);
  fs.mkdirSync(s.path('year'));
  fs.writeFileSync(s.path('year/fair.conf'), fs.readFileSync(placed, 'utf8').replace('"list.csv"', '"../list.csv"'));
  assert.match((await s.ok('forecast', 'year', '--offline', '--year', 'all')).out, /\n {2}at most 2 notices more, to who has registered by then: in no sum here\n/);
  assert.match((await s.run(['-c', s.conf, 'forecast', 'year', '--offline', '--year', 'all'], zh)).out, /\n {2}另最多 2 条/);
});

journey('a year is the sum of its campaigns, by month, and says in which week the same people get many', async (s) => {
  s.drivenClock('2026-11-26T10:00:00+08:00');
  await s.smsc(undefined, { cost: 0.05 });
  s.settings.defaults.hours = 'always';
  s.write('all.csv', '姓名,手机号\n甲,13851401001\n乙,13851401002\n丙,13851401003\n');
  s.write('some.csv', '姓名,手机号\n甲,13851401001\n丁,13851401004\n');
  fs.mkdirSync(s.path('year'));
  const lay = (id, list, starts, reminders) => s.write(`year/${id}.conf`, `campaign = { id = "${id}"; class = "notice"; title = "${id}";
    event = { starts = "${starts}"; }; audience = { file = "../${list}"; }; texts = { zh = "{{name}}您好。"; };
    reminders = ( ${reminders.map((at, i) => `{ name = "r${i}"; at = "${at}"; }`).join(', ')} ); };\n`);
  // In the week of Monday, March 1: two for everybody, three more for 甲 and 丁.
  const files = [lay('a-fair', 'all.csv', '2027-03-06T09:00', ['-5d 09:00', '-1d 18:00']),
    lay('b-talk', 'some.csv', '2027-03-07T09:00', ['-6d 09:00', '-2d 09:00', '-0d 08:00']),
    lay('c-next', 'all.csv', '2028-01-02T09:00', ['-7d 09:00', '-1d 18:00'])];
  lay('d-later', 'none.csv', '2027-06-01T09:00', ['-1d 09:00']); // its list is not there yet
  const each = [];
  for (const file of files) each.push(...(await told(s, file, '--offline')).reminders);
  const all = await told(s, 'year', '--offline', '--year', 'all');
  const sum = (key, of = each) => of.reduce((n, r) => n + r[key], 0);
  assert.deepEqual([all.notices, all.segments], [sum('notices'), sum('segments')]);
  assert.equal(all.notices, 6 + 6 + 6);
  assert.ok(Math.abs(all.cost - sum('cost')) < 1e-9);

  const year = await told(s, 'year', '--offline', '--year', '2027');
  assert.deepEqual(year.months.map((m) => [m.month, m.notices]), [['2027-03', 12], ['2027-12', 3]]);
  assert.deepEqual(year.campaigns.map((c) => [c.id, c.recipients, c.reminders]),
    [['a-fair', 3, 2], ['b-talk', 2, 3], ['c-next', 3, 1], ['d-later', null, 0]]);
  assert.deepEqual(year.crowded, [{ week: '2027-03-01', people: 1, most: 5 }], '甲 alone is on both lists');

  const plan = (await s.ok('plan', 'year', '--year', '2027', '--json')).out;
  const piped = await s.run(['-c', s.conf, 'forecast', '--offline', '-', '--json'], { input: plan });
  assert.deepEqual(JSON.parse(piped.out), year, 'what the plan lists is what the year comes to');
  const { out } = await s.ok('forecast', 'year', '--offline', '--year', '2027');
  assert.match(out, /week of 2027-03-01: 1 people get 4 or more notices, up to 5/);
  assert.match(out, /1 campaigns have no list yet/);
  // Which of them cannot be sent in time is said by name: of three, at one in an hour, one before it begins.
  const slow = lay('e-late', 'all.csv', '2027-05-06T09:00', ['-1h']);
  fs.writeFileSync(slow, fs.readFileSync(slow, 'utf8').replace('class =', 'rate = "1/3600s"; class ='));
  const late = (await s.ok('forecast', 'year', '--offline', '--year', '2027')).out;
  assert.match(late, /\n {2}! e-late: 2 notices cannot be sent before they expire: see its forecast\n/);
  assert.equal(late.match(/cannot be sent/g).length, 1, 'and the others are not named');
  const wrong = await s.run(['-c', s.conf, 'forecast', '--offline', '-'], { input: '姓名,手机号\n' });
  assert.equal(wrong.code, 65);
  assert.match(wrong.err, /outreach plan --json \| outreach forecast -/);
});
