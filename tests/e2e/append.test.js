'use strict';
// Rows that come after a campaign is queued: a built-in reminder sends its finished texts, and
// every command knows it.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, campaign, people, until, ROOT } = require('./lib/stage');

const SCRIPT = fs.readFileSync(path.join(ROOT, 'daemon/store/scripts/append.lua'), 'utf8');

/** Appends rows to a built-in reminder of id, as the daemon's own code does. */
async function append(s, id, reminder, token, rows) {
  const client = await s.redis();
  const key = `outreach:{${id}}`;
  const keys = [key, `${key}:${reminder}:audience`, `${key}:audience:appends`, `${key}:corrections:of`,
    `${key}:${reminder}`, `${key}:${reminder}:ledger`];
  const answer = await client.call('EVAL', SCRIPT, keys.length, ...keys, token, reminder, '', 1000, Date.now(),
    Date.now() + 3600e3, ...rows.flatMap((row) => [row.join('\x1f'), '']));
  await client.call('ZADD', 'outreach:schedule', Date.now(), `${id}/${reminder}`);
  return answer;
}

journey('an answer is a notice: sent once, in whatever language and at whatever hour, and counted by every command', async (s) => {
  const [one, two, late] = people(3);
  const smsc = await s.smsc();
  s.settings.defaults.per_recipient = ['1/day'];
  const night = (new Date(Date.now() + 8 * 3600e3).getUTCHours() + 12) % 24;
  await s.start();
  await s.xadd(campaign('ask', [one], { class: 'notice', reminders: [{ name: 'first', at: 'now', hours: 'always' }],
    hours: `${String(night).padStart(2, '0')}:00-${String(night).padStart(2, '0')}:30` }));
  assert.deepEqual(await s.settled('ask', 'first'), { delivered: 1 });
  const row = (person, text, until = '') => [person.sms, person.name, 'zh', text, until, '', '1'];
  const rows = [row(one, '王芳女士，\n您的报名已收到。'), row(two, 'You are on the list.'), row(late, '晚了', Date.now() - 1000)];
  const ended = () => until('its end', async () => (await (await s.redis()).call('HGET', 'outreach:{ask}:answers', 'state')) === 'done');
  const first = await append(s, 'ask', 'answers', 'e1', rows);
  assert.deepEqual(await append(s, 'ask', 'answers', 'e1', rows), ['AGAIN', first[1], first[2]]);
  assert.deepEqual(await s.settled('ask', 'answers'), { delivered: 2, expired: 1 });
  await ended();
  await append(s, 'ask', 'answers', 'e2', [row(two, '还有一件事。')]);
  await s.counted('ask', 'answers', { delivered: 3, expired: 1 });
  await ended();
  assert.deepEqual(smsc.textsFor(one.sms).slice(1), ['【鼓楼区妇联】王芳女士，\n您的报名已收到。']);
  assert.deepEqual(smsc.textsFor(two.sms), ['【鼓楼区妇联】You are on the list.', '【鼓楼区妇联】还有一件事。']);

  assert.equal((await s.outreach('verify', 'ask')).code, 0);
  assert.match((await s.ok('show', 'ask')).out, /\nanswers {2}done[^]*planned 4 = [^\n]*delivered 3/);
  const report = JSON.parse((await s.ok('report', 'ask', '--json', '-o', s.path('all.csv'))).out);
  assert.deepEqual(report.reminders.map((r) => r.name), ['first', 'answers']);
  assert.match(fs.readFileSync(s.path('all.csv'), 'utf8'), new RegExp(`answers,2,"'\\${two.sms}",${two.name},`));
  const why = JSON.parse((await s.ok('why', two.sms, '--json')).out);
  assert.deepEqual(why.notices.map((c) => [c.n, c.reminders.map((r) => [r.name, r.state])]),
    [[2, [['answers', 'delivered']]], [4, [['answers', 'delivered']]]]);
  assert.ok(why.log.length >= 6, JSON.stringify(why.log));
  const his = JSON.parse((await s.ok('why', one.sms, '--json')).out);
  assert.deepEqual(his.notices.map((c) => c.reminders.map((r) => r.name)), [['first'], ['answers']]);
  assert.ok(his.log.every((line) => !/"n":2/.test(JSON.stringify(line))));
  await s.ok('list');
});
