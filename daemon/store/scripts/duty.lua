-- Alerts that are due are taken by one daemon, until it says what became of them.
-- Whom its configuration names joins the line of each alarm under way, once. One whom it names
-- not is another daemon's; where none has taken it for LEFT_MS, all those that are named here
-- take its place, and are told, perhaps once more.
-- KEYS: duty ("id whom" by when it is tried next, ms), those that were in it, by when
-- ARGV: now ms, until when they are its, how many at most, whom the configuration names...
-- Returns "id whom", ...
local PAGE, LEFT_MS, KEEP_MS = 64, 15000, 86400000
local now = tonumber(ARGV[1])
local function due()
  return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, PAGE)
end
local named = {}
for i = 4, #ARGV do
  named[ARGV[i]] = true
end
redis.call('ZCARD', KEYS[2]) -- an error before anything is written
local line = #ARGV > 3 and due() or {}
for e = 1, #line, 2 do
  local id, whom = string.match(line[e], '^(%S+) (.*)$')
  local left = not named[whom] and now - tonumber(line[e + 1]) >= LEFT_MS
  if left then
    redis.call('ZREM', KEYS[1], line[e])
  end
  for i = 4, id and #ARGV or 0 do
    local other = id .. ' ' .. ARGV[i]
    if left or not redis.call('ZSCORE', KEYS[2], other) then
      redis.call('ZADD', KEYS[1], 'NX', now, other)
    end
    redis.call('ZADD', KEYS[2], now, other)
  end
end
local taken = {}
line = due()
for e = 1, #line, 2 do
  if #taken < tonumber(ARGV[3]) and (#ARGV == 3 or named[string.match(line[e], '^%S+ (.*)$')]) then
    redis.call('ZADD', KEYS[1], ARGV[2], line[e])
    taken[#taken + 1] = line[e]
  end
end
if #line > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - KEEP_MS)
  redis.call('PEXPIRE', KEYS[2], KEEP_MS)
end
return taken
