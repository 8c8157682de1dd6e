'use strict';
// outreach retry: what failed is tried once more, and nobody else gets anything by it.

const assert = require('node:assert/strict');
const { journey, campaign, people, inDays, until } = require('./lib/stage');

const REJECTED = 0x0c, NOBODY = 0x0b, FAULT = 0x08; // rejected, reason protocol; rejected, number; retry, outage
const last = (s) => Number(s.slice(-2));

journey('a retry reaches exactly those whose sending failed, once each, at an SMSC that now accepts', async (s) => {
  let ill = true;
  const smsc = await s.smsc((submit) => {
    const n = last(submit.to);
    if (ill && n < 4) return { status: REJECTED };
    if (ill && n < 6) return { status: NOBODY };
    if (ill && n < 8) return { status: FAULT };
    if (n === 8) return { receipt: { state: 'UNDELIV' } };
    return {};
  });
  Object.assign(s.settings, { dispatch: { attempts: 2, backoff: '1s' } });
  await s.start();
  await s.ok('optout', 'add', '+8613851401011');
  await s.xadd(campaign('fair', people(12), { missed: 'all', reminders: [
    { name: 'first', at: 'now' }, { name: 'over', at: 'now' }] }), { by: 'ann' });
  const before = { failed: 8, undelivered: 1, delivered: 2, 'opted-out': 1 };
  assert.deepEqual(await s.settled('fair', 'first', 60000), before);
  assert.deepEqual(await s.settled('fair', 'over', 60000), before);
  const client = await s.redis();
  await until('both to be done', async () => (await client.call('HGET', 'outreach:{fair}:first', 'state')) === 'done'
    && (await client.call('HGET', 'outreach:{fair}:over', 'state')) === 'done', 60000);
  await client.call('HSET', 'outreach:{fair}:over', 'expires', String(Date.now() - 1)); // its end goes by
  const attempts = (await s.ledger('fair', 'first')).map((r) => r.attempts);
  ill = false;
  smsc.submits.length = 0;

  // What failed and why, in words; and which of it goes without being named.
  const list = (await s.ok('retry', 'fair', '--list')).out;
  assert.match(list, /first +failed +4 +yes +protocol/);
  assert.match(list, /first +failed +2 +yes +attempts/);
  assert.match(list, /first +failed +2 +with --reason +number\n[^]*\n +number +nobody has this number: correct it in the list\n/);
  assert.match(list, /first +undelivered +1 +with -u/);
  assert.match(list, /over +failed +4 +over +protocol/);
  assert.match(list, /to be tried again: 6/);
  assert.equal((await s.outreach('retry', 'fair')).code, 64, 'nobody can be asked');
  await s.ok('retry', 'fair', '--dry-run');
  assert.deepEqual(await s.counts('fair', 'first'), before);
  assert.equal((await s.outreach('retry', 'fair', '--reason', 'weather', '-y')).code, 64);
  const third = await s.outreach('retry', 'fair', '--reminder', 'third', '-y');
  assert.deepEqual([third.code, third.err], [65, 'outreach: fair has no reminder third: there are first, over\n']);
  assert.match((await s.ok('retry', 'fair', '-y', '-r', 'first', '--gateway', 'mobile', '--reason', 'throttled')).out, /first +failed +4 +not asked for +protocol[^]*takes other options, as in\n {2}outreach retry fair -r first -g mobile\n/);

  await s.ok('retry', 'fair', '-y', '--by', 'bob');
  await s.counted('fair', 'first', { failed: 2, undelivered: 1, delivered: 8, 'opted-out': 1 }, 60000);
  assert.deepEqual(smsc.submits.map((m) => last(m.to)).sort((a, b) => a - b), [0, 1, 2, 3, 6, 7]);
  const records = await s.ledger('fair', 'first');
  for (const n of [0, 1, 2, 3, 6, 7]) assert.equal(records[n].attempts, attempts[n] + 1, `attempts of ${n}`);

  // What was asked for is not asked for once more.
  assert.match((await s.ok('retry', 'fair', '--list', '-u')).out, /first +undelivered +1 +yes/);

  // Again there is nothing to do; a number of nobody's goes when it is named, and then alone.
  assert.match((await s.ok('retry', 'fair', '-y')).out, /to be tried again: 0/);
  const named = JSON.parse((await s.ok('retry', 'fair', '-y', '--json', '--reason', 'number', '--gateway', 'mobile')).out);
  assert.deepEqual([named.wanted, named.retried, named.left], [2, 2, 0]);
  await s.counted('fair', 'first', { undelivered: 1, delivered: 10, 'opted-out': 1 }, 60000);
  assert.equal((await s.outreach('retry', 'fair', '-y', '-u', '--gateway', 'nowhere')).code, 65, 'a gateway that never was is not one at which nothing failed');
  assert.equal(smsc.submits.length, 8);
  // What was taken and not delivered only where that is asked for: it may cost once more.
  await s.ok('retry', 'fair', '-y', '-u');
  await until('it to be sent', () => smsc.submits.length === 9, 60000);
  assert.equal(last(smsc.submits[8].to), 8);
  await s.counted('fair', 'first', { undelivered: 1, delivered: 10, 'opted-out': 1 }, 60000);

  assert.deepEqual(await s.counts('fair', 'over'), before, 'nothing of what is past its end');
  assert.equal((await s.ok('verify', 'fair')).code, 0);
  await until('it to be done again', async () => (await client.call('HGET', 'outreach:{fair}:first', 'state')) === 'done', 60000);
  const said = JSON.parse((await s.ok('audit', '--op', 'retry', '--json')).out);
  assert.deepEqual(said.map((e) => [e.by, e.campaign, e.reminder, e.notices, e.reason ?? '']).slice(0, 2), [
    ['bob', 'fair', 'first', '6', ''], [said[1].by, 'fair', 'first', '2', 'number']]);

  // Past its end: what helps is said, and helps.
  assert.match((await s.ok('retry', 'fair', '--list')).out, /\n6 failed in reminders that are over[^]*outreach amend FILE/);
  assert.match((await s.run(['-c', s.conf, 'retry', 'fair', '--list'], { env: { LC_ALL: 'zh_CN.UTF-8' } })).out, /另有 6 条失败，但提醒已过期/);
  await s.xadd(campaign('fair', people(12), { missed: 'all', reminders: [
    { name: 'first', at: 'now' }, { name: 'over', at: 'now', expires: inDays(6, '09:00') }] }), { op: 'amend' });
  await until('the amendment', async () => (await client.call('HGET', 'outreach:{fair}', 'version')) === '2', 60000);
  await s.ok('retry', 'fair', '-y', '--reminder', 'over');
  await until('them to be sent', () => smsc.submits.length === 15, 60000);
  await until('their answers', async () => (await s.counts('fair', 'over')).failed === 2, 60000);

  await s.ok('cancel', 'fair', '-y');
  const cancelled = await s.outreach('retry', 'fair', '-y', '-u');
  assert.match(cancelled.out, /first +undelivered +1 +cancelled[^]*to be tried again: 0[^]*\nNothing of it can be tried again\.\n/);
});

journey('who has got a part of it is not among those who may be tried again', async (s) => {
  await s.smsc(({ part }) => ({ receipt: { state: part.n === 1 ? 'DELIVRD' : 'UNDELIV' } }));
  await s.start();
  await s.xadd(campaign('parts', people(2), { texts: { zh: '长'.repeat(90) } }));
  assert.deepEqual(await s.settled('parts', 'first', 60000), { undelivered: 2 });
  assert.match((await s.ok('retry', 'parts', '-u', '--list')).out, /first +undelivered +2 +no +\S+\n[^]*to be tried again: 0/);
});
