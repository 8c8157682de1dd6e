'use strict';
// What residents write back: places are taken and given back by reply, answers counted, refusals
// confirmed once, cries for help told to the duty people, and the rest is kept for a person.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people, until } = require('./lib/stage');

const SOURCE = '1069000038';

/** What was said to a number beyond the first n texts, without the signature. */
const said = (smsc, number, n = 0) => smsc.textsFor(number).slice(n).map((t) => t.replace('【鼓楼区妇联】', ''));
const hears = (smsc, person, text) => until(`${person.name} to hear ${text}`,
  () => said(smsc, person.sms).some((t) => t.includes(text)));

async function stored(s) {
  const entries = (await (await s.redis()).call('XRANGE', 'outreach:replies', '-', '+')) ?? [];
  return entries.map(([id, flat]) => {
    const fields = { id };
    for (let i = 0; i < flat.length; i += 2) fields[flat[i]] = flat[i + 1];
    return fields;
  });
}

journey('a course of two places: who replies has one, waits for one, gives it back, and only they are reminded', async (s) => {
  const [a, b, c, d, late, never] = people(6);
  s.drivenClock('2027-03-01T09:00:00+08:00');
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('flowers', [a, b, c, d, late, never], {
    class: 'notice', title: { zh: '插花培训', en: 'Flowers' }, event: { starts: '2027-03-08T14:00', timezone: 'Asia/Shanghai' },
    registration: { word: '1', cancel_word: '不去了', capacity: 2, waiting: 1, until: '-1d 12:00' },
    texts: { zh: '{{name}}，插花培训回1报名。', en: 'x', confirmation: { zh: '{{name}}，给您留了座位。' } },
    reminders: [{ name: 'open', at: 'now' },
      { name: 'places', at: '-2d 10:00', only: 'unregistered', texts: { zh: '{{name}}，还可以候补。' } },
      { name: 'eve', at: '-1d 10:00', only: 'registered', texts: { zh: '{{name}}，明天开课。' } }],
  }));
  assert.deepEqual(await s.settled('flowers', 'open'), { delivered: 6 });
  const reply = async (person, text) => assert.equal(await smsc.reply(person.sms, SOURCE, text), 0);
  await reply(a, '１');
  await hears(smsc, a, '居民1，给您留了座位。');
  await reply(a, '报名'); // has it, and was told
  await reply(b, '回1报名');
  await hears(smsc, b, '居民2，给您留了座位。');
  await reply(c, '1。');
  await hears(smsc, c, '候补');
  await reply(d, '1');
  await hears(smsc, d, '名额已满，未能为您登记');
  await reply(a, '取消'); // no refusal here: the place goes to whoever waits
  await hears(smsc, a, '已取消您的登记');
  await hears(smsc, c, '居民3，给您留了座位。');
  await reply(never, '几点开始？'); // for a person
  const client = await s.redis();
  assert.equal(await client.call('SCARD', 'outreach:optout'), 0);
  assert.deepEqual((await stored(s)).map((r) => [r.from, r.kind, r.campaign, r.n]),
    [[a, 'registered', 1], [a, 'registered', 1], [b, 'registered', 2], [c, 'waiting', 3], [d, 'full', 4], [a, 'withdrawn', 1],
      [never, 'reply', 6]].map(([who, kind, n]) => [who.sms, kind, 'flowers', String(n)]));

  s.clock.sleepTo('2027-03-06T10:00:01+08:00');
  assert.deepEqual(await s.settled('flowers', 'places'), { delivered: 4, excluded: 2 });
  s.clock.sleepTo('2027-03-07T10:00:01+08:00');
  assert.deepEqual(await s.settled('flowers', 'eve'), { delivered: 2, excluded: 4 });
  await until('its end', async () => (await client.call('HGET', 'outreach:{flowers}:eve', 'state')) === 'done');
  assert.deepEqual(said(smsc, b.sms).slice(-1), ['居民2，明天开课。']);
  assert.deepEqual(said(smsc, c.sms).slice(-1), ['居民3，明天开课。']);
  // Somebody gives back and somebody comes late: she is reminded too, though the reminder had ended.
  await reply(b, '不去了');
  await hears(smsc, b, '已取消您的登记');
  await reply(late, '1');
  await hears(smsc, late, '居民5，给您留了座位。');
  await hears(smsc, late, '居民5，明天开课。');
  s.clock.sleepTo('2027-03-07T12:00:01+08:00');
  await reply(d, '1');
  await hears(smsc, d, '回复时间已过');
  await until('all to be settled', async () => Object.keys(await s.counts('flowers', 'answers')).join() === 'delivered');
  assert.deepEqual(await s.counts('flowers', 'eve'), { delivered: 3, excluded: 3 });
  assert.equal(said(smsc, a.sms).filter((t) => /留了座位/.test(t)).length, 1);
  assert.deepEqual(said(smsc, b.sms).slice(-2), ['居民2，明天开课。', '已取消您的登记：插花培训。']);
  assert.equal((await s.outreach('verify', 'flowers')).code, 0);
  const why = JSON.parse((await s.ok('why', a.sms, '--json')).out);
  assert.match(JSON.stringify(why), /"filter"/);
  // 取消 from who has no place is what it is everywhere else.
  await reply(d, '取消');
  await until('the refusal', async () => (await client.call('SISMEMBER', 'outreach:optout', d.sms)) === 1);
  await hears(smsc, d, '您已退订');
});
