'use strict';
// A Redis Cluster of several masters: slots that move while they are used, nodes that die.

const { Server, place } = require('./redis');
const { until } = require('./wait');

const SLOTS = 16384;
const GONE_MS = 30000; // nobody is given up because the machine is slow
const ELECTION_MS = 2500; // but whom a test has killed

class Cluster {
  /** password: the nodes' own and the default user's. */
  constructor(s, { password } = {}) {
    this.s = s;
    this.password = password;
  }

  async start(masters = 3, redis = {}) {
    const { s } = this;
    this.nodes = [];
    for (let i = 0; i < masters; i++) this.nodes.push(await this.node(`node${i}`));
    for (const [i, node] of this.nodes.entries()) {
      const [from, to] = [i, i + 1].map((k) => Math.floor((k * SLOTS) / masters));
      await node.client.call('CLUSTER', 'ADDSLOTSRANGE', from, to - 1);
    }
    await this.joined();
    s.settings.redis = { cluster: [`${this.nodes[0].at.host}:${this.nodes[0].at.port}`], ...redis };
    s.socket = this.nodes[0].at; // the stage's client follows what it is told
    return this;
  }

  async node(name) {
    const { s } = this;
    const [at, bus] = [await place(), await place()];
    const server = new Server(s.path(name), {
      'cluster-enabled': 'yes', bind: at.host, port: at.port, 'cluster-port': bus.port,
      'cluster-announce-ip': at.host, // links come from whatever address
      'cluster-node-timeout': GONE_MS, 'cluster-replica-no-failover': 'yes', 'repl-diskless-sync-delay': 0,
      ...(this.password ? { requirepass: this.password, masterauth: this.password } : {}),
    });
    s.closers.push(() => server.kill());
    Object.assign(server, { at: { ...at, password: this.password }, bus });
    await server.start();
    server.id = await server.client.call('CLUSTER', 'MYID');
    return server;
  }

  /** All nodes know each other, and that all is well. */
  async joined() {
    const [first, ...others] = this.nodes;
    for (const node of others) await first.client.call('CLUSTER', 'MEET', node.at.host, node.at.port, node.bus.port);
    await until('the cluster', async () => {
      for (const node of this.nodes) {
        if (!/cluster_state:ok/.test(await node.client.call('CLUSTER', 'INFO'))) return false;
        if ((await node.client.call('CLUSTER', 'NODES')).trim().split('\n').length !== this.nodes.length) return false;
      }
      return true;
    }, 120000);
  }

  /** A replica for each master, which has all. */
  async replicate() {
    this.replicas = [];
    for (const i of this.nodes.keys()) this.replicas.push(await this.node(`replica${i}`));
    for (const replica of this.replicas)
      for (const node of this.nodes) await node.client.call('CLUSTER', 'MEET', replica.at.host, replica.at.port, replica.bus.port);
    const know = async (one, others) => {
      const list = await one.client.call('CLUSTER', 'NODES');
      return others.every((other) => list.includes(other.id));
    };
    await until('masters and replicas to know each other', async () => {
      for (const node of this.nodes) if (!(await know(node, this.replicas))) return false;
      for (const replica of this.replicas) if (!(await know(replica, this.nodes))) return false;
      return true;
    }, 120000);
    for (const [i, replica] of this.replicas.entries()) {
      await replica.client.call('CLUSTER', 'REPLICATE', this.nodes[i].id);
      await this.follows(replica, this.nodes[i]);
    }
    // Who does not know its master's slots yet does not stand for election.
    for (const replica of this.replicas)
      await until('a replica to know all slots', async () => /cluster_state:ok/.test(await replica.client.call('CLUSTER', 'INFO')), 120000);
  }

  /** Waits until a node is the other's replica and has all. */
  follows(replica, master) {
    return until('a replica to have all', async () => {
      const [role, host, port, state] = await replica.client.call('ROLE');
      return role === 'slave' && host === master.at.host && port === master.at.port && state === 'connected';
    }, 120000);
  }

  /** Waits until the replica of a master that was killed has been elected, and nobody else. */
  async elected(heir, dead) {
    const living = [...this.nodes, ...this.replicas].filter((one) => one !== dead);
    const all = async (name, value) => {
      for (const one of living) await one.client.call('CONFIG', 'SET', name, value);
    };
    await heir.client.call('CONFIG', 'SET', 'cluster-replica-no-failover', 'no');
    await heir.client.call('CONFIG', 'SET', 'cluster-replica-validity-factor', 0); // however slow the machine
    await all('cluster-node-timeout', ELECTION_MS);
    await until('an election', async () => (await heir.client.call('ROLE'))[0] === 'master', 240000);
    await all('cluster-node-timeout', GONE_MS);
  }

  slot(key) {
    return this.nodes[0].client.call('CLUSTER', 'KEYSLOT', key);
  }

  async owner(slot) {
    for (const [from, to, node] of await this.nodes[0].client.call('CLUSTER', 'SLOTS'))
      if (slot >= from && slot <= to) return this.nodes.find((one) => one.id === node[2]);
    return undefined;
  }

  /** Moves a key's slot from its master to the next, one key at a time. */
  async migrate(key, between = () => {}) {
    const slot = await this.slot(key);
    const from = await this.owner(slot);
    const to = this.nodes[(this.nodes.indexOf(from) + 1) % this.nodes.length];
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    for (;;) {
      const [one] = await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 1);
      if (one === undefined) break;
      await from.client.call('MIGRATE', to.at.host, to.at.port, one, 0, 10000);
      await between(one);
    }
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    await until('all to know it', async () => (await this.owner(slot)) === to, 60000);
  }

  /** How often they have answered with an error so named. */
  async errors(name) {
    let sum = 0;
    for (const node of this.nodes) sum += Number(new RegExp(`errorstat_${name}:count=(\\d+)`).exec(await node.client.call('INFO', 'errorstats'))?.[1] ?? 0);
    return sum;
  }
}

module.exports = { Cluster };
