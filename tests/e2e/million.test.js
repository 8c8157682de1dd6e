'use strict';
// A million wait and flow while someone says stop, or something else: refusals, pause, amend and cancel win. What
// comes after the command has returned is counted where it arrives, at the SMSC, by
// destination and clock; our own books are compared with that count, never with themselves.
//
// With the build that the other tests use, sanitizers and all: the facts are about order and
// not about speed, and the pace is set by the SMSC's latency and the window.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { journey, inDays, BUILD } = require('./lib/stage');
const { until, pause } = require('./lib/wait');

const ROWS = 1000000;
const WINDOW = 800;
const LATENCY_MS = 200; // so long that what waits behind a window would be seen to follow it
const REFUSING = 2000; // every twentieth, from where it will be soon
const WRITING = 20; // every 400th, from where it will be five seconds later: by a reply

const number = (n) => `+86138${String(50000000 + n)}`;

/** The SMSC that costs next to nothing, with a line for each message that it takes. */
class Sink {
  async start(s) {
    this.log = s.path('sink.log');
    const out = s.path('sink.out');
    this.child = spawn(path.join(BUILD, 'bench/smsc'), ['--latency', String(LATENCY_MS), '--log', this.log], {
      stdio: ['ignore', fs.openSync(out, 'w'), 'inherit'],
    });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    s.closers.push(async () => {
      this.child.kill('SIGTERM');
      await this.ended;
    });
    this.out = out;
    const said = () => fs.readFileSync(out, 'utf8');
    this.port = Number((await until('the sink', () => said().match(/port (\d+)/)))[1]);
    return this;
  }

  /** How many it has taken; everything up to now is in its log when this returns. */
  async count() {
    const lines = () => fs.readFileSync(this.out, 'utf8').split('\n').filter((l) => l.startsWith('{'));
    const before = lines().length;
    this.child.kill('SIGUSR1');
    await until('the count', () => lines().length > before);
    return JSON.parse(lines().at(-1)).accepted;
  }

  /** To whom messages were taken since an instant (ms); only those whose text has so many bytes at most. */
  async since(ms, most = Infinity) {
    await this.count();
    const list = [];
    for (const line of fs.readFileSync(this.log, 'latin1').split('\n')) {
      const [us, to, bytes] = line.split(' ');
      if (bytes && Number(us) / 1000 > ms && Number(bytes) <= most) list.push(Number(to.replace('+', '').slice(5)) - 50000000);
    }
    return list;
  }
}

function writeList(s) {
  const rows = ['姓名,手机号'];
  for (let n = 1; n <= ROWS; n++) rows.push(`居民${n},${number(n)}`);
  s.write('million.csv', rows.join('\n'));
}

const TEXT = '{{name}}您好，请到区妇联。'; // 50 bytes on the wire at most, with name and signature
const OTHER = '{{name}}您好，请到区妇联三楼会议室，并且带上身份证。'; // 64 at least

function writeCampaign(s, text) {
  return s.write('million.conf', `campaign = {
    id = "million"; class = "personal"; title = "测试";
    event = { starts = "${inDays(7, '09:00')}"; timezone = "Asia/Shanghai"; };
    audience = { file = "million.csv"; }; per_recipient = ();
    texts = { zh = "${text}"; };
    reminders = ( { name = "first"; at = "now"; } );
  };`);
}

/** Which of the numbers that came after a command are in the delivery log, by their intents. */
function intents(s) {
  const seen = new Set();
  const log = fs.readFileSync(path.join(s.state, 'delivery.jsonl'), 'latin1');
  for (const match of log.matchAll(/"event":"intent"[^\n]*?"n":(\d+)/g)) seen.add(Number(match[1]));
  return seen;
}

journey('a million wait: who refuses gets nothing more, pause, amend and cancel stop all but a window, and the log says which', async (s) => {
  const sink = await new Sink().start(s);
  s.settings.log = { level: 'info' };
  s.settings.defaults.per_recipient = [];
  s.settings.gateways.push({
    name: 'mobile', plugin: 'smpp', channel: 'sms', host: '127.0.0.1', port: sink.port, system_id: 'women',
    password: '@env:SMPP_PASSWORD', source: '1069000038', window: WINDOW, signature: 'prefix',
  });
  // Replies come by another connection of the operator's; the campaign leaves by the first alone.
  const phones = await s.smsc(undefined, { name: 'phones', classes: ['notice'] });
  await s.start();
  writeList(s);
  const conf = writeCampaign(s, TEXT);
  const queued = await s.run(['-c', s.conf, 'queue', '--no-wait', conf], { timeoutMs: 100000 });
  assert.equal(queued.code, 0, queued.all);
  await until('it to flow', async () => (await sink.count()) > 2000, 60000);

  // Refusals: some of them are sent to before the command returns, the others never.
  const refusing = Array.from({ length: REFUSING }, (_, i) => 5000 + i * 20);
  await s.ok('optout', 'add', ...refusing.map(number));
  let at = Date.now();
  const refused = new Set(refusing);
  // By a reply, too: what comes to her after it was acknowledged has come within a window of it.
  await phones.bound();
  const ahead = 20 * Math.ceil((await sink.count()) / 20) + 20001; // none of the others
  const writing = Array.from({ length: WRITING }, (_, i) => ({ n: ahead + i * 400 }));
  await Promise.all(writing.map(async (w, i) => {
    assert.equal(await phones.reply(number(w.n), '1069000038', i % 2 ? 'TD' : '退订'), 0);
    w.at = Date.now();
  }));
  const flowing = await sink.count();
  await until('more than a window of them to be passed', async () => (await sink.count()) > flowing + 18000, 60000);
  const late = (await sink.since(at)).filter((n) => refused.has(n));
  assert.ok(late.length <= WINDOW, `${late.length} who had refused were sent to`);
  for (const { n } of writing) await until(`${n}'s neighbour to be passed`, async () => new Set(await sink.since(0)).has(n + 1), 60000);
  for (const w of writing) {
    const after = (await sink.since(w.at)).indexOf(w.n);
    assert.ok(after < WINDOW, `${w.n} had replied ${after} messages before she was sent to`);
  }
  const came = new Set(await sink.since(0));
  assert.ok(writing.filter((w) => !came.has(w.n)).length > WRITING / 2, 'most of them had waited');
  assert.equal(phones.submits.length, 0, 'nobody was sent anything else');

  // Pause.
  await s.ok('pause', 'million');
  at = Date.now();
  const still = await until('stillness', async () => {
    const count = await sink.count();
    await pause(1000);
    return (await sink.count()) === count && count;
  });
  const paused = await sink.since(at);
  assert.ok(paused.length <= WINDOW, `${paused.length} came after the pause`);
  assert.ok(still < ROWS / 2, 'it was in the middle of its work');
  await s.ok('resume', 'million');
  await until('it to flow again', async () => (await sink.count()) > still + 5000, 60000);

  // Another text.
  writeCampaign(s, OTHER);
  const earlier = await sink.since(0);
  const short = new Set(await sink.since(0, 60)); // it flows: there are more by now
  assert.deepEqual(earlier.filter((n) => !short.has(n)), [], 'all had the first one');
  await s.ok('amend', '-y', '--wait', '60s', conf);
  at = Date.now();
  const amended = await sink.count(); // much may have come while it was amended
  await until('the other text to flow', async () => (await sink.count()) > amended + 5000, 60000);
  const old = await sink.since(at, 60);
  assert.ok(old.length <= WINDOW, `${old.length} came with the old text`);
  assert.ok((await sink.since(at)).length > old.length + 1000, 'and then the other');

  // Cancel.
  const said = await s.ok('cancel', '-y', 'million');
  at = Date.now();
  await pause(1000);
  const cancelled = await sink.since(at);
  const told = await sink.count();
  assert.ok(cancelled.length <= WINDOW, `${cancelled.length} came after the cancel`);
  assert.ok(told < ROWS / 2, 'it was in the middle of its work');
  assert.match(said.out, /cancelled/);

  // The delivery log has the intent of everybody who was sent to, also of those that escaped.
  const intended = intents(s);
  const all = await sink.since(0);
  assert.equal(new Set(all).size, all.length, 'nobody twice');
  for (const n of [...late, ...paused, ...old, ...cancelled]) assert.ok(intended.has(n), `${n} came, and is not in the log`);

  // The books, however far the sweep has come.
  const verify = await s.outreach('verify', 'million');
  assert.equal(verify.code, 0, verify.all);
  const counts = await s.counts('million', 'first');
  assert.equal(Object.values(counts).reduce((a, b) => a + b, 0), ROWS);
  assert.equal(counts.accepted, told);
  assert.ok(counts['opted-out'] > 0, 'refusals were met');
}, { timeout: 300000 });
