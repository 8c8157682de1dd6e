'use strict';
// scripts/plugin-check on every plugin there is, as each is configured for its provider: with a
// peer where it has a connection of its own, and with a push as the provider signs it where there
// are pushes. A plugin without a row fails.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { execFile } = require('node:child_process');
const twilio = require('twilio');
const wecom = require('@wecom/crypto');
const { journey, ROOT, BUILD } = require('./lib/stage');
const { packageSigns } = require('./lib/im_peers');
const { Ismg } = require('./lib/ismg');
const { Modem } = require('./lib/modem');
const { Smsc } = require('./lib/smsc');

const SECRET = 'Zq7-secret-of-the-test';
const NOW = String(Math.floor(Date.now() / 1000));

const request = (target, headers, body) => [`POST ${target} HTTP/1.1`, ...headers, '', body].join('\r\n');
const json = (body, ...headers) => request('/', ['Content-Type: application/json', ...headers], JSON.stringify(body));
const form = (fields, ...headers) => request('/', ['Content-Type: application/x-www-form-urlencoded', ...headers], new URLSearchParams(fields).toString());
const xml = (query, body) => request(`/?${new URLSearchParams(query)}`, ['Content-Type: text/xml'], `<xml>${body}</xml>`);
const text = (id) => `<ToUserName><![CDATA[ww1]]></ToUserName><FromUserName><![CDATA[zhangsan]]></FromUserName><CreateTime>${NOW}</CreateTime>`
  + `<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[退订]]></Content><MsgId>${id}</MsgId><AgentID>218</AgentID>`;

function twilioPush() {
  const callback_url = 'https://sms.example.org/callbacks/twilio';
  const fields = { MessageSid: `SM${'1'.repeat(32)}`, MessageStatus: 'delivered', To: '+8613800138000', From: '+15005550006', AccountSid: `AC${'0'.repeat(32)}` };
  return { settings: { callback_url }, push: form(fields, `X-Twilio-Signature: ${twilio.getExpectedTwilioSignature(SECRET, callback_url, fields)}`) };
}

function wecomPush() {
  const push_key = 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C';
  const encrypted = wecom.encrypt(push_key, `<xml>${text('4561255354251345929')}</xml>`, 'ww1');
  return {
    settings: { push_token: 'QDG6eK', push_key },
    push: xml({ msg_signature: wecom.getSignature('QDG6eK', NOW, 'n1', encrypted), timestamp: NOW, nonce: 'n1' },
      `<ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt>`),
  };
}

/** Signed as a message to a robot is: the sign is that of the other direction. */
async function dingtalkPush() {
  const timestamp = Date.now();
  return json({ conversationType: '1', senderStaffId: 'user123', msgId: 'msg0', msgtype: 'text', text: { content: ' 退订' }, createAt: timestamp },
    `timestamp: ${timestamp}`, `sign: ${await packageSigns(SECRET, timestamp)}`);
}

function whatsappPush() {
  const body = { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value: {
    messaging_product: 'whatsapp', metadata: { display_phone_number: '15550783881', phone_number_id: '106540352242922' },
    statuses: [{ id: 'wamid.HBgN', recipient_id: '8613800138000', status: 'delivered', timestamp: NOW }],
  } }] }] };
  const sign = require('node:crypto').createHmac('sha256', SECRET).update(JSON.stringify(body)).digest('hex');
  return { settings: { app_secret: SECRET }, push: json(body, `X-Hub-Signature-256: sha256=${sign}`) };
}

/** name: rows of { settings, push } or a function of the stage that makes one. */
const PLUGINS = {
  aliyun: [{ push: json([{ phone_number: '13800138000', send_time: '2027-03-06 09:00:00', report_time: '2027-03-06 09:00:03', success: true,
    err_code: 'DELIVERED', err_msg: '', sms_size: '1', biz_id: '900619746936498440^0', out_id: 'fair/first/1' }]) }],
  cmpp: [async (s) => {
    const ismg = await new Ismg({ secret: SECRET }).start();
    s.closers.push(() => ismg.stop());
    return { settings: { host: ismg.host, port: ismg.port, sp_id: '901234', secret: SECRET, source: '10690001', service_id: 'OUTREACH' } };
  }],
  dingtalk: [{ settings: { access_token: SECRET, sign_secret: `SEC${SECRET}` } },
    async () => ({ settings: { app_key: 'dingx', app_secret: SECRET, agent_id: 836390886, replies: true }, push: await dingtalkPush() })],
  exec: [{ settings: { 'command.0': path.join(ROOT, 'conf/exec/gateway.py'), receipts: true } }],
  feishu: [{ settings: { hook: SECRET, sign_secret: SECRET } }],
  http: [{ settings: {
    channel: 'sms', secret: SECRET, url: 'http://127.0.0.1:9/?k={{secret:url}}&to={{to:url}}&text={{text:url}}',
    'receipt.0.id': 'msgid', 'receipt.0.state': 'status', 'receipt.0.delivered.0': 'DELIVRD',
    'reply.0.from': 'mobile', 'reply.0.text': 'content',
  }, push: json([{ msgid: 'm1', status: 'DELIVRD' }, { mobile: '13800138000', content: 'TD' }]) }],
  huawei: [{ settings: { url: 'https://127.0.0.1:9' }, push: form({ sequence: '1', total: '1', orgCode: '000',
    updateTime: '2027-03-06T01:00:03Z', source: '2', smsMsgId: '2ea20735-f856-4376-afbf-570bd70a46ee_11840135', status: 'DELIVRD' }) }],
  modem: [async (s) => {
    const modem = new Modem(BUILD, s.path('ttyUSB0'));
    s.closers.push(() => modem.stop());
    await modem.plug();
    return { settings: { 'ports.0': modem.link, command_timeout: '500ms', reset_wait: '50ms', reconnect_min: '50ms', poll: '200ms' },
      unjudged: /two instances, one closed: not judged/ }; // of one device
  }],
  sandbox: [{ settings: { echo_reference: true, replies: 50 }, unjudged: /it does not say GATEWAY_OPENS_QUIETLY$/ }], // it may open its phone_file
  smpp: [async (s) => {
    const smsc = await new Smsc({ password: 'Zq7-sec1' }).start();
    s.closers.push(() => smsc.stop());
    return { settings: { host: smsc.host, port: smsc.port, system_id: 'women', password: 'Zq7-sec1' } };
  }],
  telegram: [{ settings: { token: `123456:${SECRET}`, secret_token: 'Zq7-push', callback_url: 'https://sms.example.org/callbacks/bot' },
    push: json({ update_id: 7, message: { message_id: 7, from: { id: 7000000001 }, chat: { id: 7000000001, type: 'private' }, date: 1700000000, text: '退订' } },
      'X-Telegram-Bot-Api-Secret-Token: Zq7-push') }],
  tencent: [{ push: json([{ user_receive_time: '2027-03-06 09:00:03', nationcode: '86', mobile: '13800138000', report_status: 'SUCCESS',
    errmsg: 'DELIVRD', description: 'DELIVRD', sid: '2640:4ef5d4ac2c1f' }]) }],
  twilio: [() => {
    const { settings, push } = twilioPush();
    return { settings: { account_sid: `AC${'0'.repeat(32)}`, auth_token: SECRET, source: '+15005550006', ...settings }, push };
  }],
  wechat: [{ settings: { push_token: 'QDG6eK' }, push: xml(
    { signature: wecom.getSignature('QDG6eK', NOW, 'n1', ''), timestamp: NOW, nonce: 'n1' }, text('23456')) }],
  wecom: [{ settings: { key: SECRET } }, () => {
    const { settings, push } = wecomPush();
    return { settings: { corpid: 'ww1', secret: SECRET, agentid: 218, ...settings }, push };
  }],
  whatsapp: [() => {
    const { settings, push } = whatsappPush();
    return { settings: { phone_number_id: '106540352242922', ...settings }, push };
  }],
};

const check = (args) => new Promise((resolve) => {
  execFile(path.join(ROOT, 'scripts/plugin-check'), args, { env: { ...process.env, FLAVOR: 'test' }, maxBuffer: 1 << 24 },
    (error, stdout, stderr) => resolve({ code: error ? error.code : 0, all: stdout + stderr }));
});

/** What nobody can judge: what the header lets a plugin leave out, and pushes where the row has none. */
const UNJUDGED = [/it has no (drain|callback)\(\)$/, /it sends nothing by HTTP that names the recipient$/];
const NO_PUSH = /no push to show it: -p FILE$/;

for (const file of fs.readdirSync(path.join(BUILD, 'plugins')).filter((name) => name.endsWith('.so'))) {
  const name = path.basename(file, '.so');
  journey(`${name} keeps what gateway_plugin.h promises`, async (s) => {
    assert.ok(PLUGINS[name], 'a plugin without a row here');
    for (const row of PLUGINS[name]) {
      const { settings = {}, push, unjudged } = typeof row === 'function' ? await row(s) : row;
      const shown = push ? ['-p', s.write('push', push)] : [];
      const { code, all } = await check([...shown, path.join(BUILD, 'plugins', file), ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)]);
      assert.equal(code, 0, all);
      assert.match(all, / 0 promises broken$/m);
      const allowed = [...UNJUDGED, ...(push ? [] : [NO_PUSH]), ...(unjudged ? [unjudged] : [])];
      for (const [line] of all.matchAll(/^--.*$/gm)) assert.ok(allowed.some((one) => one.test(line)), all);
    }
  }, { timeout: 600000 });
}
