'use strict';
// A redis-server of the test's own on a Unix socket, and a small client (RESP2).

const net = require('node:net');
const path = require('node:path');
const fs = require('node:fs');
const { spawn, spawnSync } = require('node:child_process');
const { loopback } = require('./loopback');
const { until } = require('./wait');

/** Commands one after the other: `await client.call('GET', 'key')`. Bulk strings are
 * strings of UTF-8, or Buffers from callRaw(). Error replies reject. */
class Client {
  /** A path of a Unix socket, or { path } or { host, port }, with a password or without. */
  constructor(at) {
    this.at = at;
    this.waiting = [];
    this.buffer = Buffer.alloc(0);
  }

  connect() {
    return new Promise((resolve, reject) => {
      this.socket = net.connect(this.at);
      this.socket.once('connect', () => resolve(this.at.password ? this.send('AUTH', this.at.password).then(() => this) : this));
      this.socket.once('error', reject);
      this.socket.on('error', () => {});
      this.socket.on('close', () => {
        for (const one of this.waiting.splice(0)) one.reject(new Error('Redis closed the connection'));
      });
      this.socket.on('data', (chunk) => {
        this.buffer = Buffer.concat([this.buffer, chunk]);
        for (;;) {
          const parsed = parse(this.buffer, 0);
          if (!parsed) break;
          this.buffer = this.buffer.subarray(parsed.next);
          const one = this.waiting.shift();
          if (parsed.value instanceof Error) one.reject(parsed.value);
          else one.resolve(parsed.value);
        }
      });
    });
  }

  /** In a cluster it goes where the answer says. */
  async callRaw(...args) {
    try {
      return await this.send(...args);
    } catch (error) {
      const [, word, host, port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(error.message) ?? [];
      if (!word) throw error;
      const node = await this.node(host, Number(port));
      if (word === 'ASK') node.send('ASKING').catch(() => {});
      return node.send(...args);
    }
  }

  async node(host, port) {
    const name = `${host}:${port}`;
    this.nodes ??= new Map();
    if (!this.nodes.has(name) || this.nodes.get(name).socket.destroyed) this.nodes.set(name, await new Client({ host, port, password: this.at.password }).connect());
    return this.nodes.get(name);
  }

  send(...args) {
    return new Promise((resolve, reject) => {
      const parts = [`*${args.length}\r\n`];
      for (const arg of args) {
        const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
        parts.push(`$${bytes.length}\r\n`, bytes, '\r\n');
      }
      if (this.socket.destroyed) return reject(new Error('Redis closed the connection'));
      this.waiting.push({ resolve, reject });
      return this.socket.write(Buffer.concat(parts.map((p) => Buffer.from(p))));
    });
  }

  async call(...args) {
    return text(await this.callRaw(...args));
  }

  async hash(key) {
    const flat = await this.call('HGETALL', key);
    const out = {};
    for (let i = 0; i < flat.length; i += 2) out[flat[i]] = flat[i + 1];
    return out;
  }

  close() {
    for (const node of this.nodes?.values() ?? []) node.close();
    this.socket.destroy();
  }
}

const text = (v) => (Buffer.isBuffer(v) ? v.toString() : Array.isArray(v) ? v.map(text) : v);

function parse(buffer, at) {
  const end = buffer.indexOf('\r\n', at);
  if (end < 0) return null;
  const line = buffer.toString('latin1', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(buffer[at])) {
    case '+':
      return { value: line, next };
    case '-':
      return { value: new Error(line), next };
    case ':':
      return { value: Number(line), next };
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, next };
      if (buffer.length < next + length + 2) return null;
      return { value: Buffer.from(buffer.subarray(next, next + length)), next: next + length + 2 };
    }
    case '*': {
      const value = [];
      let cursor = next;
      for (let i = 0; i < Number(line); i++) {
        const item = parse(buffer, cursor);
        if (!item) return null;
        value.push(item.value);
        cursor = item.next;
      }
      return { value, next: cursor };
    }
    default:
      throw new Error(`not RESP: ${line}`);
  }
}

/** A client for a server that answers now; rejects where there is none. */
async function tryConnect(at) {
  const client = await new Client(at).connect();
  try {
    await client.call('PING');
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

const connect = (at) => until(`Redis at ${at.path ?? at}`, () => tryConnect(at));

// Debian's redis-tools has the server under another name, which decides by argv[0].
const PROGRAM = spawnSync('redis-server', ['--version']).error ? 'redis-check-rdb' : 'redis-server';

/** A port that the kernel chooses, on an address where nobody else wants it. */
async function place() {
  const host = loopback();
  const listener = net.createServer();
  await new Promise((resolve) => listener.listen(0, host, resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return { host, port };
}

/** Starts a server with its data in dir; settings override what outreachd asks for. */
class Server {
  constructor(dir, settings = {}, env = {}) {
    this.env = env;
    fs.mkdirSync(dir, { recursive: true });
    this.dir = dir;
    this.socket = path.join(dir, 'own.sock');
    this.settings = {
      port: 0, unixsocket: this.socket, dir, save: '', appendonly: 'yes', appendfsync: 'always',
      'maxmemory-policy': 'noeviction', logfile: path.join(dir, 'own.log'), ...settings,
    };
  }

  /** Starts the process and does not wait for it. */
  launch() {
    const args = Object.entries(this.settings).flatMap(([name, v]) => [`--${name}`, String(v)]);
    this.process = spawn(PROGRAM, args, {
      argv0: 'redis-server', stdio: 'ignore', env: { ...process.env, ...this.env },
    });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
  }

  async start() {
    this.launch();
    this.client = await connect({ path: this.socket, password: this.settings.requirepass });
    return this;
  }

  /** Alone in a cluster: it holds all slots, and lets no command reach into two of them. */
  async startCluster() {
    const at = await place(); // other nodes would speak to it there
    Object.assign(this.settings, { 'cluster-enabled': 'yes', bind: at.host, 'cluster-port': at.port });
    await this.start();
    await this.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    await until('the cluster', async () => /cluster_state:ok/.test(await this.client.call('CLUSTER', 'INFO')));
    return this;
  }

  async kill(signal = 'SIGKILL') {
    this.client?.close();
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill(signal);
    await this.ended;
  }
}

module.exports = { Client, Server, PROGRAM, place, connect, tryConnect, parse };
