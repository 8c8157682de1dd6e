'use strict';
// Waiting for a fact instead of for luck: every wait has a deadline and says what did not come.

/** Asks fn (sync or async) again and again until it gives something true, and returns that. */
async function until(what, fn, ms = 20000) {
  const deadline = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const value = await fn();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const error = new Error(`waited ${ms} ms in vain for ${what}${last ? `: ${last.message}` : ''}`);
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** For a fact about absence: that nothing happens within ms. */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

module.exports = { until, pause };
