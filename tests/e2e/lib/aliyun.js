'use strict';
// Aliyun SMS as far as its API reference tells it: a request is taken only if its signature
// is the one that Aliyun's own SDK computes for it, its date is near and its nonce is new, its
// template and signature are approved and its parameters are what the template asks for.

const crypto = require('node:crypto');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const Util = require('@alicloud/openapi-core/dist/utils').default;
const { default: Client, SendSmsRequest, SendBatchSmsRequest } = require('@alicloud/dysmsapi20170525');
const { HttpPeer } = require('./http_peer');

const ID = 'LTAI-test-id';
const SECRET = 'test-secret-9fe2';
const TEMPLATES = { SMS_9: ['name', 'text'], SMS_1: ['name', 'venue'], SMS_2: ['name'] };
const SIGNS = ['鼓楼区妇联', '区图书馆'];
const refusal = (code, message, status = 200) => ({ status, body: JSON.stringify({ Code: code, Message: message, RequestId: 'r' }) });

class Aliyun {
  /** behave(call) may answer in place of the service: { status, body, ... } or undefined. */
  constructor(behave = () => undefined) {
    this.behave = behave;
    this.calls = []; // those that were signed well: { action, params, request }
    this.sent = []; // { number, sign, template, params, outId, bizId }
    this.nonces = new Set();
    this.now = Date.now; // what its clock shows
    this.peer = new HttpPeer((request) => this.serve(request));
  }

  async start() {
    await this.peer.start();
    this.port = this.peer.port;
    this.url = `http://127.0.0.1:${this.port}/`;
    return this;
  }

  stop() {
    return this.peer.stop();
  }

  /** What is wrong with who asks, as the API's gateway would say it. */
  stranger({ method, path, query, headers, body }) {
    const hash = crypto.createHash('sha256').update(body).digest('hex');
    if (headers['x-acs-content-sha256'] !== hash) return refusal('InvalidContentSha256', 'body', 400);
    if (body === '' && headers['content-type']) return refusal('InvalidContentType', 'a type and no body', 400);
    const said = Util.getAuthorization({ method, pathname: path, query, headers }, 'ACS3-HMAC-SHA256', hash, ID, SECRET);
    if (headers.authorization !== said) return refusal('SignatureDoesNotMatch', `expected ${said}`, 400);
    if (Math.abs(new Date(headers['x-acs-date']) - this.now()) > 15 * 60e3) return refusal('InvalidTimeStamp.Expired', 'clock', 400);
    if (this.nonces.has(headers['x-acs-signature-nonce'])) return refusal('SignatureNonceUsed', 'nonce', 400);
    this.nonces.add(headers['x-acs-signature-nonce']);
    return headers['x-acs-version'] === '2017-05-25' ? undefined : refusal('InvalidVersion', 'version', 400);
  }

  serve(request) {
    const wrong = this.stranger(request);
    if (wrong) return wrong;
    const params = { ...request.query, ...Object.fromEntries(new URLSearchParams(request.body)) };
    const call = { n: this.calls.length + 1, action: request.headers['x-acs-action'], params, request };
    this.calls.push(call);
    return this.behave(call) ?? (this[call.action]?.(params) ?? refusal('InvalidAction.NotFound', call.action, 404));
  }

  send(messages) {
    if (messages.length > 100) return refusal('isv.MOBILE_COUNT_OVER_LIMIT', 'too many');
    for (const { number, sign, template, params } of messages) {
      if (!TEMPLATES[template]) return refusal('isv.SMS_TEMPLATE_ILLEGAL', '模板不合法(不存在或被拉黑)');
      if (!SIGNS.includes(sign)) return refusal('isv.SMS_SIGNATURE_ILLEGAL', '签名不合法(不存在或被拉黑)');
      if (!/^1\d{10}$/.test(number)) return refusal('isv.MOBILE_NUMBER_ILLEGAL', `${number}invalid mobile number`);
      if (TEMPLATES[template].some((name) => !(name in params))) return refusal('isv.TEMPLATE_MISSING_PARAMETERS', '缺少模板参数');
      if (Object.values(params).some((value) => typeof value !== 'string')) return refusal('isv.INVALID_JSON_PARAM', 'JSON参数不合法');
    }
    const bizId = `${900619746936 + this.calls.length}^0`;
    this.sent.push(...messages.map((message) => ({ ...message, bizId })));
    return { status: 200, body: JSON.stringify({ Code: 'OK', Message: 'OK', BizId: bizId, RequestId: 'r' }) };
  }

  SendSms(p) {
    return this.send(p.PhoneNumbers.split(',').map((number) => ({
      number, sign: p.SignName, template: p.TemplateCode, params: JSON.parse(p.TemplateParam ?? '{}'), outId: p.OutId,
    })));
  }

  SendBatchSms(p) {
    const [numbers, signs, params] = ['PhoneNumberJson', 'SignNameJson', 'TemplateParamJson'].map((name) => JSON.parse(p[name]));
    if (signs.length !== numbers.length || params.length !== numbers.length) return refusal('isv.INVALID_PARAMETERS', 'lengths');
    return this.send(numbers.map((number, i) => ({ number, sign: signs[i], template: p.TemplateCode, params: params[i] })));
  }

  QuerySendDetails(p) {
    const found = this.sent.filter((m) => m.number === p.PhoneNumber && (!p.BizId || m.bizId === p.BizId));
    const list = found.map((m) => ({ PhoneNum: m.number, SendStatus: 3, ErrCode: 'DELIVERED', OutId: m.outId ?? '',
      TemplateCode: m.template, SendDate: '2027-03-06 09:00:00', ReceiveDate: '2027-03-06 09:00:03' }));
    return { status: 200, body: JSON.stringify({ Code: 'OK', Message: 'OK', SmsSendDetailDTOs: { SmsSendDetailDTO: list }, TotalCount: list.length }) };
  }

  /** Repeats a push that was not answered 200 after 1, 5 and 10 minutes, and then gives up; false if it did. */
  async insist(push, clock) {
    for (const minutes of [1, 5, 10, 0]) {
      if ((await push()).status === 200) return true;
      clock.sleep(minutes * 60e3);
    }
    return false;
  }

  /** What SmsReport pushes for a message. */
  report({ number, bizId, outId }, code = 'DELIVERED') {
    return { phone_number: number, send_time: '2027-03-06 09:00:00', report_time: '2027-03-06 09:00:03',
      success: code === 'DELIVERED', err_code: code, err_msg: code, sms_size: '1', biz_id: bizId, out_id: outId ?? '' };
  }
}

/**
 * What the SDK sends to the same endpoint for the parameters of a request, at its time and with
 * its nonce: { query, headers, body }.
 */
async function sdkSends(aliyun, request) {
  const { getNonce, getTimestamp } = Util;
  const { behave } = aliyun.peer;
  let seen;
  try {
    Util.getNonce = () => request.headers['x-acs-signature-nonce'];
    Util.getTimestamp = () => request.headers['x-acs-date'];
    aliyun.peer.behave = (r) => {
      seen = r;
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"Code":"OK","Message":"OK","BizId":"1^0"}' };
    };
    const client = new Client(new $OpenApiUtil.Config({
      // Without a name of who provides the key, which the SDK would sign too.
      credential: { getCredential: async () => ({ accessKeyId: ID, accessKeySecret: SECRET, type: 'access_key' }) },
      endpoint: request.headers.host, protocol: 'http',
    }));
    const params = { ...request.query, ...Object.fromEntries(new URLSearchParams(request.body)) };
    const lower = Object.fromEntries(Object.entries(params).map(([name, value]) => [name[0].toLowerCase() + name.slice(1), value]));
    if (request.headers['x-acs-action'] === 'SendSms') await client.sendSms(new SendSmsRequest(lower));
    else await client.sendBatchSms(new SendBatchSmsRequest(lower));
  } finally {
    Object.assign(Util, { getNonce, getTimestamp });
    aliyun.peer.behave = behave;
  }
  return seen;
}

module.exports = { Aliyun, sdkSends, ID, SECRET };
