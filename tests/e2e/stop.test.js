'use strict';
// The ways to stop that are not the usual one, and what a life leaves to the next.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

// A service manager's end of sd_notify(3): each datagram becomes a line.
const MANAGER = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True: print(s.recv(4096).decode(), flush=True)`;

journey('systemd hears when it is ready, that it lives, and when it stops', async (s) => {
  const manager = spawn('python3', ['-c', MANAGER, s.path('notify')], { stdio: ['ignore', 'pipe', 'inherit'] });
  s.closers.push(() => manager.kill('SIGKILL'));
  let heard = '';
  manager.stdout.on('data', (chunk) => (heard += chunk));
  await until('the manager', () => fs.existsSync(s.path('notify')));
  await s.start({ env: { NOTIFY_SOCKET: s.path('notify'), WATCHDOG_USEC: '900000' } });
  const words = () => heard.split('\n').filter(Boolean);
  await until('it to be ready', () => words().includes('READY=1'));
  const at = words().length;
  await until('signs of life', () => words().slice(at).filter((one) => one === 'WATCHDOG=1').length >= 3);
  assert.ok(!words().includes('STOPPING=1'));
  assert.equal((await s.stop()).code, 0);
  await until('the end', () => words().includes('STOPPING=1'));
  assert.deepEqual([...new Set(words())].sort(), ['READY=1', 'STOPPING=1', 'WATCHDOG=1']);
});

const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];

journey('a gateway that never answers holds SIGTERM up for the bound, and is in doubt then', async (s) => {
  const smsc = await s.smsc(() => ({ silent: true }), { window: 10 });
  s.settings.dispatch = { stop: '1s' };
  await s.start();
  await s.xadd(campaign('silent', people(10), { reminders: HOLD }));
  await until('ten submits', () => smsc.submits.length === 10);
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
  await s.start();
  await s.counted('silent', 'first', { uncertain: 10 });
  await s.ok('verify', 'silent');
});

journey('a daemon that still waits for its first Redis bears SIGHUP, and ends at SIGTERM', async (s) => {
  s.settings.redis = { url: `unix:${s.path('nobody.sock')}` };
  await s.start({ wait: false });
  await until('it to look for Redis', () => /redis.away/.test(s.log()));
  process.kill(s.daemon.pid, 'SIGHUP');
  await pause(100);
  const before = Date.now();
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
  assert.ok(Date.now() - before < 15000, 'it does not wait for Redis');
});

journey('a second SIGTERM ends at once, whatever is under way', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 20, receipt: { when: 'before' } }), { window: 100, rate: '3000/s' });
  await s.start();
  for (const round of [1, 2, 3]) {
    await s.xadd(campaign(`twice-${round}`, people(1500), { reminders: HOLD }));
    const before = smsc.submits.length;
    await until('some submits', () => smsc.submits.length > before + 100);
    process.kill(s.daemon.pid, 'SIGTERM');
    await pause(2 + 10 * round);
    const how = await s.stop();
    assert.deepEqual(how, { code: 0, signal: null });
    await s.start();
  }
  const sent = new Map();
  for (const { to } of smsc.submits) sent.set(to, (sent.get(to) ?? 0) + 1);
  assert.ok([...sent.values()].every((times) => times <= 3), 'once a campaign');
});

journey('whose intent Redis answers only while the daemon ends was sent nothing, and is in no doubt', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { rate: '20/s' });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('ending', people(200), { reminders: HOLD }));
  await until('some submits', () => smsc.submits.length >= 10);
  process.kill(server.process.pid, 'SIGSTOP'); // for less than would be an outage
  try {
    for (let before = -1; before !== smsc.submits.length; await pause(300)) before = smsc.submits.length;
    process.kill(s.daemon.pid, 'SIGTERM');
    await until('it to stop', () => /daemon.stopping/.test(s.log()));
    process.kill(s.daemon.pid, 'SIGTERM');
    await pause(200);
  } finally {
    process.kill(server.process.pid, 'SIGCONT');
  }
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
  const sent = new Set(smsc.submits.map(({ to }) => to));
  await s.start();
  const to = people(200).map((one) => one.sms);
  for (const [i, { state }] of (await s.ledger('ending', 'first')).entries())
    assert.ok(state !== 'sending' && (state !== 'uncertain' || sent.has(to[i])), `${to[i]} is ${state}`);
});

journey('outcomes that it learnt while Redis was away at its end are settled when that is back in a moment', async (s) => {
  const held = []; // answers of the SMSC
  const smsc = await s.smsc(() => new Promise((resolve) => held.push(() => resolve({ receipt: false }))), { window: 10 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('learnt', people(10), { reminders: HOLD }));
  await until('ten submits', () => smsc.submits.length === 10);
  process.kill(server.process.pid, 'SIGSTOP');
  try {
    await until('it to be away', () => /redis.away/.test(s.log()), 60000);
    for (const answer of held) answer();
    await until('them to be learnt', () => s.deliveryLog().filter((l) => l.event === 'accepted').length === 10, 60000);
    process.kill(s.daemon.pid, 'SIGTERM');
    await until('it to stop', () => /daemon.stopping/.test(s.log()));
    process.kill(s.daemon.pid, 'SIGTERM');
    await until('its gateways to be shut', () => smsc.sessions.size === 0); // it waits for Redis alone now
  } finally {
    process.kill(server.process.pid, 'SIGCONT');
  }
  await until('its end', () => s.daemon.how, 60000);
  assert.deepEqual(s.daemon.how, { code: 0, signal: null });
  assert.deepEqual(await s.counts('learnt', 'first'), { accepted: 10 });
});

journey('a daemon that dies while it looks after its last life leaves that to the next', async (s) => {
  const smsc = await s.smsc(() => ({ silent: true }), { window: 10 });
  await s.start();
  await s.xadd(campaign('heir', people(10), { reminders: HOLD }));
  await until('ten submits', () => smsc.submits.length === 10);
  await s.stop('SIGKILL');
  // What a life that ends before its recovery does leaves behind: its epoch.
  const client = await s.redis();
  s.epoch = await client.call('INCR', 'outreach:epoch');
  await client.call('HSET', 'outreach:daemon:d1', 'epoch', s.epoch);
  await s.start();
  await s.counted('heir', 'first', { uncertain: 10 });
});

journey('a daemon that was thought dead is looked after again when it goes on', async (s) => {
  await s.smsc();
  await s.start();
  const client = await s.redis();
  await client.call('SREM', 'outreach:daemons', 'd1'); // as one that has buried it does
  await until('it to be back', async () => (await client.call('SISMEMBER', 'outreach:daemons', 'd1')) === 1, 6000);
});

journey('a lease of ours that nobody here knows of is given back', async (s) => {
  await s.smsc();
  s.settings.defaults.per_recipient = ['1/day'];
  await s.start();
  await s.xadd(campaign('first-of-all', people(3)));
  await s.settled('first-of-all', 'first');
  await s.xadd(campaign('lease', people(3))); // tomorrow
  await s.counted('lease', 'first', { parked: 3 });
  const client = await s.redis();
  const epoch = await client.call('HGET', 'outreach:daemon:d1', 'epoch');
  await client.call('HSET', 'outreach:{lease}:first:leases', `d1:${epoch}:999999`, '1 3 0 1');
  await until('it to be closed', async () => (await client.call('EXISTS', 'outreach:{lease}:first:leases')) === 0, 8000);
  assert.equal(await client.call('HGET', 'outreach:{lease}:first', 'orphans'), '0');
  assert.match(s.log(), /lease.lost campaign=lease reminder=first from=1 to=3/);
  await s.counted('lease', 'first', { parked: 3 });
});

journey('an intent that is granted while the daemon sleeps is too old when it wakes up: a cancel that came between holds', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 20 }), { rate: '40/s', window: 40 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('granted', people(400), { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await until('some submits', () => smsc.submits.length >= 20);
  process.kill(server.process.pid, 'SIGSTOP'); // what is asked for now is granted below
  await pause(500);
  process.kill(s.daemon.pid, 'SIGSTOP');
  process.kill(server.process.pid, 'SIGCONT');
  let at, granted;
  try {
    await pause(300); // what was on the wire arrives
    await s.ok('cancel', 'granted', '-y');
    at = smsc.submits.length;
    const reached = new Set(smsc.submits.map((one) => one.to));
    granted = (await s.ledger('granted', 'first')).flatMap((r, i) => (r.state === 'sending' && !reached.has(people(400)[i].sms) ? [i + 1] : []));
    assert.ok(granted.length > 0, 'some were granted');
    // One of them another daemon has meanwhile taken and sends: it has an intent with a fence of its own.
    await (await s.redis()).call('SETRANGE', 'outreach:{granted}:first:ledger', granted[0] * 16 + 2, 'A');
    await pause(5500); // a permit lasts five seconds
  } finally {
    process.kill(s.daemon.pid, 'SIGCONT');
  }
  await until('an end', async () => {
    const counts = await s.counts('granted', 'first');
    return (counts.delivered ?? 0) + (counts.cancelled ?? 0) >= 399;
  }, 60000);
  await until('its word on the other one\'s to be refused', () => new RegExp(`outcome\\.refused .* n=${granted[0]} stands=sending`).test(s.log()), 60000);
  assert.equal((await s.ledger('granted', 'first'))[granted[0] - 1].state, 'sending', 'that one is still being sent by the other');
  assert.equal(smsc.submits.length, at, 'nothing left after it woke up');
  await s.ok('verify', 'granted');
});

journey('a daemon that slept past its permits sends nothing of them: a cancel in its sleep holds', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 20 }), { rate: '200/s', window: 20 });
  await s.start();
  await s.xadd(campaign('asleep', people(400)));
  await until('some submits', () => smsc.submits.length >= 40);
  process.kill(s.daemon.pid, 'SIGSTOP');
  try {
    await s.ok('cancel', 'asleep', '-y');
    await pause(6000); // a permit lasts five seconds; what was on the wire has arrived
  } finally {
    process.kill(s.daemon.pid, 'SIGCONT');
  }
  const at = smsc.submits.length;
  await until('an end', async () => {
    const counts = await s.counts('asleep', 'first');
    return (counts.delivered ?? 0) + (counts.cancelled ?? 0) + (counts.uncertain ?? 0) === 400;
  }, 60000);
  assert.equal(smsc.submits.length, at, 'nothing left after it woke up');
  await s.ok('verify', 'asleep');
});
