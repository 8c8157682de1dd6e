'use strict';
// Money that was paid in advance: what a person says there is, what has been spent since, and what
// the next campaign needs.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people, until, inDays } = require('./lib/stage');

journey('what is left of a prepaid balance is reckoned, compared with the need, and told when it is low', async (s) => {
  let answer; // held back
  const smsc = await s.smsc(() => answer ?? {}, { cost: 0.05, balance_low: 0.9 });
  const told = s.path('told');
  const exec = s.write('tell', `#!/bin/sh\ncat >>${told}\n`);
  fs.chmodSync(exec, 0o700);
  s.settings.alerts = [{ exec }];
  await s.start();
  const gateway = async () => JSON.parse((await s.ok('gateways', '--json')).out)[0];
  const left = (sum) => until(`${sum} to be left`, async () => Math.abs((await gateway()).balance?.left - sum) < 1e-9, 30000);
  assert.equal((await gateway()).balance, undefined, 'nobody has said what there is');
  for (const wrong of ['-5', '0', 'much', '1e99', '5 CNY']) assert.equal((await s.outreach('gateways', 'balance', 'mobile', wrong)).code, wrong === '-5' ? 64 : 65, wrong);

  // What was spent before it was said is not reckoned off.
  await s.xadd(campaign('before', people(4)));
  await s.settled('before', 'first');
  await until('that to be on record', async () => (await (await s.redis()).call('HGET', 'outreach:{gw:mobile}:spent', 'd1')) === '2000', 30000);
  assert.match((await s.ok('gateways', 'balance', 'mobile', '1.50', '--why', '七月充值')).out, /^mobile has 1\.50 CNY/);
  await left(1.5);
  await s.xadd(campaign('ten', people(10)));
  await s.settled('ten', 'first');
  await s.stop();
  await s.start(); // what its last life has spent stands, its last seconds too
  await left(1.0);
  // Two segments, of a gateway that a reload retires before they are answered.
  let release;
  answer = new Promise((resolve) => (release = resolve));
  const before = smsc.submits.length;
  await s.xadd(campaign('one', people(1), { texts: { zh: `{{name}}${'很长的通知'.repeat(14)}` } }));
  await until('both parts', () => smsc.submits.length === before + 2, 30000);
  s.settings.gateways[0].window = 7;
  s.writeConf();
  process.kill(s.daemon.pid, 'SIGHUP');
  await until('another in its place', () => /config.reloaded/.test(s.log()), 30000);
  answer = undefined;
  release({});
  await s.settled('one', 'first');
  await left(0.9);
  assert.match((await s.ok('gateways')).out, /mobile: 0\.90 CNY left of 1\.50, as was said .* ago by /);
  assert.ok(!fs.existsSync(told));

  s.write('list.csv', `姓名,手机号\n${people(30).map((p) => `${p.name},${p.sms.slice(3)}`).join('\n')}\n`);
  const file = s.write('fair.conf', `campaign = { id = "fair"; class = "notice"; title = "招聘会"; event = { starts = "${inDays(9, '09:00')}"; };
    audience = { file = "list.csv"; }; texts = "{{name}}您好"; reminders = ( { name = "first"; at = "-1d 10:00"; } ); };\n`);
  const forecast = JSON.parse((await s.ok('forecast', file, '--json')).out);
  assert.ok(Math.abs(forecast.balances.mobile.left - 0.9) < 1e-9 && Math.abs(forecast.balances.mobile.needs - 1.5) < 1e-9, JSON.stringify(forecast.balances));
  assert.match((await s.ok('forecast', file)).out, /! mobile: 1\.50 CNY is needed, and 0\.90 is left: top it up before it is due/);
  assert.deepEqual(JSON.parse((await s.ok('forecast', '--offline', file, '--json')).out).balances, {});

  await s.xadd(campaign('last', people(1)));
  await until('those on duty to be told', () => fs.existsSync(told) && fs.readFileSync(told, 'utf8').includes('\n'), 60000);
  const [line] = fs.readFileSync(told, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  assert.deepEqual([line.matter, line.name], ['low', 'mobile']);
  assert.match(line.text, /^网关 mobile 只剩 0\.85 元/);
  await s.ok('gateways', 'balance', 'mobile', 'none');
  assert.equal((await gateway()).balance, undefined);
  const audit = (await (await s.redis()).call('XRANGE', 'outreach:audit', '-', '+')).map(([, f]) => f.join(' '));
  assert.ok(audit.some((e) => /op gateway-balance .*gateway mobile balance 1\.50/.test(e)), audit.join('\n'));
}, { timeout: 300000 });
