'use strict';
// What people read fits a terminal of 80 columns, in both languages. How wide a line is, is
// judged by wc: it counts columns, and a Chinese character as two.

const assert = require('node:assert/strict');
const path = require('node:path');
const test = require('node:test');
const { spawnSync } = require('node:child_process');
const { BUILD } = require('./lib/stage');

const LANGUAGES = ['zh_CN.UTF-8', 'en_US.UTF-8'];

/** The columns of the widest line. */
const columns = (text) =>
  Number(spawnSync('wc', ['-L'], { input: text, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } }).stdout);

/** Fails with the lines that are too wide. */
function fits(text, what) {
  if (columns(text) <= 80) return;
  const wide = text.split('\n').filter((line) => columns(line) > 80);
  assert.fail(`${what}: wider than 80 columns:\n${wide.join('\n')}`);
}

function run(program, args, language) {
  const r = spawnSync(path.join(BUILD, program), args, { encoding: 'utf8', env: { ...process.env, LC_ALL: language } });
  assert.equal(r.status, 0, `${program} ${args.join(' ')}: ${r.stderr}`);
  return r.stdout;
}

/** Every command there is. */
const commands = () =>
  [...run('outreach', ['--help'], 'C').split('Commands:')[1].split('\nOptions')[0].matchAll(/^ {2}([a-z]+)/gm)].map((m) => m[1]);

test('wc counts as terminals do', () => {
  assert.deepEqual(['春风', 'ab', '，', '…', '“'].map(columns), [4, 2, 2, 1, 1]);
});

for (const language of LANGUAGES)
  test(`help fits 80 columns, and is in one language: ${language}`, () => {
    const pages = [['outreachd', ['--help']], ['outreach', ['--help']], ...commands().map((one) => ['outreach', [one, '--help']])];
    assert.ok(pages.length > 30);
    for (const [program, args] of pages) {
      const text = run(program, args, language);
      fits(text, `${program} ${args.join(' ')}`);
      assert.match(text, language.startsWith('zh') ? /^用法：/ : /^usage: /i);
    }
  });
