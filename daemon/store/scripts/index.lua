-- Which notice a gateway's message id belongs to, written before the outcome.
-- KEYS: parked receipts, bucket...
-- ARGV: seconds that a bucket lives after its last entry, then for each bucket: how
--       many, then id, field, value of each
-- Returns receipts that were here before their id: id, receipt, ...
local early = {}
local any = redis.call('EXISTS', KEYS[1]) == 1
local a = 2
for k = 2, #KEYS do
  local pairs_, ids = {}, {}
  local n = tonumber(ARGV[a])
  for i = 1, n do
    ids[i] = ARGV[a + 1]
    pairs_[2 * i - 1], pairs_[2 * i] = ARGV[a + 2], ARGV[a + 3]
    a = a + 3
  end
  a = a + 1
  redis.call('HSET', KEYS[k], unpack(pairs_))
  redis.call('EXPIRE', KEYS[k], ARGV[1])
  if any then
    local found = redis.call('HMGET', KEYS[1], unpack(ids))
    for i = 1, n do
      if found[i] then
        early[#early + 1] = ids[i]
        early[#early + 1] = found[i]
      end
    end
  end
end
return early
