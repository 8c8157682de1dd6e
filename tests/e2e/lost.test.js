'use strict';
// One key is lost in Redis, by somebody's mistake, while its campaign is being sent. Nobody is
// told twice, nobody is left out in silence, no daemon spins: what is an index comes back by
// itself, what the ledger knows is rebuilt by `outreach verify --repair`, and what only that key
// knew stands still with words. (A ledger, and all at once: forgot.test.js.)

const assert = require('node:assert/strict');
const net = require('node:net');
const libconfig = require('./lib/libconfig');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const COUNT = 40;
const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];
const twice = (list) => list.filter((to, i) => list.indexOf(to) !== i);

/** COUNT people whose numbers no other campaign of the stage has. */
const list = (k) => people(COUNT).map((one) => ({ ...one, sms: one.sms.replace('+86138514', `+86138${510 + k}`) }));

/** So slow, and in claims so small, that a key lost under way is missed. */
function slowly(s) {
  s.settings.dispatch = { batch: 4, backoff: '1s', doubt_wait: '1s', ...s.settings.dispatch };
  return (id, k, more = {}) => s.xadd(campaign(id, list(k), { rate: '8/s', reminders: HOLD, ...more }));
}

/** Redis does what a daemon at rest asks of it, and no more. */
async function assertRests(s) {
  const asked = async () => Number((await (await s.redis()).call('INFO', 'stats')).match(/total_commands_processed:(\d+)/)[1]);
  const from = await asked();
  await pause(2000);
  const commands = (await asked()) - from;
  assert.ok(commands < 600, `${commands} commands in two seconds: it spins`);
}

/** A configuration by whose Redis the first command of that name is held until its release. */
async function held(s, word) {
  const path = s.path(`${word}.sock`);
  let release, tell, holds = true;
  const free = new Promise((resolve) => { release = resolve; });
  const told = new Promise((resolve) => { tell = resolve; });
  const server = net.createServer(async (client) => {
    const redis = net.connect(s.socketPath());
    redis.pipe(client);
    for (const end of [redis, client]) end.on('error', () => {});
    for await (const chunk of client) {
      if (holds && chunk.includes(`\r\n${word}\r\n`)) {
        holds = false;
        tell();
        await free;
        server.close();
      }
      redis.write(chunk);
    }
    redis.end();
  });
  await new Promise((resolve) => server.listen(path, resolve));
  return { path: s.write(`${word}.conf`, libconfig.write({ ...s.settings, redis: { url: `unix:${path}` } })), held: told, release };
}

const halts = (s, id) => s.log().match(new RegExp(`reminder\\.halted campaign=${id} reminder=first reason="[^"]*`, 'g')) ?? [];

// What is lost, how the daemon says so.
const only = {
  list: [':audience', /its list is not in Redis any more/],
  document: ['', /its campaign is not in Redis any more/],
  reminder: [':first', /lost|lacks this reminder/],
};
journey('a list, a document or a reminder is lost: it stands still with words, nobody is called erased, and the others go on', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { window: 10 });
  const queue = slowly(s);
  await s.redisServer();
  await s.start();
  const redis = await s.redis();
  const ids = Object.keys(only);
  for (const [k, id] of ids.entries()) await queue(id, k);
  const told = (k) => smsc.submits.filter((one) => one.to.startsWith(`+86138${510 + k}`)).map((one) => one.to);
  await until('all to be under way', () => ids.every((_, k) => told(k).length >= 4), 60000);
  for (const id of ids) await redis.call('DEL', `outreach:{${id}}${only[id][0]}`);
  for (const id of ids) await until(`a word about the ${id}`, () => halts(s, id).some((line) => only[id][1].test(line)), 60000);
  await until('what had left to be answered', async () => !(await s.counts('list', 'first')).sending && !(await s.counts('document', 'first')).sending, 30000);
  await queue('well', 9);
  await s.counted('well', 'first', { accepted: COUNT }, 60000);
  const at = ids.map((_, k) => told(k).length);
  await assertRests(s);
  for (const [k, id] of ids.entries()) {
    assert.ok(at[k] < COUNT, `${id}: ${at[k]} were told: too late to prove anything`);
    assert.equal(told(k).length, at[k], `${id}: nothing more leaves`);
    assert.deepEqual(twice(told(k)), []);
    assert.equal(halts(s, id).filter((line) => only[id][1].test(line)).length, 1, `${id}: it is said once`);
  }
  for (const id of ['list', 'document']) {
    const counts = await s.counts(id, 'first');
    assert.deepEqual(counts, { accepted: at[ids.indexOf(id)], untouched: COUNT - at[ids.indexOf(id)] }, `${id}: nobody is called erased`);
  }
  // A daemon that starts now knows no more, and says it too.
  await s.stop();
  await s.start();
  for (const id of ids) await until(`another word about the ${id}`, () => halts(s, id).length > 1, 60000);
  await pause(1000);
  for (const [k, id] of ids.entries()) assert.equal(told(k).length, at[k], `${id}: nor does it send`);
});

journey('somebody who was erased from a list is excluded, and it is not taken for lost', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  const queue = slowly(s);
  await s.start();
  await queue('erased', 0, { reminders: [{ name: 'first', at: 'now' }], rate: '4/s' });
  await until('it to be under way', () => smsc.submits.length >= 4, 60000);
  for (const n of [COUNT - 9, COUNT - 8, COUNT]) await (await s.redis()).call('XDEL', 'outreach:{erased}:audience', `${n}-0`);
  await s.counted('erased', 'first', { accepted: COUNT - 3, excluded: 3 }, 60000);
  assert.equal(halts(s, 'erased').length, 0);
});

journey('who refused is lost: nothing more leaves, also from a daemon that starts then, and once they are put back all others are told', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { window: 10 });
  const queue = slowly(s);
  await s.redisServer();
  await s.start();
  const redis = await s.redis();
  const doubts = () => s.log().match(/redis\.in_doubt verdict=refusals/g)?.length ?? 0;
  const refused = async () => JSON.parse((await s.ok('optout', 'list', '--json')).out).count;
  const all = people(900);
  const [wrote, ...byHand] = all.filter((_, i) => i % 2).map((one) => one.sms);
  const half = all.length / 2;
  const told = () => smsc.submits.map((one) => one.to);
  await until('a session', () => smsc.bound().then(() => true));
  smsc.reply(wrote, '1069000038', 'R');
  await s.ok('optout', 'add', ...byHand);
  await until('all refusals', async () => (await refused()) === half);

  // So fast that between two looks at the marker some would be told whom only the gate knows.
  await s.xadd(campaign('refusals', all, { rate: '200/s', reminders: HOLD }));
  await until('it to be under way', () => told().length >= 10, 60000);
  await redis.call('DEL', 'outreach:optout');
  await redis.call('SADD', 'outreach:optout', '+8613851499999'); // somebody refuses just then: it is not the set all the same
  await until('a word about it', () => doubts() === 1, 60000);
  await pause(500);
  const at = told().length;
  assert.ok(at < half, `${at} were told: too late to prove anything`);
  assert.match(s.log(), /outreach recover --adopt/);
  assert.match((await s.ok('list')).out, /NOTHING IS SENT.*outreach:optout/);
  await s.stop('SIGKILL');
  await s.start({ wait: false });
  await until('another word about it', () => doubts() === 2, 60000);
  await pause(1000);
  assert.equal(told().length, at, 'nothing more leaves');

  assert.equal((await s.outreach('recover')).code, 64);
  await s.ok('optout', 'add', ...byHand);
  const done = JSON.parse((await s.ok('recover', '--json', '--from', s.path('state/delivery.jsonl'))).out);
  assert.deepEqual([done.recovered, done.refusals], [true, 1]);
  await until('the rest', async () => {
    const { accepted = 0, uncertain = 0, 'opted-out': out = 0 } = await s.counts('refusals', 'first');
    return accepted + uncertain === half && out === half;
  }, 90000);
  assert.deepEqual(twice(told()), []);
  assert.deepEqual(told().filter((to) => to === wrote || byHand.includes(to)), [], 'nobody who refused');
  await s.ok('verify', 'refusals');
  assert.equal(await refused(), half + 1);

  // With nothing to send it is noticed too; and a copy that is put back is taken at a person's word.
  await redis.call('RENAME', 'outreach:optout', 'outreach:copy');
  await until('a word while at rest', () => doubts() === 3, 60000);
  await redis.call('RENAME', 'outreach:copy', 'outreach:optout');
  await queue('adopted', 9);
  const before = told().length;
  await pause(1000);
  assert.equal(told().length, before);
  await s.ok('recover', '--adopt');
  await s.counted('adopted', 'first', { accepted: COUNT }, 60000);

  // An installation of before there was a seal is no loss.
  await s.stop();
  await redis.call('HDEL', 'outreach:marker', 'sealed');
  await redis.call('SREM', 'outreach:optout', '\u0001outreach:seal');
  await s.start();
  assert.equal(await refused(), half + 1);
  assert.equal(doubts(), 3);
}, { timeout: 400000 });

const indexes = {
  'the schedule': ['outreach:schedule'],
  'the set of campaigns': ['outreach:campaigns'],
  'both indexes': ['outreach:schedule', 'outreach:campaigns'],
  'how far the events were read': ['outreach:events:reader'],
  'the events': ['outreach:events'],
};
journey('an index, or how far the events were read, is lost, and a daemon is killed over it: all comes back by itself, everyone is told once', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false, delayMs: 100 }), { window: 10 });
  const queue = slowly(s);
  await s.redisServer();
  await s.start();
  const ids = Object.keys(indexes).map((_, k) => `index-${k}`);
  for (const [k, [what, keys]] of Object.entries(indexes).entries()) {
    await queue(ids[k], k);
    const at = smsc.submits.length;
    await until(`some before ${what}`, () => smsc.submits.length >= at + 8, 60000);
    if (what === 'both indexes') { // they come back from what is open, within a minute
      const redis = await s.redis();
      await s.ok('pause', ids[k]);
      await redis.call('DEL', ...keys);
      await until('the set', async () => (await redis.call('SISMEMBER', 'outreach:campaigns', ids[k])) === 1, 90000);
      await until('the schedule', async () => (await redis.call('ZSCORE', 'outreach:schedule', `${ids[k]}/first`)) !== null, 90000);
      await s.ok('resume', ids[k]);
    } else {
      await s.stop('SIGKILL');
      await (await s.redis()).call('DEL', ...keys);
      await s.start();
    }
    await until(`all in spite of ${what}`, async () => {
      const { accepted = 0, uncertain = 0 } = await s.counts(ids[k], 'first');
      return accepted + uncertain === COUNT;
    }, 90000);
    await s.ok('verify', ids[k]);
    assert.equal(await (await s.redis()).call('SISMEMBER', 'outreach:campaigns', ids[k]), 1, `listed in spite of ${what}`);
  }
  assert.deepEqual(twice(smsc.submits.map((one) => one.to)), []);

  // More than are asked about at once.
  const redis = await s.redis();
  const scheduled = async () => (await redis.call('ZRANGE', 'outreach:schedule', '0', '-1')).filter((key) => /^later-\d+\/first$/.test(key)).length;
  for (let k = 0; k < 300; k++) await s.xadd(campaign(`later-${k}`, people(1), { reminders: [{ name: 'first', at: '-1d 18:00' }] }));
  await until('all of them to be scheduled', async () => (await scheduled()) === 300, 60000);
  await s.stop('SIGKILL');
  await (await s.redis()).call('DEL', 'outreach:schedule');
  await s.start();
  await until('all of them to be scheduled again', async () => (await scheduled()) === 300, 60000);
  assert.deepEqual(await s.rejected(), []);
}, { timeout: 400000 });

journey('leases, retries and counters are lost: it is said that verify --repair is wanted, and after that everyone is told, once', async (s) => {
  let refusing = false;
  const smsc = await s.smsc(({ to }) => (refusing && to.endsWith('7') ? { status: 0x08, receipt: false } : { receipt: false }), { window: 10 });
  s.settings.dispatch = { attempts: 15, backoff: '8s', backoff_max: '8s' };
  const queue = slowly(s);
  await s.redisServer();
  await s.start();
  const redis = await s.redis();
  const words = (id, what) => s.log().match(new RegExp(`reminder\\.damaged campaign=${id} reminder=first lost="${what}" reason="[^"]*outreach verify --repair ${id}"`, 'g')) ?? [];

  await queue('leases', 1);
  await until('it to be under way', () => smsc.submits.length >= 8, 60000);
  await until('a range under way', async () => Number(await redis.call('HLEN', 'outreach:{leases}:first:leases')) > 0);
  await s.stop('SIGKILL');
  assert.ok(Number(await redis.call('DEL', 'outreach:{leases}:first:leases')) > 0);
  await s.start();
  await until('a word about the leases', () => words('leases', 'leases').length > 0, 60000);
  await assertRests(s);
  assert.equal(words('leases', 'leases').length, 1, 'once');
  await s.ok('verify', '--repair', 'leases');
  await until('the rest', async () => {
    const { accepted = 0, uncertain = 0 } = await s.counts('leases', 'first');
    return accepted + uncertain === COUNT;
  }, 60000);

  refusing = true;
  await queue('retries', 2, { rate: '40/s' });
  const alone = async () => {
    const { parked = 0, accepted = 0 } = await s.counts('retries', 'first');
    return parked === 4 && accepted === COUNT - 4;
  };
  await until('the retries alone to be left, and to be in no set', async () => await alone() &&
    Number(await redis.call('DEL', 'outreach:{retries}:first:retry')) > 0 && await alone() &&
    Number(await redis.call('EXISTS', 'outreach:{retries}:first:retry')) === 0, 60000);
  await until('a word about the retries', () => words('retries', 'retries').length > 0, 60000);
  refusing = false;
  await s.ok('verify', '--repair', 'retries');
  await s.counted('retries', 'first', { accepted: COUNT }, 60000);

  await queue('counters', 3);
  await until('it to be under way', async () => ((await s.counts('counters', 'first')).accepted ?? 0) >= 8, 60000);
  await redis.call('HDEL', 'outreach:{counters}:first', ...Array.from({ length: 13 }, (_, i) => `c${i}`));
  await s.counted('counters', 'first', { accepted: COUNT }, 60000);
  await until('a word about the counters', () => words('counters', 'counters').length > 0, 60000);
  await s.ok('verify', '--repair', 'counters');
  for (const id of ['leases', 'retries', 'counters']) {
    await s.ok('verify', id);
    await until(`the end of ${id}`, async () => (await redis.call('HGET', `outreach:{${id}}:first`, 'state')) === 'done', 30000);
  }
  assert.deepEqual(twice(smsc.submits.filter((one) => one.status === 0).map((one) => one.to)), []);
}, { timeout: 240000 });

journey('the marks of residents in danger are lost: nothing leaves before a person has said who is in danger', async (s) => {
  s.drivenClock(); // nobody waits for the minute
  const smsc = await s.smsc(() => ({ receipt: false }));
  const queue = slowly(s);
  await s.start();
  const marked = list(0)[3].sms, redis = await s.redis();
  await s.ok('safe', marked, 'skip');
  await redis.call('DEL', 'outreach:safe');
  await queue('alone', 0, { rate: '100/s' });
  await until('a word about the loss', () => / safe\.lost /.test(s.log()), 60000);
  await s.counted('alone', 'first', { parked: COUNT }, 60000);
  const intents = async () => (await redis.callRaw('GET', 'outreach:{alone}:first:ledger')).toString('hex');
  const before = await intents();
  await pause(2500);
  assert.equal(await intents(), before, 'nor is each of them tried in vain again and again');
  assert.equal(smsc.submits.length, 0, 'nothing has left');
  assert.equal(s.log().match(/ safe\.lost /g).length, 1, 'said once a minute');
  await s.ok('safe', marked, 'skip');
  s.clock.sleep(62000);
  await s.counted('alone', 'first', { accepted: COUNT - 1, excluded: 1 }, 120000);
  assert.ok(!smsc.submits.some((one) => one.to === marked));

  await redis.call('DEL', 'outreach:safe');
  await queue('all', 1, { rate: '100/s' });
  await until('another look at the people', async () => (await s.counts('all', 'first')).parked > 0, 60000);
  assert.match((await s.ok('safe', '--none')).out, /nobody is marked/);
  s.clock.sleep(62000);
  await s.counted('all', 'first', { accepted: COUNT }, 120000);
  assert.doesNotMatch((await s.ok('optout', 'list')).out, /outreach:safe/);
  await s.ok('safe', marked, 'neutral');
  assert.equal((await s.outreach('safe', '--none')).code, 65, 'somebody is marked');
  await s.ok('safe', marked, '--remove'); // the last one: nobody is missed
  await queue('then', 2, { rate: '100/s' });
  await s.counted('then', 'first', { accepted: COUNT }, 120000);

  // Somebody is marked at the moment at which the last other mark is taken away: by whichever of
  // the two something is in flight, in the end it is noted.
  const [one, other] = list(3).map((p) => p.sms);
  const first = [[one, '--remove'], [other, 'skip']];
  for (const [word, slow, quick] of [['SREM', ...first], ['HLEN', ...first], ['HSET', ...[...first].reverse()]]) {
    await s.ok('safe', one, 'skip');
    const conf = await held(s, word);
    const under = s.run(['-c', conf.path, 'safe', ...slow]);
    await conf.held;
    await s.ok('safe', ...quick);
    conf.release();
    assert.equal((await under).code, 0);
    assert.equal(await redis.call('HLEN', 'outreach:safe'), 1);
    assert.equal(await redis.call('SISMEMBER', 'outreach:optout', '\u0001outreach:safe'), 1, `${word} in flight`);
    await s.ok('safe', other, '--remove');
    assert.equal(await redis.call('SISMEMBER', 'outreach:optout', '\u0001outreach:safe'), 0);
  }
});
