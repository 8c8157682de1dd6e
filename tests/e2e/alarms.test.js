'use strict';
// What people should see to before it does harm: each alarm is provoked, said once, shown by
// `outreach list` and `outreach gateways` while it lasts, and said once to be over. (Redis' own
// are provoked in away.test.js, the clock's in time.test.js.)

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');

const HOUR = 3600e3;
const times = (s, what) => s.log().split(what).length - 1;

/** The alarm goes up once, both commands show it, and then end() ends it, once. */
async function alarm(s, up, shown, over, end = () => {}) {
  await until(up, () => times(s, up) === 1, 60000);
  for (const command of ['list', 'gateways'])
    await until(`outreach ${command} to show it`, async () => shown.test((await s.ok(command)).out), 30000);
  await end();
  await until(over, () => times(s, over) === 1, 60000);
  await until('nothing of it to be shown', async () => !shown.test((await s.ok('list')).out), 30000);
  assert.equal(times(s, up), 1, 'it is said once');
  assert.equal(times(s, over), 1, 'and so is its end');
}

journey('a disk with less than a tenth free is told, and that there is room again', async (s) => {
  await s.smsc();
  await s.start({ env: { OUTREACH_FAULT: 'disk-low:2*8' } }); // eight looks in a row
  await alarm(s, 'disk.low', /d1: only 7 % of the disk is free at .*state/, 'disk.recovered');
});

journey('a gateway that sends no receipts any more is told, and the first that comes ends it', async (s) => {
  let quiet = true;
  await s.smsc(() => ({ receipt: quiet ? false : {} }), { receipt_silence: '3s' });
  await s.start();
  const began = Date.now();
  await s.xadd(campaign('few', people(19)));
  await s.counted('few', 'first', { accepted: 19 }, 60000);
  await until('some looks', async () => {
    const status = JSON.parse((await s.ok('gateways', '--json')).out)[0].daemons[0];
    return status?.accepted === 19 && Date.now() - began > 9000; // three times the limit
  }, 60000);
  assert.equal(times(s, 'receipts.silent'), 0, 'so few may all be switched off');
  await s.xadd(campaign('more', people(30).slice(20)));
  await alarm(s, 'receipts.silent', /d1: mobile has sent no receipt for .*, though many wait/, 'receipts.back', async () => {
    quiet = false;
    await s.xadd(campaign('back', people(40).slice(39)));
  });
});

journey('receipts that another daemon gets are no silence of this one', async (s) => {
  // The operator sends them all by the session of the second daemon: it sends nothing itself.
  const smsc = await s.smsc(({ session }) => ({ receipt: { session: smsc.second ?? session } }), { receipt_silence: '4s' });
  await s.redisServer();
  await s.start();
  await smsc.bound(1);
  const [first] = smsc.sessions;
  s.settings.name = 'd2';
  s.settings.log = { ...s.settings.log, delivery: s.path('d2.jsonl') };
  s.epoch = 0;
  await s.start();
  await smsc.bound(2);
  smsc.second = [...smsc.sessions].find((one) => one !== first);
  await s.xadd(campaign('all', people(400), { rate: '20/s' }));
  assert.deepEqual(await s.settled('all', 'first', 90000), { delivered: 400 });
  assert.equal(times(s, 'receipts.silent'), 0);
});

journey('a notice in doubt for more than an hour is told, until it is too late for it', async (s) => {
  const clock = s.drivenClock('2027-03-01T09:00:00+08:00');
  await s.smsc(({ n }) => ({ silent: n === 2, receipt: false }), { response_timeout: '1s' });
  await s.start();
  const event = { starts: '2027-03-03T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } };
  await s.xadd(campaign('asked', people(3), {
    event, reminders: [{ name: 'first', at: 'now', doubt: 'hold' }],
  }));
  await s.counted('asked', 'first', { accepted: 2, uncertain: 1 }, 60000);
  // How far it is, is what is through: what is in doubt may wait again, and then nothing goes back.
  assert.match((await s.outreach('watch', 'asked', '-t', '1')).out, /^asked\/first \S+ 2\/3 66% accepted 2 uncertain 1 in doubt$/m);
  clock.sleep(0.9 * HOUR);
  await s.xadd(campaign('later', people(9).slice(8), { event })); // the daemon has gone on
  await s.counted('later', 'first', { accepted: 1 }, 60000);
  assert.equal(times(s, 'doubt.old'), 0);
  clock.sleep(0.2 * HOUR);
  await alarm(s, 'doubt.old', /d1: nobody knows for .* whether a notice was sent: outreach show -s uncertain asked/, 'doubt.over', () => clock.sleep(48 * HOUR));
  assert.match(s.log(), /doubt\.old campaign=asked reminder=first n=[123] age_s=39[67]\d/);
});
