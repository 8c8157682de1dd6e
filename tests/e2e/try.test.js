'use strict';
// One message through one gateway, by `outreach gateways try`, with no daemon.

const assert = require('node:assert/strict');
const path = require('node:path');
const { journey, campaign, people, BUILD, ROOT } = require('./lib/stage');
const { Modem } = require('./lib/modem');
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
  assert.doesNotMatch(result.err, / debug /, 'what the session does inside is not about the message');
  for (const line of ['> bind_transceiver \\(0x00000009\\), sequence 1, ', '< bind_transceiver_resp \\(0x80000009\\), sequence 1, ',
    '> submit_sm \\(0x00000004\\), sequence 2, ', '< submit_sm_resp \\(0x80000004\\), sequence 2, ', '< deliver_sm \\(0x00000005\\), '])
    assert.match(result.out, new RegExp(`^${line}`, 'm'));
  assert.doesNotMatch(result.all, /s3cret|51409876/);
  await until('the unbind', () => smsc.sessions.size === 0);
});

journey('try over CMPP and by a program shows what went over the line, without the secret and without the number', async (s) => {
  await s.redisServer();
  const ismg = await s.ismg(undefined, { version: '3.0' }, { version: 0x30 });
  s.settings.gateways.push({ name: 'program', plugin: 'exec', channel: 'sms', command: [path.join(ROOT, 'conf/exec/gateway.py')], receipts: true });
  const cmpp = await s.ok('gateways', 'try', 'ismg', '-y', '--to', TO, '--receipt', '20');
  assert.equal(ismg.messages.length, 1);
  for (const line of ['> CMPP_CONNECT \\(0x00000001\\), sequence 1, 39 octets', '< CMPP_CONNECT_RESP \\(0x80000001\\), sequence 1, 33 octets',
    '> CMPP_SUBMIT \\(0x00000004\\), sequence 2, ', '< CMPP_SUBMIT_RESP \\(0x80000004\\), sequence 2, 24 octets', '< CMPP_DELIVER '])
    assert.match(cmpp.out, new RegExp(`^${line}`, 'mi'));
  const exec = await s.ok('gateways', 'try', 'program', '-y', '--to', TO, '--text', '试一试', '--receipt', '20');
  assert.match(exec.out, /^> \{.*"to":"\+86138\*{6}76".*试一试/m);
  assert.match(exec.out, /^< \{.*"outcome": *"accepted"/m);
  assert.doesNotMatch(cmpp.all + exec.all, /51409876|shared123/);
});

journey('try leaves a modem alone that the daemon has, and says how to get it; drained, its line is shown', async (s) => {
  await s.redisServer();
  const modem = new Modem(BUILD, s.path('ttyUSB0'));
  s.closers.push(() => modem.stop());
  await modem.plug();
  s.settings.gateways.push({ name: 'sims', plugin: 'modem', ports: [modem.link], poll: '200ms' });
  await s.start();
  const ready = () => s.log().split('gateway.up gateway=sims').length - 1;
  await until('the modem to be ready', () => ready() === 1, 60000);
  const busy = await s.outreach('gateways', 'try', 'sims', '-y', '--to', TO);
  assert.equal(busy.code, 75);
  assert.match(busy.all, /another program has it \(a daemon: drain its gateway\)/);
  assert.equal(busy.err.split('modem.down').length, 2, `said once, however often it is tried:\n${busy.err}`);
  await s.ok('gateways', 'drain', 'sims');
  await until('the daemon to let go of it', () => /modem\.left gateway=sims/.test(s.log()), 60000);
  const result = await s.ok('gateways', 'try', 'sims', '-y', '--to', TO, '--receipt', '20');
  assert.match(result.out, /^> port 1: AT\+CMGF=0\n(?:.*\n)*> port 1: AT\+CMGS=\d+\n(?:.*\n)*> port 1: \(the message\)\n< port 1: \+CMGS: \d+\n/m);
  assert.match(result.out, /^answer: accepted/m);
  assert.doesNotMatch(result.all, /51409876|6831581904/); // nor with its digits swapped
  await s.ok('gateways', 'resume', 'sims');
  await until('the daemon to have it again', () => ready() === 2, 60000);
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
  assert.match(away.out, /connection refused[^]*answer: retry: the gateway had an outage/i);
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
