'use strict';
// What people read fits a terminal of 80 columns, in both languages, and wrong input is answered
// in the language of who asks.

const assert = require('node:assert/strict');
const path = require('node:path');
const test = require('node:test');
const { spawnSync } = require('node:child_process');
const { BUILD, journey, campaign, people, inDays, until } = require('./lib/stage');
const { LANGUAGES, columns, fits, screens } = require('./lib/screens');

function run(program, args, language) {
  const r = spawnSync(path.join(BUILD, program), args, { encoding: 'utf8', env: { ...process.env, LC_ALL: language } });
  assert.equal(r.status, 0, `${program} ${args.join(' ')}: ${r.stderr}`);
  return r.stdout;
}

/** Every command there is. */
const commands = () =>
  [...run('outreach', ['--help'], 'C').split('Commands:')[1].split('\nOptions')[0].matchAll(/^ {2}([a-z]+)/gm)].map((m) => m[1]);

test('wc counts as terminals do', () => {
  assert.deepEqual(['春风', 'ab', '，', '…', '“'].map(columns), [4, 2, 2, 1, 1]);
});

for (const language of LANGUAGES)
  test(`help fits 80 columns, and is in one language: ${language}`, () => {
    const pages = [['outreachd', ['--help']], ['outreach', ['--help']], ...commands().map((one) => ['outreach', [one, '--help']])];
    assert.ok(pages.length > 30);
    for (const [program, args] of pages) {
      const text = run(program, args, language);
      fits(text, `${program} ${args.join(' ')}`);
      assert.match(text, language.startsWith('zh') ? /^用法：/ : /^usage: /i);
      if (language.startsWith('zh')) assert.doesNotMatch(text, /\b(ADDRESS|AMOUNT|CAMPAIGN|FILE|ID|NAME|NUMBER|RATE|SOURCE|TAG|TEXT)\b/, `${program} ${args}`);
    }
  });

const TITLE = '“巾帼暖人心”春风送岗位、送保险、送体检、送智慧女性专场招聘会暨三八国际妇女节普法宣传周活动';
const ID = 'spring-job-fair-2027-drum-tower-district-womens-federation';

/** Campaigns in every state that people look at, and a register. */
async function fill(s) {
  const smsc = await s.smsc(({ to }) => {
    if (to.endsWith('1001')) return { receipt: { state: 'UNDELIV', err: '001' } };
    if (to.endsWith('1002')) return { status: 0x0b };
    return {};
  });
  await s.cloud(() => ({ status: 503 }), { priority: 9, name: 'the-second-operator-in-reserve' });
  s.settings.defaults.approval = { recipients: 40 };
  s.env.ASAN_OPTIONS += ':verify_asan_link_order=0'; // rehearse preloads a clock
  await s.start();
  const refuser = people(4)[3];
  await s.ok('optout', 'add', refuser.sms, '--by', '鼓楼区妇联权益部李桂芳');
  const list = people(9, (i) => ({ name: i % 2 ? `居民${i}` : '欧阳阿依古丽·买买提江', 社区: '湖南路街道虹桥社区居民委员会' }));
  const whole = { class: 'notice', title: { zh: TITLE, en: `${'A very long title '.repeat(6)}` }, event: { starts: inDays(7, '09:00'),
    ends: inDays(7, '15:30'), timezone: 'Asia/Shanghai', venue: { zh: '区人力资源市场一楼大厅', en: 'District HR Market' } } };
  await s.xadd(campaign(ID, list, { ...whole, reminders: [{ name: 'announcement-to-all', at: 'now' }, { name: 'eve', at: '-1d 18:00' }] }), { by: '鼓楼区妇联办公室王秀英' });
  await s.xadd(campaign('fair', people(3), { title: '招聘会', texts: { zh: '{{name}}，来', en: 'come' }, reminders: [{ name: 'eve', at: '-1d 18:00' }] }));
  await s.xadd(campaign('waits-for-approval-of-somebody-else', people(41), { ...whole, texts: { zh: '{{name}}请来' } }), { by: '鼓楼区妇联办公室王秀英' });
  await s.xadd(campaign('paused', people(3), { title: '停', texts: { zh: '停{{name}}' }, reminders: [{ name: 'eve', at: '-1d 18:00' }] }));
  await s.xadd(campaign('over', people(3), { title: '完', texts: { zh: '完{{name}}' }, reminders: [{ name: 'eve', at: '-1d 18:00' }] }));
  await s.counted(ID, 'announcement-to-all', { delivered: 6, undelivered: 1, failed: 1, 'opted-out': 1 }, 60000);
  await until('the last one to be taken', async () => (await s.outreach('show', 'over')).code === 0, 60000);
  await s.ok('pause', 'paused', '--by', 'ann');
  await s.ok('cancel', 'over', '--yes', '--by', 'ann');
  await smsc.reply(list[0].sms, '1069000038', '请问老人行动不便可以由家属代办吗，要带哪些材料，几点开始，有没有停车的地方？');
  await smsc.reply(list[4].sms, '1069000038', '他又打我了，救命');
  await until('both replies to be kept', async () => /停车[^]*救命|救命[^]*停车/.test((await s.ok('replies')).out), 60000);
  s.write('people.csv', `姓名,手机号,社区,标签\n${Array.from({ length: 8 }, (_, i) => `欧阳阿依古丽·买买提江${i},1385140200${i},湖南路街道虹桥社区居民委员会第${i}网格,妇女、党员、低保、独居老人、随迁家属`).join('\n')}\n`);
  await s.ok('residents', 'import', s.path('people.csv'), '--yes');
  await s.ok('gateways', 'pause', 'mobile', '--why', '移动说今天晚上十点到明天早上六点系统升级，期间不收', '--by', 'ann');
  await s.ok('safe', people(6)[5].sms, 'skip', '--note', '不要打电话，周三下午到社区见面说，找李主任');
  s.write('names.csv', `姓名,手机号\n${Array.from({ length: 8 }, (_, i) => `欧阳阿依古丽·买买提江${i},1385140200${i}`).join('\n')}\n王,123\n李,025-83200000\n`);
  await s.ok('safe', '13851402005', 'hours', '13:00-14:00'); // the forecast tells of it
  s.write('file.conf', `campaign = { id = "job-fair-in-a-file"; class = "notice"; title = "${TITLE}";
  event = { starts = "${inDays(9, '09:00')}"; ends = "${inDays(9, '11:00')}"; venue = "区人力资源市场一楼大厅"; };
  audience = { file = "names.csv"; }; channels = ( "sms" );
  texts = { zh = "{{name|居民}}您好，{{event.date}}{{event.time}}在{{event.venue}}办女性专场招聘会，86家企业进场，请带身份证、户口本和近期体检报告，从东门进，乘电梯上三楼，在服务台领号后等候。"; };
  reminders = ( { name = "announcement-to-everybody"; at = "-7d 09:30"; }, { name = "eve"; at = "-1d 18:00"; } ); };\n`);
  s.write('wrong.conf', `campaign = { id = "x"; title = "t"; event = { starts = "2027-13-45T09:00"; }; audience = { file = "nowhere.csv"; };
  texts = { zh = "{{无此列}}"; }; reminders = ( { name = "first"; at = "tomorrow"; } ); colour = "red"; };\n`);
}

const NUMBER = people(2)[1].sms;
const AWAITING = 'waits-for-approval-of-somebody-else';

/** Tables, with their first and last headings: one that is too wide is folded, its headings too. */
const TABLES = [
  [['list'], /^(编号|ID) .* %$/m], [['audit'], /^(时间|WHEN) .*(其他|MORE)$/m], [['gateways'], /^(名称|NAME) .*(程序|DAEMON)$/m],
  [['report', ID], /^(提醒|reminder) .*(原因与处理|why, and what to do)$/m], [['plan', '--queued'], /^(日期|DATE) .*(状态|STATE)$/m],
 
  [['forecast', 'file.conf'], /^ {2}(提醒|reminder) .*(费用|cost)$/m],
  [['forecast', 'file.conf', '--year', 'all'], /^ {2}(提醒|reminder) .*(费用|cost)$/m], [['clock'], /^(程序|DAEMON) .*(相差|OFF BY)$/m],
  [['rehearse', 'file.conf'], /^ {2}(提醒|reminder) .*(费用|cost)$/m], [['residents', 'import', 'people.csv', '-n'], /^ {2}(手机号|sms) .*标签$/m],
];

const SCREENS = [
  ['show', ID], ['show', 'fair'], ['show', AWAITING], ['show', ID, '-s', 'failed'], ['show', ID, '-s', 'delivered'], ['residents', 'list'],
  ['residents', 'tags'], ['safe', '--list'], ['optout', 'list'], ['verify', ID], ['why', NUMBER], ['why', '--recycled'], ['logs'],
  ['logs', '-n', '3', '-e', 'failed'], ['replies', '--all'], ['replies', '--sums', ID], ['replies', '--registered', ID], ['proof', NUMBER, ID],
  ['check', 'file.conf'], ['plan', 'file.conf', '--year', 'all'], ['queue', 'file.conf', '--no-wait'], ['add', 'fair', 'names.csv', '--dry-run'],
  ['approve', AWAITING, '-n'], ['amend', 'file.conf'], ['retry', ID, '-n'], ['retry', ID, '-u', '--reason', 'number', '--list'], ['recover'], ['uncalled', ID], ['retry', ID, '--list'], ['replies'], ['watch', ID, 'fair', '-t', '1'], ['uncalled'],
  ['test', 'file.conf', '-t', NUMBER, '-w', '1'], ['list', '--all'], ['report', ID, '-s', 'undelivered'], ['plan', 'file.conf', '--year', 'all', '--offline'], ['resume', 'paused'], ['pause', 'fair'],
];

/** What people get wrong, with what they are told: the exit code. */
const WRONG = [
  [64, ['lst'], ['list', 'x'], ['list', '--colour'], ['show'], ['show', ID, '-s', 'gone'], ['audit', '--op', 'qeue'], ['audit', '--op', 'zzz'],
    ['audit', '-n', 'x'], ['audit', '-s', 'x'], ['why'], ['logs', '-e', 'x'], ['gateways', 'stop', 'mobile'], ['gateways', 'paus', 'mobile'], ['residents', 'tga'], ['proof', ID, NUMBER], ['safe', NUMBER, 'hours'], ['optout', 'add'], ['optout', 'x'],
    ['clock', 'x'], ['plan', '--year', '20x'], ['residents'], ['residents', 'x'], ['residents', 'tag'], ['add', 'fair'], ['safe', NUMBER, 'x'],
    ['retry', ID, '--reason', 'x'], ['replies', 'assign'], ['replies', '--sums'], ['proof', NUMBER], ['test', 'file.conf'], ['cancel', 'fair']],
  [65, ['show', 'nothing-of-this-name'], ['show', 'file.conf'], ['approve', TITLE], ['amend', 'names.csv'], ['show', ID, '-r', 'x'], ['why', '123'], ['why', 'abc'], ['gateways', 'pause', 'x'],
    ['gateways', 'limit', 'mobile', 'fast'], ['logs', '-g', 'x'], ['audit', '-g', 'x'], ['gateways', 'pause', '短信'], ['verify', 'x'], ['optout', 'add', '12'], ['report', 'x'], ['report', ID, '-o', 'x.doc'],
    ['import', 'file.conf'], ['amend', 'wrong.conf'], ['residents', 'list', '--tag', '无此标签'], ['add', 'x', 'people.csv'], ['safe', '12'],
    ['approve', 'x'], ['retry', 'x'], ['replies', 'answer', '0-0', 'x'], ['replies', 'close', 'x'], ['proof', NUMBER, 'x'], ['proof', '1', ID],
    ['uncalled', 'x'], ['check', 'names.csv'], ['check', '.'], ['test', 'file.conf', '-t', '12'], ['pause', 'x'], ['resume', 'x'], ['cancel', 'x']],
  [66, ['plan', 'nowhere'], ['import', 'nowhere.ics'], ['amend', 'nowhere.conf'], ['residents', 'import', 'nowhere.csv'], ['add', 'fair', 'nowhere.csv'],
    ['rehearse', 'nowhere.conf'], ['check', 'nowhere.conf'], ['check', 'wrong.conf'], ['forecast', 'nowhere.conf'], ['queue', 'nowhere.conf']],
  [78, ['-c', 'nowhere.conf', 'list'], ['-c', 'names.csv', 'list']],
].flatMap(([code, ...all]) => all.map((args) => [args, code]));

/** Three English words in a row: in Chinese they are a command to type, or a list of names. */
const english = (text) => text.replace(/outreach [a-z ]+/g, '').match(/[A-Za-z']+( [a-z']+){2,}/);

journey('every command, and every mistake, on a terminal of 80 columns', async (s) => {
  await fill(s);
  for (const language of LANGUAGES) {
    const commands = [...TABLES.map(([args]) => args), ...SCREENS, ...WRONG.map(([args]) => args)];
    for (const [i, { args, text, code }] of (await screens(s, commands, language)).entries()) {
      const what = `${language} ${args.join(' ')}`;
      if (process.env.SHOW) console.log(`${'='.repeat(10)} ${what} (${code})\n${text}`);
      fits(text, what);
      if (i < TABLES.length) assert.match(text, TABLES[i][1], what);
      if (i >= TABLES.length + SCREENS.length) assert.equal(code, WRONG[i - TABLES.length - SCREENS.length][1], `${what}: ${text}`);
      if (language.startsWith('zh')) assert.equal(english(text), null, `${what}: ${text}`);
      assert.notEqual(text.trim(), '', what);
    }
  }
  // What goes over the wire is nobody's language, but fits; what came of it is said in hers.
  for (const [language, said] of [['zh_CN.UTF-8', /^应答：已接收$/m], ['en_US.UTF-8', /^answer: accepted$/m]]) {
    const [{ text, code }] = await screens(s, [['gateways', 'try', 'mobile', '--to', people(6)[4].sms, '-y', '--receipt', '0']], language);
    fits(text, `try ${language}`);
    assert.match(text, said);
    assert.equal(code, 0, text);
  }
  // Every order that people gave above has words.
  const audit = JSON.parse((await s.ok('audit', '--json')).out);
  const zh = await s.run(['-c', s.conf, 'audit'], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  const ops = [...new Set(audit.map((one) => one.op))];
  assert.ok(ops.length >= 8, `${ops}`);
  for (const op of ops.filter((one) => one.includes('-'))) assert.ok(!zh.out.includes(op), `${op}:\n${zh.out}`);
  const queued = await s.run(['-c', s.conf, 'audit', '--op', '提交', '--json'], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  assert.deepEqual(JSON.parse(queued.out), audit.filter((one) => one.op === 'queue'), 'by its word too');
  const failed = await s.run(['-c', s.conf, 'show', ID, '-s', '失败', '--json'], { env: { LC_ALL: 'zh_CN.UTF-8' } });
  assert.deepEqual(JSON.parse(failed.out).reminders, JSON.parse((await s.ok('show', ID, '-s', 'failed', '--json')).out).reminders, 'so is a state');
}, { timeout: 600000 });
