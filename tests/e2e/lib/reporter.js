'use strict';
// A reporter for node --test: silent about what passes, all about what fails,
// and the two counts into the file that E2E_SUM names.
//
// Node 18 reports each file as a test of its own around the tests in it, later
// ones only when the file itself breaks. So a test is counted when nothing was
// reported inside it, and a parent only when it failed by itself.

const fs = require('node:fs');
const util = require('node:util');

const COLLECTED = new Set(['subtestsFailed', 'cancelledByParent']);

module.exports = async function* reporter(source) {
  let passed = 0;
  let failed = 0;
  const children = new Map(); // nesting below which something was reported, by file

  const said = new Map(); // what each file wrote, shown when the file itself breaks

  for await (const event of source) {
    const { type, data } = event;
    if (type === 'test:stderr' || type === 'test:stdout') {
      said.set(data.file, `${said.get(data.file) ?? ''}${data.message}`.slice(-20000));
      continue;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const key = data.file ?? '';
    const inside = children.get(`${key}:${data.nesting + 1}`) ?? 0;
    children.set(`${key}:${data.nesting + 1}`, 0);
    children.set(`${key}:${data.nesting}`, (children.get(`${key}:${data.nesting}`) ?? 0) + 1);
    const isFile = /\.test\.js$/.test(data.name);
    const isSuite = data.details?.type === 'suite';
    if (data.skip !== undefined || data.todo !== undefined) continue;
    if (type === 'test:pass') {
      if (inside === 0 && !isFile && !isSuite) passed++;
      continue;
    }
    const error = data.details?.error;
    if (inside > 0 && COLLECTED.has(error?.failureType)) continue;
    failed++;
    const cause = error?.cause ?? error;
    const stack = String(cause?.stack ?? util.inspect(cause)).split('\n').filter((line) => !/ \(?node:internal/.test(line));
    yield `---- ${data.name}\n${stack.join('\n')}\n`;
    if (isFile) yield said.get(data.file) ?? said.get(data.name) ?? '';
    if (typeof cause === 'object' && cause && 'expected' in cause)
      yield `expected ${util.inspect(cause.expected, { depth: 6 })}\nfound    ${util.inspect(cause.actual, { depth: 6 })}\n`;
  }
  yield `end-to-end: ${passed} passed, ${failed} failed\n`;
  if (process.env.E2E_SUM) fs.writeFileSync(process.env.E2E_SUM, `${passed} ${failed}\n`);
};
