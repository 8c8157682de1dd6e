'use strict';
// A China Mobile gateway, CMPP 2.0 and 3.0, against a peer that checks every field.

const assert = require('node:assert/strict');
const path = require('node:path');
const { journey, campaign, people, ROOT } = require('./lib/stage');
const { until } = require('./lib/wait');

const MOBILE = (person) => person.sms.replace('+86', '');
const LONG = '春江潮水连海平，海上明月共潮生。滟滟随波千万里，何处春江无月明。江流宛转绕芳甸，月照花林皆似霰。'
  + '空里流霜不觉飞，汀上白沙看不见。江天一色无纤尘，皎皎空中孤月轮😊。';

for (const [name, version] of [['2.0', 0x20], ['3.0', 0x30]]) {
  journey(`CMPP ${name}: short and long texts arrive, reports come back, and the session ends as it should`, async (s) => {
    const list = people(12);
    const stats = { [MOBILE(list[3])]: 'MK:0012', [MOBILE(list[4])]: 'UNDELIV', [MOBILE(list[5])]: 'EXPIRED' };
    const ismg = await s.ismg(({ to, n }) => ({
      report: { stat: stats[to], octets: n % 2 ? 60 : 71, when: n % 5 === 0 ? 'before' : undefined },
    }), { version: name }, { version });
    await s.start();
    await s.xadd(campaign('short', list));
    assert.deepEqual(await s.settled('short', 'first'), { delivered: 9, undelivered: 3 });
    await s.xadd(campaign('long', people(3), { texts: { zh: LONG } }));
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

journey('CMPP: the sample configuration is good', async (s) => {
  const result = await s.run(['-t', '-c', path.join(ROOT, 'conf/gateways/cmpp.conf')], { program: 'outreachd' });
  assert.equal(result.code, 0, result.all);
});
