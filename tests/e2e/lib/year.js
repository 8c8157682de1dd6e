'use strict';
// When who is to be told, worked out without a line of ours: from what a campaign says in
// words, the tz database as node has it, and the work days as the State Council announced
// them. And a walk through all of it with driven clocks: the machine sleeps until shortly
// before each time, looks, sleeps until it, and tells; a year takes about a minute.

const { at, localTime } = require('./clock');
const { until } = require('./wait');

// 国办发明电〔2025〕7号. Of other years nobody here knows more than the week.
const OFF_2026 = [['01-01', '01-03'], ['02-15', '02-23'], ['04-04', '04-06'], ['05-01', '05-05'], ['06-19', '06-21'],
  ['09-25', '09-27'], ['10-01', '10-07']];
const WORKED_2026 = ['01-04', '02-14', '02-28', '05-09', '09-20', '10-10'];

function worked(day) {
  const short = day.slice(5);
  if (day.startsWith('2026-')) {
    if (WORKED_2026.includes(short)) return true;
    if (OFF_2026.some(([from, to]) => short >= from && short <= to)) return false;
  }
  return ![0, 6].includes(new Date(`${day}T00:00Z`).getUTCDay());
}

const dayAfter = (day, n) => new Date(Date.parse(`${day}T00:00Z`) + n * 86400e3).toISOString().slice(0, 10);

function dayOf(zone, when) {
  const t = localTime(zone, when);
  return new Date(Date.UTC(t.year, t.month - 1, t.day)).toISOString().slice(0, 10);
}

/** The spans, as instants, in which somebody in that zone may be disturbed, around a day. */
function spans(zone, hours, workdays, day) {
  if (hours === 'always') return [[at(zone, `${day}T00:00`), at(zone, `${dayAfter(day, 1)}T00:00`)]].filter(() => !workdays || worked(day));
  const found = [];
  for (const window of hours.split(',')) {
    const [from, to] = window.split('-');
    // One over midnight is an evening and a morning, each of the day that it lies in.
    const parts = to > from ? [[from, to]] : [[from, '24:00'], ['00:00', to]];
    for (const [a, b] of parts)
      if (!workdays || worked(day))
        found.push([at(zone, `${day}T${a}`), b === '24:00' ? at(zone, `${dayAfter(day, 1)}T00:00`) : at(zone, `${day}T${b}`)]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}

/** From when on somebody may be told what is due. */
function allowed(zone, hours, workdays, due) {
  for (let n = 0, day = dayOf(zone, due); n < 60; n++, day = dayAfter(day, 1))
    for (const [from, to] of spans(zone, hours, workdays, day)) if (due < to) return Math.max(due, from);
  throw new Error(`never: ${hours}`);
}

/** When "-7d 09:30" ({ days: -7, time: '09:30' }), "-1d" ({ days: -1 }) or "-2h" ({ minutes: -120 }) is. */
function momentOf(zone, start, { days, time, minutes }) {
  if (minutes !== undefined) return start + minutes * 60e3;
  const t = localTime(zone, start);
  const two = (n) => String(n).padStart(2, '0');
  return at(zone, `${dayAfter(dayOf(zone, start), days)}T${time ?? `${two(t.hour)}:${two(t.minute)}`}`);
}

const sign = (n) => (n < 0 ? '-' : '+');

/** The same as a campaign writes it. */
function momentText({ days, time, minutes, ofSlot }) {
  const text = minutes !== undefined ? `${sign(minutes)}${Math.abs(minutes)}m` : `${sign(days)}${Math.abs(days)}d${time ? ` ${time}` : ''}`;
  return ofSlot ? `${text} of slot` : text;
}

/** Numbers that are the same each time. */
function dice(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
}

/** Walks through expected, [{ when, due, ... }], with the stage's clock: told() says how many
 * were told so far, look() resolves when the daemon has looked at its schedule. It stops too
 * where something falls due that is held until later: a machine that slept over that would
 * leave out what it has missed. */
async function walk(clock, expected, { told, look, each = () => {} }) {
  const times = [...new Set(expected.flatMap((one) => [one.when, one.due ?? one.when]))].sort((a, b) => a - b);
  for (const [i, when] of times.entries()) {
    const before = expected.filter((one) => one.when < when).length;
    const now = expected.filter((one) => one.when <= when).length;
    if (when - 60e3 > clock.now()) {
      clock.sleepTo(when - 60e3);
      await look();
      if (told() > before) throw new Error(`${told() - before} too early for ${new Date(when).toISOString()}`);
    }
    if (when + 50 > clock.now()) clock.sleepTo(when + 50);
    await look();
    await until(`${now - before} to be told at ${new Date(when).toISOString()}`, () => told() >= now, 60000);
    await each(i, times.length);
  }
}

module.exports = { allowed, at, dice, momentOf, momentText, walk, worked, dayOf, dayAfter };
