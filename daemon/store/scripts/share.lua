-- A daemon's share of a gateway's rate. Shares sum to at most the rate at every
-- instant: what one no longer uses is given back before another can have it.
-- KEYS: shares (daemon -> slots a second that it may be using)
-- ARGV: daemon, what it has paced itself at since its last call, the rate
-- Returns what it may pace itself at from now on.
local using, rate = tonumber(ARGV[2]), tonumber(ARGV[3])
local all = redis.call('HGETALL', KEYS[1])
local others, daemons, mine = 0, 1, 0
for i = 1, #all, 2 do
  if all[i] == ARGV[1] then
    mine = tonumber(all[i + 1])
  else
    others = others + tonumber(all[i + 1])
    daemons = daemons + 1
  end
end
local pace = math.max(0, math.min(rate / daemons, rate - others))
-- Until it has heard of a lower pace it goes on at the old one: that stays reserved.
local reserved = math.max(pace, math.min(using, mine))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.3f', reserved))
return string.format('%.3f', pace)
