'use strict';
// Tencent Cloud SMS as far as its API reference tells it: a request is taken only if its
// signature is the one that Tencent's own SDK computes for it and its second is near.

const tencentcloud = require('tencentcloud-sdk-nodejs-sms');
const Sign = require('tencentcloud-sdk-nodejs-common/tencentcloud/common/sign').default;
const { HttpPeer } = require('./http_peer');

const ID = 'AKIDtest';
const KEY = 'test-secret-9fe2';
const APP = '1400006666';
const TEMPLATES = { 1110: 2, 1111: 0 }; // how many parameters
const refusal = (code, message) => ({ status: 200, body: JSON.stringify({ Response: { Error: { Code: code, Message: message }, RequestId: 'r' } }) });
const answer = (fields) => ({ status: 200, body: JSON.stringify({ Response: { ...fields, RequestId: 'r' } }) });

class Tencent {
  /** behave(call) may answer in place of the service; entry(number) in place of an Ok. */
  constructor({ behave = () => undefined, entry = () => undefined } = {}) {
    Object.assign(this, { behave, entry, calls: [], sent: [], queue: [] });
    this.peer = new HttpPeer((request) => this.serve(request));
  }

  async start() {
    await this.peer.start();
    this.url = `http://127.0.0.1:${this.peer.port}/`;
    return this;
  }

  stop() {
    return this.peer.stop();
  }

  stranger({ method, path, headers, body }) {
    const timestamp = Number(headers['x-tc-timestamp']);
    const said = Sign.sign3({ method, url: `http://${headers.host}${path}`, payload: Buffer.from(body), timestamp, service: 'sms',
      secretId: ID, secretKey: KEY, headers: { 'Content-Type': headers['content-type'] } });
    if (headers.authorization !== said) return refusal('AuthFailure.SignatureFailure', `expected ${said}`);
    if (Math.abs(timestamp * 1000 - Date.now()) > 5 * 60e3) return refusal('AuthFailure.SignatureExpire', 'clock');
    return headers['x-tc-version'] === '2021-01-11' && headers['x-tc-region'] ? undefined : refusal('InvalidParameter', 'version');
  }

  serve(request) {
    const wrong = this.stranger(request);
    if (wrong) return wrong;
    const call = { action: request.headers['x-tc-action'], params: JSON.parse(request.body), request };
    this.calls.push(call);
    return this.behave(call) ?? this[call.action]?.(call.params) ?? refusal('InternalError.RestApiInterfaceNotExist', call.action);
  }

  SendSms(p) {
    if (p.SmsSdkAppId !== APP) return refusal('InvalidParameterValue.SdkAppIdNotExist', 'app');
    if (p.SignName !== '鼓楼区妇联') return refusal('FailedOperation.SignatureIncorrectOrUnapproved', '签名未审批');
    if (p.PhoneNumberSet.length > 200) return refusal('LimitExceeded.PhoneNumberCountLimit', 'too many');
    if (TEMPLATES[p.TemplateId] === undefined) return refusal('FailedOperation.TemplateUnapprovedOrNotExist', '模板未审批');
    if (TEMPLATES[p.TemplateId] !== p.TemplateParamSet.length) return refusal('FailedOperation.TemplateParamSetNotMatchApprovedTemplate', '变量');
    return answer({ SendStatusSet: p.PhoneNumberSet.map((number) => {
      const code = this.entry(number) ?? 'Ok';
      const serial = code === 'Ok' ? `5000:${104571066915 + this.sent.length}` : '';
      if (code === 'Ok') this.sent.push({ number, params: p.TemplateParamSet, template: p.TemplateId, context: p.SessionContext, serial });
      return { SerialNo: serial, PhoneNumber: number, Fee: 1, SessionContext: p.SessionContext ?? '', Code: code, Message: code, IsoCode: 'CN' };
    }) });
  }

  static status(m) {
    return { UserReceiveTime: Math.floor(Date.now() / 1000), CountryCode: '86', SubscriberNumber: m.number.slice(3), PhoneNumber: m.number,
      SerialNo: m.serial, ReportStatus: 'SUCCESS', Description: 'DELIVRD', SessionContext: '' };
  }

  PullSmsSendStatusByPhoneNumber(p) {
    return answer({ PullSmsSendStatusSet: this.sent.filter((m) => m.number === p.PhoneNumber).map(Tencent.status) });
  }

  /** Takes from the queue what it shows. */
  PullSmsSendStatus(p) {
    return answer({ PullSmsSendStatusSet: this.queue.splice(0, p.Limit).map(Tencent.status) });
  }

  PullSmsReplyStatus() {
    return answer({ PullSmsReplyStatusSet: [] });
  }

  /** What is pushed for a message. */
  report(m, errmsg = 'DELIVRD') {
    return { user_receive_time: '2027-03-06 09:00:03', nationcode: '86', mobile: m.number.slice(3),
      report_status: errmsg === 'DELIVRD' ? 'SUCCESS' : 'FAIL', errmsg, description: errmsg, sid: m.serial };
  }

  /** What the SDK sends to this endpoint for the same parameters in the same second. */
  async sdkSends(request) {
    const { behave } = this.peer;
    const { getTime } = Date.prototype;
    const at = Number(request.headers['x-tc-timestamp']) * 1000;
    let seen;
    try {
      this.peer.behave = (r) => ((seen = r), answer({ SendStatusSet: [] }));
      const client = new tencentcloud.sms.v20210111.Client({
        credential: { secretId: ID, secretKey: KEY }, region: 'ap-guangzhou',
        profile: { httpProfile: { endpoint: request.headers.host, protocol: 'http://', headers: { 'Content-Type': request.headers['content-type'] } } },
      });
      Date.prototype.getTime = function time() { // "now" alone is another time
        return Math.abs(getTime.call(this) - Date.now()) < 1000 ? at : getTime.call(this);
      };
      // It takes the service's name from the first word of the endpoint.
      client.endpoint = Object.assign(new String(client.endpoint), { split: () => ['sms'] });
      await client.SendSms(JSON.parse(request.body));
    } finally {
      Date.prototype.getTime = getTime;
      this.peer.behave = behave;
    }
    return seen;
  }
}

module.exports = { Tencent, ID, KEY, APP };
