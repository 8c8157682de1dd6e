'use strict';
// A WeChat official account: template messages to followers, receipts and replies that it pushes.
// Signatures are made by Tencent's own library; requests are compared with those of other clients.

const assert = require('node:assert/strict');
const http = require('node:http');
const { getSignature } = require('@wecom/crypto');
const OtherClient = require('co-wechat-api');
const AccessToken = require('node-easywechat/dist/OfficialAccount/AccessToken');
const HttpClient = require('node-easywechat/dist/Core/HttpClient/HttpClient');
const { journey, campaign, until } = require('./lib/stage');
const { HttpPeer } = require('./lib/http_peer');

const json = (body) => ({ status: 200, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
const PUSH_TOKEN = 'women-and-sun';

/** The platform, as strict as the real one: credentials, token, template, follower, parameters. */
class Wechat extends HttpPeer {
  constructor({ followers, keys = ['thing1', 'time4'] }) {
    super((request) => this.answer(request));
    Object.assign(this, { followers, keys, taken: [], tokens: [], valid: null, seen: new Set() });
  }

  answer({ path, query, method, body: bytes }) {
    let body;
    try {
      body = JSON.parse(bytes);
    } catch {
      return json({ errcode: 47001, errmsg: 'data format error rid: 1' });
    }
    if (method !== 'POST') return json({ errcode: 43002, errmsg: 'require POST method' });
    if (path === '/cgi-bin/stable_token') return this.token(body);
    if (path !== '/cgi-bin/message/template/send') return { status: 404, body: '' };
    if (!query.access_token) return json({ errcode: 41001, errmsg: 'access_token missing' });
    if (query.access_token !== this.valid) return json({ errcode: 40001, errmsg: 'invalid credential, access_token is invalid or not latest rid: 2' });
    if (body.template_id !== 'TPL-fair') return json({ errcode: 40037, errmsg: 'invalid template_id rid: 3' });
    if (!this.followers.includes(body.touser)) return json({ errcode: 43004, errmsg: 'require subscribe rid: 4' });
    if (Object.keys(body.data).sort().join() !== this.keys.join() || Object.values(body.data).some((one) => typeof one.value !== 'string' || one.value === ''))
      return json({ errcode: 47003, errmsg: 'argument invalid! rid: 5' });
    assert.match(body.client_msg_id, /^[0-9a-f]{32}$/);
    assert.ok(!this.seen.has(body.client_msg_id), 'each notice has an id of its own');
    this.seen.add(body.client_msg_id);
    this.taken.push(body);
    return { status: 200, body: `{"errcode":0,"errmsg":"ok","msgid":348754246935561${String(8000 + this.taken.length)}}` };
  }

  token({ grant_type, appid, secret, force_refresh }) {
    if (grant_type !== 'client_credential' || force_refresh !== false) return json({ errcode: 40002, errmsg: 'invalid grant_type' });
    if (appid !== 'wx0123') return json({ errcode: 40013, errmsg: 'invalid appid' });
    if (secret !== 'app-secret') return json({ errcode: 40125, errmsg: 'invalid appsecret' });
    this.valid = `CLEAR/${this.tokens.length}+${'t'.repeat(130)}`;
    this.tokens.push(this.valid);
    return json({ access_token: this.valid, expires_in: 7200 });
  }
}

async function account(s, options, fields = {}) {
  const peer = await new Wechat(options).start();
  s.closers.push(() => peer.stop());
  Object.assign(s.env, { WECHAT_SECRET: 'app-secret', WECHAT_PUSH: PUSH_TOKEN });
  s.settings.gateways.push({
    name: 'account', plugin: 'wechat', appid: 'wx0123', secret: '@env:WECHAT_SECRET', push_token: '@env:WECHAT_PUSH',
    api: `http://127.0.0.1:${peer.port}`, ...fields,
  });
  return peer;
}

const openids = (n) => Array.from({ length: n }, (_, i) => `oia2TjuEGTNoeX76QEjQNrcURx${String(i + 1).padStart(2, '0')}`);
const fair = (id, users) => campaign(id, users.map((wechat, i) => ({ wechat, name: `居民${i + 1}` })), {
  channels: ['wechat'], templates: { account: { code: 'TPL-fair', params: ['thing1=event.venue', 'time4=event.time'] } },
});

function push(s, body, { method = 'POST', token = PUSH_TOKEN, query = '' } = {}) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = String(Math.floor(Math.random() * 1e9));
  const signature = getSignature(token, timestamp, nonce, ''); // sorted and joined: the empty one adds nothing
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1', port, method, agent: false,
      path: `/callbacks/account?signature=${signature}&timestamp=${timestamp}&nonce=${nonce}${query}`,
      headers: { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) },
    }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const event = (openid, msgid, status) => `<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName><FromUserName><![CDATA[${openid}]]></FromUserName>`
  + `<CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>`
  + `<MsgID>${msgid}</MsgID><Status><![CDATA[${status}]]></Status></xml>`;

journey('followers are told once with their template, and WeChat tells who was reached', async (s) => {
  const users = openids(6);
  const peer = await account(s, { followers: users.slice(0, 5) });
  await s.start();
  await s.xadd(fair('fair', users));
  await s.counted('fair', 'first', { accepted: 5, failed: 1 }, 60000);
  assert.equal(peer.tokens.length, 1);
  assert.equal(peer.taken.length, 5);
  assert.equal(peer.taken[0].data.thing1.value, '区妇联');
  assert.equal(peer.taken[0].data.time4.value, '上午9:00');
  for (let i = 0; i < 5; i++)
    assert.deepEqual(await push(s, event(peer.taken[i].touser, `348754246935561${8001 + i}`, i === 4 ? 'failed:user block' : 'success')),
      { status: 200, body: 'success' });
  assert.deepEqual(await s.settled('fair', 'first'), { delivered: 4, undelivered: 1, failed: 1 });
  peer.valid = 'another'; // taken back by somebody else
  await s.xadd(fair('again', users.slice(0, 2)));
  await s.counted('again', 'first', { accepted: 2 }, 60000);
  assert.equal(peer.tokens.length, 2);
  for (const secret of [...peer.tokens, 'app-secret', PUSH_TOKEN]) assert.ok(!s.log().includes(secret), secret);
  await s.ok('verify', 'fair');
});

journey('the server check is answered, a refusal is heard, and a stranger is not', async (s) => {
  const users = openids(2);
  const peer = await account(s, { followers: users });
  await s.start();
  assert.deepEqual(await push(s, '', { method: 'GET', query: '&echostr=5961961' }), { status: 200, body: '5961961' });
  const written = (from) => `<xml><ToUserName>gh_7f</ToUserName><FromUserName>${from}</FromUserName><CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime>`
    + '<MsgType>text</MsgType><Content><![CDATA[退订]]></Content><MsgId>4561255354251345929</MsgId></xml>';
  assert.equal((await push(s, written(users[1]), { token: 'guessed' })).status, 403);
  assert.equal((await push(s, `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${written(users[1])}`)).status, 400);
  assert.equal((await push(s, written(users[0]))).status, 200);
  await s.xadd(fair('refused', users));
  await s.counted('refused', 'first', { 'opted-out': 1, accepted: 1 }, 60000);
  assert.deepEqual(peer.taken.map((one) => one.touser), [users[1]]);
});

journey('a template that is not the account\'s opens the circuit with WeChat\'s own words', async (s) => {
  await account(s, { followers: openids(9) });
  await s.start();
  const wrong = fair('wrong', openids(9));
  wrong.templates.account.code = 'TPL-other';
  await s.xadd(wrong);
  await until('the circuit to open', () => /circuit\.open .*invalid template_id/.test(s.log()), 60000);
});

const MINI = { appid: 'wx9876', pagepath: 'pages/fair?id=7&at=1' };
const DATA = { thing1: { value: '区妇联' }, time4: { value: '上午9:00' } };
const KINDS = {
  template: {
    fields: { url: 'https://women.example/a?b=1&c="2"', miniprogram_appid: MINI.appid, miniprogram_page: MINI.pagepath },
    send: (client, to) => client.sendTemplate(to, 'TPL-fair', 'https://women.example/a?b=1&c="2"', undefined, DATA, MINI),
    more: ['client_msg_id'], // of the documentation: the same again within a day is sent once
  },
  subscribe: {
    fields: { kind: 'subscribe', page: 'https://women.example/fair' },
    send: (client, to) => client.sendSubscribeMessage(to, 'TPL-fair', 'https://women.example/fair', DATA),
    more: [],
  },
};

for (const [kind, { fields, send, more }] of Object.entries(KINDS))
  journey(`the requests for a token and for a ${kind} message are those that other clients send`, async (s) => {
    const [to] = openids(1);
    const peer = await account(s, { followers: [to] }, fields);
    const token = `CLEAR/0+${'t'.repeat(130)}`;
    peer.behave = ({ path }) => json(path.endsWith('token') ? { access_token: token, expires_in: 7200 } : { errcode: 0, errmsg: 'ok', msgid: 1 });
    await s.start();
    await s.xadd(fair('fair', [to]));
    await s.counted('fair', 'first', { accepted: 1 }, 60000);
    const api = `http://127.0.0.1:${peer.port}/`;
    await new AccessToken('wx0123', 'app-secret', null, null, HttpClient.create({ baseURL: api })).getStableAccessToken();
    const client = new OtherClient('wx0123', 'app-secret', async () => ({ accessToken: encodeURIComponent(token), expireTime: Infinity }));
    client.prefix = `${api}cgi-bin/`;
    await send(client, to);
    const [ours, theirs] = [peer.requests.slice(0, 2), peer.requests.slice(2)];
    for (const [i, request] of theirs.entries()) {
      const body = JSON.parse(ours[i].body);
      if (i > 0) more.forEach((field) => delete body[field]);
      assert.deepEqual(body, JSON.parse(request.body));
      for (const what of ['method', 'query']) assert.deepEqual(ours[i][what], request[what]);
      assert.match(ours[i].headers['content-type'], /^application\/json/);
    }
    assert.deepEqual(ours.map((r) => r.path), theirs.map((r) => r.path)
      .map((path) => path.replace('subscribe/send', 'subscribe/bizsend'))); // theirs is a mini program's, with the same fields
  });
