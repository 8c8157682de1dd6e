'use strict';
// An operator's SMSC, made of npm's smpp: it decodes what comes with that
// package's own tables, records every message with its parts joined, and
// behaves as a test wants.
//
// behave(submit) is asked for every submit_sm and returns (or promises) any of
//   status      command_status of the answer, 0
//   id          message id, "m1", "m2", ...
//   delayMs     before the answer
//   silent      no answer at all
//   drop        "before" or "after" the answer: the connection is cut
//   receipt     false, or { state, err, by, when, session, id, afterMs } as for receipt()
// where submit is { n, to, from, text, pdu, session, part } (n from 1 over all).

const smpp = require('smpp');
const { until } = require('./wait');
const { arrival } = require('./arrival');
const { loopback } = require('./loopback');

const STATES = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };
const COMMANDS = ['bind_transceiver', 'bind_transmitter', 'bind_receiver'];

class Smsc {
  constructor({ systemId = 'women', password = 's3cret', behave, now = Date.now, tls, wire } = {}) {
    this.wire = wire; // see wireshark.js
    this.now = now; // what its clock shows
    this.account = { systemId, password };
    this.behave = behave ?? (() => ({}));
    this.submits = []; // every submit_sm in order
    this.ids = 0; // given out: never one twice, also where a test begins submits anew
    this.messages = []; // whole texts: { to, from, text, parts, at }
    this.binds = []; // every bind PDU
    this.answers = []; // every deliver_sm_resp, with the id it answers for
    this.sessions = new Set();
    this.pending = new Map(); // parts of long messages, by number and reference
    this.host = loopback();
    this.tls = tls?.(this.host) ?? {}; // { key, cert } for that host: by TLS
    this.port = 0;
  }

  async start() {
    this.server = smpp.createServer(this.tls, (session) => this.serve(session));
    this.server.on('error', () => {});
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, this.host, resolve);
    });
    this.port = this.server.address().port; // the same one after a restart
    return this;
  }

  /** Cuts all connections and refuses new ones until start(). */
  async stop() {
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  serve(session) {
    this.sessions.add(session);
    this.wire?.tap(session.socket);
    session.bound = false;
    session.socket.setMaxListeners(0); // one for each receipt that is not answered yet
    session.on('error', () => session.destroy());
    session.on('close', () => this.sessions.delete(session));
    for (const command of COMMANDS)
      session.on(command, (pdu) => {
        this.binds.push(pdu);
        const ok = pdu.system_id === this.account.systemId && pdu.password === this.account.password;
        session.bound = ok;
        session.systemType = pdu.system_type;
        session.send(pdu.response({ command_status: ok ? 0 : smpp.ESME_RINVPASWD, system_id: 'smsc' }));
      });
    session.on('enquire_link', (pdu) => session.send(pdu.response()));
    session.on('unbind', (pdu) => {
      session.bound = false;
      session.send(pdu.response());
      session.close();
    });
    session.on('submit_sm', (pdu) => this.submitted(session, pdu));
  }

  async submitted(session, pdu) {
    const submit = {
      n: this.submits.length + 1, at: this.now(), arrived: arrival(), session, pdu,
      to: `+${pdu.destination_addr}`, from: pdu.source_addr, text: pdu.short_message.message,
      part: concatenation(pdu),
    };
    this.submits.push(submit);
    const how = { status: 0, id: `m${++this.ids}`, ...(await this.behave(submit)) };
    submit.id = how.id;
    submit.status = how.status;
    if (how.status === 0) this.join(submit);
    if (how.drop === 'before') return session.destroy();
    if (how.silent) return;
    if (how.receipt?.when === 'before') await this.insist(submit, how.receipt);
    if (how.delayMs) await new Promise((resolve) => setTimeout(resolve, how.delayMs));
    session.send(pdu.response({ command_status: how.status, message_id: how.status === 0 ? how.id : '' }));
    submit.answered = Date.now();
    if (how.drop === 'after') return session.destroy();
    const wanted = (pdu.registered_delivery & 3) !== 0;
    if (how.status === 0 && wanted && how.receipt !== false && how.receipt?.when !== 'before')
      await this.insist(submit, how.receipt ?? {});
  }

  join(submit) {
    if (!submit.part) {
      this.messages.push({ to: submit.to, from: submit.from, text: submit.text, parts: 1, submits: [submit] });
      return;
    }
    const key = `${submit.to} ${submit.part.ref}`;
    const parts = this.pending.get(key) ?? [];
    parts[submit.part.n - 1] = submit;
    this.pending.set(key, parts);
    if (parts.filter(Boolean).length < submit.part.total) return;
    this.pending.delete(key);
    this.messages.push({
      to: submit.to, from: submit.from, text: parts.map((p) => p.text).join(''),
      parts: parts.length, submits: parts,
    });
  }

  /** Sends a receipt for a submit. by: "both", "tlv" or "text"; session: another one than the
   * submit's; afterMs: wait before. Resolves with the command_status of the answer, or null when
   * the connection is gone. */
  async receipt(submit, { state = 'DELIVRD', err = '000', by = 'both', session, id = submit.id, afterMs = 0 } = {}) {
    if (afterMs) await new Promise((resolve) => setTimeout(resolve, afterMs));
    const via = session ?? (this.sessions.has(submit.session) ? submit.session : [...this.sessions].find((s) => s.bound));
    if (!via) return null;
    const stamp = new Date().toISOString().replace(/[-T:]/g, '').slice(2, 12);
    const pdu = {
      esm_class: 0x04, source_addr: submit.pdu.destination_addr, source_addr_ton: 1, source_addr_npi: 1,
      destination_addr: submit.from, data_coding: 0, short_message: '',
    };
    if (by !== 'tlv')
      pdu.short_message = `id:${id} sub:001 dlvrd:${state === 'DELIVRD' ? '001' : '000'} submit date:${stamp} done date:${stamp} stat:${state} err:${err} text:`;
    if (by !== 'text') Object.assign(pdu, { receipted_message_id: id, message_state: STATES[state] });
    return this.deliver(via, pdu, id);
  }

  /** As operators do: a receipt that was not answered, or with "not now", comes again, on
   * whatever connection there is then. */
  async insist(submit, how) {
    while ((await this.receipt(submit, how)) !== 0 && this.server.listening)
      await new Promise((resolve) => setTimeout(resolve, 100).unref());
  }

  /** A text from a resident's phone. */
  reply(from, to, text, session = [...this.sessions].find((s) => s.bound)) {
    return this.deliver(session, {
      esm_class: 0, source_addr: from.replace('+', ''), source_addr_ton: 1, source_addr_npi: 1,
      destination_addr: to, data_coding: 8, short_message: text,
    });
  }

  deliver(session, pdu, id) {
    return new Promise((resolve) => {
      const gone = () => resolve(null);
      session.socket.once('close', gone);
      const sent = session.deliver_sm(pdu, (answer) => {
        session.socket.off('close', gone);
        this.answers.push({ id, status: answer.command_status });
        resolve(answer.command_status);
      });
      if (!sent) gone();
    });
  }

  /** The whole texts that came for a number, in order. */
  textsFor(number) {
    return this.messages.filter((m) => m.to === number).map((m) => m.text);
  }

  bound(count = 1) {
    return until(`${count} bound sessions`, () => [...this.sessions].filter((s) => s.bound).length >= count);
  }
}

/** The part that a UDH of 8 or 16 bit reference, or SAR TLVs, announce; or null. */
function concatenation(pdu) {
  for (const element of pdu.short_message.udh ?? []) {
    if (element[0] === 0x00) return { ref: element[2], total: element[3], n: element[4] };
    if (element[0] === 0x08) return { ref: element.readUInt16BE(2), total: element[4], n: element[5] };
  }
  if (pdu.sar_msg_ref_num !== undefined)
    return { ref: pdu.sar_msg_ref_num, total: pdu.sar_total_segments, n: pdu.sar_segment_seqnum };
  return null;
}

module.exports = { Smsc, smpp };
