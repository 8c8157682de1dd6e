'use strict';
// The master dies or hangs under load, and the Sentinels make a replica the master: nobody is
// told twice or left out.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { Watched } = require('./lib/failover');
const { WINDOW, PATIENT, times, receivers, nobodyTwice } = require('./lib/outage');
const { until, pause } = require('./lib/wait');

const N = 120;
const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];

/** A campaign of N under way, put on the queue by the command line. */
async function underWay(s, redis) {
  const smsc = await s.smsc(() => ({ delayMs: 150 }), { rate: '25/s', window: WINDOW });
  const watched = await new Watched(s).start(redis);
  await s.start();
  s.write('away.json', JSON.stringify(campaign('away', people(N), { reminders: HOLD })));
  await s.ok('queue', s.path('away.json'));
  await until('thirty submits', () => smsc.submits.length >= 30, 60000);
  return { smsc, watched };
}

async function allToldOnce(s, smsc) {
  assert.deepEqual(await s.settled('away', 'first', 240000), { delivered: N });
  nobodyTwice(smsc);
  assert.equal(new Set(receivers(smsc)).size, N);
  assert.equal(smsc.submits.length, N);
  await s.ok('verify', 'away');
}

journey('the master is cut off and dies: what only it had was not sent, and the campaign goes on by itself', async (s) => {
  const { smsc, watched } = await underWay(s, { replicas: 1, replicas_wait: '500ms' });
  watched.cut();
  const at = smsc.submits.length;
  await until('nobody to confirm', () => times(s.log(), 'redis.away') > 0, 60000);
  assert.match(s.log(), /redis\.away reason="0 of 1 replicas have it within 500 ms"/);
  await pause(1000);
  assert.ok(smsc.submits.length <= at + WINDOW, `${smsc.submits.length - at} submits since, the window is ${WINDOW}`);
  await watched.master.kill();
  await watched.failedOver();
  await allToldOnce(s, smsc);
  assert.doesNotMatch(s.log(), /in_doubt|settle\.lost|error /);
  assert.deepEqual(['redis.away', 'redis.back'].map((word) => times(s.log(), word)), [1, 1], 'once each');
}, PATIENT);

journey('the master hangs, and comes back with what was on its way to it: nothing of that counts', async (s) => {
  const { smsc, watched } = await underWay(s, { replicas: 1 });
  const old = watched.master;
  old.process.kill('SIGSTOP');
  await watched.failedOver();
  await s.ok('list'); // the command line finds the new one too
  await until('it to go on', () => /redis\.back/.test(s.log()), 60000);
  old.process.kill('SIGCONT');
  const at = smsc.submits.length;
  assert.ok(at < N - WINDOW, 'it happened in the middle');
  await allToldOnce(s, smsc);
  assert.doesNotMatch(s.log(), /in_doubt|settle\.lost|error /);
}, PATIENT);

journey('without replicas that confirm, a new master that knows less is noticed: nothing is sent until outreach recover', async (s) => {
  const { smsc, watched } = await underWay(s, {});
  watched.cut();
  const at = smsc.submits.length;
  await until('many more', () => smsc.submits.length >= at + 30, 60000);
  await watched.master.kill();
  await watched.failedOver();
  await until('it to be noticed', () => /redis\.in_doubt verdict=older/.test(s.log()), 60000);
  await pause(300); // what had left by then arrives
  const told = smsc.submits.length;
  await pause(1000);
  assert.equal(smsc.submits.length, told);
  assert.ok(told < N, 'it happened in the middle');
  await s.ok('recover', '--from', s.path('state/delivery.jsonl'));
  await until('the rest', async () => {
    const counts = await s.counts('away', 'first');
    return (counts.delivered ?? 0) + (counts.accepted ?? 0) + (counts.uncertain ?? 0) === N;
  }, 240000);
  nobodyTwice(smsc);
  await s.ok('verify', 'away');
}, PATIENT);
