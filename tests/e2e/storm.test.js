'use strict';
// The storm of scripts/storm, of bounded length: both policies, each over
// when enough kills have hit. A kill that hits nothing proves nothing, so hits are counted.

const assert = require('node:assert/strict');
const { journey } = require('./lib/stage');
const { Storm } = require('./lib/storm');

const HITS = 6;

async function rages(s, options) {
  const storm = new Storm(s, { seconds: 8, recipients: 400, gapMs: 300, enough: HITS + 2, ...options });
  try {
    await storm.run();
  } finally {
    await storm.end();
  }
  assert.deepEqual(storm.broken, [], `\n${storm.table()}`);
  assert.ok(storm.hits() >= HITS, `${storm.hits()} kills hit work in flight, ${HITS} are needed for a proof\n${storm.table()}`);
}

journey('a storm under hold: everybody is told once, or is uncertain by name', (s) => rages(s, { policy: 'hold' }));
journey('a storm under resend: everybody is told, with no more copies than there were doubts', (s) => rages(s, { policy: 'resend' }));
