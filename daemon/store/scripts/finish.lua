-- Has a reminder come to its end? It has when nobody waits, is parked or is being
-- sent, no range is leased and the retry set is empty.
-- KEYS: reminder, leases, retry
-- ARGV: now ms
-- Returns 'DONE', or 'OPEN', then waiting + sending, and how many leases there are; then, if
-- there are notices that nobody will look at, what was lost: counters, leases or retries.
local h = redis.call('HMGET', KEYS[1], 'state', 'c0', 'c1', 'c2', 'cursor', 'last')
if h[1] ~= 'open' then
  return {h[1] == 'scheduled' and 'OPEN' or 'DONE', 0}
end
if not (h[2] and h[3] and h[4]) then
  return {'OPEN', 0, 0, 'counters'}
end
local left = tonumber(h[2]) + tonumber(h[3]) + tonumber(h[4])
local leases, retries = redis.call('HLEN', KEYS[2]), redis.call('ZCARD', KEYS[3])
if left > 0 or h[5] ~= h[6] or leases + retries > 0 then
  -- What no cursor has reached, or stands in a range, is claimed; what is parked is in the set.
  local lost = tonumber(h[2]) > 0 and h[5] == h[6] and leases == 0 and 'leases'
    or tonumber(h[3]) > 0 and retries == 0 and 'retries' or nil
  return {'OPEN', left, leases, lost}
end
redis.call('HSET', KEYS[1], 'state', 'done', 'done', ARGV[1])
return {'DONE', 0}
