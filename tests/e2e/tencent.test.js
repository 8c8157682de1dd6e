'use strict';
// The tencent plugin in the real daemon, against an endpoint that checks what Tencent checks,
// signatures with Tencent's own SDK.

const assert = require('node:assert/strict');
const http = require('node:http');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');
const { Tencent, ID, KEY, APP } = require('./lib/tencent');

const TOKEN = 'Zx81-unguessable-9fe2';
const PERSONAL = { tencent: { code: '1110', params: ['name|居民', 'event.venue'] } };
const SAME = { tencent: { code: '1111' } }; // for everybody

async function tencent(s, options, gateway = {}) {
  const peer = await new Tencent(options).start();
  s.closers.push(() => peer.stop());
  Object.assign(s.env, { CALLBACK_TOKEN: TOKEN, TENCENT_KEY: KEY });
  s.settings.gateways.push({
    name: 'tencent', plugin: 'tencent', url: peer.url, secret_id: ID, secret_key: '@env:TENCENT_KEY', app_id: APP,
    sign_name: '鼓楼区妇联', signature: 'gateway', callback_token: '@env:CALLBACK_TOKEN', window: 400, ...gateway,
  });
  return peer;
}

/** Pushes as Tencent does; returns { status, body }. */
function push(s, body) {
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: `/callbacks/tencent/${TOKEN}`, method: 'POST', agent: false,
      headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: text }));
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

journey('many with the same text go together, and each is settled by its own answer and receipt', async (s) => {
  const list = people(250);
  const peer = await tencent(s, { entry: (number) => (number === list[7].sms ? 'FailedOperation.PhoneNumberInBlacklist' : undefined) });
  await s.start();
  await s.xadd(campaign('march8', list, { templates: SAME, texts: { zh: '请到区妇联。' } }));
  await s.counted('march8', 'first', { accepted: 249, failed: 1 }, 60000);
  assert.equal(peer.peer.requests.length, peer.calls.length, 'every request was signed as the SDK would');
  assert.ok(peer.calls.length < 25, `${peer.calls.length} requests`);
  assert.deepEqual(peer.sent.map((m) => m.number).sort(), list.map((p) => p.sms).filter((_, i) => i !== 7).sort(), 'each once');
  const last = peer.sent.pop();
  assert.deepEqual(await push(s, peer.sent.map((m) => peer.report(m))), { status: 200, body: '{"result":0,"errmsg":"OK"}' });
  await push(s, [peer.report(last, 'EXPIRED')]);
  assert.deepEqual(await s.settled('march8', 'first'), { delivered: 248, failed: 1, undelivered: 1 });
  await s.ok('verify', 'march8');
  const seen = s.log() + JSON.stringify(s.deliveryLog());
  assert.ok(!seen.includes(KEY) && !seen.includes(last.number.slice(3)), 'no secret and no number is in a log');
});

journey('for the same input and second the SDK sends the same signature', async (s) => {
  const peer = await tencent(s);
  await s.start();
  await s.xadd(campaign('one', [{ sms: '+8613851401000', name: '王 芳*~/+"\\' }], { templates: PERSONAL }));
  await s.counted('one', 'first', { accepted: 1 });
  await s.xadd(campaign('many', people(5), { templates: SAME, texts: { zh: '请到区妇联。' } }));
  await s.counted('many', 'first', { accepted: 5 });
  assert.equal(peer.calls[0].params.SessionContext, 'one/first/1');
  assert.deepEqual(peer.calls[0].params.TemplateParamSet, ['王 芳*~/+"\\', '区妇联']);
  for (const { request } of peer.calls) {
    const theirs = await peer.sdkSends(request);
    assert.equal(theirs.body, request.body);
    for (const header of ['authorization', 'content-type', 'x-tc-action', 'x-tc-version', 'x-tc-region', 'x-tc-timestamp'])
      assert.equal(theirs.headers[header], request.headers[header], header);
  }
});

journey('a wrong key breaks the gateway with their words, and nothing is lost', async (s) => {
  const peer = await tencent(s);
  s.env.TENCENT_KEY = 'another-secret-000';
  await s.start();
  await s.xadd(campaign('key', people(3), { templates: PERSONAL }));
  await until('the circuit to open', () => /circuit\.open gateway=tencent outcome=broken reason="?AuthFailure\.SignatureFailure/.test(s.log()));
  assert.equal(peer.calls.length, 0);
  const counts = await s.counts('key', 'first');
  assert.equal((counts.parked ?? 0) + (counts.untouched ?? 0) + (counts.sending ?? 0), 3);
});

journey('requests that were cut off are in doubt, and are not sent again', async (s) => {
  const peer = await tencent(s, { behave: () => ({ cut: true }) });
  await s.start();
  await s.xadd(campaign('cut', people(3), { templates: PERSONAL, reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await s.counted('cut', 'first', { uncertain: 3 });
  assert.equal(peer.calls.length, 3);
});

journey('receipts that nobody pushes are asked for by their number', async (s) => {
  const peer = await tencent(s, {}, { poll_after: '1s' });
  await s.start();
  await s.xadd(campaign('ask', people(2), { templates: PERSONAL }));
  assert.deepEqual(await s.settled('ask', 'first', 60000), { delivered: 2 });
  assert.equal(peer.peer.requests.length, peer.calls.length, 'questions are signed too');
});

journey('receipts are pulled, and what was pulled while Redis was away is not lost', async (s) => {
  const peer = await tencent(s, {}, { pull: '1s', poll_after: '0s' });
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('pull', people(150), { templates: SAME, texts: { zh: '请到区妇联。' } }));
  await s.counted('pull', 'first', { accepted: 150 }, 60000);
  await server.kill();
  await until('the outage to be noticed', () => /redis\.away/.test(s.log()));
  peer.queue = [...peer.sent];
  await until('they to be pulled', () => peer.queue.length === 50, 30000);
  await server.start();
  assert.deepEqual(await s.settled('pull', 'first', 60000), { delivered: 150 });
});

journey('a reply that refuses takes the number off the list', async (s) => {
  const peer = await tencent(s);
  await s.start();
  const reply = { extend: '', mobile: '13851401000', nationcode: '86', sign: '鼓楼区妇联', text: 'R', time: Math.floor(Date.now() / 1000) };
  assert.equal((await push(s, reply)).status, 200);
  await s.xadd(campaign('refused', people(2), { templates: PERSONAL }));
  await s.counted('refused', 'first', { 'opted-out': 1, accepted: 1 });
  assert.equal(peer.sent.length, 1);
});

journey('receipts that a daemon had still to ask for when it stopped are asked for by the next one', async (s) => {
  const peer = await tencent(s, {}, { poll_after: '24h' });
  await s.start();
  await s.xadd(campaign('owed', people(3), { templates: PERSONAL }));
  await s.counted('owed', 'first', { accepted: 3 }, 60000);
  await s.stop();
  s.settings.gateways[0].poll_after = '1s';
  const sent = peer.sent.length;
  await s.start();
  assert.deepEqual(await s.settled('owed', 'first', 60000), { delivered: 3 });
  assert.equal(peer.sent.length, sent, 'nothing was sent again');
});
