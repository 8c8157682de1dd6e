'use strict';
// A master, two replicas and three Sentinels that watch them. Each server is known by the address
// of a wire in front of it, which can be cut for its replicas alone.

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { Server, Client, PROGRAM, place, tryConnect } = require('./redis');
const { loopback } = require('./loopback');
const { until } = require('./wait');

const NAME = 'outreach';
const DOWN_AFTER_MS = 1500;

/** Leads from a port of its own to a server's Unix socket. */
class Wire {
  constructor(socket) {
    this.socket = socket;
    this.host = loopback();
    this.pairs = new Set();
  }

  async start() {
    this.listener = net.createServer((client) => this.serve(client));
    await new Promise((resolve) => this.listener.listen(0, this.host, resolve));
    this.port = this.listener.address().port;
    return this;
  }

  serve(client) {
    const server = net.connect(this.socket);
    const pair = { replica: false, end: () => (client.destroy(), server.destroy(), this.pairs.delete(pair)) };
    this.pairs.add(pair);
    for (const socket of [client, server]) socket.on('error', pair.end).on('close', pair.end);
    client.on('data', (chunk) => {
      pair.replica ||= /REPLCONF|PSYNC/i.test(chunk.toString('latin1'));
      if (!(pair.replica && this.cut)) server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (!(pair.replica && this.cut)) client.write(chunk);
    });
  }

  async stop() {
    for (const pair of [...this.pairs]) pair.end();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}

class Sentinel {
  constructor(dir, at, master, quorum) {
    fs.mkdirSync(dir, { recursive: true });
    Object.assign(this, at);
    this.file = path.join(dir, 'sentinel.conf');
    fs.writeFileSync(this.file, [
      `bind ${at.host}`, `port ${at.port}`, `dir ${dir}`, `logfile ${path.join(dir, 'sentinel.log')}`,
      `sentinel announce-ip ${at.host}`, `sentinel announce-port ${at.port}`,
      `sentinel monitor ${NAME} ${master.host} ${master.port} ${quorum}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`, `sentinel failover-timeout ${NAME} 5000`, '',
    ].join('\n'));
  }

  async start() {
    this.process = spawn(PROGRAM, [this.file, '--sentinel'], { argv0: 'redis-sentinel', stdio: 'ignore' });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.client = await until('a Sentinel', () => new Client({ host: this.host, port: this.port }).connect());
    return this;
  }

  /** { ip, port, flags, 'num-slaves', ... } */
  async master() {
    const flat = await this.client.call('SENTINEL', 'MASTER', NAME);
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]));
  }

  async kill() {
    this.client?.close();
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** Starts all of it for a stage; s.settings.redis names the Sentinels. */
class Watched {
  constructor(s) {
    this.s = s;
  }

  async start(redis = {}) {
    const { s } = this;
    this.servers = [];
    for (let i = 0; i < 3; i++) {
      const dir = s.path(`redis${i}`);
      const wire = await new Wire(path.join(dir, 'own.sock')).start();
      const server = new Server(dir, {
        'replica-announce-ip': wire.host, 'replica-announce-port': wire.port, 'repl-diskless-sync-delay': 0,
        ...(i ? { replicaof: `${this.master.wire.host} ${this.master.wire.port}` } : {}),
      });
      server.wire = wire;
      s.closers.push(() => wire.stop(), () => this.end(server));
      this.servers.push(await server.start());
      [this.master] = this.servers;
    }
    for (const server of this.replicas()) await this.follows(server);
    this.sentinels = [];
    for (let i = 0; i < 3; i++) {
      const sentinel = new Sentinel(s.path(`sentinel${i}`), await place(), this.master.wire, 2);
      this.sentinels.push(sentinel);
      s.closers.push(() => sentinel.kill());
      await sentinel.start();
    }
    await until('the Sentinels to know each other', async () => {
      const said = await Promise.all(this.sentinels.map((one) => one.master()));
      return said.every((m) => m['num-other-sentinels'] === '2' && m['num-slaves'] === '2');
    }, 120000);
    s.settings.redis = { sentinels: this.sentinels.map((one) => `${one.host}:${one.port}`), master: NAME, ...redis };
    this.look(this.master);
    return this;
  }

  /** The stage looks into this server from now on. */
  look(server) {
    this.s.client?.close();
    this.s.client = undefined;
    this.s.socket = server.socket;
    this.s.server = server;
  }

  async end(server) {
    server.process?.kill('SIGCONT');
    await server.kill();
  }

  /** What the master writes from now on reaches no replica. */
  cut() {
    this.master.wire.cut = true;
  }

  /** What a server says of itself, over a connection of its own: Sentinels close those of clients. */
  async ask(server, ...command) {
    const client = await tryConnect(server.socket);
    try {
      return await client.call(...command);
    } finally {
      client.close();
    }
  }

  replicas() {
    return this.servers.filter((one) => one !== this.master);
  }

  /** Waits until a server is a replica that has all. */
  follows(server) {
    return until('a replica to have all', async () => {
      const role = await this.ask(server, 'ROLE');
      return role[0] === 'slave' && role[3] === 'connected';
    }, 120000);
  }

  /** Waits until one of the replicas is the master, and looks there. */
  async failedOver() {
    this.master = await until('a failover', async () => {
      for (const one of this.replicas()) if ((await this.ask(one, 'ROLE'))[0] === 'master') return one;
      return null;
    }, 120000);
    this.look(this.master);
  }
}

module.exports = { Watched };
