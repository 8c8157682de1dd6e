'use strict';
// outreach report: what a campaign came to, on the screen and in files that SheetJS (npm's
// xlsx) reads as Excel would.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const XLSX = require('xlsx');
const { journey, campaign, people } = require('./lib/stage');

const LONG = '请带好身份证、户口本和近期体检报告，从东门进，乘电梯上三楼，在服务台领号后到等候区就座，工作人员会按号依次叫到您，谢谢配合。';

/** Six people: delivered, a number that is none, rejected, refused, a name like a formula, erased. */
async function sent(s, fields = {}) {
  await s.smsc(({ to }) => {
    if (to.endsWith('1001')) return { receipt: { state: 'UNDELIV', err: '001' } };
    if (to.endsWith('1002')) return { status: 0x0b };
    return {};
  });
  await s.start();
  await s.ok('optout', 'add', people(4)[3].sms);
  const list = people(5, (i) => (i === 4 ? { name: '=1+1' } : {}));
  await s.xadd(campaign('fair', list, { title: '招聘会', class: 'notice', ...fields }));
  await s.counted('fair', 'first', { delivered: 2, undelivered: 1, failed: 1, 'opted-out': 1 }, 60000);
}

const read = (file, raw = false) => {
  const book = XLSX.read(fs.readFileSync(file), { cellDates: true });
  return { book, rows: XLSX.utils.sheet_to_json(book.Sheets[book.SheetNames[0]], { raw, header: 1 }) };
};

journey('the report adds up what became of everybody, by reason, with what was paid', async (s) => {
  await sent(s, { texts: { zh: `{{name}}您好。${LONG}` } });
  const told = JSON.parse((await s.ok('report', 'fair', '--json')).out);
  const sums = Object.fromEntries(told.reminders[0].sums.map((x) => [`${x.state} ${x.reason}`.trim(), x.notices]));
  assert.equal(sums.delivered, 2);
  assert.equal(sums['opted-out'], 1);
  assert.equal(Object.entries(sums).filter(([k]) => /^undelivered/.test(k)).reduce((n, [, v]) => n + v, 0), 1);
  assert.equal(Object.entries(sums).filter(([k]) => /^failed/.test(k)).reduce((n, [, v]) => n + v, 0), 1);
  assert.equal(told.notices, 5);
  assert.equal(told.segments, 3 * 2, 'two segments each for the three that the operator took');
  assert.ok(Math.abs(told.cost - 6 * 0.045) < 1e-9, `${told.cost}`);

  const { out } = await s.ok('report', 'fair');
  assert.match(out, /^fair {2}招聘会\n/);
  assert.match(out, /first +delivered +2 +4 +0\.18/);
  assert.match(out, /5 notices, 6 segments paid for, 0\.27 CNY/);
  const zh = await s.run(['-c', s.conf, 'report', 'fair'], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  assert.match(zh.out, /共 5 条通知，计费 6 条，费用 0\.27 元/);
});

journey('everybody is in the file, and Excel reads Chinese, numbers and times as what they are', async (s) => {
  await sent(s);
  const [xlsx, csv] = [s.path('报表.xlsx'), s.path('report.csv')];
  await s.ok('report', 'fair', '--output', xlsx);
  assert.equal(fs.statSync(xlsx).mode & 0o777, 0o600);
  const { book, rows } = read(xlsx, true);
  assert.deepEqual(book.SheetNames, ['notices']);
  const [head, ...all] = rows;
  assert.deepEqual(head, ['reminder', 'number', 'sms', 'name', 'state', 'reason', 'submitted', 'settled', 'gateway', 'attempts', 'segments', 'cost']);
  assert.equal(all.length, 5);
  assert.deepEqual(all.map((r) => r[2]), people(5).map((p) => p.sms), 'numbers are text, with all their digits');
  assert.deepEqual(all.map((r) => r[3]), ['居民1', '居民2', '居民3', '居民4', '=1+1']);
  assert.equal(book.Sheets.notices.D6.f, undefined, 'no formula');
  assert.deepEqual(all.map((r) => r[4]), ['delivered', 'undelivered', 'failed', 'opted-out', 'delivered']);
  assert.ok(all[0][6] instanceof Date && Math.abs(all[0][6].getTime() + all[0][6].getTimezoneOffset() * 60e3 - Date.now() - 8 * 3600e3) < 180e3,
    `submitted in the campaign's zone: ${all[0][6]}`);
  assert.equal(all[3][6] ?? '', '', 'who had refused was not sent anything');
  assert.equal(all[0][8], 'mobile');
  assert.equal(all[0][11], 0.045);

  const failed = s.path('failed.csv');
  await s.ok('report', 'fair', '--state', 'failed', '-o', failed);
  assert.equal(fs.readFileSync(failed, 'utf8').trim().split('\r\n').length, 2);

  await s.run(['-c', s.conf, 'report', 'fair', '-o', csv], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  const text = fs.readFileSync(csv, 'utf8');
  assert.ok(text.startsWith('\ufeff提醒,序号,手机号,姓名,状态,'), `a byte order mark, so that Excel takes it for UTF-8, and no name of ours: ${text.slice(0, 80)}`);
  assert.match(text, /\r\nfirst,1,"'\+8613851401000",居民1,/);
  assert.match(text, /,"'=1\+1",/, 'no formula in a CSV either');
  // What was exported can be a list again.
  s.write('again.csv', text);
  const conf = s.write('again.conf', 'id = "again"; class = "notice"; title = "再次"; event = { starts = "2099-01-01T09:00"; };\n'
    + 'audience = { file = "again.csv"; }; texts = { zh = "{{name}}您好"; }; reminders = ( { name = "a"; at = "-1d 09:00"; } );\n');
  assert.match((await s.ok('check', conf)).out, /5 recipients|recipients: 5|5 /);
});

journey('what cannot be reported is refused with what to do', async (s) => {
  await sent(s, { sensitive: true, texts: { zh: '请按约好的时间前来。' } });
  const file = s.write('there.xlsx', 'mine');
  let r = await s.outreach('report', 'fair', '-o', s.path('people.xlsx'));
  assert.equal(r.code, 65);
  assert.match(r.err, /sensitive/);
  assert.ok(!fs.existsSync(s.path('people.xlsx')));
  r = await s.outreach('report', 'nobody');
  assert.equal(r.code, 65);
  r = await s.outreach('report', 'fair', '--state', 'lost');
  assert.equal(r.code, 64);
  assert.match(r.err, /no notice can be lost/);
  assert.equal(fs.readFileSync(file, 'utf8'), 'mine');
  assert.equal((await s.ok('report', 'fair')).code, 0);
});

journey('a file that is there, and one of another kind, are left alone', async (s) => {
  await sent(s);
  const file = s.write('there.xlsx', 'mine');
  let r = await s.outreach('report', 'fair', '-o', file);
  assert.equal(r.code, 73);
  assert.match(r.err, /is there already/);
  assert.equal(fs.readFileSync(file, 'utf8'), 'mine');
  r = await s.outreach('report', 'fair', '-o', s.path('people.ods'));
  assert.match(r.err, /\.xlsx or \.csv/);
  r = await s.outreach('report', 'fair', '-o', s.path('no/where.csv'));
  assert.match(r.err, /No such file/);
});
