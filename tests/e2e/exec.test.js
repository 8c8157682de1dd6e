'use strict';
// A gateway that is a program of the user's: the examples of conf/exec, in the real daemon.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, campaign, people, ROOT } = require('./lib/stage');
const { until } = require('./lib/wait');

const EXAMPLES = path.join(ROOT, 'conf/exec');

function own(s, command, fields = {}) {
  s.settings.gateways.push({ name: 'own', plugin: 'exec', channel: 'sms', command, restart_min: '50ms', stop_wait: '400ms', ...fields });
}

const runs = (pid) => {
  try {
    return !/^\S+ \(.*\) [ZX]/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const pids = (s) => [...s.log().matchAll(/exec\.started .*pid=(\d+)/g)].map((m) => Number(m[1]));
const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);

journey('the example in Python: texts arrive whole, receipts deliver, and it ends with the daemon', async (s) => {
  s.env.OWN_SECRET = 'k3y-of-the-provider';
  own(s, [path.join(EXAMPLES, 'gateway.py')], {
    environment: [`OUTBOX=${s.path('outbox.jsonl')}`], secrets: [{ name: 'OWN_KEY', value: '@env:OWN_SECRET' }], receipts: true,
  });
  await s.start();
  await s.xadd(campaign('fair', people(25)));
  assert.deepEqual(await s.settled('fair', 'first'), { delivered: 25 });
  const sent = lines(s.path('outbox.jsonl')).map((line) => JSON.parse(line));
  assert.equal(new Set(sent.map((m) => m.to)).size, 25);
  assert.ok(sent.some((m) => m.to === '+8613851401024' && m.text.startsWith('【鼓楼区妇联】居民25您好，')));
  const [pid] = pids(s);
  assert.ok(!fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('k3y'));
  assert.ok(fs.readFileSync(`/proc/${pid}/environ`, 'utf8').includes('OWN_KEY=k3y-of-the-provider'));
  assert.ok(!fs.readFileSync(`/proc/${pid}/environ`, 'utf8').includes('OWN_SECRET'));
  assert.ok(!s.log().includes('k3y-of'));
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
  await until('the program to end', () => !runs(pid));
  await s.start();
  await s.ok('verify', 'fair');
});

journey('the example in shell: how the command ends is the outcome', async (s) => {
  const command = s.write('send-one', `#!/bin/sh
case $1 in
*1000) exit 67 ;;
*1001) [ -e "${s.path('once')}" ] || { : >"${s.path('once')}"; exit 75; } ;;
esac
printf '%s %s\\n' "$1" "$(cat)" >>"${s.path('sent')}"
`);
  fs.chmodSync(command, 0o755);
  s.settings.dispatch = { backoff: '1s', backoff_max: '1s' };
  own(s, [path.join(EXAMPLES, 'gateway.sh'), command]);
  await s.start();
  await s.xadd(campaign('shell', people(4)));
  await s.counted('shell', 'first', { accepted: 3, failed: 1 }, 60000);
  const sent = lines(s.path('sent'));
  assert.deepEqual(sent.map((line) => line.split(' ')[0]).sort(), ['+8613851401001', '+8613851401002', '+8613851401003']);
  assert.match(sent.find((line) => line.startsWith('+8613851401002')), /【鼓楼区妇联】居民3您好，/);
});

journey('a program that is killed leaves in doubt what it had, is there again, and leaves nothing behind', async (s) => {
  // It takes the first message and says nothing of it; once it is started again it answers all.
  const first = s.path('first');
  own(s, [path.join(ROOT, 'tests/data/exec/player.py'), 'once', first, 'ready', 'read', '1', 'deaf', 'child', 'wait', '1000'], { window: 1 });
  await s.start();
  await s.xadd(campaign('killed', people(3), { reminders: [{ name: 'first', at: 'now', doubt: 'hold' }] }));
  await until('the program to have one', () => /child=\d+/.test(s.log()));
  const [pid] = pids(s);
  const child = Number(s.log().match(/child=(\d+)/)[1]);
  process.kill(pid, 'SIGKILL');
  await s.counted('killed', 'first', { uncertain: 1, accepted: 2 }, 60000);
  await until('its child to end', () => !runs(child));
  assert.equal(pids(s).length, 2);
});

journey('one that ignores SIGTERM does not outlive the daemon', async (s) => {
  own(s, [path.join(ROOT, 'tests/data/exec/player.py'), 'deaf', 'child', 'ready', 'wait', '1000']);
  await s.start();
  await until('the program to run', () => /child=\d+/.test(s.log()));
  const [pid] = pids(s);
  const child = Number(s.log().match(/child=(\d+)/)[1]);
  assert.deepEqual(await s.stop(), { code: 0, signal: null });
  assert.ok(!runs(pid), 'it has ended before the daemon');
  await until('its child to end', () => !runs(child));
});
