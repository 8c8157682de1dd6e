'use strict';
// The modem plugin in the real daemon, on a pseudo terminal.

const assert = require('node:assert/strict');
const { journey, campaign, people, BUILD } = require('./lib/stage');
const { Modem } = require('./lib/modem');
const { until } = require('./lib/wait');

function modem(s, gateway = {}) {
  const one = new Modem(BUILD, s.path('ttyUSB0'));
  s.closers.push(async () => assert.equal(await one.stop(), 0, 'it was told what a modem knows'));
  s.settings.gateways.push({
    name: 'sims', plugin: 'modem', channel: 'sms', ports: [one.link], signature: 'prefix', poll: '200ms',
    reconnect_min: '50ms', reconnect_max: '200ms', reset_wait: '50ms', ...gateway,
  });
  return one;
}

const state = async (s) => JSON.parse((await s.ok('gateways', '--json')).out)[0].daemons[0]?.state ?? '';

journey('each gets hers, is settled by her own report, and one who answers T gets nothing more', async (s) => {
  const one = modem(s);
  await one.plug();
  await s.start();
  await s.xadd(campaign('march8', people(4)));
  await s.counted('march8', 'first', { accepted: 4 }, 60000);
  assert.deepEqual(one.sent.map((m) => m.to).sort(), people(4).map((p) => p.sms));
  for (const { to, text } of one.sent) {
    const { name } = people(4).find((p) => p.sms === to);
    assert.ok(text.startsWith(`【鼓楼区妇联】${name}您好，请到区妇联。`), text);
  }
  const [first, ...rest] = one.sent;
  one.report(first, 0x46); // validity period expired: 9.2.3.15
  for (const message of rest) one.report(message);
  assert.deepEqual(await s.settled('march8', 'first', 60000), { delivered: 3, undelivered: 1 });
  one.reply(2, '+8613851401001', 'T');
  await until('the reply to be taken out of the SIM', () => one.deleted === 1, 60000);
  await s.xadd(campaign('later', people(3)));
  await s.counted('later', 'first', { accepted: 2, 'opted-out': 1 }, 60000);
  assert.equal((await s.ledger('later', 'first'))[1].state, 'opted-out');
  await s.ok('verify', 'march8');
});

journey('without its SIM the gateway is down and says why; with it all goes on', async (s) => {
  const one = modem(s);
  one.tell('sim 0');
  await one.plug();
  await s.start();
  await s.xadd(campaign('waits', people(2)));
  await until('the reason to be shown', async () => /no SIM card/.test(await state(s)), 60000);
  assert.match((await s.ok('gateways')).out, /sims +sms +modem +DOWN [^]*sims: takes nothing now: 0 of 1 modems ready; 1: no SIM card/);
  assert.equal(one.sent.length, 0);
  one.tell('sim 1');
  await s.counted('waits', 'first', { accepted: 2 }, 90000);
  await until('the network to be shown', async () => /1 of 1 modems ready; 1: CHINA MOBILE -71 dBm/.test(await state(s)), 60000); // 27.007 8.5: 21
});

journey('a modem that vanishes in the middle and comes back sends nothing twice', async (s) => {
  const one = modem(s);
  one.tell('silent 3'); // the third is taken, and not answered
  one.onSent = () => {
    if (one.sent.length === 3) one.tell('unplug');
  };
  await one.plug();
  await s.start();
  await s.xadd(campaign('gone', people(6), { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await until('the modem to be missed', async () => one.sent.length >= 3 && /modem\.down/.test(s.log()), 60000);
  await until('its last one to be in doubt', async () => (await s.counts('gone', 'first')).uncertain === 1, 60000);
  one.tell('silent 0');
  await one.plug();
  await s.counted('gone', 'first', { accepted: 5, uncertain: 1 }, 90000);
  assert.deepEqual(one.sent.map((m) => m.to).sort(), people(6).map((p) => p.sms), 'each once');
  for (const message of one.sent) one.report(message);
  await until('the reports', async () => (await s.counts('gone', 'first')).delivered === 5, 60000);
  assert.equal(one.sent.length, 6);
});
