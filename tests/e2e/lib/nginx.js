'use strict';
// Debian's nginx on loopback, with the sample in conf/ as its site: only addresses, files and the
// certificate are others, and its connections to the daemon are kept, so that what a body smuggles
// would find the next request. scripts/install-deps unpacks the program.
//
//   const nginx = await new Nginx({ dir, port, authority }).start();   port: the daemon's
//   nginx.host, nginx.port; HOST, its name

const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { freePorts, reachable } = require('./kannel');
const { loopback } = require('./loopback');
const { until } = require('./wait');

const ROOT = path.resolve(__dirname, '../../..');
const PROGRAM = path.join(ROOT, 'build/tools/nginx/usr/sbin/nginx');
const HOST = 'sms.example.org';

class Nginx {
  constructor({ dir, port, authority }) {
    this.dir = path.join(dir, 'nginx');
    this.daemon = port;
    this.authority = authority;
    this.host = loopback();
  }

  async start() {
    fs.mkdirSync(this.dir);
    this.authority.server(HOST, `DNS:${HOST}`);
    [this.port] = await freePorts(this.host, 1);
    const file = path.join(this.dir, 'nginx.conf');
    fs.writeFileSync(file, this.conf());
    const log = fs.openSync(path.join(this.dir, 'out.log'), 'a');
    this.child = spawn(PROGRAM, ['-p', this.dir, '-e', path.join(this.dir, 'start.log'), '-c', file], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => { this.over = true; resolve({ code, signal }); });
      this.child.once('error', (error) => { this.over = true; resolve(error); });
    });
    await until('nginx to listen', async () => {
      if (this.over) throw new Error(`nginx has ended: ${fs.readFileSync(path.join(this.dir, 'start.log'), 'utf8')}`);
      return reachable(this.host, this.port);
    });
    return this;
  }

  conf() {
    const own = (name) => path.join(this.authority.dir, `${HOST}.${name}`);
    let site = fs.readFileSync(path.join(ROOT, 'conf/nginx-outreachd.conf'), 'utf8');
    for (const [what, becomes] of [
      ['listen 443 ssl;', `listen ${this.host}:${this.port} ssl;`],
      ['listen [::]:443 ssl;', ''],
      ['/etc/ssl/outreach/fullchain.pem', own('crt')],
      ['/etc/ssl/outreach/privkey.pem', own('key')],
      ['/var/log/nginx/outreachd.log', path.join(this.dir, 'site.log')],
      ['proxy_pass http://127.0.0.1:8090;', 'proxy_pass http://daemon; proxy_http_version 1.1; proxy_set_header Connection "";'],
    ]) {
      if (site.split(what).length !== 2) throw new Error(`conf/nginx-outreachd.conf: ${what} stands there once`);
      site = site.replace(what, () => becomes);
    }
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${path.join(this.dir, name)};`);
    return `daemon off;\nmaster_process off;\npid ${path.join(this.dir, 'pid')};\nevents {}\nhttp {\n${temporary.join('\n')}\nkeepalive_timeout 0;\n`
      + `upstream daemon { server 127.0.0.1:${this.daemon}; keepalive 4; }\n${site}}\n`;
  }

  async stop() {
    if (this.child && !this.over) this.child.kill('SIGKILL');
    await this.ended;
  }
}

module.exports = { Nginx, HOST };
