'use strict';
// The http plugin before Kannel, Debian's own: its sendsms interface takes our
// requests, its operator prints what came, its receipts arrive by dlr-url.

const assert = require('node:assert/strict');
const { journey, campaign, people } = require('./lib/stage');
const { Kannel, freePorts } = require('./lib/kannel');
const { loopback } = require('./lib/loopback');
const { until } = require('./lib/wait');

const TOKEN = 'Kn14-unguessable-5d07';
const UNREACHABLE = '+8613851409'; // these go by SMPP to an SMSC that delivers to nobody
const quick = { backoff: '1s', backoff_max: '2s' };

/** Kannel, and the gateway "kannel" as examples show it, with receipts and replies. */
async function kannel(s, { gateway = {}, smpp, phone } = {}) {
  const host = loopback();
  const [port] = await freePorts(host, 1);
  const callbacks = `http://${host}:${port}/callbacks/kannel/${TOKEN}`;
  const it = await new Kannel({ dir: s.dir, smpp, phone, callback: `${callbacks}?from=%p&text=%a&id=%I` }).start();
  s.closers.push(() => it.stop('SIGKILL')); // a polite end takes 10 s
  s.env.CALLBACK_TOKEN = TOKEN;
  s.settings.web = { listen: `${host}:${port}` };
  s.settings.dispatch = quick;
  s.settings.gateways.push({
    name: 'kannel', plugin: 'http', channel: 'sms',
    url: `http://${it.host}:${it.port}/cgi-bin/sendsms?username=u&password={{secret:url}}&from={{source:url}}`
      + '&to={{to:url}}&text={{text:url}}&charset=UTF-8&coding={{coding}}&dlr-mask=27&dlr-url={{receipt_url:url}}',
    source: '1069000038', secret: '@env:SMPP_PASSWORD', callback_token: '@env:CALLBACK_TOKEN',
    accepted: [{ status: 202 }], retry: [{ status: 503 }], broken: [{ status: 403, reason: 'credentials' }],
    receipt_url: `${callbacks}?ref={{reference}}&dlr=%d`,
    receipt: [{ reference: 'ref', state: 'dlr', delivered: ['1'], undelivered: ['2', '16'] }],
    reply: [{ from: 'from', text: 'text', id: 'id' }],
    rate: '1000/s', window: 20, signature: 'none', ...gateway,
  });
  return it;
}

journey('Kannel passes on what was rendered, in GSM and UCS-2, short and long, and its receipts deliver', async (s) => {
  const it = await kannel(s);
  await s.start();
  const texts = {
    // what means something in a URL, to Kannel or in its operator's lines
    a: ['text', 1, 'a&b=c%41+d #e?f/g"h\'<i>%d;'],
    b: ['text', 1, '@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà {[~]}\\|^€'], // GSM 03.38 and its extension
    c: ['text', 3, `${'0123456789 €'.repeat(26)}.`], // 26 * 13 + 1 septets = 339 > 2 * 153
    d: ['ucs2', 1, '王芳您好，请3月8日到“区妇联”&%41+💐\n第二行'],
    e: ['ucs2', 3, `${'请到区妇联三楼会议室参加活动，'.repeat(10)}。`], // 151 > 2 * 67
  };
  const recipients = people(5).map((person, i) => ({ ...person, name: 'abcde'[i] }));
  for (const { name, ...person } of recipients)
    await s.xadd(campaign(name, [person], { texts: { zh: texts[name][2] }, optout_line: '' }));
  for (const { name, sms } of recipients) {
    assert.deepEqual(await s.settled(name, 'first', 60000), { delivered: 1 }, name);
    const [coding, parts, text] = texts[name];
    const mine = it.got().filter(({ to }) => to === sms);
    assert.deepEqual(mine.map((m) => [m.from, m.parts, m.text(coding)]), [['1069000038', parts, text]]);
  }
});

journey('what Kannel could not deliver is undelivered, by its own receipts', async (s) => {
  const smsc = await s.smsc(() => ({ receipt: { state: 'UNDELIV', err: '001' } }));
  s.settings.gateways.pop(); // Kannel speaks to it, not we
  const it = await kannel(s, { smpp: { smsc, prefix: UNREACHABLE } });
  await s.start();
  const [here, gone] = [people(1)[0], { ...people(1)[0], sms: `${UNREACHABLE}001` }];
  await s.xadd(campaign('both', [here, gone]));
  assert.deepEqual(await s.settled('both', 'first', 60000), { delivered: 1, undelivered: 1 });
  assert.deepEqual(it.got().map(({ to }) => to), [here.sms]);
  assert.deepEqual(smsc.messages.map(({ text }) => text), ['居民1您好，请到区妇联。']);
});

journey('while Kannel is down nothing is lost; when it is back each goes out once', async (s) => {
  const it = await kannel(s, { gateway: { rate: '50/s' } });
  await s.start();
  const all = people(60);
  await s.xadd(campaign('outage', all));
  await until('some to be out', () => it.got().length >= 5);
  await it.stop();
  const before = it.got().length;
  assert.ok(before < all.length, 'it was stopped in the middle');
  await until('the gateway to be closed', () => /circuit/.test(s.log()));
  await it.start();
  await until('the rest to be out', async () => {
    const { uncertain = 0, untouched = 0, parked = 0, sending = 0 } = await s.counts('outage', 'first');
    return untouched + parked + sending === 0 && it.got().length >= all.length - uncertain;
  }, 60000);
  const got = it.got().map(({ to }) => to);
  assert.deepEqual([...new Set(got)].sort(), got.sort(), 'none twice');
  const { uncertain = 0 } = await s.counts('outage', 'first');
  assert.ok(uncertain <= 20, `no more in doubt than were under way: ${uncertain}`);
});

journey('a refusal that a phone sends through Kannel takes the number off the list', async (s) => {
  const [refuses, stays] = people(2);
  const it = await kannel(s, { phone: `${refuses.sms} 1069000038 text TD` });
  await s.start();
  await until('Kannel to have passed it on', () => it.log('smsbox').includes('<HTTP/1.1 200 OK>'), 60000);
  await s.xadd(campaign('refused', [refuses, stays]));
  await s.counted('refused', 'first', { 'opted-out': 1, delivered: 1 }, 60000);
});

journey('a password that Kannel refuses opens the circuit, and nothing is sent', async (s) => {
  const it = await kannel(s);
  s.env.SMPP_PASSWORD = 'wrong';
  await s.start();
  await s.xadd(campaign('refused', people(3)));
  await until('the gateway to be broken', async () => /故障|out of order/.test((await s.ok('gateways')).out), 30000);
  assert.equal(it.got().length, 0);
  assert.ok(!s.log().includes('password=wrong'), 'the password is in no log');
});
