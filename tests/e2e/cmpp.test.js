'use strict';
// A China Mobile gateway, CMPP 2.0 and 3.0, against a peer that checks every field.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');
const { Wire } = require('./lib/wireshark');

const MOBILE = (person) => person.sms.replace('+86', '');
const LONG = '春江潮水连海平，海上明月共潮生。滟滟随波千万里，何处春江无月明。江流宛转绕芳甸，月照花林皆似霰。'
  + '空里流霜不觉飞，汀上白沙看不见。江天一色无纤尘，皎皎空中孤月轮😊。';

const COMMANDS = { CONNECT: '0x00000001', TERMINATE: '0x00000002', SUBMIT: '0x00000004', DELIVER: '0x00000005',
  DELIVER_RESP: '0x80000005', ACTIVE_TEST: '0x00000008', ACTIVE_TEST_RESP: '0x80000008' };
const utf16 = (hex) => Buffer.from(hex, 'hex').swap16().toString('utf16le');

/** What Wireshark understands of the octets is what campaigns and configuration say: sent is [to, text] of each notice before an event. */
async function wiresharkAgrees(wire, version, event, sent) {
  const pdus = await wire.read('cmpp');
  const of = (command, ours = true) => pdus.filter((p) => p.ours === ours && p.show('cmpp.Command_Id') === COMMANDS[command]);
  const [connect, ...more] = of('CONNECT');
  assert.deepEqual(more, []);
  assert.equal(connect.show('cmpp.connect.Source_Addr'), '901234');
  assert.equal(connect.show('cmpp.Version'), version === 0x30 ? '03.00' : '02.00');
  const digits = connect.show('cmpp.connect.Timestamp').replace(/\D/g, '');
  assert.equal(connect.hex('cmpp.connect.AuthenticatorSource'),
    crypto.createHash('md5').update(`901234${'\0'.repeat(9)}shared123${digits}`).digest('hex'));
  const asked = of('ACTIVE_TEST', false).map((p) => p.show('cmpp.Sequence_Id'));
  assert.equal(asked.length, 1);
  assert.deepEqual(of('ACTIVE_TEST_RESP').map((p) => p.show('cmpp.Sequence_Id')), asked);
  assert.equal(pdus.filter((p) => p.ours).at(-1), of('TERMINATE')[0], 'TERMINATE is the last word');
  const submits = of('SUBMIT');
  const common = { 'cmpp.Msg_Id': '0x0000000000000000', 'cmpp.submit.Registered_Delivery': '1', 'cmpp.submit.Msg_level': '0',
    'cmpp.Servicd_Id': 'OUTREACH', 'cmpp.submit.Fee_UserType': '2' };
  const wide = { 'cmpp.submit.Fee_terminal_Id': '', 'cmpp.submit.Fee_terminal_type': '0', 'cmpp.TP_pId': '0', 'cmpp.Msg_Fmt': '8',
    'cmpp.submit.Msg_src': '901234', 'cmpp.submit.FeeType': '01', 'cmpp.submit.FeeCode': '000000', 'cmpp.submit.At_time': '',
    'cmpp.submit.Valld_Time': `${event.starts.slice(2).replace(/\D/g, '')}00032+`, // 32 quarters of an hour ahead of UTC
    'cmpp.submit.Src_Id': '10690001', 'cmpp.submit.DestUsr_tl': '1', 'cmpp.submit.Dest_terminal_type': '0', 'cmpp.LinkID': '' };
  for (const submit of submits)
    for (const [field, value] of Object.entries(version === 0x30 ? { ...common, ...wide } : common))
      assert.equal(submit.show(field), value, field);
  const parts = (text) => (text.length > 70 ? [['2', '1'], ['2', '2']] : [['1', '1']]);
  assert.deepEqual(submits.map((p) => [p.show('cmpp.submit.Pk_total'), p.show('cmpp.submit.Pk_number')]).sort(),
    sent.flatMap(([, text]) => parts(text)).sort());
  if (version !== 0x30) return;
  assert.deepEqual(pdus.filter((p) => p.ours).flatMap((p) => p.doubts), []);
  const texts = new Map(); // by number and reference
  for (const p of submits) {
    const [to, octets] = [p.show('cmpp.Dest_terminal_Id'), p.hex('cmpp.Msg_Content')];
    const long = p.show('cmpp.submit.Pk_total') === '2';
    assert.equal(octets.length / 2, Number(p.show('cmpp.Msg_Length')));
    assert.equal(p.show('cmpp.TP_udhi'), long ? '1' : '0');
    if (long) assert.match(octets, new RegExp(`^050003..020${p.show('cmpp.submit.Pk_number')}`)); // 3GPP TS 23.040, 9.2.3.24.1
    const key = long ? `${to} ${octets.slice(6, 8)}` : to;
    texts.set(key, [to, (texts.get(key)?.[1] ?? '') + utf16(long ? octets.slice(12) : octets)]);
  }
  assert.deepEqual([...texts.values()].sort(), sent.sort());
  const id = (p) => [p.show('cmpp.Sequence_Id'), p.show('cmpp.Msg_Id')];
  assert.equal(of('DELIVER', false).length, submits.length, 'a report on every submit');
  assert.deepEqual(of('DELIVER_RESP').map(id).sort(), of('DELIVER', false).map(id).sort());
  assert.ok(of('DELIVER_RESP').every((p) => p.show('cmpp.deliver_resp.Result') === '0'));
}

for (const [name, version] of [['2.0', 0x20], ['3.0', 0x30]]) {
  journey(`CMPP ${name}: short and long texts arrive, reports come back, the session ends as it should, and Wireshark reads the same`, async (s) => {
    const list = people(12);
    const wire = new Wire();
    const short = campaign('short', list);
    const stats = { [MOBILE(list[3])]: 'MK:0012', [MOBILE(list[4])]: 'UNDELIV', [MOBILE(list[5])]: 'EXPIRED' };
    const ismg = await s.ismg(({ to, n }) => ({
      report: { stat: stats[to], octets: n % 2 ? 60 : 71, when: n % 5 === 0 ? 'before' : undefined },
    }), { version: name }, { version, wire });
    await s.start();
    await s.xadd(short);
    assert.deepEqual(await s.settled('short', 'first'), { delivered: 9, undelivered: 3 });
    await s.xadd(campaign('long', people(3), { event: short.event, texts: { zh: LONG } }));
    assert.deepEqual(await s.settled('long', 'first'), { delivered: 3 });
    assert.equal(ismg.messages.length, 15);
    for (const person of list)
      assert.ok(ismg.messages.some((m) => m.to === MOBILE(person) && m.parts === 1 && m.text === `【鼓楼区妇联】${person.name}您好，请到区妇联。`));
    assert.deepEqual(ismg.messages.slice(12).map((m) => m.text), Array(3).fill(`【鼓楼区妇联】${LONG}`));
    assert.deepEqual(ismg.messages.slice(12).map((m) => m.parts), [2, 2, 2]);
    assert.ok(ismg.answers.every((a) => a.result === 0), 'every report was stored');
    const why = await s.ok('why', list[3].sms);
    assert.match(why.out, /MK:0012/);
    await ismg.test();
    assert.deepEqual(await s.stop(), { code: 0, signal: null });
    assert.equal(ismg.terminated, 1);
    assert.deepEqual(ismg.faults, []);
    assert.ok(!s.log().includes('shared123'), 'no secret in the log');
    await wiresharkAgrees(wire, version, short.event, [...list.map((one) => [MOBILE(one), `【鼓楼区妇联】${one.name}您好，请到区妇联。`]),
      ...list.slice(0, 3).map((one) => [MOBILE(one), `【鼓楼区妇联】${LONG}`])]);
  });

  journey(`CMPP ${name}: a reply in parts and a short one are understood`, async (s) => {
    const ismg = await s.ismg(undefined, { version: name }, { version });
    const list = people(3);
    await s.start();
    await ismg.connected();
    assert.deepEqual(await ismg.reply(MOBILE(list[0]), '10690001', '退订'), [0]);
    assert.deepEqual(await ismg.reply(MOBILE(list[1]), '10690001', 'TD', { udhi: 0x40, size: 1 }), [0, 0]);
    await s.xadd(campaign('refuse', list));
    assert.deepEqual(await s.settled('refuse', 'first'), { delivered: 1, 'opted-out': 2 });
    assert.deepEqual(ismg.messages.map((m) => m.to), [MOBILE(list[2])]);
    assert.deepEqual(ismg.faults, []);
  });
}

journey('CMPP: the version is found out, whether the gateway refuses ours or answers in its own', async (s) => {
  const refusing = await s.ismg(undefined, {}, { version: 0x20 });
  refusing.tooHigh = true;
  await s.start();
  await s.xadd(campaign('older', people(2)));
  assert.deepEqual(await s.settled('older', 'first'), { delivered: 2 });
  assert.deepEqual(refusing.connects, [{ version: 0x30, status: 4 }, { version: 0x20, status: 0 }]);
  assert.equal((await s.stop()).code, 0);
  refusing.tooHigh = false;
  await s.start();
  await s.xadd(campaign('own', people(2)));
  assert.deepEqual(await s.settled('own', 'first'), { delivered: 2 });
  assert.deepEqual(refusing.connects.slice(2), [{ version: 0x30, status: 0 }]);
  assert.deepEqual(refusing.faults, []);
});

journey('CMPP: a wrong secret is said to ops, and nothing is sent', async (s) => {
  const ismg = await s.ismg(undefined, {}, { secret: 'another' });
  await s.start();
  await s.xadd(campaign('locked', people(1)));
  await until('the refusal', () => /error cmpp\.connect_refused .*authentication failed/.test(s.log()));
  await s.counted('locked', 'first', { untouched: 1 });
  assert.equal(ismg.submits.length, 0);
  assert.equal(ismg.connects.length, 1, 'not tried again at once');
});

journey('CMPP: too fast costs no attempt, and everything arrives', async (s) => {
  const refused = new Map();
  const ismg = await s.ismg(({ to, n }) => {
    const times = refused.get(to) ?? 0;
    if (n % 3 !== 0 || times >= 8) return {};
    refused.set(to, times + 1);
    return { result: 8 };
  }, { version: '2.0' });
  s.settings.dispatch = { attempts: 2, backoff: '1s', backoff_max: '2s' };
  await s.start();
  await s.xadd(campaign('fast', people(20)));
  assert.deepEqual(await s.settled('fast', 'first', 60000), { delivered: 20 });
  assert.ok(refused.size > 0);
  assert.ok((await s.ledger('fast', 'first')).every((r) => r.attempts === 1));
  assert.equal(ismg.messages.length, 20);
  assert.deepEqual(ismg.faults, []);
});

journey('CMPP: what was sent when the connection was cut is in doubt and goes out no second time', async (s) => {
  const ismg = await s.ismg(({ n }) => (n === 2 ? { drop: 'before' } : {}), { version: '3.0', window: 1 }, { version: 0x30, window: 1 });
  await s.start();
  await s.xadd(campaign('cut', people(4), { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await s.counted('cut', 'first', { delivered: 3, uncertain: 1 });
  assert.equal(ismg.submits.length, 4, 'each once');
  assert.equal(ismg.connects.length, 2);
  assert.deepEqual(ismg.faults, []);
});

journey('CMPP: a refusal that cannot be kept is answered 8, and 0 when it came again and was', async (s) => {
  const ismg = await s.ismg(undefined, { version: '2.0' });
  const [person] = people(1);
  await s.start();
  await ismg.connected();
  const client = await s.redis();
  await client.call('RENAME', 'outreach:optout', 'outreach:aside');
  await client.call('SET', 'outreach:optout', 'no set');
  assert.deepEqual(await ismg.reply(MOBILE(person), '10690001', 'TD'), [8]);
  await client.call('RENAME', 'outreach:aside', 'outreach:optout');
  assert.deepEqual(await ismg.reply(MOBILE(person), '10690001', 'TD'), [0]);
  assert.deepEqual(await s.refused(), [person.sms]);
  assert.deepEqual(ismg.faults, []);
});
