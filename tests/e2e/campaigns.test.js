'use strict';
// The year's campaigns as they ship: each is taken, nobody is missed for its words, and
// nothing is longer than two segments.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { journey, ROOT } = require('./lib/stage');

const DIR = path.join(ROOT, 'conf/campaigns');
const FILES = fs.readdirSync(DIR).filter((name) => name.endsWith('.conf')).sort();

journey('every campaign of the year is taken, reaches everybody of its list, and fits into two segments', async (s) => {
  s.drivenClock('2027-01-04T09:00:00+08:00');
  const sandbox = (name, channel, more) => ({ name, plugin: 'sandbox', channel, rate: '200/s', ...more });
  s.settings.gateways.push(sandbox('operator', 'sms', { count: 'segments', cost: 0.045 }), sandbox('people', 'wecom'), sandbox('office', 'wecom', { group: true }));
  s.settings.defaults.hours = '08:00-12:00,14:00-20:30';
  assert.ok(FILES.length >= 20);
  for (const name of FILES) {
    const file = path.join(DIR, name);
    const checked = JSON.parse((await s.ok('check', file, '--json')).out);
    for (const text of checked.texts) {
      assert.ok(text.longest <= 2, `${name}: ${text.longest} segments`);
      assert.equal(text.empty, 0, name);
      assert.doesNotMatch(text.text, /\{\{|\}\}/, name);
    }
    const languages = new Set(checked.texts.map((text) => text.language));
    if (checked.taken > 1) assert.ok(languages.has('zh') && languages.has('en'), `${name}: ${[...languages]}`);
    const { reminders } = JSON.parse((await s.ok('forecast', file, '--offline', '--json')).out);
    for (const r of reminders) {
      assert.equal(r.skipped, false, `${name} ${r.name}`);
      assert.deepEqual(r.missed, {}, `${name} ${r.name}`);
      // Who has her slot when the hours begin cannot be told two hours before.
      assert.ok(r.late === 0 || name === 'health-check.conf', `${name} ${r.name}: ${r.late} too late`);
      assert.equal(r.begins_ms, r.due_ms, `${name} ${r.name} is due at a time when residents may be disturbed`);
    }
  }
});

journey('the README of the campaigns has each of them', async () => {
  const text = fs.readFileSync(path.join(DIR, 'README.md'), 'utf8');
  const told = [...text.matchAll(/^\| \[`[a-z0-9-]+`\]\(([a-z0-9-]+\.conf)\)/gm)].map((m) => m[1]);
  assert.deepEqual(told.sort(), FILES);
});
