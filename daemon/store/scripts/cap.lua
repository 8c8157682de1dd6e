-- Limits of one person over all campaigns: a place is reserved by the notice that
-- wants it (again for nothing), and given back when it was not accepted.
-- KEYS: one for each address: its reservations, 'ms ref,' or 'ms ref=mark,' one after the other
-- ARGV: op (reserve, return), now ms, how many rules, for each rule: most, since ms,
--       then for each key the notice's ref, or ref=mark where it is to be no repetition. A mark
--       is 8 characters for the text, and the rest for the campaign: the same text from
--       another campaign within a day stands in the way, whatever the rules.
-- Returns for each: 0 reserved, or the ms since when the oldest that stands in the
-- way counts, negated, with the rule's number as the last digit, 0 for a repetition.
-- Reservations are kept for as long as the longest rule of any campaign looks back (31
-- days, and one for the calendar), not only for as long as those of this call do. Redis'
-- own clock may be set forward by a year: no limit falls with it.
local DAY_MS = 86400000
local KEEP_MS, KEY_MS = 32 * DAY_MS, 400 * DAY_MS
local now, rules = tonumber(ARGV[2]), tonumber(ARGV[3])
local stored, answer = {}, {}
for k = 1, #KEYS do
  stored[KEYS[k]] = redis.call('GET', KEYS[k]) or '' -- all is read before anything is written
end
for k = 1, #KEYS do
  local wanted = ARGV[3 + 2 * rules + k]
  local ref, mark = string.match(wanted, '^([^=]+)=?(.*)$')
  local kept, times, mine, stale, same = {}, {}, false, false, nil
  for ms, entry in string.gmatch(stored[KEYS[k]], '(%d+) ([^,]+),') do
    local r, m = entry, ''
    local at = string.find(entry, '=', 1, true)
    if at then
      r, m = string.sub(entry, 1, at - 1), string.sub(entry, at + 1)
    end
    if tonumber(ms) <= now - KEEP_MS or (r == ref and ARGV[1] == 'return') then
      stale = true
    else
      mine = mine or r == ref
      kept[#kept + 1] = ms .. ' ' .. entry .. ','
      times[#times + 1] = tonumber(ms)
      if mark ~= '' and m ~= mark and string.sub(m, 1, 8) == string.sub(mark, 1, 8)
        and tonumber(ms) > now - DAY_MS then
        same = tonumber(ms)
      end
    end
  end
  local verdict = 0
  if ARGV[1] == 'reserve' and not mine and same then
    verdict = -same * 10
  elseif ARGV[1] == 'reserve' and not mine then
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
      kept[#kept + 1] = ARGV[2] .. ' ' .. wanted .. ','
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
