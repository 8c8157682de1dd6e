'use strict';
// What a provider pushes over HTTP: receipts and replies of the http plugin, at
// /callbacks/GATEWAY/TOKEN, pushed by node's own client as a provider would.

const assert = require('node:assert/strict');
const http = require('node:http');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');

const TOKEN = 'Zx81-unguessable-9fe2';
const PUSHES = {
  callback_token: '@env:CALLBACK_TOKEN',
  id: [{ json: 'id' }],
  accepted: [{ status: 200 }],
  receipt: [{ id: 'msgid', state: 'status', delivered: ['DELIVRD'], undelivered: ['UNDELIV'], code: 'err' }],
  reply: [{ from: 'mobile', text: 'content', id: 'id' }],
  push_answer: '{"code":0}',
};

async function cloud(s, gateway = {}) {
  s.env.CALLBACK_TOKEN = TOKEN;
  return s.cloud((r) => ({ status: 200, body: JSON.stringify({ id: `m${r.n}` }) }), { ...PUSHES, ...gateway });
}

const port = (s) => Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);

/** Pushes a form or JSON and returns { status, body }. */
function push(s, path, body, { host = '127.0.0.1', method = 'POST' } = {}) {
  return new Promise((resolve, reject) => {
    const json = typeof body === 'object';
    const bytes = json ? JSON.stringify(body) : body;
    const request = http.request({ host, port: port(s), path, method, agent: false, headers: {
      'content-type': json ? 'application/json' : 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(bytes),
    } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: text }));
    });
    request.on('error', reject);
    request.end(bytes);
  });
}

journey('a pushed receipt delivers, is answered 200 when it is stored, and may come twice', async (s) => {
  await cloud(s);
  await s.start();
  await s.xadd(campaign('pushed', people(3)));
  await s.counted('pushed', 'first', { accepted: 3 });
  const path = `/callbacks/cloud/${TOKEN}`;
  for (let i = 0; i < 2; i++)
    assert.deepEqual(await push(s, path, 'msgid=m1&status=DELIVRD'), { status: 200, body: '{"code":0}' });
  await s.counted('pushed', 'first', { delivered: 1, accepted: 2 });
  assert.equal((await push(s, path, [{ msgid: 'm2', status: 'UNDELIV', err: 'MK:0001' }, { msgid: 'm3', status: 'DELIVRD' }])).status, 200);
  assert.deepEqual(await s.settled('pushed', 'first'), { delivered: 2, undelivered: 1 });
  await s.ok('verify', 'pushed');
});

journey('a pushed reply that refuses takes the number off the list', async (s) => {
  const peer = await cloud(s);
  await s.start();
  assert.equal((await push(s, `/callbacks/cloud/${TOKEN}`, 'mobile=13851401000&content=TD&id=r1')).status, 200);
  await s.xadd(campaign('refused', people(2)));
  await s.counted('refused', 'first', { 'opted-out': 1, accepted: 1 });
  assert.equal(peer.requests.length, 1);
});

journey('a reply that is pushed again is stored once', async (s) => {
  await cloud(s);
  await s.start();
  const replies = async () => ((await (await s.redis()).call('XRANGE', 'outreach:replies', '-', '+')) ?? []).map(([, f]) => f[f.indexOf('text') + 1]);
  const path = `/callbacks/cloud/${TOKEN}`;
  for (const body of ['content=好&id=r1', 'content=好&id=r1', 'content=好&id=r2', 'content=好&id=r1', 'content=TD&id=r3', 'content=TD&id=r3'])
    assert.equal((await push(s, path, `mobile=13851401000&${encodeURI(body)}`)).status, 200);
  assert.deepEqual(await replies(), ['好', '好', 'TD']);
});

journey('without the token, or from elsewhere, there is nothing', async (s) => {
  await cloud(s, { callback_from: ['192.0.2.0/24', '127.0.0.1'] });
  s.settings.gateways.push({ ...s.settings.gateways[0], name: 'closed', callback_from: ['192.0.2.0/24'] });
  await s.start();
  await s.xadd(campaign('forged', people(1), { channels: ['sms'] }));
  await until('it to be accepted', async () => (await s.counts('forged', 'first')).accepted === 1);
  const receipt = 'msgid=m1&status=DELIVRD';
  for (const path of ['/callbacks/cloud', '/callbacks/cloud/', `/callbacks/cloud/${TOKEN}x`, `/callbacks/cloud/${TOKEN.slice(1)}`,
    `/callbacks/closed/${TOKEN}`, `/callbacks/other/${TOKEN}`, '/callbacks/', '/'])
    assert.equal((await push(s, path, receipt)).status, 404, path);
  assert.deepEqual(await s.counts('forged', 'first'), { accepted: 1 });
  assert.ok(!s.log().includes(TOKEN), 'the token is in no log');
  assert.equal((await push(s, `/callbacks/cloud/${TOKEN}`, receipt)).status, 200);
});

journey('while Redis is away a push is answered 503, and stored when it comes again', async (s) => {
  await cloud(s);
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('away', people(1)));
  await s.counted('away', 'first', { accepted: 1 });
  await server.kill();
  const path = `/callbacks/cloud/${TOKEN}`;
  await until('the outage to be noticed', () => /redis\.away/.test(s.log()));
  assert.equal((await push(s, path, 'msgid=m1&status=DELIVRD')).status, 503);
  await server.start();
  await until('the push to be stored', async () => (await push(s, path, 'msgid=m1&status=DELIVRD')).status === 200, 30000);
  assert.deepEqual(await s.settled('away', 'first'), { delivered: 1 });
});

journey('a gateway that can tell nobody from a stranger takes no pushes, and nothing listens', async (s) => {
  await cloud(s, { callback_token: undefined });
  await s.start();
  assert.doesNotMatch(s.log(), /web\.listening/);
});

journey('a push that says our reference settles a notice in doubt, whose id nobody was told; and a strange reference nothing', async (s) => {
  s.env.CALLBACK_TOKEN = TOKEN;
  const peer = await s.cloud(({ query }) => (query.to.endsWith('0') || query.to.endsWith('1') || query.to.endsWith('2') ? { cut: true }
    : { status: 200, body: JSON.stringify({ id: `m${query.to.slice(-1)}` }) }), {
    ...PUSHES, receipt: [{ id: 'msgid', reference: 'ref', state: 'status', delivered: ['DELIVRD'], undelivered: ['UNDELIV'] }],
  });
  s.settings.gateways[0].url += '&ref={{reference:url}}';
  await s.start();
  await s.xadd(campaign('doubt', people(5), { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await s.counted('doubt', 'first', { uncertain: 3, accepted: 2 }, 30000);
  const references = peer.requests.map((r) => r.query.ref).sort();
  assert.deepEqual(references, [1, 2, 3, 4, 5].map((n) => `doubt/first/${n}`));
  const path = `/callbacks/cloud/${TOKEN}`;
  const say = async (form) => assert.equal((await push(s, path, new URLSearchParams(form).toString())).status, 200, JSON.stringify(form));

  for (const ref of ['doubt/first/0', 'doubt/first/999', 'doubt/first/99999999999', 'doubt/first/-1', 'doubt/first/', 'doubt/first/1/', 'doubt/second/1',
    'nobody/first/1', '/first/1', 'doubt//1', '../doubt/first/1', 'doubt/first/1 ', '}:x/first/1', 'x'.repeat(200)])
    await say({ ref, status: 'DELIVRD' });
  assert.deepEqual(await s.counts('doubt', 'first'), { uncertain: 3, accepted: 2 });

  await say({ ref: 'doubt/first/1', status: 'DELIVRD' });
  await say({ msgid: 'never-heard-of', ref: 'doubt/first/2', status: 'DELIVRD' });
  await say({ msgid: 'nor-of-this', ref: 'doubt/first/3', status: 'UNDELIV' });
  await s.counted('doubt', 'first', { delivered: 2, undelivered: 1, accepted: 2 });

  // By a known id as ever; and bad news under a strange one is not of what is known by another.
  await say({ msgid: 'strange', ref: 'doubt/first/4', status: 'UNDELIV' });
  assert.deepEqual(await s.counts('doubt', 'first'), { delivered: 2, undelivered: 1, accepted: 2 });
  await say({ msgid: 'm3', ref: 'doubt/first/4', status: 'DELIVRD' });
  await say({ msgid: 'm4', ref: 'doubt/first/5', status: 'UNDELIV' });
  assert.deepEqual(await s.settled('doubt', 'first'), { delivered: 3, undelivered: 2 });
  await s.ok('verify', 'doubt');
});
