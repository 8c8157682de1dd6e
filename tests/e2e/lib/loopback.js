'use strict';
// Loopback addresses that nobody else listens on. A peer that is stopped and
// comes back on its port must find that port free; on 127.0.0.1, where the
// kernel gives ports to all that is tested at once, another may have it by then.

let given = 0;

/** An address of 127.0.0.0/8, another one at each call in this process (254 of them). */
function loopback() {
  const { pid } = process;
  return `127.${1 + ((pid >> 8) & 127)}.${pid & 255}.${1 + (given++ % 254)}`;
}

module.exports = { loopback };
