'use strict';
// What people order of a gateway while it works: pause, drain, resume, limit.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');
const { most } = require('./lib/arrival');

const logged = (s, event) => s.log().split(event).length - 1;

journey('a paused gateway takes nothing, over a restart too, until it is resumed; and the audit says who', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '20/s', window: 10 });
  await s.start();
  await s.xadd(campaign('hold', people(150)));
  await until('the first ten', () => smsc.submits.length >= 10, 30000);
  assert.match((await s.ok('gateways', 'pause', 'mobile', '--by', 'ops', '--why', '合同到期')).out, /mobile takes nothing new.*resume mobile/);
  const ordered = Date.now();
  await until('the pause', () => /gateway.paused gateway=mobile/.test(s.log()));
  const before = smsc.submits.length;
  assert.ok(before < 150, 'while it was sending');
  await pause(1500);
  assert.equal(smsc.submits.length, before, `${before} had left ${Date.now() - ordered} ms ago`);
  assert.match((await s.ok('gateways')).out, /mobile +sms +smpp +PAUSED[^]*outreach gateways resume mobile/);
  assert.match((await s.ok('gateways')).out, /mobile: out of use by order of ops, [^;]* ago \(合同到期\); /);
  const [said] = JSON.parse((await s.ok('gateways', '--json')).out);
  assert.equal(said.order, 'paused');
  assert.deepEqual({ ...said.ordered, ms: Math.abs(said.ordered.ms - ordered) < 60000 }, { by: 'ops', ms: true, why: '合同到期' });

  await s.stop();
  await s.start();
  await until('the pause again', () => logged(s, 'gateway.paused') === 2, 30000);
  await smsc.bound();
  await pause(1500);
  assert.equal(smsc.submits.length, before);

  await s.ok('gateways', 'resume', 'mobile');
  assert.deepEqual(await s.settled('hold', 'first', 60000), { delivered: 150 });
  assert.equal(smsc.submits.length, 150);
  assert.doesNotMatch((await s.ok('gateways')).out, /PAUSED/);
  const audit = await (await s.redis()).call('XRANGE', 'outreach:audit', '-', '+');
  const orders = audit.map(([, fields]) => fields).filter((f) => f[1].startsWith('gateway-'));
  assert.deepEqual(orders[0], ['op', 'gateway-pause', 'gateway', 'mobile', 'by', 'ops', 'why', '合同到期']);
  const [after] = JSON.parse((await s.ok('gateways', '--json')).out);
  assert.deepEqual([after.order, after.ordered], ['', null]);
  assert.equal(orders[1][1], 'gateway-resume');
});

journey('before a daemon knows what is ordered it begins nothing', async (s) => {
  const smsc = await s.smsc();
  const server = await s.redisServer();
  await server.client.call('SET', 'outreach:gateways:orders', 'what nobody can read');
  await s.start();
  await s.xadd(campaign('before', people(5)));
  await until('it to be said', () => /orders\.error reason=/.test(s.log()), 30000);
  await until('the reminder to be open', () => /reminder\.open campaign=before/.test(s.log()), 30000);
  await pause(1500);
  assert.equal(smsc.submits.length, 0);
  await server.client.call('DEL', 'outreach:gateways:orders');
  assert.deepEqual(await s.settled('before', 'first', 60000), { delivered: 5 });
});

journey('while one gateway is paused another of the channel carries on', async (s) => {
  const smsc = await s.smsc();
  const cloud = await s.cloud();
  await s.start();
  await s.ok('gateways', 'pause', 'mobile');
  await until('the pause', () => /gateway.paused gateway=mobile/.test(s.log()));
  await s.xadd(campaign('round', people(20)));
  await s.counted('round', 'first', { accepted: 20 }, 30000);
  assert.equal(cloud.requests.length, 20);
  assert.equal(smsc.submits.length, 0);
});

journey('a drained gateway answers what it has, unbinds, and stays away over a restart; resume binds it anew', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 1500 }), { window: 5 });
  await s.start();
  await s.xadd(campaign('drain', people(40)));
  await until('five to be under way', () => smsc.submits.length >= 5);
  await s.ok('gateways', 'drain', 'mobile');
  await until('the unbind', () => [...smsc.sessions].every((one) => !one.bound) && /gateway.draining/.test(s.log()), 30000);
  const before = smsc.submits.length;
  assert.ok(before < 40);
  await until('all that had left to be settled', async () => ((await s.counts('drain', 'first')).delivered ?? 0) === before, 30000);
  await until('the daemon to say so', async () => /mobile +sms +smpp +DRAINED/.test((await s.ok('gateways')).out));

  await s.stop();
  await s.start();
  await until('the drain again', () => logged(s, 'gateway.draining') >= 2, 30000);
  await until('nobody to be bound', () => [...smsc.sessions].every((one) => !one.bound), 30000);
  assert.equal(smsc.submits.length, before);

  await s.ok('gateways', 'resume', 'mobile');
  assert.deepEqual(await s.settled('drain', 'first', 90000), { delivered: 40 });
  assert.equal(smsc.submits.length, 40, 'each once');
});

journey('a limit holds for all daemons together, from about a second after it was ordered until it is lifted', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '100/s', window: 50 });
  await s.redisServer();
  for (const name of ['d1', 'd2']) {
    s.settings.name = name;
    s.settings.state_dir = s.path(name);
    await s.start();
  }
  await s.xadd(campaign('slow', people(600)));
  await until('a hundred', () => smsc.submits.length >= 100, 60000);
  await s.ok('gateways', 'limit', 'mobile', '5/s');
  const limits = async () => {
    const all = await (await s.redis()).call('HGETALL', 'outreach:{gw:mobile}:shares');
    return all.filter((_, i) => i % 2).reduce((sum, share) => sum + Number(share), 0);
  };
  await until('both daemons to have heard', async () => (await limits()) <= 5, 30000);
  await pause(1100); // what left before is a second past
  const from = smsc.submits.length;
  await pause(4000);
  const during = smsc.submits.slice(from);
  assert.ok(most(during).most <= 5, `${most(during).most} in a second`);
  assert.ok(during.length >= 2, 'slowly, but on');
  assert.match((await s.ok('gateways')).out, /mobile: limited to 5\/s/);

  await s.ok('gateways', 'limit', 'mobile', 'none');
  await until('the share of the configured rate', async () => (await limits()) > 5, 30000);
  assert.deepEqual(await s.settled('slow', 'first', 60000), { delivered: 600 });
  assert.ok(most(smsc.submits).most <= 100, `${most(smsc.submits).most} in a second over all`);
});

journey('what cannot be ordered is refused, and changes nothing', async (s) => {
  await s.smsc(undefined, { rate: '100/s' });
  await s.start();
  for (const [args, code, words] of [
    [['pause', 'nobody'], 65, /no gateway nobody/], [['pause', 'mobil'], 65, /no gateway mobil \(did you mean mobile\?\)/], [['pause', 'sms'], 65, /did you mean mobile/], [['pause'], 64, /usage/], [['stop', 'mobile'], 64, /usage/], [['paus', 'mobile'], 64, /no paus \(did you mean pause\?\)/],
    [['limit', 'mobile'], 64, /usage/], [['limit', 'mobile', 'fast'], 65, /5\/s/], [['limit', 'mobile', '0/s'], 65, /5\/s/],
    [['limit', 'mobile', '101/s'], 65, /configured rate of 100\/s/],
  ]) {
    const result = await s.outreach('gateways', ...args);
    assert.equal(result.code, code, args.join(' '));
    assert.match(result.err, words);
  }
  assert.equal(await (await s.redis()).call('EXISTS', 'outreach:gateways:orders'), 0);
  // One gateway by its name; and at what rate it goes as it was ordered, before a daemon has said so.
  await s.cloud();
  await until('what the daemon says', async () => / 100\/s +\S+\n/.test((await s.ok('gateways', 'mobile')).out));
  await s.stop('SIGKILL');
  await s.ok('gateways', 'limit', 'mobile', '7/s');
  const one = (await s.ok('gateways', 'mobile')).out;
  assert.match(one, /^mobile .* 7(?:\.0)?\/s +\S+$/m);
  assert.doesNotMatch(one, /cloud/);
  assert.deepEqual(JSON.parse((await s.ok('gateways', 'mobile', '--json')).out).map((g) => g.name), ['mobile']);
  assert.match((await s.outreach('gateways', 'mobil')).err, /no gateway mobil \(did you mean mobile\?\)/);
  assert.match((await s.outreach('gateways', 'paus')).err, /no paus \(did you mean pause\?\)/);
});
