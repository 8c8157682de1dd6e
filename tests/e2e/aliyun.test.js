'use strict';
// The aliyun plugin in the real daemon, against an endpoint that checks what Aliyun checks,
// signatures with Aliyun's own SDK.

const assert = require('node:assert/strict');
const http = require('node:http');
const { journey, campaign, people, inDays } = require('./lib/stage');
const { most } = require('./lib/arrival');
const { until } = require('./lib/wait');
const { Aliyun, sdkSends, ID, SECRET } = require('./lib/aliyun');

const TOKEN = 'Zx81-unguessable-9fe2';
const TEMPLATES = { aliyun: { code: 'SMS_1', params: ['name|居民', 'venue=event.venue'] } };

async function aliyun(s, behave, gateway = {}) {
  const peer = await new Aliyun(behave).start();
  s.closers.push(() => peer.stop());
  Object.assign(s.env, { CALLBACK_TOKEN: TOKEN, ALIYUN_SECRET: SECRET });
  s.settings.gateways.push({
    name: 'aliyun', plugin: 'aliyun', url: peer.url, access_key_id: ID, access_key_secret: '@env:ALIYUN_SECRET',
    sign_name: '鼓楼区妇联', signature: 'gateway', callback_token: '@env:CALLBACK_TOKEN', window: 300, ...gateway,
  });
  return peer;
}

/** Pushes as Aliyun does; returns { status, body }. */
function push(s, items) {
  const port = Number(s.log().match(/web\.listening .*port=(\d+)/)[1]);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: `/callbacks/aliyun/${TOKEN}`, method: 'POST', agent: false,
      headers: { 'content-type': 'application/json;charset=UTF-8' } }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject);
    request.end(JSON.stringify(items));
  });
}

journey('each of many people gets the template with her own parameters, and is delivered by her own receipt', async (s) => {
  const peer = await aliyun(s);
  await s.start();
  await s.xadd(campaign('march8', people(230), { templates: TEMPLATES }));
  await s.counted('march8', 'first', { accepted: 230 }, 60000);
  assert.equal(peer.peer.requests.length, peer.calls.length, 'every request was signed as the SDK would');
  assert.ok(peer.calls.length < 25, `${peer.calls.length} requests`);
  for (const [i, person] of people(230).entries()) {
    const got = peer.sent.filter((m) => `+86${m.number}` === person.sms);
    assert.equal(got.length, 1, `${person.sms} once`);
    assert.deepEqual(got[0].params, { name: `居民${i + 1}`, venue: '区妇联' });
    assert.equal(got[0].sign, '鼓楼区妇联');
  }
  const last = peer.sent.pop();
  assert.deepEqual(await push(s, peer.sent.map((m) => peer.report(m))), { status: 200, body: '{"code":0,"msg":"ok"}' });
  await s.counted('march8', 'first', { accepted: 1, delivered: 229 });
  await push(s, [peer.report(last, 'MOBILE_NOT_ON_SERVICE')]);
  assert.deepEqual(await s.settled('march8', 'first'), { delivered: 229, undelivered: 1 });
  await s.ok('verify', 'march8');
  const seen = s.log() + JSON.stringify(s.deliveryLog());
  assert.ok(!seen.includes(SECRET) && !seen.includes(last.number), 'no secret and no number is in a log');
});

journey('where templates alone are sent, corrections need one of their own: refused before, and sent by it', async (s) => {
  const peer = await aliyun(s);
  await s.start();
  const list = people(2);
  s.write('list.csv', `姓名,手机号\n${list.map((p) => `${p.name},${p.sms.slice(3)}`).join('\n')}\n`);
  const moved = { zh: '{{name|居民}}您好，原在{{was.venue}}，改到{{event.venue}}。' };
  const body = (venue, more) => ({ ...campaign('fair', list, { templates: TEMPLATES, texts: { zh: '{{name}}您好，{{event.venue}}。', moved }, ...more }),
    event: { starts: inDays(7, '09:00'), timezone: 'Asia/Shanghai', venue: { zh: venue } } });
  const file = (venue, more) => s.write('fair.json', JSON.stringify({ ...body(venue, more), audience: { file: 'list.csv' } }));
  const code = (template, params) => ({ aliyun: { code: template, params } });
  for (const [more, said] of [
    [{}, /no correction could be sent: gateway aliyun sends approved templates only/],
    [{ corrections: { templates: code('SMS_9', ['text=notice_text']) }, registration: {} }, /nobody who writes back could be answered: gateway aliyun/],
    [{ corrections: { templates: code('SMS_9', ['text=岗位']) } }, /corrections\.templates: .*岗位/],
    [{ corrections: { templates: { aliyun: { params: ['x'] } } } }, /corrections\.templates/],
  ])
    for (const command of ['check', 'queue', 'forecast']) {
      const refused = await s.outreach(command, file('区妇联', more));
      assert.equal(refused.code, 65, refused.all);
      assert.match(refused.err, said);
    }
  // What comes by the queue is judged by the daemon in the same words, an amendment too; not a cancel.
  const turned = async (words) => until('its refusal', async () => (await s.rejected()).some((r) => words.test(r.reason)), 60000);
  await s.xadd(body('区妇联', {}));
  await turned(/no correction could be sent: gateway aliyun/);
  await s.xadd(body('区妇联', { corrections: { templates: code('SMS_9', ['text=notice_text']) }, registration: {} }));
  await turned(/nobody who writes back could be answered: gateway aliyun/);
  const right = { corrections: { templates: code('SMS_9', ['name|居民', 'text=notice_text']) } };
  await s.ok('check', file('区妇联', { ...right, registration: {}, answer_templates: code('SMS_8', ['text=notice_text']) }));
  await s.xadd(body('区妇联', right));
  await s.counted('fair', 'first', { accepted: 2 }, 60000);
  await s.xadd(body('体育馆', {}), { op: 'amend' });
  await until('its refusal', async () => (await s.rejected()).some((r) => r.op === 'amend' && /no correction could be sent/.test(r.reason)), 60000);
  assert.match((await s.outreach('amend', file('体育馆', {}), '-y')).err, /no correction could be sent: gateway aliyun/);
  await s.xadd(body('文化馆', right), { op: 'amend' });
  await until('the corrections', () => peer.sent.length === 4, 60000);
  assert.deepEqual(peer.sent.slice(2).map((m) => [m.template, m.params]).sort(), list.map((p) =>
    ['SMS_9', { name: p.name, text: `${p.name}您好，原在区妇联，改到文化馆。` }]).sort());
  await s.ok('verify', 'fair');
});

journey('a thousand at an even rate leave in full batches, and no second sees more than the rate', async (s) => {
  const peer = await aliyun(s, undefined, { rate: '500/s', window: 300 });
  await s.start();
  await s.xadd(campaign('even', people(1000), { templates: TEMPLATES }));
  await s.counted('even', 'first', { accepted: 1000 }, 60000);
  const sends = peer.calls.filter((c) => /^Send/.test(c.action));
  const size = ({ params }) => (params.PhoneNumberJson ? JSON.parse(params.PhoneNumberJson).length : 1);
  assert.ok(sends.length >= 10 && sends.length <= 20, `requests of ${sends.map(size).join(' ')}`);
  const second = most(sends.map((c) => c.request), 1000, (request) => size(peer.calls.find((c) => c.request === request)));
  assert.ok(second.most <= 500, `${second.most} messages in a second`);
});

journey('two campaigns to one person at once are two messages, each with a receipt of its own', async (s) => {
  const peer = await aliyun(s);
  await s.start();
  for (const id of ['one', 'two']) await s.xadd(campaign(id, people(1), { templates: TEMPLATES }));
  for (const id of ['one', 'two']) await s.counted(id, 'first', { accepted: 1 }, 60000);
  await push(s, [peer.report(peer.sent[0]), peer.report(peer.sent[1], 'MOBILE_NOT_ON_SERVICE')]);
  const ends = [await s.settled('one', 'first'), await s.settled('two', 'first')];
  assert.deepEqual(ends.map((e) => Object.keys(e)[0]).sort(), ['delivered', 'undelivered']);
});

journey('for the same input, time and nonce the SDK sends the same signature', async (s) => {
  const peer = await aliyun(s);
  await s.start();
  await s.xadd(campaign('one', [{ sms: '+8613851401000', name: '王 芳*~/+"\\' }], { templates: TEMPLATES }));
  await s.counted('one', 'first', { accepted: 1 });
  await s.xadd(campaign('many', people(5), { templates: TEMPLATES }));
  await s.counted('many', 'first', { accepted: 5 });
  const single = peer.calls.find((c) => c.action === 'SendSms');
  const batch = peer.calls.find((c) => c.action === 'SendBatchSms');
  assert.equal(single.params.OutId, 'one/first/1');
  for (const { request } of [single, batch]) {
    const theirs = await sdkSends(peer, request);
    assert.equal(theirs.headers.authorization, request.headers.authorization);
    assert.deepEqual(theirs.query, request.query);
    assert.equal(theirs.body, request.body);
  }
});

journey('one wrong number in a batch fails alone', async (s) => {
  const peer = await aliyun(s, ({ params }) =>
    JSON.stringify(params).includes('13851401001')
      ? { status: 200, body: '{"Code":"isv.MOBILE_NUMBER_ILLEGAL","Message":"13851401001invalid mobile number"}' } : undefined);
  await s.start();
  await s.xadd(campaign('wrong', people(4), { templates: TEMPLATES }));
  await s.counted('wrong', 'first', { accepted: 3, failed: 1 });
  assert.equal(peer.sent.length, 3);
  assert.match((await s.ok('why', '+8613851401001')).out, /number|空号|号码/i);
});

journey('a wrong secret breaks the gateway with their words, and nothing is lost', async (s) => {
  const peer = await aliyun(s);
  s.env.ALIYUN_SECRET = 'another-secret-000';
  await s.start();
  await s.xadd(campaign('key', people(3), { templates: TEMPLATES }));
  await until('the circuit to open', () => /circuit\.open gateway=aliyun outcome=broken reason="?SignatureDoesNotMatch/.test(s.log()));
  assert.equal(peer.calls.length, 0);
  const counts = await s.counts('key', 'first');
  assert.equal((counts.parked ?? 0) + (counts.untouched ?? 0) + (counts.sending ?? 0), 3);
});

journey('requests that were cut off are in doubt, and are not sent again', async (s) => {
  const peer = await aliyun(s, () => ({ cut: true }));
  await s.start();
  await s.xadd(campaign('cut', people(3), { templates: TEMPLATES, reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await s.counted('cut', 'first', { uncertain: 3 });
  for (const { sms } of people(3))
    assert.equal(peer.calls.filter(({ params }) => JSON.stringify(params).includes(sms.slice(3))).length, 1);
});

journey('receipts that nobody pushes are asked for', async (s) => {
  const peer = await aliyun(s, undefined, { poll_after: '1s' });
  await s.start();
  await s.xadd(campaign('ask', people(2), { templates: TEMPLATES }));
  assert.deepEqual(await s.settled('ask', 'first', 60000), { delivered: 2 });
  assert.ok(peer.calls.some((c) => c.action === 'QuerySendDetails'));
  assert.equal(peer.peer.requests.length, peer.calls.length, 'questions are signed too');
});

journey('an outage that is longer than Aliyun repeats its pushes costs no receipt: they are asked for', async (s) => {
  const clock = s.drivenClock();
  const server = await s.redisServer();
  const peer = await aliyun(s);
  peer.now = () => clock.now();
  await s.start();
  await s.xadd(campaign('away', people(3), { templates: TEMPLATES }));
  await s.counted('away', 'first', { accepted: 3 }, 60000);
  const accepted = clock.now();
  await server.kill();
  await until('the outage to be noticed', () => /redis\.away/.test(s.log()), 60000);
  assert.equal(await peer.insist(() => push(s, peer.sent.map((m) => peer.report(m))), clock), false, 'each was answered 503');
  assert.ok(clock.now() - accepted >= 16 * 60e3);
  await server.start();
  await until('Redis to be back', () => /redis\.back/.test(s.log()), 60000);
  assert.ok(peer.calls.every((c) => c.action !== 'QuerySendDetails'), 'not before its time');
  clock.sleep(4 * 60e3); // twenty minutes after they were accepted, as poll_after has it
  assert.deepEqual(await s.settled('away', 'first', 60000), { delivered: 3 });
  assert.equal(peer.sent.length, 3, 'nobody was sent it twice');
  await s.ok('verify', 'away');
});

journey('receipts that a killed daemon had still to ask for are asked for by the next one', async (s) => {
  let tells = false;
  const empty = { status: 200, body: '{"Code":"OK","Message":"OK","SmsSendDetailDTOs":{"SmsSendDetailDTO":[]},"TotalCount":0}' };
  const peer = await aliyun(s, ({ action }) => (action === 'QuerySendDetails' && !tells ? empty : undefined), { poll_after: '1s' });
  await s.start();
  await s.xadd(campaign('owed', people(3), { templates: TEMPLATES }));
  await s.xadd(campaign('single', people(1), { templates: TEMPLATES }));
  await s.counted('owed', 'first', { accepted: 3 }, 60000);
  await s.counted('single', 'first', { accepted: 1 }, 60000);
  await push(s, [peer.report(peer.sent[0])]); // is not owed any more
  await until('its receipt', async () => (await s.counts('owed', 'first')).delivered || (await s.counts('single', 'first')).delivered);
  await s.stop('SIGKILL');
  const before = peer.calls.length;
  tells = true;
  await s.start();
  assert.deepEqual(await s.settled('owed', 'first', 60000), { delivered: 3 });
  assert.deepEqual(await s.settled('single', 'first', 60000), { delivered: 1 });
  const asked = peer.calls.slice(before);
  assert.ok(asked.every((c) => c.action === 'QuerySendDetails'), 'nothing was sent again');
  assert.ok(asked.every((c) => c.params.BizId !== peer.sent[0].bizId || c.params.PhoneNumber !== peer.sent[0].number), 'whose receipt is there is not asked about');
  await until('the log to say so', () => /receipts\.owed gateway=aliyun messages=3/.test(s.log()));
});

journey('a gateway that was drained and is resumed asks for what it was owed before', async (s) => {
  let tells = false;
  const waiting = { status: 200, body: '{"Code":"OK","Message":"OK","SmsSendDetailDTOs":{"SmsSendDetailDTO":[]},"TotalCount":0}' };
  await aliyun(s, ({ action }) => (action === 'QuerySendDetails' && !tells ? waiting : undefined), { poll_after: '1s' });
  await s.start();
  await s.xadd(campaign('owed', people(2), { templates: TEMPLATES }));
  await s.counted('owed', 'first', { accepted: 2 }, 60000);
  await s.ok('gateways', 'drain', 'aliyun');
  await until('the drain', () => /gateway\.draining gateway=aliyun/.test(s.log()), 60000);
  await s.ok('gateways', 'resume', 'aliyun');
  await until('it to be open again', () => /gateway\.reopened gateway=aliyun/.test(s.log()), 60000);
  tells = true;
  assert.deepEqual(await s.settled('owed', 'first', 60000), { delivered: 2 });
});

journey('a reply that refuses takes the number off the list', async (s) => {
  const peer = await aliyun(s);
  await s.start();
  assert.equal((await push(s, [{ phone_number: '13851401000', content: 'TD', send_time: '2027-03-06 09:00:00', dest_code: '1234', sequence_id: '1' }])).status, 200);
  await s.xadd(campaign('refused', people(2), { templates: TEMPLATES }));
  await s.counted('refused', 'first', { 'opted-out': 1, accepted: 1 });
  assert.equal(peer.sent.length, 1);
});
