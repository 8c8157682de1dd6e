-- Who reads the events, and how far they were applied. Two readers at once would
-- do no harm (what an event does is done once), so the clock may decide here.
-- KEYS: reader
-- ARGV: daemon, now ms, lease ms, position applied up to ('' to only ask)
local h = redis.call('HMGET', KEYS[1], 'owner', 'until', 'position')
local left = tonumber(h[2] or '0') - tonumber(ARGV[2])
if h[1] and h[1] ~= ARGV[1] and left > 0 and left <= math.max(60000, tonumber(ARGV[3])) then
  return {'OTHER', h[1]}
end
local position = ARGV[4] ~= '' and ARGV[4] or h[3] or '0-0'
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', tonumber(ARGV[2]) + tonumber(ARGV[3]), 'position', position)
return {'OK', position}
