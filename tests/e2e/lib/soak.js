'use strict';
// A soak: one daemon under a steady load for as long as one likes. Campaigns come and end,
// receipts come, their ids expire (the machine is suspended for a day now and then: the clock is
// driven), one of two gateways goes and comes back. Watched from outside: resident memory, the heap
// in use (tests/memory/heap_account.c), open files, how long Redis takes for what the daemon asks.
//
//   new Soak(stage, { perSecond, flapMs, suspendMs })
//   await soak.begin(); await soak.run(seconds) ...; await soak.calm(); await soak.end()

const fs = require('node:fs');
const path = require('node:path');
const { BUILD } = require('./stage');
const { until, pause } = require('./wait');

const DAY = 86400e3;
const MIB = 1024 * 1024;
const ZONE_MS = 8 * 3600e3;
const BATCH_S = 2; // a campaign comes so often
const OPEN = new Set(['untouched', 'parked', 'sending']);

class Soak {
  constructor(stage, { perSecond = 100, flapMs = 10000, suspendMs = 30000 } = {}) {
    Object.assign(this, { stage, perSecond, flapMs, suspendMs });
    this.campaigns = []; // { id, n }
    this.samples = []; // { at, rss, heap, fds }, a second apart
    this.writes = []; // ms
    this.flaps = 0;
    this.suspended = 0;
    this.submitted = 0;
  }

  async begin() {
    const { stage } = this;
    this.clock = stage.drivenClock();
    const behave = () => ({ id: `s${++this.submitted}`, receipt: { afterMs: 100 } });
    const gateway = { rate: `${this.perSecond * 4}/s`, weight: 1, signature: 'none' };
    this.steady = await stage.smsc(behave, { name: 'steady', ...gateway });
    this.flaky = await stage.smsc(behave, { name: 'flaky', ...gateway });
    stage.settings.defaults.per_recipient = ['100000/day'];
    stage.settings.defaults.may_repeat = [];
    stage.settings.dispatch = { doubt_wait: '1s', backoff: '1s', backoff_max: '2s', attempts: 15 };
    stage.settings.log = { ...stage.settings.log, level: 'info' };
    // What is freed goes back to the system at once, as far as it can: it is what the daemon keeps
    // that is watched, not what malloc() does.
    Object.assign(stage.env, { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536', MALLOC_MMAP_THRESHOLD_: '65536' });
    fs.writeFileSync(stage.path('heap'), Buffer.alloc(8));
    stage.env.OUTREACH_HEAP = stage.path('heap');
    stage.env.LD_PRELOAD = `${path.join(BUILD, 'tests/heap_account.so')}:${stage.env.LD_PRELOAD}`;
    this.daemon = await stage.start();
    this.bound = () => this.steady.bound(1).then(() => this.flaky.bound(1));
    await this.bound();
    this.redis = await stage.redis();
  }

  /** Asks for a write ten times a second, until stop() of what it returns. */
  probe() {
    const timer = setInterval(async () => {
      const began = performance.now();
      await this.redis.call('SET', 'soak', String(began)).catch(() => {});
      this.writes.push(performance.now() - began);
    }, 100);
    return { stop: () => clearInterval(timer) };
  }

  look() {
    const proc = `/proc/${this.daemon.pid}`;
    const rss = Number(fs.readFileSync(`${proc}/statm`, 'utf8').split(' ')[1]) * 4096;
    const heap = Number(fs.readFileSync(this.stage.path('heap')).readBigInt64LE(0));
    return { at: performance.now(), rss, heap, fds: fs.readdirSync(`${proc}/fd`).length };
  }

  campaign(n = this.perSecond * BATCH_S, rate = this.perSecond) {
    const first = this.campaigns.reduce((sum, one) => sum + one.n, 0);
    const id = `soak-${this.campaigns.length + 1}`;
    const local = (ms) => new Date(this.clock.now() + ZONE_MS + ms).toISOString().slice(0, 16);
    this.campaigns.push({ id, n });
    return {
      id, class: 'notice', title: '浸泡', event: { starts: local(300 * DAY), timezone: 'Asia/Shanghai' },
      audience: { recipients: Array.from({ length: n }, (_, i) => ({ sms: `+861385${String((first + i) % 1000000).padStart(7, '0')}` })) },
      channels: ['sms'], rate: `${rate}/s`, texts: { zh: `第${this.campaigns.length}次通知，请准时参加。` },
      reminders: [{ name: 'first', at: 'now' }],
    };
  }

  /** What is pooled for reuse grows with the work at hand: more at once than is to come later. */
  async burst(seconds) {
    for (let k = 0; k < 20; k++) await this.stage.xadd(this.campaign(Math.ceil((this.perSecond * 8 * seconds) / 20)));
  }

  /** So many seconds of load; samples are taken once a second. */
  async run(seconds) {
    const began = performance.now();
    let flapAt = began + this.flapMs / 2, suspendAt = began + this.suspendMs / 2, queueAt = began, down = false;
    for (let now = began; now - began < seconds * 1000; now = performance.now()) {
      if (now >= queueAt) {
        await this.stage.xadd(this.campaign());
        queueAt += BATCH_S * 1000;
      }
      if (now >= flapAt) {
        await (down ? this.flaky.start() : this.flaky.stop());
        down = !down;
        this.flaps += down;
        flapAt += this.flapMs / 2;
      }
      if (now >= suspendAt) {
        this.clock.sleep(26 * 3600e3);
        this.suspended++;
        suspendAt += this.suspendMs;
      }
      for (const smsc of [this.steady, this.flaky]) smsc.submits.length = smsc.messages.length = smsc.answers.length = 0;
      this.samples.push(this.look());
      await pause(1000 - ((performance.now() - began) % 1000));
    }
    if (down) await this.flaky.start();
  }

  async counts() {
    const sum = {};
    for (const { id } of this.campaigns)
      for (const [state, n] of Object.entries(await this.stage.counts(id, 'first'))) sum[state] = (sum[state] ?? 0) + n;
    return sum;
  }

  /** Until nothing is under way and both gateways are there; what it looks like then. */
  async calm(ms = 120000) {
    let counts;
    await until('all to be through', async () => {
      counts = await this.counts();
      const all = this.campaigns.reduce((sum, one) => sum + one.n, 0);
      return Object.values(counts).reduce((a, b) => a + b, 0) === all && !Object.keys(counts).some((state) => OPEN.has(state) || state === 'uncertain');
    }, ms);
    await this.bound();
    await until('all reminders to be closed', async () => (this.stage.log().match(/reminder\.done/g) ?? []).length >= this.campaigns.length, ms);
    await pause(1500); // what is freed at the next tick
    return { ...this.look(), counts };
  }

  /** ms: of the scripts in Redis (the claims are among them); of a small write beside them, until
   * it is synced to the disk, which is what a claim waits for besides. */
  async p99() {
    const stats = await this.redis.call('INFO', 'latencystats');
    const scripts = Number(/latency_percentiles_usec_evalsha:.*p99=([\d.]+)/.exec(stats)?.[1] ?? NaN) / 1000;
    const sorted = this.writes.sort((x, y) => x - y);
    return { scripts, write: sorted[Math.floor(sorted.length * 0.99)], of: sorted.length };
  }
}

module.exports = { Soak, MIB };
