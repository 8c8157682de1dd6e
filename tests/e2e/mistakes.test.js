'use strict';
// What an organizer reads of a mistake, in the language of the locale. More of them: tests/unit/language_test.c.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people } = require('./lib/stage');
const libconfig = require('./lib/libconfig');

const ZH = { LC_ALL: '', LC_MESSAGES: '', LANG: 'zh_CN.UTF-8' }; // a locale that a bare machine has not
const EN = { LC_ALL: '', LC_MESSAGES: '', LANG: 'en_US.UTF-8' };

const texts = 'texts = { zh = "{{姓名|居民}}您好"; };\nreminders = ( { name = "eve"; at = "-1d 18:00"; } );\n';
const head = 'id = "m8"; class = "notice"; title = "三八"; channels = ( "sms" );\nevent = { starts = "2027-03-06T09:00"; };\n';
const mistakes = [
  ['full-width quotes', 'title = “三八”;\n',
    '第 1 行有语法错误：title = “三八”;（“ 是全角符号：请切换到英文输入法，改为 "）',
    ':1: syntax error: title = “三八”; (“ is a full-width sign: switch the keyboard to English and write ")'],
  ['a list that is not there', `${head}audience = { file = "名单.csv"; };\n${texts}`,
    '名单.csv：没有这个文件或目录', '名单.csv: No such file or directory'],
  ['a setting by another name', `${head}audiance = { file = "list.csv"; };\n${texts}`,
    '第 3 行 `audiance`：没有这个设置项：是否想写“audience”？',
    ':3: audiance: there is no such setting; did you mean "audience"?'],
  ['a list with another heading', `${head}audience = { file = "list.csv"; columns = { sms = "手机号码"; }; };\n${texts}`,
    '第 3 行 `audience.columns.sms`：名单中没有“手机号码”列（是否指“手机号”？）；现有的列是 姓名, 手机号',
    ':3: audience.columns.sms: the file has no column "手机号码"; did you mean "手机号"?; its columns are 姓名, 手机号'],
  ['a placeholder that is no column', `${head}audience = { file = "list.csv"; };\n${texts.replace('您好', '您好，{{地址}}')}`,
    '{{地址}}：名单中没有这一列，vars 中也没有；现有的列是 姓名, 手机号',
    '{{地址}}: the audience has no such column, nor is it in vars; the columns are 姓名, 手机号'],
];

journey('another file than a campaign, or none, is told with what to do', async (s) => {
  fs.writeFileSync(s.path('list.csv'), '姓名,手机号\n王秀英,13851500001\n');
  for (const [file, env, code, words] of [
    ['list.csv', ZH, 65, '是名单：请改写活动文件'], ['list.csv', EN, 65, 'is a list: name the campaign file'],
    ['fair-2027', ZH, 66, '没有文件 fair-2027：请写活动文件，例如 fair-2027.conf'], ['none.conf', ZH, 66, 'none.conf：没有这个文件或目录'], ['none.conf', EN, 66, 'none.conf cannot be read: No such file or directory']]) {
    const result = await s.run(['-c', s.conf, 'check', file.includes('.') ? s.path(file) : file], { env });
    assert.equal(result.code, code, result.all);
    assert.ok(result.err.includes(words), result.err);
  }
});

journey('a mistake in a campaign is told in Chinese or English, whatever locales the system has', async (s) => {
  fs.writeFileSync(s.path('list.csv'), '姓名,手机号\n王秀英,13851500001\n');
  for (const [name, text, zh, en] of mistakes) {
    const file = s.write('m8.conf', text);
    for (const [env, words] of [[ZH, zh], [EN, en]]) {
      const result = await s.run(['-c', s.conf, 'check', file], { env });
      assert.notEqual(result.code, 0, name);
      assert.ok(result.err.includes(words), `${name}: ${result.err}`);
    }
  }
});

journey('every mistake of a file is told at once, by its lines, with their sum', async (s) => {
  fs.writeFileSync(s.path('list.csv'), '姓名,手机号\n王秀英,13851500001\n');
  const file = s.write('many.conf', `id = "Bad Id"; class = "notise"; title = "T";
event = { starts = "2027-03-06T09:00"; venu = "x"; };
audience = { file = "list.csv"; };
texts = { zh = "{{地址}}"; en = "{{"; };
reminders = ( { name = "a"; at = "nov"; },
  { name = "b"; at = "-1d 25:00"; priority = 12; },
  { name = "c"; at = "-1d 18:00"; texts = { zh = "{{event.tim}}"; }; } );
`);
  const expected = [[1, 'class'], [1, 'id'], [2, 'event.venu'], [4, 'texts.en'], [4, 'texts.zh'], [5, 'reminders[0].at'],
    [6, 'reminders[1].at'], [6, 'reminders[1].priority'], [7, 'reminders[2].texts.zh']];
  const { code, err } = await s.run(['-c', s.conf, 'check', file], { env: EN });
  assert.equal(code, 65);
  const lines = err.trim().split('\n');
  assert.match(lines.pop(), /many\.conf: 9 mistakes$/);
  const told = lines.map((l) => l.match(/many\.conf:(\d+): ([^:]+):/)).map((m) => [Number(m[1]), m[2]]);
  assert.deepEqual(told.map(([line]) => line), expected.map(([line]) => line));
  assert.deepEqual(told.map(String).sort(), expected.map(String).sort());
  const { errors } = JSON.parse((await s.run(['-c', s.conf, 'check', '--json', file], { env: EN })).out);
  assert.deepEqual(errors.map((e) => `outreach: ${e}`), lines);
  // What is missing cannot be taken out, and hides nothing else of its table.
  const lacking = await s.run(['-c', s.conf, 'check', s.write('lacks.conf', 'id = "x"; class = "notice"; event = { starts = 5; };\nrate = true;\n')],
    { env: EN });
  assert.deepEqual(lacking.err.match(/title is missing|event\.starts: expected|reminders is missing|rate: expected|4 mistakes/g).sort(),
    ['4 mistakes', 'event.starts: expected', 'rate: expected', 'reminders is missing', 'title is missing']);
  // A start that is none hides no other mistake, and what was written for the right one is not one.
  const start = await s.run(['-c', s.conf, 'check', s.write('start.conf', `id = "x"; class = "notice"; title = "T";
event = { starts = "2027-13-06 09:00"; ends = "2027-03-20T11:00"; repeat = "FREQ=WEEKLY;COUNT=3"; moved = ( "2027-03-13 2027-03-14T09:00" ); };
expires = "2027-03-20T09:00";
texts = { zh = "{{event.tiem}}"; };
reminders = ( { name = "a"; at = "-1d 18:00"; }, { name = "b"; at = "the day before"; } );
`)], { env: EN });
  assert.deepEqual(start.err.match(/start\.conf:\d+: [^:]+|\d mistakes/g),
    ['start.conf:2: event.starts', 'start.conf:4: texts.zh', 'start.conf:5: reminders[1].at', '3 mistakes']);
  // Nor does a title or a start by another name, which is missing then.
  const misnamed = await s.run(['-c', s.conf, 'check', s.write('misnamed.conf', `id = "x"; class = "notice"; titel = "T";
event = { start = "2027-03-06T09:00"; ends = "2027-03-06T11:00"; };
texts = { zh = "{{event.tiem}}"; };
reminders = ( { name = "a"; at = "-1d 18:00"; expires = "2027-03-06T10:00"; }, { name = "b"; at = "the day before"; } );
`)], { env: EN });
  assert.deepEqual(misnamed.err.match(/misnamed\.conf:\d+: [^:]+|starts is missing|\d mistakes/g), [
    'misnamed.conf:1: titel', 'misnamed.conf:1: title is missing', 'misnamed.conf:2: event.start', 'misnamed.conf:2: event',
    'starts is missing', 'misnamed.conf:3: texts.zh', 'misnamed.conf:4: reminders[1].at', '6 mistakes']);
  // One alone has no sum, and JSON says in which file.
  const one = await s.run(['-c', s.conf, 'check', s.write('one.json', '{"id":"x","clas":"notice","class":"notice","title":"t",'
    + '"event":{"starts":"2027-03-06T09:00"},"texts":"x","reminders":[{"name":"a","at":"now"}]}')], { env: EN });
  assert.match(one.err, /^outreach: \S+one\.json: clas: there is no such setting; did you mean "class"\?\n$/);
});

journey('what a daemon refuses is English in Redis and in its log, and Chinese for who asked', async (s) => {
  await s.smsc();
  s.settings.defaults.max_segments = 1;
  s.env.LC_ALL = 'zh_CN.UTF-8'; // the daemon's too
  await s.start();
  // This organizer's own configuration allows more.
  const mine = s.write('mine.conf', libconfig.write({ ...s.settings, defaults: { ...s.settings.defaults, max_segments: 8 } }));
  const file = s.write('long.json', JSON.stringify(campaign('long', people(1), { texts: { zh: '请带身份证。'.repeat(20) } })));
  const result = await s.run(['-c', mine, 'queue', file, '--wait', '60']);
  assert.equal(result.code, 65, result.all);
  assert.match(result.err, /long 被拒绝：.*要拆成 2 条短信，超过 1 条：请缩短/);
  assert.match((await s.rejected())[0].reason, /needs 2 SMS parts, more than 1: shorten it/);
  assert.match(s.log(), /event\.rejected .*needs 2 SMS parts/);
  assert.doesNotMatch(s.log(), /短信，超过/);
});
