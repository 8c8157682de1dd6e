-- Which notice somebody was told last: what a reply of hers means.
-- KEYS: a bucket for each
-- ARGV: seconds that a bucket lives, then for each: address, entry
for i = 1, #KEYS do
  redis.call('HLEN', KEYS[i]) -- an error before anything is written, if one is no hash
end
for i = 1, #KEYS do
  redis.call('HSET', KEYS[i], ARGV[2 * i], ARGV[2 * i + 1])
  if redis.call('TTL', KEYS[i]) < 0 then
    redis.call('EXPIRE', KEYS[i], ARGV[1])
  end
end
return 1
