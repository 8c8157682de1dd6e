'use strict';
// outreach approve: what is above the bounds is not sent before a second person has agreed to it,
// and what she agrees to is what is sent.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { journey, campaign, people, inDays, until } = require('./lib/stage');

const conf = (id, text, more = '') => `campaign = { id = "${id}"; class = "notice"; title = "招聘会";
  event = { starts = "${inDays(9, '09:00')}"; venue = "区妇联"; }; audience = { file = "list.csv"; };
  texts = { zh = "${text}"; }; reminders = ( { name = "first"; at = "now"; }, { name = "eve"; at = "-1d 18:00"; } );
  ${more} };\n`;

const audit = async (s, ...more) => JSON.parse((await s.ok('audit', '--json', ...more)).out);

journey('above the bound nothing is sent before another person agrees, to this text and this list', async (s) => {
  let ill = false;
  const smsc = await s.smsc(({ to }) => (ill && to.endsWith('3001') ? { status: 0x0b } : {}));
  s.settings.defaults.approval = { recipients: 4 };
  await s.start();
  s.write('list.csv', `姓名,手机号\n${Array.from({ length: 5 }, (_, i) => `居民${i},1385140300${i}`).join('\n')}\n`);
  const file = s.write('fair.conf', conf('fair', '{{姓名}}您好，请来{{event.venue}}。'));
  for (const op of ['check', 'forecast']) { // said beforehand, with the bound and the command
    assert.match((await s.ok(op, file)).out, /second person has to approve it[^]*5 recipients, more than 4\n[^]*outreach approve fair\n/);
    assert.deepEqual(JSON.parse((await s.ok(op, file, '--json')).out).approval, ['recipients']);
  }
  // So is what nobody could be told one day, and a bound of its own that is none; no mistakes.
  const loose = s.write('loose.conf', conf('loose', '您好。', 'approval = { recipients = 100; };'));
  assert.deepEqual(JSON.parse((await s.ok('check', loose, '--json')).out).hints, ['no-moved', 'no-cancelled', 'loose-recipients']);
  s.write('loose.conf', conf('loose', '您好。', 'approval = { recipients = 3; };').replace('texts = {', 'texts = { moved = "改期"; cancelled = "取消";'));
  assert.doesNotMatch((await s.ok('check', loose)).out, /To know/);
  const queued = await s.ok('queue', file, '--by', 'ann');
  assert.match(queued.out, /not sent before somebody else approves it: outreach approve fair/);

  // A small one that was queued after it is sent meanwhile: the daemon is at work.
  await s.xadd(campaign('small', people(4)));
  assert.deepEqual(await s.settled('small', 'first', 60000), { delivered: 4 });
  assert.equal(smsc.submits.length, 4);

  // It says that it waits, for what, and for whom.
  for (const [args, words] of [[['list'], /awaits approval/], [['show', 'fair'], /many recipients.*somebody else than ann/],
    [['plan', '--year', 'all', '--queued'], /awaits approval/],
    [['show', '-s', 'waiting', 'fair'], /planned +5 =.*waiting +5[^]*\n {4}nobody is listed yet: it has not begun\n/],
    [['why', '13851403000'], /\n {2}first +waiting[^\n]*\n {16}waits for approval by a second person: outreach approve fair\n/]]) {
    const { out } = await s.ok(...args);
    assert.match(out, words);
    for (const line of out.split('\n').filter((l) => /approv/.test(l))) assert.ok(line.length <= 80, `${args[0]}: ${line}`);
  }
  const shown = JSON.parse((await s.ok('show', 'fair', '--json')).out);
  assert.deepEqual([shown.state, shown.approval, shown.approved_by], ['awaiting', 'recipients', null]);

  // Neither a flag nor a second submission moves it.
  assert.match((await s.outreach('resume', 'fair')).err, /waits for approval/);
  await s.ok('queue', file, '--by', 'eve');
  const client = await s.redis();
  const xadd = (...fields) => client.call('XADD', 'outreach:events', '*', ...fields);
  await xadd('op', 'resume', 'campaign', 'fair', 'by', 'ann');

  // Not by the one who queued it, not for another text.
  const own = await s.outreach('approve', 'fair', '-y', '--by', 'Ann');
  assert.equal(own.code, 77, own.all);
  assert.match(own.err, /queued by ann: a second person/);
  await xadd('op', 'approve', 'campaign', 'fair', 'by', 'ann', 'hash', shown.hash);
  await xadd('op', 'approve', 'campaign', 'fair', 'by', 'bob', 'hash', shown.hash.replace(/./g, '0'));
  await xadd('op', 'approve', 'campaign', 'fair', 'by', 'bob', 'hash', shown.hash, 'list', '0'.repeat(40), 'rows', '5');
  await xadd('op', 'approve', 'campaign', 'fair', 'by', 'bob');
  await until('all to be refused', async () => (await s.rejected()).length === 5, 60000);
  assert.deepEqual((await s.rejected()).map((r) => r.reason.slice(0, 30)), [
    'it waits for approval and send', 'who queued it cannot approve i', 'what is queued is not what was',
    'what is queued is not what was', 'no field `hash`: of what is ap']);
  const nobody = await s.outreach('approve', 'fair', '--by', 'bob');
  assert.equal(nobody.code, 64);
  assert.match(nobody.out, /居民0您好，请来区妇联。/);
  assert.match(nobody.out, /5 recipients, 10 notices/);
  assert.equal(smsc.submits.length, 4);

  // What stands in Redis was changed by somebody's hand: that is seen.
  const [[, [, row]]] = await client.call('XRANGE', 'outreach:{fair}:audience', '5-0', '5-0');
  await client.call('XDEL', 'outreach:{fair}:audience', '5-0');
  const changed = await s.outreach('approve', 'fair', '-y', '--by', 'bob');
  assert.equal(changed.code, 65);
  assert.match(changed.err, /the list in Redis is not the one that was queued/);
  const first4 = await client.call('XRANGE', 'outreach:{fair}:audience', '1-0', '4-0');
  await client.call('DEL', 'outreach:{fair}:audience');
  for (const [id, fields] of first4) await client.call('XADD', 'outreach:{fair}:audience', id, ...fields);
  await client.call('XADD', 'outreach:{fair}:audience', '5-0', 'r', row);

  const yes = JSON.parse((await s.ok('approve', 'fair', '-y', '--json', '--by', 'bob')).out);
  assert.deepEqual([yes.state, yes.by, yes.approved_by, yes.notices], ['active', 'ann', 'bob', 10]);
  assert.deepEqual(await s.settled('fair', 'first', 60000), { delivered: 5 });
  assert.equal(smsc.submits.length, 9);
  assert.match((await s.ok('approve', 'fair', '-y', '--by', 'eve')).out, /was approved by bob/);
  assert.match((await s.ok('show', 'fair')).out, /approved .* by bob/);

  // Late additions and another text are agreed to as well.
  s.write('late.csv', `姓名,手机号\n${Array.from({ length: 5 }, (_, i) => `迟到${i},1385140301${i}`).join('\n')}\n`);
  assert.match((await s.outreach('add', 'fair', s.path('late.csv'))).err, /queue them as a campaign of their own/);
  const changed2 = s.write('fair.conf', conf('fair', '{{姓名}}您好，改到三楼。').replace('区妇联', '文化馆'));
  assert.match((await s.outreach('amend', changed2, '-y', '--by', 'bob')).err, /texts\.moved is missing[^]*moved = "\{\{was\.date\}\}/);
  s.write('fair.conf', fs.readFileSync(changed2, 'utf8').replace('texts = {', 'texts = { moved = "原在{{was.venue}}，现在{{event.venue}}。";'));
  const amended = await s.ok('amend', changed2, '-y', '--by', 'bob', '-w', '60');
  assert.match(amended.out, /fair is changed, and awaits approval \(many recipients\) by somebody else:\n {2}outreach approve fair\n/);
  assert.match((await s.ok('show', 'fair')).out, /by somebody else than bob:/);
  await until('the amendment', async () => JSON.parse((await s.ok('show', 'fair', '--json')).out).hash !== shown.hash, 60000);
  assert.equal(JSON.parse((await s.ok('show', 'fair', '--json')).out).state, 'awaiting');
  assert.equal((await s.outreach('approve', 'fair', '-y', '--by', 'bob')).code, 77, 'he has written it');
  assert.equal((await client.call('HGET', 'outreach:{fair}:eve', 'state')), 'awaiting');
  // A second one on top: both are shown against what was agreed to, with the correction, to how many, and its cost.
  s.write('fair.conf', fs.readFileSync(changed2, 'utf8').replace('-1d 18:00', '-1d 19:00'));
  assert.equal(JSON.parse((await s.ok('amend', changed2, '-y', '--json', '--by', 'eve', '-w', '60')).out).state, 'awaiting');
  for (const name of ['bob', 'Eve'])
    assert.match((await s.outreach('approve', 'fair', '-y', '--by', name)).err, /fair: what awaits was written by bob, eve: somebody else has to approve it/);
  await xadd('op', 'approve', 'campaign', 'fair', 'by', ' Bob\u3000', 'hash', JSON.parse((await s.ok('show', 'fair', '--json')).out).hash);
  await until('a part of it to be his', async () => (await s.rejected()).length === 6, 60000);
  assert.match((await s.rejected())[5].reason, /who queued it cannot approve it, nor who changed/);
  const { amendment } = JSON.parse((await s.ok('approve', 'fair', '--dry-run', '--json', '--by', 'ann')).out);
  assert.deepEqual([amendment.by, amendment.version, amendment.was_version, amendment.told, amendment.corrections], ['eve', 3, 1, 5, 5]);
  assert.equal(amendment.corrections_cost.toFixed(3), '0.225', 'a segment each at 0.045');
  assert.deepEqual(amendment.fields.map((f) => [f.field, f.was, f.is]), [['event.venue', '区妇联', '文化馆'],
    ['reminders.eve.at', '-1d 18:00', '-1d 19:00'], ['texts.zh', '{{姓名}}您好，请来{{event.venue}}。', '{{姓名}}您好，改到三楼。'],
    ['texts.moved', null, '原在{{was.venue}}，现在{{event.venue}}。']]);
  const agreed = (await s.ok('approve', 'fair', '-y', '--by', 'ann')).out;
  assert.match(agreed, /changed by eve, .*version 3 in place of version 1\n {2}the place\n {4}was: 区妇联\n {4}is: {2}文化馆\n/);
  assert.match(agreed, /5 people were told before; corrections that will be sent: 5\n {2}they cost about 0\.2. CNY\n.*原在区妇联，现在文化馆。/);
  // What was sent is not reckoned again: the first has gone to all five.
  assert.match(agreed, /\n {2}first +\S+ \S+ \S+ +sent already\n[^]*\n5 recipients, 5 notices, [^]*\n {2}first +sent already\n {2}eve .* 5 +5 +0\.2/);
  assert.equal((await client.call('HGET', 'outreach:{fair}:eve', 'state')), 'scheduled');
  assert.deepEqual(await s.settled('fair', 'corrections', 60000), { cancelled: 5, delivered: 5 }, 'the newer one in place of the older');
  assert.equal(smsc.submits.length, 14);

  // Of one that is not through, only who still waits counts: she is not to be disturbed for half a day.
  const hour = (hours) => `${String((new Date(Date.now() + hours * 3600e3).getUTCHours() + 8) % 24).padStart(2, '0')}:00`;
  await s.ok('safe', '13851403000', 'hours', `${hour(12)}-${hour(13)}`);
  // A third is for whom nothing has told: the one whose number is nobody's.
  ill = true;
  const third = (text) => conf('part', text).replace('18:00"; } )', '18:00"; }, { name = "again"; at = "-2d 18:00"; only = "untold"; } )');
  const part = s.write('part.conf', third('{{姓名}}您好。'));
  await s.ok('queue', part, '--by', 'ann');
  await s.ok('approve', 'part', '-y', '--by', 'bob');
  await s.counted('part', 'first', { delivered: 3, failed: 1, parked: 1 }, 60000);
  s.write('part.conf', third('{{姓名}}您好！'));
  await s.ok('amend', part, '-y', '--by', 'ann', '-w', '60');
  const held = (await s.ok('why', '13851403000', '--campaign', 'part')).out;
  assert.match(held, /\n {2}first +waiting[^\n]*looked at again [^\n]*\n {16}waits for approval [^\n]* approve part\n/);
  assert.doesNotMatch(held, /paused/, 'what has begun is held, and nobody can resume it');
  const rest = JSON.parse((await s.ok('approve', 'part', '--dry-run', '--json', '--by', 'bob')).out);
  assert.deepEqual([rest.notices, rest.reminders.map((r) => r.notices)], [7, [1, 5, 1]]);

  // The names, and nothing of what was refused.
  const said = (await audit(s, '--campaign', 'fair')).map((e) => [e.op, e.by, e.awaits ?? '', e.hash ?? '']);
  assert.deepEqual(said, [['queue', 'ann', 'recipients', ''], ['approve', 'bob', '', shown.hash],
    ['amend', 'bob', 'recipients', ''], ['amend', 'eve', 'recipients', ''], ['approve', 'ann', '', said.at(-1)[3]]]);
  assert.deepEqual((await audit(s, '--who', 'bob', '--campaign', 'fair')).map((e) => e.op), ['approve', 'amend']);
  assert.match((await s.ok('audit', '--op', 'approve')).out, /bob +approve +fair/);

  await s.ok('safe', '13851403000', '--remove');
  // Cancelled in words that nobody agreed to: it is off at once, and who was told is told when somebody has.
  s.write('fair.conf', fs.readFileSync(changed2, 'utf8').replace('event = {', 'event = { cancelled = true;')
    .replace('texts = {', 'texts = { cancelled = "{{was.date}}取消，请致电095。";'));
  const off = await s.ok('amend', changed2, '-y', '--by', 'bob', '-w', '60');
  assert.match(off.out, /fair is cancelled; what waited is not sent\nWho was told is told [^]*\n {2}outreach approve fair\n/);
  assert.match((await s.ok('show', 'fair')).out, /\nwho had a notice is not told yet that it is cancelled: the text for that\nwaits for approval [^]*eve {2}cancelled/);
  const listed = (await s.ok('list')).out;
  assert.match(listed, /^fair +cancelled [^]*\nwaits for approval \(many recipients\) by somebody else than bob:\n {2}outreach approve fair\n/m);
  await until('the corrections to be written', async () => (await client.call('HGET', 'outreach:{fair}', 'correct')) === null, 60000);
  assert.match((await s.ok('why', '13851403001')).out, /waits for approval by a second person: outreach approve\s+fair/, 'her correction');
  assert.equal((await s.outreach('approve', 'fair', '-y', '--by', 'bob')).code, 77, 'his own words');
  assert.equal(smsc.submits.length, 18, 'nobody was told');
  const told = JSON.parse((await s.ok('approve', 'fair', '--dry-run', '--json', '--by', 'ann')).out);
  assert.deepEqual([told.approval, told.notices, told.cost, told.amendment.corrections], ['recipients', 0, 0, 5], 'nothing else goes');
  assert.match((await s.ok('approve', 'fair', '-y', '--by', 'ann')).out, /取消，请致电095。[^]*fair: who was told is told now that it is cancelled\n$/);
  assert.doesNotMatch((await s.ok('list')).out, /approve fair/);
  await until('all of them to be told', () => smsc.submits.length === 23, 60000);
  assert.match((await s.ok('approve', 'fair', '-y', '--by', 'ann').catch((e) => ({ out: e.message }))).out, /was cancelled; that is final/);
});

journey('the cost counts as it is reckoned, or as the most it can be; an approval may be an event', async (s) => {
  const smsc = await s.smsc();
  s.settings.defaults.approval = { cost: 1.0 };
  await s.start();
  s.write('list.csv', `姓名,手机号\n${Array.from({ length: 10 }, (_, i) => `居民${i},1385140310${i}`).join('\n')}\n`);
  // 10 people, two reminders, a segment each at 0.045: 0.90. Who has refused counts, or it could not be true.
  await s.ok('optout', 'add', '13851403109');
  const cheap = conf('cheap', '您好。');
  await s.ok('queue', s.write('cheap.conf', cheap), '--by', 'ann');
  // and with a text of two segments 1.80
  const long = await s.ok('queue', s.write('dear.conf', conf('dear', '长'.repeat(80))), '--by', 'ann');
  assert.match(long.out, /approve dear/);
  // Whoever is asked reads the sum, and the bound that it is above.
  const shown = (id) => s.ok('approve', id, '--dry-run', '--by', 'bob').then((r) => /\n(It costs at most [^]*)$/.exec(r.out)?.[1]);
  const reckoned = async (id) => JSON.parse((await s.ok('approve', id, '--dry-run', '--json', '--by', 'bob')).out).reckoned;
  assert.equal(await shown('dear'), 'It costs at most 1.80 CNY for 10 recipients, more than 1.00\n');
  assert.deepEqual(await reckoned('dear'), { cost: 1.8, bound: 1, recipients: 10 });
  // 0.81 without who has refused, whom the bound counts: it is said beforehand.
  const edge = s.write('edge.conf', conf('edge', '您好。', 'approval = { cost = 0.85; };'));
  const foreseen = JSON.parse((await s.ok('forecast', '--json', edge)).out);
  assert.deepEqual([foreseen.reminders.map((r) => r.notices ?? r.sent), foreseen.approval], [[9, 9], ['cost']]);
  assert.match((await s.ok('check', edge)).out, /\n {2}it costs 0\.90 CNY, more than 0\.85\n/);
  // One that does not say what it costs: 2 people, a reminder, at most 8 segments each: 0.72; 3: 1.08
  await s.xadd(campaign('two', people(2)));
  await s.xadd(campaign('three', people(3)));
  await s.xadd(campaign('anonymous', people(3)), { by: '' });
  assert.deepEqual(await s.settled('cheap', 'first', 60000), { delivered: 9, 'opted-out': 1 });
  assert.deepEqual(await s.settled('two', 'first', 60000), { delivered: 2 });
  await s.xadd(campaign('blank', people(3)), { by: ' \u3000\t' }); // blanks are nobody's name
  await until('the anonymous ones to be refused', async () => (await s.rejected()).length === 2, 60000);
  for (const { reason } of await s.rejected()) assert.match(reason, /it must be known who the first is/);
  const states = Object.fromEntries(JSON.parse((await s.ok('list', '--json')).out).map((c) => [c.id, c.state]));
  assert.deepEqual(states, { cheap: 'active', dear: 'awaiting', two: 'active', three: 'awaiting' });
  assert.equal(smsc.submits.length, 11);
  assert.equal(await shown('three'), 'It costs at most 1.08 CNY for 3 recipients, more than 1.00\n');

  // A word for the cost that cannot be true, of 3 people at 0.045 or more, is none.
  const said = ['0', '-1', 'nan', '-inf', '1e999', '', '0.13', 'free'];
  for (const [i, cost] of said.entries()) await s.xadd(campaign(`said-${i}`, people(3)), { cost });
  const believed = campaign('believed', people(3));
  await s.xadd(believed, { cost: '0.135' });
  assert.deepEqual(await s.settled('believed', 'first', 60000), { delivered: 3 });
  for (const i of said.keys()) assert.equal(JSON.parse((await s.ok('show', `said-${i}`, '--json')).out).state, 'awaiting', said[i]);
  assert.equal(smsc.submits.length, 14);

  // An amendment's counts as it is reckoned too, what was sent included: 0.90 again, where the most would be 8.00.
  const change = (text, ...more) => s.outreach('amend', s.write('cheap.conf', cheap.replace('您好。', text)), '--by', 'ann', '-w', '60', ...more);
  const slight = await change('您好！', '-y', '--json');
  assert.deepEqual([JSON.parse(slight.out).state, JSON.parse(slight.out).approval], ['amended', []], slight.all);
  // All of it as it is worded now, 10 people, two reminders, 2 segments: 1.80, told before anybody is asked.
  const dearer = await change('长'.repeat(80));
  assert.deepEqual([dearer.code, /\n(A second person has to approve the change; [^]*)/.exec(dearer.out)?.[1]],
    [64, `A second person has to approve the change; until then nothing of it is sent:
  it costs 1.80 CNY, more than 1.00
  (all its reminders as they are worded now, sent or not, with the corrections
  of this change and those sent before)
After it is changed somebody else runs: outreach approve cheap
`], dearer.all);
  const changed = JSON.parse((await change('长'.repeat(80), '-y', '--json')).out);
  assert.deepEqual([changed.state, changed.approval], ['awaiting', ['cost']]);
  assert.equal(await shown('cheap'), `It costs at most 1.80 CNY for 10 recipients, more than 1.00
  (all its reminders as they are worded now, sent or not, with the corrections
  of this change and those sent before)
`);
  // A program's is believed where one for queueing is: 0.135 is a segment for each of the 3.
  for (const cost of ['0.135', '0.13']) await s.xadd({ ...believed, title: cost }, { op: 'amend', cost });
  const amends = async () => (await audit(s, '--campaign', 'believed')).filter((e) => e.op === 'amend').map((e) => e.awaits ?? '');
  await until('both to be applied', async () => (await amends()).length === 2, 60000);
  assert.deepEqual(await amends(), ['', 'cost']);
  // Nobody lifts a bound of the campaign's own by the amendment that is above it.
  const bounded = campaign('bounded', people(3), { approval: { recipients: 2 } });
  await s.xadd(bounded, { cost: '0.135', by: 'ann' });
  const lifts = async () => (await audit(s, '--campaign', 'bounded')).filter((e) => e.op === 'amend').map((e) => e.awaits ?? '');
  for (const [n, approval] of [undefined, { recipients: 2 }, { recipients: 300 }].entries()) {
    await until('it to be agreed to', async () => (await s.outreach('approve', 'bounded', '-y', '--by', 'bob')).code === 0, 60000);
    await s.xadd({ ...bounded, approval }, { op: 'amend', cost: '0.135', by: 'ann' });
    await until('it to be applied', async () => (await lifts()).length === n + 1, 60000);
  }
  assert.deepEqual(await lifts(), ['recipients', 'recipients', 'recipients']);
  // Nor beforehand, while it is below it.
  const roomy = campaign('roomy', people(3), { approval: { recipients: 3 } });
  await s.xadd(roomy, { cost: '0.135', by: 'ann' });
  await s.settled('roomy', 'first', 60000);
  s.write('roomy.json', JSON.stringify({ ...roomy, approval: undefined }));
  assert.match((await s.outreach('amend', s.path('roomy.json'), '--by', 'ann')).out, /nothing of it is sent:\n {2}its bound of 3 recipients is lifted\n/);
  await s.xadd({ ...roomy, approval: { recipients: 4 } }, { op: 'amend', cost: '0.135', by: 'ann' });
  await until('it to await approval', async () => JSON.parse((await s.ok('show', 'roomy', '--json')).out).approval === 'recipients', 60000);

  // What awaits a second person is amended by somebody; what stops it may be nobody's.
  const client = await s.redis();
  const cancelled = (id) => { const c = campaign(id, people(3)); c.event.cancelled = true; return c; };
  await s.xadd({ ...campaign('said-0', people(3)), title: '另一场' }, { op: 'amend', by: '\u3000 ' });
  await s.xadd(cancelled('said-0'), { op: 'amend', by: '' });
  await until('it to be cancelled', async () => (await client.call('HGET', 'outreach:{said-0}', 'state')) === 'cancelled', 60000);
  assert.match((await s.rejected())[2].reason, /no field `by`/);

  // An approval names what it has seen: a list with its rows.
  const { hash, list, rows } = JSON.parse((await s.ok('show', 'three', '--json')).out);
  const approve = (...more) => client.call('XADD', 'outreach:events', '*', 'op', 'approve', 'campaign', 'three', 'by', 'bob', 'hash', hash, ...more);
  await approve('list', list);
  await approve('list', list, 'rows', '2');
  await until('both to be refused', async () => (await s.rejected()).length === 5, 60000);
  assert.deepEqual((await s.rejected()).slice(3).map((r) => r.reason.slice(0, 30)), ['no field `rows`: how many reci', 'what is queued is not what was']);
  await approve('list', list, 'rows', String(rows));
  assert.deepEqual(await s.settled('three', 'first', 60000), { delivered: 3 });
  // What waits goes on waiting, also where nobody would be asked for the words as they are now.
  const cheaper = await s.outreach('amend', s.write('dear.conf', conf('dear', '您好。')), '--by', 'ann');
  assert.deepEqual([cheaper.code, /\n(It goes on waiting .*)\n/.exec(cheaper.out)?.[1]], [64, 'It goes on waiting for a second person: outreach approve dear'], cheaper.all);
  await s.ok('amend', s.path('dear.conf'), '-y', '--by', 'ann', '-w', '60');
  assert.equal(await shown('dear'), 'It costs at most 0.90 CNY for 10 recipients; the bound is 1.00\n');
  // Turned down: by a cancel.
  await s.ok('cancel', 'dear', '-y', '--by', 'bob');
  assert.match((await s.outreach('approve', 'dear', '-y', '--by', 'bob')).err, /was cancelled/);
  assert.deepEqual((await audit(s)).map((e) => `${e.op} ${e.campaign} ${e.by}`).slice(-3), ['approve three bob', 'amend dear ann', 'cancel dear bob']);
  assert.equal((await s.ok('verify', 'dear')).code, 0);
  // Whoever asked for a second person whatever the sums adds nobody behind their back.
  await s.ok('queue', s.write('asks.conf', conf('asks', '您好。', 'approval = { required = true; };')), '--by', 'ann');
  await s.ok('approve', 'asks', '-y', '--by', 'bob');
  assert.match((await s.outreach('add', 'asks', s.write('odd.csv', '姓名,号\n迟到,x\n'))).err,
    /no column for sms; its columns are 姓名, 号; name the right one in its first row/);
  s.write('one.csv', '姓名,手机号\n迟到,13851403199\n');
  assert.match((await s.outreach('add', 'asks', s.path('one.csv'))).err, /queue them as a campaign of their own/);
});

journey('each correction that was sent is a part of the sum when the event moves once more', async (s) => {
  const smsc = await s.smsc();
  await s.start();
  const fair = (day) => campaign('moves', people(4), { approval: { cost: 0.5 }, event: { starts: inDays(day, '09:00'), venue: '区妇联' },
    texts: { zh: '您好，请来。', moved: '原定{{was.date}}，改到{{event.date}}。' } });
  const move = (day, by) => s.ok('amend', s.write('moves.json', JSON.stringify({ ...fair(day), audience: {} })), '-y', '--by', by, '-w', '60');
  // 4 people, one reminder, a segment each at 0.045: 0.18; with a correction to each 0.36, with two 0.54, with three 0.72.
  await s.xadd(fair(20), { by: 'ann', cost: '0.18' });
  assert.deepEqual(await s.settled('moves', 'first', 60000), { delivered: 4 });
  assert.match((await move(21, 'ann')).out, /moves is amended\n$/);
  await until('all to be told', () => smsc.submits.length === 8, 60000);
  assert.deepEqual(await s.settled('moves', 'corrections', 60000), { delivered: 4 });
  assert.match((await move(22, 'ann')).out, /\n {2}it costs 0\.54 CNY, more than 0\.50\n/);
  assert.match((await s.ok('approve', 'moves', '-y', '--by', 'bob')).out, /\nIt costs at most 0\.54 CNY for 4 recipients, more than 0\.50\n/);
  await until('all to be told again', () => smsc.submits.length === 12, 60000);
  assert.deepEqual(await s.settled('moves', 'corrections', 60000), { delivered: 8 });
  assert.match((await move(23, 'ann')).out, /\n {2}it costs 0\.72 CNY, more than 0\.50\n/);
});

journey('corrections count too where who amends says no cost: none gets around the bound by many small moves', async (s) => {
  const smsc = await s.smsc(undefined, { cost: 0.045 });
  await s.start();
  const client = await s.redis();
  const moved = (day) => ({ ...campaign('moves', people(4), { approval: { cost: 0.5 }, max_segments: 1, event: { starts: inDays(day, '09:00'), venue: '区妇联' },
    texts: { zh: '您好，请来。', moved: '原定{{was.date}}，改到{{event.date}}。' } }) });
  await s.xadd(moved(20), { by: 'ann' });
  await s.settled('moves', 'first', 60000);
  // Four people, a segment of 0.045 each: 0.36 with the first corrections, 0.54 with the second.
  await s.xadd({ ...moved(21), audience: {} }, { op: 'amend', by: 'ann' });
  await until('the first corrections', () => smsc.submits.length === 8, 60000);
  await s.xadd({ ...moved(22), audience: {} }, { op: 'amend', by: 'ann' });
  await until('it to await', async () => (await client.call('HGET', 'outreach:{moves}', 'state')) === 'awaiting', 60000);
  assert.equal(await client.call('HGET', 'outreach:{moves}', 'approval'), 'cost');
  assert.equal(smsc.submits.length, 8);
});
