-- How far those who were told an older version have been looked for.
-- KEYS: campaign
-- ARGV: version that they are told, from whom on they were, from whom on next (0: all were)
-- Returns 1; or 0: it had been said, or the campaign was amended meanwhile.
local h = redis.call('HMGET', KEYS[1], 'correct', 'correct_at')
if h[1] ~= ARGV[1] or h[2] ~= ARGV[2] then
  return 0
end
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], 'correct', 'correct_at')
else
  redis.call('HSET', KEYS[1], 'correct_at', ARGV[3])
end
return 1
