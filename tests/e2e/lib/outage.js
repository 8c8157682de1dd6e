'use strict';
// A campaign that is under way when something happens to Redis, and what must hold then.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { campaign, people } = require('./stage');
const { until, pause } = require('./wait');

const WINDOW = 10;
const PATIENT = { timeout: 600000 }; // seconds, on a quiet machine
const TICK_MS = 10; // of /proc/PID/stat

/** CPU time of the daemon in ms, and its memory in bytes. */
function usage(s) {
  const stat = fs.readFileSync(`/proc/${s.daemon.pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return { cpuMs: (Number(stat[11]) + Number(stat[12])) * TICK_MS, bytes: Number(stat[21]) * 4096, at: Date.now() };
}

/** It does not spin. */
function idle(before, after) {
  const share = (after.cpuMs - before.cpuMs) / (after.at - before.at);
  if (process.env.E2E_KEEP) console.log(`${(share * 100).toFixed(1)} % of a core, ${after.bytes - before.bytes} bytes more`);
  assert.ok(share < 0.25, `${Math.round(share * 100)} % of a core while nothing can be done`);
}

const times = (log, what) => log.split('\n').filter((line) => `${line} `.includes(` ${what} `)).length;
const receivers = (smsc) => smsc.submits.filter((one) => one.status === 0).map((one) => one.to);

function nobodyTwice(smsc) {
  const all = receivers(smsc);
  assert.deepEqual(all.filter((to, i) => all.indexOf(to) !== i), [], 'told twice');
}

/** A campaign under way: 30 of n are submitted. */
async function underWay(s, n, { redis = {}, gateway = {}, delayMs = 150, prepare = () => {} } = {}) {
  const smsc = await s.smsc(() => ({ delayMs }), { rate: '50/s', window: WINDOW, ...gateway });
  const server = await s.redisServer(redis);
  await prepare(server);
  await s.start();
  await s.xadd(campaign('away', people(n)));
  await until('thirty submits', () => smsc.submits.length >= 30, 60000);
  return { smsc, server };
}

/**
 * One outage of a campaign of n that is under way.
 *   begin, end   make Redis ill and well again
 *   says         what the log gives as the reason
 *   told         and what a person is told who gives a command meanwhile; null: not asked
 *   command      ['pause', 'away']
 *   words        of the log: what is wrong, what is over
 *   lastsMs      how long it lasts, once it has been noticed
 *   settles      outcomes are written down during the outage, not after it
 */
async function outage(s, { smsc }, { n, begin, end, says, told = says, command = ['pause', 'away'],
  words = ['redis.away', 'redis.back'], lastsMs = 3000, settles = false }) {
  const from = s.log().length;
  const since = () => s.log().slice(from);
  await begin();
  const at = smsc.submits.length;
  await until(`the log to say ${words[0]}`, () => times(since(), words[0]) > 0, 60000);
  assert.match(since().split('\n').find((line) => line.includes(` ${words[0]} `)), says);

  const before = usage(s);
  const [result] = await Promise.all([told && s.outreach(...command), pause(lastsMs)]);
  if (told) {
    assert.equal(result.code, 69, `outreach ${command.join(' ')} while Redis is away: ${result.all}`);
    assert.match(result.err, told);
    assert.equal(result.err.trim().split('\n').length, 1, result.err);
  }
  const after = usage(s);
  assert.ok(smsc.submits.length <= at + WINDOW, `${smsc.submits.length - at} submits since, the window is ${WINDOW}`);
  assert.ok(smsc.submits.length < n, 'it happened in the middle');
  assert.equal(s.daemon.how, undefined, 'the daemon lives');
  idle(before, after);
  assert.ok(smsc.submits.every((one) => one.answered), 'every submit was answered meanwhile');
  if (settles) assert.equal((await s.counts('away', 'first')).sending ?? 0, 0, 'outcomes are written down all the same');

  await end();
  await until(`the log to say ${words[1]}`, () => times(since(), words[1]) > 0, 60000);
  assert.deepEqual(await s.settled('away', 'first', 240000), { delivered: n });
  nobodyTwice(smsc);
  assert.deepEqual(words.map((word) => times(since(), word)), [1, 1], `once each: ${words}\n${since()}`);
  await s.ok('verify', 'away');
}

module.exports = { WINDOW, PATIENT, usage, idle, times, receivers, nobodyTwice, underWay, outage };
