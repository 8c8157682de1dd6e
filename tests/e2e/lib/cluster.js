'use strict';
// A Redis Cluster of several masters: slots that move while they are used, nodes that die.

const { Server, place } = require('./redis');
const { until } = require('./wait');

const SLOTS = 16384;

class Cluster {
  /** goneMs: after that a node is held to be gone. */
  constructor(s, goneMs = 30000) {
    this.s = s;
    this.goneMs = goneMs;
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
      'cluster-announce-ip': at.host, 'cluster-node-timeout': this.goneMs, // links come from whatever address
    });
    s.closers.push(() => server.kill());
    Object.assign(server, { at, bus });
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
