'use strict';
// The daemon's configuration, the Redis it refuses, its log, its command line.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { journey, campaign, people, BUILD, DATA, ROOT } = require('./lib/stage');
const { until } = require('./lib/wait');

const daemon = (s, args, env) => s.run(args, { program: 'outreachd', env });

journey('outreachd -t accepts the sample configuration', async (s) => {
  const secret = s.write('cloud.secret', 'hush\n');
  fs.chmodSync(secret, 0o600);
  for (const file of [path.join(ROOT, 'conf/outreachd.conf'), path.join(ROOT, 'conf/demo.conf')]) {
    const text = fs.readFileSync(file, 'utf8').replaceAll('/etc/outreach/cloud.secret', secret).replaceAll('/var/lib/outreach', s.state)
      .replaceAll('/var/log/outreach', s.dir);
    const result = await daemon(s, ['-t', '-c', s.write('sample.conf', text)]);
    assert.equal(result.code, 0, result.all);
  }
});

journey('outreachd -t accepts each sample of a gateway, also with what stands there as a comment', async (s) => {
  Object.assign(s.env, { secret: '0123456789abcdef', pin: '1234', push_key: '0123456789abcdefghijklmnopqrstuvwxyzABCDEFG' }); // an EncodingAESKey
  const files = fs.readdirSync(path.join(ROOT, 'conf/gateways'));
  assert.ok(files.length > 10, `${files}`);
  for (const file of files) {
    const sample = fs.readFileSync(path.join(ROOT, 'conf/gateways', file), 'utf8')
      .replace(/(\w+) = "@(file|env):[^"]*"/g, (_, name) => `${name} = "@env:${s.env[name] ? name : 'secret'}"`)
      .replaceAll('/var/lib/outreach', s.state);
    for (const text of [sample, sample.replace(/^( +)# (\w+ = )/gm, '$1$2')]) {
      const { code, all } = await daemon(s, ['-t', '-c', s.write(file, text)]);
      assert.equal(code, 0, `${file}: ${all}`);
    }
  }
});

// An edit of a good configuration, the line that is wrong by it, and what the person must read.
const GOOD = `name = "d1";
state_dir = "STATE";
redis = {
};
defaults = {
  timezone = "Asia/Shanghai";
  hours = "08:00-20:30";
};
gateways = (
  {
    name = "mobile"; plugin = "smpp"; channel = "sms";
    host = "127.0.0.1";
    port = 2775;
    system_id = "women";
    password = "@env:SMPP_PASSWORD";
    rate = "200/s";
  }
);
`;
for (const [what, from, to, line, words] of [
  ['an unknown setting', 'name = "d1";', 'name = "d1"; colour = "red";', 1, /colour/],
  ['an unknown setting inside', 'redis = {', 'redis = { urll = "x";', 3, /urll/],
  ['a wrong kind', 'name = "d1";', 'name = 1;', 1, /name/],
  ['an unknown time zone', 'Asia/Shanghai', 'Asia/Nanjing', 6, /Nanjing/],
  ['hours that nobody can read', '08:00-20:30', '8 to 8', 7, /hours|8 to 8/],
  ['a plugin that is not there', 'plugin = "smpp"', 'plugin = "pigeon"', 11, /pigeon/],
  ['a setting that the plugin does not know', 'port = 2775;', 'prot = 2775;', 13, /prot/],
  ['a number out of range', 'port = 2775;', 'port = 70000;', 13, /port/],
  ['a number that has overflowed', 'port = 2775;', 'port = 4294970071L;', 13, /port/],
  ['a required setting that is missing', 'host = "127.0.0.1";', '', 0, /host/],
  ['a secret in the file itself', '"@env:SMPP_PASSWORD"', '"s3cret"', 15, /password.*@(file|env)|@(file|env).*password/s],
  ['a secret that is not there', '@env:SMPP_PASSWORD', '@env:NOBODY_SET_THIS', 15, /NOBODY_SET_THIS/],
  ['a rate without a unit', '"200/s"', '"200"', 16, /rate/],
  ['a syntax error', 'port = 2775;', 'port = ;', 13, /syntax/i],
])
  journey(`outreachd -t names file and line of ${what}`, async (s) => {
    const conf = s.write('d.conf', GOOD.replace(from, to).replace('STATE', s.state));
    const result = await daemon(s, ['-t', '-c', conf]);
    assert.equal(result.code, 78, `EX_CONFIG\n${result.all}`);
    assert.match(result.err, words);
    if (line) assert.match(result.err, new RegExp(`d\\.conf:${line}\\b`));
    else assert.match(result.err, /d\.conf/);
    assert.doesNotMatch(result.err, /s3cret/, 'no secret in an error');
  });

journey('every mistake of a configuration is named at once, by -t and by a daemon that shall start', async (s) => {
  const conf = s.write('d.conf', GOOD.replace('name = "d1"', 'colour = "red"').replace('8:00-20:30', '8 to 8').replace('port', 'prot').replace('STATE', s.state)
    .concat('alerts = ( { exec = "/nonexistent/x"; } );\n'));
  for (const args of [['-t', '-c', conf], ['-c', conf]]) {
    const { code, err } = await daemon(s, args, { SMPP_PASSWORD: 'x' });
    assert.equal(code, 78, err);
    assert.deepEqual([...err.matchAll(/d\.conf:(\d+): (\S+): /g)].map(([, line, of]) => `${line} ${of}`),
      ['1 colour', '7 defaults.hours', '13 gateways[0].prot', '19 alerts[0].exec']);
    assert.match(err, /d\.conf: 4 mistakes\n$/);
  }
  const alone = s.write('alone.conf', GOOD.replace('STATE', s.state).concat('alerts = ( { to = "mobile"; } );\n'));
  const { code, err } = await daemon(s, ['-t', '-c', alone], { SMPP_PASSWORD: 'x' });
  assert.equal(code, 78, err);
  assert.match(err, /^outreachd: \S+alone\.conf:19: alerts\[0\]\.to: whose number\?[^\n]*\n$/);
  // Residents do not wait for it: the daemon says it, and sends.
  await s.smsc();
  s.settings.alerts = [{ exec: `${s.path('nobody')} token=s3cret` }];
  await s.start();
  assert.match(s.log(), / error alerts\.wrong reason="[^"]*alerts\[0\]\.exec: [^" ]*nobody: something stands behind it: expected/);
  assert.doesNotMatch(s.log(), /s3cret/);
});

for (const [what, settings, words] of [
  ['without AOF', { appendonly: 'no' }, /appendonly/],
  ['with appendfsync everysec', { appendfsync: 'everysec' }, /appendfsync/],
  ['that evicts', { 'maxmemory-policy': 'allkeys-lru' }, /maxmemory-policy/],
])
  journey(`a Redis ${what} is refused with the reason, unless loss is accepted`, async (s) => {
    const smsc = await s.smsc();
    await s.redisServer(settings);
    const refused = await s.start({ wait: false });
    const how = await until('the daemon to refuse', () => refused.how);
    assert.notEqual(how.code, 0);
    assert.match(s.log(), words);
    s.settings.redis.accept_loss = true;
    await s.start();
    await s.xadd(campaign('loss', people(1)));
    assert.deepEqual(await s.settled('loss', 'first'), { delivered: 1 });
    assert.equal(smsc.messages.length, 1);
  });

journey('a Redis that is made lax while the daemon runs is refused by whichever connection finds out', async (s) => {
  await s.smsc();
  const server = await s.redisServer();
  const running = await s.start();
  await server.client.call('CONFIG', 'SET', 'appendfsync', 'everysec');
  const clients = (await server.client.call('CLIENT', 'LIST')).split('\n').filter((line) => /cmd=evalsha|cmd=script/.test(line));
  const last = Math.max(...clients.map((line) => Number(line.match(/id=(\d+)/)[1])));
  await server.client.call('CLIENT', 'KILL', 'ID', last);
  const how = await until('the daemon to refuse', () => running.how, 10000);
  assert.equal(how.code, 69);
  assert.match(s.log(), /redis.refused.*appendfsync/);
});

journey('the delivery log has a line per event with stable keys, and no number and no text', async (s) => {
  await s.smsc(({ to }) => (to.endsWith('1002') ? { status: 0x0b } : {}));
  await s.start();
  await s.xadd(campaign('logged', people(5)));
  assert.deepEqual(await s.settled('logged', 'first'), { delivered: 4, failed: 1 });
  const lines = await until('the last line', () => {
    const all = s.deliveryLog();
    return all.filter((l) => /delivered/.test(l.event)).length === 4 && all;
  });
  assert.ok(lines.some((l) => l.event === 'joined' && l.daemon === 'd1'), 'who writes');
  assert.ok(lines.some((l) => l.event === 'opened' && l.campaign === 'logged' && l.rows === 5), 'and of what list');
  const about = lines.filter((l) => l.campaign === 'logged' && l.event !== 'opened');
  for (const line of about)
    // A receipt brings no number; the line of its intent has it.
    for (const key of ['t', 'event', 'campaign', 'reminder', 'n', 'fence', ...(/intent|accepted/.test(line.event) ? ['to', 'hash', 'attempt'] : [])])
      assert.ok(line[key] !== undefined, `${key} in ${JSON.stringify(line)}`);
  const events = about.map((l) => l.event);
  for (const event of ['intent', 'accepted', 'delivered', 'failed'])
    assert.ok(events.some((e) => e.includes(event)), `${event} in ${[...new Set(events)]}`);
  const accepted = about.find((l) => /accepted/.test(l.event));
  for (const key of ['queued_ms', 'submit_ms', 'gateway', 'attempt', 'to'])
    assert.ok(accepted[key] !== undefined, `${key} in ${JSON.stringify(accepted)}`);
  // The intent stands in the log before the outcome.
  for (const n of [1, 2, 3, 4, 5]) {
    const of = about.filter((l) => l.n === n).map((l) => l.event);
    assert.match(of[0], /intent/);
  }
  const raw = fs.readFileSync(path.join(s.state, 'delivery.jsonl'), 'utf8') + s.log();
  for (const secret of [...people(5).flatMap((p) => [p.sms, p.sms.slice(3)]), '居民1', '请到', 's3cret'])
    assert.ok(!raw.includes(secret), `${secret} is in a log`);
});

journey('the live log in Redis and `outreach logs` show the same events', async (s) => {
  await s.smsc();
  await s.start();
  await s.xadd(campaign('live', people(3)));
  await s.settled('live', 'first');
  await until('the live log', async () => (await (await s.redis()).call('XLEN', 'outreach:log')) > 0);
  const logs = await s.ok('logs');
  assert.match(logs.out, /live/);
  assert.doesNotMatch(logs.out, /138514010/);
});

journey('every command has --help, and --json gives JSON', async (s) => {
  await s.smsc();
  await s.start();
  await s.xadd(campaign('json', people(2)));
  await s.settled('json', 'first');
  for (const command of ['check', 'queue', 'list', 'show', 'watch', 'pause', 'resume', 'cancel', 'logs', 'gateways', 'why', 'verify']) {
    const help = await s.run([command, '--help']);
    assert.equal(help.code, 0, `${command} --help\n${help.all}`);
    assert.ok(help.out.length > 80, `${command} --help says something`);
  }
  assert.equal((await s.run(['--help'])).code, 0);
  assert.equal((await s.run(['--no-such-option'])).code, 64, 'EX_USAGE');
  assert.equal((await s.run(['abolish'])).code, 64);
  assert.match((await s.run(['--version'])).out, /^outreach \d/);
  const nonsense = await s.outreach('logs', '-e', 'nonsense');
  assert.equal(nonsense.code, 64);
  assert.match(nonsense.err, /undelivered/);
  for (const args of [['list'], ['show', 'json'], ['gateways'], ['why', people(1)[0].sms], ['verify', 'json']]) {
    const result = await s.ok(...args, '--json');
    for (const line of result.out.trim().split('\n').length > 1 && result.out.trim()[0] !== '[' && !/^\{\s*$/m.test(result.out) ? result.out.trim().split('\n') : [result.out])
      assert.doesNotThrow(() => JSON.parse(line), `${args.join(' ')}: ${line}`);
  }
  // All are verified, and one that cannot be read is no reason to say that all is well.
  const client = await s.redis();
  await client.call('SADD', 'outreach:campaigns', 'hurt', 'erased');
  await client.call('SET', 'outreach:{hurt}', 'no campaign');
  const verify = await s.outreach('verify');
  assert.equal(verify.code, 65, verify.all);
  assert.match(verify.out, /^json\/first/m);
  assert.match(verify.err, /WRONGTYPE/);
  assert.doesNotMatch(verify.err, /erased/);
  await client.call('DEL', 'outreach:{hurt}');
  assert.equal((await s.outreach('verify')).code, 0);
  void DATA;
});

journey('`outreach watch` ends when everything is settled', async (s) => {
  await s.smsc(undefined, { rate: '50/s' });
  await s.start();
  await s.xadd(campaign('watched', people(60)));
  await until('the campaign', async () => (await s.ledger('watched', 'first')).length === 60);
  const watch = await s.outreach('watch', 'watched');
  assert.equal(watch.code, 0, watch.all);
  assert.match(watch.out, /60/);
  assert.deepEqual(await s.counts('watched', 'first'), { delivered: 60 });
});

journey('the same name started twice: the older one gives way, nothing is sent twice', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '50/s' });
  await s.redisServer();
  const first = await s.start();
  await s.xadd(campaign('name', people(60)));
  await until('ten', () => smsc.submits.length >= 10);
  await s.start();
  await until('the older one to end', () => first.how, 30000);
  await s.settled('name', 'first', 60000);
  const list = smsc.submits.map((one) => one.to);
  assert.equal(new Set(list).size, 60);
});

journey('the same campaigns are seen from every folder, though the configuration has relative paths', async (s) => {
  await s.smsc();
  s.settings.state_dir = path.relative(s.dir, s.state);
  await s.start();
  await s.xadd(campaign('seen', people(1)));
  await s.settled('seen', 'first', 30000);
  fs.mkdirSync(s.path('elsewhere'));
  for (const cwd of [s.dir, s.path('elsewhere'), '/']) {
    const r = spawnSync(path.join(BUILD, 'outreach'), ['list'], { cwd, env: { ...s.env, OUTREACH_CONFIG: s.conf }, encoding: 'utf8' });
    assert.match(r.stdout, /seen/, `${cwd}: ${r.stderr}`);
  }
  assert.deepEqual(fs.readdirSync(s.path('elsewhere')), [], 'no Redis was begun there');
});

journey('without a configuration nothing is asked of a Redis of its own', async (s) => {
  for (const [env, words] of [[{}, /no configuration: name it with -c FILE/], [{ OUTREACH_CONFIG: '/nowhere.conf' }, /the configuration \/nowhere\.conf: No such file/]]) {
    const r = spawnSync(path.join(BUILD, 'outreach'), ['list'], { cwd: s.dir, env: { ...s.env, OUTREACH_CONFIG: '', ...env }, encoding: 'utf8' });
    if (fs.existsSync('/etc/outreach/outreachd.conf')) continue;
    assert.equal(r.status, 78, r.stdout);
    assert.match(r.stderr, words);
  }
});
