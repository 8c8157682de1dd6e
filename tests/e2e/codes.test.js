'use strict';
// What operators' codes mean, as people are told it.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { until } = require('./lib/wait');

const ZH = { env: { LC_ALL: 'zh_CN.UTF-8' } };

journey("an operator's code is told in plain words by why, logs, show and gateways, in Chinese and in English", async (s) => {
  const list = people(4);
  const smsc = await s.smsc(({ to, n }) => (to === list[0].sms ? { receipt: { state: 'UNDELIV', err: 'MK:0001' } }
    : to === list[1].sms ? { receipt: { state: 'UNDELIV', err: 'DB:0141' } }
      : to === list[2].sms ? { status: 0x0b } : n < 5 ? { status: 0x58 } : {}));
  await s.start();
  await s.xadd(campaign('words', list));
  assert.deepEqual(await s.settled('words', 'first', 60000), { undelivered: 2, failed: 1, delivered: 1 });
  const zh = (...args) => s.run(['-c', s.conf, ...args], ZH);
  assert.match((await zh('why', list[0].sms)).out, /\[UNDELIV:MK:0001\] +空号：在名单中更正/);
  assert.match((await zh('why', list[1].sms)).out, /\[UNDELIV:DB:0141\] +在运营商黑名单中/);
  const logs = await s.ok('logs', '--campaign', 'words');
  assert.match(logs.out, /failed[^\n]*\[0x0000000b\][^\n]*no such number: correct it in the list/);
  assert.doesNotMatch(logs.out, /the phone has it/, 'what is well needs no words');
  // The number is none of the rows of a file, and says so.
  assert.match((await s.ok('show', '-s', 'failed', 'words')).out, /\n {4}number: the place in the list as it was queued, no row of a file .*\n.*\n {9}3 {2}\+/);
  assert.match((await zh('show', '-s', 'failed', 'words')).out, /\n {4}序号指.*不是 Excel 行号.*\n {9}3 {2}\+/);
  assert.match((await s.ok('show', '-s', 'undelivered', 'words')).out, /nobody has this number[^]*blacklist|blacklist[^]*nobody has this number/);
  assert.match((await s.ok('logs', '--campaign', 'words', '--event', 'throttled')).out, /slowed down by itself/);
  await until('the daemon to have told of its gateway', async () => /0x00000058/.test((await s.ok('gateways')).out));
  assert.match((await zh('gateways')).out, /要求放慢（0x00000058[^）]*）：发送太快：自动放慢/);
  assert.match((await s.ok('gateways')).out, /^mobile: last trouble/m, 'of the only daemon');
  const client = await s.redis(), key = 'outreach:{gw:mobile}:status';
  await client.call('HSET', key, 'd2', await client.call('HGET', key, 'd1'));
  for (const name of ['d1', 'd2']) assert.match((await s.ok('gateways')).out, new RegExp(`^mobile \\(${name}\\): last trouble.*0x00000058`, 'm'));
  assert.match((await zh('gateways')).out, /^mobile（d2）：/m);
  assert.ok(smsc.submits.length >= 4);
});

journey('three times nobody at a number, in a row, and why says that it may be another\'s by now', async (s) => {
  const [her] = people(1);
  let nobody = true;
  await s.smsc(() => (nobody ? { receipt: { state: 'UNDELIV', err: 'MK:0001' } } : {}));
  await s.start();
  const send = async (id) => {
    await s.xadd(campaign(id, [her]));
    await s.settled(id, 'first');
    const next = Date.now() + 1001; // ledgers know seconds
    await until('the next second', () => Date.now() > next);
    return (await s.ok('why', her.sms)).out;
  };
  await send('one');
  assert.doesNotMatch(await send('two'), /found nobody/);
  nobody = false;
  assert.doesNotMatch(await send('reached'), /found nobody/);
  nobody = true;
  for (const id of ['three', 'four']) assert.doesNotMatch(await send(id), /found nobody/, `${id}: she was reached before`);
  assert.match((await s.ok('why', '--recycled')).out, /^no number found nobody/);
  assert.match(await send('five'), /the last 3 notices found nobody at this number/);
  assert.equal(JSON.parse((await s.ok('why', '--json', her.sms)).out).nobody_in_a_row, 3);

  nobody = false;
  await s.xadd(campaign('others', people(40).slice(1))); // who are there
  await s.settled('others', 'first', 60000);
  const listed = (await s.ok('why', '--recycled')).out;
  assert.match(listed, /\+8613851401000 +3 +\d{4}-.* +five\n/);
  assert.equal(listed.match(/\+86/g).length, 1, listed);
  const [one, ...more] = JSON.parse((await s.ok('why', '--recycled', '--json')).out);
  assert.deepEqual([one.address, one.nobody_in_a_row, one.campaign, more.length], [her.sms, 3, 'five', 0]);
  await send('found'); // whoever it is now
  assert.match((await s.ok('why', '--recycled')).out, /^no number found nobody/);
  assert.equal((await s.outreach('why')).code, 64);
  assert.equal((await s.outreach('why', '--recycled', her.sms)).code, 64);
});
