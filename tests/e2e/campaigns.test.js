'use strict';
// The year's plan of conf/campaigns as an office takes it: every file is right, nobody is
// missed or told too late or at night, no text is dear, no lock screen gives anybody away;
// and over the whole year the phones get what was forecast, notice for notice.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, ROOT } = require('./lib/stage');
const { until } = require('./lib/wait');
const { Wecom } = require('./lib/im_peers');
const { allowed, at, momentOf, walk } = require('./lib/year');
const { localTime } = require('./lib/clock');

const DIR = path.join(ROOT, 'conf/campaigns');
const FILES = fs.readdirSync(DIR).filter((name) => name.endsWith('.conf'));
const ZONE = 'Asia/Shanghai';
const HOURS = '08:00-12:00,14:00-20:30';
const TELLING = /法律|援助|维权|单亲|特困|困难|贫|家暴|legal|lawyer|\baid\b|hardship|single|poor|violence/i;
const source = (file) => fs.readFileSync(path.join(DIR, file), 'utf8');
/** The reminders of a file that are by each one's own time. */
const bySlot = (text) => new Set([...text.matchAll(/name = "([a-z0-9-]+)"; at = "[^"]* of slot"/g)].map((m) => m[1]));
/** Those that are only for who has a place: before a campaign is queued that is nobody. */
const byPlace = (text) => new Set([...text.matchAll(/name = "([a-z0-9-]+)"; at = "[^"]*"; only = "registered"/g)].map((m) => m[1]));

// The sample of slots: whose own time is 8:00 cannot be told two hours before, when it is night.
const KNOWN = { 'health-check.conf': { segments: 3, late: 17 } };

async function office(s) {
  const wecom = await new Wecom().start();
  s.closers.push(() => wecom.stop());
  s.env.WECOM_KEY = 'robot-key';
  s.env.WECOM_SECRET = 'app-secret';
  const api = `http://127.0.0.1:${wecom.port}`;
  s.settings.gateways.push(
    { name: 'members', plugin: 'wecom', corpid: 'ww1', secret: '@env:WECOM_SECRET', agentid: 1000002, api },
    { name: 'office-group', plugin: 'wecom', key: '@env:WECOM_KEY', group: true, api });
  Object.assign(s.settings.defaults, { hours: HOURS, per_recipient: ['1/30s', '5/day'], may_repeat: [] });
  s.settings.calendar_dir = path.join(ROOT, 'conf/calendars');
  return wecom;
}

const forecast = async (s, file) => JSON.parse((await s.ok('forecast', '--offline', '--json', file)).out);

journey('every campaign of conf/campaigns is right: nobody missed, late or woken, two segments at most', async (s) => {
  s.drivenClock('2026-12-01T10:00:00+08:00');
  await s.smsc();
  await office(s);
  const readme = source('README.md');
  const ids = new Set();
  for (const file of FILES) {
    const known = KNOWN[file] ?? { segments: 2, late: 0 };
    const text = source(file);
    const check = JSON.parse((await s.ok('check', '--json', path.join(DIR, file))).out);
    assert.equal(check.ok, true, file);
    ids.add(check.id);
    const sms = check.texts.filter((one) => one.channel === 'sms');
    for (const one of sms) {
      assert.equal(one.too_long + one.empty, 0, `${file}: ${one.text}`);
      if (/sensitive = true/.test(text)) assert.doesNotMatch(one.text, TELLING, file);
    }
    if (sms.length > 0) assert.equal(Math.max(2, ...sms.map((one) => one.longest)), known.segments, `${file}: segments of the longest row`);
    if (/sensitive = true/.test(text)) assert.doesNotMatch(text, /\{\{(name|姓名)/, `${file}: a name`);

    const slots = bySlot(text);
    const places = byPlace(text);
    assert.equal(places.size, /registration = /.test(text) ? 1 : 0, `${file}: who has a place is reminded`);
    const told = await forecast(s, path.join(DIR, file));
    assert.ok(told.recipients > 0, file);
    assert.equal(told.reminders.reduce((n, one) => n + one.late, 0), known.late, `${file}: late`);
    for (const one of told.reminders) {
      const what = `${file}: ${one.name}`;
      const [goes, missed] = places.has(one.name) ? [0, { filter: told.recipients }] : [told.recipients, {}];
      assert.deepEqual([one.skipped, one.notices + one.late, one.missed, one.opted_out], [false, goes, missed, 0], what);
      if (slots.has(one.name)) continue;
      const t = localTime(ZONE, one.due_ms);
      assert.equal(t.year, 2027, what);
      assert.equal(allowed(ZONE, HOURS, false, one.due_ms), one.due_ms, `${what} is due at night`);
      assert.equal(one.begins_ms, one.due_ms, `${what} waits`);
    }
    assert.equal(readme.split(`\`${file}\``).length - 1, 2, `${file} is in both indexes`);
  }
  assert.equal(ids.size, FILES.length, 'an id each');
});

/** The lists with two people each, so that a year is short. */
function lists(s) {
  const phones = ['13851490001', '13851490002'];
  s.write('residents.csv', `姓名,手机号,预约时间,企业微信\n甲,${phones[0]},2027-03-12 08:40,\n乙,${phones[1]},2027-03-12 10:20,\n`);
  for (const name of fs.readdirSync(DIR)) {
    if (name.endsWith('.conf')) fs.copyFileSync(path.join(DIR, name), s.path(name));
    if (name.endsWith('.csv') && name !== 'residents.csv')
      s.write(name, `${source(name).split('\n').slice(0, 3).join('\n')}\n`);
  }
}

/** Who of a campaign has which time: [{ to, slot }], the slots as its list has them. */
function people(s, text) {
  const list = /file = "([^"]+)"/.exec(text);
  if (!list) return [{ to: 'group' }];
  const [heading, ...rows] = fs.readFileSync(s.path(list[1]), 'utf8').trim().split('\n').map((line) => line.split(','));
  const [phone, slot] = [heading.indexOf('手机号'), heading.findIndex((h) => h === '时段' || h === '预约时间')];
  return rows.map((row) => ({ to: `+86${row[phone]}`, slot: row[slot].replace(' ', 'T') }));
}

/** "-1d 18:00 of slot" or "-2h of slot", as lib/year has it. */
function moment(text, name) {
  const m = new RegExp(`name = "${name}"; at = "-(\\d+)([dh])(?: (\\d\\d:\\d\\d))? of slot"`).exec(text);
  return m[2] === 'd' ? { days: -Number(m[1]), time: m[3] } : { minutes: -60 * Number(m[1]) };
}

journey('the whole year: phones and the group get what was forecast, notice for notice', async (s) => {
  const clock = s.drivenClock('2027-01-01T09:00:00+08:00');
  s.settings.log.level = 'info';
  const smsc = await s.smsc();
  const wecom = await office(s);
  await s.redisServer({}, clock.env());
  await s.start();
  lists(s);
  const client = await s.redis();
  const expected = [];
  const forecasts = [];
  for (const file of FILES) {
    const text = source(file);
    const slots = bySlot(text);
    const told = await forecast(s, s.path(file));
    told.reminders = told.reminders.filter((one) => !byPlace(text).has(one.name)); // nobody registers in this year
    forecasts.push(...told.reminders.map((one) => ({ id: told.id, ...one })));
    for (const one of told.reminders)
      for (const person of people(s, text)) {
        // Not what the forecast says of a slot, whose times are many: from the list.
        const due = slots.has(one.name) ? momentOf(ZONE, at(ZONE, person.slot), moment(text, one.name)) : one.due_ms;
        expected.push({ when: allowed(ZONE, HOURS, false, due), due, to: person.to, what: `${told.id}/${one.name}` });
      }
    await s.ok('queue', s.path(file));
  }
  await until('all of them', async () => (await client.call('SCARD', 'outreach:campaigns')) === FILES.length);
  assert.deepEqual(await s.rejected(), []);
  expected.sort((a, b) => a.when - b.when);
  const polls = async () => Number(/cmdstat_zrangebyscore:calls=(\d+)/.exec(await client.call('INFO', 'commandstats'))?.[1] ?? 0);
  const groupAt = [];
  const began = Date.now();
  await walk(clock, expected, {
    told: () => {
      while (groupAt.length < wecom.taken.length) groupAt.push(clock.now());
      return smsc.messages.length + groupAt.length;
    },
    look: async () => {
      const before = await polls();
      await until('a look at the schedule', async () => (await polls()) >= before + 2);
      await until('what is due to be begun', async () => {
        for (const key of await client.call('ZRANGEBYSCORE', 'outreach:schedule', '-inf', String(clock.now()))) {
          const [id, reminder] = key.split('/');
          if ((await client.call('HGET', `outreach:{${id}}:${reminder}`, 'state')) === 'scheduled') return false;
        }
        return true;
      });
    },
  });
  clock.sleep(40 * 86400e3);
  await until('the year to be over', async () => (await client.call('ZCARD', 'outreach:schedule')) === 0, 60000);

  const sum = (of, key) => of.reduce((n, one) => n + one[key], 0);
  const group = forecasts.filter((one) => one.gateways['office-group']);
  const phones = forecasts.filter((one) => one.gateways.mobile);
  assert.equal(group.length + phones.length, forecasts.length);
  assert.equal(smsc.messages.length, sum(phones, 'notices'), 'notices of phones');
  assert.equal(smsc.submits.length, sum(phones, 'segments'), 'segments of phones');
  assert.equal(wecom.taken.length, sum(group, 'notices'), 'notices of the group');
  const seen = [...smsc.messages.map((m) => ({ to: m.to, at: m.submits[0].at })), ...groupAt.map((when) => ({ to: 'group', at: when }))];
  for (const want of expected) {
    const k = seen.findIndex((m) => m.to === want.to && m.at >= want.when && m.at < want.when + 300e3);
    assert.ok(k >= 0, `${want.what} to ${want.to} at ${new Date(want.when).toISOString()}`);
    seen.splice(k, 1);
  }
  assert.deepEqual(seen, [], 'nothing that was not forecast');
  console.log(`# ${expected.length} notices of ${FILES.length} campaigns in ${((Date.now() - began) / 1000).toFixed(0)} s`);
}, { timeout: 600000 });
