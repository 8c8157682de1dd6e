'use strict';
// Redis that forgot: it comes back empty or older, nothing is sent, a person is told what to
// do, and after `outreach recover` nobody gets a second copy and nobody is left out.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people, inDays } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const ids = (smsc) => smsc.submits.map((one) => one.to);
const twice = (list) => list.filter((to, i) => list.indexOf(to) !== i);

/** Waits until sending has stopped for doubt, and that it has: nothing leaves in a second. */
async function stopped(s, smsc, verdict) {
  await until('it to be noticed', () => new RegExp(`redis.in_doubt verdict=${verdict}`).test(s.log()));
  await pause(300); // what had left by then arrives
  const at = smsc.submits.length;
  await pause(1000);
  assert.equal(smsc.submits.length, at);
  return at;
}

/** Everybody has a copy, nobody two; who is in doubt may have none. */
async function everybody(s, smsc, id, n) {
  let counts = {};
  await until('the rest', async () => {
    counts = await s.counts(id, 'first');
    return (counts.delivered ?? 0) + (counts.accepted ?? 0) + (counts.uncertain ?? 0) + (counts['opted-out'] ?? 0) === n;
  }, 90000).catch(() => assert.fail(JSON.stringify(counts)));
  const got = smsc.submits.filter((one) => !smsc.refused?.(one)).map((one) => one.to);
  assert.deepEqual(twice(got), []);
  assert.ok(new Set(got).size + (counts.uncertain ?? 0) + (counts['opted-out'] ?? 0) >= n, JSON.stringify(counts));
  await s.ok('verify', id);
  return counts;
}

const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];
const LOG = 'state/delivery.jsonl';

journey('FLUSHALL under load: nothing more leaves; queued again and recovered, nobody gets a second copy', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '100/s', window: 10 });
  await s.start();
  const asked = campaign('flush', people(300), { reminders: HOLD });
  await s.xadd(asked);
  await until('it to begin', () => smsc.submits.length >= 5);
  const refusing = asked.audience.recipients[290].sms;
  smsc.reply(refusing, '1069000038', 'R');
  await until('the refusal', async () => (await (await s.redis()).call('SISMEMBER', 'outreach:optout', refusing)) === 1);
  await until('eighty', () => smsc.submits.length >= 80);
  const before = smsc.submits.length;
  await (await s.redis()).call('FLUSHALL');
  const at = await stopped(s, smsc, 'empty');
  assert.ok(at <= before + 120, `${at - before} more: a second of the rate and a window`);
  assert.match(s.log(), /Queue the campaigns again.*outreach recover/);
  assert.match((await s.ok('list')).out, /recover/);
  assert.match((await s.ok('gateways')).out, /recover/);
  assert.match((await s.run(['-c', s.conf, 'list'], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out, /不再发送.*outreach recover/s);

  // Nothing to fill yet; and another text or list under this name is not this campaign.
  let refused = await s.outreach('recover', '--from', s.path(LOG));
  assert.equal(refused.code, 65, refused.all);
  assert.match(refused.err, /does not hold the campaign flush/);
  await s.xadd({ ...asked, title: '另一个' });
  await until('it to be queued', async () => (await (await s.redis()).call('HGET', 'outreach:{flush}', 'state')) === 'active');
  refused = await s.outreach('recover', '--from', s.path(LOG));
  assert.equal(refused.code, 65, refused.all);
  assert.match(refused.err, /not what was sent/);
  await (await s.redis()).call('DEL', 'outreach:{flush}', 'outreach:{flush}:first', 'outreach:{flush}:audience');
  await s.xadd(asked);
  await until('it to be queued', async () => (await (await s.redis()).call('HGET', 'outreach:{flush}', 'state')) === 'active');
  assert.equal((await s.outreach('recover')).code, 64);
  assert.equal((await s.outreach('recover', '--from', s.path('none'))).code, 66);
  await pause(500);
  assert.equal(smsc.submits.length, at, 'and it waits for the recovery');

  fs.appendFileSync(s.path(LOG), '{"t":"2026-11-25T20:14:00.265Z","event":"intent","campaign":"flush","remi'); // torn
  const { out } = await s.ok('recover', '--json', '--from', s.path(LOG));
  assert.equal(JSON.parse(out).recovered, true);
  assert.equal(JSON.parse(out).refusals, 1);
  assert.equal(JSON.parse((await s.ok('recover', '--json', '--from', s.path(LOG))).out).recovered, false);
  const counts = await everybody(s, smsc, 'flush', 300);
  assert.ok(Number(await (await s.redis()).call('HGET', 'outreach:daemon:d1', 'epoch')) > s.epoch, 'epochs of the logs are used up');
  assert.equal(counts['opted-out'], 1);
  assert.ok(!ids(smsc).includes(refusing), 'what only the log knew of her refusal counts');
  assert.doesNotMatch((await s.ok('list')).out, /recover/);
});

journey('an AOF copied aside and put back under load: what it forgot is filled in, nobody gets a second copy', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '100/s', window: 10 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('old', people(300), { reminders: HOLD }));
  await until('sixty', () => smsc.submits.length >= 60);
  process.kill(s.daemon.pid, 'SIGSTOP');
  fs.cpSync(s.path('redis/appendonlydir'), s.path('backup'), { recursive: true });
  process.kill(s.daemon.pid, 'SIGCONT');
  await until('many more', () => smsc.submits.length >= 150, 60000);
  await server.kill();
  fs.rmSync(s.path('redis/appendonlydir'), { recursive: true });
  fs.cpSync(s.path('backup'), s.path('redis/appendonlydir'), { recursive: true });
  await server.start();
  await stopped(s, smsc, 'older');
  // A daemon that starts now does not know better either; and one that is known must show its log.
  fs.appendFileSync(s.path('state/daemons'), 'd9\n');
  let refused = await s.outreach('recover', '--from', s.path(LOG));
  assert.equal(refused.code, 66, refused.all);
  assert.match(refused.err, /log of d9 is missing/);
  const told = smsc.submits.length;
  await s.ok('recover', '--without', 'd9', '--from', s.path(LOG));
  assert.ok(told < 300);
  await everybody(s, smsc, 'old', 300);
});

journey('a daemon that starts with an older Redis than it has known does not send from it', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '100/s', window: 10 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('later', people(200), { reminders: HOLD }));
  await until('forty', () => smsc.submits.length >= 40);
  process.kill(s.daemon.pid, 'SIGSTOP');
  fs.cpSync(s.path('redis/appendonlydir'), s.path('backup'), { recursive: true });
  process.kill(s.daemon.pid, 'SIGCONT');
  await until('more', () => smsc.submits.length >= 100, 60000);
  await s.stop('SIGKILL'); // and with it all that it knew of any seq
  await server.kill();
  fs.rmSync(s.path('redis/appendonlydir'), { recursive: true });
  fs.cpSync(s.path('backup'), s.path('redis/appendonlydir'), { recursive: true });
  await server.start();
  await s.start({ wait: false });
  await stopped(s, smsc, 'older');
  await s.ok('recover', '--from', s.path(LOG));
  await everybody(s, smsc, 'later', 200);
});

journey('a Redis restarted without its AOF, with a daemon that starts after it', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '100/s', window: 10 });
  const server = await s.redisServer();
  await s.start();
  const asked = campaign('lost', people(200), { reminders: HOLD });
  await s.xadd(asked);
  await until('fifty', () => smsc.submits.length >= 50);
  await s.stop('SIGKILL');
  await server.kill();
  fs.rmSync(s.path('redis/appendonlydir'), { recursive: true });
  await server.start();
  s.epoch = 0;
  await s.start({ wait: false });
  await s.xadd(asked);
  await stopped(s, smsc, 'empty');
  await s.ok('recover', '--from', s.path(LOG));
  const counts = await everybody(s, smsc, 'lost', 200);
  assert.ok((counts.uncertain ?? 0) <= 10, JSON.stringify(counts)); // the window at the kill
});

journey('a Redis that was emptied while nobody sent cannot be queued into before it is noticed', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const asked = campaign('idle', people(20));
  await s.xadd(asked);
  await s.settled('idle', 'first', 30000);
  await until('it to be over', () => /reminder.done/.test(s.log()));
  await pause(300);
  const redis = await s.redis();
  await Promise.all([redis.call('FLUSHALL'), s.xadd(asked)]);
  await stopped(s, smsc, 'empty');
  assert.equal(smsc.submits.length, 20);
  await s.ok('recover', '--from', s.path(LOG));
  await everybody(s, smsc, 'idle', 20);
});

journey('an outcome that was learnt while Redis was away survives the daemon: it is no doubt', async (s) => {
  let release;
  const later = new Promise((resolve) => { release = resolve; });
  const smsc = await s.smsc(async ({ n, to }) => {
    if (n <= 10) await later; // answered when Redis is away
    return { receipt: false, status: to.endsWith('1003') ? 0x0b : 0 };
  }, { window: 10 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('away', people(30), { reminders: HOLD }));
  await until('a window of submits', () => smsc.submits.length === 10);
  await server.kill();
  release();
  await until('the answers in the log', () => s.deliveryLog().filter((l) => l.event === 'accepted' || l.event === 'failed').length === 10);
  await s.stop('SIGKILL');
  await server.start();
  await s.start();
  await s.counted('away', 'first', { accepted: 29, failed: 1 }, 30000);
  assert.deepEqual(twice(ids(smsc)), []);
  assert.match(s.log(), /recovery.done.*known=10 uncertain=0/);
  await s.ok('verify', 'away');
  smsc.insist(smsc.submits.find((one) => !one.to.endsWith('1003')), {}); // and its receipt finds it
  await s.counted('away', 'first', { accepted: 28, failed: 1, delivered: 1 }, 30000);
});

/** How many members each key has. */
async function sizes(s) {
  const size = { hash: 'HLEN', set: 'SCARD', zset: 'ZCARD', stream: 'XLEN', string: 'STRLEN', list: 'LLEN' };
  const redis = await s.redis();
  const all = {};
  for (const key of (await redis.call('KEYS', '*')).sort()) {
    const type = await redis.call('TYPE', key);
    if (size[type]) all[key] = await redis.call(size[type], key);
  }
  return all;
}

journey('a daemon that is killed and started again and again leaves nothing behind in Redis', async (s) => {
  await s.smsc();
  await s.redisServer();
  let before;
  for (let life = 1; life <= 12; life++) {
    await s.start();
    await until('it to be at work', async () => Number(await (await s.redis()).call('HGET', 'outreach:daemon:d1', 'sends')) === s.epoch);
    await s.stop('SIGKILL');
    if (life === 4) before = await sizes(s);
  }
  assert.equal(s.epoch, 12);
  const now = await sizes(s);
  for (const all of [before, now]) delete all['outreach:epoch']; // a number that counts, of two digits now
  assert.deepEqual(now, before);
  assert.equal(fs.readFileSync(s.path('state/daemons'), 'utf8'), 'd1\n');
});

journey('an outcome for an intent that the ledger does not know: Redis went back', async (s) => {
  let release;
  const later = new Promise((resolve) => { release = resolve; });
  const smsc = await s.smsc(async ({ n }) => { if (n <= 10) await later; return {}; }, { window: 10 });
  await s.start();
  await s.xadd(campaign('part', people(30), { reminders: HOLD }));
  await until('a window of submits', () => smsc.submits.length === 10);
  await (await s.redis()).call('SETRANGE', 'outreach:{part}:first:ledger', 16, Buffer.alloc(160));
  release();
  await stopped(s, smsc, 'older');
  await s.ok('recover', '--from', s.path(LOG));
  await everybody(s, smsc, 'part', 30);
});

journey('one ledger is lost: all stands still, and it is filled in', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '100/s', window: 10 });
  await s.start();
  await s.xadd(campaign('one', people(200), { reminders: HOLD }));
  await until('fifty', () => smsc.submits.length >= 50);
  await (await s.redis()).call('DEL', 'outreach:{one}:first:ledger');
  await until('it to stand still', () => /reminder.halted/.test(s.log()));
  await s.stop();
  await s.start({ wait: false });
  await stopped(s, smsc, 'older');
  await s.ok('recover', '--from', s.path(LOG));
  await everybody(s, smsc, 'one', 200);
});

/** The same stage as another host sees it: a state directory and a log of its own. */
function host(s, name) {
  s.settings = { ...s.settings, name, state_dir: s.path(name) };
  s.epoch = 0;
}

journey('two hosts: the log of each is needed; a third one joins, and one of another installation does not', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '100/s', window: 10 });
  await s.redisServer();
  const asked = campaign('hosts', people(300), { reminders: HOLD });
  host(s, 'd1');
  const first = await s.start();
  host(s, 'd2'); // a new state directory with a Redis that is known elsewhere
  await s.start();
  await smsc.bound(2);
  // Whoever holds a share of a rate is among those that are looked at, also when both sets are lost.
  const redis = await s.redis();
  const shares = 'outreach:{gw:mobile}:shares', daemons = 'outreach:daemons';
  for (let turn = 0; turn < 3; turn++) {
    await redis.call('DEL', shares, daemons);
    await until('a share to be asked for', async () => {
      const [holders, known] = await redis.call('EVAL',
        "return {redis.call('HKEYS', KEYS[1]), redis.call('SMEMBERS', KEYS[2])}", '2', shares, daemons);
      assert.deepEqual(holders.filter((one) => !known.includes(one)), []);
      return holders.length > 0;
    });
  }
  await s.xadd(asked);
  const wrote = (name) => fs.existsSync(s.path(`${name}/delivery.jsonl`)) &&
    /"event":"accepted"/.test(fs.readFileSync(s.path(`${name}/delivery.jsonl`), 'utf8'));
  await until('both to send', () => smsc.submits.length >= 100 && wrote('d1') && wrote('d2'), 60000);
  await until('them to know of each other', () => /d1/.test(fs.readFileSync(s.path('d2/daemons'), 'utf8')), 30000);
  await redis.call('FLUSHALL');
  await until('both to notice', () => (s.log().match(/redis\.in_doubt verdict=empty/g) ?? []).length === 2);
  await pause(300); // what had left by then arrives
  const at = smsc.submits.length;
  assert.ok(at < 290, `${at}: too late to prove anything`);
  await s.stop('SIGKILL', first); // not even those that live are needed
  await s.xadd(asked);
  await until('it to be queued', async () => (await (await s.redis()).call('HGET', 'outreach:{hosts}', 'state')) === 'active');
  const refused = await s.outreach('recover', '--from', s.path('d2/delivery.jsonl'));
  assert.equal(refused.code, 66, refused.all);
  assert.match(refused.err, /log of d1 is missing/);
  assert.equal(smsc.submits.length, at);
  await s.ok('recover', '--from', s.path('d2/delivery.jsonl'), s.path('d1/delivery.jsonl'));
  await redis.call('HSET', shares, 'ghost', '30'); // of one that died and whose key is lost
  await redis.call('SADD', daemons, 'ghost');
  await everybody(s, smsc, 'hosts', 300);
  await until('the shares of the dead to be given back', async () =>
    (await redis.call('HKEYS', shares)).join() === 'd2' && (await redis.call('SMEMBERS', daemons)).join() === 'd2', 120000);

  host(s, 'd3');
  fs.mkdirSync(s.path('d3'));
  fs.writeFileSync(s.path('d3/marker'), `${'ab'.repeat(16)} ${'7'.padStart(20, '0')}\n`);
  await s.start({ wait: false });
  await until('it to be noticed', () => /redis\.in_doubt verdict=foreign/.test(s.log()));
  const foreign = await s.outreach('recover', '--from', s.path('d1/delivery.jsonl'));
  assert.equal(foreign.code, 65, foreign.all);
  assert.match((await s.ok('list')).out, /another installation/);
  await s.stop();
  await s.ok('recover', '--adopt');
  await s.start();
  await s.xadd(campaign('after', people(20)));
  await s.settled('after', 'first', 60000);
});

journey('a log that was rotated away is missed; recover can be killed at any instant and repeated', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 30 }), { rate: '200/s', window: 20 });
  await s.start();
  const asked = campaign('again', people(600), { reminders: HOLD });
  await s.xadd(asked);
  await until('a hundred', () => smsc.submits.length >= 100);
  fs.renameSync(s.path(LOG), s.path('first.jsonl'));
  await s.stop();
  await s.start();
  await until('the new log to know of it', () => s.deliveryLog().some((l) => l.event === 'opened'));
  fs.renameSync(s.path(LOG), s.path('second.jsonl'));
  process.kill(s.daemon.pid, 'SIGHUP');
  await until('a third', () => fs.existsSync(s.path(LOG)));
  await until('more', () => smsc.submits.length >= 250);
  await (await s.redis()).call('FLUSHALL');
  const at = await stopped(s, smsc, 'empty');
  await s.xadd(asked);
  await until('it to be queued', async () => (await (await s.redis()).call('HGET', 'outreach:{again}', 'state')) === 'active');
  for (const some of [[LOG], [LOG, 'second.jsonl']]) {
    const refused = await s.outreach('recover', '--from', ...some.map((name) => s.path(name)));
    assert.equal(refused.code, 65, refused.all);
    assert.match(refused.err, /do not go back to where again\/first was begun/);
  }
  const all = [LOG, 'second.jsonl', 'first.jsonl'].map((name) => s.path(name));
  // At the first instant of its writing, at the second, ... until there is none left.
  let killed = 0;
  for (;; killed++) {
    const { code, all: said } = await s.run(['-c', s.conf, 'recover', '--from', ...all], { env: { OUTREACH_FAULT: `recover:${killed + 1}` } });
    if (code === 0) break;
    assert.equal(code, 'SIGKILL', said);
  }
  assert.ok(killed >= 5, `killed ${killed} times`);
  assert.equal(smsc.submits.length, at, 'and nothing is sent between');
  await everybody(s, smsc, 'again', 600);
});

journey('a cancel and an outcome that the older Redis does not know are in the log', async (s) => {
  const smsc = await s.smsc(({ to }) => ({ delayMs: 30, receipt: !to.endsWith('1005') && undefined, status: to.endsWith('1006') ? 0x0b : 0 }),
    { rate: '50/s', window: 10 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('stop', people(300), { reminders: HOLD }));
  await until('a few', () => smsc.submits.length >= 3);
  process.kill(s.daemon.pid, 'SIGSTOP');
  fs.cpSync(s.path('redis/appendonlydir'), s.path('backup'), { recursive: true });
  process.kill(s.daemon.pid, 'SIGCONT');
  await until('many more', () => smsc.submits.length >= 40, 60000);
  await s.ok('cancel', '--yes', 'stop');
  await until('the sweep', async () => ((await s.counts('stop', 'first')).cancelled ?? 0) > 200);
  await server.kill();
  fs.rmSync(s.path('redis/appendonlydir'), { recursive: true });
  fs.cpSync(s.path('backup'), s.path('redis/appendonlydir'), { recursive: true });
  await server.start();
  const at = await stopped(s, smsc, 'older');
  await s.ok('recover', '--from', s.path(LOG));
  await until('it to go on', () => /redis\.trusted_again/.test(s.log()));
  await until('an end', async () => (await s.counts('stop', 'first')).untouched === undefined);
  await pause(1500);
  assert.equal(smsc.submits.length, at, 'the cancel holds');
  const ledger = await s.ledger('stop', 'first');
  assert.equal(ledger[6].state, 'failed', 'refused by the operator');
  assert.equal(ledger[5].state, 'accepted', 'and one whose receipt has not come');
  await s.ok('verify', 'stop');
  // That receipt comes now, and finds its notice by the id that the log had.
  smsc.insist(smsc.submits.find((one) => one.to.endsWith('1005')), {});
  await until('it', async () => (await s.ledger('stop', 'first'))[5].state === 'delivered');
});

/** What a person reads of a record and what decides its future, with the gateway by its name. */
async function meaning(s, id) {
  const client = await s.redis();
  const names = Object.fromEntries(Object.entries(await client.hash('outreach:gateways')).map(([name, number]) => [number, name]));
  const bytes = await client.callRaw('GET', `outreach:{${id}}:first:ledger`);
  const all = {};
  for (let at = 16, n = 1; at < bytes.length; at += 16, n++)
    all[n] = { state: bytes[at] >> 4, flags: bytes[at] & 15, attempts: bytes[at + 1] >> 4, gateway: names[bytes[at + 6]] ?? bytes[at + 6],
      reason: bytes[at + 7], segments: bytes[at + 8] >> 4, step: bytes[at + 13] >> 4 };
  return all;
}

journey('all that a notice can come to is in the log: a ledger that was lost is filled in as it was', async (s) => {
  // Three channels; the second one has nobody's address: steps are not lines.
  const ends = { 0: {}, 1: { status: 0x0b }, 2: { receipt: { state: 'UNDELIV', err: '021' } }, 3: { receipt: false },
    4: { status: 0x0b }, 5: { silent: true }, 6: { receipt: { state: 'UNDELIV' } }, 7: { receipt: { when: 'before', state: 'UNDELIV' } } };
  const list = people(24, (i) => ({ wecom: [1, 2, 3, 6, 7].includes(i % 8) ? `u${i}` : '', voice: '' }));
  const smsc = await s.smsc(({ to }) => ends[(Number(to.slice(-4)) - 1000) % 8], { window: 50, response_timeout: '2s' });
  await s.cloud(({ query }) => (Number(query.to.slice(1)) % 8 === 6 ? { status: 400, body: 'no such user' } : {}), { name: 'chat', channel: 'wecom', signature: 'none', rejected: [{ status: 400, reason: 'number' }] });
  s.settings.dispatch = { attempts: 2, backoff: '1s', backoff_max: '1s' };
  const server = await s.redisServer();
  await s.start();
  const asked = campaign('all', list, { reminders: HOLD, channels: ['sms', 'voice', 'wecom'] });
  await s.xadd(asked);
  const still = () => s.counts('all', 'first').then((c) => !c.untouched && !c.parked && !c.sending && c.uncertain === 3 && c.delivered === 3);
  await until('all to be still', still, 60000);
  await pause(1500); // a receipt after it
  await s.stop('SIGKILL');
  const before = await meaning(s, 'all');
  assert.ok(Object.values(before).some((r) => r.step === 2), 'the third channel had its turn');
  await server.client.call('FLUSHALL');
  await s.start({ wait: false });
  await until('it to be noticed', () => /redis.in_doubt verdict=empty/.test(s.log()));
  await s.xadd(asked);
  await until('it to be queued', async () => (await (await s.redis()).call('HGET', 'outreach:{all}', 'state')) === 'active');
  await s.stop('SIGKILL');
  await s.ok('recover', '--from', s.path(LOG));
  assert.deepEqual(await meaning(s, 'all'), before);
  await s.ok('verify', 'all');
  assert.equal(smsc.submits.length, 24);
});

journey('verify --repair rebuilds leases, retry set and counters under load; everyone is told once', async (s) => {
  const smsc = await s.smsc(({ n }) => (n % 7 === 0 ? { status: 8, receipt: false } : { delayMs: 20 }), { rate: '60/s', window: 20 });
  s.settings.dispatch = { backoff: '1s' };
  await s.start();
  await s.xadd(campaign('mend', people(400), { reminders: HOLD }));
  await until('sixty', () => smsc.submits.length >= 60);
  const redis = await s.redis();
  const counters = Array.from({ length: 13 }, (_, i) => `c${i}`);
  await s.stop('SIGKILL'); // what it held has no lease and no place any more
  await redis.call('DEL', 'outreach:{mend}:first:leases', 'outreach:{mend}:first:retry');
  await redis.call('HDEL', 'outreach:{mend}:first', ...counters, 'cursor', 'orphans');
  await s.start();
  const some = smsc.submits.length + 30;
  await until('more', () => smsc.submits.length >= some, 60000);
  assert.equal((await s.outreach('verify', 'mend')).code, 70);
  const repair = async () => JSON.parse((await s.ok('verify', '--repair', '--json', 'mend')).out).reminders[0];
  let repaired = await repair();
  assert.ok(repaired.ok && repaired.repaired.counters > 0, JSON.stringify(repaired));
  // The place of those that are to be tried again, while the daemon lives.
  await until('one to be tried again', async () => {
    if (Number(await redis.call('DEL', 'outreach:{mend}:first:retry')) === 0) return false;
    repaired = await repair();
    return repaired.repaired.retries > 0;
  }, 60000);
  // And the ranges that it had taken, when it dies.
  await until('a lease', async () => Number(await redis.call('DEL', 'outreach:{mend}:first:leases')) > 0);
  await s.stop('SIGKILL');
  assert.ok(smsc.submits.length < 380, `${smsc.submits.length}: too late to prove anything`);
  repaired = await repair();
  assert.ok(repaired.ok && repaired.repaired.ranges > 0, JSON.stringify(repaired));
  await s.start();
  await s.ok('verify', 'mend');
  assert.ok(smsc.submits.length < 400, 'it was under load');
  smsc.refused = (one) => one.n % 7 === 0;
  await everybody(s, smsc, 'mend', 400);
});


journey('the counter of epochs is damaged: nothing is sent and the log says why; when it is gone it goes on behind what daemons had', async (s) => {
  const smsc = await s.smsc();
  const { client } = await s.redisServer();
  await s.start();
  const before = s.epoch;
  assert.equal((await s.stop()).code, 0);
  await client.call('SET', 'outreach:epoch', 'seven');
  await s.start({ wait: false });
  await s.xadd(campaign('late', people(2)));
  await until('it to be told', () => /epoch\.damaged key=outreach:epoch/.test(s.log()), 60000);
  await pause(1000);
  assert.equal(smsc.submits.length, 0);
  assert.equal(s.daemon.how, undefined);
  await client.call('DEL', 'outreach:epoch');
  assert.deepEqual(await s.settled('late', 'first', 60000), { delivered: 2 });
  assert.ok(Number(await client.call('HGET', 'outreach:daemon:d1', 'epoch')) > before);
  assert.equal(s.log().split('epoch.damaged').length, 2, 'once');
});

journey('an amended campaign is recovered by its first body and its amendments: each reminder by the version it was begun with', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const list = people(6);
  const body = (venue, more = []) => ({ ...campaign('twice', list, { texts: { zh: '{{name}}您好，{{event.venue}}。', moved: '原在{{was.venue}}，现在{{event.venue}}。' },
    reminders: [{ name: 'first', at: 'now', doubt: 'hold' }, ...more] }),
    event: { ...campaign('x', []).event, venue: { zh: venue } } });
  const second = [{ name: 'second', at: inDays(0, '00:00'), doubt: 'hold' }];
  const version = async () => Number(await (await s.redis()).call('HGET', 'outreach:{twice}', 'version'));
  await s.xadd(body('东馆'));
  assert.deepEqual(await s.settled('twice', 'first', 60000), { delivered: 6 });
  await s.xadd(body('西馆', second), { op: 'amend' });
  assert.deepEqual(await s.settled('twice', 'second', 60000), { delivered: 6 });
  await s.settled('twice', 'corrections', 60000);
  const corrected = smsc.messages.filter((m) => /原在东馆/.test(m.text)).length;
  await (await s.redis()).call('FLUSHALL');
  await stopped(s, smsc, 'empty');
  // By the newest body alone the first reminder is another text's.
  await s.xadd(body('东馆'));
  await until('it to be queued', async () => (await version()) === 1, 60000);
  const refused = await s.outreach('recover', '--from', s.path(LOG));
  assert.equal(refused.code, 65, refused.all);
  assert.match(refused.err, /and amend it as it was/);
  await s.xadd(body('西馆', second), { op: 'amend' });
  await until('the amendment', async () => (await version()) === 2, 60000);
  await s.ok('recover', '--from', s.path(LOG));
  await until('the ledgers', async () => (await s.ledger('twice', 'second')).filter((r) => r.state === 'delivered').length === 6, 60000);
  assert.deepEqual((await s.ledger('twice', 'first')).map((r) => r.version), list.map(() => 1));
  assert.deepEqual((await s.ledger('twice', 'second')).map((r) => r.version), list.map(() => 2));
  // Moved once more: who was told by the second knows the second.
  await s.xadd(body('南馆', second), { op: 'amend' });
  await until('them to be told', () => smsc.messages.filter((m) => /原在西馆，现在南馆/.test(m.text)).length === 6, 60000);
  assert.equal(smsc.messages.filter((m) => /原在东馆/.test(m.text)).length, corrected, 'who knew the second was not corrected from the first again');
  for (const text of ['，东馆。', '，西馆。'])
    assert.deepEqual(list.map((p) => smsc.textsFor(p.sms).filter((t) => t.includes(text) && t.includes('您好')).length), list.map(() => 1), text);
});
