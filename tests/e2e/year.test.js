'use strict';
// A year of reminders, in about a minute: from July 2026 to June 2027, over both changes of
// summer time, the holidays that are announced and a year that is not. Everyone is told what
// she is to be told, on its day, within her hours, once; see lib/year.js for how the test
// knows.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, ROOT } = require('./lib/stage');
const { until } = require('./lib/wait');
const { allowed, at, dice, momentOf, momentText, walk, dayAfter } = require('./lib/year');

const START = '2026-07-01T00:30:00+08:00';
const HOURS = ['08:00-12:00,14:00-20:30', '09:00-18:00', '19:00-02:00', 'always'];
const ZONES = ['Asia/Shanghai', 'Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'];
const REMINDERS = [
  [{ days: -7, time: '09:30' }, { days: -1, time: '18:00' }, { days: 0, time: '07:30' }],
  [{ days: -3 }, { minutes: -120 }],
  [{ days: -14, time: '10:00' }, { days: 1, time: '10:00' }],
  [{ days: -2, time: '02:30' }, { minutes: -45, ofSlot: true }],
];

/** A campaign, and what of it is expected: [{ when, to, text, until }]; until: 0 for no promise. */
function generated(i, roll) {
  const zone = ZONES[roll(ZONES.length)];
  const hours = HOURS[roll(HOURS.length)];
  const workdays = roll(3) === 0;
  // Spread over the year; two fall on the mornings when Berlin's clocks change.
  const day = i === 0 ? '2026-10-25' : i === 1 ? '2027-03-28' : dayAfter('2026-07-20', i * 7 + roll(8));
  const starts = `${day}T${String(9 + roll(10)).padStart(2, '0')}:${['00', '15', '40'][roll(3)]}`;
  const start = at(zone, starts);
  const reminders = REMINDERS[roll(REMINDERS.length)];
  const own = roll(2) === 0;
  const slots = reminders.some((r) => r.ofSlot);
  const recipients = Array.from({ length: 2 + roll(3) }, (_, k) => ({
    name: `N${k}`, sms: `+86138514${String(10000 + i * 10 + k)}`,
    ...(own ? { timezone: ZONES[1 + roll(ZONES.length - 1)] } : {}),
    ...(slots ? { slot: `${day}T${11 + k}:20` } : {}),
  }));
  const expected = [];
  for (const [r, reminder] of reminders.entries())
    for (const person of recipients) {
      const from = reminder.ofSlot ? at(zone, person.slot) : start;
      const due = momentOf(zone, from, reminder);
      const when = allowed(person.timezone ?? zone, hours, workdays, due);
      // The README's `expires`: the start; each one's slot; a day after what is due later.
      const until = reminder.ofSlot ? from : due > start ? due + 86400e3 : start;
      if (when < until) expected.push({ when, due, to: person.sms, text: `【鼓楼区妇联】C${i}R${r}${person.name}`, until });
    }
  const campaign = {
    id: `year-${i}`, class: ['notice', 'personal'][roll(2)], title: '测试', hours,
    ...(workdays ? { days: 'workdays' } : {}), event: { starts, timezone: zone },
    audience: { recipients, same_phone: 'each' }, channels: ['sms'],
    reminders: reminders.map((one, r) => ({ name: `r${r}`, at: momentText(one), texts: { zh: `C${i}R${r}{{name}}` } })),
  };
  return { campaign, expected };
}

/** The year's plan of conf/campaigns, with a list of ours: what is told at which times. */
function planned(s) {
  const dir = path.join(ROOT, 'conf/campaigns');
  const phones = ['13851490001', '13851490002'];
  s.write('residents.csv', `姓名,手机号,预约时间,企业微信\n甲,${phones[0]},2027-03-12 08:40,\n乙,${phones[1]},2027-03-12 10:20,\n`);
  for (const file of fs.readdirSync(dir).filter((name) => name.endsWith('.conf'))) fs.copyFileSync(path.join(dir, file), s.path(file));
  const zone = 'Asia/Shanghai';
  // As the three files say; the usual hours are 8 to 12 and 14 to 20:30.
  const times = {
    'job-fair.conf': ['2027-02-27T09:30', '2027-03-05T18:00', '2027-03-06T08:00'],
    'anti-drug-volunteers.conf': ['2027-06-23T10:00', '2027-06-25T18:30'],
    'health-check.conf': ['2027-03-07T10:00'],
  };
  const expected = [];
  for (const list of Object.values(times))
    for (const text of list) for (const phone of phones) expected.push({ when: at(zone, text), to: `+86${phone}` });
  expected.push({ when: at(zone, '2027-03-12T08:00'), to: `+86${phones[0]}` }); // 6:40 is night
  expected.push({ when: at(zone, '2027-03-12T08:20'), to: `+86${phones[1]}` });
  return { files: Object.keys(times), expected };
}

journey('a year: everyone is told everything on its day, within her hours, once, and nothing late', async (s) => {
  const clock = s.drivenClock(START);
  s.settings.calendar_dir = path.join(ROOT, 'conf/calendars');
  s.settings.log.level = 'info';
  const smsc = await s.smsc(undefined, { validity: 'absolute' });
  await s.redisServer({}, clock.env());
  await s.start();
  const client = await s.redis();
  const polls = async () => Number(/cmdstat_zrangebyscore:calls=(\d+)/.exec(await client.call('INFO', 'commandstats'))?.[1] ?? 0);
  const roll = dice(2027);
  const all = Array.from({ length: 45 }, (_, i) => generated(i, roll));
  for (const one of all) await s.xadd(one.campaign);
  s.settings.defaults.hours = '08:00-12:00,14:00-20:30';
  s.writeConf();
  const plan = planned(s);
  for (const file of plan.files) {
    const text = fs.readFileSync(s.path(file), 'utf8').replace(/channels = /, 'hours = "08:00-12:00,14:00-20:30"; channels = ');
    fs.writeFileSync(s.path(file), text);
    await s.ok('queue', s.path(file));
  }
  await until('all of them', async () => (await client.call('SCARD', 'outreach:campaigns')) === all.length + 3);
  assert.deepEqual(await s.rejected(), []);

  const expected = [...all.flatMap((one) => one.expected), ...plan.expected].sort((a, b) => a.when - b.when);
  let half = false;
  const began = Date.now();
  await walk(clock, expected, {
    told: () => smsc.messages.length, // whole ones: a long text has parts
    look: async () => {
      const before = await polls();
      await until('a look at the schedule', async () => (await polls()) >= before + 2);
      // And what is due is begun: to fall asleep before that is to miss it.
      await until('what is due to be begun', async () => {
        for (const key of await client.call('ZRANGEBYSCORE', 'outreach:schedule', '-inf', String(clock.now()))) {
          const [id, reminder] = key.split('/');
          if ((await client.call('HGET', `outreach:{${id}}:${reminder}`, 'state')) === 'scheduled') return false;
        }
        return true;
      });
    },
    each: async (i, of) => {
      if (half || i < of / 2) return;
      half = true;
      await s.stop('SIGKILL'); // and nobody gets anything again
      await s.start();
      await smsc.bound();
    },
  });
  clock.sleep(40 * 86400e3);
  const left = async () => (await client.call('ZCARD', 'outreach:schedule')) === 0;
  await until('the year to be over', left, 60000);

  const seen = smsc.messages.map((m) => ({ to: m.to, text: m.text, at: m.submits[0].at, until: new Date(m.submits[0].pdu.validity_period).getTime() }));
  assert.equal(smsc.messages.length, expected.length, 'none twice, none missing');
  for (const want of expected) {
    const k = seen.findIndex((m) => m.to === want.to && (want.text === undefined ? m.at >= want.when && m.at < want.when + 600e3 : m.text === want.text));
    assert.ok(k >= 0, `${want.text ?? 'a notice'} to ${want.to} at ${new Date(want.when).toISOString()}`);
    const [got] = seen.splice(k, 1);
    assert.ok(got.at >= want.when, `${want.text}: ${new Date(got.at).toISOString()} is before ${new Date(want.when).toISOString()}`);
    assert.ok(got.at < want.when + 300e3, `${want.text}: ${new Date(got.at).toISOString()} is long after ${new Date(want.when).toISOString()}`);
    if (want.until) assert.equal(new Date(got.until).toISOString(), new Date(want.until).toISOString(), `${want.text}: until when`);
  }
  for (const id of ['year-0', 'year-7', 'job-fair-2027-spring']) await s.ok('verify', id);
  console.log(`# ${expected.length} notices at ${new Set(expected.map((one) => one.when)).size} times of a year in ${((Date.now() - began) / 1000).toFixed(0)} s`);
}, { timeout: 900000 });
