'use strict';
// TLS to a gateway, by https and under SMPP, checked against a private authority (tls_ca).

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { Authority } = require('./lib/authority');
const { HttpPeer } = require('./lib/http_peer');
const { until } = require('./lib/wait');

/** A peer with this certificate, and the gateway NAME that leads to it. */
async function secure(s, name, tls, gateway) {
  const peer = await new HttpPeer(undefined, tls).start();
  s.closers.push(() => peer.stop());
  s.settings.gateways.push({
    name, plugin: 'http', channel: 'sms', url: `https://127.0.0.1:${peer.port}/send?to={{to:url}}&text={{text:url}}`,
    accepted: [{ status: 202 }], ...gateway,
  });
  return peer;
}

journey('a gateway with a certificate of the authority named in tls_ca is sent to', async (s) => {
  const ca = new Authority(s.dir, 'district-ca');
  const peer = await secure(s, 'cloud', ca.server('right', 'IP:127.0.0.1'), { tls_ca: ca.file });
  await s.start();
  await s.xadd(campaign('right', people(2)));
  await s.counted('right', 'first', { accepted: 2 });
  assert.equal(peer.requests.length, 2);
});

// What is wrong, its certificate, and what libcurl's OpenSSL says of it.
const WRONG = [
  ['of another host', (ca) => ca.server('host', 'DNS:sms.example.org'), /no alternative certificate subject name matches/],
  ['that has expired', (ca) => ca.server('expired', 'IP:127.0.0.1', { expired: true }), /certificate has expired/],
  ['that it signed itself', (ca) => ca.server('self', 'IP:127.0.0.1', { self: true }), /self-signed certificate/],
  ['of an unknown authority', (ca, s) => new Authority(s.dir, 'stranger').server('unknown', 'IP:127.0.0.1'),
    /unable to get local issuer certificate/],
];
for (const [what, certificate, words] of WRONG)
  journey(`a gateway with a certificate ${what} is broken, which is told, and nothing is sent`, async (s) => {
    const ca = new Authority(s.dir, 'district-ca');
    const peer = await secure(s, 'cloud', certificate(ca, s), { tls_ca: ca.file });
    await s.start();
    await s.xadd(campaign('wrong', people(2)));
    await until('the circuit to open', () => /circuit\.open gateway=cloud outcome=broken/.test(s.log()));
    assert.match(s.log().match(/circuit\.open .*/)[0], words);
    await until('people to be told', async () => {
      const { out } = await s.ok('gateways');
      return /故障|out of order/.test(out) && words.test(out);
    });
    assert.equal(peer.requests.length, 0);
    assert.equal((await s.counts('wrong', 'first')).failed, undefined, 'who was to get it waits');
  });

journey('a private authority is not trusted by a gateway that does not name it, nor the public ones by one that does', async (s) => {
  const ca = new Authority(s.dir, 'district-ca');
  const peer = await secure(s, 'cloud', ca.server('right', 'IP:127.0.0.1'), { tls_ca: ca.file, match: ['+8613851401000'] });
  s.settings.gateways.push({ ...s.settings.gateways[0], name: 'plain', tls_ca: undefined, match: ['+8613851401001'] });
  await s.start();
  await s.xadd(campaign('both', people(2)));
  await until('the other to be broken', () => /circuit\.open gateway=plain outcome=broken/.test(s.log()));
  await s.counted('both', 'first', { accepted: 2 }); // by the one that trusts
  assert.equal(peer.requests.length, 2);
});

// What OpenSSL says of a peer's alert (RFC 8446, 6.2). By TLS 1.3 it comes behind our request.
for (const [version, words] of [['TLSv1.2', /handshake failure/], ['TLSv1.3', /certificate required/]])
  journey(`a gateway that asks for our certificate by ${version} is shown it; without one it is broken and nobody is in doubt`, async (s) => {
    const ca = new Authority(s.dir, 'district-ca');
    const peers = [];
    for (const [channel, files] of [['none', {}], ['ours', ca.client('us')], ['both', ca.client('together', { together: true })]])
      peers.push(await secure(s, channel, { ...ca.server(`of-${channel}`, 'IP:127.0.0.1'), ...ca.demand, minVersion: version, maxVersion: version },
        { tls_ca: ca.file, ...files, channel }));
    await s.start();
    for (const channel of ['none', 'ours', 'both']) await s.xadd(campaign(channel, people(1, () => ({ [channel]: 'someone' })), { channels: [channel] }));
    for (const channel of ['ours', 'both']) await s.counted(channel, 'first', { accepted: 1 }, 60000);
    await until('the circuit to open', () => /circuit\.open gateway=none outcome=broken/.test(s.log()), 60000);
    assert.match(s.log().match(/circuit\.open gateway=none .*/)[0], words);
    assert.match(Object.keys(await s.counts('none', 'first')).join(), /^(parked|untouched)$/);
    assert.deepEqual(peers.map((peer) => peer.requests.length), [0, 1, 1]);
  });

journey('a certificate without its key, or with another, is told and the daemon does not start', async (s) => {
  const ca = new Authority(s.dir, 'district-ca');
  const { tls_cert, tls_key } = ca.client('us'); // good together: as above
  const check = async (gateway) => {
    s.settings.gateways = [{ name: 'mobile', plugin: 'smpp', channel: 'sms', host: '127.0.0.1', system_id: 'w', password: '@env:PASSWORD', tls: true, ...gateway }];
    s.env.PASSWORD = 'x';
    s.writeConf();
    const { code, all } = await s.run(['-c', s.conf], { program: 'outreachd' });
    return `${code} ${all}`;
  };
  assert.match(await check({ tls_key }), /^78 .*tls_cert is missing/s);
  assert.match(await check({ tls_cert }), /^78 .*tls_key = .*us\.pem/s);
  assert.match(await check({ tls_cert, tls_key: new Authority(s.dir, 'other').key }), /^78 .*tls_key = .*key values mismatch/s);
});

journey('a file of authorities that is not there is told when the configuration is read', async (s) => {
  await secure(s, 'cloud', new Authority(s.dir, 'ca').server('right', 'IP:127.0.0.1'), { tls_ca: '/nowhere/ca.pem' });
  s.writeConf();
  const { code, all } = await s.run(['-t', '-c', s.conf], { program: 'outreachd' });
  assert.equal(code, 78);
  assert.match(all, /tls_ca.*\/nowhere\/ca\.pem: No such file/);
});

/* ------------------------------------------------------------------ under SMPP */

journey('an SMSC by TLS is bound, and a whole campaign and its receipts go through it', async (s) => {
  const ca = new Authority(s.dir, 'district-ca');
  const long = '请带好身份证、户口本和近期体检报告，从东门进。'.repeat(5);
  const smsc = await s.smsc(undefined, { tls: true, tls_ca: ca.file }, { tls: (host) => ca.server('smsc', `IP:${host}`) });
  await s.start();
  await s.xadd(campaign('right', people(300), { texts: { zh: `{{name}}您好。${long}` } }));
  await s.counted('right', 'first', { delivered: 300 }, 90000);
  assert.equal(smsc.messages.length, 300);
  assert.equal(smsc.textsFor(people(1)[0].sms)[0], `【鼓楼区妇联】居民1您好。${long}`);
});

journey('an SMSC that asks for our certificate is shown it, and is not bound to without', async (s) => {
  const ca = new Authority(s.dir, 'district-ca');
  const tls = (host) => ({ ...ca.server(`smsc-${host}`, `IP:${host}`), ...ca.demand });
  const smsc = await s.smsc(undefined, { tls: true, tls_ca: ca.file, ...ca.client('us') }, { tls });
  const other = await s.smsc(undefined, { name: 'other', tls: true, tls_ca: ca.file, priority: 2 }, { tls });
  await s.start();
  await s.xadd(campaign('right', people(3)));
  await s.counted('right', 'first', { delivered: 3 }, 60000);
  assert.equal(smsc.messages.length, 3);
  await until('the log to say so', () => /smpp\.down gateway=other .*certificate required/.test(s.log()), 60000);
  assert.equal(other.binds.length, 0);
});

for (const [what, certificate, words] of [
  ['of another host', (ca) => ca.server('host', 'DNS:sms.example.org'), /IP address mismatch/],
  ['that has expired', (ca, s, host) => ca.server('expired', `IP:${host}`, { expired: true }), /certificate has expired/],
  ['that it signed itself', (ca, s, host) => ca.server('self', `IP:${host}`, { self: true }), /self-signed certificate/],
  ['of an unknown authority', (ca, s, host) => new Authority(s.dir, 'stranger').server('unknown', `IP:${host}`), /unable to get local issuer certificate/],
])
  journey(`an SMSC with a certificate ${what} is not bound to, which is told`, async (s) => {
    const ca = new Authority(s.dir, 'district-ca');
    const smsc = await s.smsc(undefined, { tls: true, tls_ca: ca.file }, { tls: (host) => certificate(ca, s, host) });
    await s.start();
    await s.xadd(campaign('wrong', people(2)));
    await until('the log to say so', () => words.test(s.log().match(/smpp\.down .*/)?.[0] ?? ''));
    await until('people to be told', async () => words.test((await s.ok('gateways')).out));
    assert.equal(smsc.binds.length, 0, 'nobody was told our password');
    assert.equal((await s.counts('wrong', 'first')).failed, undefined, 'who was to get it waits');
  });

journey('a gateway that asks for TLS of an SMSC without it says so, and never tells the password', async (s) => {
  const smsc = await s.smsc(undefined, { tls: true, connect_timeout: '2s' });
  await s.start();
  await until('the log to say so', () => /smpp\.down .*(TLS|no connection in time|closed by the peer)/.test(s.log()), 60000);
  assert.equal(smsc.binds.length, 0);
});
