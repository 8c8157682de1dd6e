'use strict';
// A GSM modem on a pseudo terminal (tests/peers/modem.c) and the network behind it. What it is
// given is read by node-pdu; what it says is written by 3GPP TS 23.040.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const pdu = require('node-pdu');
const { until } = require('./wait');

const swap = (digits) => (digits.length % 2 ? `${digits}F` : digits).replace(/(.)(.)/g, '$2$1');
const hex = (n) => n.toString(16).padStart(2, '0').toUpperCase();
const address = (number) => hex(number.length - 1) + '91' + swap(number.slice(1)); // 9.1.2.5: international
const STAMP = swap('27030609000032'); // 9.2.3.11: 2027-03-06 09:00:00 +8:00

class Modem {
  constructor(build, link) {
    this.link = link;
    this.sent = []; // { reference, to, text }, of what the network has taken
    this.deleted = 0;
    const program = path.join(build, 'peers/modem');
    fs.accessSync(program, fs.constants.X_OK); // of `make tests`: told here, not by a process that waits for it
    this.child = spawn(program, [link], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.heard(line.split(' ')));
  }

  heard([what, reference, bytes]) {
    if (what === 'plugged') this.plugged = true;
    if (what === 'deleted') this.deleted++;
    if (what !== 'sent') return;
    const submit = pdu.parse(bytes);
    const message = { reference: Number(reference), to: `+${submit.address.phone}`, text: submit.data.getText() };
    this.sent.push(message);
    this.onSent?.(message);
  }

  tell(line) {
    this.child.stdin.write(`${line}\n`);
  }

  async plug() {
    this.plugged = false;
    this.tell('plug');
    await until('the modem to be plugged in', () => this.plugged);
  }

  /** A status report (9.2.2.3), past the memory. status 0: received by the SME. */
  report({ reference, to }, status = 0) {
    const bytes = `0006${hex(reference)}${address(to)}${STAMP}${STAMP}${hex(status)}`;
    this.tell(`say +CDS: ${bytes.length / 2 - 1}\\n${bytes}`);
  }

  /** A message that came in (9.2.2.1), in UCS-2. */
  reply(index, from, text) {
    const units = Buffer.from(text, 'utf16le').swap16().toString('hex').toUpperCase();
    this.tell(`keep ${index} 0004${address(from)}0008${STAMP}${hex(units.length / 2)}${units}`);
  }

  /** Its exit code: 0 where it was told nothing that no standard has. */
  async stop() {
    this.child.stdin.end();
    return this.ended;
  }
}

module.exports = { Modem };
