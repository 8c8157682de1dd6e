-- What can be rebuilt from the ledger: the counters, by how much they were wrong when both
-- were read together (daemons that go on change both alike); ranges that nobody looks
-- after any more; records that are missing in the retry set; the cursor.
-- KEYS: reminder, leases, retry
-- ARGV: repairs so far, the cursor that the ledger asks for, how many counters, then for
--       each its name and by how much it is wrong; how many ranges, then for each from
--       and to; then for each record score and number
-- Returns OK, or OTHER: another repair came first (or this one, before its answer was lost).
local h = redis.call('HMGET', KEYS[1], 'repairs', 'cursor', 'state')
if (h[1] or '0') ~= ARGV[1] then
  return {'OTHER'}
end
redis.call('ZCARD', KEYS[3]) -- errors before anything is written
redis.call('HLEN', KEYS[2])
local at = 4
local counters = tonumber(ARGV[3])
for _ = 1, counters do
  redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
local ranges = tonumber(ARGV[at])
at = at + 1
for _ = 1, ranges do
  redis.call('HSET', KEYS[2], ':' .. ARGV[at], ARGV[at] .. ' ' .. ARGV[at + 1] .. ' 0 0')
  at = at + 2
end
while at < #ARGV do
  redis.call('ZADD', KEYS[3], 'NX', ARGV[at], ARGV[at + 1])
  at = at + 2
end
local orphans = 0
for _, lease in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.sub(lease, 1, 1) == ':' then
    orphans = orphans + 1
  end
end
redis.call('HSET', KEYS[1], 'repairs', ARGV[1] + 1, 'orphans', orphans, 'cursor',
  math.max(tonumber(h[2] or '0'), tonumber(ARGV[2])))
return {'OK'}
