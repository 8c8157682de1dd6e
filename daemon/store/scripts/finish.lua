-- Has a reminder come to its end? It has when nobody waits, is parked or is being
-- sent, no range is leased and the retry set is empty.
-- KEYS: reminder, leases, retry
-- ARGV: now ms
-- Returns 'DONE', or 'OPEN', then waiting + sending, and how many leases there are.
local h = redis.call('HMGET', KEYS[1], 'state', 'c0', 'c1', 'c2', 'cursor', 'last')
if h[1] ~= 'open' then
  return {h[1] == 'scheduled' and 'OPEN' or 'DONE', 0}
end
if not (h[2] and h[3] and h[4]) then
  return {'OPEN', 0, 0} -- counters are lost: outreach verify --repair
end
local left = tonumber(h[2]) + tonumber(h[3]) + tonumber(h[4])
if left > 0 or h[5] ~= h[6] or redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  return {'OPEN', left, redis.call('HLEN', KEYS[2])}
end
redis.call('HSET', KEYS[1], 'state', 'done', 'done', ARGV[1])
return {'DONE', 0}
