-- Who refused is kept, whatever else there is no room for: SADD alone is denied then.
-- KEYS: refusals
-- ARGV: the address
-- Returns 1, or 0 if it stood there.
return redis.call('SADD', KEYS[1], ARGV[1])
