'use strict';
// A server that is a cluster of its own lets no command reach into two slots. All that a campaign
// does keeps to one at a time; a cluster of several masters is refused with the reason.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const redis = require('./lib/redis');
const { until } = require('./lib/wait');

async function alone(s) {
  const server = new redis.Server(s.path('redis'));
  s.closers.push(() => server.kill());
  await server.startCluster();
  s.settings.redis = { url: `unix:${server.socket}` };
  s.socket = server.socket;
  return server;
}

journey('on a cluster of one: limits, receipts, refusals, retries, flags and verify keep to one slot each', async (s) => {
  const list = people(30);
  let throttled = 0;
  const smsc = await s.smsc((one) => (one.to === list[3].sms && throttled++ === 0 ? { status: 0x58 } : {}), {
    per_number: ['2/min', '9/day'],
  });
  await alone(s);
  await s.start();
  s.write('one.json', JSON.stringify(campaign('one', list, { per_recipient: ['1/day'] })));
  await s.ok('queue', s.path('one.json'));
  assert.deepEqual(await s.settled('one', 'first', 60000), { delivered: 30 });
  assert.equal(throttled, 2, 'once more');

  // They have had theirs of today, but for the newcomer; and one has refused.
  const newcomer = { sms: '+8613851409001', name: '新' };
  smsc.reply(list[0].sms, '1069000038', 'TD');
  await until('the refusal', async () => (await (await s.redis()).call('SISMEMBER', 'outreach:optout', list[0].sms)) === 1);
  await s.xadd(campaign('two', [...list, newcomer], {
    per_recipient: ['1/day'],
    event: { starts: new Date(Date.now() + 8 * 3600e3 + 3 * 3600e3).toISOString().slice(0, 19), timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } },
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
}, { timeout: 240000 });

journey('a cluster of two masters is refused with the reason', async (s) => {
  const servers = [];
  for (const i of [0, 1]) {
    const [at, bus] = [await redis.place(), await redis.place()];
    const server = new redis.Server(s.path(`redis${i}`), {
      'cluster-enabled': 'yes', bind: at.host, port: at.port, 'cluster-port': bus.port,
    });
    s.closers.push(() => server.kill());
    servers.push(Object.assign(await server.start(), { at, bus }));
  }
  const [one, two] = servers;
  await one.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 8191);
  await two.client.call('CLUSTER', 'ADDSLOTSRANGE', 8192, 16383);
  await one.client.call('CLUSTER', 'MEET', two.at.host, two.at.port, two.bus.port);
  await until('them to know each other', async () => /cluster_size:2/.test(await one.client.call('CLUSTER', 'INFO')), 60000);
  s.settings.redis = { url: `unix:${one.socket}` };
  s.socket = one.socket;
  for (const program of [() => s.outreach('list'), () => s.run(['-c', s.conf], { program: 'outreachd' })]) {
    const result = await program();
    assert.equal(result.code, 69, result.all);
    assert.match(result.err, /a cluster with 16384 of 16384 slots on 2 masters: outreachd needs one that holds them all/);
  }
}, { timeout: 120000 });
