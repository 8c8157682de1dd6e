'use strict';
// Memory runs out at one allocation, here and there along the way, in us or in a library. The
// rule (base/mem.h): the process ends at once, with exit code 71 and one line; or it goes on, where
// whoever asked can do without, or says so as for any other trouble. Never does it crash, and
// never is anything half done: the next life finds it as it finds all that a crash leaves.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, campaign, people, BUILD } = require('./lib/stage');
const { until } = require('./lib/wait');

/** tests/memory/failing_malloc.c: env() is of a process whose allocations it counts. */
class Memory {
  constructor(file) {
    this.file = file;
    this.arm(0);
  }

  env(s) {
    return {
      OUTREACH_MALLOC: this.file, LD_PRELOAD: path.join(BUILD, 'tests/failing_malloc.so'),
      ASAN_OPTIONS: `${s.env.ASAN_OPTIONS}:detect_leaks=0:verify_asan_link_order=0`, // it ends where it stands
    };
  }

  /** The nth from now on fails; 0: none. */
  arm(n) {
    const bytes = Buffer.alloc(24);
    bytes.writeBigInt64LE(BigInt(n));
    const fd = fs.openSync(this.file, fs.existsSync(this.file) ? 'r+' : 'w'); // in place: it is mapped
    fs.writeSync(fd, bytes, 8, 16, 8);
    fs.writeSync(fd, bytes, 0, 8, 0);
    fs.closeSync(fd);
  }

  read() {
    const bytes = fs.readFileSync(this.file);
    return { count: Number(bytes.readBigInt64LE(8)), failed: Number(bytes.readBigInt64LE(16)) };
  }
}

const NEVER = 2 ** 40;
const OUT = /^out of memory: \d+ bytes\n$/;

/** Numbers from 1 to total, about so many, evenly spread and each time the same. */
const sample = (total, most) => Array.from({ length: Math.min(most, total) }, (_, i) => 1 + Math.floor((i * total) / Math.min(most, total)));

/** Runs a program once undisturbed, then with one failure at each n; how each ended. */
async function tried(s, memory, most, go) {
  memory.arm(NEVER);
  const good = await go();
  const { count } = memory.read();
  assert.equal(good.code, 0, good.all);
  assert.ok(count > 100, `${count} allocations were counted`);
  const ends = [];
  for (const n of sample(count, most)) {
    memory.arm(n);
    const result = await go();
    assert.equal(memory.read().failed, 1, `the ${n}th of ${count} failed`);
    ends.push(result.code);
    if (result.code === 71) assert.match(result.all, OUT, `at ${n}`);
    else if (result.code !== 0) assert.match(result.all, /^outreachd?: .*\n$/, `at ${n}: exit ${result.code}\n${result.all}`);
    assert.ok([0, 66, 69, 71, 78].includes(result.code), `at ${n}: exit ${result.code}\n${result.all}`);
  }
  assert.ok(ends.includes(71), JSON.stringify(ends));
}

journey('a configuration is read, or memory is said to have run out', async (s) => {
  await s.smsc();
  await s.cloud();
  const memory = new Memory(s.path('memory'));
  await tried(s, memory, 60, () => s.run(['-t', '-c', s.conf], { program: 'outreachd', env: memory.env(s) }));
});

journey('a campaign is checked, and queued whole or not at all', async (s) => {
  await s.smsc();
  await s.redisServer();
  const memory = new Memory(s.path('memory'));
  const file = s.write('asked.json', JSON.stringify(campaign('asked', people(20))));
  const run = (...args) => s.run(['-c', s.conf, ...args], { env: memory.env(s) });
  await s.start();
  await tried(s, memory, 40, () => run('check', file));
  await tried(s, memory, 20, () => run('queue', file)); // it is the same one: queued once
  await s.ok('queue', file);
  await s.counted('asked', 'first', { delivered: 20 }, 60000);
  assert.deepEqual(await s.rejected(), []);
  await s.ok('verify', 'asked');
});

journey('a notice is sent, or the next life finds it: never is it sent twice, never does the ledger lie', async (s) => {
  const smsc = await s.smsc();
  const memory = new Memory(s.path('memory'));
  await s.redisServer();
  const start = () => s.start({ env: memory.env(s) });
  let sent = 0, ended = 0;

  /** One notice from its queueing to its end, the first of a daemon's life, with the nth
   * allocation failing. */
  async function round(n) {
    const id = `round-${++sent}`;
    const her = people(sent).at(-1);
    const outs = () => (s.log().match(/^out of memory: \d+ bytes$/gm) ?? []).length;
    const before = outs();
    let daemon = await start();
    memory.arm(n);
    await s.xadd(campaign(id, [her], { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
    const over = async () => {
      const counts = await s.counts(id, 'first');
      return counts.delivered === 1 || counts.uncertain === 1;
    };
    await until('the end of the daemon or of the notice', async () => daemon.how !== undefined || (await over()), 60000);
    const { count } = memory.read();
    memory.arm(0);
    await until('what follows', async () => daemon.how !== undefined || (await over()), 60000);
    if (daemon.how !== undefined) {
      ended++;
      assert.deepEqual(daemon.how, { code: 71, signal: null }, `at ${n}\n${s.log().slice(-2000)}`);
      assert.equal(outs(), before + 1, `at ${n}: one line says so\n${s.log().slice(-2000)}`);
      daemon = await start();
      await until('the next life to have seen to it', over, 240000); // what was queued and not yet scheduled is found within a minute
    }
    const copies = smsc.messages.filter((m) => m.to === her.sms).length;
    const counts = await s.counts(id, 'first');
    assert.ok(counts.delivered === 1 ? copies === 1 : copies <= 1, `at ${n}: ${JSON.stringify(counts)}, ${copies} at the operator`);
    await s.ok('verify', id);
    await s.stop('SIGTERM', daemon);
    assert.deepEqual(daemon.how, { code: 0, signal: null });
    return count;
  }

  const total = await round(NEVER);
  assert.ok(total > 100, `${total} allocations were counted`);
  for (const n of sample(total, 16)) await round(n);
  assert.ok(ended >= 4, `${ended} of ${sent} have ended the daemon`);
}, { timeout: 600000 });
