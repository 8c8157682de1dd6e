'use strict';
// Debian's Kannel on loopback: bearerbox, smsbox with its sendsms interface, and
// fakesmsc, Kannel's own operator, which takes every message and writes down what
// it got. scripts/install-deps unpacks the programs. Numbers in `smpp` are led to
// that SMSC instead, over SMPP as Kannel speaks it.
//
//   const kannel = await new Kannel({ dir, callback, smpp: { smsc, prefix }, phone }).start();
//                  callback: the URL for replies; phone: "from to text TEXT", one of them
//   kannel.got()   what fakesmsc printed, the parts of a long message joined by their UDH

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { loopback } = require('./loopback');
const { until } = require('./wait');

const ROOT = path.resolve(__dirname, '../../../build/tools/kannel');
const PROGRAMS = { bearerbox: 'usr/sbin/bearerbox', smsbox: 'usr/sbin/smsbox', fakesmsc: 'usr/lib/kannel/test/fakesmsc' };

/** So many ports of an address that nobody listens on. */
async function freePorts(host, n) {
  const servers = [];
  for (let i = 0; i < n; i++)
    servers.push(await new Promise((resolve, reject) => {
      const server = net.createServer().once('error', reject).listen(0, host, () => resolve(server));
    }));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

function reachable(host, port) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    socket.on('connect', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

/** The bytes that fakesmsc prints as a form's value. */
const bytesOf = (coded) => Buffer.from(coded.replace(/\+/g, ' ').replace(/%([0-9A-Fa-f]{2})/g, (_, hex) =>
  String.fromCharCode(parseInt(hex, 16))), 'latin1');

const TEXT = { text: (bytes) => bytes.toString(), ucs2: (bytes) => Buffer.from(bytes).swap16().toString('utf16le') };

class Kannel {
  constructor({ dir, smpp, phone, callback }) {
    Object.assign(this, { dir, smpp, phone, callback });
    this.host = loopback();
    this.running = {};
  }

  /** Whether bearerbox came up with these ports. */
  async listens(ports) {
    const [admin, boxes, smsc, sendsms] = this.ports = ports;
    const said = this.log('bearerbox').length;
    this.port = sendsms;
    this.file = path.join(this.dir, 'kannel.conf');
    fs.writeFileSync(this.file, this.conf(admin, boxes, smsc, sendsms));
    this.launch('bearerbox', [this.file]);
    let ended = false;
    this.running.bearerbox.ended.then(() => { ended = true; });
    await until('bearerbox to listen, or to end', () => ended || /entering mainloop/.test(this.log('bearerbox').slice(said)));
    return !ended;
  }

  async start() {
    const before = this.ports;
    // Its operator's port is one of all addresses: somebody's connection may have taken it since.
    for (let tries = 5; !(await this.listens(before ?? await freePorts(this.host, 4))); tries--)
      assert.ok(tries > 0, `bearerbox ended:\n${this.log('bearerbox').slice(-2000)}`);
    const [, , smsc, sendsms] = this.ports, file = this.file;
    this.launch('smsbox', [file]); // without an id: one that has it gets only what is routed to it
    await until('smsbox to be there', async () => /smsbox:/.test(await this.status()) && reachable(this.host, sendsms));
    // "from to type text", of a phone; without one it is only there
    this.launch('fakesmsc', ['-H', this.host, '-r', String(smsc), '-m', this.phone ? '1' : '0', this.phone ?? '1 2 text nothing']);
    await until('the operator to be there', async () => /FAKE:\d+ \(online/.test(await this.status()));
    if (this.smpp) await until('Kannel to be bound', () => this.smpp.smsc.sessions.size > 0);
    return this;
  }

  conf(admin, boxes, smsc, sendsms) {
    const group = (name, fields) => `group = ${name}\n${Object.entries(fields).map(([k, v]) => `${k} = "${v}"\n`).join('')}\n`;
    return group('core', {
      'admin-port': admin, 'admin-interface': this.host, 'admin-password': 'admin', 'smsbox-port': boxes, 'smsbox-interface': this.host,
      'box-allow-ip': '127.*.*.*', 'store-type': 'file', 'store-location': path.join(this.dir, 'kannel.store'), 'dlr-storage': 'internal',
    }) + group('smsc', {
      smsc: 'fake', 'smsc-id': 'fake', host: this.host, port: smsc, 'connect-allow-ip': '127.*.*.*',
      ...(this.smpp && { 'denied-prefix': this.smpp.prefix }),
    }) + (this.smpp ? group('smsc', {
      smsc: 'smpp', 'smsc-id': 'smpp', host: this.smpp.smsc.host, port: this.smpp.smsc.port, 'transceiver-mode': 'true',
      'smsc-username': 'women', 'smsc-password': 's3cret', 'system-type': '', 'allowed-prefix': this.smpp.prefix, 'reconnect-delay': 1,
    }) : '') + group('smsbox', {
      'bearerbox-host': this.host, 'bearerbox-port': boxes, 'sendsms-port': sendsms, 'sendsms-interface': this.host,
      'global-sender': '1069', 'http-request-retry': 60, 'http-queue-delay': 1, 'reply-couldnotfetch': '', 'reply-couldnotrepresent': '',
      'reply-requestfailed': '', 'reply-emptymessage': '',
    }) + group('sms-service', {
      keyword: 'default', 'get-url': this.callback, 'omit-empty': 'true', 'max-messages': 0,
    }) + group('sendsms-user', {
      username: 'u', password: 's3cret', concatenation: 'true', 'max-messages': 10,
    });
  }

  log(name) {
    const file = path.join(this.dir, `${name}.log`);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  launch(name, args) {
    const log = fs.openSync(path.join(this.dir, `${name}.log`), 'a');
    const child = spawn(path.join(ROOT, PROGRAMS[name]), args, { cwd: this.dir, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
      child.once('error', resolve);
    });
    this.running[name] = { child, ended };
  }

  async end(name, signal = 'SIGTERM') {
    const it = this.running[name];
    delete this.running[name];
    if (!it) return;
    it.child.kill(signal);
    const late = setTimeout(() => it.child.kill('SIGKILL'), 20000);
    await it.ended;
    clearTimeout(late);
  }

  /** Ends all of it; start() brings it back on the same ports. */
  async stop(signal) {
    for (const name of ['smsbox', 'bearerbox', 'fakesmsc']) await this.end(name, signal);
  }

  status() {
    return new Promise((resolve) => {
      const ask = { host: this.host, port: this.ports[0], path: '/status.txt?password=admin', agent: false };
      http.get(ask, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve(text));
      }).on('error', () => resolve(''));
    });
  }

  /** Whole messages in order of their last part: { from, to, parts, text(coding) }; coding: "text" or "ucs2". */
  got() {
    const pending = new Map(); // parts of long messages, by number and reference
    const messages = [];
    for (const [, line] of this.log('fakesmsc').matchAll(/Got message \d+: <([^\n]*)>\r?$/gm)) {
      const fields = line.match(/^(\S+) (\S+) (\S+) ?(.*)$/);
      if (!fields) throw new Error(`fakesmsc's line cannot be read: ${line}`);
      const [, from, to, type, rest] = fields;
      // Only whole messages tell how they are coded: a part is just bytes.
      const [udh, , body] = type === 'udh' ? rest.split(' ') : [];
      const parts = [type === 'text' ? Buffer.from(rest) : bytesOf(body ?? rest)];
      if (udh !== undefined) {
        const [length, element, size, reference, total, n] = bytesOf(udh);
        if (length !== 5 || element !== 0 || size !== 3) throw new Error(`a UDH that joins nothing: ${line}`);
        const key = `${to} ${reference} ${total}`;
        const whole = pending.get(key) ?? [];
        whole[n - 1] = parts[0];
        pending.set(key, whole);
        if (Object.keys(whole).length < total) continue;
        pending.delete(key);
        parts.splice(0, 1, ...whole);
      }
      const coded = { text: 'text', 'ucs-2': 'ucs2' }[type];
      messages.push({ from, to, parts: parts.length, text(coding) {
        if (coded && coded !== coding) throw new Error(`not ${coding} but ${type}: ${line}`);
        return TEXT[coding](Buffer.concat(parts));
      } });
    }
    return messages;
  }
}

module.exports = { Kannel, freePorts, reachable };
