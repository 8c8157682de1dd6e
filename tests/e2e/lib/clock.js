'use strict';
// The clocks of a machine, driven by a test (daemon/rehearsal/driven_clock.c): for every
// program that is started with env().
//
//   clock.step(ms)      somebody sets the time: the wall clock alone moves
//   clock.sleep(ms)     the machine was suspended for so long: the boot-time clock counts it
//   clock.sleepTo(at)   until that instant (ms, a Date, or "2027-03-06T09:00+08:00")
//
// And what the tz database says, as node has it: an implementation that is not ours.

const fs = require('node:fs');
const path = require('node:path');

const BUILD = process.env.OUTREACH_BUILD ?? path.resolve(__dirname, '../../../build/test');
const LIBRARY = path.join(BUILD, 'driven_clock.so');

class Clock {
  constructor(file) {
    this.file = file;
    this.wall = 0;
    this.boot = 0;
    this.pair = 0;
    fs.writeFileSync(file, Buffer.alloc(16 + 256 * 16));
  }

  env(env = {}) {
    const asan = env.ASAN_OPTIONS ?? process.env.ASAN_OPTIONS ?? '';
    return { OUTREACH_CLOCK: this.file, LD_PRELOAD: LIBRARY, ASAN_OPTIONS: `${asan}:verify_asan_link_order=0` };
  }

  now() {
    return Date.now() + this.wall;
  }

  step(ms) {
    this.move(ms, 0);
  }

  sleep(ms) {
    this.move(ms, ms);
  }

  sleepTo(at) {
    this.sleep(Math.round(instant(at) - this.now()));
  }

  move(wall, boot) {
    this.wall += wall;
    this.boot += boot;
    this.pair = (this.pair + 1) % 256;
    const pair = Buffer.alloc(16);
    pair.writeBigInt64LE(BigInt(this.wall), 0);
    pair.writeBigInt64LE(BigInt(this.boot), 8);
    const fd = fs.openSync(this.file, 'r+');
    fs.writeSync(fd, pair, 0, 16, 16 + 16 * this.pair);
    fs.writeSync(fd, Buffer.from([this.pair]), 0, 1, 0); // from here on it counts
    fs.closeSync(fd);
  }
}

const instant = (at) => (typeof at === 'number' ? at : new Date(at).getTime());

// ------------------------------------------------------------------ local time
const formats = new Map();

/** { year, month, day, hour, minute, second, weekday } in a zone; weekday 0 is Sunday. */
function localTime(zone, at) {
  if (!formats.has(zone))
    formats.set(zone, new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    }));
  const t = {};
  for (const { type, value } of formats.get(zone).formatToParts(at)) if (type !== 'literal') t[type] = Number(value);
  t.weekday = new Date(Date.UTC(t.year, t.month - 1, t.day)).getUTCDay();
  return t;
}

/** The instants at which the clocks of a zone show "2027-03-28T02:30": none, one, or two. */
function instantsOf(zone, text) {
  const naive = Date.parse(`${text.length === 10 ? `${text}T00:00` : text}Z`);
  const found = [];
  const offsets = new Set([-36, 0, 36].map((hours) => offsetOf(zone, naive + hours * 3600e3)));
  for (const offset of offsets)
    if (offsetOf(zone, naive - offset) === offset) found.push(naive - offset);
  return found.sort((a, b) => a - b);
}

function offsetOf(zone, at) {
  const t = localTime(zone, at);
  return Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second) - Math.floor(at / 1000) * 1000;
}

/** The instant of a local time: the first of two; in a gap, moved forward by it. */
function at(zone, text) {
  const found = instantsOf(zone, text);
  if (found.length > 0) return found[0];
  const naive = Date.parse(`${text}Z`);
  return naive - offsetOf(zone, naive - 36 * 3600e3);
}

module.exports = { Clock, localTime, instantsOf, at };
