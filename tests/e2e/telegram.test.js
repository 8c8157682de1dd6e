'use strict';
// The telegram plugin against a Bot API of the test's own, which checks what the real one
// checks; grammY, a client that nobody here wrote, says what requests look like and which
// pushes are right.

const assert = require('node:assert/strict');
const http = require('node:http');
const { Bot, webhookCallback } = require('grammy');
const { HttpPeer } = require('./lib/http_peer');
const { journey, campaign } = require('./lib/stage');
const { until } = require('./lib/wait');

const TOKEN = '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11';
const SECRET = 's3cret_Token-1';
const CALLBACK = 'https://sms.example.org/callbacks/bot';
const INFO = { id: 123456, is_bot: true, first_name: 'b', username: 'b_bot' };
const answer = (status, body) => ({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const refuse = (error_code, description, parameters) => answer(error_code, { ok: false, error_code, description, parameters });

class Api {
  constructor() {
    this.chats = new Map([[7000000001, 'ok'], [7000000002, 'blocked'], [-1001, 'ok']]);
    this.updates = [];
    this.waiting = [];
    this.hooks = [];
  }

  /** A person writes to the bot. */
  write(update_id, id, text) {
    this.updates.push({ update_id, message: { message_id: update_id, from: { id }, chat: { id, type: 'private' }, date: 1700000000, text } });
    for (const wake of this.waiting.splice(0)) wake();
  }

  async answer(request) {
    const [, token, method] = request.path.match(/^\/bot([^/]+)\/(\w+)$/) ?? [];
    if (token !== TOKEN) return refuse(401, 'Unauthorized');
    if (!/^application\/json/.test(request.headers['content-type'])) return refuse(400, 'Bad Request: no JSON');
    const body = JSON.parse(request.body);
    if (method === 'setWebhook') {
      if (!/^https:/.test(body.url) || !/^[\w-]{1,256}$/.test(body.secret_token)) return refuse(400, 'Bad Request: bad webhook');
      this.hooks.push(body);
      return answer(200, { ok: true, result: true });
    }
    if (method === 'getUpdates') return this.poll(body);
    if (method !== 'sendMessage') return refuse(404, 'Not Found');
    if (this.busy-- > 0) return refuse(429, 'Too Many Requests: retry after 1', { retry_after: 1 });
    if (!body.text || [...body.text].length > 4096) return refuse(400, 'Bad Request: message text is empty');
    const chat = Number.isInteger(body.chat_id) ? this.chats.get(body.chat_id) : undefined;
    if (!chat) return refuse(400, 'Bad Request: chat not found');
    if (chat === 'blocked') return refuse(403, 'Forbidden: bot was blocked by the user');
    return answer(200, { ok: true, result: { message_id: request.n, date: 1700000000, chat: { id: body.chat_id, type: 'private' }, text: body.text } });
  }

  async poll({ offset = 0, limit = 100, timeout = 0 }) {
    if (this.hooks.length > 0) return refuse(409, "Conflict: can't use getUpdates method while webhook is active");
    this.updates = this.updates.filter((u) => u.update_id >= offset);
    if (this.updates.length === 0 && timeout > 0)
      await new Promise((resolve) => { this.waiting.push(resolve); setTimeout(resolve, timeout * 1000).unref(); });
    return answer(200, { ok: true, result: this.updates.slice(0, limit) });
  }
}

async function open(s, gateway = {}) {
  const api = new Api();
  const peer = await new HttpPeer((request) => api.answer(request)).start();
  s.closers.push(() => peer.stop());
  Object.assign(s.env, { TELEGRAM_TOKEN: TOKEN, TELEGRAM_SECRET: SECRET });
  s.settings.gateways.push({
    name: 'bot', plugin: 'telegram', channel: 'telegram', token: '@env:TELEGRAM_TOKEN', api_url: `http://127.0.0.1:${peer.port}`, rate: '1000/s', ...gateway,
  });
  api.sent = () => peer.requests.filter((r) => r.path.endsWith('/sendMessage'));
  api.polls = () => peer.requests.filter((r) => r.path.endsWith('/getUpdates'));
  api.root = `http://127.0.0.1:${peer.port}`;
  return api;
}

const invitation = (id, chats, fields = {}) => campaign(id, chats.map((chat, i) => ({ telegram: String(chat), name: `居民${i}"<b>` })), { channels: ['telegram'], ...fields });

function post(port, path, update, secret) {
  const body = JSON.stringify(update);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers: {
      'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...(secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': secret }),
    } }, (response) => response.resume().on('end', () => resolve(response.statusCode)));
    request.on('error', reject);
    request.end(body);
  });
}

journey('the request is the one that grammY sends', async (s) => {
  const api = await open(s, { poll: false });
  await s.start();
  await s.xadd(invitation('same', [7000000001]));
  await s.counted('same', 'first', { accepted: 1 });
  const [ours] = api.sent();
  const { chat_id, text } = JSON.parse(ours.body);
  assert.match(text, /居民0"<b>您好/);
  await new Bot(TOKEN, { client: { apiRoot: api.root } }).api.sendMessage(chat_id, text);
  const theirs = api.sent()[1];
  for (const what of ['method', 'path']) assert.equal(ours[what], theirs[what]);
  assert.deepEqual(JSON.parse(ours.body), JSON.parse(theirs.body));
  assert.equal(ours.headers['content-type'], theirs.headers['content-type']);
});

journey('who has blocked the bot or has not started it is told, and nobody twice', async (s) => {
  const api = await open(s, { poll: false });
  await s.start();
  await s.xadd(invitation('mixed', [7000000001, 7000000002, 7000000003]));
  await s.counted('mixed', 'first', { accepted: 1, failed: 2 });
  const why = JSON.stringify(s.deliveryLog());
  assert.match(why, /blocked by the user/);
  assert.match(why, /chat not found/);
  assert.equal(api.sent().length, 3);
  assert.ok(!s.log().includes('ABC-DEF'), 'the token is in no log');
});

journey('after a 429 the bot waits as long as it is told, and no attempt is spent', async (s) => {
  const api = await open(s, { poll: false });
  api.busy = 1;
  await s.start();
  await s.xadd(invitation('busy', [7000000001]));
  await s.counted('busy', 'first', { accepted: 1 }, 40000);
  const [first, second] = api.sent();
  assert.ok(second.at - first.at >= 950, `${second.at - first.at} ms`);
  assert.equal((await s.ledger('busy', 'first'))[0].attempts, 1);
});

journey('replies are polled for, and confirmed only when they are stored', async (s) => {
  const api = await open(s);
  api.write(1001, 7000000001, 'TD'); // before the daemon is there
  const server = await s.redisServer();
  await s.start();
  await until('the refusal to be confirmed', () => api.updates.length === 0);
  await server.kill();
  await until('the outage to be noticed', () => /redis\.away/.test(s.log()));
  const before = api.polls().length;
  api.write(1002, 7000000009, '好');
  await until('the update to be asked for again', () => api.polls().length >= before + 2);
  assert.equal(api.updates.length, 1);
  await server.start();
  await until('it to be stored and confirmed', () => api.updates.length === 0, 60000);
  const replies = await (await s.redis()).call('XRANGE', 'outreach:replies', '-', '+');
  assert.deepEqual(replies.map(([, f]) => [f[f.indexOf('from') + 1], f[f.indexOf('text') + 1]]), [['7000000001', 'TD'], ['7000000009', '好']]);
  await s.xadd(invitation('refused', [7000000001]));
  assert.deepEqual(await s.settled('refused', 'first', 40000), { 'opted-out': 1 });
});

journey('the webhook: set by itself as grammY would, and a push is right where grammY says so', async (s) => {
  const api = await open(s, { secret_token: '@env:TELEGRAM_SECRET', callback_url: CALLBACK });
  await s.start();
  await until('the webhook to be set', () => /telegram\.webhook/.test(s.log()));
  const bot = new Bot(TOKEN, { botInfo: INFO, client: { apiRoot: api.root } });
  await bot.api.setWebhook(CALLBACK, { secret_token: SECRET, allowed_updates: ['message', 'my_chat_member'] });
  assert.deepEqual(api.hooks[0], api.hooks[1]);
  bot.on('message', () => {});
  const judge = http.createServer(webhookCallback(bot, 'http', { secretToken: SECRET }));
  await new Promise((resolve) => judge.listen(0, '127.0.0.1', resolve));
  s.closers.push(() => new Promise((resolve) => judge.close(resolve)));
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  const update = { update_id: 5, message: { message_id: 5, from: { id: 7000000001 }, chat: { id: 7000000001, type: 'private' }, date: 1700000000, text: '在' } };
  const verdicts = [];
  for (const secret of [SECRET, `${SECRET}x`, SECRET.toUpperCase(), '', undefined]) {
    const theirs = await post(judge.address().port, '/', update, secret);
    verdicts.push(theirs);
    assert.equal((await post(port, '/callbacks/bot', update, secret)) === 200, theirs === 200, `${secret}: ${theirs}`);
  }
  assert.equal(verdicts.filter((v) => v === 200).length, 1);
});

journey('a group gets one notice a reminder', async (s) => {
  const api = await open(s, { poll: false, group: true, chat: '-1001' });
  await s.start();
  await s.xadd(invitation('group', [], { audience: { group: true }, texts: { zh: '活动今天开始。' } }));
  await s.counted('group', 'first', { accepted: 1 });
  assert.deepEqual(api.sent().map((r) => JSON.parse(r.body).chat_id), [-1001]);
});
