'use strict';
// An HTTP SMS gateway, as behave(request) wants it: it returns { status, body,
// headers, delayMs, cut } for { n, method, url, query, headers, body }. With tls,
// { key, cert }, by https.

const http = require('node:http');
const https = require('node:https');
const { arrival } = require('./arrival');

class HttpPeer {
  constructor(behave = () => ({}), tls) {
    Object.assign(this, { behave, tls });
    this.requests = [];
  }

  async start() {
    const serve = async (req, res) => {
      const arrived = arrival();
      const chunks = [];
      for await (const chunk of req) chunks.push(chunk);
      const url = new URL(req.url, 'http://peer');
      const request = {
        n: this.requests.length + 1, at: Date.now(), arrived, method: req.method, path: url.pathname,
        query: Object.fromEntries(url.searchParams), headers: req.headers, body: Buffer.concat(chunks).toString(),
      };
      request.nth = req.socket.served = (req.socket.served ?? 0) + 1; // on its connection
      this.requests.push(request);
      const how = { status: 202, body: '0: Accepted for delivery', headers: {}, ...(await this.behave(request)) };
      if (how.cut) return req.socket.destroy();
      if (how.delayMs) await new Promise((resolve) => setTimeout(resolve, how.delayMs));
      res.writeHead(how.status, how.headers);
      res.end(how.body);
    };
    this.server = this.tls ? https.createServer(this.tls, serve) : http.createServer(serve);
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

module.exports = { HttpPeer };
