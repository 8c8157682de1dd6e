'use strict';
// The storm of scripts/storm, of bounded length: both policies, each over when enough kills
// have hit. A kill that hits nothing proves nothing, so hits are counted, and waited for.

const assert = require('node:assert/strict');
const { journey } = require('./lib/stage');
const { Storm } = require('./lib/storm');

const HITS = 5;

async function rages(s, policy) {
  const storm = new Storm(s, {
    seconds: 4, recipients: 500, rate: 100, latencyMs: 200, window: 10, gapMs: 300, enough: HITS, policy,
  });
  try {
    await storm.run();
  } finally {
    await storm.end();
  }
  assert.deepEqual(storm.broken, [], `\n${storm.table()}`);
  assert.ok(storm.hits() >= HITS, `${storm.hits()} kills hit work in flight, ${HITS} are needed for a proof\n${storm.table()}`);
  if (process.env.E2E_KEEP) console.log(storm.table());
}

const PATIENT = { timeout: 900000 }; // seconds on a quiet machine, and as long as it takes on another

journey('a storm under hold: everybody is told once, or is uncertain by name', (s) => rages(s, 'hold'), PATIENT);
journey('a storm under resend: everybody is told, with no more copies than there were doubts', (s) => rages(s, 'resend'), PATIENT);
