'use strict';
// A China Mobile gateway (ISMG), CMPP 2.0 or 3.0, written from the interface text alone
// (QB-GF-028-2003; of 2.0 the layouts that gocmpp and SMSGate agree on): it checks what a real one
// checks, and every field besides. What is not as the text wants it stands in `faults`, which a
// test expects to be empty, and is refused with the text's result.
//
// behave(submit) is asked for every SUBMIT and returns (or promises) any of
//   result      of the answer, 0
//   silent      no answer at all
//   drop        "before" or "after" the answer: the connection is cut
//   report      false, or { stat, when, octets } as for report()
// where submit is { n, to, from, text, part, format, id, session } (n from 1 over all).

const crypto = require('node:crypto');
const net = require('node:net');
const { loopback } = require('./loopback');
const { until } = require('./wait');

const CONNECT = 1, TERMINATE = 2, SUBMIT = 4, DELIVER = 5, ACTIVE_TEST = 8, RESPONSE = 0x80000000;
const md5 = (...parts) => crypto.createHash('md5').update(Buffer.concat(parts)).digest();

/** A cursor over one PDU: every field is read once, in order, and nothing may be left. */
class Fields {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 12;
  }

  octets(n) {
    if (this.at + n > this.bytes.length) throw new Error(`${n} octets at ${this.at} of ${this.bytes.length}`);
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }

  u8() {
    return this.octets(1)[0];
  }

  u32() {
    return this.octets(4).readUInt32BE(0);
  }

  /** An octet string: behind its first 0 there is nothing but 0. */
  string(width) {
    const bytes = this.octets(width);
    const end = bytes.indexOf(0) < 0 ? width : bytes.indexOf(0);
    if (bytes.subarray(end).some((b) => b !== 0)) throw new Error(`an octet string is not filled with 0: ${bytes.toString('hex')}`);
    return bytes.subarray(0, end).toString('latin1');
  }
}

const padded = (text, width) => {
  const bytes = Buffer.alloc(width);
  if (bytes.write(text, 'latin1') !== text.length) throw new Error(`${text} is longer than ${width}`);
  return bytes;
};
const u32 = (n) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
const utf16be = (text) => Buffer.from(text, 'utf16le').swap16();

class Ismg {
  constructor({ version = 0x20, spId = '901234', secret = 'shared123', service = 'OUTREACH', source = '10690001',
    window = 16, behave, now = Date.now, wire } = {}) {
    Object.assign(this, { version, spId, secret, service, source, window, now, wire });
    this.behave = behave ?? (() => ({}));
    this.faults = []; // what was not as the text wants it
    this.submits = []; // every SUBMIT in order
    this.messages = []; // whole texts: { to, from, text, parts }
    this.answers = []; // of our DELIVERs: { id, result }
    this.connects = []; // { version, status }
    this.terminated = 0; // TERMINATEs that came
    this.tests = 0; // ACTIVE_TESTs that came
    this.sessions = new Set();
    this.pending = new Map();
    this.ids = 0;
    this.host = loopback();
    this.port = 0;
  }

  get v30() {
    return this.version === 0x30;
  }

  async start() {
    this.server = net.createServer((socket) => this.serve(socket));
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, this.host, resolve);
    });
    this.port = this.server.address().port; // the same one after a restart
    return this;
  }

  async stop() {
    for (const session of this.sessions) session.socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  fault(what) {
    this.faults.push(what);
  }

  // ------------------------------------------------------------------ octets
  serve(socket) {
    const session = { socket, connected: false, outstanding: new Set(), waiting: new Map(), sequence: 0, last: 0 };
    let bytes = Buffer.alloc(0);
    this.sessions.add(session);
    this.wire?.tap(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.sessions.delete(session);
      for (const answered of session.waiting.values()) answered(null);
    });
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 12) {
        const length = bytes.readUInt32BE(0);
        if (length < 12 || length > 4096) {
          this.fault(`Total_Length ${length}`);
          return socket.destroy();
        }
        if (bytes.length < length) return;
        this.handle(session, bytes.subarray(0, length));
        bytes = bytes.subarray(length);
      }
    });
  }

  send(session, command, sequence, ...parts) {
    const body = Buffer.concat(parts);
    session.socket.write(Buffer.concat([u32(12 + body.length), u32(command), u32(sequence), body]));
  }

  handle(session, bytes) {
    const command = bytes.readUInt32BE(4);
    const sequence = bytes.readUInt32BE(8);
    if (!session.connected && command !== CONNECT) return this.fault(`command ${command.toString(16)} before CONNECT`);
    const handlers = {
      [CONNECT]: () => this.connect(session, sequence, bytes),
      [TERMINATE]: () => {
        this.exactly(bytes, 12, 'TERMINATE');
        this.terminated++;
        if (session.outstanding.size > 0) this.fault('TERMINATE with submits outstanding');
        this.send(session, (RESPONSE | TERMINATE) >>> 0, sequence);
        session.socket.end();
      },
      [SUBMIT]: () => this.submit(session, sequence, bytes),
      [ACTIVE_TEST]: () => {
        this.exactly(bytes, 12, 'ACTIVE_TEST');
        this.tests++;
        this.send(session, (RESPONSE | ACTIVE_TEST) >>> 0, sequence, Buffer.alloc(1));
      },
      [(RESPONSE | ACTIVE_TEST) >>> 0]: () => {
        this.exactly(bytes, 13, 'ACTIVE_TEST_RESP');
        this.answered(session, sequence, 'ACTIVE_TEST_RESP', { result: 0 });
      },
      [(RESPONSE | DELIVER) >>> 0]: () => {
        this.exactly(bytes, this.v30 ? 24 : 21, 'DELIVER_RESP');
        const fields = new Fields(bytes);
        this.answered(session, sequence, 'DELIVER_RESP',
          { id: fields.octets(8).toString('hex'), result: this.v30 ? fields.u32() : fields.u8() });
      },
    };
    (handlers[command] ?? (() => this.fault(`command ${command.toString(16)}`)))();
  }

  exactly(bytes, length, what) {
    if (bytes.length !== length) this.fault(`${what} has ${bytes.length} octets, not ${length}`);
  }

  answered(session, sequence, what, answer) {
    const resolve = session.waiting.get(sequence);
    session.waiting.delete(sequence);
    if (resolve) resolve(answer);
    else this.fault(`${what} to nothing: sequence ${sequence}`);
  }

  /** Sends a request and resolves with its answer, or null when the connection is gone. */
  request(session, command, ...parts) {
    const sequence = ++session.sequence;
    return new Promise((resolve) => {
      session.waiting.set(sequence, resolve);
      this.send(session, command, sequence, ...parts);
    });
  }

  // ------------------------------------------------------------------- CONNECT
  connect(session, sequence, bytes) {
    let status = 0;
    let theirs = Buffer.alloc(16);
    let asked;
    try {
      this.exactly(bytes, 39, 'CONNECT');
      const fields = new Fields(bytes);
      const source = fields.octets(6);
      theirs = fields.octets(16);
      asked = fields.u8();
      const time = String(fields.u32()).padStart(10, '0');
      if (!this.isNow(time)) this.fault(`Timestamp ${time}`);
      if (asked !== 0x20 && asked !== 0x30) this.fault(`Version ${asked}`);
      const proof = md5(source, Buffer.alloc(9), Buffer.from(this.secret), Buffer.from(time));
      if (source.toString('latin1') !== this.spId) status = 2;
      else if (!proof.equals(theirs)) status = 3;
      else if (asked > this.version && this.tooHigh) status = 4;
    } catch (error) {
      this.fault(error.message);
      status = 1;
    }
    const wide = this.v30 ? u32(status) : Buffer.from([status]);
    session.connected = status === 0;
    this.connects.push({ version: asked, status });
    this.send(session, (RESPONSE | CONNECT) >>> 0, sequence, wide, md5(wide, theirs, Buffer.from(this.secret)), Buffer.from([this.version]));
    if (status !== 0) session.socket.end();
  }

  /** MMDDHHMMSS of Beijing, within an hour. */
  isNow(time) {
    const year = new Date(this.now()).getUTCFullYear();
    const [month, day, hour, minute, second] = time.match(/../g).map(Number);
    const at = [year - 1, year, year + 1].map((y) => Date.UTC(y, month - 1, day, hour - 8, minute, second));
    return month <= 12 && day <= 31 && hour < 24 && minute < 60 && second < 60 && at.some((ms) => Math.abs(ms - this.now()) < 3600e3);
  }

  // -------------------------------------------------------------------- SUBMIT
  /** Reads a SUBMIT field by field, as the text has them. */
  read(bytes) {
    const fields = new Fields(bytes);
    const number = this.v30 ? 32 : 21;
    const pdu = {
      msgId: fields.octets(8).toString('hex'), total: fields.u8(), number: fields.u8(), wantsReport: fields.u8(), level: fields.u8(),
      service: fields.string(10), feeUser: fields.u8(), feeNumber: fields.string(number), feeNumberType: this.v30 ? fields.u8() : 0,
      pid: fields.u8(), udhi: fields.u8(), format: fields.u8(), source: fields.string(6), feeType: fields.string(2),
      feeCode: fields.string(6), validity: fields.string(17), at: fields.string(17), from: fields.string(21), count: fields.u8(),
    };
    pdu.to = Array.from({ length: pdu.count }, () => fields.string(number));
    pdu.toType = this.v30 ? fields.u8() : 0;
    pdu.content = fields.octets(fields.u8());
    pdu.link = fields.string(this.v30 ? 20 : 8);
    if (fields.at !== bytes.length) throw new Error(`${bytes.length - fields.at} octets behind the SUBMIT`);
    return pdu;
  }

  /** The result that the text has for what is wrong in a SUBMIT, and its name. */
  wrong(pdu) {
    const most = pdu.format === 0 ? 159 : 140;
    const udh = pdu.udhi === 1 ? pdu.content.subarray(0, 6) : null;
    const named = udh && udh.subarray(0, 3).equals(Buffer.from([5, 0, 3])) && udh[4] === pdu.total && udh[5] === pdu.number;
    const rules = [
      [1, 'Msg_Id', pdu.msgId === '0'.repeat(16)],
      [1, 'Pk_number', pdu.number >= 1 && pdu.number <= pdu.total],
      [1, 'TP_udhi', pdu.total === 1 ? pdu.udhi === 0 : Boolean(named)],
      [1, 'Registered_Delivery', pdu.wantsReport === 1],
      [1, 'Msg_level', pdu.level <= 9],
      [1, 'TP_pId', pdu.pid === 0],
      [1, 'Msg_Fmt', [0, 8].includes(pdu.format)],
      [1, 'types of numbers', pdu.feeNumberType === 0 && pdu.toType === 0],
      [1, 'ValId_Time', pdu.validity === '' || /^\d{12}\d\d\d[+-]$|^\d{15}R$/.test(pdu.validity)],
      [1, 'At_Time', pdu.at === ''],
      [1, 'LinkID', pdu.link === ''],
      [7, 'Service_Id', pdu.service === this.service],
      [5, 'FeeType and FeeCode', ['01', '02', '03'].includes(pdu.feeType) && /^\d{1,6}$/.test(pdu.feeCode)],
      [12, 'Fee_terminal_Id', pdu.feeUser === 2 && pdu.feeNumber === ''],
      [11, 'Msg_src', pdu.source === this.spId],
      [10, 'Src_Id', pdu.from.startsWith(this.source) && /^\d+$/.test(pdu.from)],
      [13, 'Dest_terminal_Id', pdu.count === 1 && /^1\d{10}$/.test(pdu.to[0])],
      [6, 'Msg_Length', pdu.content.length > 0 && pdu.content.length <= most && (pdu.format === 0 || pdu.content.length % 2 === 0)],
    ];
    return rules.find(([, , holds]) => !holds);
  }

  async submit(session, sequence, bytes) {
    let pdu;
    if (session.outstanding.has(sequence)) this.fault(`sequence ${sequence} is outstanding`);
    if (sequence <= session.last) this.fault(`sequence ${sequence} after ${session.last}`);
    session.last = sequence;
    session.outstanding.add(sequence);
    if (session.outstanding.size > this.window) this.fault(`${session.outstanding.size} submits in a window of ${this.window}`);
    try {
      pdu = this.read(bytes);
    } catch (error) {
      this.fault(error.message);
      return this.result(session, sequence, Buffer.alloc(8), 4);
    }
    const wrong = this.wrong(pdu);
    if (wrong) {
      this.fault(`${wrong[1]}: ${JSON.stringify(pdu)}`);
      return this.result(session, sequence, Buffer.alloc(8), wrong[0]);
    }
    const text = pdu.udhi ? pdu.content.subarray(6) : pdu.content;
    const id = this.nextId();
    const submit = {
      n: this.submits.length + 1, session, pdu, to: pdu.to[0], from: pdu.from, format: pdu.format, id: id.toString('hex'),
      part: pdu.udhi ? { ref: pdu.content[3], total: pdu.total, n: pdu.number } : null,
      text: pdu.format === 0 ? text.toString('latin1') : Buffer.from(text).swap16().toString('utf16le'),
    };
    this.submits.push(submit);
    const how = { result: 0, ...(await this.behave(submit)) };
    if (how.result === 0) this.join(submit);
    if (how.drop === 'before') return session.socket.destroy();
    if (how.silent) return undefined;
    if (how.result === 0 && how.report?.when === 'before') await this.insist(submit, how.report);
    this.result(session, sequence, how.result === 0 ? id : Buffer.alloc(8), how.result);
    if (how.drop === 'after') session.socket.end();
    if (how.result === 0 && how.report !== false && how.report?.when !== 'before') await this.insist(submit, how.report ?? {});
    return undefined;
  }

  result(session, sequence, id, result) {
    session.outstanding.delete(sequence);
    this.send(session, (RESPONSE | SUBMIT) >>> 0, sequence, id, this.v30 ? u32(result) : Buffer.from([result]));
  }

  /** 4 bits month, 5 day, 5 hour, 6 minute, 6 second, 22 gateway, 16 sequence. */
  nextId() {
    const at = new Date(this.now() + 8 * 3600e3);
    const bits = [[at.getUTCMonth() + 1, 4], [at.getUTCDate(), 5], [at.getUTCHours(), 5], [at.getUTCMinutes(), 6],
      [at.getUTCSeconds(), 6], [1234, 22], [++this.ids, 16]];
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(bits.reduce((sum, [value, width]) => (sum << BigInt(width)) | BigInt(value), 0n));
    return id;
  }

  join(submit) {
    const { to, from, text, part } = submit;
    if (!part) return this.messages.push({ to, from, text, parts: 1 });
    const key = `${to} ${part.ref}`;
    const parts = this.pending.get(key) ?? [];
    parts[part.n - 1] = text;
    this.pending.set(key, parts);
    if (parts.filter((p) => p !== undefined).length < part.total) return undefined;
    this.pending.delete(key);
    return this.messages.push({ to, from, text: parts.join(''), parts: part.total });
  }

  // ------------------------------------------------------------------- DELIVER
  deliver({ from, to, report = 0, udhi = 0, format, content }, session) {
    const via = session ?? [...this.sessions].find((s) => s.connected);
    if (!via) return Promise.resolve(null);
    const id = this.nextId();
    return this.request(via, DELIVER, id, padded(to, 21), padded(this.service, 10), Buffer.from([0, udhi, format]),
      padded(from, this.v30 ? 32 : 21), this.v30 ? Buffer.from([0]) : Buffer.alloc(0), Buffer.from([report, content.length]), content,
      Buffer.alloc(this.v30 ? 20 : 8)).then((answer) => {
      if (answer) {
        this.answers.push(answer);
        if (answer.id !== id.toString('hex')) this.fault(`DELIVER_RESP has ${answer.id}, not ${id.toString('hex')}`);
      }
      return answer?.result ?? null;
    });
  }

  /** A status report on a submit; octets: 60 or 71, whatever the version. */
  report(submit, { stat = 'DELIVRD', octets = this.v30 ? 71 : 60, session } = {}) {
    const stamp = new Date(this.now() + 8 * 3600e3).toISOString().replace(/[-T:]/g, '').slice(2, 12);
    const content = Buffer.concat([Buffer.from(submit.id, 'hex'), padded(stat, 7), padded(stamp, 10), padded(stamp, 10),
      padded(submit.to, octets === 71 ? 32 : 21), u32(7)]);
    return this.deliver({ from: submit.to, to: submit.from, report: 1, format: 0, content }, session);
  }

  /** A report that was not answered, or with 8, comes again, on whatever connection there is then. */
  async insist(submit, how) {
    while ((await this.report(submit, how)) !== 0 && this.server.listening) await new Promise((resolve) => setTimeout(resolve, 100).unref());
  }

  /** A text from a phone, in parts of so many characters. */
  async reply(from, to, text, { size = 67, udhi = 1 } = {}) {
    const parts = text.length <= 70 && size >= text.length ? [text] : text.match(new RegExp(`.{1,${size}}`, 'gsu'));
    const results = [];
    for (const [i, part] of parts.entries()) {
      const header = parts.length > 1 ? Buffer.from([5, 0, 3, 0x2b, parts.length, i + 1]) : Buffer.alloc(0);
      results.push(await this.deliver({ from, to, udhi: parts.length > 1 ? udhi : 0, format: 8, content: Buffer.concat([header, utf16be(part)]) }));
    }
    return results;
  }

  /** ACTIVE_TEST of ours; resolves when it is answered. */
  test() {
    return this.request([...this.sessions].find((s) => s.connected), ACTIVE_TEST);
  }

  connected(count = 1) {
    return until(`${count} connected sessions`, () => [...this.sessions].filter((s) => s.connected).length >= count);
  }
}

module.exports = { Ismg };
