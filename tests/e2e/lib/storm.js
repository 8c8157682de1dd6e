'use strict';
// A crash storm: two daemons work on one campaign over SMPP while daemons and
// Redis are killed with SIGKILL, the SMSC cuts connections with answers owing and
// answers late, too fast, or not at all. What was sent is counted at the SMSC, by
// destination; the ledger's word is compared with that count, never with itself.
//
// A storm that hits nothing proves nothing: a kill is a hit if the SMSC owed answers at that
// instant, to that daemon or, where Redis dies, to anybody. Hits are no luck: most blows wait
// until an answer is owing, the storm goes on until there were `enough`, and the SMSC makes
// the work last until then by answering late. So a slow machine has a longer storm, not a
// weaker one.
//
//   const storm = new Storm(stage, { seconds, seed, policy, recipients, enough });
//   await storm.run();
//   storm.broken   what was promised and not kept, as sentences
//   storm.table()  what happened, as text

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const libconfig = require('./libconfig');
const redis = require('./redis');
const { BUILD, STATES, campaign } = require('./stage');
const { until, pause } = require('./wait');

const ID = 'storm';
const KEY = `outreach:{${ID}}:first`;
const RESPONSE_TIMEOUT_MS = 5000;
const OPEN = ['untouched', 'parked', 'sending'];
const SENDING = 2;
const POISON = 23;

/** Numbers from a seed: the plan can be had again, the machine's timing cannot. */
function dice(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Storm {
  constructor(stage, options) {
    const { seconds = 120, seed = Date.now() % 1e6, policy = 'hold', recipients = 20000, enough = 30 } = options;
    Object.assign(this, { stage, seconds, seed, policy, recipients, enough });
    this.random = dice(seed);
    // Paced so that the work lasts as long as the storm, with daemons down now and then.
    this.rate = options.rate ?? Math.ceil((recipients / seconds) * 3);
    this.latencyMs = options.latencyMs ?? 200;
    this.window = options.window ?? Math.max(10, Math.ceil(this.rate * (this.latencyMs / 1000)));
    this.gapMs = options.gapMs ?? 900; // between blows
    this.longOutages = options.longOutages ?? seconds >= 100; // so long that the other daemon takes over
    this.say = options.say ?? (() => {});
    this.count = {
      daemonKills: 0, daemonHits: 0, redisKills: 0, redisHits: 0, drops: 0, dropHits: 0,
      takeovers: 0, beginnerKills: 0, late: 0, silent: 0, refused: 0, mayDouble: 0,
    };
    this.broken = [];
    this.daemons = [];
    this.redisUp = false;
  }

  between(low, high) {
    return low + this.random() * (high - low);
  }

  // ------------------------------------------------------------------ the peers
  /** What the SMSC does with a submit. */
  behave(submit) {
    const roll = this.random();
    const receipt = { afterMs: this.between(0, 800), state: this.random() < 0.02 ? 'UNDELIV' : 'DELIVRD' };
    if (this.random() < 0.05) receipt.when = 'before';
    submit.settled = receipt.when === 'before'; // a receipt says more than an answer
    if (roll < 0.002) return this.count.silent++, { silent: true, receipt };
    if (roll < 0.005) return this.count.late++, { delayMs: RESPONSE_TIMEOUT_MS + 1500, receipt };
    if (roll < 0.01) return this.count.refused++, { status: roll < 0.007 ? 0x58 : 0x08 };
    const slow = roll < 0.03 || this.ahead();
    return { delayMs: slow ? this.between(0.2, 0.4) * RESPONSE_TIMEOUT_MS : this.between(0.3, 1.7) * this.latencyMs, receipt };
  }

  /** Is more of the work done than of the storm? */
  ahead() {
    return !this.calming && this.smsc.submits.length > this.recipients * (0.3 + 0.6 * (this.hits() / this.enough));
  }

  /** Taken by the SMSC, not yet answered, and still waited for. */
  owing(match) {
    const since = Date.now() - RESPONSE_TIMEOUT_MS / 2;
    return this.smsc.submits.slice(-2000).filter((s) => s.answered === undefined && !s.settled && s.at > since
      && this.smsc.sessions.has(s.session) && match(s)).length;
  }

  owingTo(daemon) {
    return this.owing((s) => s.session.systemType === daemon.name);
  }

  // -------------------------------------------------------------------- daemons
  async start(name) {
    const dir = this.stage.path(name);
    fs.mkdirSync(dir, { recursive: true });
    const conf = path.join(dir, 'outreachd.conf');
    const settings = {
      ...this.stage.settings, name, state_dir: path.join(dir, 'state'),
      dispatch: { doubt_wait: '2s', backoff: '1s', backoff_max: '2s', attempts: 15 },
      gateways: this.stage.settings.gateways.map((g) => ({ ...g, system_type: name })),
    };
    fs.writeFileSync(conf, libconfig.write(settings));
    const log = fs.openSync(path.join(dir, 'outreachd.log'), 'a');
    const child = spawn(path.join(BUILD, 'outreachd'), ['-c', conf], {
      cwd: dir, env: this.stage.env, stdio: ['ignore', log, log], detached: true,
    });
    fs.closeSync(log);
    const daemon = this.daemons.find((d) => d.name === name) ?? { name, conf, log: path.join(dir, 'outreachd.log'), epoch: 0 };
    if (!this.daemons.includes(daemon)) this.daemons.push(daemon);
    daemon.child = child;
    daemon.up = true;
    daemon.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    daemon.ended.then((how) => {
      if (daemon.child !== child) return;
      daemon.up = false;
      if (how.signal !== 'SIGKILL' && !this.ending)
        this.broken.push(`${name} ended by itself: ${JSON.stringify(how)}`);
    });
    return daemon;
  }

  /** The intents of an epoch that have no outcome, from the ledger itself. */
  async intents(epoch) {
    const bytes = await this.client.callRaw('GET', `${KEY}:ledger`);
    let n = 0;
    for (let at = 16; bytes && at + 16 <= bytes.length; at += 16)
      if (bytes[at] >> 4 === SENDING && bytes.readUInt32BE(at + 2) >>> 12 === epoch) n++;
    return n;
  }

  async epochOf(name) {
    return Number(await this.client.call('HGET', `outreach:daemon:${name}`, 'epoch'));
  }

  /** Mostly waits until among() has some that are owed an answer, then a moment, and gives one
   * of them; a few blows fall blindly, on whatever there is. */
  async aim(all, owed) {
    const any = (list) => list[Math.floor(this.random() * list.length)];
    if (this.random() < 0.15) return any(all());
    const deadline = Date.now() + 60000;
    const among = () => all().filter((one) => owed(one) > 0);
    while (Date.now() < deadline) {
      if (among().length > 0) {
        await pause(this.random() * this.latencyMs);
        if (among().length > 0) return any(among());
      }
      await pause(5);
    }
    return any(all());
  }

  async killDaemon() {
    const daemon = await this.aim(() => this.daemons.filter((d) => d.up), (d) => this.owingTo(d));
    if (!daemon) return;
    if (this.owingTo(daemon) > 0) this.count.daemonHits++;
    daemon.up = false;
    process.kill(daemon.child.pid, 'SIGKILL');
    await daemon.ended;
    this.count.daemonKills++;
    this.tasks.push(this.revive(daemon));
  }

  /** What the dead one may have left in doubt, if it had begun to work in that life. */
  async takeStock(daemon) {
    await this.redisBack();
    // What it had written is still in the socket: Redis takes 16 KB of each a turn.
    for (let i = 0; i < 50; i++) await this.client.call('PING');
    const epoch = await this.epochOf(daemon.name);
    if (epoch <= daemon.epoch) return;
    this.count.mayDouble += await this.intents(epoch);
    daemon.epoch = epoch;
  }

  async revive(daemon) {
    for (;;) {
      try {
        await this.takeStock(daemon);
        break;
      } catch { // Redis was killed meanwhile
        await pause(20);
      }
    }
    if (this.longOutages && this.random() < 0.04 && !this.daemons.some((d) => d.away)) {
      daemon.away = true;
      this.count.takeovers++;
      await pause(45000);
      daemon.away = false;
    } else {
      await pause(this.between(20, 700));
    }
    if (this.ending) return;
    const from = fs.statSync(daemon.log).size;
    await this.start(daemon.name);
    if (!this.calming && this.random() < 0.25) await this.killBeginner(daemon, from);
  }

  /** Dies anew just when it has its epoch, while it takes stock of what its last life left. */
  async killBeginner(daemon, from) {
    const child = daemon.child;
    const deadline = Date.now() + 5000;
    while (daemon.child === child && daemon.up && Date.now() < deadline) {
      const log = fs.readFileSync(daemon.log);
      if (log.includes('daemon.joined', from)) {
        await pause(this.random() * 6);
        if (daemon.child !== child || !daemon.up) return;
        daemon.up = false;
        process.kill(child.pid, 'SIGKILL');
        await daemon.ended;
        this.count.beginnerKills++;
        this.tasks.push(this.revive(daemon));
        return;
      }
      await pause(1);
    }
  }

  // ---------------------------------------------------------------------- Redis
  async redisBack() {
    for (;;) {
      await until('Redis to be back', () => this.redisUp, 60000);
      try {
        this.client = this.server.client;
        await this.client.call('PING');
        return;
      } catch {
        await pause(20);
      }
    }
  }

  async killRedis() {
    if (!(await this.aim(() => (this.redisUp ? [this.server] : []), () => this.owing(() => true)))) return;
    if (this.owing(() => true) > 0) this.count.redisHits++;
    this.redisUp = false;
    const dead = this.server.kill();
    this.count.redisKills++;
    this.tasks.push((async () => {
      await dead;
      // Now and then longer than an intent is good for.
      await pause(this.random() < 0.1 ? this.between(4500, 7000) : this.between(0, 700));
      await this.server.start();
      this.client = this.server.client;
      this.redisUp = true;
    })());
  }

  // ----------------------------------------------------------------- connections
  async dropConnection() {
    const owed = (one) => this.owing((s) => s.session === one);
    const session = await this.aim(() => [...this.smsc.sessions].filter((s) => s.bound), owed);
    if (!session) return;
    this.count.drops++;
    this.count.mayDouble += this.window; // what was on the wire cannot be seen from here
    if (owed(session) > 0) this.count.dropHits++;
    session.destroy();
  }

  // --------------------------------------------------------------------- the run
  async counters() {
    const flat = await this.client.call('HGETALL', KEY);
    const fields = {};
    for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i]] = flat[i + 1];
    return fields;
  }

  async waiting() {
    const c = await this.counters();
    return Number(c.c0 ?? this.recipients) + Number(c.c1 ?? 0) + Number(c.c2 ?? 0);
  }

  /** From a deck, so that a short storm has its share of each. */
  async blow() {
    if (!this.deck?.length) {
      this.deck = ['killDaemon', 'killDaemon', 'killDaemon', 'killRedis', 'killRedis', 'dropConnection'];
      for (let i = this.deck.length - 1; i > 0; i--) {
        const j = Math.floor(this.random() * (i + 1));
        [this.deck[i], this.deck[j]] = [this.deck[j], this.deck[i]];
      }
    }
    await this[this.deck.pop()]();
  }

  async run() {
    const started = Date.now();
    this.server = await this.stage.redisServer();
    this.client = this.server.client;
    this.redisUp = true;
    this.tasks = [];
    this.smsc = await this.stage.smsc((submit) => this.behave(submit), {
      rate: `${this.rate}/s`, count: 'messages', window: this.window,
      response_timeout: `${RESPONSE_TIMEOUT_MS}ms`, reconnect_min: '20ms', reconnect_max: '200ms',
    });
    this.stage.writeConf();
    await Promise.all([this.start('d1'), this.start('d2')]);
    await this.smsc.bound(2);
    const recipients = Array.from({ length: this.recipients }, (_, i) => ({
      sms: `+86138${String(51400000 + i)}`, name: `居民${i + 1}`,
    }));
    await this.stage.xadd(campaign(ID, recipients, { reminders: [{ name: 'first', at: 'now', doubt: this.policy }] }));
    await until('the first submit', () => this.smsc.submits.length > 0, 60000);
    this.began = Date.now();
    await this.rage();
    this.lasted = (Date.now() - this.began) / 1000;
    this.calming = true;
    for (let n = 0; n < this.tasks.length;) await Promise.all(this.tasks.slice(0, n = this.tasks.length));
    await this.calm();
    this.ending = true;
    this.took = (Date.now() - started) / 1000;
  }

  /** Blow after blow for so many seconds and until as many have hit as must, or nearly all of
   * the work is done. */
  async rage() {
    const end = this.began + this.seconds * 1000;
    while (Date.now() < end + 600000 && (Date.now() < end || this.hits() < this.enough)) {
      await pause(this.gapMs * this.between(0.2, 1.8));
      if (this.redisUp) {
        const left = await this.waiting().catch(() => this.recipients);
        if (left < this.recipients * 0.02) return;
        this.say(`${Math.round((Date.now() - this.began) / 1000)} s: ${this.recipients - left} of ${this.recipients}, ${this.hits()} hits`);
      }
      await this.blow();
    }
  }

  /** The wind has dropped: everything must come to its end, and be right. */
  async calm() {
    await this.redisBack();
    this.settleMs = Date.now();
    try {
      await until('every notice to end', async () => {
        const counts = await this.stage.counts(ID, 'first');
        if ([...OPEN, 'accepted'].some((state) => counts[state])) return false;
        // Who was being sent to at each of three deaths is a person's: it may have been the cause.
        return this.policy !== 'resend' || !counts.uncertain
          || (await this.stage.ledger(ID, 'first')).every((r) => r.state !== 'uncertain' || r.reason === POISON);
      }, 300000);
      await until('the reminder to be done', async () => (await this.counters()).state === 'done', 180000);
    } catch (error) {
      this.broken.push(error.message);
    }
    this.settleMs = Date.now() - this.settleMs;
    await this.judge();
  }

  async judge() {
    const records = await this.stage.ledger(ID, 'first');
    const c = await this.counters();
    const copies = new Map();
    for (const s of this.smsc.submits) if (s.status === 0) copies.set(s.to, (copies.get(s.to) ?? 0) + 1);

    this.states = {};
    this.uncertain = [];
    this.twice = [];
    this.extra = 0;
    const wrong = { lost: [], open: [], unsaid: [] };
    records.forEach((record, i) => {
      const to = `+86138${String(51400000 + i)}`;
      const n = copies.get(to) ?? 0;
      this.states[record.state] = (this.states[record.state] ?? 0) + 1;
      if (record.state === 'uncertain') this.uncertain.push({ n: i + 1, to, reached: n > 0 });
      if (n > 1) this.twice.push(`${i + 1} (${n})`);
      this.extra += Math.max(0, n - 1);
      if ([...OPEN].includes(record.state)) wrong.open.push(i + 1);
      if (n === 0 && !['uncertain', 'failed', ...OPEN].includes(record.state)) wrong.lost.push(`${i + 1} ${record.state}`);
      if (n > 0 && ['failed', 'expired', 'cancelled'].includes(record.state)) wrong.unsaid.push(`${i + 1} ${record.state}`);
    });
    this.reached = copies.size;
    if (records.length !== this.recipients) this.broken.push(`the ledger has ${records.length} records for ${this.recipients} recipients`);
    if (wrong.open.length) this.broken.push(`never came to an end: ${wrong.open.length}, as ${wrong.open.slice(0, 10)}`);
    if (wrong.lost.length) this.broken.push(`said to be told, but never reached the SMSC: ${wrong.lost.length}, as ${wrong.lost.slice(0, 10)}`);
    if (wrong.unsaid.length) this.broken.push(`told, but said not to be: ${wrong.unsaid.length}, as ${wrong.unsaid.slice(0, 10)}`);
    if (this.policy === 'hold' && this.twice.length) this.broken.push(`two copies under hold: ${this.twice.length}, as ${this.twice.slice(0, 10)}`);
    // What the SMSC answered later than it meant to, being slow itself, may have been too late.
    this.count.late += this.smsc.submits.filter((s) => s.answered - s.at > RESPONSE_TIMEOUT_MS * 0.7 && s.answered - s.at < RESPONSE_TIMEOUT_MS + 1500).length;
    const may = this.count.mayDouble + this.count.late + this.count.silent;
    if (this.extra > may) this.broken.push(`${this.extra} copies too many, where ${may} could have been in doubt`);
    if (this.uncertain.length > may) this.broken.push(`${this.uncertain.length} uncertain, where ${may} could have been in doubt`);

    const sum = STATES.map((_, i) => Number(c[`c${i}`])).reduce((a, b) => a + b, 0);
    if (sum !== Number(c.planned) || sum !== this.recipients) this.broken.push(`the equation: planned ${c.planned}, counted ${sum}`);
    STATES.forEach((state, i) => {
      if (Number(c[`c${i}`]) !== (this.states[state] ?? 0)) this.broken.push(`counter ${state} says ${c[`c${i}`]}, the ledger ${this.states[state] ?? 0}`);
    });
    const verify = await this.stage.outreach('verify', ID);
    if (verify.code !== 0) this.broken.push(`outreach verify: exit ${verify.code}\n${verify.all}`);
    const shown = await this.stage.outreach('show', '-s', 'uncertain', ID);
    const listed = [...shown.out.matchAll(/^ +(\d+) {2}(\+86\S+…\S+)/gm)].map((m) => `${m[1]} ${m[2]}`);
    const expected = this.uncertain.map((u) => `${u.n} ${u.to.slice(0, 6)}…${u.to.slice(-2)}`);
    if (listed.join() !== expected.join()) this.broken.push(`uncertain are ${expected}\nand listed ${listed}\n${shown.all.slice(0, 600)}`);
    for (const daemon of this.daemons) {
      const log = fs.readFileSync(daemon.log, 'utf8');
      const at = log.search(/ERROR: \w+Sanitizer|runtime error:|Assertion /);
      if (at >= 0) this.broken.push(`${daemon.name}: ${log.slice(at, at + 3000)}`);
    }
  }

  hits() {
    return this.count.daemonHits + this.count.redisHits;
  }

  /** Ends the daemons; with grace, since that is a promise too. */
  async end() {
    this.ending = true;
    for (const daemon of this.daemons) {
      if (daemon.child.exitCode !== null || daemon.child.signalCode !== null) continue;
      process.kill(daemon.child.pid, 'SIGTERM');
      const timer = setTimeout(() => process.kill(daemon.child.pid, 'SIGKILL'), 20000);
      const how = await daemon.ended;
      clearTimeout(timer);
      if (how.code !== 0) this.broken.push(`${daemon.name} did not stop with 0: ${JSON.stringify(how)}`);
    }
  }

  table() {
    const c = this.count;
    const reached = this.uncertain.filter((u) => u.reached).length;
    const rows = [
      ['seed, policy', `${this.seed}, ${this.policy}`],
      ['recipients, rate, window', `${this.recipients}, ${this.rate}/s, ${this.window}`],
      ['storm, then calm, in all', `${this.lasted.toFixed(1)} s, ${(this.settleMs / 1000).toFixed(1)} s, ${this.took?.toFixed(1) ?? '-'} s`],
      ['kills of daemons, with answers owing', `${c.daemonKills}, ${c.daemonHits}`],
      ['kills of daemons that had just begun', c.beginnerKills],
      ['kills of Redis, with answers owing', `${c.redisKills}, ${c.redisHits}`],
      ['connections cut, with answers owing', `${c.drops}, ${c.dropHits}`],
      ['daemons left dead for 45 s', c.takeovers],
      ['answers too late, none, refused', `${c.late}, ${c.silent}, ${c.refused}`],
      ['submits that the SMSC took', this.smsc.submits.filter((s) => s.status === 0).length],
      ['recipients that it reached', this.reached],
      ['copies too many (at most)', `${this.extra} (${this.policy === 'hold' ? 0 : c.mayDouble + c.late + c.silent})`],
      ['what the ledger says', Object.entries(this.states).map(([k, v]) => `${k} ${v}`).join(', ')],
      ['uncertain, of these told after all', `${this.uncertain.length}, ${reached}`],
    ];
    const width = Math.max(...rows.map(([name]) => name.length));
    return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
  }
}

module.exports = { Storm };
