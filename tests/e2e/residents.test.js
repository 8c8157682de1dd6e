'use strict';
// The register of residents: from an office's files to the phones of those who have a tag.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const XLSX = require('xlsx');
const { journey, campaign, people, inDays, until, BUILD } = require('./lib/stage');

const PEOPLE = 'outreach:{outreach:residents}:people';
const ADDRESSES = 'outreach:{outreach:residents}:addresses';

/** In GB18030, as an office's Excel writes a CSV; iconv judges. */
const gb18030 = (text) => {
  const { status, stdout } = spawnSync('iconv', ['-f', 'utf-8', '-t', 'gb18030'], { input: text });
  assert.equal(status, 0);
  return stdout;
};

const CSV = '姓名,手机号,社区,标签,身份证号\r\n王秀英,138 5140 1001,鼓楼社区,妇女、党员,320106197001011234\r\n'
  + '李桂芳,13851401002,鼓楼社区,妇女,\r\n王大力,13851401001,湖南路社区,,\r\n陈洁,1.38514E+10,鼓楼社区,妇女,\r\n'
  + '王秀英,13851401001,,,\r\n';

/** All that the register has in Redis, in one order. */
async function contents(s) {
  const client = await s.redis();
  const keys = (await client.call('KEYS', 'outreach:*residents*')).sort();
  const all = {};
  for (const key of keys) {
    if (key.includes(':tag:')) all[key] = await client.call('BITCOUNT', key);
    else {
      const flat = await client.call('HGETALL', key);
      all[key] = flat.map((field, i) => (i % 2 ? null : [field, flat[i + 1]])).filter(Boolean).sort();
    }
  }
  return all;
}

/** Who did what, as the stream has it. */
async function audited(s) {
  const entries = await (await s.redis()).call('XRANGE', 'outreach:audit', '-', '+');
  return entries.map(([, flat]) => Object.fromEntries(flat.map((field, i) => (i % 2 ? null : [field, flat[i + 1]])).filter(Boolean)));
}

/** On a terminal, where it can be asked: all that it shows. The second word is typed when the question stands there. */
async function asked(s, line, answer) {
  const child = spawn('script', ['-qec', `${BUILD}/outreach -c ${s.conf} ${line}`, '/dev/null'],
    { cwd: s.dir, env: { ...s.env, TERM: 'xterm' }, stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  let code;
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (out.includes('[y/N]') && answer) child.stdin.write(answer);
    if (out.includes('[y/N]')) answer = undefined;
  });
  child.on('close', (status) => (code = status ?? -1));
  await until('the command to end', () => code !== undefined, 60000);
  return { code, out: out.replaceAll('\r', '') };
}

const inChinese = (s, ...args) => s.run(['-c', s.conf, ...args], { env: { LC_ALL: 'zh_CN.UTF-8' } });
const json = async (s, ...args) => JSON.parse((await s.ok(...args, '--json')).out);
const listed = async (s, ...args) => (await s.ok('residents', 'list', '--json', ...args)).out.split('\n').filter(Boolean).map((line) => JSON.parse(line));

journey('what is wrong is told first, in both languages, and changes nothing', async (s) => {
  await s.redisServer();
  s.write('good.csv', CSV);
  s.write('bad.csv', '姓名,手机号\n王秀英,12\n李桂芳,025-83241001\n');
  s.write('none.csv', '姓名,住址\n王秀英,鼓楼\n');
  const book = XLSX.utils.book_new();
  for (const name of ['城南', '城北'])
    XLSX.utils.book_append_sheet(book, XLSX.utils.aoa_to_sheet([['姓名', '手机号'], ['王秀英', 13851401001]]), name);
  XLSX.writeFile(book, s.path('two.xlsx'));
  for (const [args, code, english, chinese] of [
    [['residents', 'frobnicate'], 64, /usage: outreach residents import\|tag/, /用法：outreach residents/],
    [['residents', 'tags', 'x'], 64, /usage: outreach residents tags$/m, /用法：outreach residents tags$/m],
    [['residents', 'import'], 64, /usage: outreach residents import FILE$/m, /用法：outreach residents import 文件$/m],
    [['residents', 'tag'], 64, /residents tag TAG --add\|--remove NUMBER/, /residents tag 标签 --add\|--remove 号码/],
    [['residents', 'import', 'nowhere.csv'], 66, /nowhere.csv cannot be read/, /无法读取 nowhere.csv/],
    [['residents', 'import', 'none.csv', '-y'], 65, /no column with phone numbers.*columns are 姓名, 住址.*--columns sms=HEADING/, /没有电话号码列.*--columns sms=列名/],
    [['residents', 'import', 'two.xlsx', '-y'], 65, /several sheets.*城南, 城北.*--sheet NAME/, /不止一个工作表.*--sheet/],
    [['residents', 'import', 'bad.csv', '-y'], 65, /nobody in the list can be reached \(rows refused: 2\)[^]*row 3 not taken: 手机号: a landline/, /没有可用的人（2 行不可用）/],
    [['residents', 'import', 'good.csv', '--columns', 'sms'], 65, /expected NAME=HEADING/, /应为 名称=表头/],
    [['residents', 'import', 'good.csv', '--columns', 'sms=电话2'], 65, /no column "电话2"/, /没有“电话2”列/],
    [['residents', 'import', 'good.csv'], 64, /nobody to ask: say -y/, /请加 -y/],
    [['residents', 'list', '--tag', '妇女'], 65, /there is no tag "妇女"/, /没有标签“妇女”/],
    [['residents', 'tag', '妇女', '--add'], 64, /say who: NUMBER, --file FILE/, /请指明是谁：号码/],
    [['residents', 'tag', '妇女', '--all'], 64, /say --add or --remove/, /请指明 --add 或 --remove/],
    [['residents', 'export', 'list.pdf'], 65, /name it .xlsx or .csv/, /须以 .xlsx 或 .csv 结尾/],
    [['residents', 'erase', '123'], 65, /number is too short/, /号码/],
    [['add', 'nobody', 'good.csv'], 65, /there is no campaign nobody/, /没有活动 nobody/],
  ]) {
    const en = await s.outreach(...args);
    const zh = await inChinese(s, ...args);
    assert.deepEqual([en.code, zh.code], [code, code], `${args.join(' ')}: ${en.all}${zh.all}`);
    assert.match(en.err, english);
    assert.match(zh.err, chinese);
  }
  const dry = await s.ok('residents', 'import', 'good.csv', '--dry-run');
  assert.match(dry.out, /Left out: 身份证号/);
  assert.match(dry.out, /row 5 not taken: 手机号: Excel has destroyed the number/);
  s.write('cards.csv', '姓名,手机号,id_card,社保卡号（必填）,Passport No.,社保\n王秀英,13851401001,320106197001011234,A1,E1,有\n');
  assert.match((await s.ok('residents', 'import', 'cards.csv', '--dry-run')).out, /Left out: id_card, 社保卡号（必填）, Passport No\.\s/, 'whether she has one is kept');
  const no = await asked(s, 'residents import good.csv', 'n\n');
  assert.equal(no.code, 75, no.out);
  assert.match(no.out, /row 5 not taken: [^]*Take these people into the register\?/, 'who is asked knows which rows are refused');
  assert.deepEqual(await contents(s), {});
});

journey('files of an office become residents, once, however often they are imported', async (s) => {
  await s.redisServer();
  s.write('gb.csv', gb18030(CSV));
  const shown = await s.ok('residents', 'import', 'gb.csv', '-y');
  assert.match(shown.out, /\+86138…01 +王秀英 +鼓楼社区 +妇女、党员/, 'the first rows, before the answer');
  assert.match(shown.out, /3 people; rows refused 1, twice in the file 1\n[^]*new 3, changed 0, as they were 0\n/);
  assert.match((await s.ok('residents', 'list', '--limit', '1')).out, /^ +1 {2}\+86138…01 {2}王秀英\n +社区: 鼓楼社区 {2}Tags: 鼓楼社区、妇女、党员\n/, 'each value says what it is');
  const first = await contents(s);
  assert.deepEqual(first[PEOPLE], [
    ['1', '+8613851401001\x1f王秀英\x1f鼓楼社区'], ['2', '+8613851401002\x1f李桂芳\x1f鼓楼社区'], ['3', '+8613851401001\x1f王大力\x1f湖南路社区'],
  ]);
  assert.deepEqual(first[ADDRESSES], [['+8613851401001', '1 3'], ['+8613851401002', '2']], 'two names on one phone are two people');

  const again = await json(s, 'residents', 'import', 'gb.csv', '-y');
  assert.deepEqual([again.added, again.changed, again.same], [0, 0, 3]);
  assert.deepEqual(await contents(s), first);

  // The workbook of another office: one known, one new, one who has moved.
  const book = XLSX.utils.book_new();
  XLSX.utils.book_append_sheet(book, XLSX.utils.aoa_to_sheet([
    ['姓名', '联系电话', '社区', '职业'], ['李桂芳', 13851401002, '湖南路社区', '教师'], ['Anna', 13851401003, '', '=cmd()'], ['王秀英', 13851401001, '', ''],
  ]), '名单');
  XLSX.writeFile(book, s.path('b.xlsx'));
  const b = await json(s, 'residents', 'import', 'b.xlsx', '--tag', '2027', '-y');
  assert.deepEqual([b.added, b.changed, b.same], [1, 2, 0]);
  assert.deepEqual(await json(s, 'residents', 'tags'), {
    people: 4, tags: { 妇女: 2, 党员: 1, 鼓楼社区: 1, 湖南路社区: 2, 2027: 3 } });
  assert.deepEqual(await listed(s, '--tag', '2027', '--without', '党员'), [
    { n: 2, sms: '+86138…02', name: '李桂芳', 社区: '湖南路社区', 职业: '教师', tags: ['妇女', '湖南路社区', '2027'] },
    { n: 4, sms: '+86138…03', name: 'Anna', 职业: '=cmd()', tags: ['2027'] },
  ]);
  assert.deepEqual((await listed(s, '--any', '党员,湖南路社区', '--full')).map((p) => p.sms), ['+8613851401001', '+8613851401002', '+8613851401001']);

  // Tags for those who have one, and for the people of a file; nobody new comes by it.
  assert.equal((await json(s, 'residents', 'tag', '志愿者', '--add', '--tag', '妇女')).changed, 2);
  s.write('some.csv', '手机号,姓名\n13851401001,王秀英\n13851409999,谁\n');
  const some = await json(s, 'residents', 'tag', '志愿者', '--remove', '--file', 'some.csv');
  assert.deepEqual([some.changed, some.unknown], [1, 1]);
  assert.deepEqual((await listed(s, '--tag', '志愿者')).map((p) => p.n), [2]);
  assert.equal((await s.outreach('residents', 'list', '--tag', '志愿音')).code, 65);

  // Excel opens what is exported, and no cell is a formula.
  await s.ok('residents', 'export', 'all.csv');
  await s.ok('residents', 'export', 'all.xlsx', '--tag', '2027');
  const csv = fs.readFileSync(s.path('all.csv'), 'utf8');
  assert.ok(csv.startsWith('\ufeffPhone,Name,社区,职业,Tags\r\n'), csv);
  assert.match(csv, /"'=cmd\(\)"/);
  const rows = XLSX.utils.sheet_to_json(XLSX.readFile(s.path('all.xlsx')).Sheets.Residents);
  assert.deepEqual(rows[1], { Phone: '+8613851401002', Name: '李桂芳', 社区: '湖南路社区', 职业: '教师', Tags: '妇女、湖南路社区、2027、志愿者' });
  const before = await contents(s);
  const back = await json(s, 'residents', 'import', 'all.xlsx', '-y');
  assert.deepEqual([back.rows, back.added, back.changed], [3, 0, 0], 'what was exported is imported');
  assert.deepEqual(await contents(s), before);
  assert.deepEqual((await audited(s)).map((e) => [e.op, e.file ?? e.tag ?? e.numbers]), [
    ['residents-import', 'gb.csv'], ['residents-import', 'gb.csv'], ['residents-import', 'b.xlsx'], ['residents-list', 'full'],
    ['residents-tag', '志愿者'], ['residents-untag', '志愿者'], ['residents-export', 'all.csv'], ['residents-export', 'all.xlsx'],
    ['residents-import', 'all.xlsx']]);

  // One person, by her number: of several at one phone by her name too.
  assert.match((await s.ok('residents', 'tag', '楼长', '--add', '138 5140 1002')).out, /李桂芳 \(\+86138…02\) has it now/);
  assert.equal((await json(s, 'residents', 'tag', '楼长', '--add', '13851401002')).changed, 0);
  const household = await s.outreach('residents', 'tag', '楼长', '--add', '13851401001');
  assert.equal(household.code, 64);
  assert.match(household.err, /several people \(王秀英, 王大力\): say --name NAME, or --all/);
  assert.equal((await json(s, 'residents', 'tag', '楼长', '--add', '13851401001', '--name', '王大力')).changed, 1);
  assert.deepEqual((await listed(s, '--tag', '楼长')).map((p) => p.name), ['李桂芳', '王大力']);
  assert.deepEqual((await listed(s, '138 5140 1001')).map((p) => [p.sms, p.name, p.tags.includes('楼长')]),
    [['+86138…01', '王秀英', false], ['+86138…01', '王大力', true]], 'who is at a number');
  assert.match((await s.ok('residents', 'list', '13851409999')).out, /^nobody$/m);
  assert.equal((await s.outreach('residents', 'tag', '楼长', '--add', '13851409999')).code, 65, 'who is not there does not come by a tag');
  assert.equal((await json(s, 'residents', 'tag', '楼长', '--remove', '13851401001', '--all')).changed, 1);
  await s.ok('residents', 'tag', '楼长', '--remove', '13851401002');
  assert.deepEqual(await listed(s, '--tag', '楼长'), []);
  const tagged = (await audited(s)).filter((one) => one.tag === '楼长' && one.op === 'residents-tag');
  assert.deepEqual(tagged.map((one) => one.to), ['+86138…02', '+86138…02', '+86138…01'], 'each is on record, masked');
});

journey('a column says by what each person agreed, in Chinese or in English, and comes back under its name', async (s) => {
  await s.redisServer();
  s.write('zh.csv', '姓名,手机号,同意依据\n王秀英,13851401001,2026年3月社区登记表\n');
  s.write('en.csv', 'Name,Phone,Consent\nAnna,13851401002,form 12\n');
  for (const file of ['zh.csv', 'en.csv']) await s.ok('residents', 'import', file, '-y');
  assert.deepEqual((await listed(s)).map((one) => one.consent), ['2026年3月社区登记表', 'form 12']);
  const zh = await inChinese(s, 'residents', 'list');
  assert.match(zh.out, /同意依据：2026年3月社区登记表/);
  await inChinese(s, 'residents', 'export', 'out.csv');
  assert.match(fs.readFileSync(s.path('out.csv'), 'utf8').split('\n')[0], /同意依据/);
  const back = await json(s, 'residents', 'import', 'out.csv', '-y');
  assert.deepEqual([back.added, back.changed, back.same], [0, 0, 2]);
});

journey('an import that is interrupted is done by doing it again', async (s) => {
  const ROWS = 60000;
  const client = await s.redisServer().then(() => s.redis());
  s.write('many.csv', `姓名,手机号,社区\n${Array.from({ length: ROWS }, (_, i) => `居民${i},${13800000000 + i},社区${i % 7}`).join('\n')}\n`);
  s.writeConf();
  const child = spawn(path.join(BUILD, 'outreach'), ['-c', s.conf, 'residents', 'import', 'many.csv', '-y'], { cwd: s.dir, env: s.env, stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (chunk) => (err += chunk));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until('the first of them', async () => Number(await client.call('HLEN', PEOPLE)) > 0, 60000);
  child.kill('SIGINT');
  assert.equal(await ended, 130, err);
  const stored = Number(await client.call('HLEN', PEOPLE));
  assert.ok(stored > 0 && stored < ROWS, `${stored}`);
  assert.match(err, new RegExp(`interrupted; stored until then: ${stored} people`));

  const rest = JSON.parse((await s.run(['-c', s.conf, 'residents', 'import', 'many.csv', '-y', '--json'], { timeoutMs: 110000 })).out);
  assert.deepEqual([rest.taken, rest.added, rest.same], [ROWS, ROWS - stored, stored]);
  assert.equal(Number(await client.call('HLEN', ADDRESSES)), ROWS);
  assert.deepEqual(Object.values((await json(s, 'residents', 'tags')).tags).reduce((a, b) => a + b), ROWS);
});

journey('a campaign goes to those who have its tags and nobody else, and to who is added later; one is erased', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  s.write('all.csv', '姓名,手机号,社区,标签\n王秀英,13851401001,鼓楼社区,妇女\n李桂芳,13851401002,鼓楼社区,妇女、党员\n'
    + '王大力,13851401003,鼓楼社区,\nAnna,13851401004,湖南路社区,妇女\n');
  await s.ok('residents', 'import', 'all.csv', '-y');
  s.write('more.csv', '姓名,电话,社区\n陈洁,13851401005,鼓楼社区\n王秀英,13851401001,鼓楼社区\n');
  const conf = (audience, text = '{{name}}（{{社区}}），请到区妇联。') => s.write('fair.conf', `campaign = { id = "fair"; class = "personal"; title = "招聘会";
    event = { starts = "${inDays(7, '09:00')}"; }; audience = { ${audience} }; texts = { zh = "${text}"; };
    reminders = ( { name = "now"; at = "now"; }, { name = "eve"; at = "-1d 18:00"; } ); };\n`);

  for (const [audience, text, wrong] of [
    ['tags = ( "妇女", "鼓楼区" );', undefined, /no tag "鼓楼区"/],
    ['tags = "妇女";', '{{name}}，{{小区}}', /小区.*no such column.*社区/],
    ['tags = "妇女"; recipients = ( { sms = "13851401001"; } );', undefined, /not both/],
    ['tags = ( "妇女", "党员" ); without = "鼓楼社区";', undefined, /nobody in the register has these tags/],
  ]) {
    const r = await s.outreach('queue', conf(audience, text));
    assert.equal(r.code, 65, r.all);
    assert.match(r.err, wrong);
  }

  // Two of the register and a file beside it: who is in both counts once, as the file has her.
  conf('file = "more.csv"; tags = ( "妇女", "鼓楼社区" ); without = "党员";');
  const checked = JSON.parse((await s.ok('check', 'fair.conf', '--json')).out);
  assert.deepEqual([checked.audience.rows, checked.audience.taken, checked.audience.elsewhere], [3, 2, 1]);
  assert.match((await s.ok('queue', 'fair.conf')).out, /2 taken, 1 merged[^]*in an earlier list: 1[^]*register: the same person as in row 3: taken once \(more.csv\)/);
  assert.deepEqual(await s.settled('fair', 'now', 60000), { delivered: 2 });
  assert.deepEqual(smsc.messages.map((m) => m.to).sort(), ['+8613851401001', '+8613851401005']);
  assert.deepEqual(smsc.textsFor('+8613851401001'), ['【鼓楼区妇联】王秀英（鼓楼社区），请到区妇联。']);

  // Late: one who is in it, one new, one whose number is none, and one for whom a text would have a hole.
  s.write('late.csv', '姓名,手机号,社区\n王秀英,13851401001,鼓楼社区\n赵敏,13851401006,湖南路社区\n谁,12,鼓楼社区\n周,13851401007,\n');
  const late = await s.ok('add', 'fair', 'late.csv');
  assert.match(late.out, /added 1, in it already 1, merged 0, refused 2\n[^]*row 4 not taken[^]*row 5 not taken[^]*now +now\n +eve +2/);
  assert.deepEqual(await s.settled('fair', 'now', 60000), { delivered: 3 });
  assert.deepEqual((await audited(s)).filter((e) => e.op === 'add').map((e) => [e.campaign, e.rows]), [['fair', '3-3']]);
  const twice = await json(s, 'add', 'fair', 'late.csv');
  assert.deepEqual([twice.added, twice.known], [0, 2]);
  assert.deepEqual(smsc.textsFor('+8613851401006'), ['【鼓楼区妇联】赵敏（湖南路社区），请到区妇联。']);
  assert.equal(smsc.messages.length, 3);
  await s.ok('verify', 'fair');
  assert.match((await s.ok('show', 'fair')).out, /eve +scheduled[^]*planned 3 = waiting 3/);
  assert.deepEqual((await s.ok('queue', 'fair.conf')).out, 'fair is queued already; nothing was changed\n');

  // Erased: the register has nothing of her, the opt-out stays, and what else has her is told.
  await s.ok('optout', 'add', '13851401001');
  await s.ok('safe', '13851401001', 'neutral');
  assert.equal((await s.outreach('residents', 'erase', '13851401001')).code, 64);
  const erased = await json(s, 'residents', 'erase', '13851401001', '-y');
  assert.deepEqual(erased, { erased: 1, opted_out: true, safe: true, campaigns: ['fair'], hidden: 0 });
  assert.doesNotMatch(JSON.stringify(await contents(s)), /13851401001|王秀英/);
  assert.deepEqual((await audited(s)).filter((e) => e.op === 'residents-erase').map((e) => e.to), ['+86138…01']);
  assert.deepEqual((await json(s, 'residents', 'tags')).tags, { 妇女: 2, 鼓楼社区: 2, 党员: 1, 湖南路社区: 1 });
  assert.match((await s.ok('optout', 'list', '13851401001')).out, /has opted out/);
  assert.match((await s.ok('residents', 'erase', '13851401001', '-y')).out, /is not in the register\n[^]*lists of these campaigns, as long as they are kept:\n +fair/);
  // One telephone of a whole house: all is all of them.
  s.write('house.csv', `姓名,手机号\n${Array.from({ length: 40 }, (_, i) => `住户${i},13851401009\n`).join('')}`);
  await s.ok('residents', 'import', 'house.csv', '-y');
  assert.equal((await json(s, 'residents', 'erase', '13851401009', '--all', '-y')).erased, 40);

  // A sensitive campaign tells nobody who is in it, but for who may read the daemon's own key.
  await s.xadd(campaign('home', people(1), { sensitive: true, texts: { zh: '您好，请按约好的时间前来。' } }));
  assert.deepEqual(await s.settled('home', 'first', 60000), { delivered: 1 });
  assert.deepEqual((await json(s, 'residents', 'erase', people(1)[0].sms, '-y')).campaigns, ['home']);
  fs.renameSync(`${s.state}/log.key`, s.path('elsewhere'));
  const hidden = await json(s, 'residents', 'erase', people(1)[0].sms, '-y');
  assert.deepEqual([hidden.campaigns, hidden.hidden], [[], 1]);
  const refused = await s.outreach('add', 'home', 'late.csv');
  assert.equal(refused.code, 65);
  assert.match(refused.err, /home is sensitive/);
}, { timeout: 240000 });
