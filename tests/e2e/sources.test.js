'use strict';
// What holds of all sources.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const ROOT = path.resolve(__dirname, '../..');

function sources(dir) {
  return fs.readdirSync(path.join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const name = `${dir}/${entry.name}`;
    if (entry.isDirectory()) return sources(name);
    return /\.(c|cc|h)$/.test(name) ? [name] : [];
  });
}

/** Without comments; without strings too, unless they are wanted. */
const code = (name, strings = ' ') => fs.readFileSync(path.join(ROOT, name), 'utf8')
  .replace(/\/\*[^]*?\*\/|\/\/.*|"(\\.|[^"\\\n])*"/g, (found) => (found.startsWith('"') ? strings || found : ' '));

test('no stream is trimmed but the live log: a list that lost a row would lose a person', () => {
  const found = sources('daemon').filter((name) => /"(XTRIM|XDEL|XSETID|MAXLEN|MINID)"/.test(code(name, '')));
  assert.deepEqual(found, ['daemon/dispatch/delivery_log.c']);
  assert.match(code(found[0], ''), /KEY_LOG\);\s*command_add_string\(&log->command, "MAXLEN"\)/);
});

test('daemon and plugins ask for the time in one place only, or the wall clock could not be held', () => {
  // Of the clock that no one sets there is nothing to be held; daemon/rehearsal drives it from outside.
  const asks = /\b(time|gettimeofday|clock_gettime(?=\s*\((?!CLOCK_BOOTTIME))|timespec_get|ftime|event_base_gettimeofday_cached|evutil_gettimeofday)\s*\(/;
  const found = [...sources('daemon'), ...sources('plugins')]
    .filter((name) => !name.startsWith('daemon/rehearsal/') && asks.test(code(name)));
  assert.deepEqual(found, ['daemon/base/clock.c']);
});
