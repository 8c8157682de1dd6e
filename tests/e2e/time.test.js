'use strict';
// The clock: set forward and back, a machine that sleeps, hours, nights, what comes too
// late. The clocks of daemon, command line and Redis are driven (lib/clock.js).

const assert = require('node:assert/strict');
const path = require('node:path');
const { journey, campaign, people, ROOT } = require('./lib/stage');
const { Clock, at, instantsOf } = require('./lib/clock');
const { until, pause } = require('./lib/wait');

const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const NOON = '2027-03-01T12:00:00+08:00'; // a Monday

// An event on 6 March at 9:00 in Shanghai, whatever the real day is.
const fair = (id, list, fields = {}) =>
  campaign(id, list, { event: { starts: '2027-03-06T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } }, ...fields });

// The daemon has looked at its schedule with the clock as it is now, and begun what it begins:
// it asks ten times a second.
async function looked(s, times = 5) {
  const calls = async () => {
    const text = await (await s.redis()).call('INFO', 'commandstats');
    return Number(/cmdstat_zrangebyscore:calls=(\d+)/.exec(text)?.[1] ?? 0);
  };
  const before = await calls();
  await until('the daemon to look at its schedule', async () => (await calls()) >= before + times);
}

const hhmm = (at) => new Date(at + 8 * HOUR).toISOString().slice(11, 16);

journey('a clock that is set forward by hours sends nothing early, and goes on when it comes back', async (s) => {
  const clock = s.drivenClock(NOON);
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(fair('early', people(3), { reminders: [{ name: 'first', at: '2027-03-01T13:00' }] }));
  await s.xadd(fair('late', people(3), { reminders: [{ name: 'first', at: '2027-03-01T18:00', expires: '2027-03-01T19:00' }] }));
  await until('the schedule', async () => (await (await s.redis()).call('ZCARD', 'outreach:schedule')) === 2);
  clock.step(12 * HOUR);
  await until('the doubt', () => /clock.doubted step_ms=4(3199|3200)/.test(s.log()));
  await looked(s, 15);
  assert.equal(smsc.submits.length, 0);
  assert.match((await s.ok('list')).out, /d1: nothing new is begun: its clock was set forward by 12 h/);
  assert.match((await s.ok('gateways')).out, /nothing new is begun/);
  assert.match((await s.ok('clock')).out, /d1 .*IN DOUBT.*\+12 h/);
  clock.step(-12 * HOUR);
  await until('the clock to be back', () => /clock.came_back/.test(s.log()));
  assert.doesNotMatch((await s.ok('list')).out, /nothing new/);
  clock.sleepTo('2027-03-01T12:59:00+08:00');
  await looked(s);
  assert.equal(smsc.submits.length, 0);
  clock.sleepTo('2027-03-01T13:00:01+08:00');
  assert.deepEqual(await s.settled('early', 'first'), { delivered: 3 });
  clock.sleepTo('2027-03-01T18:00:01+08:00');
  assert.deepEqual(await s.settled('late', 'first'), { delivered: 3 }, 'nothing was given up as late');
  assert.equal(s.log().match(/clock\.doubted/g).length, 1, 'it is told once');
});

journey('a doubted clock that a person confirms is gone by, and a restart is no way around the doubt', async (s) => {
  const clock = s.drivenClock(NOON);
  const smsc = await s.smsc();
  await s.redisServer({}, s.clock.env());
  await s.start();
  await s.xadd(fair('early', people(3), { reminders: [{ name: 'first', at: '2027-03-01T13:00' }] }));
  await until('the schedule', async () => (await (await s.redis()).call('ZCARD', 'outreach:schedule')) === 1);
  await s.stop();
  clock.step(2 * HOUR); // while no daemon looks
  await s.start();
  await until('the doubt', () => /clock.doubted/.test(s.log()));
  await s.stop('SIGKILL');
  await s.start();
  await until('the doubt again', () => s.log().match(/clock\.doubted/g).length === 2);
  await looked(s, 10);
  assert.equal(smsc.submits.length, 0);
  assert.match((await s.ok('clock', 'confirm')).out, /d1 goes by its system's clock/);
  assert.deepEqual(await s.settled('early', 'first'), { delivered: 3 });
  assert.match((await s.ok('clock', 'confirm')).out, /no clock is in doubt/);
  assert.match((await s.ok('clock')).out, /d1 .*right/);
});

journey('what has its intent when the clock comes in doubt goes back: nobody is held as being sent to', async (s) => {
  const clock = s.drivenClock(NOON);
  const smsc = await s.smsc(() => ({ receipt: false }), { rate: '300/s', window: 200 });
  await s.start();
  await s.xadd(fair('intended', people(2000)));
  await until('some submits', () => smsc.submits.length >= 100);
  clock.step(12 * HOUR);
  await until('the doubt', () => /clock.doubted/.test(s.log()));
  await until('all of them to be back', async () => !(await s.counts('intended', 'first')).sending);
  const stands = smsc.submits.length;
  await looked(s, 15);
  assert.equal(smsc.submits.length, stands, 'nothing new is begun');
  assert.ok(stands < 2000, 'it was in the middle of its work');
  const { parked = 0, accepted = 0, untouched = 0 } = await s.counts('intended', 'first');
  assert.equal(parked + accepted + untouched, 2000);
  assert.equal(accepted, smsc.submits.length);
});

journey('a clock that is set forward by minutes is followed; promotions wait for a minute', async (s) => {
  const clock = s.drivenClock(NOON);
  const smsc = await s.smsc();
  await s.start();
  clock.step(9 * MINUTE);
  await until('the step', () => /clock.stepped step_ms=5(39|40)/.test(s.log()));
  await s.xadd(fair('promotion', people(2), { class: 'promotion' }));
  await s.xadd(fair('notice', people(2), { class: 'notice' }));
  assert.deepEqual(await s.settled('notice', 'first'), { delivered: 2 });
  await looked(s);
  assert.equal(smsc.submits.length, 2, 'no promotion');
  clock.sleep(MINUTE);
  assert.deepEqual(await s.settled('promotion', 'first'), { delivered: 2 });
});

journey('a clock that is set back over an opening: nothing more leaves before the hour comes again', async (s) => {
  const clock = s.drivenClock('2027-03-01T08:00:30+08:00');
  s.settings.defaults.hours = '08:00-12:00';
  const smsc = await s.smsc(undefined, { rate: '20/s', window: 5 });
  await s.start();
  await s.xadd(fair('open', people(100)));
  await until('the first ten', () => smsc.submits.length >= 10);
  clock.step(-5 * MINUTE);
  await until('the step', () => /clock.stepped/.test(s.log()));
  const told = smsc.submits.length;
  await looked(s, 15);
  assert.ok(smsc.submits.length <= told + 10, 'but for what is on the wire');
  clock.sleepTo('2027-03-01T08:00:01+08:00');
  assert.deepEqual(await s.settled('open', 'first', 60000), { delivered: 100 });
  assert.equal(new Set(smsc.submits.map((one) => one.to)).size, 100);
  assert.equal(smsc.submits.length, 100, 'and nobody twice');
});

journey('a send that is slow stops when the hours close, and goes on when they open', async (s) => {
  const clock = s.drivenClock('2027-03-01T20:20:00+08:00');
  s.settings.defaults.hours = '08:00-12:00,14:00-20:30';
  const smsc = await s.smsc(undefined, { rate: '20/s', window: 50 });
  await s.start();
  await s.xadd(fair('slow', people(400)));
  await until('the first ten', () => smsc.submits.length >= 10, 60000);
  clock.sleepTo('2027-03-01T20:29:57+08:00');
  await until('closing time', () => hhmm(clock.now()) >= '20:30');
  await looked(s, 15);
  const evening = smsc.submits.length;
  assert.ok(evening < 400);
  const after = smsc.submits.filter((one) => hhmm(one.at) >= '20:30').length;
  assert.ok(after <= 10, `${after} came after closing time: more than what was on the wire`);
  clock.sleepTo('2027-03-02T07:58:00+08:00');
  await looked(s, 5);
  assert.equal(smsc.submits.length, evening, 'nothing in the night');
  clock.sleepTo('2027-03-02T08:00:00+08:00');
  await until('the rest to begin', () => smsc.submits.length > evening);
  assert.deepEqual(await s.settled('slow', 'first', 100000), { delivered: 400 });
  assert.equal(new Set(smsc.submits.map((one) => one.to)).size, 400);
  assert.equal(smsc.submits.length, 400);
});

journey('a machine that was suspended sends nothing of the evening in the night, and nothing in a burst', async (s) => {
  const clock = s.drivenClock('2027-03-01T20:00:00+08:00');
  s.settings.defaults.hours = '08:00-20:30';
  const smsc = await s.smsc(undefined, { rate: '20/s', window: 50 });
  const server = await s.redisServer();
  await s.start();
  /** What has been asked for before it sleeps is granted when it wakes up. How many had arrived by then. */
  const sleepTo = async (at) => {
    process.kill(server.process.pid, 'SIGSTOP');
    try {
      await until('the wire to be empty', async () => {
        const before = smsc.submits.length;
        await pause(2000); // once, as a rule: after five Redis is away, and what was asked is asked again
        return smsc.submits.length === before;
      }, 60000);
      clock.sleepTo(at);
      return smsc.submits.length;
    } finally {
      process.kill(server.process.pid, 'SIGCONT');
    }
  };
  const returned = () => s.deliveryLog().filter((e) => e.event === 'unsent').length;
  await s.xadd(fair('asleep', people(200)));
  await until('the first ten', () => smsc.submits.length >= 10);
  const told = await sleepTo('2027-03-02T03:00:00+08:00');
  await looked(s, 15);
  assert.equal(smsc.submits.length, told, 'nothing in the night');
  await until('what was granted to go back', () => returned() > 0, 60000);
  assert.doesNotMatch(s.log(), /clock\.(stepped|doubted)/, 'to sleep is no step');
  const night = smsc.submits.length;
  clock.sleepTo('2027-03-02T08:00:00+08:00');
  await until('it to go on', () => smsc.submits.length >= night + 10, 60000);
  // In the day, too, a permit of before is none any more: who knows who has refused meanwhile.
  const before = returned();
  const day = await sleepTo('2027-03-02T10:00:00+08:00');
  const woke = Date.now();
  await until('what was granted to go back', () => returned() > before, 60000);
  assert.deepEqual(await s.settled('asleep', 'first', 100000), { delivered: 200 });
  assert.ok(Date.now() - woke > ((200 - day) / 20 - 2) * 1000, 'at the gateway\'s rate');
  assert.equal(smsc.submits.length, 200);
});

journey('everyone has the night of her own zone, also where it is the campaign\'s day', async (s) => {
  const clock = s.drivenClock('2027-03-01T10:00:00+08:00');
  s.settings.defaults.hours = '09:00-11:00'; // never at the same time in any two of these
  const smsc = await s.smsc();
  await s.start();
  const [here, urumqi, berlin, newYork, samoa] = people(5);
  await s.xadd(fair('zones', [
    here, { ...urumqi, timezone: 'Asia/Urumqi' }, { ...berlin, timezone: 'Europe/Berlin' },
    { ...newYork, timezone: 'America/New_York' }, { ...samoa, timezone: 'Pacific/Pago_Pago' },
  ]));
  const order = [here, urumqi, berlin, newYork, samoa];
  // 9:00 there, from the tz database: UTC+8, +6, +1, -5, -11 on that day.
  const opens = ['2027-03-01T02:00Z', '2027-03-01T03:00Z', '2027-03-01T08:00Z', '2027-03-01T14:00Z', '2027-03-01T20:00Z'];
  for (const [i, at] of opens.entries()) {
    if (i > 0) {
      clock.sleepTo(Date.parse(at) - MINUTE);
      await looked(s);
      assert.equal(smsc.submits.length, i, `nobody is woken before ${at}`);
      clock.sleepTo(Date.parse(at) + 500);
    }
    await until(`number ${i}`, () => smsc.submits.length === i + 1);
    assert.equal(smsc.submits[i].to, order[i].sms);
  }
  assert.deepEqual(await s.settled('zones', 'first'), { delivered: 5 });
});

journey('the operator is told until when: the reminder\'s end, or the person\'s own time where that is sooner', async (s) => {
  s.drivenClock(NOON);
  const smsc = await s.smsc(undefined, { validity: 'absolute' });
  await s.start();
  const list = people(2);
  await s.xadd(fair('valid', [list[0]], { reminders: [{ name: 'first', at: 'now', expires: '2027-03-01T21:00' }] }));
  await s.xadd(fair('slot', [{ ...list[1], slot: '2027-03-01T16:00' }], {
    reminders: [{ name: 'first', at: '-5h of slot', expires: '2027-03-01T15:00' }],
  }));
  await s.settled('valid', 'first');
  await s.settled('slot', 'first');
  const until_ = Object.fromEntries(smsc.submits.map((one) => [one.to, new Date(one.pdu.validity_period).toISOString()]));
  assert.equal(until_[list[0].sms], '2027-03-01T13:00:00.000Z');
  assert.equal(until_[list[1].sms], '2027-03-01T07:00:00.000Z', 'the slot is at 16:00, the end an hour before');
});

journey('a daemon that was down over a reminder\'s time sends what is still worth it, and no more', async (s) => {
  const clock = s.drivenClock(NOON);
  s.settings.defaults.hours = '08:00-20:30';
  const smsc = await s.smsc();
  await s.redisServer({}, clock.env());
  await s.start();
  const times = [{ name: 'a', at: '2027-03-02T10:00' }, { name: 'b', at: '2027-03-03T10:00' }, { name: 'c', at: '2027-03-05T10:00' }];
  for (const missed of ['latest', 'all', 'none']) await s.xadd(fair(missed, people(1), { missed, reminders: times }));
  await s.xadd(fair('over', people(1), { reminders: [{ name: 'a', at: '2027-03-02T10:00', expires: '2027-03-02T20:00' }] }));
  await s.xadd(fair('brief', people(1), { missed: 'none', reminders: [{ name: 'a', at: '2027-03-03T21:58' }] }));
  await until('the schedule', async () => (await (await s.redis()).call('ZCARD', 'outreach:schedule')) === 11);
  await s.stop();
  clock.sleepTo('2027-03-03T22:00:00+08:00');
  await s.start();
  assert.deepEqual(await s.settled('over', 'a'), { expired: 1 });
  await looked(s, 10);
  assert.equal(smsc.submits.length, 0, 'it is night');
  clock.sleepTo('2027-03-04T08:00:01+08:00');
  assert.deepEqual(await s.settled('latest', 'b'), { delivered: 1 });
  assert.deepEqual(await s.settled('all', 'a'), { delivered: 1 });
  assert.deepEqual(await s.settled('all', 'b'), { delivered: 1 });
  assert.deepEqual(await s.settled('brief', 'a'), { delivered: 1 }, 'two minutes are not missed');
  clock.sleepTo('2027-03-05T10:00:01+08:00');
  for (const id of ['latest', 'all', 'none']) assert.deepEqual(await s.settled(id, 'c'), { delivered: 1 });
  assert.equal(smsc.submits.length, 1 + 2 + 1 + 3);
  assert.match((await s.ok('show', 'latest')).out, /skipped|missed/);
  await s.ok('verify', 'latest');
  await s.ok('verify', 'none');
});

journey('Redis with another clock is told, and stops promotions when it is far off', async (s) => {
  const smsc = await s.smsc();
  const clock = new Clock(s.path('redis-clock'));
  await s.redisServer({}, clock.env());
  await s.start();
  clock.step(10e3);
  await until('a word', () => /clock.differs differs_ms=(99|100)/.test(s.log()));
  await s.xadd(campaign('near', people(1), { class: 'promotion' }));
  assert.deepEqual(await s.settled('near', 'first'), { delivered: 1 });
  clock.step(2 * HOUR);
  await until('another word', () => /clock.differs differs_ms=7(19|20|21).*promotions wait/.test(s.log()));
  await s.xadd(campaign('promotion', people(1), { class: 'promotion' }));
  await s.xadd(campaign('notice', people(1), { class: 'notice' }));
  assert.deepEqual(await s.settled('notice', 'first'), { delivered: 1 });
  await looked(s, 10);
  assert.equal(smsc.submits.length, 2);
  assert.match((await s.ok('list')).out, /promotions wait: Redis' clock and its own differ by 2 h/);
  clock.step(-2 * HOUR - 10e3);
  assert.deepEqual(await s.settled('promotion', 'first'), { delivered: 1 });
  assert.match(s.log(), /clock.agrees/);
});

journey('Redis\' clock goes a year forward, then back before the present: limits and refusals stand, nobody is told twice', async (s) => {
  const smsc = await s.smsc();
  const clock = new Clock(s.path('redis-clock'));
  s.settings.defaults.per_recipient = ['1/day'];
  await s.redisServer({}, clock.env());
  await s.start();
  const list = people(3);
  await s.ok('optout', 'add', list[2].sms);
  await s.xadd(campaign('before', list.slice(0, 1), { class: 'notice' }));
  assert.deepEqual(await s.settled('before', 'first'), { delivered: 1 });
  const client = await s.redis();
  const redisTime = async () => Number((await client.call('TIME'))[0]) * 1000;
  clock.step(366 * 24 * HOUR);
  assert.ok((await redisTime()) > Date.now() + 365 * 24 * HOUR);
  for (const key of await client.call('KEYS', '*')) await client.call('EXISTS', key); // what has expired goes now
  await s.xadd(campaign('after', list, { class: 'notice' }));
  await s.counted('after', 'first', { delivered: 1, parked: 1, 'opted-out': 1 });
  clock.step(-368 * 24 * HOUR);
  assert.ok((await redisTime()) < Date.now() - 24 * HOUR);
  await s.xadd(campaign('again', list, { class: 'notice' }));
  await s.counted('again', 'first', { parked: 2, 'opted-out': 1 });
  assert.deepEqual(smsc.submits.map((one) => one.to), [list[0].sms, list[1].sms]);
});

journey('on work days only: not on a Saturday, not on a holiday, but on the Sunday that makes up for it', async (s) => {
  // 国庆 2026: 1 to 7 October are off; Sunday 20 September and Saturday 10 October are worked.
  const clock = s.drivenClock('2026-09-19T10:00:00+08:00'); // a Saturday
  s.settings.calendar_dir = path.join(ROOT, 'conf/calendars');
  s.settings.defaults.hours = '09:00-18:00';
  const smsc = await s.smsc();
  await s.start();
  const list = people(4);
  const event = { starts: '2026-10-20T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } };
  const queue = (i, id, reminder, fields = {}) => s.xadd(campaign(id, [list[i]], { event, reminders: [{ name: 'first', ...reminder }], ...fields }));
  await queue(0, 'saturday', { at: 'now' }, { days: 'workdays' });
  await queue(1, 'holiday', { at: '2026-10-01T10:00', days: 'workdays' });
  await queue(2, 'any', { at: '2026-10-01T10:00', days: 'any' }, { days: 'workdays' });
  await queue(3, 'evening', { at: '2026-09-30T18:30', hours: '18:00-01:00' }, { days: 'workdays' });
  const steps = [
    ['2026-09-20T08:58:00+08:00', 0], ['2026-09-20T09:00:01+08:00', 1], // a Sunday
    ['2026-09-30T18:30:01+08:00', 2], ['2026-10-01T10:00:01+08:00', 3],
    ['2026-10-07T17:59:00+08:00', 3], ['2026-10-08T09:00:01+08:00', 4],
  ];
  for (const [time, told] of steps) {
    clock.sleepTo(time);
    await until(`${told} by ${time}`, () => smsc.messages.length >= told);
    await looked(s);
    assert.equal(smsc.messages.length, told, time);
  }
  assert.deepEqual(smsc.messages.map((m) => m.to), [list[0].sms, list[3].sms, list[2].sms, list[1].sms]);
});

journey('a gateway that is closed from midnight on, or on days of rest, sends nothing then', async (s) => {
  const clock = s.drivenClock('2026-10-09T23:50:00+08:00'); // a Friday; the Saturday is worked, the Sunday is not
  s.settings.calendar_dir = path.join(ROOT, 'conf/calendars');
  const smsc = await s.smsc(undefined, { rate: '20/s', window: 20, closed: ['2026-10-10'], days: 'workdays' });
  await s.start();
  const event = { starts: '2026-10-20T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } };
  await s.xadd(campaign('midnight', people(400), { event }));
  await until('the first ten', () => smsc.submits.length >= 10, 60000);
  clock.sleepTo('2026-10-10T00:00:00+08:00');
  const before = smsc.submits.length;
  await looked(s, 10);
  const told = smsc.submits.length;
  assert.ok(told < 400);
  assert.ok(told <= before + 10, `${told - before} came after midnight: more than what was on the wire`);
  for (const time of ['2026-10-10T12:00:00+08:00', '2026-10-11T12:00:00+08:00']) {
    clock.sleepTo(time);
    await looked(s, 5);
    assert.equal(smsc.submits.length, told, time);
  }
  clock.sleepTo('2026-10-12T00:00:01+08:00');
  assert.deepEqual(await s.settled('midnight', 'first', 100000), { delivered: 400 });
  assert.equal(new Set(smsc.submits.map((one) => one.to)).size, 400);
});

journey('a year whose holidays are not announced is told by check, and a calendar that is wrong stops the daemon', async (s) => {
  await s.smsc();
  s.settings.calendar_dir = path.join(ROOT, 'conf/calendars');
  const write = (day, days) => s.write('c.json', JSON.stringify({
    ...campaign('year', people(1), { event: { starts: `${day}T09:00`, timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } }, ...days }),
    reminders: [{ name: 'first', at: '-7d 09:00' }],
  }));
  s.drivenClock(NOON);
  write('2027-05-20', { days: 'workdays' });
  assert.match((await s.ok('check', s.path('c.json'))).out, /work days of 2027 are not known.*CN-2027\.conf.*Monday to Friday/);
  assert.equal(JSON.parse((await s.ok('--json', 'check', s.path('c.json'))).out).unannounced_year, 2027);
  write('2027-05-20', {});
  assert.doesNotMatch((await s.ok('check', s.path('c.json'))).out, /not known/);
  s.settings.calendar_dir = s.dir;
  for (const [text, wrong] of [
    ['off = ( "2027-02-30x" );', /CN-2027\.conf:1: off\[0\]: expected a day/],
    ['off = ( "2026-02-03" );', /is not in the year of this file/],
    ['off = ( "2027-02-03/2027-02-05" );\nworked = ( "2027-02-05" );', /CN-2027\.conf:2: worked\[0\]: stands there twice/],
    ['free = ( "2027-02-03" );', /expected source, off and worked/],
  ]) {
    s.write('CN-2027.conf', text);
    const bad = await s.run(['-t', '-c', s.conf], { program: 'outreachd' });
    assert.equal(bad.code, 78);
    assert.match(bad.err, wrong);
  }
  s.write('CN-2027.conf', 'source = "x";\noff = ( "2027-02-05/2027-02-12" );\n');
  write('2027-05-20', { days: 'workdays' });
  assert.doesNotMatch((await s.ok('check', s.path('c.json'))).out, /not known/);
});

journey('when a reminder is due, zone by zone and over every change of the clocks, as another tz implementation has it', async (s) => {
  await s.smsc();
  s.drivenClock('2026-01-10T00:00:00Z');
  // Zones and days on which their clocks change (gap, overlap), or the calendar is odd.
  const table = {
    'Asia/Shanghai': ['2026-03-29', '2028-02-29'], 'Europe/Berlin': ['2026-03-29', '2026-10-25', '2027-03-28'],
    'America/New_York': ['2026-03-08', '2026-11-01'], 'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
    'Africa/Casablanca': ['2026-02-15', '2026-03-22'], 'America/Santiago': ['2026-04-05', '2026-09-06'],
    'Asia/Kathmandu': ['2026-12-31'], 'Pacific/Apia': ['2027-01-01'], 'Europe/Dublin': ['2026-03-29', '2026-10-25'],
  };
  let gaps = 0;
  let twice = 0;
  for (const [zone, days] of Object.entries(table))
    for (const day of days) {
      const clocks = ['00:00', '00:30', '01:30', '01:59', '02:00', '02:15', '02:30', '03:00', '03:30', '23:59'];
      const event = new Date(Date.parse(`${day}T00:00Z`) + 3 * 86400e3).toISOString().slice(0, 10);
      s.write('z.json', JSON.stringify({
        ...campaign('zone', people(1), { event: { starts: `${event}T12:00`, timezone: zone, venue: { zh: '区妇联' } } }),
        reminders: clocks.flatMap((clock, i) => [{ name: `d${i}`, at: `-3d ${clock}` }, { name: `i${i}`, at: `${day}T${clock}` }]),
      }));
      const plan = JSON.parse((await s.ok('--json', 'check', s.path('z.json'))).out).reminders;
      for (const [i, clock] of clocks.entries()) {
        const found = instantsOf(zone, `${day}T${clock}`).length;
        gaps += found === 0;
        twice += found === 2;
        for (const kind of ['d', 'i'])
          assert.equal(plan.find((r) => r.name === `${kind}${i}`).due_ms, at(zone, `${day}T${clock}`), `${zone} ${day} ${clock}`);
      }
    }
  assert.ok(gaps >= 8 && twice >= 8, `${gaps} times that are not there, ${twice} that are there twice`);
});

journey('a machine that comes up before its own past is not believed', async (s) => {
  const smsc = await s.smsc();
  await s.redisServer();
  await s.start();
  await s.stop();
  const client = await s.redis();
  await client.call('HSET', 'outreach:daemon:d1', 'boot', 'another', 'wall', String(Date.now() + HOUR));
  await s.start();
  await until('the doubt', () => /clock.doubted/.test(s.log()));
  await s.xadd(campaign('past', people(2)));
  await until('the reminder', () => /reminder.open/.test(s.log()));
  await looked(s, 10);
  assert.equal(smsc.submits.length, 0);
  await s.ok('clock', 'confirm');
  assert.deepEqual(await s.settled('past', 'first'), { delivered: 2 });
  const audit = await client.call('XREVRANGE', 'outreach:audit', '+', '-', 'COUNT', '5');
  assert.ok(audit.some(([, fields]) => fields.join(' ').startsWith('op clock daemon d1')), 'who said so is on record');
});

journey('what is tried again and again is not tried in the night', async (s) => {
  const clock = s.drivenClock('2027-03-01T19:30:00+08:00');
  s.settings.defaults.hours = '08:00-20:30';
  s.settings.dispatch = { attempts: 15, backoff: '1min', backoff_max: '10min' };
  const MORNING = Date.parse('2027-03-02T08:00:00+08:00');
  // 0x08, ESME_RSYSERR: their trouble, for the whole evening.
  const smsc = await s.smsc(() => ({ status: clock.now() < MORNING ? 8 : 0 }));
  await s.start();
  await s.xadd(fair('again', people(1)));
  await until('a first try', () => smsc.submits.length >= 1);
  while (clock.now() < Date.parse('2027-03-01T21:00:00+08:00')) {
    clock.sleep(5 * MINUTE);
    await looked(s);
  }
  const tries = smsc.submits.length;
  assert.ok(tries >= 4, `${tries} tries in an hour`);
  for (const hour of ['2027-03-01T23:59:00', '2027-03-02T03:00:00', '2027-03-02T07:58:00']) {
    clock.sleepTo(`${hour}+08:00`);
    await looked(s);
  }
  assert.equal(smsc.submits.length, tries);
  for (const one of smsc.submits) assert.ok(hhmm(one.at) < '20:30', new Date(one.at).toISOString());
  clock.sleepTo(MORNING + 500);
  assert.deepEqual(await s.settled('again', 'first'), { delivered: 1 });
  assert.equal(smsc.submits.length, tries + 1);
});
