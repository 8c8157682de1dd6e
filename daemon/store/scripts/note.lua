-- An entry that is written whatever else there is no room for: XADD alone is denied then.
-- KEYS: stream
-- ARGV: field, value...
-- Returns its id.
return redis.call('XADD', KEYS[1], '*', unpack(ARGV))
