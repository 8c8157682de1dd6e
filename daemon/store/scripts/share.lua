-- A daemon's share of a rate, in whole slots of a period. Shares sum to at most the
-- rate at every instant: what one no longer uses is given back before another can
-- have it. Where they would come out smaller than the largest thing that is sent at
-- once (a second holds no half message), fewer daemons have one, in turn.
-- KEYS: shares (daemon -> slots that it may be using)
-- ARGV: daemon, what it may have used since its last call, the rate, the least that is
--       any good, whose turn it is (a number that grows with time: fairness only)
-- Returns what it may use from now on.
local using, rate, least, turn = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local all = redis.call('HGETALL', KEYS[1])
local names, others, mine = {ARGV[1]}, 0, 0
for i = 1, #all, 2 do
  if all[i] == ARGV[1] then
    mine = tonumber(all[i + 1])
  else
    others = others + tonumber(all[i + 1])
    names[#names + 1] = all[i]
  end
end
table.sort(names)
local at = 0 -- places behind the one whose turn it is first
for i = 1, #names do
  if names[i] == ARGV[1] then
    at = (i - 1 - turn) % #names
  end
end
local holders = math.min(#names, math.max(1, math.floor(rate / least)))
local fair = 0
if at < holders then
  fair = math.floor(rate / holders)
  if at < rate - fair * holders then
    fair = fair + 1
  end
end
local pace = math.max(0, math.min(fair, rate - others))
-- Until it has heard of a lower pace it goes on at the old one: that stays reserved.
local reserved = math.max(pace, math.min(using, mine))
redis.call('HSET', KEYS[1], ARGV[1], reserved)
return pace
