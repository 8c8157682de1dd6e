-- Which notice a gateway's message id belongs to, written before the outcome.
-- A bucket is a string that grows: for each id the length of its tail (a byte), the
-- tail, the entry (13 bytes). The last one of a tail counts.
-- KEYS: parked receipts, bucket...
-- ARGV: seconds that a bucket lives, then for each bucket: the head of its ids ('' where
--       the tail is the whole id), what to append
-- Returns receipts that were here before their id: id, receipt, ...
local LONG = 8192
local early = {}
local any = redis.call('HLEN', KEYS[1]) > 0
for k = 2, #KEYS do
  redis.call('STRLEN', KEYS[k]) -- an error before anything is written, if one is no string
end
for k = 2, #KEYS do
  local head, more = ARGV[2 * k - 2], ARGV[2 * k - 1]
  local length = redis.call('APPEND', KEYS[k], more)
  -- A slow gateway fills a bucket for days: it stays as long as its latest entry may be
  -- asked for. A long one belongs to a gateway that counts around and around.
  if length == #more or length < LONG and redis.call('TTL', KEYS[k]) < ARGV[1] * 0.8 then
    redis.call('EXPIRE', KEYS[k], ARGV[1])
  end
  local at = any and 1 or #more + 1
  while at <= #more do
    local n = string.byte(more, at)
    local id = head .. string.sub(more, at + 1, at + n)
    local receipt = redis.call('HGET', KEYS[1], id)
    if receipt then
      early[#early + 1] = id
      early[#early + 1] = receipt
    end
    at = at + 1 + n + 13
  end
end
return early
