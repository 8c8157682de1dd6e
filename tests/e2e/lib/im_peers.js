'use strict';
// WeCom, DingTalk and Feishu, as strict as the real ones: an HttpPeer each that looks at
// credentials, signatures and fields, and refuses with the provider's codes. `taken` holds the
// messages that somebody would see.

const crypto = require('node:crypto');
const DingTalkRobot = require('dingtalk-robot-sender');
const { HttpPeer } = require('./http_peer');

const json = (body, status = 200) => ({ status, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

function parsed(request) {
  if (!/^application\/json/.test(request.headers['content-type'] ?? '')) return null;
  try {
    return JSON.parse(request.body);
  } catch {
    return null;
  }
}

class Wecom extends HttpPeer {
  constructor({ key = 'robot-key', corpid = 'ww1', secret = 'app-secret', agentid = 1000002, members = [] } = {}) {
    super((request) => this.answer(request));
    Object.assign(this, { key, corpid, secret, agentid, members, taken: [], tokens: [], valid: new Set(), seen: new Map() });
  }

  /** Takes all tokens back, as the platform may. */
  revoke() {
    this.valid.clear();
  }

  answer(request) {
    const { path, query } = request;
    if (path === '/cgi-bin/gettoken') return this.token(query);
    if (request.method !== 'POST') return json({ errcode: 43002, errmsg: 'require POST method' });
    const body = parsed(request);
    if (!body) return json({ errcode: 47001, errmsg: 'data format error' });
    if (path === '/cgi-bin/webhook/send') return this.robot(query, body);
    if (path === '/cgi-bin/message/send') return this.message(query, body, request.body);
    return json({}, 404);
  }

  token({ corpid, corpsecret }) {
    if (corpid !== this.corpid) return json({ errcode: 40013, errmsg: 'invalid corpid' });
    if (corpsecret !== this.secret) return json({ errcode: 40001, errmsg: 'invalid credential' });
    const token = `CLEAR-${this.tokens.length}-${crypto.randomBytes(48).toString('base64url')}`;
    this.tokens.push(token);
    this.valid.add(token);
    return json({ errcode: 0, errmsg: 'ok', access_token: token, expires_in: 7200 });
  }

  content(body) {
    if (body.msgtype !== 'text' && body.msgtype !== 'markdown') return json({ errcode: 40008, errmsg: 'invalid message type' });
    const content = body[body.msgtype]?.content;
    if (typeof content !== 'string' || content === '') return json({ errcode: 44004, errmsg: 'empty content' });
    if (Buffer.byteLength(content) > (body.msgtype === 'text' ? 2048 : 4096)) return json({ errcode: 45002, errmsg: 'content size out of limit' });
    return null;
  }

  robot({ key }, body) {
    if (key !== this.key) return json({ errcode: 93000, errmsg: 'invalid webhook url' });
    const refused = this.content(body);
    if (refused) return refused;
    this.taken.push({ text: body[body.msgtype].content });
    return json({ errcode: 0, errmsg: 'ok' });
  }

  message(query, body, bytes) {
    if (!this.valid.has(query.access_token)) return json({ errcode: 40014, errmsg: 'invalid access_token' });
    if (body.agentid !== this.agentid) return json({ errcode: 40056, errmsg: 'invalid agentid' });
    const refused = this.content(body);
    if (refused) return refused;
    const users = body.touser.split('|');
    if (users.length > 1000) return json({ errcode: 40058, errmsg: 'touser: more than 1000' });
    const known = users.filter((one) => this.members.includes(one));
    const left = users.filter((one) => !this.members.includes(one));
    if (known.length === 0) return json({ errcode: 81013, errmsg: 'user & party & tag all invalid' });
    const again = body.enable_duplicate_check === 1 && Date.now() - (this.seen.get(bytes) ?? 0) < 1000 * body.duplicate_check_interval;
    this.seen.set(bytes, Date.now());
    if (!again) for (const to of known) this.taken.push({ to, text: body[body.msgtype].content });
    return json({ errcode: 0, errmsg: 'ok', invaliduser: left.join('|').toLowerCase(), msgid: `m${this.taken.length}` });
  }
}

/** The message for a text that the npm package sends, to a group. */
async function packageSays(text) {
  let sent;
  const robot = new DingTalkRobot({
    webhook: 'http://robot/send?access_token=t', httpclient: { request: async (url, { data }) => (sent = typeof data === 'string' ? JSON.parse(data) : data) },
  });
  await robot.text(text);
  return { msgtype: sent.msgtype, text: sent.text };
}

/** The sign and timestamp that the npm package sends at that time for that secret. */
async function packageSigns(secret, timestamp) {
  const { now } = Date;
  let url;
  const robot = new DingTalkRobot({
    webhook: 'http://robot/send?access_token=t', secret, httpclient: { request: async (u) => (url = u) },
  });
  Date.now = () => timestamp;
  try {
    await robot.text('x');
  } finally {
    Date.now = now;
  }
  return new URL(url).searchParams.get('sign');
}

class Dingtalk extends HttpPeer {
  constructor({ accessToken = 'robot-token', secret = 'SECsigning', appKey = 'dingx', appSecret = 'app-secret', agentId = 836390886, members = [], forbidden = [] } = {}) {
    super((request) => this.answer(request));
    Object.assign(this, { accessToken, secret, appKey, appSecret, agentId, members, forbidden, taken: [], tokens: [], uuids: new Set(), tasks: [] });
  }

  answer(request) {
    const body = parsed(request);
    if (!body) return json({ errcode: 43004, errmsg: 'invalid content type' });
    switch (request.path) {
      case '/robot/send':
        return this.robot(request.query, body);
      case '/v1.0/oauth2/accessToken':
        if (body.appKey !== this.appKey || body.appSecret !== this.appSecret) return json({ code: 'invalidClientIdOrSecret', message: 'no' }, 400);
        this.tokens.push(`CLEAR-${crypto.randomBytes(16).toString('hex')}`);
        return json({ accessToken: this.tokens.at(-1), expireIn: 7200 });
      case '/topapi/message/corpconversation/asyncsend_v2':
        return this.work(request.query, body);
      case '/topapi/message/corpconversation/getsendresult':
        return this.result(request.query, body);
      default:
        return json({}, 404);
    }
  }

  async robot(query, body) {
    if (query.access_token !== this.accessToken) return json({ errcode: 400101, errmsg: 'token is not exist' });
    const timestamp = Number(query.timestamp);
    if (!(Math.abs(Date.now() - timestamp) < 3600e3)) return json({ errcode: 310000, errmsg: 'invalid timestamp' });
    if (query.sign !== await packageSigns(this.secret, timestamp)) return json({ errcode: 310000, errmsg: 'sign not match' });
    if (!body.text?.content) return json({ errcode: 44004, errmsg: 'empty' });
    if (!this.uuids.has(body.msgUuid)) this.taken.push({ text: body.text.content, uuid: body.msgUuid });
    if (body.msgUuid) this.uuids.add(body.msgUuid);
    return json({ errcode: 0, errmsg: 'ok' });
  }

  work({ access_token: token }, { agent_id: agent, userid_list: list, msg }) {
    if (token !== this.tokens.at(-1)) return json({ errcode: 40014, errmsg: 'invalid access_token' });
    if (agent !== this.agentId) return json({ errcode: 40000, errmsg: 'invalid agent_id' });
    const users = list.split(',');
    if (users.length > 100) return json({ errcode: 40035, errmsg: 'too many' });
    if (!users.some((one) => this.members.includes(one))) return json({ errcode: 33012, errmsg: 'invalid USERID' });
    this.tasks.push({ users });
    for (const to of users)
      if (this.members.includes(to) && !this.forbidden.includes(to)) this.taken.push({ to, text: msg.text.content, task: this.tasks.length });
    return json({ errcode: 0, task_id: 256271667000 + this.tasks.length, request_id: 'r' });
  }

  result({ access_token: token }, { agent_id: agent, task_id: id }) {
    const task = this.tasks[id - 256271667001];
    if (token !== this.tokens.at(-1)) return json({ errcode: 40014, errmsg: 'invalid access_token' });
    if (agent !== this.agentId || !task) return json({ errcode: 40035, errmsg: 'no such task' });
    const are = (test) => task.users.filter(test);
    return json({
      errcode: 0,
      send_result: {
        invalid_user_id_list: are((one) => !this.members.includes(one)),
        forbidden_user_id_list: are((one) => this.forbidden.includes(one)),
        forbidden_list: are((one) => this.forbidden.includes(one)).map((userid) => ({ code: '143106', count: 1, userid })),
        unread_user_id_list: are((one) => this.members.includes(one) && !this.forbidden.includes(one)),
        read_user_id_list: [], failed_user_id_list: [], invalid_dept_id_list: [],
      },
    });
  }
}

/**
 * What the npm package all-pusher-api sends for a text by its class of that name, in that second
 * and answered so: a list of { url, body }.
 */
async function packageSends(name, keys, text, { seconds = 0, answer = { errcode: 0, code: 0 } } = {}) {
  const file = require.resolve(`all-pusher-api/dist/${name}`);
  const axios = require(require.resolve('axios', { paths: [file] }));
  const { getTime } = Date.prototype;
  const { adapter } = axios.defaults;
  const sent = [];
  axios.defaults.adapter = async (config) => {
    sent.push({ url: config.url, body: config.data === undefined ? undefined : JSON.parse(config.data) });
    return { status: 200, data: answer, headers: {}, config };
  };
  Date.prototype.getTime = () => seconds * 1000;
  try {
    await new (require(file)[name])(keys).send({ message: text, type: 'text' });
  } finally {
    Date.prototype.getTime = getTime;
    axios.defaults.adapter = adapter;
  }
  return sent;
}

class Feishu extends HttpPeer {
  constructor({ hook = 'hook-1', secret = 'this is secret' } = {}) {
    super((request) => this.answer(request));
    Object.assign(this, { hook, secret, taken: [] });
  }

  async answer(request) {
    const body = parsed(request);
    if (request.path !== `/open-apis/bot/v2/hook/${this.hook}`) return json({ code: 19001, msg: 'param invalid: incoming webhook access token invalid' });
    if (!body) return json({ code: 9499, msg: 'Bad Request' }, 400);
    const [{ body: { sign } }] = await packageSends('FeiShu', { token: this.hook, secret: this.secret }, 'x', { seconds: Number(body.timestamp) });
    if (typeof body.timestamp !== 'string' || body.sign !== sign || Math.abs(Date.now() / 1000 - Number(body.timestamp)) > 3600)
      return json({ code: 19021, msg: 'sign match fail or timestamp is not within one hour from current time' });
    if (body.msg_type !== 'text' || !body.content?.text) return json({ code: 9499, msg: 'Bad Request' });
    this.taken.push({ text: body.content.text });
    return json({ StatusCode: 0, StatusMessage: 'success', code: 0, data: {}, msg: 'success' });
  }
}

module.exports = { packageSays, packageSigns, packageSends, Wecom, Dingtalk, Feishu };
