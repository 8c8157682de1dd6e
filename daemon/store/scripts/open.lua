-- A reminder falls due: its ledger comes to be, at full length. Only this script
-- creates one; every other checks the header and refuses without it.
-- Or its time went by while nobody was there to begin it, and it is not to be made up
-- for: then it is skipped, as one is that was queued too late.
-- KEYS: reminder, ledger
-- ARGV: header (16 bytes), now ms, how many channels it may be tried on (for who reads
--       a negative receipt), '1' if it is skipped unless it has begun
local h = redis.call('HMGET', KEYS[1], 'state', 'last', 'expires', 'seq', 'begun', 'steps')
if h[1] == 'scheduled' and ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'state', 'skipped', 'planned', 0, 'last', 0, 'c0', 0, 'seq', tonumber(h[4]) + 1)
  return {'missed', h[2]}
end
if h[1] == 'scheduled' then
  local last = tonumber(h[2])
  redis.call('UNLINK', KEYS[2])
  redis.call('SETRANGE', KEYS[2], last * 16 + 15, '\0')
  redis.call('SETRANGE', KEYS[2], 0, ARGV[1])
  redis.call('HSET', KEYS[1], 'state', 'open', 'begun', ARGV[2], 'seq', tonumber(h[4]) + 1)
  h[1], h[5] = 'open', ARGV[2]
end
if not h[1] then
  return {'GONE'}
end
if h[1] == 'open' and h[6] ~= ARGV[3] then -- also of one that an older version has begun
  redis.call('HSET', KEYS[1], 'steps', ARGV[3])
end
return {h[1], h[2], h[3], redis.call('GETRANGE', KEYS[2], 0, 15), h[5] or '0'}
