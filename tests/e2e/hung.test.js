'use strict';
// Redis answers nothing for a minute: a file of its own, since it takes that long.

const assert = require('node:assert/strict');
const { journey } = require('./lib/stage');
const { PATIENT, usage, underWay, outage } = require('./lib/outage');
const { pause } = require('./lib/wait');

journey('Redis hangs for a minute under load: memory and the loop stay as they are', async (s) => {
  // What the sanitizer keeps of freed memory is not the daemon's.
  s.env.ASAN_OPTIONS += ':quarantine_size_mb=1:thread_local_quarantine_size_kb=16';
  const stage = await underWay(s, 900, { gateway: { rate: '100/s' } });
  const slow = []; // how long the daemon took to answer the operator
  let asking = true;
  const ask = async () => {
    while (asking) {
      const session = [...stage.smsc.sessions].find((one) => one.bound);
      const began = performance.now();
      await new Promise((resolve) => (session ? session.enquire_link({}, resolve) : resolve()));
      if (session) slow.push(performance.now() - began);
      await pause(100);
    }
  };
  let asked;
  let before;
  s.closers.push(() => (asking = false)); // also when it fails
  await outage(s, stage, {
    n: 900, says: /no answer/, told: /no answer/, lastsMs: 55000,
    begin() {
      stage.server.process.kill('SIGSTOP');
      before = usage(s).bytes;
      asked = ask();
    },
    async end() {
      asking = false;
      await asked;
      const grown = usage(s).bytes - before;
      stage.server.process.kill('SIGCONT'); // before anything can fail here
      slow.sort((a, b) => a - b);
      assert.ok(slow.length >= 50, `${slow.length} answers to enquire_link`);
      assert.ok(grown < 32 << 20, `${grown} bytes more`);
      const [median, worst] = [slow[slow.length >> 1], slow.at(-1)];
      if (process.env.E2E_KEEP) console.log(`loop: median ${median} ms, worst ${worst} ms of ${slow.length}; ${grown} bytes`);
      // Anything that waits for Redis would wait for seconds.
      assert.ok(median < 100 && worst < 2500, `the loop answered within ${median} ms, at worst ${worst} ms`);
    },
  });
}, PATIENT);
