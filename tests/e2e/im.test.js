'use strict';
// WeCom, DingTalk and Feishu: robots of a group, messages to a person, access tokens that the
// daemons share.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const { default: DingtalkSdk, GetAccessTokenRequest } = require('@alicloud/dingtalk/dist/oauth2_1_0/client');
const wecomCrypto = require('@wecom/crypto');
const { journey, campaign, until } = require('./lib/stage');
const { Wecom, Dingtalk, Feishu, packageSays, packageSends } = require('./lib/im_peers');

const GROUP = { audience: { group: true }, class: 'notice', texts: { zh: '明天9:00在{{event.venue}}开会。' } };
const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];

async function peer(s, one, gateway, env = {}) {
  await one.start();
  s.closers.push(() => one.stop());
  Object.assign(s.env, env);
  s.settings.gateways.push({ api: `http://127.0.0.1:${one.port}`, ...gateway });
  return one;
}

const application = { name: 'members', plugin: 'wecom', corpid: 'ww1', secret: '@env:WECOM_SECRET', agentid: 1000002, per_number: ['100000/s'] };
const members = (n) => Array.from({ length: n }, (_, i) => `user${i + 1}`);
const recipients = (users, channel = 'wecom') => users.map((one, i) => ({ [channel]: one, name: `居民${i + 1}` }));

async function daemon(s, name) {
  s.settings.name = name;
  s.settings.log = { ...s.settings.log, delivery: s.path(`${name}.jsonl`) };
  s.epoch = 0;
  return s.start();
}

/** All that Redis says to a MONITOR from now on. */
async function monitor(s) {
  const socket = net.connect(s.socketPath());
  const heard = { bytes: '' };
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.on('data', (chunk) => (heard.bytes += chunk.toString('latin1')));
  socket.on('error', () => {});
  socket.write('MONITOR\r\n');
  s.closers.push(() => socket.destroy());
  await until('MONITOR to begin', () => heard.bytes.startsWith('+OK'));
  return heard;
}

function grep(dir, words) {
  return fs.readdirSync(dir, { withFileTypes: true }).some((entry) => {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory()) return grep(path, words);
    return entry.isFile() && fs.readFileSync(path, 'latin1').includes(words);
  });
}

journey('two daemons fetch one access token, renew a refused one once, and it is nowhere in clear', async (s) => {
  const wecom = await peer(s, new Wecom({ members: members(60) }), application, { WECOM_SECRET: 'app-secret' });
  await s.redisServer();
  await daemon(s, 'd1');
  await daemon(s, 'd2');
  const heard = await monitor(s);
  for (const id of ['one', 'two', 'three', 'four'])
    await s.xadd(campaign(id, recipients(members(60)), { channels: ['wecom'], reminders: HOLD, texts: { zh: `{{name}}您好，请到{{event.venue}}（${id}）。` } }));
  await until('all four', () => wecom.taken.length === 240, 60000);
  assert.equal(wecom.tokens.length, 1);
  wecom.revoke();
  for (const id of ['five', 'six', 'seven', 'eight'])
    await s.xadd(campaign(id, recipients(members(60)), { channels: ['wecom'], reminders: HOLD, texts: { zh: `{{name}}您好，请到{{event.venue}}（${id}）。` } }));
  await until('the other four', () => wecom.taken.length === 480, 60000);
  assert.equal(wecom.tokens.length, 2);
  for (const id of ['one', 'eight']) await s.counted(id, 'first', { accepted: 60 }, 60000);
  assert.match(heard.bytes, /sealed:access-token/); // what is looked for would be seen
  assert.ok(grep(s.path('redis'), 'sealed:access-token'));
  for (const secret of [...wecom.tokens, 'app-secret']) {
    assert.ok(!heard.bytes.includes(secret), 'MONITOR');
    assert.ok(!grep(s.path('redis'), secret), 'AOF');
    assert.ok(!s.log().includes(secret), 'log');
    assert.ok(!fs.readFileSync(s.path('d1.jsonl'), 'utf8').includes(secret), 'delivery log');
  }
}, { timeout: 240000 });

journey('a member who is not there is refused, the others have it once, whatever is sent twice; one text is one request', async (s) => {
  const wecom = await peer(s, new Wecom({ members: ['zhangsan', 'lisi'] }), application, { WECOM_SECRET: 'app-secret' });
  let lost = 2;
  const { behave } = wecom;
  wecom.behave = async (request) => {
    const answer = await behave(request);
    return request.path === '/cgi-bin/message/send' && lost-- > 0 ? { ...answer, cut: true } : answer;
  };
  s.settings.dispatch = { doubt_wait: '1s' };
  await s.start();
  await s.xadd(campaign('c', recipients(['zhangsan', 'lisi', 'nobody']), { channels: ['wecom'] }));
  await s.counted('c', 'first', { accepted: 2, failed: 1 }, 60000);
  assert.deepEqual(wecom.taken.map((m) => m.to).sort(), ['lisi', 'zhangsan']);
  const ours = wecom.requests.filter((r) => r.path === '/cgi-bin/message/send').map((r) => ({ query: r.query, body: JSON.parse(r.body) }));
  assert.ok(ours.length >= 4, 'something was sent twice');
  const { query, body } = ours[0];
  const keys = { corpid: 'ww1', secret: 'app-secret', agentid: 1000002, touser: body.touser };
  const [token, message] = await packageSends('WorkWeixin', keys, body.text.content, { answer: { errcode: 0, access_token: wecom.tokens[0] } });
  assert.deepEqual(wecom.requests[0].query, Object.fromEntries(new URL(token.url).searchParams));
  assert.deepEqual(query, Object.fromEntries(new URL(message.url).searchParams));
  assert.deepEqual(Object.fromEntries(Object.keys(message.body).map((key) => [key, body[key]])), message.body); // and the duplicate check
  const before = wecom.requests.length;
  await s.xadd(campaign('all', recipients(['zhangsan', 'Nobody', 'lisi']), { channels: ['wecom'], texts: { zh: '请大家到{{event.venue}}。' } }));
  await s.counted('all', 'first', { accepted: 2, failed: 1 }, 60000);
  const [one, ...more] = wecom.requests.slice(before).map((r) => JSON.parse(r.body));
  assert.equal(more.length, 0, 'several go as one');
  const [, batch] = await packageSends('WorkWeixin', { ...keys, touser: 'zhangsan|Nobody|lisi' }, '请大家到区妇联。', { answer: { errcode: 0, access_token: wecom.tokens[0] } });
  assert.deepEqual(Object.fromEntries(Object.keys(batch.body).map((key) => [key, one[key]])), batch.body);
  assert.deepEqual((await s.ledger('all', 'first')).map((r) => r.state), ['accepted', 'failed', 'accepted']);
  // A batch without an answer is in doubt for all of it; each comes again alone, and that not twice.
  lost = 2;
  const late = wecom.requests.length;
  await s.xadd(campaign('late', recipients(['zhangsan', 'lisi']), { channels: ['wecom'], texts: { zh: '改在{{event.venue}}。' } }));
  await s.counted('late', 'first', { accepted: 2 }, 60000);
  const [first, ...again] = wecom.requests.slice(late).map((r) => JSON.parse(r.body).touser);
  assert.equal(first, 'zhangsan|lisi');
  assert.equal(again.length, 3);
  assert.deepEqual([...new Set(again)].sort(), ['lisi', 'zhangsan']);
  assert.equal(wecom.taken.filter((m) => m.text === '改在区妇联。').length, 4);
});

journey('a member answers: the push is checked by its signature', async (s) => {
  const key = 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C';
  await peer(s, new Wecom(), { ...application, push_token: '@env:PUSH_TOKEN', push_key: '@env:PUSH_KEY' },
    { WECOM_SECRET: 'app-secret', PUSH_TOKEN: 'QDG6eK', PUSH_KEY: key });
  await s.start();
  const port = Number(/web\.listening .*port=(\d+)/.exec(s.log())?.[1]);
  assert.ok(port > 0, s.log());
  const push = (method, text, { token = 'QDG6eK', id = 'ww1' } = {}) => new Promise((resolve, reject) => {
    const encrypted = wecomCrypto.encrypt(key, text, id);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const query = new URLSearchParams({ msg_signature: wecomCrypto.getSignature(token, timestamp, 'n1', encrypted), timestamp, nonce: 'n1' });
    if (method === 'GET') query.set('echostr', encrypted);
    const body = method === 'GET' ? '' : `<xml><ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
    const request = http.request({ port, method, path: `/callbacks/members?${query}`, headers: { 'Content-Length': Buffer.byteLength(body) } }, (response) => {
      let said = '';
      response.on('data', (chunk) => (said += chunk));
      response.on('end', () => resolve({ status: response.statusCode, said }));
    });
    request.on('error', reject);
    request.end(body);
  });
  const says = (text) => `<xml><FromUserName><![CDATA[zhangsan]]></FromUserName><CreateTime>1409659813</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${text}]]></Content><MsgId>4561255354251345929</MsgId><AgentID>218</AgentID></xml>`;
  assert.deepEqual(await push('GET', 'echo 我是中文'), { status: 200, said: 'echo 我是中文' });
  assert.equal((await push('POST', says('我要请假'))).status, 200);
  assert.equal((await push('POST', says('我要请假'), { token: 'wrong' })).status, 403);
  assert.equal((await push('POST', says('我要请假'), { id: 'ww2' })).status, 400);
  const replies = await (await s.redis()).call('XRANGE', 'outreach:replies', '-', '+');
  assert.equal(replies.length, 1);
  assert.match(JSON.stringify(replies), /我要请假/);
});

journey('the robots of three providers tell their groups once, and a wrong key is told in the log', async (s) => {
  const wecom = await peer(s, new Wecom(), { name: 'wecom-group', plugin: 'wecom', key: '@env:WECOM_KEY' }, { WECOM_KEY: 'robot-key' });
  const dingtalk = await peer(s, new Dingtalk(), { name: 'ding-group', plugin: 'dingtalk', access_token: '@env:DING_TOKEN', sign_secret: '@env:DING_SIGN', timeout: '1s' },
    { DING_TOKEN: 'robot-token', DING_SIGN: 'SECsigning' });
  const feishu = await peer(s, new Feishu(), { name: 'feishu-group', plugin: 'feishu', hook: '@env:FEISHU_HOOK', sign_secret: '@env:FEISHU_SIGN' },
    { FEISHU_HOOK: 'hook-1', FEISHU_SIGN: 'this is secret' });
  const { behave } = dingtalk;
  let lost = 1;
  dingtalk.behave = async (request) => ({ ...await behave(request), delayMs: lost-- > 0 ? 3000 : 0 });
  s.settings.dispatch = { doubt_wait: '1s' };
  await s.start();
  for (const channel of ['wecom', 'dingtalk', 'feishu']) await s.xadd(campaign(channel, undefined, { ...GROUP, channels: [channel] }));
  for (const channel of ['wecom', 'dingtalk', 'feishu']) await s.counted(channel, 'first', { accepted: 1 }, 60000);
  for (const one of [wecom, dingtalk, feishu]) assert.deepEqual(one.taken.map((m) => m.text), ['明天9:00在区妇联开会。']);
  const said = JSON.parse(feishu.requests[0].body);
  const [theirs] = await packageSends('FeiShu', { token: 'hook-1', secret: 'this is secret' }, '明天9:00在区妇联开会。', { seconds: Number(said.timestamp) });
  assert.deepEqual({ ...said, timestamp: Number(said.timestamp) }, theirs.body);
  assert.equal(feishu.requests[0].path, new URL(theirs.url).pathname);
  const [robot] = await packageSends('WorkWeixinBot', { webhook: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=robot-key' }, '明天9:00在区妇联开会。');
  assert.deepEqual(JSON.parse(wecom.requests[0].body), robot.body);
  assert.ok(dingtalk.requests.length >= 2, 'the one without an answer was sent again');
  feishu.secret = 'another';
  await s.xadd(campaign('wrong', undefined, { ...GROUP, channels: ['feishu'] }));
  await until('it to be told', () => /feishu-group.*sign match fail/.test(s.log()), 30000);
  for (const secret of ['robot-key', 'robot-token', 'SECsigning', 'hook-1', 'this is secret']) assert.ok(!s.log().includes(secret), secret);
}, { timeout: 240000 });

journey('what became of work notifications is also asked for those of a daemon that was killed', async (s) => {
  const staff = new Dingtalk({ members: ['user1', 'user2', 'user3'], forbidden: ['user3'] });
  const dingtalk = await peer(s, staff,
    { name: 'staff', plugin: 'dingtalk', app_key: 'dingx', app_secret: '@env:DING_APP', agent_id: 836390886, rate: '100000/s' }, { DING_APP: 'app-secret' });
  const { behave } = dingtalk;
  let tells = false;
  dingtalk.behave = (request) => (request.path.endsWith('getsendresult') && !tells ? { status: 503 } : behave(request));
  s.settings.gateways[0].token_api = s.settings.gateways[0].api;
  await s.start();
  await s.xadd(campaign('work', recipients(['user1', 'user2'], 'dingtalk'), { channels: ['dingtalk'], texts: { zh: '请到{{event.venue}}。' } }));
  await s.counted('work', 'first', { accepted: 2 }, 60000);
  await s.stop('SIGKILL');
  tells = true;
  await s.start();
  assert.deepEqual(await s.settled('work', 'first', 60000), { delivered: 2 });
  assert.deepEqual(dingtalk.taken.map((m) => m.to).sort(), ['user1', 'user2'], 'each once');
});

journey('work notifications: one request for one text, and the results tell who has it', async (s) => {
  const dingtalk = await peer(s, new Dingtalk({ members: ['user1', 'user2', 'user3'], forbidden: ['user3'] }),
    { name: 'staff', plugin: 'dingtalk', app_key: 'dingx', app_secret: '@env:DING_APP', agent_id: 836390886, rate: '100000/s' }, { DING_APP: 'app-secret' });
  s.settings.gateways[0].token_api = s.settings.gateways[0].api;
  await s.start();
  await s.xadd(campaign('work', recipients(['user1', 'user2', 'user3', 'nobody'], 'dingtalk'), { channels: ['dingtalk'], texts: { zh: '请到{{event.venue}}。' } }));
  await until('the results', async () => (await s.counts('work', 'first')).delivered === 2, 60000);
  // Who is not there was refused at once, or named in the result: as she was sent alone or not.
  await until('an end', async () => (await s.ledger('work', 'first')).every((r) => r.state !== 'accepted'), 60000);
  const states = (await s.ledger('work', 'first')).map((r) => r.state);
  assert.deepEqual(states.slice(0, 3), ['delivered', 'delivered', 'undelivered']);
  assert.match(states[3], /^(failed|undelivered)$/);
  assert.deepEqual(dingtalk.taken.map((m) => m.to).sort(), ['user1', 'user2']);
  assert.equal(dingtalk.tokens.length, 1);
  const sends = dingtalk.requests.filter((r) => r.path.endsWith('asyncsend_v2'));
  assert.ok(sends.length < 4, 'several go as one');
  assert.deepEqual(JSON.parse(sends[0].body).msg, await packageSays('请到区妇联。'));
  // The token, as DingTalk's own SDK asks for it.
  const ours = dingtalk.requests[0];
  await new DingtalkSdk({ protocol: 'http', endpoint: `127.0.0.1:${dingtalk.port}` })
    .getAccessToken(new GetAccessTokenRequest({ appKey: 'dingx', appSecret: 'app-secret' }));
  const theirs = dingtalk.requests.at(-1);
  for (const what of ['method', 'path', 'query']) assert.deepEqual(ours[what], theirs[what]);
  assert.deepEqual(JSON.parse(ours.body), JSON.parse(theirs.body));
}, { timeout: 240000 });
