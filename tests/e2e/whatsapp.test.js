'use strict';
// The whatsapp plugin against a Cloud API of the test's own, which checks what the real one
// checks; whatsapp-api-js, a client that nobody here wrote, says what requests look like and
// which pushes and verifications are right.

const assert = require('node:assert/strict');
const { createHmac, webcrypto } = require('node:crypto');
const http = require('node:http');
const { HttpPeer } = require('./lib/http_peer');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');

const PHONE = '106540352242922';
const TOKEN = 'EAAJB0123456789';
const SECRET = 'meta-app-secret';
const VERIFY = 'v3rify-me';
const ENV = { WHATSAPP_TOKEN: TOKEN, WHATSAPP_APP_SECRET: SECRET, WHATSAPP_VERIFY_TOKEN: VERIFY };
const json = (status, body) => ({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const refuse = (status, code, details) => json(status, { error: { message: `(#${code}) refused`, type: 'OAuthException', code, error_data: { messaging_product: 'whatsapp', details }, fbtrace_id: 'x' } });
const wamid = (n) => `wamid.HBgNODYxMzgwMDEzODAwMBUCABEYEjlB${String(n).padStart(32, '0')}`; // 68 bytes
const TEMPLATES = { outreach_notice: { languages: ['zh_CN'], params: 2 } };

function api(request) {
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(401, 190, 'Error validating access token');
  if (request.method !== 'POST' || request.path !== `/v25.0/${PHONE}/messages`) return refuse(400, 100, 'no such object');
  if (!/^application\/json/.test(request.headers['content-type'])) return refuse(400, 100, 'no JSON');
  const b = JSON.parse(request.body);
  if (b.messaging_product !== 'whatsapp' || b.recipient_type !== 'individual' || !/^\d{7,15}$/.test(b.to)) return refuse(400, 131009, 'bad recipient');
  if (b.to.endsWith('1002')) return refuse(400, 131026, 'Message undeliverable to 8613851401002.');
  if (b.type === 'text') {
    if (!b.text?.body || b.text.body.length > 4096) return refuse(400, 131008, 'body');
    return refuse(400, 131047, 'Re-engagement message');
  }
  const t = TEMPLATES[b.template?.name];
  if (!t || !t.languages.includes(b.template.language.code)) return refuse(404, 132001, 'template name does not exist in the translation');
  const given = b.template.components?.find((c) => c.type === 'body')?.parameters ?? [];
  if (given.length !== t.params || given.some((p) => p.type !== 'text' || !p.text)) return refuse(400, 132000, 'number of parameters');
  return json(200, { messaging_product: 'whatsapp', contacts: [{ input: b.to, wa_id: b.to }], messages: [{ id: wamid(Number(b.to.slice(-3)) + 1) }] }); // by person: requests come in any order
}

async function open(s, gateway = {}) {
  const peer = await new HttpPeer(api).start();
  s.closers.push(() => peer.stop());
  Object.assign(s.env, ENV);
  s.settings.gateways.push({
    name: 'wa', plugin: 'whatsapp', channel: 'whatsapp', phone_number_id: PHONE, token: '@env:WHATSAPP_TOKEN',
    app_secret: '@env:WHATSAPP_APP_SECRET', verify_token: '@env:WHATSAPP_VERIFY_TOKEN', api_url: `http://127.0.0.1:${peer.port}`, rate: '1000/s', ...gateway,
  });
  return peer;
}

async function sdk(port) {
  const { WhatsAppAPI } = await import('whatsapp-api-js');
  globalThis.crypto ??= webcrypto; // it looks for it there; Node 18 has it elsewhere
  return new WhatsAppAPI({ token: TOKEN, appSecret: SECRET, webhookVerifyToken: VERIFY, v: 'v25.0', ponyfill: {
    subtle: webcrypto.subtle, fetch: (url, options) => fetch(url.replace('https://graph.facebook.com', `http://127.0.0.1:${port}`), options),
  } });
}

const invitation = (id, n, fields = {}) => campaign(id, people(n).map(({ sms, name }) => ({ whatsapp: sms, name })), {
  channels: ['whatsapp'], templates: { wa: { code: 'outreach_notice', params: ['name|居民', 'where=event.venue'] } }, ...fields,
});

function ask(s, method, query, body = '', signature) {
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: `/callbacks/wa${query}`, method, agent: false, headers: {
      'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...(signature ? { 'x-hub-signature-256': signature } : {}),
    } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const sign = (body, secret = SECRET) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** As Meta sends it: what is not ASCII is escaped. */
function webhook(value) {
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '8856996819413533', changes: [{ field: 'messages', value: {
    messaging_product: 'whatsapp', metadata: { display_phone_number: '15550783881', phone_number_id: PHONE }, ...value,
  } }] }] }).replace(/[^\0-~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const status = (n, state, more = {}) => ({ id: wamid(n), recipient_id: '8613851401000', status: state, timestamp: '1454119029', ...more });

journey('the request is the one that another client sends', async (s) => {
  const peer = await open(s);
  await s.start();
  await s.xadd(invitation('same', 1));
  await s.counted('same', 'first', { accepted: 1 });
  const [ours] = peer.requests;
  const reference = JSON.parse(ours.body).biz_opaque_callback_data;
  assert.match(reference, /same\/first/);
  const { Template, BodyComponent, BodyParameter } = await import('whatsapp-api-js/messages');
  const message = new Template('outreach_notice', 'zh_CN', new BodyComponent(new BodyParameter('居民1'), new BodyParameter('区妇联')));
  await (await sdk(peer.port)).sendMessage(PHONE, { phone: '8613851401000' }, message, undefined, reference);
  const theirs = peer.requests[1];
  const expected = JSON.parse(theirs.body);
  assert.equal(expected.template.language.policy, 'deterministic'); // the only one there is, and the API's default
  delete expected.template.language.policy;
  assert.deepEqual(JSON.parse(ours.body), expected);
  for (const what of ['method', 'path']) assert.equal(ours[what], theirs[what]);
  for (const what of ['authorization', 'content-type']) assert.equal(ours.headers[what], theirs.headers[what]);
});

journey('statuses deliver by an id that is longer than ours may be, in any order and twice', async (s) => {
  await open(s);
  await s.start();
  await s.xadd(invitation('told', 4));
  await s.counted('told', 'first', { accepted: 3, failed: 1 });
  const push = (statuses) => { const body = webhook({ statuses }); return ask(s, 'POST', '', body, sign(body)); };
  assert.equal((await push([status(1, 'sent'), status(1, 'read'), status(1, 'delivered')])).status, 200);
  assert.equal((await push([status(1, 'delivered')])).status, 200);
  await s.counted('told', 'first', { accepted: 2, delivered: 1, failed: 1 });
  const failed = { errors: [{ code: 131049, title: 'x', error_data: { details: 'not delivered to +8613851401001' } }] };
  for (const n of [2, 3, 4]) assert.equal((await push([status(n, 'failed', failed)])).status, 200);
  assert.deepEqual(await s.settled('told', 'first'), { delivered: 1, undelivered: 2, failed: 1 });
  await until('its code to be logged', () => /131049/.test(JSON.stringify(s.deliveryLog())));
  assert.ok(!/8613851401\d\d\d/.test(s.log()), 'no whole number in the log');
  assert.ok(!s.log().includes(TOKEN) && !s.log().includes(SECRET));
  await s.ok('verify', 'told');
});

journey('a template that is not approved opens the circuit, with the words of theirs', async (s) => {
  await open(s);
  await s.start();
  await s.xadd(invitation('unknown', 1, { templates: { wa: { code: 'other', params: [] } } }));
  await until('the circuit to open', () => /circuit\.open gateway=wa outcome=broken reason="132001 template name does not exist/.test(s.log()));
});

journey('without a template a text goes out, and outside the window fails', async (s) => {
  const peer = await open(s);
  await s.start();
  await s.xadd(invitation('text', 1, { templates: undefined }));
  assert.deepEqual(await s.settled('text', 'first'), { failed: 1 });
  assert.equal(JSON.parse(peer.requests[0].body).type, 'text');
});

journey('a reply that refuses takes the number off the list; a push is right where the other client says so', async (s) => {
  const peer = await open(s);
  const judge = await sdk(peer.port);
  await s.start();
  const body = webhook({ messages: [{ from: '8613851401000', id: 'wamid.r', timestamp: '1454119029', type: 'text', text: { body: '退订' } }] });
  const verdicts = [];
  for (const signature of [sign(body, 'other'), sign(`${body} `), 'sha256=', `${sign(body).slice(0, -1)}g`, sign(body)]) {
    const right = await judge.verifyRequestSignature(body, signature);
    verdicts.push(right);
    assert.equal((await ask(s, 'POST', '', body, signature)).status, right ? 200 : 404, signature);
  }
  assert.deepEqual(verdicts, [false, false, false, false, true]);
  await s.xadd(invitation('refused', 1));
  assert.deepEqual(await s.settled('refused', 'first'), { 'opted-out': 1 });
  assert.equal(peer.requests.length, 0);
});

journey('the webhook is verified as the other client verifies it', async (s) => {
  const peer = await open(s);
  const judge = await sdk(peer.port);
  await s.start();
  for (const params of [{ 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': VERIFY },
    { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': 'x' },
    { 'hub.mode': 'other', 'hub.challenge': '1158201444', 'hub.verify_token': VERIFY }]) {
    let challenge;
    try { challenge = judge.get(params); } catch { /* refused */ }
    const { status: code, body } = await ask(s, 'GET', `?${new URLSearchParams(params)}`);
    assert.deepEqual([code, code === 200 ? body : undefined], challenge === undefined ? [404, undefined] : [200, challenge]);
  }
  assert.ok(!s.log().includes(VERIFY));
});
