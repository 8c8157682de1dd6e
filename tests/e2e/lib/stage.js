'use strict';
// A stage for one journey: a directory of its own, the daemon as a process, the
// command line, peers, and Redis to look into. Everything that was started is
// ended when the test is over, and the directory is removed.
//
//   journey('a fact that a user cares about', async (s) => { ... });

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const test = require('node:test');
const { Clock } = require('./clock');
const { Cluster } = require('./cluster');
const libconfig = require('./libconfig');
const redis = require('./redis');
const { HttpPeer } = require('./http_peer');
const { Ismg } = require('./ismg');
const { Smsc } = require('./smsc');
const { until } = require('./wait');

const ROOT = path.resolve(__dirname, '../../..');
const BUILD = process.env.OUTREACH_BUILD ?? path.join(ROOT, 'build/test');
const DATA = path.join(ROOT, 'tests/e2e/data');
const CLUSTER = Number(process.env.E2E_CLUSTER ?? 0); // every journey on a cluster of so many masters

// LEDGER.md section 1: the high nibble of a record's first byte.
const STATES = ['untouched', 'parked', 'sending', 'uncertain', 'accepted', 'delivered', 'undelivered',
  'failed', 'expired', 'opted-out', 'capped', 'excluded', 'cancelled'];
const SETTLED = new Set(['delivered', 'undelivered', 'failed', 'expired', 'opted-out', 'capped', 'excluded', 'cancelled']);

// may_repeat: most journeys queue one text under several ids, and mean it.
const DEFAULTS = {
  timezone: 'Asia/Shanghai', country: 'CN', language: 'zh', hours: 'always',
  signature: '【鼓楼区妇联】', optout_line: '拒收请回复R', per_recipient: ['100/day'],
  may_repeat: ['notice', 'promotion', 'personal'],
};

class Stage {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outreach-e2e-'));
    this.state = path.join(this.dir, 'state');
    this.conf = path.join(this.dir, 'outreachd.conf');
    this.settings = {
      name: 'd1', state_dir: this.state, log: { level: 'debug' },
      web: { listen: '127.0.0.1:0' }, defaults: { ...DEFAULTS }, gateways: [],
    };
    this.env = {
      ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1', UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
      ...process.env, SMPP_PASSWORD: 's3cret', CMPP_SECRET: 'shared123', LC_ALL: 'C.UTF-8', NO_COLOR: '1',
    };
    this.daemons = [];
    this.closers = [];
  }

  path(name) {
    return path.join(this.dir, name);
  }

  write(name, content) {
    fs.writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** A file of tests/e2e/data in this stage's directory. */
  copy(name, edit = (text) => text) {
    const bytes = fs.readFileSync(path.join(DATA, name));
    const edited = edit(bytes.toString('latin1')); // latin1 keeps every byte
    return this.write(name, Buffer.from(edited, 'latin1'));
  }

  /** Clocks that the test drives, of all that is started from now on; at: where they begin. */
  drivenClock(at) {
    this.clock = new Clock(this.path('clock'));
    if (at !== undefined) this.clock.step(new Date(at).getTime() - Date.now());
    Object.assign(this.env, this.clock.env(this.env));
    return this.clock;
  }

  // ------------------------------------------------------------------ peers
  /** An SMSC and a gateway "mobile" that leads to it. */
  async smsc(behave, gateway = {}, options = {}) {
    const smsc = await new Smsc({ behave, now: () => this.clock?.now() ?? Date.now(), ...options }).start();
    this.closers.push(() => smsc.stop());
    this.settings.gateways.push({
      name: 'mobile', plugin: 'smpp', channel: 'sms', host: smsc.host, port: smsc.port,
      system_id: 'women', password: '@env:SMPP_PASSWORD', source: '1069000038', rate: '1000/s',
      count: 'segments', window: 50, signature: 'prefix', priority: 1, cost: 0.045,
      reconnect_min: '50ms', reconnect_max: '200ms', ...gateway,
    });
    return smsc;
  }

  /** A gateway of China Mobile's and "ismg" that leads to it. */
  async ismg(behave, gateway = {}, options = {}) {
    const ismg = await new Ismg({ behave, now: () => this.clock?.now() ?? Date.now(), ...options }).start();
    this.closers.push(() => ismg.stop());
    this.settings.gateways.push({
      name: 'ismg', plugin: 'cmpp', host: ismg.host, port: ismg.port, sp_id: '901234', secret: '@env:CMPP_SECRET',
      source: '10690001', service_id: 'OUTREACH', rate: '1000/s', count: 'segments', signature: 'prefix', priority: 1,
      reconnect_min: '50ms', reconnect_max: '200ms', ...gateway,
    });
    return ismg;
  }

  /** An HTTP gateway "cloud", configured as examples/outreachd.conf does. */
  async cloud(behave, gateway = {}) {
    const peer = await new HttpPeer(behave).start();
    this.closers.push(() => peer.stop());
    this.settings.gateways.push({
      name: 'cloud', plugin: 'http', channel: 'sms',
      url: `http://127.0.0.1:${peer.port}/cgi-bin/sendsms?username=u&password={{secret:url}}&from={{source:url}}`
        + '&to={{to:url}}&text={{text:url}}&charset=UTF-8&coding={{coding}}&dlr-mask=27&dlr-url={{receipt_url:url}}',
      source: '1069000038', secret: '@env:SMPP_PASSWORD', accepted: [{ status: 202 }],
      retry: [{ status: 503 }, { status: 429 }], rate: '1000/s', window: 20, signature: 'prefix', priority: 2, cost: 0.05,
      ...gateway,
    });
    return peer;
  }

  /** A redis-server of the test's own in place of the private one. */
  async redisServer(settings, env) {
    const server = new redis.Server(this.path('redis'), settings, env);
    await (CLUSTER ? server.startCluster() : server.start());
    this.closers.push(() => server.kill());
    this.settings.redis = { ...this.settings.redis, url: `unix:${server.socket}` };
    this.socket = server.socket;
    this.server = server;
    return server;
  }

  async inCluster() {
    if (!CLUSTER || this.socket || this.settings.redis) return;
    await (CLUSTER > 1 ? new Cluster(this).start(CLUSTER) : this.redisServer());
  }

  // ----------------------------------------------------------------- programs
  writeConf() {
    fs.writeFileSync(this.conf, libconfig.write(this.settings));
  }

  /** Starts outreachd and waits until it is connected to Redis (has an epoch there). */
  async start({ wait = true, env = {} } = {}) {
    await this.inCluster();
    this.writeConf();
    const log = fs.openSync(this.path('outreachd.log'), 'a');
    const child = spawn(path.join(BUILD, 'outreachd'), ['-c', this.conf], {
      cwd: this.dir, env: { ...this.env, ...env }, stdio: ['ignore', log, log], detached: true,
    });
    fs.closeSync(log);
    const daemon = { child, pid: child.pid };
    daemon.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', (error) => resolve({ code: null, signal: null, error: error.message }));
    });
    daemon.ended.then((how) => (daemon.how = how));
    this.daemons.push(daemon);
    this.daemon = daemon;
    if (wait) {
      const name = this.settings.name;
      const before = this.epoch ?? 0;
      await until('the daemon to be ready', async () => {
        if (daemon.how) return true;
        const client = await redis.tryConnect(this.socketPath());
        const epoch = Number(await client.call('HGET', `outreach:daemon:${name}`, 'epoch'));
        client.close();
        if (epoch > before) this.epoch = epoch;
        return epoch > before;
      });
      assert.equal(daemon.how, undefined, 'the daemon runs');
    }
    return daemon;
  }

  /** Ends the daemon with a signal and returns { code, signal }. */
  async stop(signal = 'SIGTERM', daemon = this.daemon) {
    if (!daemon.how) process.kill(daemon.pid, signal);
    await until(`the daemon to end after ${signal}`, () => daemon.how, 40000);
    return daemon.how;
  }

  /** Runs `outreach` and returns { code, out, err }. */
  async run(args, { program = 'outreach', input, env = {}, timeoutMs = 30000 } = {}) {
    await this.inCluster();
    this.writeConf();
    return new Promise((resolve, reject) => {
      const child = spawn(path.join(BUILD, program), args, {
        cwd: this.dir, env: { ...this.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'],
      });
      let out = '';
      let err = '';
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      child.stdout.on('data', (chunk) => (out += chunk));
      child.stderr.on('data', (chunk) => (err += chunk));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code: code ?? signal, out, err, all: out + err });
      });
      child.stdin.on('error', () => {}); // it may end before it has read any
      child.stdin.end(input ?? '');
    });
  }

  outreach(...args) {
    return this.run(['-c', this.conf, ...args]);
  }

  /** The same, which must succeed. */
  async ok(...args) {
    const result = await this.outreach(...args);
    assert.equal(result.code, 0, `outreach ${args.join(' ')}: exit ${result.code}\n${result.all}`);
    return result;
  }

  // -------------------------------------------------------------------- Redis
  socketPath() {
    return this.socket ?? path.join(this.state, 'redis.sock');
  }

  /** A client for the server in use. */
  async redis() {
    if (!this.client || this.client.socket.destroyed) {
      this.client = await redis.connect(this.socketPath());
    }
    return this.client;
  }

  /** The state of every notice of a reminder, read from the ledger itself: index 0 is notice 1. */
  async ledger(id, reminder) {
    const bytes = await (await this.redis()).callRaw('GET', `outreach:{${id}}:${reminder}:ledger`);
    if (!bytes) return [];
    const records = [];
    for (let at = 16; at + 16 <= bytes.length; at += 16)
      records.push({
        state: STATES[bytes[at] >> 4], attempts: bytes[at + 1] >> 4, version: bytes[at + 1] & 15, reason: bytes[at + 7],
        gateway: bytes[at + 6], segments: bytes[at + 8] >> 4, ids: bytes[at + 8] & 15,
      });
    return records;
  }

  /** { delivered: 8, failed: 1, ... } of a reminder. */
  async counts(id, reminder) {
    const counts = {};
    for (const record of await this.ledger(id, reminder)) counts[record.state] = (counts[record.state] ?? 0) + 1;
    return counts;
  }

  /** Waits until a reminder's counts are exactly these. */
  async counted(id, reminder, expected, ms) {
    let found;
    const sorted = (o) => JSON.stringify(Object.entries(o).sort());
    try {
      await until('', async () => sorted((found = await this.counts(id, reminder))) === sorted(expected), ms);
    } catch {
      assert.deepEqual(found, expected, `${id}/${reminder}`);
    }
  }

  /** Waits until every notice of a reminder is in a terminal state; returns the counts. */
  async settled(id, reminder, ms) {
    let records = [];
    try {
      await until(`${id}/${reminder} to be settled`, async () => {
        records = await this.ledger(id, reminder);
        return records.length > 0 && records.every((r) => SETTLED.has(r.state));
      }, ms);
    } catch (error) {
      error.message += `: ${JSON.stringify(await this.counts(id, reminder).catch(() => 'no Redis'))}`;
      throw error;
    }
    return this.counts(id, reminder);
  }

  /** Puts a campaign on the public queue, as any Redis client would. */
  async xadd(campaign, { op = 'queue', by = 'hotline', ...more } = {}) {
    return (await this.redis()).call('XADD', 'outreach:events', '*', 'op', op, 'by', by, ...Object.entries(more).flat(), 'body', JSON.stringify(campaign));
  }

  /** The addresses that refused: what is in that set, but for the daemon's seal. */
  async refused() {
    const members = await (await this.redis()).call('SMEMBERS', 'outreach:optout');
    return members.filter((one) => one !== '\u0001outreach:seal');
  }

  async rejected() {
    const entries = (await (await this.redis()).call('XRANGE', 'outreach:events:rejected', '-', '+')) ?? [];
    return entries.map(([id, flat]) => {
      const fields = { id };
      for (let i = 0; i < flat.length; i += 2) fields[flat[i]] = flat[i + 1];
      return fields;
    });
  }

  /** The delivery log's lines, parsed. */
  deliveryLog() {
    const file = this.settings.log.delivery ?? path.join(this.state, 'delivery.jsonl');
    if (!fs.existsSync(file)) return [];
    return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  log() {
    const file = this.path('outreachd.log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  // ---------------------------------------------------------------------- end
  async close() {
    const trouble = [];
    for (const daemon of this.daemons) {
      if (daemon.how) continue;
      try {
        process.kill(daemon.pid, 'SIGTERM');
        await until('the daemon to end', () => daemon.how, 15000);
      } catch (error) {
        process.kill(daemon.pid, 'SIGKILL');
        trouble.push(error.message);
      }
    }
    // A private Redis that a killed daemon has left behind: ours by its socket.
    this.client?.close();
    const left = path.join(this.state, 'redis.sock');
    if (fs.existsSync(left)) {
      const client = await new redis.Client(left).connect().catch(() => null);
      await client?.call('SHUTDOWN', 'NOSAVE').catch(() => {});
      client?.close();
    }
    for (const closer of this.closers.reverse()) await closer();
    const log = this.log();
    if (/ERROR: \w+Sanitizer|runtime error:/.test(log)) trouble.push(log.slice(log.search(/ERROR: \w+Sanitizer|runtime error:/)));
    return trouble;
  }

  remove() {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** One journey is one test with a stage of its own. On failure the daemon's last words follow. */
function journey(name, fn, options = {}) {
  test(name, { timeout: 120000, ...options }, async () => {
    const stage = new Stage();
    let failure;
    try {
      await fn(stage);
    } catch (error) {
      failure = error;
    }
    const trouble = await stage.close();
    if (!failure && trouble.length > 0) failure = new Error(trouble.join('\n'));
    if (failure) {
      const tail = stage.log().split('\n').slice(-40).join('\n');
      failure.message += `\n--- the daemon's last lines (${stage.conf})\n${tail}`;
      failure.stack = `${failure.message}\n${failure.stack.split('\n').filter((l) => /^\s+at /.test(l)).slice(0, 6).join('\n')}`;
    }
    if (!process.env.E2E_KEEP) stage.remove();
    if (failure) throw failure;
  });
}

/** A campaign as JSON with one reminder that is due now; fields override. */
function campaign(id, recipients, fields = {}) {
  return {
    id, class: 'personal', title: '测试',
    event: { starts: inDays(7, '09:00'), timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } },
    audience: { recipients }, channels: ['sms'],
    texts: { zh: '{{name}}您好，请到{{event.venue}}。', en: '{{name}}, please come.' },
    reminders: [{ name: 'first', at: 'now' }],
    ...fields,
  };
}

/** n recipients of the range that is never given out to anyone else here. */
function people(n, fields = () => ({})) {
  return Array.from({ length: n }, (_, i) => ({
    sms: `+861385140${String(1000 + i).padStart(4, '0')}`, name: `居民${i + 1}`, ...fields(i),
  }));
}

/** A date in Asia/Shanghai so many days from now, with a time if one is given. */
function inDays(days, time) {
  const day = new Date(Date.now() + 8 * 3600e3 + days * 86400e3).toISOString().slice(0, 10);
  return time ? `${day}T${time}` : day;
}

/** Wall clock of Asia/Shanghai in so many seconds: "2027-03-06T09:00:05". */
function inSeconds(seconds) {
  return new Date(Date.now() + 8 * 3600e3 + seconds * 1000).toISOString().slice(0, 19);
}

module.exports = { Stage, journey, campaign, people, inDays, inSeconds, until, ROOT, DATA, BUILD, STATES };
