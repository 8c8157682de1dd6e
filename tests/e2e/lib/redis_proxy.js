'use strict';
// Stands between outreachd and Redis on a Unix socket and cuts connections at the worst
// moment: the command has been run, its answer is lost.

const net = require('node:net');
const { parse } = require('./redis');

class RedisProxy {
  /** every() gives the number of commands, over all connections, until the next cut. */
  constructor(socket, server, every) {
    Object.assign(this, { socket, server, every, cuts: 0, repeated: 0 });
    this.left = every();
    this.lost = new Set(); // scripts that were run, and their answers cut off
    this.pairs = new Set();
  }

  async start() {
    this.listener = net.createServer((client) => this.serve(client));
    await new Promise((resolve) => this.listener.listen(this.socket, resolve));
    return this;
  }

  serve(client) {
    const server = net.connect(this.server);
    const end = () => (client.destroy(), server.destroy(), this.pairs.delete(end));
    let bytes = Buffer.alloc(0);
    let doomed = null; // the command whose answer will not come
    this.pairs.add(end);
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let command; !doomed && (command = parse(bytes, 0));) {
        const raw = bytes.subarray(0, command.next);
        const isScript = /^evalsha$/i.test(command.value[0].toString());
        if (isScript && this.lost.delete(raw.toString('latin1'))) this.repeated++;
        if (--this.left < 0 && isScript) doomed = raw.toString('latin1');
        server.write(raw);
        bytes = bytes.subarray(command.next);
      }
    });
    server.on('data', (chunk) => {
      if (!doomed) return client.write(chunk);
      // Redis answers in order: when it is done with what we sent last, it has run it.
      this.cuts++;
      this.lost.add(doomed);
      this.left = this.every();
      end();
      return undefined;
    });
  }

  async stop() {
    for (const end of [...this.pairs]) end();
    await new Promise((resolve) => this.listener.close(resolve));
  }
}

module.exports = { RedisProxy };
