'use strict';
// The twilio plugin, judged by Twilio's own SDK: its client sends the same request to the
// same endpoint, its request validator says which callbacks are right.

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');
const twilio = require('twilio');
const RequestClient = require('twilio/lib/base/RequestClient');
const { HttpPeer } = require('./lib/http_peer');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');

const SID = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = '0123456789abcdef0123456789abcdef';
const FROM = '+15017122661';
const CALLBACK = 'https://sms.example.org/callbacks/twilio';
const error = (status, code, message) => ({ status, body: JSON.stringify({ code, message, more_info: '', status }) });

const sid = (request) => `SM${String(request.n).padStart(32, '0')}`;

/** What the API would say to a request: it looks at all that it would look at. */
function api(request) {
  const basic = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
  if (basic !== `${SID}:${TOKEN}`) return error(401, 20003, 'Authenticate');
  if (request.method !== 'POST' || request.path !== `/2010-04-01/Accounts/${SID}/Messages.json`) return error(404, 20404, 'not found');
  if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return error(400, 21604, 'To is required');
  const f = Object.fromEntries(new URLSearchParams(request.body));
  if (!/^\+[1-9]\d{6,14}$/.test(f.To ?? '')) return error(400, 21211, `The 'To' number ${f.To} is not a valid phone number.`);
  if (f.From !== FROM) return error(400, 21606, 'From is not yours');
  if (!f.Body && !f.ContentSid) return error(400, 21602, 'Message body is required.');
  if (f.Body && [...f.Body].length > 1600) return error(400, 21617, 'The concatenated message body exceeds the 1600 character limit.');
  if (f.To.endsWith('1002')) return error(400, 21610, `Attempt to send to unsubscribed recipient ${f.To}`);
  return { status: 201, body: JSON.stringify({ sid: sid(request), status: 'queued', to: f.To, from: f.From, num_segments: '1', error_code: null, error_message: null }) };
}

async function open(s, behave = api, gateway = {}) {
  const peer = await new HttpPeer(behave).start();
  s.closers.push(() => peer.stop());
  s.env.TWILIO_AUTH_TOKEN = TOKEN;
  s.settings.gateways.push({
    name: 'twilio', plugin: 'twilio', account_sid: SID, auth_token: '@env:TWILIO_AUTH_TOKEN', source: FROM,
    callback_url: CALLBACK, api_url: `http://127.0.0.1:${peer.port}`, rate: '1000/s', ...gateway,
  });
  return peer;
}

/** Pushes a form as Twilio does to what is behind CALLBACK; url is the one that it signs. */
function push(s, query, params, { url = CALLBACK + query, token = TOKEN, signature } = {}) {
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  const body = new URLSearchParams(Object.entries(params).flatMap(([k, v]) => [v].flat().map((one) => [k, one]))).toString();
  signature ??= twilio.getExpectedTwilioSignature(token, url, params);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: `/callbacks/twilio${query}`, method: 'POST', agent: false, headers: {
      'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body), 'x-twilio-signature': signature,
    } }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: text, type: response.headers['content-type'] }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Twilio's own, which asks the peer. */
function client(peer) {
  const { request } = RequestClient.prototype;
  const local = new RequestClient();
  local.request = function (options) {
    return request.call(this, { ...options, uri: options.uri.replace('https://api.twilio.com', `http://127.0.0.1:${peer.port}`) });
  };
  return twilio(SID, TOKEN, { httpClient: local });
}

const form = (request) => Object.fromEntries([...new URLSearchParams(request.body)].sort());

journey("the request is the one that Twilio's own client sends", async (s) => {
  const peer = await open(s);
  await s.start();
  await s.xadd(campaign('same', people(1, () => ({ name: '王&芳+1 🎉' }))));
  await s.counted('same', 'first', { accepted: 1 });
  const [ours] = peer.requests;
  const fields = form(ours);
  await client(peer).messages.create({
    to: '+8613851401000', from: FROM, body: fields.Body, statusCallback: fields.StatusCallback, validityPeriod: Number(fields.ValidityPeriod ?? 0) || undefined,
  });
  const theirs = peer.requests[1];
  assert.match(fields.Body, /王&芳\+1 🎉您好/);
  assert.deepEqual(fields, form(theirs));
  for (const what of ['method', 'path']) assert.equal(ours[what], theirs[what]);
  assert.equal(ours.headers.authorization, theirs.headers.authorization);
  assert.equal(ours.headers['content-type'], theirs.headers['content-type'].split(';')[0]);
});

journey('a callback with our reference in its URL delivers, and may come twice', async (s) => {
  const peer = await open(s);
  await s.start();
  await s.xadd(campaign('reported', people(2)));
  await s.counted('reported', 'first', { accepted: 2 });
  for (const request of peer.requests) {
    const { StatusCallback, To } = form(request);
    const { search } = new URL(StatusCallback);
    assert.match(search, /^\?ref=.*reported%2Ffirst/);
    const report = { MessageSid: sid(request), MessageStatus: 'delivered', To, From: FROM, AccountSid: SID };
    for (let i = 0; i < 2; i++) assert.equal((await push(s, search, report)).status, 200);
  }
  assert.deepEqual(await s.settled('reported', 'first'), { delivered: 2 });
  await s.ok('verify', 'reported');
});

journey("a receipt that nobody calls back with is asked for, as Twilio's own client asks", async (s) => {
  const peer = await open(s, (request) => (request.method === 'GET'
    ? { status: 200, body: JSON.stringify({ sid: path.basename(request.path, '.json'), status: 'delivered', error_code: null }) } : api(request)),
  { poll_after: '1s', callback_url: undefined });
  await s.start();
  await s.xadd(campaign('asked', people(1)));
  assert.deepEqual(await s.settled('asked', 'first', 60000), { delivered: 1 });
  const ours = peer.requests[1];
  await client(peer).messages(sid(peer.requests[0])).fetch();
  const theirs = peer.requests.at(-1);
  for (const what of ['method', 'path', 'query', 'body']) assert.deepEqual(ours[what], theirs[what]);
  assert.equal(ours.headers.authorization, theirs.headers.authorization);
});

journey('codes: who has unsubscribed is not asked again, an error report says why', async (s) => {
  const peer = await open(s);
  await s.start();
  await s.xadd(campaign('codes', people(3)));
  await s.counted('codes', 'first', { accepted: 2, failed: 1 });
  const asked = peer.requests.find((r) => !form(r).To.endsWith('1002'));
  assert.equal((await push(s, new URL(form(asked).StatusCallback).search,
    { MessageSid: sid(asked), MessageStatus: 'undelivered', ErrorCode: '30005', To: form(asked).To })).status, 200);
  await s.counted('codes', 'first', { accepted: 1, failed: 1, undelivered: 1 });
  await until('its code to be logged', () => /30005/.test(JSON.stringify(s.deliveryLog())));
  assert.ok(!/138514010\d\d/.test(s.log()), 'no whole number in the log');
  assert.ok(!s.log().includes(TOKEN));
});

journey('a wrong auth token opens the circuit with their words', async (s) => {
  await open(s);
  s.env.TWILIO_AUTH_TOKEN = 'wrong';
  await s.start();
  await s.xadd(campaign('locked', people(1)));
  await until('the circuit to open', () => /circuit\.open gateway=twilio outcome=broken reason="20003 Authenticate"/.test(s.log()));
});

journey('a reply that refuses is believed by its signature, and answered with TwiML', async (s) => {
  const peer = await open(s);
  await s.start();
  const reply = (Body) => ({ MessageSid: `SM${Body.length}`, AccountSid: SID, From: '+8613851401000', To: FROM, Body, NumMedia: '0' });
  assert.equal((await push(s, '', reply('STOP'), { token: 'x'.repeat(32) })).status, 404);
  await s.xadd(campaign('before', people(1)));
  await s.counted('before', 'first', { accepted: 1 });
  const answer = await push(s, '', reply('STOP'));
  assert.deepEqual([answer.status, answer.type], [200, 'text/xml']);
  assert.match(answer.body, /<Response\/>/);
  await s.xadd(campaign('refused', people(1)));
  assert.deepEqual(await s.settled('refused', 'first'), { 'opted-out': 1 });
  assert.equal(peer.requests.length, 1);
});

journey("what Twilio's validator takes is taken, and nothing else", async (s) => {
  await open(s);
  await s.start();
  const params = { From: '+8613851401000', To: FROM, Body: '好 +&=%', MessageSid: 'SM1', Digits: ['2', '1', '1'], empty: '' };
  const urls = [CALLBACK, CALLBACK.replace('.org', '.org:443'), CALLBACK.replace('.org', '.org:8443'), CALLBACK.replace('https', 'http'),
    `${CALLBACK}/`, `${CALLBACK}?a=1`, CALLBACK.replace('sms', 'SMS')];
  let taken = 0;
  for (const url of urls)
    for (const signature of [twilio.getExpectedTwilioSignature(TOKEN, url, params), twilio.getExpectedTwilioSignature(TOKEN, url, { ...params, Body: 'x' })]) {
      const right = twilio.validateRequest(TOKEN, signature, CALLBACK, params);
      assert.equal((await push(s, '', params, { signature })).status, right ? 200 : 404, url);
      taken += right ? 1 : 0;
    }
  assert.equal(taken, 2);
});
