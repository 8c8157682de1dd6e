'use strict';
// Stopping, dying, and Redis going away: nothing is lost, nothing is told twice.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }]; // what is in doubt is left to a person
const ids = (smsc) => smsc.submits.map((one) => one.to);
const twice = (list) => list.filter((to, i) => list.indexOf(to) !== i);

journey('SIGTERM settles what is in flight and exits 0', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 300, receipt: false }), { window: 10, rate: '100/s' });
  await s.start();
  await s.xadd(campaign('stop', people(60)));
  await until('the window is full', () => smsc.submits.length >= 10);
  const server = s.path('state/redis.sock');
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
  assert.equal(require('node:fs').existsSync(server), false, 'the private Redis went with it');
  assert.ok(smsc.submits.length < 60);
  await s.start();
  await s.counted('stop', 'first', { accepted: 60 }, 30000);
  assert.deepEqual(twice(ids(smsc)), []);
});

journey('after kill -9 nothing is lost, and under hold nobody is told twice', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 50 }), { window: 10, rate: '100/s' });
  s.settings.dispatch = { doubt_wait: '1s' };
  await s.start();
  await s.xadd(campaign('kill', people(200), { reminders: HOLD }));
  for (const at of [20, 60, 110]) {
    await until(`${at} submits`, () => smsc.submits.length >= at);
    await s.stop('SIGKILL');
    await s.start();
  }
  let counts = {};
  await until('the rest', async () => {
    counts = await s.counts('kill', 'first');
    return (counts.delivered ?? 0) + (counts.uncertain ?? 0) === 200;
  }, 90000).catch(() => {});
  assert.equal((counts.delivered ?? 0) + (counts.uncertain ?? 0), 200, JSON.stringify(counts));
  assert.deepEqual(twice(ids(smsc)), []);
  assert.ok((counts.uncertain ?? 0) <= 30, `${counts.uncertain} uncertain: at most a window for each of three kills`);
  assert.ok(new Set(ids(smsc)).size >= counts.delivered);
  await s.ok('verify', 'kill');
});

journey('after kill -9 the private Redis is found again with everything in it', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '50/s' });
  s.settings.dispatch = { doubt_wait: '1s' }; // what was under way at the kill is in doubt
  await s.start();
  const pid = (await (await s.redis()).call('INFO', 'server')).match(/process_id:(\d+)/)[1];
  await s.xadd(campaign('again', people(30)));
  await until('ten', () => smsc.submits.length >= 10);
  await s.stop('SIGKILL');
  await s.start();
  assert.equal((await (await s.redis()).call('INFO', 'server')).match(/process_id:(\d+)/)[1], pid);
  await until('all thirty', () => new Set(ids(smsc)).size === 30, 60000);
});

journey('Redis dies by kill -9 under load and comes back: no outcome is lost, nothing is sent twice', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 20 }), { rate: '100/s', window: 20 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('redis', people(150)));
  await until('forty', () => smsc.submits.length >= 40);
  await server.kill();
  const at = smsc.submits.length;
  await pause(600);
  assert.ok(smsc.submits.length <= at + 20, 'submitting stops within a window');
  assert.equal(s.daemon.how, undefined, 'and the daemon lives');
  await server.start();
  assert.deepEqual(await s.settled('redis', 'first', 60000), { delivered: 150 });
  assert.deepEqual(twice(ids(smsc)), []);
});

journey('the private Redis dies and is started again by the daemon', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '60/s' });
  await s.start();
  await s.xadd(campaign('own', people(100)));
  await until('thirty', () => smsc.submits.length >= 30);
  const pid = Number((await (await s.redis()).call('INFO', 'server')).match(/process_id:(\d+)/)[1]);
  process.kill(pid, 'SIGKILL');
  assert.deepEqual(await s.settled('own', 'first', 60000), { delivered: 100 });
  assert.deepEqual(twice(ids(smsc)), []);
});

journey("the operator's connection breaks in the middle: the uncertain are shown, the rest arrives", async (s) => {
  let cut = false;
  const smsc = await s.smsc(({ n }) => (n === 25 && !cut && (cut = true) ? { drop: 'before' } : { delayMs: 30 }), { rate: '100/s', window: 10 });
  await s.start();
  await s.xadd(campaign('break', people(80), { reminders: HOLD }));
  await until('an end', async () => {
    const counts = await s.counts('break', 'first');
    return (counts.delivered ?? 0) + (counts.uncertain ?? 0) === 80;
  }, 60000);
  assert.deepEqual(twice(ids(smsc)), []);
  const counts = await s.counts('break', 'first');
  assert.ok(counts.uncertain >= 1 && counts.uncertain <= 10, JSON.stringify(counts));
});

journey('a crash leaves no doubt about whom an earlier attempt has reached: nobody is sent to again', async (s) => {
  const smsc = await s.smsc(() => ({ silent: true }));
  s.settings.dispatch = { doubt_wait: '1s' };
  await s.start();
  await s.xadd(campaign('early', people(2)));
  await until('both submits', () => smsc.submits.length === 2);
  await s.stop('SIGKILL');
  // The first one's earlier attempt had a positive receipt while this one was under way.
  const client = await s.redis();
  const key = 'outreach:{early}:first:ledger';
  const byte = (await client.callRaw('GETRANGE', key, 16, 16))[0];
  assert.equal(byte >> 4, 2, 'sending');
  await client.callRaw('SETRANGE', key, 16, Buffer.from([byte | 4]));
  smsc.behave = () => ({});
  await s.start();
  assert.deepEqual(await s.settled('early', 'first', 60000), { delivered: 2 });
  assert.deepEqual(ids(smsc).map((to) => to.slice(-1)).sort(), ['0', '1', '1'], 'only the second one is sent again');
  await s.ok('verify', 'early');
});

journey('two daemons on one Redis share the work, and everyone is told once', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '100/s' });
  await s.redisServer();
  await s.start();
  s.settings.name = 'd2';
  s.epoch = 0;
  await s.start();
  await smsc.bound(2);
  await s.xadd(campaign('both', people(150)));
  assert.deepEqual(await s.settled('both', 'first', 60000), { delivered: 150 });
  assert.deepEqual(twice(ids(smsc)), []);
});

journey('a reminder whose Redis went back stands still until a person has looked', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '20/s', window: 10 });
  await s.start();
  await s.xadd(campaign('back', people(60)));
  await until('ten submits', () => smsc.submits.length >= 10);
  await (await s.redis()).call('HSET', 'outreach:{back}:first', 'seq', 1);
  await until('it to stand still', () => /reminder.halted.*Redis went back/.test(s.log()));
  await pause(500);
  const at = smsc.submits.length;
  assert.ok(at < 40, `${at} were sent`);
  await pause(1000);
  assert.equal(smsc.submits.length, at);
  assert.deepEqual(twice(ids(smsc)), []);
});

journey('a receipt shows that Redis went back, too: it is not taken, and all stands still', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { rate: '100/s', window: 10 });
  await s.start();
  const client = await s.redis();
  await s.xadd(campaign('open', people(200)));
  await until('it to be under way', async () => ((await s.counts('open', 'first')).accepted ?? 0) >= 20);
  await s.ok('pause', 'open'); // open here, and nothing of it moves
  await until('nothing to be under way', async () => !(await s.counts('open', 'first')).sending);
  await pause(500);
  await client.call('HSET', 'outreach:{open}:first', 'seq', 1);
  const before = await s.ledger('open', 'first');
  assert.notEqual(await smsc.receipt(smsc.submits[0], {}), 0, 'the operator keeps it');
  await until('it to stand still', () => /reminder.halted campaign=open.*Redis went back/.test(s.log()));
  assert.deepEqual(await s.ledger('open', 'first'), before);
});
