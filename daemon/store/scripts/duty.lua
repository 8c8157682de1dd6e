-- Alerts that are due are taken by one daemon, until it says what became of them.
-- KEYS: duty ("id whom" by when it is tried next, ms)
-- ARGV: now ms, until when they are its, how many at most
-- Returns "id whom", ...
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for i = 1, #due do
  redis.call('ZADD', KEYS[1], ARGV[2], due[i])
end
return due
