'use strict';
// SIGHUP: gateways come, change and go while reminders flow.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people } = require('./lib/stage');
const { until, pause } = require('./lib/wait');
const { most } = require('./lib/arrival');

async function reload(s, word = 'config.reloaded') {
  const before = s.log().split(word).length;
  s.writeConf();
  process.kill(s.daemon.pid, 'SIGHUP');
  await until(word, () => s.log().split(word).length > before, 30000);
}

const unbound = (smsc) => until('the sessions to end', () => smsc.sessions.size === 0, 40000);
const HOLD = [{ name: 'first', at: 'now', doubt: 'hold' }];

journey('a gateway is added while reminders flow, and then the first one removed: what it has it finishes, nothing is lost, nothing twice', async (s) => {
  const first = await s.smsc(() => ({ delayMs: 700 }), { window: 10 });
  await s.start();
  await s.xadd(campaign('flow', people(200), { reminders: HOLD }));
  await until('the first to send', () => first.submits.length >= 20, 30000);

  const second = await s.smsc(() => ({ delayMs: 100 }), { name: 'second' });
  await reload(s);
  await until('both to send', () => second.submits.length >= 10, 30000);
  assert.equal(first.binds.length, 1, 'what did not change was not touched');

  await until('the first to have some under way', () => first.submits.some((one) => !one.answered));
  s.settings.gateways.shift();
  await reload(s);
  assert.deepEqual(await s.settled('flow', 'first', 90000), { delivered: 200 });
  assert.ok(first.submits.every((one) => one.answered), 'all were answered');
  assert.equal(first.submits.length + second.submits.length, 200);
  assert.equal(new Set([...first.submits, ...second.submits].map((one) => one.to)).size, 200);
  await unbound(first);
  await until('the close', () => /gateway.closed gateway=mobile/.test(s.log()), 30000);
  const names = JSON.parse((await s.ok('gateways', '--json')).out).map((one) => [one.name, one.configured, one.daemons.length]);
  assert.deepEqual(names.find(([name]) => name === 'mobile'), ['mobile', false, 0], 'nobody reports on it any more');
});

journey('a gateway that changed is opened anew before the old one is drained, under the new rate and with the new password', async (s) => {
  const secret = s.write('password', 'wrong\n');
  fs.chmodSync(secret, 0o600);
  const smsc = await s.smsc(() => ({ delayMs: 300 }), { password: `@file:${secret}`, rate: '500/s', window: 20 });
  await s.start();
  await s.xadd(campaign('locked', people(10)));
  await until('a refused bind', () => smsc.binds.length >= 1);
  fs.writeFileSync(secret, 's3cret\n'); // the configuration itself stays the same
  await reload(s);
  assert.deepEqual(await s.settled('locked', 'first', 60000), { delivered: 10 });

  const [binds, from] = [smsc.binds.length, smsc.submits.length];
  s.settings.gateways[0].rate = '10/s';
  await reload(s);
  await until('a new bind', () => smsc.binds.length === binds + 1);
  await s.xadd(campaign('slower', people(40), { reminders: HOLD }));
  assert.deepEqual(await s.settled('slower', 'first', 60000), { delivered: 40 });
  const { most: seen } = most(smsc.submits.slice(from));
  assert.ok(seen <= 10, `${seen} in a second`);
  await until('one session to be left', () => smsc.sessions.size === 1, 30000);
});

journey('a change under way loses no answer: what the old one was given is settled by what it is told', async (s) => {
  const smsc = await s.smsc(() => ({ delayMs: 1500 }), { window: 20 });
  await s.start();
  await s.xadd(campaign('under-way', people(60), { reminders: HOLD }));
  await until('twenty to be under way', () => smsc.submits.length >= 20, 30000);
  for (const window of [15, 25]) {
    s.settings.gateways[0].window = window;
    await reload(s);
  }
  assert.deepEqual(await s.settled('under-way', 'first', 60000), { delivered: 60 });
  assert.equal(smsc.submits.length, 60);
});

journey('a file that is wrong in any way changes nothing and is named; what needs a restart is said', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const good = structuredClone(s.settings.gateways);
  const faults = [
    ['an unknown setting', (g) => { g[0].pasword = 'x'; }, /pasword/],
    ['an unknown plugin', (g) => { g.push({ name: 'x', plugin: 'nothing-like-it' }); }, /nothing-like-it/],
    ['two of one name', (g) => { g.push(structuredClone(g[0])); }, /two gateways are called/],
    ['a secret that is not there', (g) => { g[0].password = '@env:NOT_SET_ANYWHERE'; }, /NOT_SET_ANYWHERE/],
    ['one that cannot be opened beside one that can', (g) => { g[0].rate = '5/s'; g.push({ ...structuredClone(g[0]), name: 'y', rate: 'fast' }); }, /rate/],
  ];
  for (const [what, spoil, words] of faults) {
    s.settings.gateways = structuredClone(good);
    spoil(s.settings.gateways);
    await reload(s, 'config.kept');
    const line = s.log().split('\n').filter((one) => one.includes('config.kept')).pop();
    assert.match(line, words, what);
    assert.match(line, /outreachd.conf:?\d*/, `${what}: the file is named`);
  }
  fs.writeFileSync(s.conf, 'gateways = ( {');
  const kept = s.log().split('config.kept').length;
  process.kill(s.daemon.pid, 'SIGHUP');
  await until('a syntax error to be said', () => s.log().split('config.kept').length > kept);
  s.settings.gateways = good;
  await s.xadd(campaign('still', people(5)));
  assert.deepEqual(await s.settled('still', 'first'), { delivered: 5 });
  assert.equal(smsc.binds.length, 1);

  s.settings.dispatch = { attempts: 3 };
  await reload(s);
  assert.match(s.log(), /config.needs_restart settings="dispatch"/);
  assert.match(s.log(), /config.reloaded [^\n]*opened=0 drained=0/);
  await pause(200);
  assert.equal(smsc.binds.length, 1);
});

journey('an order holds over a reload: a paused gateway that changes stays paused', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  await s.ok('gateways', 'pause', 'mobile');
  await until('the pause', () => /gateway.paused/.test(s.log()));
  await s.xadd(campaign('wait', people(5)));
  s.settings.gateways[0].window = 7;
  await reload(s);
  await until('the new one to be bound', () => smsc.binds.length === 2);
  await pause(2000);
  assert.equal(smsc.submits.length, 0);
  await s.ok('gateways', 'resume', 'mobile');
  assert.deepEqual(await s.settled('wait', 'first', 60000), { delivered: 5 });
});

journey('a gateway that is disabled now is not in use, and nothing of its earlier life is shown', async (s) => {
  await s.smsc();
  await s.start();
  await until('its state', async () => /^mobile .* works /m.test((await s.ok('gateways')).out), 60000);
  s.settings.gateways[0].disabled = true;
  await reload(s);
  await until('it to be out of use', async () => /^mobile +sms +smpp +not in use$/m.test((await s.ok('gateways')).out), 60000);
});
