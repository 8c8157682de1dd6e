-- Alerts that are due are taken by one daemon, until it says what became of them.
-- One whose target its configuration names no more makes way for those that it names: of the
-- alarms under way each of them is told, perhaps once more.
-- KEYS: duty ("id whom" by when it is tried next, ms)
-- ARGV: now ms, until when they are its, how many at most, whom the configuration names...
-- Returns "id whom", ...
local function due()
  return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
end
local named = {}
for i = 4, #ARGV do
  named[ARGV[i]] = true
end
if #ARGV > 3 then
  for _, entry in ipairs(due()) do
    local id, whom = string.match(entry, '^(%S+) (.*)$')
    if not named[whom] then
      redis.call('ZREM', KEYS[1], entry)
      for i = 4, id and #ARGV or 0 do
        redis.call('ZADD', KEYS[1], 'NX', ARGV[1], id .. ' ' .. ARGV[i])
      end
    end
  end
end
local taken = due()
for i = 1, #taken do
  redis.call('ZADD', KEYS[1], ARGV[2], taken[i])
end
return taken
