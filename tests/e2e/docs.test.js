'use strict';
// What is written for people against the tables in the code: a setting, an event or a reason
// that is in one of them alone is a mistake.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { ROOT } = require('./lib/stage');

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
const all = (text, pattern) => [...text.matchAll(pattern)].map((m) => m[1]);
const sorted = (names) => [...new Set(names)].sort();

/** The C sources of the daemon, by name. */
function sources() {
  const found = [];
  for (const entry of fs.readdirSync(path.join(ROOT, 'daemon'), { recursive: true, withFileTypes: false }))
    if (String(entry).endsWith('.c')) found.push(path.join('daemon', String(entry)));
  assert.ok(found.length > 100);
  return found;
}

/** The rows of README's tables: what stands in their first cell. */
const README = read('README.md');
const LOG = README.slice(README.indexOf('## The delivery log'), README.indexOf('## Speed'));
const EVENTS = LOG.slice(LOG.indexOf('| event |'));

/** Every event that a line of the delivery log may have, from where it is written. */
function events() {
  const states = all(read('daemon/store/ledger.c'), /\[NOTICE_\w+\] = \{"([a-z-]+)"/g);
  assert.equal(states.length, 13);
  const names = states.filter((name) => !['waiting', 'sending'].includes(name));
  for (const file of sources().filter((f) => /^daemon\/(dispatch|inbound)\//.test(f))) {
    const text = read(file);
    if (!text.includes('delivery_log_')) continue;
    names.push(...all(text, /log_outcome\(\w+, "([a-z-]+)"/g), ...all(text, /\\"event\\":\\"([a-z-]+)\\"/g));
    for (const [, value] of text.matchAll(/\be\.event = ([^;]+);/g)) names.push(...all(value, /"([a-z-]+)"/g));
  }
  return sorted(names);
}

test("README has every event of the delivery log, and no other", () => {
  assert.deepEqual(sorted(all(EVENTS, /^\| `([a-z-]+)`/gm)), events());
});

test('every event is known where a ledger is filled from the log', () => {
  const replay = read('daemon/dispatch/replay.c');
  // Whoever was not in a list that was being lost is looked for again.
  for (const event of events().filter((name) => name !== 'excluded')) assert.ok(replay.includes(`"${event}"`), event);
});

test('README has every reason, in the order of their numbers', () => {
  const reasons = all(read('daemon/store/ledger.c'), /\[REASON_\w+\] = "([a-z-]+)"/g);
  const row = LOG.match(/^\| `reason` \| one word of ours: `([a-z -]+)`/m);
  assert.deepEqual(row[1].split(' '), reasons);
});

test('README has every key of a line, and each that it has is written', () => {
  const written = all(read('daemon/dispatch/delivery_log.c'), /\\"([a-z_]+)\\":/g);
  const keys = LOG.slice(LOG.indexOf('| key |'), LOG.indexOf('| event |'));
  const named = all(keys, /^\|([^|]+)\|/gm).flatMap((cell) => all(cell, /`([a-z_]+)`/g));
  const ofHead = ['daemon', 'epoch', 'before', 'install', 'part']; // the row of `joined` has them
  const summary = ['count', 'first', 'last']; // of the stream for live views
  assert.deepEqual(sorted(written.filter((k) => !ofHead.includes(k) && !summary.includes(k))), sorted(named));
});

/** { group: { name: initial } } of the tables of a file. */
function tables(file) {
  const found = {};
  for (const [, name, body] of read(file).matchAll(/static const struct field (\w+)\[\] = \{\n([\s\S]*?)\n\};/g)) {
    found[name] = {};
    for (const [, row] of body.matchAll(/^    \{("[\s\S]*?)\},?$/gm))
      found[name][row.match(/^"(\w+)"/)[1]] = row.match(/\.initial =\s*"([^"]*)"/)?.[1];
  }
  return found;
}

const CONF = read('conf/outreachd.conf');

test('conf/outreachd.conf names every setting of the daemon', () => {
  const found = tables('daemon/campaign/settings.c');
  assert.ok(Object.keys(found).length >= 7, Object.keys(found).join(' '));
  for (const [table, rows] of Object.entries(found))
    for (const name of Object.keys(rows)) assert.match(CONF, new RegExp(`\\b${name} *=`), `${table}: ${name}`);
});

test('conf/outreachd.conf names every setting that all gateways have', () => {
  const gateways = CONF.slice(CONF.indexOf('# Where notices leave'));
  for (const [table, rows] of Object.entries(tables('daemon/gateway/gateway_settings.c')))
    for (const name of Object.keys(rows)) assert.match(gateways, new RegExp(`\\b${name}\\b`), `${table}: ${name}`);
});

test('what is commented out in conf/outreachd.conf, among what the dispatcher, campaigns and replies have, is the default', () => {
  const found = tables('daemon/campaign/settings.c');
  const shown = { ...found.dispatch_fields, ...found.defaults_fields, ...found.replies_fields };
  let held = 0;
  const part = CONF.slice(CONF.indexOf('\ndispatch = {'), CONF.indexOf('\nalerts'));
  for (const [, line] of part.matchAll(/^  # (\w.*)$/gm))
    for (const [, name, value] of line.split(' #')[0].matchAll(/(\w+) = "?([^";]+)"?;/g)) {
      assert.equal(value, shown[name], name);
      held++;
    }
  assert.ok(held >= 9, `${held}`);
});

test('the demonstration may be given twice a day: nobody of its campaigns is capped as a repetition', () => {
  const [, list] = read('conf/demo.conf').match(/^\s*may_repeat = \(([^)]*)\)/m);
  const folder = path.join(ROOT, 'conf/campaigns');
  const played = fs.readdirSync(folder).filter((name) => name.endsWith('.conf'));
  assert.ok(played.length >= 3);
  for (const name of played) {
    const [, kind] = read(`conf/campaigns/${name}`).match(/^\s*class = "(\w+)"/m);
    assert.ok(list.includes(`"${kind}"`), `${name}: ${kind}`);
  }
});

test('every heading that a list may have is in the table of conf/campaigns/README.md', () => {
  const table = read('daemon/campaign/column.c').match(/headings\[\] = \{([^]*?)\n\};/)[1];
  const whole = read('conf/campaigns/README.md');
  const guide = whole.slice(whole.indexOf('| ours | headings |'));
  const pairs = [...table.matchAll(/\{"([^"]+)", "([^"]+)"\}/g)].map(([, said, meant]) => [said, meant]);
  assert.ok(pairs.length > 40);
  for (const [said, meant] of pairs) {
    const row = guide.split('\n').find((line) => line.startsWith('| ') && line.split('|')[1].includes(`\`${meant}\``));
    assert.ok(row?.includes(said), `${said} is ${meant}`);
  }
});

test('what plugins and their host say of their lines is told in Chinese: the sentences are still theirs', () => {
  const said = ['plugins', 'daemon/gateway'].flatMap((room) => fs.readdirSync(path.join(ROOT, room), { recursive: true })
    .filter((file) => String(file).endsWith('.c')).map((file) => read(path.join(room, String(file))))).join('');
  const sentences = all(read('daemon/cli/gateway_says.c'), /N_\("([^"]+)"\)/g);
  assert.ok(sentences.length > 20);
  for (const sentence of sentences) assert.ok(said.includes(`"${sentence.split('%')[0]}`), sentence);
});

test('every field of a campaign file is in both tables of conf/campaigns/README.md, the English and the Chinese', () => {
  // What `outreach queue` writes itself is no field of a file.
  const written = ['form.columns', 'audience.digest', 'audience.rows'];
  const guide = read('conf/campaigns/README.md');
  const at = guide.indexOf('## 中文简表');
  const tables = [...read('daemon/campaign/form.c').matchAll(/^static const struct field (\w+)_fields\[\] = \{([^]*?)^\};/gm)];
  assert.ok(tables.length >= 9);
  for (const [, table, rows] of tables)
    for (const name of all(rows, /^ {4}\{"([a-z_]+)", FIELD_/gm)) {
      if (written.includes(`${table}.${name}`)) continue;
      // In a table's first cell, behind its group's name or not; or in what a row says of a group.
      const named = new RegExp(`\\b${name}\\b`);
      for (const [language, half] of [['English', guide.slice(0, at)], ['Chinese', guide.slice(at)]]) {
        const lines = half.split('\n').filter((line) => line.startsWith('| ') && all(line, /`([^`]+)`/g).some((code) => named.test(code)));
        assert.ok(lines.length > 0, `${table}: ${name} is not in the ${language} table`);
      }
    }
});

test('every exit code of the commands is in outreach(1), in the overview and where it is promised', () => {
  const header = fs.readFileSync('/usr/include/sysexits.h', 'utf8');
  const number = (name) => header.match(new RegExp(`#define\\s+${name}\\s+(\\d+)`))[1];
  const used = sorted(sources().filter((f) => f.startsWith('daemon/cli/')).flatMap((f) => all(read(f), /\b(EX_[A-Z]+)\b/g)));
  assert.ok(used.length >= 9, `${used}`);
  const overview = read('daemon/cli/cli.c').match(/"Exit codes: [^;]*;/)[0];
  for (const [what, text] of [['outreach(1)', read('manual/outreach.1.in')], ['the overview', overview], ['cli.h', read('daemon/cli/cli.h').split('#ifndef')[0]]])
    for (const name of used) assert.match(text, new RegExp(`\\b${number(name)}\\b`), `${name} in ${what}`);
});

test('every key of keys.h that is no reminder\'s or daemon\'s is in outreach-queue(7)', () => {
  const page = read('manual/outreach-queue.7.in');
  const keys = all(read('daemon/store/keys.h'), /"(outreach:[^"]+)"/g).filter((key) => key !== 'outreach:nothing');
  assert.ok(keys.length > 20);
  for (const key of keys) assert.ok(page.includes(key), key);
});

test('every order that is audited has a word for people', () => {
  const words = read('daemon/cli/audit_words.c');
  const found = sources().map(read).flatMap((text) =>
    [...all(text, /\baudit_command\([^,;]+,([^,;]+),/g), ...all(text, /\bregister_audit\([^,;]+,([^,;]+),/g)].flatMap((what) => all(what, /"([a-z-]+)"/g)));
  assert.ok(sorted(found).length >= 15, `${sorted(found)}`);
  for (const op of sorted(found)) assert.ok(words.includes(`{"${op}", NC_("audit", "${op}")}`), op);
});
