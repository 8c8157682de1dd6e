-- Receipts look for their notices; one that finds none is parked until the id
-- comes, or until it is too old.
-- KEYS: parked receipts, their ages, bucket...
-- ARGV: now ms, oldest ms to keep, most to keep, then for each receipt: how many of
--       the buckets are its (in order), tail, id, what to park ('' for nothing)
-- Returns for each the index entry, or 'PARKED', or 'FULL'.
-- A bucket as a table from tail to where its entry stands; the last one of a tail counts.
local function open_bucket(bytes)
  local at, entries = 1, {}
  while at <= #bytes do
    local n = string.byte(bytes, at)
    entries[string.sub(bytes, at + 1, at + n)] = at + 1 + n
    at = at + 1 + n + 13
  end
  return {bytes, entries}
end

local answer, read = {}, {} -- neighbours share a bucket: each is read and taken apart once
local early = {}
local parked = redis.call('HLEN', KEYS[1])
local k = 3
for a = 4, #ARGV, 4 do
  local found = nil
  for _ = 1, tonumber(ARGV[a]) do
    if not found then
      local bucket = read[KEYS[k]]
      if not bucket then
        bucket = open_bucket(redis.call('GET', KEYS[k]) or '')
        read[KEYS[k]] = bucket
      end
      local at = bucket[2][ARGV[a + 1]]
      found = at and string.sub(bucket[1], at, at + 12)
    end
    k = k + 1
  end
  if found then
    answer[#answer + 1] = found
  elseif ARGV[a + 3] == '' then
    answer[#answer + 1] = 'PARKED'
  else
    answer[#answer + 1] = 'PARKED'
    early[#answer] = a
  end
end
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, 100)
if #old > 0 then -- all is read: now it may be written; first what goes, for it may come anew
  redis.call('ZREM', KEYS[2], unpack(old))
  parked = parked - redis.call('HDEL', KEYS[1], unpack(old))
end
for i = 1, #answer do
  local a = early[i]
  if a then
    local new = redis.call('HEXISTS', KEYS[1], ARGV[a + 2]) == 0
    if new and parked >= tonumber(ARGV[3]) then
      answer[i] = 'FULL'
    else
      redis.call('HSET', KEYS[1], ARGV[a + 2], ARGV[a + 3])
      redis.call('ZADD', KEYS[2], ARGV[1], ARGV[a + 2])
      parked = parked + (new and 1 or 0)
    end
  end
end
return answer
