'use strict';
// What gateways do to us, and what that does to a notice.

const assert = require('node:assert/strict');
const { journey, campaign, people, inSeconds } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }]; // what is in doubt is left to a person
const quick = { backoff: '1s', backoff_max: '2s' };

journey('a number that the operator refuses is failed with the reason, once', async (s) => {
  const smsc = await s.smsc(({ to }) => (to.endsWith('1') ? { status: 0x0b } : {}));
  await s.start();
  await s.xadd(campaign('refused', people(3)));
  assert.deepEqual(await s.settled('refused', 'first'), { delivered: 2, failed: 1 });
  assert.equal(smsc.submits.length, 3);
  const show = await s.ok('why', people(2)[1].sms);
  assert.match(show.out, /number|0x0*b\b|空号|号码/i);
});

journey('throttling spends no attempt, and everything arrives', async (s) => {
  const refused = new Map();
  const smsc = await s.smsc(({ to, n }) => {
    const times = refused.get(to) ?? 0;
    if (n % 3 === 0 && times < 8) {
      refused.set(to, times + 1);
      return { status: 0x58 };
    }
    return {};
  });
  s.settings.dispatch = { attempts: 2, ...quick };
  await s.start();
  await s.xadd(campaign('fast', people(30)));
  assert.deepEqual(await s.settled('fast', 'first', 60000), { delivered: 30 });
  assert.ok(refused.size > 0);
  assert.ok((await s.ledger('fast', 'first')).every((r) => r.attempts === 1), 'throttled attempts are not counted');
  assert.equal(smsc.messages.length, 30);
});

journey("the operator's outage is tried again, with a pause that grows, until it is over", async (s) => {
  const smsc = await s.smsc(({ n }) => (n <= 4 ? { status: 0x08 } : {}));
  s.settings.dispatch = { backoff: '1s', backoff_max: '3s', attempts: 9 };
  await s.start();
  await s.xadd(campaign('outage', people(1)));
  assert.deepEqual(await s.settled('outage', 'first', 60000), { delivered: 1 });
  assert.equal((await s.ledger('outage', 'first'))[0].attempts, 5);
  assert.equal(smsc.submits.length, 5);
  // Doubled each time up to the ceiling; then of that the half, and of the other half what is drawn.
  const waits = s.deliveryLog().filter((line) => line.event === 'retry').map((line) => Date.parse(line.until) - Date.parse(line.t));
  assert.equal(waits.length, 4);
  for (const [i, most] of [1000, 2000, 3000, 3000].entries())
    assert.ok(waits[i] >= most / 2 - 100 && waits[i] <= most, `${waits}: the ${i + 1}. is from ${most / 2} to ${most} ms`);
});

journey('those whom one outage has hit are not tried again as one wave', async (s) => {
  // Of every second one, so that its circuit stays closed.
  await s.cloud(({ n }) => (n % 2 === 0 ? { status: 503 } : {}));
  s.settings.dispatch = { backoff: '60s', backoff_max: '60s' };
  await s.start();
  await s.xadd(campaign('wave', people(120)));
  const retries = () => s.deliveryLog().filter((line) => line.event === 'retry');
  await until('all to be put off', () => retries().length === 60, 30000);
  const waits = retries().map((line) => Date.parse(line.until) - Date.parse(line.t)).sort((a, b) => a - b);
  assert.ok(waits[0] >= 29000 && waits.at(-1) <= 61000, `${waits[0]}..${waits.at(-1)} ms: half of it to all of it`);
  // Drawn evenly from half a minute: no ten seconds of it hold all but a few.
  for (const wait of waits) assert.ok(waits.filter((w) => w >= wait && w < wait + 10000).length < 45, JSON.stringify(waits));
});

journey('after the last attempt a notice is failed', async (s) => {
  const smsc = await s.smsc(() => ({ status: 0x08 }));
  s.settings.dispatch = { ...quick, attempts: 3 };
  await s.start();
  await s.xadd(campaign('never', people(1)));
  assert.deepEqual(await s.settled('never', 'first'), { failed: 1 });
  assert.equal(smsc.submits.length, 3);
});

journey('what one gateway cannot carry goes to the next', async (s) => {
  const smsc = await s.smsc(() => ({ status: 0x08 }));
  const cloud = await s.cloud();
  s.settings.dispatch = quick;
  await s.start();
  await s.xadd(campaign('next', people(5)));
  await until('the cloud gateway to have all', () => new Set(cloud.requests.map((r) => r.query.to)).size === 5, 30000);
  assert.equal(cloud.requests.length, 5, 'each once');
  assert.equal(cloud.requests[0].query.text, '【鼓楼区妇联】居民1您好，请到区妇联。'.replace('居民1', cloud.requests[0].query.text.match(/居民\d/)[0]));
  assert.equal(smsc.messages.length, 0);
});

journey('an HTTP gateway is asked as its configuration says, and 202 is accepted', async (s) => {
  const cloud = await s.cloud();
  await s.start();
  await s.xadd(campaign('http', people(2)));
  await s.counted('http', 'first', { accepted: 2 });
  const asked = cloud.requests.find((r) => r.query.to === people(1)[0].sms);
  assert.equal(asked.path, '/cgi-bin/sendsms');
  assert.equal(asked.query.text, '【鼓楼区妇联】居民1您好，请到区妇联。');
  assert.equal(asked.query.password, 's3cret');
  assert.equal(asked.query.from, '1069000038');
  assert.equal(asked.query.coding, '2', 'Kannel: 0 is GSM, 2 is UCS-2');
});

journey('an HTTP gateway that is busy is asked again; a connection lost in the middle is never repeated', async (s) => {
  const cloud = await s.cloud(({ n }) => (n === 1 ? { status: 503 } : n === 2 ? { cut: true } : {}));
  s.settings.dispatch = quick;
  await s.start();
  await s.xadd(campaign('busy', people(1), { reminders: HOLD }));
  await s.counted('busy', 'first', { uncertain: 1 });
  await pause(1500);
  assert.equal(cloud.requests.length, 2);
});

// The gateway has the request, and hangs up without a word.
for (const method of ['GET', 'POST'])
  for (const nth of [1, 2])
    journey(`a ${method} that is cut off ${nth === 1 ? 'on a new' : 'on a kept'} connection was sent once, and is in doubt`, async (s) => {
      const cloud = await s.cloud(({ query, body }) => ({ cut: (query.text ?? body).includes('断') }),
        method === 'POST' ? { body: 'to={{to:url}}&text={{text}}', content_type: 'text/plain', window: 1 } : { window: 1 });
      s.settings.dispatch = quick;
      await s.start();
      if (nth === 2) {
        await s.xadd(campaign('before', people(1)));
        await s.counted('before', 'first', { accepted: 1 });
      }
      await s.xadd(campaign('cut', people(1), { reminders: HOLD, texts: { zh: '断' } }));
      await s.counted('cut', 'first', { uncertain: 1 });
      await pause(1500);
      assert.deepEqual(cloud.requests.map((r) => [r.method, r.nth]), [[method, 1], [method, 2]].slice(0, nth));
    });

journey('HTTP 429 is throttled: asked again no sooner than its Retry-After says, and no attempt is spent', async (s) => {
  const cloud = await s.cloud(({ n }) => (n <= 2 ? { status: 429, headers: { 'Retry-After': '2' } } : {}), { retry: [{ status: 503 }] });
  s.settings.dispatch = { ...quick, attempts: 1 };
  await s.start();
  await s.xadd(campaign('slow', people(1)));
  await s.counted('slow', 'first', { accepted: 1 }, 60000);
  assert.equal((await s.ledger('slow', 'first'))[0].attempts, 1, 'that of the answer which accepted it');
  const [one, two, three] = cloud.requests.map((r) => r.at);
  assert.equal(cloud.requests.length, 3);
  assert.ok(two - one >= 2000 && three - two >= 2000, `asked again after ${two - one} and ${three - two} ms`);
});

journey('a wrong password stops that gateway with the reason and leaves the other running', async (s) => {
  await s.smsc(undefined, {}, { password: 'other' });
  const cloud = await s.cloud();
  await s.start();
  await s.xadd(campaign('locked', people(3)));
  await until('the cloud gateway to have all', () => cloud.requests.length === 3, 30000);
  const gateways = await s.ok('gateways');
  assert.match(gateways.out, /mobile/);
  assert.match(gateways.out, /cloud/);
  assert.match(s.log(), /bind|password|credentials/i);
});

journey('a gateway that is down at the start is used when it is back', async (s) => {
  const smsc = await s.smsc();
  await smsc.stop();
  await s.start();
  await s.xadd(campaign('down', people(3)));
  await pause(500);
  assert.deepEqual(Object.keys(await s.counts('down', 'first')).filter((k) => !['untouched', 'parked'].includes(k)), []);
  await smsc.start();
  assert.deepEqual(await s.settled('down', 'first', 60000), { delivered: 3 });
});

journey('a connection that is lost with a full window, and is there again, need not wait for its circuit', async (s) => {
  const smsc = await s.smsc(({ n }) => (n < 16 ? { silent: true } : n === 16 ? { drop: 'before' } : {}), { window: 16 });
  await s.start();
  await s.xadd(campaign('lost', people(40), { reminders: HOLD }));
  await s.counted('lost', 'first', { delivered: 24, uncertain: 16 }, 60000);
  assert.equal(smsc.submits.length, 40);
  const [, opened, wait] = s.log().match(/^(\S+) .*circuit\.open gateway=mobile outcome=unknown .*retry_ms=(\d+)$/m);
  const [, tried] = s.log().match(/^(\S+) .*circuit\.half-open gateway=mobile/m);
  assert.ok(new Date(tried) - new Date(opened) < wait / 2, `opened ${opened} for ${wait} ms, tried ${tried}`);
  assert.match(s.log(), /circuit\.closed gateway=mobile/);
});

journey('a gateway never sees more than its rate in a second, counted in segments', async (s) => {
  const smsc = await s.smsc(undefined, { rate: '20/s', count: 'segments' });
  await s.start();
  const text = { texts: { zh: '春江潮水连海平，海上明月共潮生。'.repeat(6) } }; // 2 segments each
  await s.xadd(campaign('rate', people(30), text));
  await s.settled('rate', 'first', 60000);
  const times = smsc.submits.map((one) => one.at);
  assert.equal(times.length, 60);
  for (const from of times) {
    const within = times.filter((t) => t >= from && t < from + 1000).length;
    assert.ok(within <= 21, `${within} segments within a second`); // one for the clocks of two processes
  }
  assert.ok(times.at(-1) - times[0] < 6000, 'and the rate is made use of');
});

journey('the window is never exceeded', async (s) => {
  let open = 0;
  let most = 0;
  await s.smsc(async () => {
    most = Math.max(most, ++open);
    await pause(30);
    open--;
    return {};
  }, { window: 5 });
  await s.start();
  await s.xadd(campaign('window', people(60)));
  await s.settled('window', 'first');
  assert.ok(most <= 5, `${most} outstanding`);
  assert.ok(most >= 3, `and it is made use of: ${most}`);
});

journey('no answer to a submit is uncertain; hold never sends it again, a late receipt settles it', async (s) => {
  const smsc = await s.smsc(() => ({ silent: true, receipt: false }), { response_timeout: '1s' });
  await s.start();
  await s.xadd(campaign('silent', people(2), { reminders: HOLD }));
  await s.counted('silent', 'first', { uncertain: 2 });
  await pause(500);
  assert.equal(smsc.submits.length, 2);
});

journey('the validity period on the wire ends with the reminder', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const event = { starts: inSeconds(7200).slice(0, 16), timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } };
  await s.xadd(campaign('valid', people(1), { event }));
  await s.settled('valid', 'first');
  // Relative (YYMMDDhhmmss000R): about two hours.
  const raw = smsc.submits[0].pdu.validity_period;
  const ms = raw instanceof Date ? raw.getTime() - smsc.submits[0].at : NaN;
  assert.ok(ms > 6900e3 && ms <= 7260e3, `validity_period ${raw}`);
});

journey('of two gateways the one with the lower cost priority number is preferred; match prefers by number', async (s) => {
  const smsc = await s.smsc(undefined, { match: ['+86138*'] });
  const cloud = await s.cloud(undefined, { match: ['+86187*'], priority: 1 });
  await s.start();
  await s.xadd(campaign('match', [
    { sms: '+8613851400001', name: '甲' }, { sms: '+8618751400001', name: '乙' }]));
  await until('both', () => smsc.messages.length === 1 && cloud.requests.length === 1);
  assert.equal(smsc.messages[0].to, '+8613851400001');
  assert.equal(cloud.requests[0].query.to, '+8618751400001');
});

journey('who has no other address keeps the reason why the first one did not do', async (s) => {
  await s.smsc(() => ({ status: 0x01 })); // ESME_RINVMSGLEN: the text
  s.settings.gateways.push({ name: 'chat', plugin: 'sandbox', channel: 'wecom' });
  await s.start();
  const [one, two] = people(2);
  await s.xadd(campaign('other', [one, { ...two, wecom: 'wang' }], { channels: ['sms', 'wecom'] }));
  await until('both to be settled', async () => {
    const [first, second] = await s.ledger('other', 'first');
    return first?.state === 'failed' && /accepted|delivered/.test(second?.state);
  });
  assert.equal((await s.ledger('other', 'first'))[0].reason, 2, 'text');
});

journey("a provider's template is filled for each person, in her language, with the names that the provider has", async (s) => {
  const peer = await s.cloud(({ body }) => ({ status: 200, body: JSON.stringify({ code: JSON.parse(body).template }) }), {
    url: undefined, accepted: [{ status: 200 }],
  });
  Object.assign(s.settings.gateways[0], {
    url: `http://127.0.0.1:${peer.port}/v1/send`,
    body: '{"template": "{{template_code:json}}", "to": "{{to:json}}", "params": {{params}}, "when": "{{param.when:json}}"}',
  });
  await s.start();
  await s.xadd(campaign('template', [
    { sms: '+8613851401001', name: '居民1', language: 'zh' }, { sms: '+8613851401002', language: 'en' }], {
    event: { starts: '2037-03-06T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } },
    texts: { zh: '{{name|居民}}您好', en: 'Dear {{name|resident}}' },
    templates: { cloud: { zh: { code: 'SMS_1', params: ['name|居民', 'when=event.date'] }, en: { code: 'SMS_2', params: ['name|resident', 'when=event.date'] } } },
  }));
  await s.counted('template', 'first', { accepted: 2 });
  assert.deepEqual(peer.requests.map(({ body }) => JSON.parse(body)).sort((a, b) => a.to.localeCompare(b.to)), [
    { template: 'SMS_1', to: '+8613851401001', params: { name: '居民1', when: '3月6日（周五）' }, when: '3月6日（周五）' },
    { template: 'SMS_2', to: '+8613851401002', params: { name: 'resident', when: 'Fri 6 Mar' }, when: 'Fri 6 Mar' },
  ]);
});

journey('a group is told once a reminder, and nobody is told in a group what was for her alone', async (s) => {
  const peer = await s.cloud(undefined, { channel: 'wecom', group: true, signature: 'none' });
  await s.start();
  const texts = { zh: '各社区妇联主席：{{event.date}}{{event.time}}在{{event.venue}}开会。' };
  await s.xadd(campaign('meeting', undefined, { audience: { group: true }, channels: ['wecom'], texts,
    reminders: [{ name: 'first', at: 'now' }, { name: 'second', at: 'now' }] }));
  await s.counted('meeting', 'first', { accepted: 1 });
  await s.counted('meeting', 'second', { accepted: 1 });
  assert.deepEqual(peer.requests.map(({ query }) => query.to), ['', '']);
  await s.xadd(campaign('private', people(3, (i) => ({ wecom: `user${i}` })), { channels: ['wecom'] }));
  assert.deepEqual(await s.settled('private', 'first'), { failed: 3 });
  assert.equal(peer.requests.length, 2);
  await s.xadd(campaign('hole', undefined, { audience: { group: true }, channels: ['wecom'] })); // a text with {{name}}
  await until('the refusal', async () => (await s.rejected()).some((r) => /name/.test(r.reason ?? r.why ?? JSON.stringify(r))));
});
