'use strict';
// Several daemons, and limits, as those see them who set them: counted at the peer. What
// is counted arrived for certain within the second (lib/arrival.js): no tolerance is needed.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { journey, campaign, people, BUILD } = require('./lib/stage');
const { most } = require('./lib/arrival');
const { until, pause } = require('./lib/wait');

const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];
const TWO_PARTS = { texts: { zh: '{{name}}春江潮水连海平，海上明月共潮生。滟滟随波千万里，何处春江无月明。江流宛转绕芳甸，月照花林皆似霰。空里流霜不觉飞，汀上白沙看不见。' } };
const EVIL = path.join(BUILD, 'tests/plugins/evil.so');
const twice = (list) => list.filter((to, i) => list.indexOf(to) !== i);

/** Starts a daemon of that name on the stage's one Redis; the SMSC knows it by its system_type. */
async function daemon(s, name) {
  s.settings.name = name;
  s.settings.log = { ...s.settings.log, delivery: s.path(`${name}.jsonl`) };
  for (const g of s.settings.gateways) if (g.plugin === 'smpp') g.system_type = name;
  s.epoch = 0;
  return Object.assign(await s.start(), { name });
}

const sentBy = (smsc, name) => smsc.submits.filter((one) => one.session.systemType === name).length;

journey('of three daemons that come, go, die and come back no second sees more than the rate, in segments', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { rate: '60/s', burst: 20, window: 100, receipt_wait: '60s' });
  const server = await s.redisServer();
  const pid = server.process.pid;
  let [one, two] = [await daemon(s, 'd1'), await daemon(s, 'd2')];
  await smsc.bound(2);
  await s.xadd(campaign('rate', people(600), { ...TWO_PARTS, reminders: HOLD }));
  await until('both to send', () => sentBy(smsc, 'd1') > 20 && sentBy(smsc, 'd2') > 20, 60000);
  await daemon(s, 'd3');
  await until('the third to send', () => sentBy(smsc, 'd3') > 20, 60000);
  let at = smsc.submits.length;
  await s.stop('SIGKILL', one);
  one = await daemon(s, 'd1'); // at once
  await until('it to go on', () => smsc.submits.length > at + 120, 60000);
  await s.stop('SIGTERM', two);
  at = smsc.submits.length;
  two = await daemon(s, 'd2');
  await until('it to go on', () => smsc.submits.length > at + 120, 60000);
  process.kill(pid, 'SIGSTOP'); // Redis hangs, then answers everything at once
  await pause(2500);
  process.kill(pid, 'SIGCONT');
  at = smsc.submits.length;
  await until('it to go on', () => smsc.submits.length > at + 120, 60000);
  process.kill(one.pid, 'SIGSTOP'); // asleep, but not for long enough to be dead
  await pause(7000);
  process.kill(one.pid, 'SIGCONT');
  await until('an end', async () => {
    const { accepted = 0, uncertain = 0 } = await s.counts('rate', 'first');
    return accepted + uncertain === 600;
  }, 90000);
  const found = most(smsc.submits);
  assert.ok(found.most <= 60, `${found.most} segments within a second`);
  assert.ok(found.most >= 30, `${found.most} in the fullest second: this machine is too slow to tell`);
  assert.deepEqual(twice(smsc.messages.map((m) => m.to)), []);
}, { timeout: 240000 });

journey('a daemon that another of its name has replaced gives nothing back that is that one\'s', async (s) => {
  await s.smsc(undefined, { rate: '50/s' });
  await s.redisServer();
  const old = await daemon(s, 'd1');
  const client = await s.redis();
  const share = () => client.call('HGET', 'outreach:{gw:mobile}:shares', 'd1');
  await until('a share', share);
  const next = await s.start();
  process.kill(next.pid, 'SIGSTOP'); // it would ask for its share anew
  try {
    assert.deepEqual(await s.stop('SIGCONT', old), { code: 70, signal: null });
    assert.equal(await share(), '50');
    assert.notEqual(await client.call('HGET', 'outreach:daemon:d1', 'seen'), '0');
  } finally {
    process.kill(next.pid, 'SIGCONT');
  }
});

journey('two daemons share a rate that is too small to be divided', async (s) => {
  const cloud = await s.cloud(undefined, { rate: '2/s' });
  await s.redisServer();
  for (const name of ['d1', 'd2', 'd3']) await daemon(s, name);
  await s.xadd(campaign('small', people(16)));
  await s.counted('small', 'first', { accepted: 16 }, 90000);
  const found = most(cloud.requests);
  assert.ok(found.most <= 2, `${found.most} requests within a second`);
}, { timeout: 180000 });

journey('what Redis held back does not leave all at once when it answers', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { rate: '40/s', window: 200 });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('held', people(300)));
  for (const at of [40, 100, 160]) {
    await until(`${at} submits`, () => smsc.submits.length >= at, 60000);
    process.kill(server.process.pid, 'SIGSTOP');
    await pause(1500);
    process.kill(server.process.pid, 'SIGCONT');
  }
  await s.counted('held', 'first', { accepted: 300 }, 60000);
  const found = most(smsc.submits);
  assert.ok(found.most <= 40, `${found.most} within a second`);
});

journey('the window counts parts: no more submit_sm without an answer than it says', async (s) => {
  let open = 0;
  let widest = 0;
  const smsc = await s.smsc(async () => {
    widest = Math.max(widest, ++open);
    await pause(50);
    open--;
    return { receipt: false };
  }, { window: 7, rate: '500/s' });
  await s.start();
  await s.xadd(campaign('parts', people(60), TWO_PARTS));
  await s.counted('parts', 'first', { accepted: 60 }, 60000);
  assert.equal(smsc.submits.length, 120);
  assert.ok(widest <= 7 && widest >= 4, `${widest} outstanding`);
});

journey('a campaign keeps to its own rate over two daemons, and holds no other up', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { rate: '400/s' });
  await s.redisServer();
  await daemon(s, 'd1');
  await daemon(s, 'd2');
  await smsc.bound(2);
  await s.xadd(campaign('slow', people(60), { rate: '10/s' }));
  await until('the slow one', () => smsc.submits.length > 5, 30000);
  const others = people(300).map((p) => ({ ...p, sms: p.sms.replace('+86138', '+86139') }));
  await s.xadd(campaign('fast', others));
  await s.counted('fast', 'first', { accepted: 300 }, 60000);
  const slow = () => smsc.submits.filter((one) => one.to.startsWith('+86138'));
  assert.ok(slow().length < 60, 'the fast one has overtaken it');
  await s.counted('slow', 'first', { accepted: 60 }, 60000);
  const found = most(slow());
  assert.ok(found.most <= 10, `${found.most} of it within a second`);
});

journey('two gateways that send from one number share its rate', async (s) => {
  const shared = { sender_rate: '20/s', rate: '200/s' };
  const smsc = await s.smsc(() => ({ receipt: false }), shared);
  const first = s.settings.gateways[0];
  s.settings.gateways.push({ ...first, name: 'second' });
  await s.start();
  await smsc.bound(2);
  await s.xadd(campaign('sender', people(100)));
  await s.counted('sender', 'first', { accepted: 100 }, 60000);
  const used = new Set((await s.ledger('sender', 'first')).map((r) => r.gateway));
  assert.equal(used.size, 2, 'both were used');
  const found = most(smsc.submits);
  assert.ok(found.most <= 20, `${found.most} within a second`);
});

journey("an operator's rule for one number holds over all campaigns, by the submits that it took", async (s) => {
  let n = 0;
  const smsc = await s.smsc(() => (n++ === 0 ? { status: 0x58 } : { receipt: false }), { per_number: ['2/20s'] });
  await s.start();
  for (const id of ['one', 'two', 'three']) await s.xadd(campaign(id, people(1)));
  // The first one was refused as too fast: that is none, and two of three go.
  await until('two to be taken', async () => smsc.submits.filter((one) => one.status === 0).length === 2, 30000);
  const began = smsc.submits.find((one) => one.status === 0).at;
  await until('all three', () => smsc.submits.filter((one) => one.status === 0).length === 3, 60000);
  assert.ok(smsc.submits.at(-1).at - began >= 19500, 'the third not before the first is forgotten');
  await until('the wait to be logged', () => /"event":"held"[^}]*"reason":"limit"/.test(JSON.stringify(s.deliveryLog())));
});

journey('presets of operators are known by name, and others are refused', async (s) => {
  await s.smsc(undefined, { per_number: 'huawei-promotion' });
  assert.equal((await s.run(['-t', '-c', s.conf], { program: 'outreachd' })).code, 0);
  s.settings.gateways[0].per_number = 'huawai';
  const wrong = await s.run(['-t', '-c', s.conf], { program: 'outreachd' });
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.all, /outreachd\.conf:\d+.*"huawei-promotion"/);
  s.settings.gateways[0].per_number = '1/30s';
  s.settings.gateways[0].sender_rate = '5/s';
  s.settings.gateways[0].source = '';
  assert.match((await s.run(['-t', '-c', s.conf], { program: 'outreachd' })).all, /sender_rate/);
});

journey('a recipient gets no more than per_recipient over all campaigns', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  s.settings.defaults.per_recipient = ['1/10s', '2/day'];
  await s.start();
  await s.xadd(campaign('a', people(1)));
  await until('one', () => smsc.submits.length === 1);
  await s.xadd(campaign('b', people(1)));
  await until('two', () => smsc.submits.length === 2, 40000);
  assert.ok(smsc.submits[1].at - smsc.submits[0].at >= 9500, 'ten seconds apart');
  await s.xadd(campaign('c', people(1)));
  const now = new Date(Date.now() + 8 * 3600e3); // Shanghai
  await until('the third to be held until tomorrow', () => s.deliveryLog().some((e) => {
    if (e.event !== 'held' || e.campaign !== 'c' || e.reason !== 'cap') return false;
    const next = new Date(Date.parse(e.until) + 8 * 3600e3);
    return next.getUTCHours() === 0 && next.getUTCMinutes() === 0 && next > now;
  }), 30000);
  assert.equal(smsc.submits.length, 2);
  assert.match((await s.ok('report', 'c')).out, /waiting +1 .* had as many notices from us .* per_recipient/);
});

journey('a list that is queued under two ids reaches each person once, and the second is counted as a repetition', async (s) => {
  let refuse = true;
  const smsc = await s.smsc(({ n }) => (n === 0 && refuse ? { status: 0x8 } : { receipt: false })); // the first is tried twice
  delete s.settings.defaults.may_repeat;
  s.settings.dispatch = { backoff: '1s' };
  await s.start();
  await s.xadd(campaign('march', people(40)));
  await s.counted('march', 'first', { accepted: 40 }, 60000);
  refuse = false;
  await s.xadd(campaign('march-2', people(42))); // and two who are new
  await s.counted('march-2', 'first', { accepted: 2, capped: 40 }, 60000);
  const taken = smsc.submits.filter((one) => one.status === 0).map((one) => one.to);
  assert.deepEqual(twice(taken), []);
  assert.equal(taken.length, 42);
  // The next reminder says the same, and is meant; and so is another text from a third campaign.
  await s.xadd(campaign('april', people(1), { texts: { zh: '{{name}}您好，体检改期。' }, reminders: [{ name: 'first', at: 'now' }, { name: 'again', at: 'now' }], missed: 'all' }));
  await s.counted('april', 'again', { accepted: 1 }, 60000);
  await s.counted('april', 'first', { accepted: 1 }, 60000);
  assert.match((await s.ok('why', people(1)[0].sms)).out, /same text went to this address from another campaign within a day/);
  assert.ok(s.deliveryLog().filter((e) => e.event === 'capped' && e.reason === 'repeat' && e.campaign === 'march-2').length === 40);
  await s.ok('verify', 'march-2');
});

journey('what a cancelled campaign never sent is no repetition in the next', async (s) => {
  let down = true;
  const smsc = await s.smsc(() => (down ? { status: 0x58 } : { receipt: false })); // throttled: it is tried again and again
  delete s.settings.defaults.may_repeat;
  await s.start();
  await s.xadd(campaign('first-try', people(8)));
  await until('each to have been tried', () => new Set(smsc.submits.map((one) => one.to)).size === 8, 60000);
  await s.ok('cancel', '-y', 'first-try');
  await s.counted('first-try', 'first', { cancelled: 8 }, 60000);
  down = false;
  await s.xadd(campaign('next-try', people(8)));
  await s.counted('next-try', 'first', { accepted: 8 }, 90000);
});

journey('a class may repeat itself where the configuration says so', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  s.settings.defaults.may_repeat = ['personal'];
  await s.start();
  for (const id of ['one', 'two']) await s.xadd(campaign(id, people(3)));
  for (const id of ['one', 'two']) await s.counted(id, 'first', { accepted: 3 }, 60000);
  for (const id of ['three', 'four']) {
    await s.xadd(campaign(id, people(3), { class: 'notice' })); // the text of the first two: they left no mark
    await s.counted(id, 'first', id === 'three' ? { accepted: 3 } : { capped: 3 }, 60000);
  }
  assert.equal(smsc.submits.length, 9);
});

journey('429 with Retry-After lowers the rate, is waited for and spends no attempt', async (s) => {
  const refused = new Map();
  const cloud = await s.cloud(({ n, query }) => {
    if (n % 4 !== 0 || refused.has(query.to)) return {};
    refused.set(query.to, Date.now());
    return { status: 429, headers: { 'Retry-After': '2' } };
  }, { retry: [{ status: 503 }], throttled: [{ status: 429 }] });
  s.settings.dispatch = { attempts: 2 };
  await s.start();
  await s.xadd(campaign('later', people(24)));
  await s.counted('later', 'first', { accepted: 24 }, 60000);
  assert.ok(refused.size >= 3);
  assert.ok((await s.ledger('later', 'first')).every((r) => r.attempts === 1));
  for (const [to, at] of refused) {
    const again = cloud.requests.filter((r) => r.query.to === to).at(-1);
    assert.ok(again.at - at >= 2000, `asked again after ${again.at - at} ms`);
  }
});

journey('against 429 the rate falls to what is taken: less than one request a notice is refused', async (s) => {
  const taken = []; // an operator that takes 40 in any second, and says no more than that
  const cloud = await s.cloud(() => {
    const now = performance.now();
    while (taken.length > 0 && now - taken[0] > 1000) taken.shift();
    if (taken.length >= 40) return { status: 429, headers: { 'Retry-After': '1' } };
    taken.push(now);
    return {};
  }, { retry: [{ status: 503 }], throttled: [{ status: 429 }], rate: undefined });
  await s.start();
  await s.xadd(campaign('fall', people(400)));
  await s.counted('fall', 'first', { accepted: 400 }, 60000);
  const refused = cloud.requests.length - 400;
  assert.ok(refused > 0, 'it was too fast at first');
  assert.ok(refused < 400, `${refused} of ${cloud.requests.length} requests were refused`);
});

journey('a number that the operator refused for good has cost no place of its rule', async (s) => {
  let n = 0;
  const smsc = await s.smsc(() => (n++ === 0 ? { status: 0x0b } : { receipt: false }), { per_number: ['1/h'] });
  await s.start();
  await s.xadd(campaign('refused', people(1)));
  await s.counted('refused', 'first', { failed: 1 }, 30000);
  await s.xadd(campaign('taken', people(1)));
  await s.counted('taken', 'first', { accepted: 1 }, 30000);
  await s.xadd(campaign('held', people(1)));
  await until('the third to be held', () => s.deliveryLog().some((e) => e.campaign === 'held' && e.event === 'held' && e.reason === 'limit'), 30000);
  assert.equal(smsc.submits.length, 2);
});

journey('of what a strict operator takes nine tenths are reached, with no rate configured', async (s) => {
  // The bench's SMSC: no sliding second takes more than --tps; what is beyond is throttled.
  const tps = 2000;
  const smsc = spawn(path.join(BUILD, 'bench/smsc'), ['--tps', String(tps), '--latency', '5'], { stdio: ['ignore', 'pipe', 'inherit'] });
  s.closers.push(() => smsc.kill('SIGKILL'));
  let out = '';
  smsc.stdout.on('data', (chunk) => (out += chunk));
  const port = Number(await until('its port', () => out.match(/^port (\d+)/)?.[1]));
  const count = async () => {
    const lines = out.split('\n').length;
    smsc.kill('SIGUSR1');
    await until('its counters', () => out.split('\n').length > lines);
    return { ...JSON.parse(out.trim().split('\n').at(-1)), at: performance.now() };
  };
  s.settings.gateways.push({
    name: 'mobile', plugin: 'smpp', channel: 'sms', host: '127.0.0.1', port, system_id: 'women',
    password: '@env:SMPP_PASSWORD', source: '1069000038', window: 500, signature: 'none',
  });
  await s.start();
  for (const [k, id] of ['strict', 'more', 'most'].entries())
    await s.xadd(campaign(id, people(12000).map((p, i) => ({ ...p, sms: `+86138${51400000 + k * 100000 + i}` }))));
  await until('it to be found out', async () => (await count()).accepted > 3 * tps, 60000);
  // The steady state: one of a few spells, for a machine that had something else to do.
  const spells = [];
  let from = await count();
  while (spells.length < 3 && !spells.some((spell) => spell.used >= 0.9)) {
    await pause(4000);
    const to = await count();
    spells.push({
      used: (to.accepted - from.accepted) / ((to.at - from.at) / 1000) / tps,
      refused: (to.throttled - from.throttled) / (to.submits - from.submits),
    });
    from = to;
  }
  assert.ok(spells.some(({ used }) => used >= 0.9), `reached of ${tps}/s: ${JSON.stringify(spells)}`);
  assert.ok(spells.at(-1).refused < 0.1, JSON.stringify(spells));
  assert.ok((await s.ledger('strict', 'first')).every((r) => r.attempts <= 1), 'no attempt was spent');
});

journey('a daemon that was asleep sends nothing stale, and what it had learnt counts', async (s) => {
  // Slow answers: when it falls asleep a window is on its way, and the answers come while
  // it sleeps. More has been asked of a Redis that hangs, which grants it then.
  const smsc = await s.smsc(() => ({ receipt: false, delayMs: 700 }), { rate: '30/s', window: 40, response_timeout: '300s' });
  const server = await s.redisServer();
  const one = await daemon(s, 'd1');
  await s.xadd(campaign('sleep', people(400), { reminders: HOLD }));
  await until('it to be under way', () => smsc.submits.length > 60, 30000);
  const two = await daemon(s, 'd2');
  await until('the other one too', () => sentBy(smsc, 'd2') > 20, 60000);
  const from = sentBy(smsc, 'd1');
  await until('more of the first', () => sentBy(smsc, 'd1') > from + 5, 30000);
  process.kill(server.process.pid, 'SIGSTOP');
  await pause(600);
  process.kill(one.pid, 'SIGSTOP');
  process.kill(server.process.pid, 'SIGCONT');
  await until('it to be dead to the other', () => /daemon\.dead name=d1/.test(s.log()), 90000);
  await until('what it was sending to be in doubt', async () => (await s.counts('sleep', 'first')).uncertain > 0, 20000);
  const doubted = (await s.ledger('sleep', 'first')).map((r, i) => ({ ...r, n: i + 1, to: people(400)[i].sms })).filter((r) => r.state === 'uncertain');
  const reached = new Set(smsc.submits.map((m) => m.to));
  const unsent = doubted.filter((r) => !reached.has(r.to));
  assert.ok(unsent.length > 0, 'some were granted while it slept');
  const asleep = sentBy(smsc, 'd1');
  process.kill(one.pid, 'SIGCONT');
  await until('an end', async () => {
    const { accepted = 0, uncertain = 0 } = await s.counts('sleep', 'first');
    return accepted + uncertain === 400;
  }, 90000);
  assert.equal((await s.counts('sleep', 'first')).uncertain ?? 0, 0, 'what it had heard, or had not sent, is known');
  assert.deepEqual(twice(smsc.submits.map((m) => m.to)), []);
  assert.ok(doubted.length > unsent.length, 'it had sent some of them');
  s.settings.log.delivery = s.path('d1.jsonl');
  const went = new Set(s.deliveryLog().filter((e) => e.event === 'unsent').map((e) => e.n));
  assert.deepEqual(unsent.filter((r) => !went.has(r.n)).map((r) => r.n), [], 'each went back before it was sent anew');
  const found = most(smsc.submits);
  assert.ok(found.most <= 30, `${found.most} within a second`);
  assert.ok(two.how === undefined && one.how === undefined, 'both live');
  assert.ok(asleep > 0);
}, { timeout: 300000 });

journey('an outage of Redis is nobody\'s death; a daemon that is dead is found though its key is lost', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false, delayMs: 400 }), { rate: '20/s', window: 10 });
  const server = await s.redisServer();
  s.settings.dispatch = { doubt_wait: '1s' };
  await daemon(s, 'd1');
  const two = await daemon(s, 'd2');
  await s.xadd(campaign('silent', people(400)));
  await until('both to send', () => sentBy(smsc, 'd1') > 0 && sentBy(smsc, 'd2') > 0, 60000);
  process.kill(two.pid, 'SIGSTOP');
  await pause(18000); // three or four of six polls
  assert.doesNotMatch(s.log(), /daemon\.dead/);
  await server.kill();
  await server.start();
  const back = async () => (s.log().match(/^(\S+) info redis\.back/m) ?? [])[1];
  await until('the first one to be back', back, 30000);
  await (await s.redis()).call('DEL', 'outreach:daemon:d2');
  await until('it to be dead', () => /daemon\.dead name=d2/.test(s.log()), 120000);
  const dead = s.log().match(/^(\S+) \w+ daemon\.dead name=d2/m)[1];
  const counted = Date.parse(dead) - Date.parse(await back());
  assert.ok(counted >= 25000, `after ${counted} ms: what it was silent before the outage counted too`);
  await s.stop('SIGKILL', two);
  // What it had claimed and what it was sending is the other one's now.
  await s.counted('silent', 'first', { accepted: 400 }, 120000);
  await s.ok('verify', 'silent');
}, { timeout: 400000 });

journey('who has slept has not watched: what it had counted of another\'s silence before does not count', async (s) => {
  await s.smsc();
  await s.redisServer();
  const one = await daemon(s, 'd1');
  const two = await daemon(s, 'd2');
  await until('them to know of each other', () => /d2/.test(fs.readFileSync(s.path('state/daemons'), 'utf8')), 30000);
  process.kill(two.pid, 'SIGSTOP');
  await pause(18000); // three or four of six polls
  process.kill(one.pid, 'SIGSTOP');
  await pause(11000);
  process.kill(one.pid, 'SIGCONT');
  const woke = Date.now();
  const dead = () => s.log().match(/^(\S+) \w+ daemon\.dead name=d2/m)?.[1];
  await until('the other one to be dead', dead, 120000);
  const counted = Date.parse(dead()) - woke;
  assert.ok(counted >= 25000, `after ${counted} ms`);
  process.kill(two.pid, 'SIGCONT');
}, { timeout: 300000 });

journey('a notice that kills daemons is found out after three, and the rest arrives', async (s) => {
  s.settings.gateways.push({ name: 'edge', plugin: EVIL, channel: 'sms', way: 'deadly', signature: 'none', capacity: 8 });
  s.settings.dispatch = { doubt_wait: '1s', attempts: 15 };
  await s.redisServer();
  const who = people(12);
  who[5].name = 'DIE';
  let deaths = 0;
  await s.start();
  await s.xadd(campaign('poison', who));
  await until('all but one', async () => {
    if (s.daemon.how) {
      deaths++;
      await s.start({ wait: false });
    }
    const counts = await s.counts('poison', 'first').catch(() => ({}));
    return counts.accepted === 11 && counts.uncertain === 1 && deaths >= 3;
  }, 90000);
  await pause(3000);
  assert.equal(s.daemon.how, undefined, 'the last one lives');
  assert.equal(deaths, 3);
  const record = (await s.ledger('poison', 'first'))[5];
  assert.deepEqual([record.state, record.reason], ['uncertain', 23], 'left to a person, for poison');
  await s.ok('verify', 'poison');
  assert.match((await s.ok('why', who[5].sms)).out, /ops must look/);
});

journey('a range over which daemons die is worked in slices, then one at a time, and the one that was held by the fourth is failed', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '1/h' });
  await s.redisServer();
  await s.start();
  await s.xadd(campaign('range', people(4)));
  const leases = async () => Object.entries(await (await s.redis()).hash('outreach:{range}:first:leases'));
  for (const held of ['1 4 0 1', '1 4 1 0', '1 4 2 0', '1 1 3 0']) {
    await until(`a lease ${held}`, async () => (await leases()).some(([name, v]) => !name.startsWith(':') && v === held), 30000);
    await s.stop('SIGKILL');
    await s.start();
  }
  await until('the first to be failed', async () => (await s.ledger('range', 'first'))[0].state === 'failed', 30000);
  assert.equal((await s.ledger('range', 'first'))[0].reason, 23);
  await until('the next to be worked on', async () => (await leases()).some(([name, v]) => !name.startsWith(':') && v === '2 2 3 0'), 30000);
  assert.equal(smsc.submits.length, 0);
  await s.ok('verify', 'range');
});

journey('a notice that kills daemons before it is sent is found out after four, of hundreds; all others are told, once', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 100 }), { window: 200 });
  const list = people(300);
  const deadly = { env: { OUTREACH_FAULT: 'prepare@137' }, wait: false };
  s.settings.dispatch = { doubt_wait: '1s' };
  await s.redisServer();
  let deaths = 0;
  await s.start(deadly);
  await s.xadd(campaign('deadly', list));
  await until('the end of all', async () => {
    if (s.daemon.how) {
      assert.equal(s.daemon.how.signal, 'SIGKILL');
      deaths++;
      await s.start(deadly);
    }
    const counts = await s.counts('deadly', 'first').catch(() => ({}));
    return counts.delivered === 299 && counts.failed === 1;
  }, 120000);
  assert.equal(deaths, 4);
  const record = (await s.ledger('deadly', 'first'))[136];
  assert.deepEqual([record.state, record.reason], ['failed', 23]);
  assert.ok(!smsc.submits.some((one) => one.to === list[136].sms));
  await s.ok('verify', 'deadly');
});
