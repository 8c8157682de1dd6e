'use strict';
// What a provider pushes over HTTP: receipts and replies of the http plugin, at
// /callbacks/GATEWAY/TOKEN, pushed by node's own client as a provider would.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const tls = require('node:tls');
const { Authority } = require('./lib/authority');
const { Nginx, HOST } = require('./lib/nginx');
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

// R40. The first request is for nobody; SECOND is what a push would be, and hides where one of both may take it for a body.
const SECOND = `POST /callbacks/cloud/${TOKEN} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\n`
  + 'Content-Length: 23\r\n\r\nmsgid=m1&status=DELIVRD';
const hiding = (head, body = SECOND) => `POST /callbacks/nobody HTTP/1.1\r\nHost: ${HOST}\r\n${head}\r\n\r\n${body}`;
const SMUGGLED = {
  'behind a length that chunks contradict': hiding(`Content-Length: ${SECOND.length + 5}\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${SECOND}`),
  'behind chunks that a length contradicts': hiding(`Transfer-Encoding: chunked\r\nContent-Length: 4`, `${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`),
  'within a length': hiding(`Content-Length: ${SECOND.length}`),
  'within a chunk': hiding('Transfer-Encoding: chunked', `${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`),
  'within a length, with a coding that is misspelt': hiding(`Content-Length: ${SECOND.length}\r\nTransfer-Encoding : chunked`),
  'within a length, with a coding that nobody knows': hiding(`Content-Length: ${SECOND.length}\r\nTransfer-Encoding: xchunked`),
  'behind the second of two lengths': hiding(`Content-Length: ${SECOND.length}\r\nContent-Length: 0`),
  'behind a length with a sign': hiding(`Content-Length: +${SECOND.length}`),
  'in the body of a GET': hiding(`Content-Length: ${SECOND.length}`).replace('POST', 'GET'),
  'behind a bare line feed in a field': hiding(`X: a\n\nContent-Length: ${SECOND.length}`),
  'behind an escaped end of the line': hiding('Content-Length: 0', '').replace('nobody', `nobody%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0a${SECOND.split('\r\n', 1)[0].replaceAll(' ', '%20')}`),
};

journey('behind nginx, as the sample has it, callback_from is about clients, and nothing is smuggled through both', async (s) => {
  await cloud(s, { callback_from: ['127.0.0.2'] });
  s.settings.web = { ...s.settings.web, proxies: ['127.0.0.1'] };
  await s.start();
  const authority = new Authority(s.dir, 'district-ca');
  const nginx = new Nginx({ dir: s.dir, port: port(s), authority });
  s.closers.push(() => nginx.stop());
  await nginx.start();
  await s.xadd(campaign('fronted', people(3)));
  await s.counted('fronted', 'first', { accepted: 3 });

  const to = (localAddress) => ({ host: nginx.host, port: nginx.port, localAddress, servername: HOST, ca: fs.readFileSync(authority.file) });
  const through = (client, headers = {}, path = `/callbacks/cloud/${TOKEN}`) => new Promise((resolve, reject) => {
    const request = https.request({ ...to(client), path, method: 'POST', agent: false,
      headers: { host: HOST, 'content-type': 'application/x-www-form-urlencoded', ...headers } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end('msgid=m2&status=DELIVRD');
  });
  assert.equal(await through('127.0.0.3'), 404);
  assert.equal(await through('127.0.0.3', { 'x-forwarded-for': '127.0.0.2' }), 404, 'what a client says of itself');
  assert.equal((await push(s, `/callbacks/cloud/${TOKEN}`, 'msgid=m2&status=DELIVRD')).status, 404, 'the proxy itself is no provider');
  assert.equal(await through('127.0.0.2', {}, '/'), 404);

  const raw = (bytes) => new Promise((resolve, reject) => {
    let text = '';
    const socket = tls.connect(to('127.0.0.2'), () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk) => (text += chunk));
    socket.on('close', () => resolve(text));
    socket.on('error', (error) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
  });
  for (const [where, bytes] of Object.entries(SMUGGLED))
    assert.match(await raw(bytes), /^(HTTP\/1\.1 [45]\d\d [^]*)?$/, where);
  assert.deepEqual(await s.counts('fronted', 'first'), { accepted: 3 });
  assert.match(await raw(SECOND), /^HTTP\/1\.1 200/); // by itself it is a push
  assert.equal(await through('127.0.0.2', { 'x-forwarded-for': '127.0.0.3' }), 200);
  await s.counted('fronted', 'first', { delivered: 2, accepted: 1 });
  assert.match(s.log(), /callback\.refused peer=127\.0\.0\.3/);
  for (const log of ['out', 'start', 'site']) {
    const file = `${nginx.dir}/${log}.log`;
    assert.ok(!fs.existsSync(file) || !fs.readFileSync(file, 'utf8').includes(TOKEN), `the token is not in ${log}.log`);
  }
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
