'use strict';
// A Redis Cluster with a password and a replica for each master: one of the masters is killed, and
// its replica is elected.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { Cluster } = require('./lib/cluster');
const { WINDOW, PATIENT, times, nobodyTwice } = require('./lib/outage');
const { until, pause } = require('./lib/wait');

const N = 60;
const IDS = ['red', 'green', 'blue'];
const PASSWORD = 'known-to-all-nodes';

const stats = (node) => node.client.call('INFO', 'commandstats');

journey('a master dies under load and its replica is elected: what nobody confirms is not sent, and once the old one is its replica all are told, once', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 100 }), { rate: '20/s', window: WINDOW });
  const cluster = await new Cluster(s, { password: PASSWORD }).start(3, {
    user: 'default', secret: '@env:REDIS_PASSWORD', replicas: 1, replicas_wait: '2s',
  });
  s.env.REDIS_PASSWORD = PASSWORD;
  await cluster.replicate();
  const dying = await cluster.owner(await cluster.slot('outreach:{green}'));
  const heir = cluster.replicas[cluster.nodes.indexOf(dying)];
  assert.notEqual(dying, cluster.nodes[0], 'the test itself looks there');
  await s.start();
  for (const [i, id] of IDS.entries()) {
    const list = people(N, (k) => ({ sms: `+86138514${i}${String(1000 + k).padStart(4, '0')}` }));
    await s.xadd(campaign(id, list, { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  }
  await until('some submits', () => smsc.submits.length >= 30, 60000);

  const from = s.log().length;
  const since = () => s.log().slice(from);
  const said = () => since().split(` redis.away reason="${dying.at.host}:${dying.at.port}: `).length - 1;
  await dying.kill();
  await until('it to be noticed', () => said() > 0, 60000);
  const at = smsc.submits.length;
  await cluster.elected(heir, dying);
  // It has no replica of its own now: it is asked, and nobody confirms.
  await until('the daemon to ask it', async () => /cmdstat_wait:calls=/.test(await stats(heir)), 60000);
  await pause(1000);
  assert.ok(smsc.submits.length <= at + WINDOW, `${smsc.submits.length - at} submits since, the window is ${WINDOW}`);
  assert.ok(smsc.submits.length < IDS.length * N - WINDOW, 'it happened in the middle');
  assert.equal(times(since(), 'redis.back'), 0);

  await dying.start();
  await cluster.follows(dying, heir);
  for (const id of IDS) assert.deepEqual(await s.settled(id, 'first', 240000), { delivered: N }, id);
  nobodyTwice(smsc);
  assert.equal(smsc.submits.length, IDS.length * N);
  for (const id of IDS) await s.ok('verify', id);
  await until('all to be well', () => times(s.log(), 'redis.away') === times(s.log(), 'redis.back'), 60000);
  assert.equal(said(), 1, 'what is wrong is said once');
  assert.doesNotMatch(s.log(), /in_doubt|settle\.lost|redis\.error|error /);
  assert.ok(!s.log().includes(PASSWORD));
  assert.match(await stats(heir), /cmdstat_evalsha:/);
  assert.doesNotMatch(await stats(dying), /cmdstat_(evalsha|wait|unlink):/, 'nothing was sent to a replica');
}, PATIENT);
