-- A short number for a name, for records that have no room for the name. Append
-- only: a number means the same for ever.
-- KEYS: registry (name -> number, ':' .. number -> name, '#' -> the last given)
-- ARGV: name, most
local n = redis.call('HGET', KEYS[1], ARGV[1])
if n then
  return tonumber(n)
end
n = tonumber(redis.call('HGET', KEYS[1], '#') or '0') + 1
if n > tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], '#', n, ARGV[1], n, ':' .. n, ARGV[1])
return n
