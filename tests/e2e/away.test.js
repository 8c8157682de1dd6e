'use strict';
// Redis away, in every way that it can be: it is down, loading, a replica, full, unable to save,
// hung, busy with somebody's script, or the connection dies at the worst moment. Submitting stops
// within a window, outcomes are kept and settled on return, the daemon neither exits nor spins,
// the log says once what is wrong and once that it is over, and so does the command line.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people } = require('./lib/stage');
const { WINDOW, PATIENT, usage, idle, times, receivers, nobodyTwice, underWay, outage } = require('./lib/outage');
const libconfig = require('./lib/libconfig');
const { RedisProxy } = require('./lib/redis_proxy');
const { Client, connect } = require('./lib/redis');
const { until, pause } = require('./lib/wait');

journey('Redis is down: submitting stops, what was answered meanwhile is settled when it is back', async (s) => {
  const stage = await underWay(s, 120);
  await outage(s, stage, {
    n: 120, says: /connection closed|closed the connection|refused|No such file|reset/i, told: /refused|No such file/i,
    begin: () => stage.server.kill(), end: () => stage.server.start(),
  });
}, PATIENT);

journey('Redis is loading its data: that is waited for', async (s) => {
  const stage = await underWay(s, 120, {
    redis: { 'key-load-delay': 10000, 'loading-process-events-interval-bytes': 1024 },
    async prepare({ client }) {
      for (let i = 0; i < 4000; i++) client.callRaw('SET', `filler:${i}`, 'x'.repeat(64)); // 40 s of loading
      await client.call('BGREWRITEAOF');
      await until('the AOF to be rewritten', async () => /aof_rewrite_in_progress:0/.test(await client.call('INFO', 'persistence')), 60000);
    },
  });
  let client;
  await outage(s, stage, {
    n: 120, says: /connection closed|closed the connection|refused|No such file|reset/i, told: /loading/i,
    async begin() {
      await stage.server.kill();
      stage.server.launch();
      client = await until('somebody to talk to', () => new Client(stage.server.socket).connect());
      await until('it to be loading', async () => (await client.call('PING').catch((e) => e.message)).startsWith('LOADING'));
    },
    async end() {
      await client.call('CONFIG', 'SET', 'key-load-delay', '0');
      client.close();
      stage.server.client = await connect(stage.server.socket);
    },
  });
}, PATIENT);

journey('Redis becomes a replica and a master again: nothing is written to it meanwhile', async (s) => {
  const stage = await underWay(s, 120);
  await outage(s, stage, {
    n: 120, says: /READONLY|replica/, told: /replica/,
    begin: () => stage.server.client.call('REPLICAOF', '127.0.0.1', '1'),
    end: () => stage.server.client.call('REPLICAOF', 'NO', 'ONE'),
  });
}, PATIENT);

journey('Redis is out of memory: nothing new is begun, outcomes are settled and refusals kept all the same', async (s) => {
  const stage = await underWay(s, 120);
  await s.xadd(campaign('other', people(1), { reminders: [{ name: 'first', at: '-1d 09:00' }] }));
  await until('the other', async () => (await stage.server.client.call('HGET', 'outreach:{other}', 'state')) === 'active', 60000);
  await outage(s, stage, {
    n: 120, says: /OOM/, told: null, words: ['redis.full', 'redis.room'], settles: true,
    begin: () => stage.server.client.call('CONFIG', 'SET', 'maxmemory', '1'),
    async end() { // a refusal is kept all the same, by whichever way it comes (R20)
      assert.equal(await stage.smsc.reply('+8613851409998', '1069000038', 'TD'), 0);
      for (const command of [['optout', 'add', '13851409999'], ['pause', 'away'], ['resume', 'away'], ['cancel', '-y', 'other']])
        await s.ok(...command); // and so is what stops something, and who wanted it
      assert.deepEqual((await s.refused()).sort(), ['+8613851409998', '+8613851409999']);
      const audit = (await stage.server.client.call('XRANGE', 'outreach:audit', '-', '+')).map(([, fields]) => fields[1]);
      assert.deepEqual(audit.slice(-4), ['optout-add', 'pause', 'resume', 'cancel']);
      await stage.server.client.call('CONFIG', 'SET', 'maxmemory', '0');
    },
  });
}, PATIENT);

journey('Redis cannot save and takes no writes: it is as good as away', async (s) => {
  let dump;
  const stage = await underWay(s, 120, {
    async prepare({ dir, client }) {
      dump = `${dir}/dump.rdb`;
      fs.mkdirSync(dump); // what a snapshot would be renamed to: fails for root too
      await client.call('BGSAVE');
      await until('the snapshot to fail', async () => /rdb_last_bgsave_status:err/.test(await client.call('INFO', 'persistence')), 60000);
    },
  });
  await outage(s, stage, {
    n: 120, says: /MISCONF/,
    begin: () => stage.server.client.call('CONFIG', 'SET', 'save', '3600 1'), // from now on it matters
    async end() {
      fs.rmdirSync(dump);
      await stage.server.client.call('BGSAVE');
    },
  });
}, PATIENT);

journey('Redis has lost its replicas and takes no writes: it is as good as away', async (s) => {
  const stage = await underWay(s, 120);
  await outage(s, stage, {
    n: 120, says: /NOREPLICAS/,
    begin: () => stage.server.client.call('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: () => stage.server.client.call('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  });
}, PATIENT);

journey("Redis is busy with somebody's endless script: it is waited for until that is killed", async (s) => {
  const stage = await underWay(s, 120, { redis: { 'busy-reply-threshold': 200 } });
  let runaway;
  await outage(s, stage, {
    n: 120, says: /BUSY/,
    async begin() {
      const client = await connect(stage.server.socket);
      runaway = client.call('EVAL', 'while true do end', '0').catch((error) => error.message);
      await until('it to be busy', async () => (await stage.server.client.call('PING').catch((e) => e.message)).startsWith('BUSY'));
    },
    async end() {
      await stage.server.client.call('SCRIPT', 'KILL');
      assert.match(await runaway, /killed/i);
    },
  });
}, PATIENT);

journey('one of its connections dies: that is said once, and once that it is over, whichever it is', async (s) => {
  const { smsc, server } = await underWay(s, 200);
  const mine = [await server.client.call('CLIENT', 'ID'), await (await s.redis()).call('CLIENT', 'ID')].map(Number);
  const ids = [...(await server.client.call('CLIENT', 'LIST')).matchAll(/^id=(\d+)/gm)].map((m) => Number(m[1])).filter((id) => !mine.includes(id));
  const from = s.log().length;
  const said = () => ['redis.away', 'redis.back'].map((word) => times(s.log().slice(from), word));
  let killed = 0;
  for (const id of ids) {
    await server.client.call('CLIENT', 'KILL', 'ID', id);
    killed++;
    await until('it to be said', () => said().every((n) => n === killed)).catch(() => {});
    assert.deepEqual(said(), [killed, killed], s.log().slice(from));
  }
  assert.ok(killed >= 4, `${killed} connections`);
  assert.deepEqual(await s.settled('away', 'first', 240000), { delivered: 200 });
  nobodyTwice(smsc);
}, PATIENT);

const campaignFile = (id, list) => `id = "${id}"; class = "personal"; title = "测试";
event = { starts = "2099-01-01T09:00"; timezone = "Asia/Shanghai"; };
audience = { file = "${list}"; }; channels = ( "sms" ); texts = { zh = "您好。"; };
reminders = ( { name = "first"; at = "now"; } );
`;

journey('what is about to go wrong with Redis is said before it does, once, and once that it is over; meanwhile nothing new is taken', async (s) => {
  await s.smsc();
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('before', people(60), { rate: '3/s' }));
  const later = { reminders: [{ name: 'first', at: '-1d 09:00' }], texts: { zh: '{{name}}您好。', cancelled: { zh: '{{name}}您好，活动取消。' } } };
  await s.xadd(campaign('called-off', people(1), later));
  await s.xadd(campaign('later', people(1), later));
  const dump = `${server.dir}/dump.rdb`;
  const said = (what, event) => until(`${event} ${what}`, () => times(s.log(), `${event} what=${what}`) === 1, 60000);
  // What it uses at the moment falls again: nine tenths full, whenever the daemon looks.
  const nearlyFull = async () => {
    const used = Number((await server.client.call('INFO', 'memory')).match(/used_memory:(\d+)/)[1]);
    await server.client.call('CONFIG', 'SET', 'maxmemory', Math.round(used * 1.1));
    return used;
  };
  let used;
  fs.mkdirSync(dump); // what a snapshot would be renamed to
  await server.client.call('BGSAVE');
  await until('redis.ailing memory', async () => {
    used = await nearlyFull();
    return times(s.log(), 'redis.ailing what=memory') === 1;
  }, 60000);
  // Then nothing new is taken, by either way in, and what is under way goes on (R20).
  fs.writeFileSync(s.path('list.csv'), 'sms\n13851401001\n');
  s.write('more.conf', campaignFile('more', s.path('list.csv')));
  await nearlyFull();
  const changed = campaign('before', people(60), { rate: '3/s', texts: { zh: '{{name}}您好，请带身份证到{{event.venue}}。' } });
  s.write('before.conf', libconfig.write({ ...changed, audience: { file: s.path('list.csv') } }));
  for (const command of [['queue', 'more.conf'], ['add', 'before', 'list.csv'], ['residents', 'import', 'list.csv', '-y'], ['amend', '-y', 'before.conf']]) {
    await nearlyFull();
    const refused = await s.outreach(...command);
    assert.equal(refused.code, 75, `${command}: ${refused.all}`);
    assert.match(refused.err, /memory is nearly full \((8|9)\d % of maxmemory\)/);
  }
  await nearlyFull();
  await s.xadd(campaign('inline', people(2)));
  await s.xadd(changed, { op: 'amend' });
  for (const [op, id] of [['queue', 'inline'], ['amend', 'before']])
    await until(`${op} to be rejected`, async () => (await s.rejected()).some((one) => one.op === op && /nearly full/.test(one.reason) && JSON.parse(one.body).id === id), 60000);
  // What stops something is taken all the same, also as an amendment.
  await s.ok('pause', 'before');
  await s.ok('resume', 'before');
  await s.ok('optout', 'add', '13851409998');
  await s.ok('cancel', '-y', '--tell', 'called-off');
  await until('it to be called off', async () => (await server.client.call('HGET', 'outreach:{called-off}', 'state')) === 'cancelled', 60000);
  assert.equal(await (await s.redis()).call('EXISTS', 'outreach:{more}', 'outreach:{inline}'), 0);
  await s.counted('before', 'first', { delivered: 60 }, 60000);
  await said('snapshot', 'redis.ailing');
  await server.client.call('CONFIG', 'SET', 'maxmemory', used * 10);
  fs.rmdirSync(dump);
  await server.client.call('BGSAVE');
  await Promise.all([said('memory', 'redis.recovered'), said('snapshot', 'redis.recovered')]);
  await s.ok('queue', 'more.conf');
  assert.deepEqual(await s.settled('more', 'first', 60000), { delivered: 1 });
  assert.equal(times(s.log(), 'redis.away') + times(s.log(), 'redis.full'), 0);
  // Full between two looks: what was asked for before does not stand in front of a cancel.
  const event = (op, ...more) => server.client.call('XADD', 'outreach:events', '*', 'op', op, 'by', 'hotline', ...more);
  server.client.call('MULTI');
  event('queue', 'body', JSON.stringify(campaign('full', people(1))));
  event('amend', 'body', JSON.stringify(campaign('later', people(1), { ...later, title: '另一个' })));
  event('cancel', 'campaign', 'later');
  server.client.call('CONFIG', 'SET', 'maxmemory', '1');
  await server.client.call('EXEC');
  await until('the cancel', async () => (await server.client.call('HGET', 'outreach:{later}', 'state')) === 'cancelled', 60000);
  const why = (op) => s.rejected().then((all) => all.filter((one) => one.op === op).at(-1)?.reason);
  await until('both to be rejected', async () => /nearly full|OOM/.test(await why('queue')) && /nearly full/.test(await why('amend')), 60000);
  await server.client.call('CONFIG', 'SET', 'maxmemory', used * 10);
}, PATIENT);

journey('the scripts are flushed again and again: they are loaded again', async (s) => {
  const { smsc, server } = await underWay(s, 150);
  let flushes = 0;
  await until('130 submits', async () => {
    await server.client.call('SCRIPT', 'FLUSH');
    flushes++;
    await pause(100);
    return smsc.submits.length >= 130;
  }, 120000);
  assert.deepEqual(await s.settled('away', 'first', 240000), { delivered: 150 });
  nobodyTwice(smsc);
  assert.ok(flushes >= 3, `${flushes} flushes`);
  assert.match(s.log(), /redis\.away reason="?NOSCRIPT/);
  await s.ok('verify', 'away');
}, PATIENT);

journey('a connection dies again and again between command and answer: a script that ran twice moves a notice once', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 50 }), { rate: '50/s', window: WINDOW });
  const server = await s.redisServer();
  let dice = 7;
  const proxy = await new RedisProxy(s.path('proxy.sock'), server.socket, () => {
    dice = (dice * 1103515245 + 12345) & 0x7fffffff;
    return 10 + (dice >> 8) % 150;
  }).start();
  s.closers.push(() => proxy.stop());
  s.settings.redis.url = `unix:${proxy.socket}`;
  await s.start();
  await s.xadd(campaign('away', people(300)));
  assert.deepEqual(await s.settled('away', 'first', 400000), { delivered: 300 });
  nobodyTwice(smsc);
  assert.equal(receivers(smsc).length, 300);
  if (process.env.E2E_KEEP) console.log(`${proxy.cuts} cuts, ${proxy.repeated} repeated`);
  assert.ok(proxy.cuts >= 20, `${proxy.cuts} cuts`);
  assert.ok(proxy.repeated >= 10, `${proxy.repeated} scripts were repeated word for word`);
  s.settings.redis.url = `unix:${server.socket}`;
  await s.ok('verify', 'away');
}, PATIENT);

journey('somebody empties Redis by mistake: nothing more is sent, and the log says what is lost', async (s) => {
  const { smsc, server } = await underWay(s, 300);
  await server.client.call('FLUSHALL');
  const at = smsc.submits.length;
  await until('the log to say so', () => /Redis (has lost|went back|came back|is empty|forgot)/.test(s.log()), 60000);
  await pause(3000);
  assert.ok(smsc.submits.length <= at + WINDOW, `${smsc.submits.length - at} were sent after it`);
  const still = smsc.submits.length;
  const before = usage(s);
  await pause(4000);
  const after = usage(s);
  assert.equal(smsc.submits.length, still);
  assert.equal(s.daemon.how, undefined, 'the daemon lives');
  idle(before, after);
  nobodyTwice(smsc);
}, PATIENT);
