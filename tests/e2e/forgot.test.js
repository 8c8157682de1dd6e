'use strict';
// Redis that forgot: it comes back empty or older, nothing is sent, a person is told what to
// do, and after `outreach recover` nobody gets a second copy and nobody is left out.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const ids = (smsc) => smsc.submits.map((one) => one.to);
const twice = (list) => list.filter((to, i) => list.indexOf(to) !== i);
const doubts = (s) => (s.log().match(/redis\.in_doubt/g) ?? []).length;

journey('verify --repair rebuilds leases, retry set and counters under load; everyone is told once', async (s) => {
  const smsc = await s.smsc(({ n }) => (n % 7 === 0 ? { status: 0x14 } : { delayMs: 20 }), { rate: '120/s', window: 20 });
  s.settings.dispatch = { backoff: '1s' };
  await s.start();
  await s.xadd(campaign('mend', people(400)));
  await until('sixty', () => smsc.submits.length >= 60);
  const redis = await s.redis();
  const counters = Array.from({ length: 13 }, (_, i) => `c${i}`);
  await s.stop('SIGKILL'); // what it held has no lease and no place any more
  await redis.call('DEL', 'outreach:{mend}:first:leases', 'outreach:{mend}:first:retry');
  await redis.call('HDEL', 'outreach:{mend}:first', ...counters, 'cursor', 'orphans');
  await s.start();
  await until('more', () => smsc.submits.length >= 90, 60000);
  assert.equal((await s.outreach('verify', 'mend')).code, 70);
  await redis.call('DEL', 'outreach:{mend}:first:leases', 'outreach:{mend}:first:retry');
  await s.ok('verify', '--repair', 'mend');
  let counts;
  await until('the rest', async () => {
    counts = await s.counts('mend', 'first');
    return (counts.delivered ?? 0) === 400;
  }, 100000).catch(() => assert.fail(JSON.stringify(counts)));
  await s.ok('verify', 'mend');
  assert.equal((await s.ok('verify', '--repair', '--json', 'mend')).code, 0);
});
