'use strict';
// A Redis Cluster lets no command reach into two slots. All that a campaign does keeps to one at a
// time; the slots may be on several masters, move while they are used, and be away for a while.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { Cluster } = require('./lib/cluster');
const { PATIENT, times } = require('./lib/outage');
const redis = require('./lib/redis');
const { until, pause } = require('./lib/wait');

async function alone(s) {
  const server = new redis.Server(s.path('redis'));
  s.closers.push(() => server.kill());
  await server.startCluster();
  s.settings.redis = { url: `unix:${server.socket}` };
  s.socket = server.socket;
  return server;
}

/** An event in three hours, and today: where it is noon now. */
function today() {
  const ahead = 12 - new Date().getUTCHours(); // of UTC; a zone of POSIX has the sign turned round
  return {
    starts: new Date(Date.now() + (ahead + 3) * 3600e3).toISOString().slice(0, 19),
    timezone: `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`, venue: { zh: '区妇联' },
  };
}

async function keepsToSlots(s, begin) {
  const list = people(30);
  let throttled = 0;
  const smsc = await s.smsc((one) => (one.to === list[3].sms && throttled++ === 0 ? { status: 0x58 } : {}), {
    per_number: ['2/min', '9/day'],
  });
  await begin();
  await s.start();
  s.write('one.json', JSON.stringify(campaign('one', list, { per_recipient: ['1/day'], event: today() })));
  await s.ok('queue', s.path('one.json'));
  assert.deepEqual(await s.settled('one', 'first', 60000), { delivered: 30 });
  assert.equal(throttled, 2, 'once more');

  // They have had theirs of today, but for the newcomer; and one has refused.
  const newcomer = { sms: '+8613851409001', name: '新' };
  smsc.reply(list[0].sms, '1069000038', 'TD');
  await until('the refusal', async () => (await (await s.redis()).call('SISMEMBER', 'outreach:optout', list[0].sms)) === 1);
  await s.xadd(campaign('two', [...list, newcomer], {
    per_recipient: ['1/day'],
    event: today(),
  }));
  const counts = await s.settled('two', 'first', 60000);
  assert.equal(counts.delivered, 1);
  assert.equal(counts['opted-out'], 1);
  assert.equal(counts.capped, 29);

  await s.xadd(campaign('three', people(5), { reminders: [{ name: 'first', at: '-1d 09:00' }, { name: 'second', at: '-2d 09:00' }] }));
  await until('it to be queued', async () => (await (await s.redis()).call('HGET', 'outreach:{three}', 'state')) === 'active');
  await s.ok('pause', 'three');
  await s.ok('resume', 'three');
  await s.ok('cancel', '-y', 'three');
  await s.ok('optout', 'add', '13851409999');
  for (const id of ['one', 'two', 'three']) await s.ok('verify', id);
  assert.doesNotMatch(s.log(), /CROSSSLOT|error /);
}

journey('on a cluster of one: limits, receipts, refusals, retries, flags and verify keep to one slot each', (s) => keepsToSlots(s, () => alone(s)), PATIENT);

journey('on three masters the same, and the command line finds everything', async (s) => {
  let cluster;
  await keepsToSlots(s, async () => (cluster = await new Cluster(s).start()));
  const keys = await Promise.all(cluster.nodes.map((node) => node.client.call('DBSIZE')));
  assert.ok(keys.every((n) => n > 0), `each has some keys: ${keys}`);
  const { out } = await s.ok('list');
  for (const id of ['one', 'two', 'three']) assert.match(out, new RegExp(id));
  assert.match((await s.ok('why', people(1)[0].sms)).out, /delivered/i);
  // Any node leads to the others, also one that is asked for itself.
  s.settings.redis = { url: `unix:${cluster.nodes[2].socket}` };
  assert.equal((await s.ok('list')).out, out);
}, PATIENT);

const N = 100;
const IDS = ['red', 'green', 'blue'];

/** Three campaigns under way, whose slots are all over the cluster. */
async function underWay(s) {
  const smsc = await s.smsc(() => ({ delayMs: 50 }), { rate: '40/s', window: 10 });
  const cluster = await new Cluster(s).start();
  await s.start();
  for (const [i, id] of IDS.entries()) {
    const list = people(N, (k) => ({ sms: `+86138514${i}${String(1000 + k).padStart(4, '0')}` }));
    await s.xadd(campaign(id, list, { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  }
  await until('some submits', () => smsc.submits.length >= 30, 60000);
  return { smsc, cluster };
}

async function allToldOnce(s, smsc) {
  for (const id of IDS) assert.deepEqual(await s.settled(id, 'first', 240000), { delivered: N }, id);
  const told = smsc.submits.map((one) => one.to);
  assert.equal(told.length, IDS.length * N);
  assert.equal(new Set(told).size, IDS.length * N, 'nobody twice');
  for (const id of IDS) await s.ok('verify', id);
  assert.doesNotMatch(s.log(), /in_doubt|settle\.lost|redis\.error|error /);
}

journey('slots move while they are used, key by key, and a master dies and comes back: nobody is left out or told twice', async (s) => {
  const { smsc, cluster } = await underWay(s);
  const inTheMiddle = () => assert.ok(smsc.submits.length < IDS.length * N - 10, 'it happened in the middle');
  for (const key of ['outreach:optout', ...IDS.map((id) => `outreach:{${id}}`), 'outreach:{gw:mobile}:x', 'outreach:optout'])
    await cluster.migrate(key, () => pause(30));
  inTheMiddle();
  for (const word of ['MOVED', 'ASK', 'TRYAGAIN']) assert.ok((await cluster.errors(word)) > 0, `${word} has happened`);
  await until('all to be well', () => times(s.log(), 'redis.away') === times(s.log(), 'redis.back'), 60000);

  const [, node] = cluster.nodes;
  const away = new RegExp(`redis\\.away reason="${node.at.host}:${node.at.port}: `);
  assert.doesNotMatch(s.log(), away);
  await node.kill();
  await until('it to be noticed', () => away.test(s.log()), 60000);
  inTheMiddle();
  await pause(500);
  await node.start();
  await allToldOnce(s, smsc);
  await until('all to be well', () => times(s.log(), 'redis.away') === times(s.log(), 'redis.back'), 60000);
}, PATIENT);
