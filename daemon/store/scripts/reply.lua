-- A reply, stored once however often it is pushed: a provider that missed our answer
-- sends it again. It is known by what is the same then: gateway, id, sender and text.
-- What a person has to see stands in `open` until somebody closes it; what is a cry for
-- help goes to the duty people besides.
-- KEYS: replies (stream), those of late (SHA-1 of that -> ms), open (id -> who has it, ''),
--       duty ("id whom" by when it is tried next)
-- ARGV: now ms, their id or '' (never a repeat), gateway, from, to, kind, text, campaign or '',
--       number in its audience or 0, '1' if a person has to see it, whom to alert...
-- Returns 1.
local KEEP_MS, MOST = 3 * 86400000, 100000
local now, id = tonumber(ARGV[1]), ARGV[2]
local name = redis.sha1hex(table.concat({ARGV[3], id, ARGV[4], ARGV[7]}, '\0'))
redis.call('HLEN', KEYS[3]) -- errors, before anything is written, if they are damaged
redis.call('ZCARD', KEYS[4])
if redis.call('ZSCORE', KEYS[2], name) and id ~= '' then
  return 1
end
local at = redis.call('XADD', KEYS[1], '*', 'gateway', ARGV[3], 'from', ARGV[4], 'to', ARGV[5], 'kind', ARGV[6],
  'text', ARGV[7], 'campaign', ARGV[8], 'n', ARGV[9])
if ARGV[10] == '1' then
  redis.call('HSET', KEYS[3], at, '')
end
for i = 11, #ARGV do
  redis.call('ZADD', KEYS[4], now, at .. ' ' .. ARGV[i])
end
if id ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - KEEP_MS)
  redis.call('ZADD', KEYS[2], now, name)
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -MOST - 1)
  redis.call('PEXPIRE', KEYS[2], KEEP_MS)
end
return 1
