'use strict';
// A private certificate authority, by openssl: keys and certificates of a test's own.

const path = require('node:path');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');

class Authority {
  constructor(dir, name) {
    Object.assign(this, { dir, name });
    this.file = path.join(dir, `${name}.pem`);
    this.key = path.join(dir, `${name}.key`);
    this.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`,
      '-days', '30', '-keyout', this.key, '-out', this.file);
  }

  openssl(...args) {
    execFileSync('openssl', args, { cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** { key, cert } for a server; san: "IP:127.0.0.1", "DNS:x"; self: signed by itself. */
  server(name, san, { expired = false, self = false } = {}) {
    const file = (suffix) => path.join(this.dir, `${name}.${suffix}`);
    fs.writeFileSync(file('ext'), `subjectAltName=${san}\n`);
    this.openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`,
      '-keyout', file('key'), '-out', file('csr'));
    const by = self ? ['-signkey', file('key')] : ['-CA', this.file, '-CAkey', this.key, '-set_serial', '7'];
    this.openssl('x509', '-req', '-in', file('csr'), ...by, '-extfile', file('ext'), '-days', expired ? '-1' : '30', '-out', file('crt'));
    return { key: fs.readFileSync(file('key')), cert: fs.readFileSync(file('crt')) };
  }

  /** The settings of a client who has a certificate; together: both in one file. */
  client(name, { together = false, ...options } = {}) {
    const { key, cert } = this.server(name, `DNS:${name}`, options);
    const file = path.join(this.dir, `${name}.pem`);
    fs.writeFileSync(file, together ? Buffer.concat([cert, key]) : cert);
    return { tls_cert: file, ...(together ? {} : { tls_key: path.join(this.dir, `${name}.key`) }) };
  }

  /** What a server is told that lets in who has a certificate of this authority, and nobody else. */
  get demand() {
    return { requestCert: true, rejectUnauthorized: true, ca: fs.readFileSync(this.file) };
  }
}

module.exports = { Authority };
