'use strict';
// Huawei Cloud SMS as far as its API reference tells it: a request is taken only if its
// signature is the one that Huawei's own SDK computes for it and its date is near.

const { AKSKSigner } = require('@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner');
const { HttpPeer } = require('./http_peer');

const KEY = 'app-key';
const SECRET = 'test-secret-9fe2';
const TEMPLATE = '1d18a7f4e1b84f6c8fc1546b48b3baea';
const answer = (status, code, fields = {}) => ({ status, body: JSON.stringify({ code, description: code, ...fields }) });

class Huawei {
  /** behave(call) may answer in place of the service; status(number) in place of 000000. */
  constructor({ behave = () => undefined, status = () => undefined } = {}) {
    Object.assign(this, { behave, status, calls: [], sent: [] });
    this.peer = new HttpPeer((request) => this.serve(request));
  }

  async start() {
    await this.peer.start();
    this.url = `http://127.0.0.1:${this.peer.port}`;
    return this;
  }

  stop() {
    return this.peer.stop();
  }

  serve(request) {
    const { method, path, headers, body } = request;
    const signed = AKSKSigner.sign({ method, endpoint: `http://${headers.host}${path}`, queryParams: {}, data: JSON.parse(body),
      headers: { 'content-type': headers['content-type'], 'X-Sdk-Date': headers['x-sdk-date'] } }, { getAk: () => KEY, getSk: () => SECRET });
    if (headers.authorization !== signed.Authorization) return answer(401, 'E000045');
    const at = headers['x-sdk-date'].replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
    if (!(Math.abs(new Date(at) - Date.now()) < 15 * 60e3)) return answer(401, 'E000110');
    const call = { params: JSON.parse(body), request };
    this.calls.push(call);
    return this.behave(call) ?? this.send(path, call.params);
  }

  send(path, { from, smsContent, extend }) {
    if (path !== '/sms/batchSendDiffSms/v1') return { status: 404, body: '' };
    const numbers = smsContent.flatMap((c) => c.to);
    if (from !== '8824110605123') return answer(200, 'E200018');
    if (numbers.length > 500 || numbers.some((n) => !/^\+\d{1,20}$/.test(n))) return answer(200, 'E000503');
    if (new Set(numbers).size !== numbers.length) return answer(200, 'E200041');
    if (smsContent.some((c) => c.templateId !== TEMPLATE)) return answer(200, 'E200030');
    if (smsContent.some((c) => c.templateParas.length !== 2)) return answer(200, 'E200028');
    const result = smsContent.map(({ to: [to], templateParas }) => {
      const status = this.status(to) ?? '000000';
      const smsMsgId = `d6e3cdd0-522b-4692-8304-a07553cdf591_${8539659 + this.sent.length}`;
      if (status === '000000') this.sent.push({ to, params: templateParas, smsMsgId, extend });
      return { originTo: to, createTime: '2027-03-06T01:00:00Z', from: '1069', smsMsgId, status, countryId: 'CN', total: 1 };
    });
    return answer(200, result.every((r) => r.status === '000000') ? '000000' : 'E200037', { result });
  }

  /** What is pushed for a message, as a form. */
  report(m, status = 'DELIVRD') {
    return new URLSearchParams({ sequence: '1', total: '1', orgCode: '000', updateTime: '2027-03-06T01:00:03Z', source: '2',
      smsMsgId: m.smsMsgId, status }).toString();
  }
}

module.exports = { Huawei, KEY, SECRET, TEMPLATE };
