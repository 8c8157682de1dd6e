'use strict';
// What a person sees: `outreach` on a terminal of 80 columns (script(1) of util-linux gives it
// one), in a language. How wide a line is, is judged by wc of coreutils, which counts columns:
// a Chinese character is two.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const { BUILD } = require('./stage');

const LANGUAGES = ['zh_CN.UTF-8', 'en_US.UTF-8'];

/** The columns of the widest line. */
const columns = (text) =>
  Number(spawnSync('wc', ['-L'], { input: text, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } }).stdout);

/** Fails with the lines that are wider than 80 columns. */
function fits(text, what) {
  if (columns(text) <= 80) return;
  const wide = text.split('\n').filter((line) => columns(line) > 80);
  assert.fail(`${what}: wider than 80 columns:\n${wide.join('\n')}`);
}

const quoted = (word) => `'${word.replaceAll("'", `'\\''`)}'`;

/** What each of these commands (arrays of words) shows, on one terminal: [{ args, text, code }]. */
async function screens(s, commands, language) {
  const end = '\u0001';
  const lines = commands.map((args) =>
    `LC_ALL=${language} ${quoted(path.join(BUILD, 'outreach'))} -c ${quoted(s.conf)} ${args.map(quoted).join(' ')} </dev/null; printf '${end}%d${end}' $?`);
  fs.writeFileSync(s.path('screens.sh'), `stty cols 80 rows 50\n${lines.join('\n')}\n`);
  s.writeConf();
  const child = spawn('script', ['-qec', `sh ${quoted(s.path('screens.sh'))}`, '/dev/null'], {
    cwd: s.dir, env: { ...s.env, SHELL: '/bin/sh', TERM: 'xterm', NO_COLOR: undefined }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (out += chunk));
  await new Promise((resolve) => child.on('close', resolve));
  // What is drawn over itself is a line each time.
  const parts = out.replaceAll('\r\n', '\n').replaceAll('\r', '\n').replace(/\x1b\[[?0-9;]*[A-Za-z]/g, '').split(end);
  assert.equal(parts.length, 2 * commands.length + 1, out);
  return commands.map((args, i) => ({ args, text: parts[2 * i], code: Number(parts[2 * i + 1]) }));
}

module.exports = { LANGUAGES, columns, fits, screens };
