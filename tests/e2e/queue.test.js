'use strict';
// Queueing: from any Redis client and from the command line; what is refused, and with which word.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { journey, campaign, people, inDays, DATA, BUILD } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

journey('the bare XADD of the documentation is a queued campaign', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const day = inDays(5);
  const script = fs.readFileSync(path.join(DATA, 'queue-from-any-client.sh'), 'utf8').replaceAll('2027-03-05', day);
  const file = s.write('queue.sh', script);
  await s.redis();
  const sent = spawnSync('sh', [file, path.join(s.state, 'redis.sock')], { encoding: 'utf8' });
  assert.equal(sent.status, 0, sent.stderr);
  await s.settled('health-check-2027', 'now');
  const at = new Date(`${day}T00:00:00Z`);
  const date = `${at.getUTCMonth() + 1}月${at.getUTCDate()}日（周${'日一二三四五六'[at.getUTCDay()]}）`;
  assert.deepEqual(smsc.textsFor('+8613851400011'), [
    `【鼓楼区妇联】周桂兰您好，您的免费体检安排在${date}上午8:40，区妇幼保健所，请空腹前来。`]);
  assert.deepEqual(smsc.textsFor('+8613851400012'), [
    `【鼓楼区妇联】吴秀珍您好，您的免费体检安排在${date}上午9:20，区妇幼保健所，请空腹前来。`]);
  // The second reminder is two hours before each person's own time: not now.
  assert.deepEqual(Object.keys(await s.counts('health-check-2027', 'before')).filter((k) => !['untouched', 'parked'].includes(k)), []);
  // Run twice it is queued once.
  spawnSync('sh', [file, path.join(s.state, 'redis.sock')]);
  await pause(500);
  assert.equal(smsc.messages.length, 2);
  assert.deepEqual(await s.rejected(), []);
});

journey('what no daemon has taken is neither verified nor reported: said, not an empty answer', async (s) => {
  await s.smsc();
  const file = s.write('early.json', JSON.stringify(campaign('early', people(2))));
  await s.ok('queue', file, '--no-wait');
  for (const command of ['verify', 'report']) {
    const result = await s.outreach(command, 'early');
    assert.equal(result.code, 75, result.all);
    assert.match(result.err, /early is not taken by outreachd yet/);
    assert.equal(result.out, '');
  }
  assert.match((await s.ok('clock')).out, /no outreachd has run/);
});

journey('a campaign that is not there is told in the language of who asked; no Redis, by its place', async (s) => {
  await s.smsc();
  await s.start();
  for (const args of [['show', 'nobody'], ['pause', 'nobody'], ['watch', 'nobody'], ['logs', '--campaign', 'nobody'], ['verify', 'nobody']])
    for (const [LC_ALL, words] of [['C.UTF-8', /there is no campaign nobody/], ['zh_CN.UTF-8', /没有活动 nobody（outreach list/]]) {
      const result = await s.run(['-c', s.conf, ...args], { env: { LC_ALL } });
      assert.equal(result.code, 65, result.all);
      assert.match(result.err, words);
    }
  const nowhere = s.write('nowhere.conf', `redis = { url = "unix:${s.path('no.sock')}"; };\ngateways = ();\n`);
  const result = await s.run(['-c', nowhere, 'list']);
  assert.equal(result.code, 69, result.all);
  assert.ok(result.err.includes(s.path('no.sock')), result.err);
});

journey('on a terminal of 80 columns no line of show and why is longer', async (s) => {
  await s.smsc();
  await s.start();
  await s.xadd(campaign('narrow', people(2), { reminders: [{ name: 'the-first-announcement', at: 'now' }] }));
  assert.deepEqual(await s.settled('narrow', 'the-first-announcement'), { delivered: 2 });
  const columns = (line) => [...line].reduce((n, c) => n + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/.test(c) ? 2 : 1), 0);
  for (const LC_ALL of ['C.UTF-8', 'zh_CN.UTF-8'])
    for (const command of ['show narrow', `why ${people(1)[0].sms}`]) {
      const seen = spawnSync('script', ['-qec', `stty cols 80 rows 24; ${path.join(BUILD, 'outreach')} -c ${s.conf} ${command}`, '/dev/null'],
        { env: { ...s.env, LC_ALL, TERM: 'xterm' }, encoding: 'utf8', input: '' });
      assert.equal(seen.status, 0, seen.stdout);
      const lines = seen.stdout.split(/\r?\n/);
      const log = lines.findIndex((line) => /^(Delivery log|投递日志)/.test(line)); // its lines are one each
      assert.match(seen.stdout, /the-first-an/);
      for (const line of log < 0 ? lines : lines.slice(0, log)) assert.ok(columns(line) <= 80, line);
    }
});

journey('where nobody in a list can be reached, a row is named with the reason', async (s) => {
  s.write('none.csv', '姓名,手机号\n王秀英,1.38515E+10\n李桂芳,1.38515E+10\n');
  const file = s.write('none.json', JSON.stringify(campaign('none', [], { audience: { file: 'none.csv' } })));
  for (const command of ['check', 'queue']) {
    const result = await s.outreach(command, file);
    assert.equal(result.code, 65, result.all);
    assert.match(result.err, /nobody in the list can be reached \(rows refused: 2\); row 2: 手机号: Excel has destroyed/);
  }

  // A number of somebody's identity in a text is no mistake, and told: under another name too, and not where it is only in the list.
  s.write('ids.csv', '姓名,手机号,身份证号\n王秀英,13851400001,320106197001011220\n');
  const ids = (id, zh, columns) => s.write(`${id}.json`, JSON.stringify(campaign(id, [], { audience: { file: 'ids.csv', columns }, texts: { zh } })));
  const told = /\nTo know\n {2}! the message carries \{\{身份证号\}\}: whoever [^]*Take it out/;
  const carries = ids('carries', '{{姓名}}您好，请核对{{身份证号}}。');
  const alone = ids('alone', '{{姓名}}您好，请带身份证。');
  assert.match((await s.ok('forecast', carries)).out, /\nTo know\n[^]*  ! the message carries \{\{身份证号\}\}/, 'who agrees reads it, too');
  for (const [command, ...more] of [['check'], ['queue', '--no-wait']]) {
    assert.match((await s.ok(command, carries, ...more)).out, told, command);
    assert.doesNotMatch((await s.ok(command, alone, ...more)).out, /message carries/, command);
    const json = JSON.parse((await s.ok(command, ids(`as-${command}`, '请核对{{号}}。', { 号: '身份证号' }), '--json', ...more)).out);
    assert.ok(json.hints.includes('private-column'), command);
  }
  s.write('ids.csv', '姓名,手机号,id_card,社保卡号,社保\n王秀英,13851400001,320106197001011220,A1,有\n');
  assert.match((await s.ok('check', ids('cards', '请核对{{id_card}}、{{社保卡号}}，{{社保}}。'))).out, /carries \{\{id_card\}\}, \{\{社保卡号\}\}: whoever/);
  s.write('ids.csv', '姓名,手机号,身份证号\n王秀英,13851400001,320106197001011220\n');
  assert.match((await s.run(['-c', s.conf, 'check', carries], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out, /请注意\n {2}！[^]*\{\{身份证号\}\}/);
});

journey('the same campaign queued twice is queued once', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const body = campaign('once', people(20));
  await s.xadd(body);
  await s.xadd(body);
  assert.deepEqual(await s.settled('once', 'first'), { delivered: 20 });
  await s.xadd(body);
  await pause(500);
  assert.equal(smsc.messages.length, 20);
  assert.deepEqual(await s.rejected(), []);
});

journey('the same id with another body is refused with a word about amend', async (s) => {
  await s.smsc();
  await s.start();
  await s.xadd(campaign('same', people(2)));
  await s.settled('same', 'first');
  await s.xadd(campaign('same', people(2), { title: '另一个' }));
  const [refused] = await until('the refusal', async () => {
    const all = await s.rejected();
    return all.length > 0 && all;
  });
  assert.match(JSON.stringify(refused), /amend/);
  assert.match(JSON.stringify(refused), /same/);
});

const broken = {
  'no JSON at all': ['this is no json', /line 1.*expected near/],
  'JSON that is cut off': ['{"id": "cut', /json|line/i],
  'no id': [JSON.stringify({ ...campaign('x', people(1)), id: undefined }), /id/],
  'an id with capitals': [JSON.stringify(campaign('Job_Fair', people(1))), /id/],
  'an unknown field': [JSON.stringify({ ...campaign('x', people(1)), colour: 'red' }), /colour/],
  'an unknown class': [JSON.stringify(campaign('x', people(1), { class: 'advert' })), /class/],
  'an unknown placeholder': [JSON.stringify(campaign('x', people(1), { texts: { zh: '{{nmae}}您好' } })), /nmae/],
  'a time that nobody can read': [JSON.stringify(campaign('x', people(1), { reminders: [{ name: 'a', at: 'soonish' }] })), /soonish/],
  'a reminder with a reserved name': [JSON.stringify(campaign('x', people(1), { reminders: [{ name: 'audience', at: 'now' }] })), /audience/],
  'an unknown time zone': [JSON.stringify(campaign('x', people(1), { event: { starts: inDays(3, '09:00'), timezone: 'Asia/Nanjing', venue: { zh: 'x' } } })), /Nanjing/],
};
journey('a bad event lands in outreach:events:rejected with the reason, and the next one is taken', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const redis = await s.redis();
  for (const [body] of Object.values(broken)) await redis.call('XADD', 'outreach:events', '*', 'op', 'queue', 'by', 'hotline', 'body', body);
  await redis.call('XADD', 'outreach:events', '*', 'op', 'abolish', 'by', 'hotline', 'campaign', 'x');
  await redis.call('XADD', 'outreach:events', '*', 'nothing', 'known');
  await s.xadd(campaign('good', people(1)));
  assert.deepEqual(await s.settled('good', 'first'), { delivered: 1 });
  const rejected = await s.rejected();
  // By event: a list of which nobody can be used is told row by row as well.
  const reasons = new Map();
  for (const one of rejected) reasons.set(one.event, `${reasons.get(one.event) ?? ''}${one.reason}\n`);
  assert.equal(reasons.size, Object.keys(broken).length + 2);
  for (const [i, [what, [body, reason]]] of Object.entries(broken).entries()) {
    assert.match([...reasons.values()][i], reason, what);
    assert.ok(rejected.some((one) => one.body === body), `${what}: the body is kept`);
  }
  assert.equal(smsc.messages.length, 1);
});

journey('a bad campaign file is refused with file, line and field', async (s) => {
  await s.smsc();
  s.copy('jobseekers.csv');
  for (const [edit, reason] of [
    [(t) => t.replace('class = "notice"', 'class = "advert"'), /job-fair\.conf:4\b.*class/s],
    [(t) => t.replace('same_phone = "merge"', 'same_phones = "merge"'), /job-fair\.conf:12\b.*same_phones/s],
    [(t) => t.replace('at = "-1d 18:00"', 'at = "-1d 25:00"'), /job-fair\.conf:24\b.*25:00/s],
    [(t) => t.replace('starts = "2027-03-06T09:00"', 'starts = "2027-02-30T09:00"'), /job-fair\.conf:7\b.*2027-02-30/s],
    [(t) => t.replace('jobseekers.csv', 'nobody.csv'), /nobody\.csv/],
    [(t) => t.replaceAll('2027-03-06', inDays(-9)), /every reminder is over/],
    [(t) => t.replace('id = "', 'id "'), /job-fair\.conf:3\b/],
  ]) {
    s.copy('job-fair.conf', edit);
    const result = await s.outreach('check', s.path('job-fair.conf'));
    assert.equal(result.code, /nobody/.test(reason.source) ? 66 : 65, result.all);
    assert.match(result.err, reason);
  }
});

journey('recipients that come inline are held to the same rules', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('inline', [
    { sms: '13851400001', name: '甲' }, { sms: '025-83200000', name: '座机' }, { sms: '+8613851400002', name: '乙' }]));
  assert.deepEqual(await s.settled('inline', 'first'), { delivered: 2 });
  assert.deepEqual(smsc.messages.map((m) => m.to).sort(), ['+8613851400001', '+8613851400002']);
});

journey('an inline list that turns out too long when half of it is stored is refused, and the daemon goes on', async (s) => {
  const smsc = await s.smsc();
  s.settings.defaults.max_audience = 600;
  await s.start();
  await s.xadd(campaign('long', [], { audience: { recipients: people(700), same_phone: 'each' } }));
  await s.xadd(campaign('short', people(3)));
  await s.settled('short', 'first');
  const [long] = await s.rejected();
  assert.equal(long.campaign, 'long');
  assert.match(long.reason, /row 601: more than 600 recipients/);
  assert.equal(smsc.submits.length, 3);
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
});

journey('queued late: by default the newest missed reminder goes now, older ones are skipped', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const event = { starts: inDays(1, '23:59'), timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } };
  const reminders = [
    { name: 'week', at: '-7d 09:00', texts: { zh: '一周' } },
    { name: 'days', at: '-3d 09:00', texts: { zh: '三天' } },
    { name: 'last', at: '-0d 23:58', texts: { zh: '今天' } },
  ];
  for (const [missed, expected] of [['latest', ['三天']], ['all', ['一周', '三天']], ['none', []]]) {
    const id = `late-${missed}`;
    const before = smsc.messages.length;
    await s.xadd(campaign(id, people(1), { event, reminders, missed }));
    await until(`${id} to be scheduled`, async () => (await s.redis()).call('ZSCORE', 'outreach:schedule', `${id}/last`));
    if (expected.length) await s.settled(id, 'days');
    if (missed === 'all') await s.settled(id, 'week');
    else await pause(300);
    assert.deepEqual(smsc.messages.slice(before).map((m) => m.text.replace('【鼓楼区妇联】', '')).sort(), expected.sort(), missed);
  }
});

journey('a campaign queued while no daemon runs is sent by the next one', async (s) => {
  const smsc = await s.smsc();
  s.copy('jobseekers.csv');
  s.copy('job-fair.conf', (t) => t.replaceAll('2027-03-06', inDays(7)).replace('"-7d 09:30"', '"now"'));
  await s.ok('queue', s.path('job-fair.conf'));
  const list = await s.ok('list');
  assert.match(list.out, /job-fair-2027-spring/);
  await s.start();
  assert.deepEqual(await s.settled('job-fair-2027-spring', 'announce'), { delivered: 7 });
  assert.equal(smsc.messages.length, 7);
});

journey('an event with an id from the future is taken as of now; a campaign too long for an id is refused', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const client = await s.redis();
  const add = (id, op, name, body) => client.call('XADD', 'outreach:events', id, 'op', op, 'campaign', name, 'body', body);
  await s.xadd(campaign('a'.repeat(64), people(1)));
  await add('*', 'cancel', 'a'.repeat(65), '');
  await add('99999999999999-0', 'queue', 'future', JSON.stringify(campaign('future', people(2))));
  assert.deepEqual(await s.settled('future', 'first'), { delivered: 2 });
  assert.deepEqual(await s.settled('a'.repeat(64), 'first'), { delivered: 1 });
  assert.match((await s.rejected())[0].reason, /longer than an id/);
  assert.equal(smsc.messages.length, 3);
});
