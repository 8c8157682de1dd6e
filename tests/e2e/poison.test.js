'use strict';
// What makes trouble again and again: it is named, it comes to its end, and the others go on.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, campaign, people, BUILD } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];
const broken = { broken: [{ status: 402 }] };

/** The plugin that breaks its word as its setting says, of the host's own tests. */
function evil(s, settings) {
  const so = path.join(BUILD, 'tests/plugins/evil.so');
  assert.ok(fs.existsSync(so), `${so}: make tests`);
  s.settings.gateways.push({ name: 'evil', plugin: so, channel: 'sms', window: 20, capacity: 20, ...settings });
}

journey('a notice that breaks its gateway each time is failed with the reason after its attempts', async (s) => {
  const list = people(4);
  const cloud = await s.cloud(({ query }) => (query.to === list[3].sms ? { status: 402, body: 'template refused' } : {}), broken);
  s.settings.dispatch = { attempts: 1 };
  await s.start();
  await s.xadd(campaign('well', list.slice(0, 3)));
  await s.counted('well', 'first', { accepted: 3 });
  await s.xadd(campaign('poison', [list[3]]));
  assert.deepEqual(await s.settled('poison', 'first'), { failed: 1 });
  assert.notEqual((await s.ledger('poison', 'first'))[0].reason, 0);
  assert.equal(cloud.requests.length, 4);
});

journey('a gateway that is broken for everybody costs at most one notice an attempt, and nobody is failed', async (s) => {
  let well = true;
  const cloud = await s.cloud(() => (well ? {} : { status: 402, body: 'no balance' }), { ...broken, window: 10 });
  s.settings.dispatch = { attempts: 5 };
  await s.start();
  await s.xadd(campaign('before', people(3)));
  await s.counted('before', 'first', { accepted: 3 });
  well = false;
  await s.xadd(campaign('during', people(40)));
  await until('the circuit to open', () => /circuit.open gateway=cloud outcome=broken reason="HTTP 402 no balance/.test(s.log()));
  await until('all to wait', async () => {
    const records = await s.ledger('during', 'first');
    return cloud.requests.length > 3 && records.every((r) => ['untouched', 'parked'].includes(r.state));
  });
  assert.ok((await s.ledger('during', 'first')).filter((r) => r.attempts > 0).length <= 1);
});

journey('a number that the operator cannot bear fails after its attempts; the others arrive, and the circuit stays closed', async (s) => {
  const list = people(30);
  const smsc = await s.smsc(({ to }) => (to === list[7].sms ? { status: 0x08 } : {}));
  s.settings.dispatch = { attempts: 3, backoff: '1s', backoff_max: '1s' };
  await s.start();
  await s.xadd(campaign('one', list));
  assert.deepEqual(await s.settled('one', 'first', 40000), { delivered: 29, failed: 1 });
  assert.equal((await s.ledger('one', 'first'))[7].state, 'failed');
  assert.notEqual((await s.ledger('one', 'first'))[7].reason, 0);
  assert.equal(smsc.submits.filter((one) => one.to === list[7].sms).length, 3);
  assert.doesNotMatch(s.log(), /circuit.open/);
});

journey('a PDU that costs the connection each time ends after its attempts, in doubt; the others arrive', async (s) => {
  const list = people(12);
  // Its neighbours are under way with it, and lose their answers too; but not at each attempt.
  const smsc = await s.smsc(({ to, n }) => (to === list[3].sms ? { drop: 'before' } : { delayMs: n <= 4 ? 50 : 15 }), { window: 4 });
  s.settings.dispatch = { attempts: 6, doubt_wait: '2s', backoff: '1s', backoff_max: '1s' };
  await s.start();
  await s.xadd(campaign('cut', list));
  await until('its last attempt', async () => {
    const one = (await s.ledger('cut', 'first'))[3];
    return one?.state === 'uncertain' && one.attempts === 6;
  }, 60000);
  await s.counted('cut', 'first', { delivered: 11, uncertain: 1 });
  await pause(3500); // longer than its doubt
  await s.counted('cut', 'first', { delivered: 11, uncertain: 1 });
  assert.equal(smsc.submits.filter((one) => one.to === list[3].sms).length, 6);
});

journey('a plugin that never answers is named and opened anew; what it had is uncertain', async (s) => {
  evil(s, { way: 'never', answer_wait: '1s' });
  await s.start();
  await s.xadd(campaign('never', people(12), { reminders: HOLD }));
  await s.counted('never', 'first', { uncertain: 12 });
  assert.match(s.log(), /gateway.silent gateway=evil plugin=evil messages=12/);
  assert.match(s.log(), /gateway.reopened gateway=evil/);
  assert.match(s.log(), /circuit.open gateway=evil outcome=unknown reason="the plugin has not answered"/);
});

for (const way of ['twice', 'forged'])
  journey(`a plugin that answers ${way} is named, and every notice is settled once`, async (s) => {
    evil(s, { way });
    await s.start();
    await s.xadd(campaign(way, people(30), { texts: { zh: 'a' }, signature: '', class: 'personal' }));
    await until('all', async () => Object.values(await s.counts(way, 'first')).reduce((a, b) => a + b, 0) === 30
      && !(await s.ledger(way, 'first')).some((r) => ['untouched', 'parked', 'sending'].includes(r.state)));
    assert.match(s.log(), /gateway.token gateway=evil kind=(repeated|forged)/);
    assert.equal((await s.outreach('verify', way)).code, 0);
    const outcomes = s.deliveryLog().filter((e) => e.n > 0 && e.event !== 'intent');
    assert.equal(outcomes.length, 30);
  });

journey('a plugin that answers nonsense opens its circuit with words, and the next gateway carries on', async (s) => {
  evil(s, { way: 'nonsense', priority: 1 });
  const cloud = await s.cloud(undefined, { priority: 2 });
  await s.start();
  await s.xadd(campaign('nonsense', people(30), { reminders: HOLD }));
  await until('all', async () => {
    const counts = await s.counts('nonsense', 'first');
    return (counts.accepted ?? 0) + (counts.uncertain ?? 0) === 30;
  });
  assert.match(s.log(), /circuit.open gateway=evil outcome=unknown reason="the plugin's answer makes no sense"/);
  assert.ok(cloud.requests.length >= 10, `${cloud.requests.length}`);
});

// R34, R38. What finds the notice behind it, of those that kill again and again: limits.test.js.
journey('a plugin that crashes, exits or loops is named in the last line; it costs its window in doubt, the next life goes on, and SIGPIPE costs nothing', async (s) => {
  const WINDOW = 4;
  evil(s, { way: 'deadly', signature: 'none', window: WINDOW, capacity: WINDOW });
  s.env.OUTREACH_STALL_MS = '1500';
  s.env.ASAN_OPTIONS += ':handle_segv=0'; // as in a build without it
  await s.redisServer();
  const ways = {
    SEGV: { ends: { code: null, signal: 'SIGSEGV' }, says: /error daemon\.crashed signal=SEGV plugin=evil reason="[^"]*"\n$/ },
    EXIT: { ends: { code: null, signal: 'SIGABRT' }, says: /error daemon\.exited status=0 plugin=evil reason="[^"]*"\n$/ },
    LOOP: { ends: { code: null, signal: 'SIGABRT' }, says: /error daemon\.crashed signal=ABRT plugin=evil reason="[^"]*"\n$/ },
  };
  for (const [k, [way, { ends, says }]] of Object.entries(ways).entries()) {
    const who = people(12, (i) => ({ sms: `+8613851${40 + k}${String(1000 + i)}`, name: i === 6 ? way : `居民${i}` }));
    await s.start();
    await s.xadd(campaign(way.toLowerCase(), who, { reminders: HOLD }));
    if (way === 'LOOP') {
      await until('it to be named', () => /error loop\.blocked plugin=evil /.test(s.log()), 60000);
      process.kill(s.daemon.pid, 'SIGABRT'); // as systemd does when WatchdogSec is over
    }
    await until(`the end by ${way}`, () => s.daemon.how, 60000);
    assert.deepEqual(s.daemon.how, ends, way);
    assert.match(s.log(), says);
    await s.start();
    let counts = {};
    await until(`the rest after ${way}`, async () => {
      counts = await s.counts(way.toLowerCase(), 'first');
      return (counts.accepted ?? 0) + (counts.uncertain ?? 0) === 12;
    }, 60000);
    assert.ok(counts.uncertain >= 1 && counts.uncertain <= WINDOW, JSON.stringify(counts));
    assert.equal((await s.ledger(way.toLowerCase(), 'first'))[6].state, 'uncertain');
    await s.ok('verify', way.toLowerCase());
    if (way === 'LOOP') {
      await s.xadd(campaign('pipe', people(3, (i) => ({ name: i === 1 ? 'PIPE' : '居民' })), { reminders: HOLD }));
      await s.counted('pipe', 'first', { accepted: 3 }, 60000);
    }
    assert.equal((await s.stop()).code, 0);
  }
  assert.equal(s.log().match(/loop\.blocked/g).length, 1);
}, { timeout: 300000 });

journey('a plugin that leaks until memory has run out costs its window in doubt; the next life goes on', async (s) => {
  const WINDOW = 4, N = 24;
  evil(s, { way: 'deadly', signature: 'none', window: WINDOW, capacity: WINDOW, rate: '8/s' });
  // Beyond that malloc() gives nothing any more, to the plugin and to us; read a tenth of a second late.
  s.env.ASAN_OPTIONS += ':soft_rss_limit_mb=640:allocator_may_return_null=1:quarantine_size_mb=1';
  await s.redisServer();
  await s.start();
  await s.xadd(campaign('leak', people(N, () => ({ name: 'LEAK' })), { reminders: HOLD }));
  let counts = {}, ends = 0;
  const over = async () => {
    counts = await s.counts('leak', 'first');
    return (counts.accepted ?? 0) + (counts.uncertain ?? 0) === N;
  };
  while (!(await over())) {
    await until('the end of all, or of the daemon', async () => s.daemon.how || (await over()), 90000);
    if (!s.daemon.how) break;
    assert.deepEqual(s.daemon.how, { code: 71, signal: null }, s.log().slice(-2000));
    ends++;
    assert.ok(ends < 10, 'each life gets some of them through');
    await s.start();
  }
  assert.ok(ends >= 1, 'memory ran out');
  assert.equal(s.log().match(/^out of memory: \d+ bytes$/gm).length, ends);
  assert.ok((counts.uncertain ?? 0) <= WINDOW * ends, JSON.stringify(counts));
  await s.ok('verify', 'leak');
}, { timeout: 300000 });

// ------------------------------------------------------ what a stranger writes into Redis

/** A campaign whose rows any client of Redis has put there, as bytes. */
async function foreign(s, id, rows) {
  const client = await s.redis();
  const c = campaign(id, undefined, { audience: undefined });
  for (let i = 0; i < rows.length; i++)
    await client.callRaw('XADD', `outreach:{${id}}:audience`, `${i + 1}-0`, 'r', rows[i]);
  await client.call('HSET', `outreach:{${id}}`, 'state', 'loading', 'token', 'mine', 'last', String(rows.length));
  await client.call('XADD', 'outreach:events', '*', 'op', 'queue', 'by', 'stranger', 'body', JSON.stringify(c),
    'rows', String(rows.length), 'token', 'mine');
}

journey('rows of a stranger are excluded or failed with the reason, one by one; the people among them are told', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const [one, two] = people(2);
  const noise = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const rows = [
    `${one.sms}\x1f甲`,
    noise, //                                             every byte there is
    `+8613851\x00401\x1f乙`, //                           a NUL within the number
    'DROP TABLE\x1f丙', //                                no number
    Buffer.concat([Buffer.from('+8613851402000\x1f'), Buffer.from([0xff, 0xfe, 0xc3])]), // no UTF-8
    '', //                                                nothing
    `+8613851402001${'\x1fx'.repeat(40)}`, //             too many values
    'x'.repeat(100000), //                                long
    `+8613851402002\x1f行\r\n二`, //                      a line break
    '+8613851402003\x1f', //                              no name, which the text asks for
    `${two.sms}\x1f丁`,
  ];
  await foreign(s, 'foreign', rows);
  const counts = await s.settled('foreign', 'first');
  assert.equal(counts.delivered, 2);
  assert.equal((counts.excluded ?? 0) + (counts.failed ?? 0), 9);
  assert.deepEqual(smsc.submits.map((one_) => one_.to).sort(), [one.sms, two.sms].sort());
  assert.match(s.log(), /row.damaged campaign=foreign n=2 /);
  assert.equal((await s.outreach('verify', 'foreign')).code, 0);
  assert.ok((await s.ledger('foreign', 'first')).every((r) => r.state === 'delivered' || r.reason !== 0));
  await s.xadd(campaign('after', people(3)));
  assert.deepEqual(await s.settled('after', 'first'), { delivered: 3 });
});

journey('foreign members of a retry set are dropped and named, and nobody loses an outcome by them', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: { afterMs: 1500 } }));
  await s.start();
  const client = await s.redis();
  await s.xadd(campaign('retry', people(3), { reminders: [{ name: 'first', at: 'now' }] }));
  await until('its ledger', async () => (await s.ledger('retry', 'first')).length === 3);
  for (const member of ['0', '-1', '99', '33554432', '1e1', 'nonsense', '\x00\x01', '4294967297'])
    await client.call('ZADD', 'outreach:{retry}:first:retry', '1', member);
  assert.deepEqual(await s.settled('retry', 'first'), { delivered: 3 });
  await until('them to be dropped', async () => (await client.call('ZCARD', 'outreach:{retry}:first:retry')) === 0);
  assert.match(s.log(), /retry.damaged campaign=retry reminder=first member=.?nonsense/);
  assert.match(s.log(), /retry.damaged campaign=retry reminder=first n=99/);
  assert.equal((await s.outreach('verify', 'retry')).code, 0);
  assert.equal(smsc.submits.length, 3);
});

// A ledger without its header is not among them: what has lost that may have lost more, and all
// stands still (forgot.test.js).
const damages = {
  'an audience of another type': ['SET', 'audience', 'x'],
  'a document that is none': ['HSET', '', 'document', '{"id":'],
  'a ledger of another type': ['LPUSH', 'first:ledger', 'x'],
  'a lease that is none': ['HSET', 'first:leases', ':1', 'nonsense'],
  'a counter that is no number': ['HSET', 'first', 'cursor', 'nonsense'],
};
journey('damage of any kind halts its reminder with words, once a minute, and the others go on', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const client = await s.redis();
  const ids = Object.keys(damages).map((_, i) => `hurt-${i}`);
  const list = (i) => people(3, (k) => ({ sms: `+86138514${50 + i}00${k}` }));
  for (const [i, id] of ids.entries()) await s.xadd(campaign(id, list(i)));
  for (const id of ids) {
    await s.settled(id, 'first');
    await until('its end', async () => (await client.call('HGET', `outreach:{${id}}:first`, 'state')) === 'done');
  }
  for (const [i, [command, key, ...args]] of Object.values(damages).entries()) {
    const reminder = `outreach:{${ids[i]}}:first`;
    const full = key === '' ? `outreach:{${ids[i]}}` : `outreach:{${ids[i]}}:${key}`;
    // As if all were still to be done, but for what is damaged.
    await client.call('SETRANGE', `${reminder}:ledger`, '16', '\0'.repeat(48));
    await client.call('HSET', reminder, 'c0', '3', 'c5', '0', 'cursor', '0', 'orphans', '1');
    if (['SET', 'LPUSH'].includes(command)) await client.call('DEL', full);
    await client.call(command, full, ...args);
    await client.call('HSET', reminder, 'state', 'open');
    await client.call('ZADD', 'outreach:schedule', '1', `${ids[i]}/first`);
  }
  const halts = (id) => (s.log().match(new RegExp(`reminder.halted campaign=${id} reminder=first reason=`, 'g')) ?? []).length;
  for (const [i, what] of Object.keys(damages).entries()) await until(`a halt over ${what}`, () => halts(ids[i]) > 0);
  await s.xadd(campaign('well', people(5)));
  assert.deepEqual(await s.settled('well', 'first'), { delivered: 5 });
  await pause(1500);
  for (const [i, what] of Object.keys(damages).entries()) {
    assert.equal(halts(ids[i]), 1, what);
    assert.ok(s.log().match(new RegExp(`campaign=${ids[i]} `, 'g')).length < 30, `${what}: it is not said again and again`);
  }
  assert.equal(smsc.submits.length, 3 * ids.length + 5, 'and nothing of them is sent');
});
