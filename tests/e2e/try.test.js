'use strict';
// One message through one gateway, by `outreach gateways try`, with no daemon.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const TO = '+8613851409876';

journey('try sends one message over HTTP and shows the wire, without the secret and without the number', async (s) => {
  await s.redisServer();
  const cloud = await s.cloud(() => ({ body: `0: Accepted for 13851409876, access_token=abc123DEF {"session_token": "tok-777"}` }));
  s.env.SMPP_PASSWORD = 'p@ss word/7';
  const result = await s.ok('gateways', 'try', 'cloud', '-y', '--to', '13851409876', '--text', '试一试', '--receipt', '0', '--by', 'ops');
  assert.equal(cloud.requests.length, 1);
  assert.equal(cloud.requests[0].query.text, '【鼓楼区妇联】试一试');
  assert.equal(cloud.requests[0].query.to, TO);
  assert.equal(cloud.requests[0].query.password, 'p@ss word/7');
  assert.match(result.out, /^> GET \/cgi-bin\/sendsms\?username=u&password=\*\*\*&from=1069000038&to=%2B86138\*{6}76&text=/m);
  assert.match(result.out, /^< HTTP\/1.1 202/m);
  assert.match(result.out, /^< 0: Accepted for 138\*{6}76, access_token=\*\*\* \{"session_token": "\*\*\*"\}/m);
  assert.match(result.out, /^answer: accepted/m);
  for (const leak of ['p@ss', 'p%40ss', '13851409876', '51409876', 'abc123', 'tok-777'])
    assert.ok(!result.all.includes(leak), `${leak} is shown:\n${result.all}`);
  const audit = await (await s.redis()).call('XRANGE', 'outreach:audit', '-', '+');
  assert.deepEqual(audit.map(([, f]) => f), [['op', 'gateway-try', 'gateway', 'cloud', 'to', '+86138…76', 'by', 'ops']]);
});

journey('try over SMPP shows the session, the answer, its id and the receipt', async (s) => {
  await s.redisServer();
  const smsc = await s.smsc();
  const result = await s.ok('gateways', 'try', 'mobile', '-y', '--to', TO, '--receipt', '20');
  assert.equal(smsc.submits.length, 1);
  assert.equal(smsc.submits[0].to, TO);
  assert.match(result.out, /answer: accepted\nmessage id: m1\n/);
  assert.match(result.out, /receipt: delivered, code DELIVRD/);
  assert.match(result.err, /smpp.bound gateway=mobile/);
  assert.doesNotMatch(result.all, /s3cret|51409876/);
  await until('the unbind', () => smsc.sessions.size === 0);
});

journey('try says in the exit code and in JSON what the gateway thought of it', async (s) => {
  await s.redisServer();
  await s.smsc(() => ({ status: 0x0b }));
  const cloud = await s.cloud(() => ({ status: 500, body: 'no' }), { broken: [{ status: 500 }] });
  const refused = await s.outreach('gateways', 'try', 'mobile', '-y', '--json', '--to', TO);
  assert.equal(refused.code, 65);
  const told = JSON.parse(refused.out);
  assert.deepEqual([told.outcome, told.reason, told.code, told.exit], ['rejected', 'number', '0x0000000b', 65]);
  const broken = await s.outreach('gateways', 'try', 'cloud', '-y', '--to', TO);
  assert.equal(broken.code, 78);
  assert.match(broken.out, /< HTTP\/1.1 500[^]*answer: broken/);
  await cloud.stop();
  const away = await s.outreach('gateways', 'try', 'cloud', '-y', '--to', TO);
  assert.equal(away.code, 75);
  assert.match(away.out, /connection refused[^]*answer: retry outage/i);
  await cloud.start();
});

journey('try sends nothing to whom refused, without a yes, or to nobody; and leaves what is of campaigns alone', async (s) => {
  await s.redisServer();
  const smsc = await s.smsc();
  await (await s.redis()).call('SADD', 'outreach:optout', TO);
  for (const [args, code, words] of [
    [['mobile', '-y', '--to', TO], 65, /138…76 has opted out/], [['mobile', '--to', people(1)[0].sms], 64, /say -y/],
    [['mobile', '-y'], 64, /--to/], [['nobody', '-y', '--to', TO], 65, /no gateway nobody/], [['mobile', '-y', '--to', '12'], 65, /12/],
  ]) {
    const result = await s.outreach('gateways', 'try', ...args);
    assert.equal(result.code, code, args.join(' '));
    assert.match(result.err, words);
  }
  assert.equal(smsc.binds.length, 0);

  // A receipt of a campaign that the operator hands to this session is not acknowledged.
  let strangers;
  smsc.behave = (submit) => {
    strangers = smsc.receipt({ ...submit, id: 'of-a-campaign' });
    return { receipt: false };
  };
  await s.ok('gateways', 'try', 'mobile', '-y', '--to', people(1)[0].sms, '--receipt', '2');
  assert.notEqual(await strangers, 0);
});
