'use strict';
// A JavaScript value in libconfig's notation: what a test says as an object, the
// daemon and the command line read as a file.

const NAME = /^[A-Za-z*][-A-Za-z0-9_*]*$/;

function value(v, indent) {
  if (typeof v === 'string')
    return `"${v.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t')}"`;
  if (typeof v === 'boolean') return String(v);
  if (typeof v === 'number') return Number.isInteger(v) ? (Math.abs(v) < 2 ** 31 ? `${v}` : `${v}L`) : `${v}`;
  if (Array.isArray(v)) return `( ${v.map((item) => value(item, indent)).join(', ')} )`;
  return `{\n${settings(v, `${indent}  `)}${indent}}`;
}

function settings(object, indent = '') {
  let out = '';
  for (const [name, v] of Object.entries(object)) {
    if (v === undefined) continue;
    if (!NAME.test(name)) throw new Error(`no name for libconfig: ${name}`);
    out += `${indent}${name} = ${value(v, indent)};\n`;
  }
  return out;
}

module.exports = { write: settings };
