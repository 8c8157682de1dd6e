'use strict';
// People on duty are told of what is wrong with the machine: `alerts` of the configuration and of a
// campaign. Each matter is provoked, and told once, by a way that works.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people, until } = require('./lib/stage');

const HOUR = 3600e3;
const OPS = '+8613851409999', ORGANIZER = '+8613851408888';
const heard = (smsc, number) => smsc.textsFor(number).map((t) => t.replace('【鼓楼区妇联】', ''));

/** A program that is told: the lines that it got. */
function program(s) {
  const file = s.path('told');
  const path = s.write('tell', `#!/bin/sh\ncat >>${file}\n`);
  fs.chmodSync(path, 0o700);
  return { exec: path, lines: () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1).map((l) => JSON.parse(l)) : []) };
}

journey('a broken gateway is told once, and not by itself; that it has no money, in so many words', async (s) => {
  const clock = s.drivenClock();
  const smsc = await s.smsc();
  const cloud = await s.cloud(() => ({ status: 401 }), { match: ['+86135*'] });
  await s.cloud(() => ({ status: 402 }), { name: 'purse', match: ['+86136*'] });
  const told = program(s);
  s.settings.alerts = [{ to: `cloud:${OPS}` }, { exec: told.exec, level: 'warning' }];
  s.settings.alarms = { gateway: '2s' };
  await s.start();
  const one = (id, sms) => s.xadd(campaign(id, [{ sms, name: '居民' }]));
  await one('a', '+8613551401010');
  await until('the gateway to be told', () => heard(smsc, OPS).length === 1 && told.lines().length === 1, 60000);
  assert.match(heard(smsc, OPS)[0], /^网关 cloud 已停止发送：出了故障：HTTP 401/);
  const [{ text, ...line }] = told.lines();
  assert.deepEqual(line, { event: 'ops', matter: 'gateway', name: 'cloud', level: 'error', daemon: 'd1' });
  assert.equal(text, heard(smsc, OPS)[0]);
  assert.ok(cloud.requests.every((r) => r.query.to !== OPS), 'never by the broken one itself');

  // It lasts: nobody is called twice for it within the hour, nor the next one.
  clock.sleep(HOUR * 1.5);
  await one('b', '+8613651401010');
  await until('the balance to be told', () => heard(smsc, OPS).length === 2 && told.lines().length === 2, 60000);
  assert.match(heard(smsc, OPS)[1], /^网关 purse 余额不足，请充值/);
  clock.sleep(HOUR / 4);
  await one('c', '+8613851401010');
  assert.deepEqual(await s.settled('c', 'first'), { delivered: 1 });
  assert.deepEqual(told.lines().map((l) => l.matter), ['gateway', 'balance']);
  const audit = (await (await s.redis()).call('XRANGE', 'outreach:audit', '-', '+')).map(([, f]) => f.join(' '));
  assert.equal(audit.filter((e) => /^op alarm by d1 matter gateway name cloud to /.test(e)).length, 2, audit.join('\n'));
  assert.ok(audit.every((e) => !e.includes(OPS)), 'numbers are masked');
}, { timeout: 300000 });

journey('a reminder that fails or comes too late is told to its organizer too, and Redis in doubt without Redis', async (s) => {
  const clock = s.drivenClock('2027-03-01T09:00:00+08:00');
  const smsc = await s.smsc(({ to }) => ({ receipt: { state: /85140[12]0[0-2]\d$/.test(to) ? 'UNDELIV' : 'DELIVRD', err: '001' } }));
  const told = program(s);
  s.settings.alerts = [{ exec: told.exec }];
  s.settings.defaults.hours = '08:00-20:00';
  await s.start();
  const event = { starts: '2027-03-05T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } };
  const alerts = [{ to: `mobile:${ORGANIZER}` }];
  await s.xadd(campaign('few', people(19), { event, alerts })); // so few are no share of anything
  await s.settled('few', 'first');
  await s.xadd(campaign('bad', people(60), { event, alerts }));
  assert.deepEqual(await s.settled('bad', 'first'), { delivered: 30, undelivered: 30 });
  clock.sleep(61000);
  await until('the failures to be told', () => heard(smsc, ORGANIZER).length === 1 && told.lines().length === 1, 60000);
  assert.equal(heard(smsc, ORGANIZER)[0], '提醒 bad/first 有百分之50没有送达，请查看 outreach report bad');

  await s.xadd(campaign('slow', people(500), { event, alerts, rate: '1/s', reminders: [{ name: 'first', at: 'now', expires: '2027-03-01T09:40' }] }));
  let slept = 0;
  await until('the delay to be told', () => {
    if (Date.now() - slept > 3000) clock.sleep(61000), slept = Date.now(); // to the next look at it
    return heard(smsc, ORGANIZER).length === 2 && told.lines().some((l) => l.matter === 'late');
  }, 100000);
  assert.match(heard(smsc, ORGANIZER)[1], /^提醒 slow\/first 照现在的速度发不完，到期时还差约 \d+ 人。$/);

  // A number that a campaign names is told as a resident would be: in the allowed hours, not where it has opted out, and no
  // more than three times an hour.
  const untold = (id, why) => s.log().split('\n').some((l) => l.includes(`ops.untold matter=failures name="${id}/first"`) && l.includes(why));
  const failing = async (id, more) => {
    await s.xadd(campaign(id, people(30), { event, alerts, texts: { zh: `{{name}}，${id}。` }, ...more }));
    assert.deepEqual(await s.settled(id, 'first'), { undelivered: 30 });
    clock.sleep(61000);
  };
  await s.ok('cancel', 'slow', '-y');
  await failing('third');
  await until('the third', () => heard(smsc, ORGANIZER).length === 3, 60000);
  await failing('fourth', { alerts: [{ to: `mobile:${ORGANIZER.slice(3)}` }] }); // the same number, as people write it
  await until('the fourth to be too much', () => untold('fourth', 'enough for this hour'), 60000);
  await s.ok('optout', 'add', ORGANIZER);
  await failing('fifth', { alerts: [{ to: `mobile:0086 ${ORGANIZER.slice(3)}` }] });
  await until('her refusal', () => untold('fifth', 'she has opted out'), 60000);
  assert.equal(heard(smsc, ORGANIZER).length, 3);
  clock.sleepTo('2027-03-01T21:00:00+08:00');
  const other = '+8613851407777';
  await failing('night', { hours: 'always', alerts: [{ to: `mobile:${other}` }] });
  await until('the program to be told', () => told.lines().some((l) => l.name === 'night/first'), 60000);
  assert.deepEqual(heard(smsc, other), [], 'at nine in the evening');
  clock.sleepTo('2027-03-02T08:00:30+08:00');
  await until('the morning', () => heard(smsc, other).length === 1, 60000);

  await (await s.redis()).call('FLUSHALL');
  await until('Redis to be told', () => told.lines().some((l) => l.matter === 'redis'), 60000);
  assert.deepEqual(told.lines().map((l) => l.matter).filter((m) => m !== 'failures'), ['late', 'redis']);
  assert.equal(heard(smsc, ORGANIZER).length, 3, 'of the machine the organizer hears nothing');
}, { timeout: 300000 });

journey('a Redis that takes nothing any more keeps no alarm back: who is down is told by another gateway, once', async (s) => {
  const smsc = await s.smsc();
  const second = await s.smsc(undefined, { name: 'second' });
  const server = await s.redisServer();
  const told = program(s);
  s.settings.alerts = [{ to: `mobile:${OPS}` }, { exec: told.exec }];
  s.settings.alarms = { gateway: '2s' };
  s.settings.dispatch = { stop: '1s' };
  await s.start();
  await Promise.all([smsc.bound(), second.bound()]);
  await server.client.call('CONFIG', 'SET', 'maxmemory', '1');
  await assert.rejects(server.client.call('SET', 'more', 'of it'), /OOM/);
  await second.stop();
  await until('both to be told', () => heard(smsc, OPS).length >= 1 && told.lines().length >= 1, 60000);
  const audit = async () => (await server.client.call('XRANGE', 'outreach:audit', '-', '+')).map(([, f]) => f.join(' '));
  await until('both to be on record', async () => (await audit()).filter((e) => /^op alarm by d1 matter gateway name second to /.test(e)).length === 2, 60000);
  assert.match(heard(smsc, OPS)[0], /^网关 second 已停止发送/);
  assert.match(s.log(), /redis\.full/);
  assert.deepEqual(told.lines().map((l) => [l.matter, l.name]), [['gateway', 'second']]);
  assert.equal(heard(smsc, OPS).length, 1);
  assert.deepEqual(await s.stop(), { code: 0, signal: null }, 'nor does it keep the daemon from ending');
}, { timeout: 300000 });
