-- Replies that are older than they are kept, a piece at a time. What a person has to see stays
-- however old it is, until it is closed; a refusal is kept longer than the rest.
-- KEYS: replies (stream), open, answered, where the last piece ended
-- ARGV: ms before which replies are forgotten, the same of refusals, how many are looked at (1..500)
-- Returns {looked at, forgotten, cries for help among them}; fewer looked at than asked for: that
-- was the last piece, and the next begins anew.
local most = tonumber(ARGV[3])
if not most or most < 1 or most > 500 then
  return {0, 0, 0}
end
redis.call('HLEN', KEYS[2]) -- errors, before anything is written, if they are damaged
redis.call('HLEN', KEYS[3])
local from = redis.call('GET', KEYS[4])
local all = redis.call('XRANGE', KEYS[1], from and '(' .. from or '-', '(' .. ARGV[1] .. '-0', 'COUNT', most)
local forgotten, alarms = 0, 0
for i = 1, #all do
  local id, kind = all[i][1], ''
  for k = 1, #all[i][2], 2 do
    if all[i][2][k] == 'kind' then
      kind = all[i][2][k + 1]
    end
  end
  local at = tonumber(string.match(id, '^(%d+)'))
  if redis.call('HEXISTS', KEYS[2], id) == 0 and (kind ~= 'optout' or at < tonumber(ARGV[2])) then
    redis.call('XDEL', KEYS[1], id)
    redis.call('HDEL', KEYS[3], id)
    forgotten = forgotten + 1
    alarms = alarms + (kind == 'alarm' and 1 or 0)
  end
end
if #all < most then
  redis.call('DEL', KEYS[4])
else
  redis.call('SET', KEYS[4], all[#all][1])
end
return {#all, forgotten, alarms}
