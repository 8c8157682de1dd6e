-- Who reads the events, and how far they were applied. Two readers at once would
-- do no harm (what an event does is done once), so the clock may decide here.
-- KEYS: reader
-- ARGV: daemon, now ms, lease ms, position applied up to ('' to only ask)
local h = redis.call('HMGET', KEYS[1], 'owner', 'until', 'position')
if h[1] and h[1] ~= ARGV[1] and tonumber(h[2]) > tonumber(ARGV[2]) then
  return {'OTHER', h[1]}
end
local position = ARGV[4] ~= '' and ARGV[4] or h[3] or '0-0'
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', tonumber(ARGV[2]) + tonumber(ARGV[3]), 'position', position)
return {'OK', position}
