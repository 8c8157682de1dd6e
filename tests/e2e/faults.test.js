'use strict';
// A process dies in each of the windows between what Redis has and what a peer has, and
// the next one puts it right: nobody is lost, under hold nobody is told twice, and what is
// in doubt is at most a window. The copies are counted at the SMSC.
//
// daemon/base/fault.h has the points; only a test build has them.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const test = require('node:test');
const { journey, campaign, people, inDays, ROOT, BUILD } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const PEOPLE = 40;
const WINDOW = 5;
const ids = (smsc) => smsc.submits.map((one) => one.to);
const twice = (list) => list.filter((to, i) => list.indexOf(to) !== i);

// Where the process dies: what the window is, the passing, how many may be in doubt, and how many
// must be, since nobody can know of them.
const WINDOWS = [
  ['W1-event', 'an event is read and its campaign not written', 1, 0],
  ['W2-event', 'a campaign is written and the event still the next', 1, 0],
  ['W3', 'notices are claimed, and nothing is intended', 1, 0],
  ['W3', 'notices are claimed, while earlier ones are under way', 4, WINDOW],
  ['W4', 'intents stand, and nothing has left', 1, WINDOW, 1],
  ['W4', 'intents stand, and nothing has left, later', 4, WINDOW, 1],
  ['W5', 'messages are under way, and no answer has come', 1, WINDOW, 1],
  ['W6', 'answers are read, and their outcomes not written', 2, WINDOW],
  ['W7', 'outcomes are written, and nobody here knows it', 2, WINDOW],
  ['W8', 'a receipt came before its id and is stored, and not acknowledged', 1, WINDOW],
  ['W8-join', 'the id has come to the receipt that waited, and nothing is made of it', 1, WINDOW],
  ['W9', 'a receipt is stored, and not acknowledged', 3, WINDOW],
];

/** Some receipts come before the answer, for W8 all: acknowledged, they will not come again. */
const behave = ({ n }) => ({ delayMs: 150, receipt: n % 4 === 0 ? { when: 'before' } : {} });
const early = () => ({ delayMs: 150, receipt: { when: 'before' } });
const late = () => ({ delayMs: 150, receipt: { afterMs: 300 } });

async function dies(s, doubt, point, passing) {
  const smsc = await s.smsc(point.startsWith('W8') ? early : point === 'W6' ? late : behave, { rate: '200/s', window: WINDOW });
  s.settings.dispatch = { doubt_wait: '1s' };
  await s.start({ env: { OUTREACH_FAULT: `${point}:${passing}` } });
  await s.xadd(campaign('fault', people(PEOPLE), { reminders: [{ name: 'first', at: 'now', doubt }] }));
  await until(`the daemon to die at ${point}`, () => s.daemon.how, 60000);
  assert.equal(s.daemon.how.signal, 'SIGKILL');
  await s.start();
  return smsc;
}

/** All of them delivered or, where that is allowed, uncertain; and the books are right. */
async function settled(s, uncertain, ms = 90000) {
  let counts = {};
  try {
    await until('everybody to be told or in doubt', async () => {
      counts = await s.counts('fault', 'first');
      return (counts.delivered ?? 0) + (uncertain > 0 ? counts.uncertain ?? 0 : 0) === PEOPLE;
    }, ms);
  } catch {
    assert.fail(`after the death: ${JSON.stringify(counts)}`);
  }
  await s.ok('verify', 'fault');
  return counts;
}

for (const [point, what, passing, most, least = 0] of WINDOWS) {
  journey(`${point}, hold: ${what}`, async (s) => {
    const smsc = await dies(s, 'hold', point, passing);
    const counts = await settled(s, most);
    assert.deepEqual(twice(ids(smsc)), []);
    const doubted = counts.uncertain ?? 0;
    assert.ok(doubted <= most && doubted >= least, `${doubted} in doubt, ${least} to ${most} may be`);
    if (point === 'W6') assert.match(s.log(), /recovery\.done .* known=[1-9]/, 'the delivery log has what was learnt');
    assert.ok(new Set(ids(smsc)).size >= counts.delivered);
  });

  if (most > 0) journey(`${point}, resend: ${what}`, async (s) => {
    const smsc = await dies(s, 'resend', point, passing);
    await settled(s, 0);
    assert.equal(new Set(ids(smsc)).size, PEOPLE);
    assert.ok(twice(ids(smsc)).length <= most, `${twice(ids(smsc)).length} copies too many, ${most} may be`);
  });
}

for (const [point, what] of [['W1', 'before its event is written'], ['W2', 'before it hears that its event is written']])
  journey(`${point}: outreach queue dies ${what}, and is given again: queued once, sent once`, async (s) => {
    const smsc = await s.smsc();
    await s.start();
    s.copy('jobseekers.csv');
    s.copy('job-fair.conf', (text) => text.replaceAll('2027-03-06', inDays(7)).replace('"-7d 09:30"', '"now"'));
    const command = ['-c', s.conf, 'queue', s.path('job-fair.conf')];
    const died = await s.run(command, { env: { OUTREACH_FAULT: `${point}:1` } });
    assert.equal(died.code, 'SIGKILL', died.all);
    const again = await s.run(command);
    assert.equal(again.code, 0, again.all);
    assert.deepEqual(await s.settled('job-fair-2027-spring', 'announce'), { delivered: 7 });
    assert.equal(smsc.messages.length, 7);
    assert.deepEqual(await s.rejected(), []);
    await s.ok('verify', 'job-fair-2027-spring');
  });

journey('W10: what Redis has forgotten is not sent again: it stands still', async (s) => {
  const smsc = await s.smsc(behave, { rate: '40/s', window: WINDOW });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('fault', people(PEOPLE)));
  const dump = s.path('older');
  await until('the first submits', () => smsc.submits.length >= 5);
  const files = s.path('redis/appendonlydir');
  fs.cpSync(files, dump, { recursive: true });
  await until('more submits', () => smsc.submits.length >= 15);
  await server.kill();
  const at = smsc.submits.length;
  fs.rmSync(files, { recursive: true });
  fs.cpSync(dump, files, { recursive: true });
  await server.start();
  await until('it to stand still', () => /Redis went back/.test(s.log()), 30000);
  await pause(2000);
  assert.deepEqual(twice(ids(smsc)), []);
  assert.ok(smsc.submits.length <= at + WINDOW, `${smsc.submits.length - at} were sent after it went back`);
});

journey('a disk that takes no line of the delivery log stops the sending; nothing leaves without its line', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '100/s', window: WINDOW });
  const number = new Map(people(PEOPLE).map((one, i) => [one.sms, i + 1]));
  await s.start({ env: { OUTREACH_FAULT: 'log-write:6*100' } });
  await s.xadd(campaign('fault', people(PEOPLE)));
  await until('the disk to be full', () => /delivery_log.full/.test(s.log()));
  for (;;) {
    const left = ids(smsc);
    const said = new Set(s.deliveryLog().filter((line) => line.event === 'intent').map((line) => line.n));
    if (/delivery_log.writable/.test(s.log())) break;
    assert.deepEqual(left.filter((to) => !said.has(number.get(to))), [], 'these have left without their line');
    await pause(10);
  }
  await settled(s, 0);
  assert.deepEqual(twice(ids(smsc)), []);
  assert.equal(s.log().match(/delivery_log.full/g).length, 1);
});

journey('a disk on which a write hangs for longer than a permit lasts: what it was for asks anew before it leaves', async (s) => {
  // A plugin that lets everything go: those of ours look at the permit once more.
  s.settings.gateways.push({
    name: 'evil', plugin: path.join(BUILD, 'tests/plugins/evil.so'), channel: 'sms', way: 'deadly', signature: 'none', window: PEOPLE, capacity: PEOPLE,
  });
  await s.start({ env: { OUTREACH_FAULT: 'log-slow:1' } });
  await s.xadd(campaign('fault', people(PEOPLE)));
  await s.counted('fault', 'first', { accepted: PEOPLE }, 60000);
  const lines = s.deliveryLog().filter((line) => line.n > 0);
  const hung = lines.filter((line) => line.n === lines[0].n).map((line) => line.event);
  assert.deepEqual(hung, ['intent', 'unsent', 'intent', 'accepted']);
  await s.ok('verify', 'fault');
});

journey('a disk that loses what it had taken of the delivery log is told of, and what is under way does not leave; the log is synced beside the sending', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '15/s', window: WINDOW });
  await s.start({ env: { OUTREACH_FAULT: 'log-sync:1*2' } });
  await s.xadd(campaign('fault', people(PEOPLE)));
  await until('it to be told twice', () => s.log().match(/delivery_log\.unsynced/g)?.length === 2, 30000);
  await settled(s, 0);
  assert.deepEqual(twice(ids(smsc)), []);
  assert.equal(s.log().match(/delivery_log\.unsynced/g).length, 2, 'and then no more');
  assert.notEqual(s.deliveryLog().filter((line) => line.event === 'unsent').length, 0, 'all went on as if nothing were lost');
});

for (const policy of ['hold', 'resend'])
  journey(`replies of Redis are lost, one in thirty, and every script runs twice: nothing is (${policy})`, async (s) => {
    const smsc = await s.smsc(behave, { rate: '200/s', window: WINDOW });
    await s.redisServer();
    await s.start({ env: { OUTREACH_FAULT: 'redis-reply:40%30' } });
    await s.xadd(campaign('fault', people(PEOPLE), { reminders: [{ name: 'first', at: 'now', doubt: policy }] }));
    // A retry whose claim's answer was lost is looked at again after a minute, and may be lost again.
    const counts = await settled(s, 0, 240000);
    assert.deepEqual(counts, { delivered: PEOPLE });
    assert.deepEqual(twice(ids(smsc)), []);
    assert.ok(s.log().match(/this reply is lost/g).length >= 2);
  }, { timeout: 300000 });

test('a release has none of these points: make does not ask for them, and without that they are no code', () => {
  const asks = (flavor) => spawnSync('make', ['-nB', `FLAVOR=${flavor}`, `build/${flavor}/daemon/base/fault.c.o`], { cwd: ROOT, encoding: 'utf8' }).stdout;
  assert.match(asks('test'), /-DOUTREACH_FAULTS /);
  assert.match(asks('release'), /fault\.c/);
  assert.doesNotMatch(asks('release'), /OUTREACH_FAULTS/);
  const preprocess = (...flags) => spawnSync('cc', ['-E', '-P', ...flags, '-x', 'c', '-'], {
    cwd: ROOT, encoding: 'utf8', input: '#include "daemon/base/fault.h"\nvoid f(void) { FAULT_POINT("W4"); if (FAULT_FAILS("log-write")) return; }\n',
  }).stdout;
  assert.match(preprocess('-I.', '-DOUTREACH_FAULTS'), /fault_pass\("W4"\)/);
  assert.doesNotMatch(preprocess('-I.'), /fault_|"W4"/);
});
