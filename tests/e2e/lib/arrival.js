'use strict';
// When something arrived, as surely as a busy process can say: not later than now, and
// not before the loop had last looked at its sockets. A machine that lets this process
// wait makes that interval wide; it never makes a peer look faster than it was.

let last = performance.now();
let before = last; // the loop has polled its sockets since

/** Keeps the stamps while tests run. */
setInterval(() => {
  before = last;
  last = performance.now();
}, 2).unref();

/** { after, before }: it came after the one and before the other, in ms. */
const arrival = () => ({ after: before, before: performance.now() });

/** The most that surely arrived within some ms of each other: { most, at }. items have
 * arrived, slots(item) says what each counts. */
function most(items, ms = 1000, slots = () => 1) {
  let found = { most: 0, at: 0 };
  items.forEach((first, i) => {
    let sum = 0;
    // In order of arrival, so what came before the first one began earlier or at the same time.
    for (let j = i; j < items.length && items[j].arrived.after < first.arrived.after + ms; j++)
      if (items[j].arrived.before < first.arrived.after + ms) sum += slots(items[j]);
    if (sum > found.most) found = { most: sum, at: first.arrived.after };
  });
  return found;
}

module.exports = { arrival, most };
