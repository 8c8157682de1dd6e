-- What the ledgers of some reminders say of some people. Writes nothing.
-- KEYS: for each reminder: it, its ledger
-- ARGV: runs of people: first number, how many (256 people at most)
-- Returns for each reminder the records of all of them, one after the other: zeros for whom it
-- knows nothing of, as of one that has not begun. Or 'GONE': one has lost its ledger.
local answer = {}
for k = 1, #KEYS, 2 do
  local h = redis.call('HMGET', KEYS[k], 'begun', 'last')
  if h[1] and (redis.call('GETRANGE', KEYS[k + 1], 0, 3) ~= 'OLG1' or
      redis.call('STRLEN', KEYS[k + 1]) < (tonumber(h[2]) + 1) * 16) then
    return {'GONE'}
  end
  local records = {}
  for a = 1, #ARGV, 2 do
    local from, size = tonumber(ARGV[a]), tonumber(ARGV[a + 1]) * 16
    local found = h[1] and redis.call('GETRANGE', KEYS[k + 1], from * 16, from * 16 + size - 1) or ''
    records[#records + 1] = found .. string.rep('\0', size - #found)
  end
  answer[#answer + 1] = table.concat(records)
end
return answer
