-- Ledger, counters, leases and retry set of a reminder as they stand together: nothing is
-- counted while something changes.
-- KEYS: ledger, reminder, leases, retry
return {
  redis.call('GET', KEYS[1]),
  redis.call('HGETALL', KEYS[2]),
  redis.call('HGETALL', KEYS[3]),
  redis.call('ZRANGE', KEYS[4], 0, -1),
}
