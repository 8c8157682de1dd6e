'use strict';
// The huawei plugin in the real daemon, against an endpoint that checks what Huawei checks,
// signatures with Huawei's own SDK.

const assert = require('node:assert/strict');
const http = require('node:http');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');
const { Huawei, KEY, SECRET, TEMPLATE } = require('./lib/huawei');

const TOKEN = 'Zx81-unguessable-9fe2';
const TEMPLATES = { huawei: { code: TEMPLATE, params: ['name|居民', 'event.venue'] } };

async function huawei(s, options, gateway = {}) {
  const peer = await new Huawei(options).start();
  s.closers.push(() => peer.stop());
  Object.assign(s.env, { CALLBACK_TOKEN: TOKEN, HUAWEI_SECRET: SECRET });
  s.settings.gateways.push({
    name: 'huawei', plugin: 'huawei', url: peer.url, app_key: KEY, app_secret: '@env:HUAWEI_SECRET', source: '8824110605123',
    signature: 'gateway', callback_token: '@env:CALLBACK_TOKEN', window: 600, ...gateway,
  });
  return peer;
}

/** Pushes as Huawei does; returns the status. */
function push(s, body, type = 'application/x-www-form-urlencoded') {
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: `/callbacks/huawei/${TOKEN}`, method: 'POST', agent: false,
      headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end(body);
  });
}

journey('many go together with parameters of their own, and each is settled by its own answer and receipt', async (s) => {
  const list = people(250);
  const peer = await huawei(s, { status: (number) => (number === list[7].sms ? 'MBBLACK' : undefined) });
  await s.start();
  await s.xadd(campaign('march8', list, { templates: TEMPLATES }));
  await s.counted('march8', 'first', { accepted: 249, failed: 1 }, 60000);
  assert.equal(peer.peer.requests.length, peer.calls.length, 'every request was signed as the SDK would');
  assert.ok(peer.calls.length < 25, `${peer.calls.length} requests`);
  for (const [i, person] of list.entries())
    assert.deepEqual(peer.sent.filter((m) => m.to === person.sms).map((m) => m.params), i === 7 ? [] : [[`居民${i + 1}`, '区妇联']]);
  const [first, second, ...rest] = peer.sent;
  assert.equal(await push(s, peer.report(first)), 200);
  assert.equal(await push(s, peer.report(second, 'EXPIRED')), 200);
  const item = (m) => ({ smsMsgId: m.smsMsgId, total: '1', sequence: '1', status: 'DELIVRD', source: '2', updateTime: '2027-03-06T01:00:03Z' });
  for (let i = 0; i < rest.length; i += 50)
    assert.equal(await push(s, JSON.stringify({ statusReportList: rest.slice(i, i + 50).map(item) }), 'application/json'), 200);
  assert.deepEqual(await s.settled('march8', 'first'), { delivered: 248, failed: 1, undelivered: 1 });
  await s.ok('verify', 'march8');
  assert.ok(!(s.log() + JSON.stringify(s.deliveryLog())).includes(SECRET), 'no secret is in a log');
});

journey('a wrong secret breaks the gateway, and nothing is lost', async (s) => {
  const peer = await huawei(s);
  s.env.HUAWEI_SECRET = 'another-secret-000';
  await s.start();
  await s.xadd(campaign('key', people(3), { templates: TEMPLATES }));
  await until('the circuit to open', () => /circuit\.open gateway=huawei outcome=broken reason="?E000045/.test(s.log()));
  assert.equal(peer.calls.length, 0);
  const counts = await s.counts('key', 'first');
  assert.equal((counts.parked ?? 0) + (counts.untouched ?? 0) + (counts.sending ?? 0), 3);
});

journey('requests that were cut off are in doubt, and are not sent again', async (s) => {
  const peer = await huawei(s, { behave: () => ({ cut: true }) });
  await s.start();
  await s.xadd(campaign('cut', people(3), { templates: TEMPLATES, reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await s.counted('cut', 'first', { uncertain: 3 });
  for (const { sms } of people(3)) assert.equal(peer.calls.filter(({ params }) => JSON.stringify(params).includes(sms)).length, 1);
});

journey('a reply that refuses takes the number off the list', async (s) => {
  const peer = await huawei(s);
  await s.start();
  assert.equal(await push(s, 'smsMsgId=m1&from=%2B8613851401000&to=1069&body=TD&createTime=2027-03-06T01%3A00%3A00Z'), 200);
  await s.xadd(campaign('refused', people(2), { templates: TEMPLATES }));
  await s.counted('refused', 'first', { 'opted-out': 1, accepted: 1 });
  assert.equal(peer.sent.length, 1);
  assert.equal(peer.sent[0].extend, 'refused/first/2');
});
