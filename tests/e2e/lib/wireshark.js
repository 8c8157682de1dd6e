'use strict';
// What went over a peer's connections, as Wireshark's dissectors understand it: a second judge of
// octets, by nobody of here. Debian's tshark (4.0) knows SMPP 3.4 and CMPP 3.0; of CMPP 2.0 it reads
// what both versions have alike, which ends behind a SUBMIT's Fee_UserType.
//
//   const wire = new Wire();
//   wire.tap(socket);                       // of an accepted connection, before anything came
//   const pdus = await wire.read('cmpp');   // in order
//   pdus[0].show('cmpp.Sequence_Id')        // what Wireshark displays of the field of that name there
//   pdus[0].hex('cmpp.Sequence_Id')         // the octets that it takes for that field
//   pdus[0].ours                            // came from the daemon
//   pdus[0].doubts                          // what it has against the PDU, its "expert information"

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');

const RAW_IP = 101; // the link type: a packet begins with its IP header
const CLIENT_PORT = 40000, SERVER_PORT = 7890, PIECE = 1400;

/** An IPv4 packet with a piece of a TCP stream; checksums are 0, which tshark does not look at. */
function packet(piece, fromPort, toPort, sequence, acknowledged) {
  const p = Buffer.alloc(40 + piece.length);
  p.writeUInt8(0x45, 0);
  p.writeUInt16BE(p.length, 2);
  p.writeUInt8(64, 8); // time to live
  p.writeUInt8(6, 9); // TCP
  p.writeUInt32BE(0x7f000001, 12);
  p.writeUInt32BE(0x7f000001, 16);
  p.writeUInt16BE(fromPort, 20);
  p.writeUInt16BE(toPort, 22);
  p.writeUInt32BE(sequence, 24);
  p.writeUInt32BE(acknowledged, 28);
  p.writeUInt8(0x50, 32); // a header of 20 octets
  p.writeUInt8(0x18, 33); // PSH, ACK
  p.writeUInt16BE(65535, 34);
  piece.copy(p, 40);
  return p;
}

class Pdu {
  constructor(layer, ours) {
    this.ours = ours;
    this.doubts = [];
    this.fields = new Map(); // the first of each name, at whatever depth: { show, hex }
    this.walk(layer);
  }

  /** A field stands there by its name, its octets beside it as NAME_raw, and what is inside as NAME_tree. */
  walk(tree) {
    for (const [name, value] of Object.entries(tree)) {
      if (name.endsWith('_raw')) continue;
      const values = [value].flat();
      const octets = [tree[`${name}_raw`] ?? []].flat(Infinity)[0];
      if (name === '_ws.expert.message') this.doubts.push(...values);
      if (!this.fields.has(name)) this.fields.set(name, { show: values[0], hex: octets });
      for (const inner of values) if (inner !== null && typeof inner === 'object') this.walk(inner);
    }
  }

  show(name) {
    return this.fields.get(name)?.show;
  }

  hex(name) {
    return this.fields.get(name)?.hex;
  }
}

class Wire {
  constructor() {
    this.connections = 0;
    this.chunks = []; // { connection, ours, bytes } as they came and went
  }

  tap(socket) {
    const connection = this.connections++;
    const { push, write } = socket;
    const note = (ours, bytes) => bytes && this.chunks.push({ connection, ours, bytes: Buffer.from(bytes) });
    socket.push = (chunk, ...rest) => (note(true, chunk), push.call(socket, chunk, ...rest));
    socket.write = (chunk, ...rest) => (note(false, chunk), write.call(socket, chunk, ...rest));
  }

  pcap() {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65535, 16);
    header.writeUInt32LE(RAW_IP, 20);
    const out = [header];
    const at = new Map(); // the next octet's number, by connection and direction
    for (const { connection, ours, bytes } of this.chunks)
      for (let start = 0; start < bytes.length; start += PIECE) {
        const piece = bytes.subarray(start, start + PIECE);
        const [mine, other] = [`${connection} ${ours}`, `${connection} ${!ours}`];
        const [from, to] = ours ? [CLIENT_PORT + connection, SERVER_PORT] : [SERVER_PORT, CLIENT_PORT + connection];
        const p = packet(piece, from, to, at.get(mine) ?? 1, at.get(other) ?? 1);
        at.set(mine, (at.get(mine) ?? 1) + piece.length);
        const record = Buffer.alloc(16);
        record.writeUInt32LE(out.length, 0); // a second each, which nobody reads
        record.writeUInt32LE(p.length, 8);
        record.writeUInt32LE(p.length, 12);
        out.push(record, p);
      }
    return Buffer.concat(out);
  }

  /** The PDUs of a protocol; or those of `inner`, a protocol inside it. */
  async read(protocol, inner = protocol) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outreach-wire-'));
    try {
      const file = path.join(dir, 'wire.pcap');
      fs.writeFileSync(file, this.pcap());
      const { stdout } = await promisify(execFile)('tshark', ['-n', '-r', file, '-d', `tcp.port==${SERVER_PORT},${protocol}`,
        '-J', `tcp ${inner}`, '-T', 'json', '-x', '--no-duplicate-keys'],
      { env: { ...process.env, HOME: dir, WIRESHARK_CONFIG_DIR: dir, LC_ALL: 'C.UTF-8' }, maxBuffer: 1 << 28 });
      return JSON.parse(stdout).flatMap(({ _source: { layers } }) => {
        const ours = layers.tcp['tcp.dstport'] === String(SERVER_PORT);
        return [layers[inner] ?? []].flat().map((layer) => new Pdu(layer, ours));
      });
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  }
}

module.exports = { Wire };
