'use strict';
// `only` = "told", "untold", "undelivered": who of an event's people had an earlier reminder, by the
// ledgers at the moment when the later one leaves; and what forecast, report and why say of it.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');

journey('a second reminder goes to those told, to those untold, or to those whom the first did not reach', async (s) => {
  const [has, lost, refusedThere, late] = people(4);
  s.drivenClock('2027-03-01T09:00:00+08:00');
  const smsc = await s.smsc(({ to, text }) => {
    if (!text.includes('第一次')) return {};
    if (to === lost.sms) return { receipt: { state: 'UNDELIV', err: '001' } };
    return to === refusedThere.sms ? { status: 0x0b } : {}; // invalid destination address
  });
  await s.start();
  const text = (zh) => ({ zh: `{{name}}，${zh}。` });
  const body = campaign('again', [has, lost, refusedThere], {
    class: 'notice', event: { starts: '2027-03-08T14:00', timezone: 'Asia/Shanghai' },
    texts: text('先说一声'),
    reminders: [{ name: 'first', at: 'now', expires: '-6d', texts: text('第一次') },
      { name: 'once-more', at: '-4d 10:00', only: 'undelivered', expires: '-4d 12:00', texts: text('再发一次') },
      { name: 'new-ones', at: '-3d 10:00', only: 'untold', expires: '-3d 12:00', texts: text('您是后来的') },
      { name: 'changed', at: '-2d 10:00', only: 'told', texts: text('上次说过的') }],
  });
  const file = s.write('again.json', JSON.stringify(body));
  const forecast = JSON.parse((await s.ok('forecast', file, '--json')).out);
  assert.deepEqual(forecast.reminders.map((r) => [r.notices, r.missed]),
    [[3, {}], [0, { filter: 3 }], [0, { filter: 3 }], [3, {}]]);
  await s.ok('queue', file);
  assert.deepEqual(await s.settled('again', 'first'), { delivered: 1, undelivered: 1, failed: 1 });
  s.clock.sleepTo('2027-03-03T09:00:00+08:00');
  s.write('late.csv', `姓名,手机号\n${late.name},${late.sms.slice(3)}\n`);
  await s.ok('add', 'again', s.path('late.csv'));
  s.clock.sleepTo('2027-03-04T10:00:01+08:00');
  assert.deepEqual(await s.settled('again', 'once-more'), { delivered: 2, excluded: 2 });
  s.clock.sleepTo('2027-03-05T10:00:01+08:00');
  assert.deepEqual(await s.settled('again', 'new-ones'), { delivered: 1, excluded: 3 });
  s.clock.sleepTo('2027-03-06T10:00:01+08:00');
  assert.deepEqual(await s.settled('again', 'changed'), { delivered: 4 });
  const heard = (who) => smsc.textsFor(who.sms).map((t) => t.replace(/^.*，|。$/g, ''));
  assert.deepEqual(heard(has), ['第一次', '上次说过的']);
  assert.deepEqual(heard(lost).slice(1), ['再发一次', '上次说过的']);
  assert.deepEqual(heard(refusedThere), ['再发一次', '上次说过的']);
  assert.deepEqual(heard(late), ['您是后来的', '上次说过的']);

  const report = JSON.parse((await s.ok('report', 'again', '--reminder', 'new-ones', '--json')).out);
  assert.match(JSON.stringify(report), /"filter"/);
  assert.match((await s.ok('why', has.sms)).out, /new-ones[^]*earlier/);
  assert.equal((await s.outreach('verify', 'again')).code, 0);
});
