-- An answer to what a campaign asked: one a person, counted.
-- KEYS: answers (address -> "seq ms n word"), sums (word -> how many; '' -> the last seq)
-- ARGV: address, number in the audience (0: not known), word, now ms, until ms, '1' if the first
--       answer counts, else the last
-- Returns {word, seq}: COUNTED, AGAIN (the same answer), KEPT (another one counted before), CLOSED.
local entry = redis.call('HGET', KEYS[1], ARGV[1])
local seq, word
if entry then
  seq, word = string.match(entry, '^(%d+) %d+ %d+ (.*)$')
end
local last = tonumber(redis.call('HGET', KEYS[2], '') or '0')
if word == ARGV[3] then
  return {'AGAIN', tonumber(seq)}
end
if tonumber(ARGV[4]) >= tonumber(ARGV[5]) then
  return {'CLOSED', 0}
end
if word and ARGV[6] == '1' then
  return {'KEPT', tonumber(seq)}
end
redis.call('HSET', KEYS[1], ARGV[1], table.concat({last + 1, ARGV[4], ARGV[2], ARGV[3]}, ' '))
if word then
  redis.call('HINCRBY', KEYS[2], word, -1)
end
redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
redis.call('HSET', KEYS[2], '', last + 1)
return {'COUNTED', last + 1}
