'use strict';
// The soak of scripts/soak, in short: what a spell of load leaves behind is nothing, in
// memory and open files. Equal spells are compared: what grows with each of them leaks. What they
// needed is let go in the minutes after them.

const assert = require('node:assert/strict');
const { journey } = require('./lib/stage');
const { until } = require('./lib/wait');
const { Soak, MIB } = require('./lib/soak');

const SPELL_S = 8;
const LEAST = MIB / 2; // what is left behind by each of 1,600 notices alike is more
const KEPT = 8 * MIB; // at rest; under load it is some 35

journey('memory and open files do not grow from one spell of load to the next equal one', async (s) => {
  // What was freed is kept back by ASan, to find who uses it still: only a little of it here.
  s.env.ASAN_OPTIONS += ':quarantine_size_mb=1:thread_local_quarantine_size_kb=16';
  const soak = new Soak(s, { perSecond: 200, flapMs: SPELL_S * 500, suspendMs: SPELL_S * 1000 });
  await soak.begin();
  await soak.burst(2);
  const spells = [];
  for (let k = 0; k < 4; k++) {
    await soak.run(SPELL_S);
    spells.push(await soak.calm());
  }
  const told = JSON.stringify(spells);
  const more = spells.slice(1).map((one, k) => one.rss - spells[k].rss);
  assert.ok(soak.flaps >= 4 && soak.suspended >= 4, told);
  assert.ok(Math.min(...more) < LEAST, `each spell leaves ${more.map((n) => (n / MIB).toFixed(2))} MiB: ${told}`);
  assert.equal(spells.at(-1).fds, spells[0].fds, told);
  assert.ok(Math.max(...soak.samples.map((one) => one.heap)) > 2 * KEPT, told);
  await until('what the load needed to be let go', () => soak.look().heap < KEPT, 240000);
  if (process.env.E2E_KEEP) console.log(told);
}, { timeout: 600000 });
