'use strict';
// Providers that can be asked what became of a notice in doubt.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, campaign, people, BUILD } = require('./lib/stage');
const { until } = require('./lib/wait');

journey('before a notice in doubt is sent again its provider is asked: what it knows is not sent twice', async (s) => {
  const so = s.path('asked.so');
  fs.copyFileSync(path.join(BUILD, 'tests/plugins/asked.so'), so);
  fs.chmodSync(so, 0o755);
  s.settings.gateways.push({ name: 'asked', plugin: so, channel: 'sms', signature: 'none' });
  s.settings.dispatch = { doubt_wait: '1s', attempts: 3 };
  await s.start();
  await s.xadd(campaign('doubts', people(4)));
  await s.counted('doubts', 'first', { delivered: 1, undelivered: 1, accepted: 2 }, 90000);
  const ledger = await s.ledger('doubts', 'first');
  assert.deepEqual(ledger.map((r) => r.state), ['delivered', 'undelivered', 'accepted', 'accepted']);
  assert.deepEqual(ledger.map((r) => r.attempts), [1, 1, 1, 2], 'only the one that the provider does not know left twice');
  const asked = s.log().match(/asked.query .*/g);
  assert.deepEqual(asked.map((line) => line.match(/reference=(\S+)/)[1]).sort(), [1, 2, 3, 4].map((n) => `doubts/first/${n}`), 'each once');
  for (const line of asked) {
    const age = Number(line.match(/age_ms=(-?\d+)/)[1]);
    assert.ok(age >= 0 && age < 90000, `asked as one of ${age} ms ago`);
  }
  await until('the words of it', async () => /delivered[^\n]*asked/.test((await s.ok('logs', '--campaign', 'doubts', '--event', 'delivered')).out));
  const verify = await s.ok('verify', 'doubts');
  assert.equal(verify.code, 0);
});
