'use strict';
// The manual pages and completions: mandoc and the shells judge how they are written; what
// the programs say of themselves, whether anything is missing.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const { spawnSync } = require('node:child_process');
const { BUILD, ROOT } = require('./lib/stage');

const PAGES = ['outreach.1', 'outreach-plugin.3', 'outreach-campaign.5', 'outreach-gateways.5', 'outreachd.conf.5', 'outreach-queue.7', 'outreachd.8'];
const file = (name) => path.join(BUILD, 'manual', name);

const run = (program, args, options = {}) => {
  const r = spawnSync(program, args, { encoding: 'utf8', ...options });
  assert.equal(r.status, 0, `${program} ${args.join(' ')}: ${r.error ?? r.stdout + r.stderr}`);
  return r.stdout;
};

/** As a person reads it, on 80 columns. */
const shown = (name) => run('mandoc', ['-T', 'ascii', '-O', 'width=78', file(name)]).replace(/.\x08/g, '');

for (const name of PAGES)
  test(`${name} is well written, and fits a terminal of 80 columns`, () => {
    const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', file(name)], { encoding: 'utf8' });
    // A sentence that ends within a line looks the same; our tables have whole sentences.
    const said = lint.stdout.split('\n').filter((line) => line && !line.includes('new sentence, new line'));
    assert.deepEqual(said, []);
    for (const line of shown(name).split('\n')) assert.ok(line.length <= 80, line);
  });

test('outreach(1) has every command with its options, as --help tells them', () => {
  const text = shown('outreach.1');
  const overview = run(path.join(BUILD, 'outreach'), ['--help'], { env: { ...process.env, LC_ALL: 'C' } });
  const commands = [...overview.slice(overview.indexOf('Commands:'), overview.indexOf('\nOptions')).matchAll(/^ {2}([a-z]+)/gm)].map((m) => m[1]);
  assert.ok(commands.length >= 16, `${commands}`);
  for (const command of commands) {
    const help = run(path.join(BUILD, 'outreach'), [command, '--help'], { env: { ...process.env, LC_ALL: 'C' } });
    const section = text.slice(text.indexOf(`\n   ${command}\n`));
    assert.notEqual(text.indexOf(`\n   ${command}\n`), -1, command);
    const own = help.split('\nOptions of every command')[0];
    for (const [, option] of own.matchAll(/^ +(?:-\w, )?--([a-z-]+)/gm))
      assert.ok(section.includes(`--${option}`), `${command} --${option}`);
  }
});

test('outreachd.conf(5) has every setting of the sample, and a misspelt one is not in it', () => {
  const text = shown('outreachd.conf.5');
  const sample = fs.readFileSync(path.join(ROOT, 'conf/outreachd.conf'), 'utf8').replace(/#.*/g, '');
  const names = [...sample.slice(0, sample.indexOf('gateways')).matchAll(/\b([a-z_]+) *[=:]/g)].map((m) => m[1]);
  assert.ok(names.length > 15);
  for (const name of new Set(names)) assert.match(text, new RegExp(`^ +${name}\\b`, 'm'), name);
});

test('outreach-gateways(5) has a section for each plugin, with every setting of its sample that outreachd.conf(5) has not', () => {
  const all = shown('outreach-gateways.5');
  const common = shown('outreachd.conf.5');
  const plugins = fs.readdirSync(path.join(BUILD, 'plugins')).filter((name) => name.endsWith('.so')).map((name) => path.basename(name, '.so'));
  for (const plugin of plugins) assert.ok(all.includes(`\n   ${plugin}\n`), plugin);
  let held = 0;
  for (const sample of fs.readdirSync(path.join(ROOT, 'conf/gateways'))) {
    const text = fs.readFileSync(path.join(ROOT, 'conf/gateways', sample), 'utf8').replace(/#.*/g, '');
    const section = all.slice(all.indexOf(`\n   ${path.basename(sample, '.conf')}\n`) + 4).split(/\n   [a-z]/)[0];
    const groups = text.slice(text.indexOf('gateways')).replace(/"[^"]*"/g, '""');
    for (const [, name] of groups.matchAll(/\b([a-z_]+) *=/g)) {
      if (name === 'gateways' || new RegExp(`^ +${name}\\b`, 'm').test(common)) continue;
      assert.match(section, new RegExp(`^ +${name}\\b`, 'm'), `${sample}: ${name}`);
      held++;
    }
  }
  assert.ok(held > 30, `${held}`);
});

test('outreach-campaign(5) has every field of the README of conf/campaigns', () => {
  const text = shown('outreach-campaign.5');
  const readme = fs.readFileSync(path.join(ROOT, 'conf/campaigns/README.md'), 'utf8');
  const rows = [...readme.slice(0, readme.indexOf('## Times')).matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) \|/gm)].flatMap((m) => m[1].match(/[a-z_]+/g));
  const fields = rows.filter((name) => !['name', 'sms', 'slot', 'consent', 'wecom', 'dingtalk', 'feishu', 'wechat', 'telegram', 'whatsapp'].includes(name));
  assert.ok(fields.length > 30, `${fields}`);
  for (const name of fields) assert.match(text, new RegExp(`^ +${name}\\b`, 'm'), name);
});

/** What bash offers for these words. */
const offered = (...words) =>
  run('bash', ['-c', `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _outreach; printf '%s\\n' "\${COMPREPLY[@]}"`, '-', file('outreach.bash'), ...words])
    .split('\n').filter(Boolean);

test('bash completes commands, their options, and ids', () => {
  assert.deepEqual(offered('outreach', 'rep').sort(), ['replies', 'report']);
  assert.ok(offered('outreach', '').includes('queue'));
  assert.deepEqual(offered('outreach', '-c', 'x.conf', 'report', '--out'), ['--output']);
  assert.ok(offered('outreach', 'show', '--').includes('--json'));
  assert.deepEqual(offered('outreach', 'gateways', '').sort(), ['balance', 'drain', 'limit', 'pause', 'resume', 'try']);
  assert.deepEqual(offered('outreach', 'optout', ''), ['add', 'remove', 'list']);
  assert.deepEqual(offered('outreach', 'clock', 'c'), ['confirm']);
  const bin = fs.mkdtempSync(path.join(os.tmpdir(), 'outreach-bin-'));
  try {
    fs.writeFileSync(path.join(bin, 'outreach'), '#!/bin/sh\necho \'[{"id": "fair-2027", "state": "active"}]\'\n', { mode: 0o755 });
    process.env.PATH = `${bin}:${process.env.PATH}`;
    assert.deepEqual(offered('outreach', 'show', 'fa'), ['fair-2027']);
    assert.deepEqual(offered('outreach', 'verify', 'fa'), ['fair-2027']);
  } finally {
    fs.rmSync(bin, { recursive: true });
  }
});

test('zsh takes its completion', () => {
  run('zsh', ['-n', file('_outreach')]);
});

test('make install puts everything where programs look for it', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outreach-install-'));
  try {
    run('make', ['-s', 'install', `DESTDIR=${dir}`, `FLAVOR=${path.basename(BUILD)}`], { cwd: ROOT });
    const there = (name) => fs.statSync(path.join(dir, name));
    for (const page of PAGES) there(`usr/share/man/man${page.slice(-1)}/${page}`);
    there('usr/share/bash-completion/completions/outreach');
    there('usr/include/gateway_plugin.h');
    assert.equal(there('etc/outreach/outreachd.conf').mode & 0o777, 0o640, 'it may hold secrets');
    assert.ok(fs.readdirSync(path.join(dir, 'usr/lib/outreach/plugins')).includes('smpp.so'));
    assert.match(run(path.join(dir, 'usr/bin/outreach'), ['--version']), /^outreach /);
    // Who has nothing but that makes a plugin of the template, and has it judged.
    const mine = path.join(dir, 'mine');
    fs.cpSync(path.join(dir, 'usr/share/outreach/template'), mine, { recursive: true });
    fs.renameSync(path.join(mine, 'template.c'), path.join(mine, 'mine.c'));
    assert.match(run('make', ['-s', 'NAME=mine', `CPPFLAGS=-I${path.join(dir, 'usr/include')}`, `CHECK=${path.join(dir, 'usr/lib/outreach/plugin-check')}`, 'check'],
      { cwd: mine, env: { ...process.env, MAKEFLAGS: '' } }), / 0 promises broken$/m);
    // What an administrator has written is not overwritten.
    fs.writeFileSync(path.join(dir, 'etc/outreach/outreachd.conf'), 'mine');
    run('make', ['-s', 'install', `DESTDIR=${dir}`, `FLAVOR=${path.basename(BUILD)}`], { cwd: ROOT });
    assert.equal(fs.readFileSync(path.join(dir, 'etc/outreach/outreachd.conf'), 'utf8'), 'mine');
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});
