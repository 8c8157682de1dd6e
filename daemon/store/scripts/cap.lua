-- Limits of one person over all campaigns: a place is reserved by the notice that
-- wants it (again for nothing), and given back when it was not accepted.
-- KEYS: one for each address: its reservations, 'ms ref,' one after the other
-- ARGV: op (reserve, return), now ms, how many rules, for each rule: most, since ms,
--       then for each key the notice's ref
-- Returns for each: 0 reserved, or the ms since when the oldest that stands in the
-- way counts, negated, with the rule's number as the last digit.
-- Reservations are kept for as long as the longest rule of any campaign looks back (31
-- days, and one for the calendar), not only for as long as those of this call do. Redis'
-- own clock may be set forward by a year: no limit falls with it.
local KEEP_MS, KEY_MS = 32 * 86400000, 400 * 86400000
local now, rules = tonumber(ARGV[2]), tonumber(ARGV[3])
local stored, answer = {}, {}
for k = 1, #KEYS do
  stored[KEYS[k]] = redis.call('GET', KEYS[k]) or '' -- all is read before anything is written
end
for k = 1, #KEYS do
  local ref = ARGV[3 + 2 * rules + k]
  local kept, times, mine, stale = {}, {}, false, false
  for ms, r in string.gmatch(stored[KEYS[k]], '(%d+) ([^,]+),') do
    if tonumber(ms) <= now - KEEP_MS or (r == ref and ARGV[1] == 'return') then
      stale = true
    else
      mine = mine or r == ref
      kept[#kept + 1] = ms .. ' ' .. r .. ','
      times[#times + 1] = tonumber(ms)
    end
  end
  local verdict = 0
  if ARGV[1] == 'reserve' and not mine then
    for i = 1, rules do
      local most, since = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
      local count, oldest = 0, now
      for t = 1, #times do
        if times[t] > since then
          count = count + 1
          oldest = math.min(oldest, times[t])
        end
      end
      if count >= most and verdict == 0 then
        verdict = -(oldest * 10 + i)
      end
    end
    if verdict == 0 then
      kept[#kept + 1] = ARGV[2] .. ' ' .. ref .. ','
      stale = true
    end
  end
  if stale then
    stored[KEYS[k]] = table.concat(kept)
    if #kept == 0 then
      redis.call('DEL', KEYS[k])
    else
      redis.call('SET', KEYS[k], stored[KEYS[k]], 'PX', KEY_MS)
    end
  end
  answer[k] = verdict
end
return answer
