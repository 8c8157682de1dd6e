'use strict';
// outreach rehearse: the whole of a campaign beforehand, to nobody; what comes of it is the forecast.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, inDays, ROOT } = require('./lib/stage');

// The rehearsal preloads its clock: a sanitizer minds who comes first.
const ASAN = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=1:verify_asan_link_order=0` };

journey('a rehearsal of weeks takes moments, equals the forecast, and touches neither Redis nor an operator', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '200/s', classes: ['notice'] });
  s.settings.defaults.hours = '08:00-12:00,14:00-20:30';
  s.settings.defaults.approval = { recipients: 1 }; // a rehearsal waits for nobody
  delete s.settings.defaults.per_recipient;
  s.writeConf();
  const tmp = s.path('tmp');
  fs.mkdirSync(tmp);
  const env = { ...ASAN, TMPDIR: tmp };
  const file = path.join(ROOT, 'conf/campaigns/job-fair.conf');
  const rehearse = (...args) => s.run(['-c', s.conf, 'rehearse', ...args], { env, timeoutMs: 110000 });

  const before = JSON.parse((await s.ok('forecast', '--offline', '--json', file)).out);
  const { code, out, all } = await rehearse(file, '--json');
  assert.equal(code, 0, all);
  const played = JSON.parse(out);
  assert.equal(played.equal, true);
  assert.equal(played.recipients, before.recipients);
  assert.deepEqual(played.reminders.map((r) => [r.name, r.notices, r.segments, r.cost.toFixed(2)]),
    before.reminders.map((r) => [r.name, r.notices, r.segments, r.cost.toFixed(2)]));
  // On their days, as the file says: a week before, the eve, the morning.
  const times = ['2027-02-27T09:30:00+08:00', '2027-03-05T18:00:00+08:00', '2027-03-06T08:00:00+08:00'].map((t) => Date.parse(t));
  for (const [i, r] of played.reminders.entries()) {
    assert.ok(r.first_ms >= times[i] && r.last_ms < times[i] + 600e3, `${r.name}: ${new Date(r.first_ms).toISOString()}`);
    assert.equal(r.forecast.begins_ms, times[i]);
  }
  assert.equal(smsc.binds.length, 0, 'no operator was spoken to');
  assert.ok(!fs.existsSync(s.state), 'nor is there a Redis');
  assert.deepEqual(fs.readdirSync(tmp), [], 'and nothing is left');

  // What the forecast cannot know shows as a difference: two notices a person on one day, and one is allowed.
  s.settings.defaults.per_recipient = ['1/day'];
  s.settings.defaults.hours = '09:00-10:00';
  s.writeConf();
  s.write('list.csv', '姓名,手机号\n甲,13851403001\n乙,13851403002\n');
  const crowd = s.write('crowd.conf', `campaign = { id = "crowd"; class = "notice"; title = "T"; event = { starts = "${inDays(9, '10:30')}"; };
    audience = { file = "list.csv"; }; texts = { zh = "{{姓名}}您好。"; };
    reminders = ( { name = "early"; at = "-0d 09:00"; }, { name = "late"; at = "-0d 09:30"; texts = { zh = "马上开始。"; }; } ); };\n`);
  const differs = await rehearse(crowd);
  assert.equal(differs.code, 70, differs.all);
  assert.match(differs.out, /early +\S+ \w+ 09:00 +\S+ \w+ 09:00 +2 +2 +0\.09/);
  assert.match(differs.out, /≠ late: the forecast says 2, from/);
  assert.match(differs.out, /late: 2 /);
  for (const line of differs.out.split('\n')) assert.ok(line.length <= 80, line);

  // What the make-believe operators are told to refuse is in the report, by its reason.
  s.settings.defaults.hours = '08:00-20:00';
  delete s.settings.defaults.per_recipient;
  s.writeConf();
  const refusing = JSON.parse((await rehearse(crowd, '--json', '--reject', '100')).out);
  assert.deepEqual(refusing.reminders.map((r) => [r.notices, r.lost]), [[2, { number: 2 }], [2, { number: 2 }]]);
  const lost = await rehearse(crowd, '--undelivered', '100');
  assert.match(lost.out, /! early: 2 were sent and did not arrive:\n {4}\S/);

  // Wrong input first: what is wrong is said, and nothing is begun.
  const wrong = await rehearse(s.write('wrong.conf', fs.readFileSync(crowd, 'utf8').replace('{{姓名}}', '{{无}}')));
  assert.equal(wrong.code, 65);
  assert.match(wrong.err, /无/);
  assert.equal((await rehearse('missing.conf')).code, 66);
  const chinese = await s.run(['-c', s.conf, 'rehearse', crowd], { env: { ...env, LC_ALL: 'zh_CN.UTF-8' }, timeoutMs: 110000 });
  assert.match(chinese.out, /与预测|预测为/);

  // People of the register: those whom the tags mean, in their language, but for who refused or is in danger; and nothing
  // comes of it where they are from.
  const tagged = s.write('tagged.conf', `campaign = { id = "tagged"; class = "notice"; title = "T"; event = { starts = "${inDays(9, '10:30')}"; };
    audience = { tags = ( "妇女" ); without = ( "外出" ); }; texts = { zh = "{{姓名}}您好。"; en = "${'A long text for {{姓名}}. '.repeat(9)}"; };
    reminders = ( { name = "early"; at = "-1d 09:00"; }, { name = "late"; at = "-1h"; } ); };\n`);
  await s.redisServer(); // one that outlives who asks it
  s.writeConf();
  const empty = await rehearse(tagged);
  assert.equal(empty.code, 66, empty.all);
  assert.match(empty.err, /the register is empty/);
  s.write('people.csv', '姓名,手机号,语言,标签\n甲,13851403001,,妇女\nYi,13851403002,en,妇女\n丙,13851403003,,妇女\n丁,13851403004,,妇女\n'
    + '戊,13851403005,,党员\n己,13851403006,,妇女、外出\n庚,13851403001,,妇女\n');
  await s.ok('residents', 'import', 'people.csv', '-y');
  await s.ok('optout', 'add', '13851403003');
  await s.ok('safe', '13851403004', 'skip');
  const keys = async () => { const client = await s.redis(); return (await client.call('KEYS', '*')).sort(); };
  const kept = await keys();
  const register = JSON.parse((await rehearse(tagged, '--json')).out);
  assert.equal(register.recipients, 4, 'tagged, and not away; two share a phone');
  assert.equal(register.equal, true, JSON.stringify(register));
  // The English one is 9 times 20-odd letters long, with the signature three segments.
  for (const r of register.reminders)
    assert.deepEqual([r.notices, r.segments, r.opted_out, r.missed], [2, 4, 1, { safe: 1 }], r.name);
  assert.deepEqual(await keys(), kept);
}, { timeout: 300000 });
