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

test('daemon and plugins ask for the time in one place only, or the wall clock could not be held', () => {
  // Of the clock that no one sets there is nothing to be held.
  const asks = /\b(time|gettimeofday|clock_gettime(?=\s*\((?!CLOCK_BOOTTIME))|timespec_get|ftime|event_base_gettimeofday_cached|evutil_gettimeofday)\s*\(/;
  const found = [...sources('daemon'), ...sources('plugins')].filter((name) => {
    // Without comments and strings.
    const code = fs.readFileSync(path.join(ROOT, name), 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*|"(\\.|[^"\\\n])*"/g, ' ');
    return asks.test(code);
  });
  assert.deepEqual(found, ['daemon/base/clock.c']);
});
