'use strict';
// Receipts: whenever and however they come, they find their notice.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');
const { Wire } = require('./lib/wireshark');

for (const [what, receipt] of Object.entries({
  'as TLVs': { by: 'tlv' },
  'as text alone': { by: 'text' },
  'before the answer to the submit': { when: 'before' },
  'before the answer, as text alone': { when: 'before', by: 'text' },
  'a second later': { afterMs: 1000 },
}))
  journey(`a receipt that comes ${what} makes the notice delivered`, async (s) => {
    const smsc = await s.smsc(() => ({ receipt }));
    await s.start();
    await s.xadd(campaign('dlr', people(5)));
    assert.deepEqual(await s.settled('dlr', 'first'), { delivered: 5 });
    await until('every receipt answered', () => smsc.answers.length === 5);
    assert.ok(smsc.answers.every((a) => a.status === 0));
  });

journey('a receipt that comes on another connection is taken', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }), { connections: 2 });
  await s.start();
  await smsc.bound(2);
  const monitor = net.connect(s.socketPath());
  s.closers.push(() => monitor.destroy());
  let told = ''; // to Redis, in that order
  monitor.on('data', (chunk) => (told += chunk.toString('latin1')));
  monitor.write('MONITOR\r\n');
  await until('it to watch', () => told.startsWith('+OK'));
  await s.xadd(campaign('other', people(4)));
  await s.counted('other', 'first', { accepted: 4 });
  await (await s.redis()).call('ECHO', 'that was all');
  await until('all to be seen', () => told.includes('that was all'));
  // Who dies between the two leaves an id of a notice in doubt, never one that waits for a receipt by no id.
  const order = told.split('\n').filter((line) => /"EVALSHA"/i.test(line))
    .map((line) => (/"outreach:\{gw:mobile\}:r:/.test(line) ? 'id' : /"outcome"/.test(line) ? 'outcome' : '')).filter(Boolean);
  assert.match(order.join(' '), /^((id )+outcome ?)+$/);
  for (const submit of smsc.submits)
    await smsc.receipt(submit, { session: [...smsc.sessions].find((one) => one !== submit.session) });
  await s.counted('other', 'first', { delivered: 4 });
});

journey('a receipt is acknowledged when Redis has it, and not before', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  const server = await s.redisServer();
  await s.start();
  await s.xadd(campaign('kept', people(1)));
  await s.counted('kept', 'first', { accepted: 1 });
  const [session] = smsc.sessions;
  process.kill(server.process.pid, 'SIGSTOP');
  let receipt;
  try {
    receipt = smsc.receipt(smsc.submits[0]);
    await new Promise((resolve) => session.enquire_link({}, resolve)); // answered behind the receipt
    assert.deepEqual(smsc.answers.filter((one) => one.status === 0), []);
  } finally {
    process.kill(server.process.pid, 'SIGCONT');
  }
  if ((await receipt) !== 0) await smsc.insist(smsc.submits[0], {}); // it was refused, on a slow machine
  await s.counted('kept', 'first', { delivered: 1 });
});

journey('a receipt that comes after a restart of the daemon is taken', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: false }));
  await s.start();
  await s.xadd(campaign('later', people(3)));
  await s.counted('later', 'first', { accepted: 3 });
  assert.equal((await s.stop()).code, 0);
  await s.start();
  await smsc.bound();
  for (const submit of smsc.submits) assert.equal(await smsc.receipt(submit), 0);
  await s.counted('later', 'first', { delivered: 3 });
  assert.equal(smsc.submits.length, 3);
});

journey('a receipt is waited for as long as receipt_wait says, over restarts, and `why` says until when', async (s) => {
  const clock = s.drivenClock('2027-03-01T09:00:00+08:00');
  const smsc = await s.smsc(({ n }) => ({ receipt: false, id: `a-${n}` }), { receipt_wait: '144h' });
  await s.start();
  await s.xadd(campaign('long', people(2), { event: { starts: '2027-03-08T09:00', timezone: 'Asia/Shanghai', venue: { zh: '区妇联' } } }));
  await s.counted('long', 'first', { accepted: 2 });
  const why = (n) => s.ok('why', people(2)[n].sms).then(({ out }) => out);
  assert.match(await why(0), /a receipt is waited for until \S*.*(03-07|Mar.* 7|7 Mar)/);
  assert.equal((await s.stop()).code, 0);
  clock.sleepTo('2027-03-07T08:00:00+08:00');
  await s.start();
  await smsc.bound();
  assert.equal(await smsc.receipt(smsc.submits.find((one) => one.to === people(2)[0].sms)), 0);
  await s.counted('long', 'first', { delivered: 1, accepted: 1 });
  assert.doesNotMatch(await why(0), /receipt is waited for/);
  clock.sleepTo('2027-03-07T10:00:00+08:00');
  assert.match(await why(1), /no receipt came by/);
  // Accepted is final by then: a refusal counts no more. That she has it after all does.
  const late = smsc.submits.find((one) => one.to === people(2)[1].sms);
  assert.equal(await smsc.receipt(late, { state: 'EXPIRED' }), 0);
  assert.match(s.log(), /receipt\.late campaign=long reminder=first n=2/);
  assert.deepEqual(await s.counts('long', 'first'), { delivered: 1, accepted: 1 });
  assert.equal(await smsc.receipt(late), 0);
  await s.counted('long', 'first', { delivered: 2 });
});

journey('accepted is final at once where a gateway sends no receipts, whatever it says later', async (s) => {
  const program = s.write('gateway.py', `#!/usr/bin/env python3
import json, sys
def say(what): print(json.dumps(what), flush=True)
say({"ready": True})
id = json.loads(sys.stdin.readline())["id"]
say({"id": id, "outcome": "accepted", "message_id": "m-1"})
stored = False
while not stored:
    say({"receipt": {"reference": "quiet/first/1", "state": "undelivered", "reason": "absent"}, "ack": "1"})
    stored = json.loads(sys.stdin.readline())["stored"]
sys.stdin.read()
`);
  fs.chmodSync(program, 0o755);
  s.settings.gateways.push({ name: 'own', plugin: 'exec', channel: 'sms', command: [program] });
  await s.start();
  await s.xadd(campaign('quiet', people(1)));
  await until('the refusal', () => /receipt\.late campaign=quiet reminder=first n=1 gateway=own reason=absent/.test(s.log()), 60000);
  assert.deepEqual(await s.counts('quiet', 'first'), { accepted: 1 });
});

journey('each negative word of the operator means undelivered, and is answered', async (s) => {
  const words = ['UNDELIV', 'EXPIRED', 'DELETED', 'REJECTD', 'UNKNOWN'];
  const smsc = await s.smsc(({ n }) => ({ receipt: { state: words[n - 1], err: '021', by: n % 2 ? 'text' : 'both' } }));
  await s.start();
  await s.xadd(campaign('sad', people(5)));
  assert.deepEqual(await s.settled('sad', 'first'), { undelivered: 5 });
  assert.equal(smsc.answers.length, 5);
});

journey('a receipt under way is not the end: the last word counts', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: { state: 'ACCEPTD' } }));
  await s.start();
  await s.xadd(campaign('wait', people(1)));
  await until('the first receipt', () => smsc.answers.length === 1);
  await s.counted('wait', 'first', { accepted: 1 });
  await smsc.receipt(smsc.submits[0], { state: 'DELIVRD' });
  await s.counted('wait', 'first', { delivered: 1 });
});

journey('the same receipt twice, and one that contradicts it, change nothing', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('twice', people(1)));
  await s.settled('twice', 'first');
  await smsc.receipt(smsc.submits[0]);
  await smsc.receipt(smsc.submits[0], { state: 'UNDELIV' });
  await pause(200);
  assert.deepEqual(await s.counts('twice', 'first'), { delivered: 1 });
});

/** Wireshark reads of the bind and of three parts to people(1) what the configuration and the text say, and joins the parts. */
async function wiresharkAgrees(wire, text) {
  const pdus = (await wire.read('smpp')).filter((p) => p.ours);
  const of = (id) => pdus.filter((p) => p.show('smpp.command_id') === id);
  const [bind, ...more] = of('0x00000009');
  assert.deepEqual(more, []);
  assert.deepEqual(['system_id', 'password', 'interface_version'].map((field) => bind.show(`smpp.${field}`)), ['women', 's3cret', '52']);
  const submits = of('0x00000004');
  const fields = { destination_addr: people(1)[0].sms.slice(1), dest_addr_ton: '0x01', dest_addr_npi: '0x01', source_addr: '1069000038',
    data_coding: '0x08', 'esm.submit.features': '0x01', 'esm.submit.msg_mode': '0x00', 'regdel.receipt': '0x01' };
  assert.equal(submits.length, 3);
  for (const submit of submits)
    for (const [field, value] of Object.entries(fields)) assert.equal(submit.show(`smpp.${field}`), value, field);
  assert.equal(submits.map((p) => p.show('smpp.message_text')).join(''), text);
  const parts = await wire.read('smpp', 'gsm_sms_ud');
  assert.deepEqual(parts.map((p) => [p.show('gsm_sms.udh.mm.msg_parts'), p.show('gsm_sms.udh.mm.msg_part')]), [['3', '1'], ['3', '2'], ['3', '3']]);
  assert.equal(Buffer.from(parts[2].show('gsm_sms_ud.short_msg').replaceAll(':', ''), 'hex').swap16().toString('utf16le'), text);
  assert.deepEqual([...pdus, ...parts].flatMap((p) => p.doubts), []);
  assert.equal(pdus.at(-1).show('smpp.command_id'), '0x00000006', 'unbind is the last word');
}

journey('a long text is delivered when all its parts are, and not before; Wireshark reads it whole', async (s) => {
  const wire = new Wire();
  const smsc = await s.smsc(() => ({ receipt: false }), {}, { wire });
  const poem = '春江潮水连海平，海上明月共潮生。'.repeat(8);
  await s.start();
  await s.xadd(campaign('long', people(1), { texts: { zh: `{{name}}您好，${poem}` } }));
  await s.counted('long', 'first', { accepted: 1 });
  assert.equal(smsc.submits.length, 3);
  await smsc.receipt(smsc.submits[2]);
  await smsc.receipt(smsc.submits[0]);
  await smsc.receipt(smsc.submits[0]);
  await pause(200);
  assert.deepEqual(await s.counts('long', 'first'), { accepted: 1 });
  await smsc.receipt(smsc.submits[1]);
  await s.counted('long', 'first', { delivered: 1 });
  assert.equal((await s.stop()).code, 0);
  await wiresharkAgrees(wire, `【鼓楼区妇联】${people(1)[0].name}您好，${poem}`);
});

journey('a long text with one part that failed is undelivered', async (s) => {
  const smsc = await s.smsc(({ n }) => ({ receipt: n === 2 ? { state: 'UNDELIV' } : {} }));
  await s.start();
  await s.xadd(campaign('half', people(1), { texts: { zh: '{{name}}您好，' + '春江潮水连海平，海上明月共潮生。'.repeat(8) } }));
  assert.deepEqual(await s.settled('half', 'first'), { undelivered: 1 });
});

journey('a receipt for an id that nobody knows is answered and harms nothing', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await s.xadd(campaign('known', people(1)));
  await s.settled('known', 'first');
  assert.equal(await smsc.receipt(smsc.submits[0], { id: 'never-heard-of' }), 0);
  await s.xadd(campaign('known-2', people(1)));
  assert.deepEqual(await s.settled('known-2', 'first'), { delivered: 1 });
});

journey('ids in hex at the submit and in decimal at the receipt are one id, where the gateway says so', async (s) => {
  const smsc = await s.smsc(({ n }) => ({ id: (0x0a1b2c3d + n).toString(16).toUpperCase().padStart(8, '0'), receipt: false }),
    { message_id_base: 'resp_hex_dlr_dec' });
  await s.start();
  await s.xadd(campaign('hex', people(2)));
  await s.counted('hex', 'first', { accepted: 2 });
  for (const submit of smsc.submits) await smsc.receipt(submit, { id: String(parseInt(submit.id, 16)).padStart(10, '0') });
  await s.counted('hex', 'first', { delivered: 2 });
});

journey('a notice that nothing waits for does not stay in the retry set', async (s) => {
  const list = people(2);
  await s.smsc(({ to }) => (to === list[1].sms ? { silent: true } : {}));
  s.settings.dispatch = { stop: '1s' };
  await s.start();
  await s.xadd(campaign('over', list));
  await s.counted('over', 'first', { delivered: 1, sending: 1 });
  const client = await s.redis();
  await client.call('ZADD', 'outreach:{over}:first:retry', Date.now(), 1);
  await until('it to be forgotten', async () => (await client.call('ZCARD', 'outreach:{over}:first:retry')) === 0, 8000);
  await s.counted('over', 'first', { delivered: 1, sending: 1 });
});
