'use strict';
// The next gateway, the next channel: when, to whom, and never two by our doing.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const quick = { backoff: '1s', backoff_max: '2s' };
const both = { channels: ['sms', 'wecom'] };

/** People with both addresses: +8613851401000 is wecom's u1000. */
const reachable = (n) => people(n, (i) => ({ wecom: `u${1000 + i}` }));

/** A gateway of the other channel, which sends no receipts. */
const chat = (s, behave) => s.cloud(behave, { name: 'chat', channel: 'wecom', signature: 'none' });

const asked = (peer) => peer.requests.map((r) => r.query.to).sort();
const events = (s, n) => s.deliveryLog().filter((e) => e.n === n).map((e) => e.event);

journey('a negative receipt sends the notice by the next channel, once, and it is one notice in the count', async (s) => {
  const smsc = await s.smsc(({ to }) => ({ receipt: to.endsWith('1') ? {} : { state: 'UNDELIV', err: '021' } }));
  const other = await chat(s);
  await s.start();
  await s.xadd(campaign('sad', reachable(12), both)); // the second and the twelfth arrive
  await s.counted('sad', 'first', { delivered: 2, accepted: 10 });
  assert.equal(smsc.submits.length, 12);
  assert.deepEqual(asked(other), reachable(12).filter((p) => !p.sms.endsWith('1')).map((p) => p.wecom).sort());
  assert.deepEqual(events(s, 1), ['intent', 'accepted', 'next-channel', 'intent', 'accepted']);
  assert.equal((await s.outreach('verify', 'sad')).code, 0);
  await until('its end', async () => (await (await s.redis()).call('HGET', 'outreach:{sad}:first', 'state')) === 'done');
});

journey('a negative receipt that comes when the reminder is over opens it again', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  const other = await chat(s);
  await s.start();
  const client = await s.redis();
  const state = () => client.call('HGET', 'outreach:{over}:first', 'state');
  await s.xadd(campaign('over', reachable(3), both));
  await s.counted('over', 'first', { accepted: 3 });
  await until('its end', async () => (await state()) === 'done');
  for (const submit of smsc.submits) await smsc.receipt(submit, { state: 'UNDELIV' });
  await until('the other channel', () => other.requests.length === 3);
  await s.counted('over', 'first', { accepted: 3 });
  await until('its end, again', async () => (await state()) === 'done');
  assert.equal(smsc.submits.length, 3);
  assert.equal((await s.outreach('verify', 'over')).code, 0);
});

journey('who has no address on another channel is undelivered, with the reason of the receipt', async (s) => {
  await s.smsc(() => ({ receipt: { state: 'UNDELIV', err: '021' } }));
  const other = await chat(s);
  await s.start();
  await s.xadd(campaign('alone', people(2), both));
  assert.deepEqual(await s.settled('alone', 'first'), { undelivered: 2 });
  assert.equal(other.requests.length, 0);
  const records = await s.ledger('alone', 'first');
  assert.notEqual(records[0].reason, 0);
});

journey('what one gateway has rejected goes to the next channel and to no sister of that gateway', async (s) => {
  const smsc = await s.smsc(() => ({ status: 0x0b }));
  const sister = await s.cloud();
  const other = await chat(s);
  await s.start();
  await s.xadd(campaign('sister', reachable(6), both));
  await s.counted('sister', 'first', { accepted: 6 });
  assert.equal(smsc.submits.length, 6);
  assert.equal(sister.requests.length, 0);
  assert.deepEqual(asked(other), reachable(6).map((p) => p.wecom));
});

journey('when all attempts are spent, on every gateway of a channel, the next channel has its turn', async (s) => {
  const smsc = await s.smsc(() => ({ status: 0x08 }));
  const sister = await s.cloud(() => ({ status: 503, body: 'later' }));
  const other = await chat(s);
  s.settings.dispatch = { ...quick, attempts: 2 };
  await s.start();
  await s.xadd(campaign('spent', reachable(3), both));
  await s.counted('spent', 'first', { accepted: 3 }, 30000);
  assert.equal(smsc.submits.length, 3);
  assert.equal(sister.requests.length, 3);
  assert.deepEqual(asked(other), reachable(3).map((p) => p.wecom));
});

journey('without a receipt in time the next channel has its turn; a late receipt of the first try is told apart', async (s) => {
  const smsc = await s.smsc(({ n }) => ({ receipt: n === 1 ? {} : false }));
  const other = await chat(s);
  await s.start();
  await s.xadd(campaign('quiet', reachable(4), { ...both, fallback_after: '1s' }));
  await until('the other channel', () => other.requests.length === 3);
  await s.counted('quiet', 'first', { delivered: 1, accepted: 3 });
  const submit = (k) => smsc.submits.find((one) => one.to === people(4)[k].sms);
  const first = smsc.submits[0].to;
  const [late, never] = [0, 1, 2, 3].filter((k) => people(4)[k].sms !== first);
  assert.equal(await smsc.receipt(submit(never), { state: 'UNDELIV' }), 0);
  assert.equal(await smsc.receipt(submit(late)), 0);
  await s.counted('quiet', 'first', { delivered: 2, accepted: 2 });
  await pause(1500);
  assert.equal(smsc.submits.length, 4);
  assert.equal(other.requests.length, 3);
  await until('why to be logged', () => s.deliveryLog().some((e) => e.event === 'next-channel' && e.reason === 'no-receipt'));
  await until('nothing to be looked at', async () => (await (await s.redis()).call('ZCARD', 'outreach:{quiet}:first:retry')) === 0);
  assert.equal((await s.outreach('verify', 'quiet')).code, 0);
});

journey('who has no other address, or a gateway without receipts, is not waited for', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  const other = await chat(s);
  await s.start();
  const list = [people(1)[0], { wecom: 'u2', sms: '', name: '乙' }, { ...people(2)[1], wecom: 'u3' }];
  await s.xadd(campaign('last', list, { channels: ['wecom', 'sms'], fallback_after: '1s' }));
  await s.counted('last', 'first', { accepted: 3 });
  await pause(2000);
  await s.counted('last', 'first', { accepted: 3 });
  assert.deepEqual(asked(other), ['u2', 'u3']);
  assert.deepEqual(smsc.submits.map((one) => one.to), [list[0].sms]);
  // Nor is anybody waited for after accepted is final: receipt_wait, 72 h.
  await s.xadd(campaign('week', reachable(1), { ...both, fallback_after: '168h' }));
  await s.counted('week', 'first', { accepted: 1 });
  const until = Number(await (await s.redis()).call('ZSCORE', 'outreach:{week}:first:retry', '1')) - Date.now();
  assert.ok(until > 71 * 3600e3 && until <= 72 * 3600e3, `${until} ms`);
});

journey('a cancel and a refusal hold for the next channel too', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  const other = await chat(s);
  await s.start();
  const list = reachable(3);
  await s.xadd(campaign('no', list, both));
  await s.xadd(campaign('stop', reachable(3), both));
  await s.counted('no', 'first', { accepted: 3 });
  await s.counted('stop', 'first', { accepted: 3 });
  const client = await s.redis(); // a receipt could open it again
  await until('its end', async () => (await client.call('HGET', 'outreach:{stop}:first', 'state')) === 'done');
  await s.ok('cancel', '-y', 'stop');
  await s.ok('optout', 'add', '--as-is', list[0].wecom); // on one channel: it holds for the person
  await s.ok('optout', 'add', list[1].sms);
  for (const submit of smsc.submits) await smsc.receipt(submit, { state: 'UNDELIV' });
  await s.counted('no', 'first', { 'opted-out': 2, accepted: 1 });
  assert.deepEqual(await s.settled('stop', 'first'), { undelivered: 3 });
  assert.deepEqual(asked(other), [list[2].wecom]);
});

journey('a reply that refuses by SMS holds on every channel of that person', async (s) => {
  const smsc = await s.smsc();
  const other = await chat(s);
  await s.start();
  await smsc.bound();
  const list = reachable(3);
  assert.equal(await smsc.reply(list[1].sms, '1069000038', '退订'), 0);
  await s.xadd(campaign('chat', list, { channels: ['wecom', 'sms'] }));
  await s.counted('chat', 'first', { accepted: 2, 'opted-out': 1 });
  assert.deepEqual(asked(other), [list[0].wecom, list[2].wecom]);
});

journey('a refusal that cannot be kept is not acknowledged: the operator sends it again', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await smsc.bound();
  const client = await s.redis();
  await client.call('RENAME', 'outreach:optout', 'outreach:aside');
  await client.call('SET', 'outreach:optout', 'no set');
  assert.notEqual(await smsc.reply(people(1)[0].sms, '1069000038', 'TD'), 0);
  await client.call('RENAME', 'outreach:aside', 'outreach:optout');
  assert.equal(await smsc.reply(people(1)[0].sms, '1069000038', 'TD'), 0);
  assert.deepEqual(await s.refused(), [people(1)[0].sms]);
});

journey('a refusal that came from nobody is nobody\'s: whoever lacks an address is not taken for one who refused', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await smsc.bound();
  assert.equal(await smsc.reply('', '1069000038', 'T'), 0);
  const client = await s.redis();
  await until('the reply', async () => (await client.call('XLEN', 'outreach:replies')) === 1);
  assert.deepEqual(await s.refused(), []);
  await client.call('SADD', 'outreach:optout', ''); // as an older version did
  await s.xadd(campaign('empty', people(2), both));
  assert.deepEqual(await s.settled('empty', 'first'), { delivered: 2 });
});
