-- Compare-and-set of ledger ranges; the counters change in the same step, by
-- what was found, not by what was asked.
-- KEYS: reminder, ledger, retry
-- ARGV: kind (intent, outcome), now ms, text version, highest seq known, then
--       groups of: first number, how many, records believed, records wanted (one
--       record stands for as many as there are), retry set: '' leave it, '-' take
--       them out, else a score in ms for each, by commas
-- Commands are kept small: Redis reads 16 KB a turn, and each turn is an fsync.
-- Returns {'OK', seq, number, record as it stands, ...} for those that differ.
local h = redis.call('HMGET', KEYS[1], 'seq', 'paused', 'cancelled', 'expires', 'tv', 'c0', 'c1', 'c2', 'c3', 'c4',
  'c5', 'c6', 'c7', 'c8', 'c9', 'c10', 'c11', 'c12', 'state')
if not h[1] or redis.call('GETRANGE', KEYS[2], 0, 3) ~= 'OLG1' then
  return {'GONE'}
end
local seq = tonumber(h[1])
if seq < tonumber(ARGV[4]) then
  return {'BACK', seq}
end
local refused = nil
if ARGV[1] == 'intent' then
  refused = h[3] == '1' and 'CANCELLED' or tonumber(ARGV[2]) >= tonumber(h[4]) and 'EXPIRED'
    or h[2] == '1' and 'PAUSED' or h[5] ~= ARGV[3] and 'VERSION'
end

-- What stands beyond its end was lost with a part of it: nobody may believe it untouched.
local length = redis.call('STRLEN', KEYS[2])
local in_retry = redis.call('ZCARD', KEYS[3]) -- or an error, before anything is written
for a = 5, #ARGV, 5 do
  if tonumber(ARGV[a]) < 1 or (ARGV[a] + ARGV[a + 1]) * 16 > length then
    return {'GONE'}
  end
end

local byte, sub = string.byte, string.sub

-- It may have run before, and only its answer was lost: then what it wrote stands, and no
-- flag that was set since makes it unwritten. A fence belongs to one intent alone.
if refused then
  local answer, stands = {'OK', seq}, false
  for a = 5, #ARGV, 5 do
    local from, size, wanted = tonumber(ARGV[a]), tonumber(ARGV[a + 1]) * 16, ARGV[a + 3]
    local now = redis.call('GETRANGE', KEYS[2], from * 16, from * 16 + size - 1)
    for at = 1, size, 16 do
      local c, n = sub(now, at, at + 15), #wanted == size and sub(wanted, at, at + 15) or wanted
      if c == n then
        stands = true
      else
        answer[#answer + 1] = from + (at - 1) / 16
        answer[#answer + 1] = c
      end
    end
  end
  return stands and answer or {refused, seq}
end

local gone, come = {}, {} -- how often each first byte (state and flags) went and came
local answer = {'OK', seq + 1}

local function count(seen, records, n)
  if #records == 16 then
    local b = byte(records)
    seen[b] = (seen[b] or 0) + n
    return
  end
  for i = 1, #records, 16 do
    local b = byte(records, i)
    seen[b] = (seen[b] or 0) + 1
  end
end

for a = 5, #ARGV, 5 do
  local from, size = tonumber(ARGV[a]), tonumber(ARGV[a + 1]) * 16
  local believed, wanted, scores = ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
  if scores == '-' and in_retry == 0 then
    scores = '' -- nothing is in there to be taken out
  end
  local old = #believed == size and believed or string.rep(believed, size / 16)
  local new = #wanted == size and wanted or string.rep(wanted, size / 16)
  local now = redis.call('GETRANGE', KEYS[2], from * 16, from * 16 + size - 1)
  local moved = nil -- numbers that moved, where the retry set wants to know
  if now == old then
    if new ~= old then
      redis.call('SETRANGE', KEYS[2], from * 16, new)
      count(gone, believed, size / 16)
      count(come, wanted, size / 16)
    end
    if scores ~= '' then
      moved = {}
      for i = 0, size / 16 - 1 do
        moved[i + 1] = i
      end
    end
  elseif now ~= new and #now == size then
    local parts = {}
    moved = {}
    for i = 0, size / 16 - 1 do
      local at = i * 16 + 1
      local c, o, n = sub(now, at, at + 15), sub(old, at, at + 15), sub(new, at, at + 15)
      if c == o then
        parts[i + 1] = n
        moved[#moved + 1] = i
        gone[byte(o)] = (gone[byte(o)] or 0) + 1
        come[byte(n)] = (come[byte(n)] or 0) + 1
      else
        parts[i + 1] = c
        if c ~= n then
          answer[#answer + 1] = from + i
          answer[#answer + 1] = c
        end
      end
    end
    if #moved > 0 then
      redis.call('SETRANGE', KEYS[2], from * 16, table.concat(parts))
    end
  end
  if moved and #moved > 0 and scores ~= '' then
    local members = {}
    if scores == '-' then
      for i = 1, #moved do
        members[i] = from + moved[i]
      end
      redis.call('ZREM', KEYS[3], unpack(members))
    else
      local all = {}
      for score in string.gmatch(scores, '%d+') do
        all[#all + 1] = score
      end
      for i = 1, #moved do
        members[2 * i - 1], members[2 * i] = all[moved[i] + 1], from + moved[i]
      end
      redis.call('ZADD', KEYS[3], unpack(members))
      in_retry = in_retry + #moved
    end
  end
end

local delta = {}
for b, k in pairs(gone) do
  local s = (b - b % 16) / 16
  delta[s] = (delta[s] or 0) - k
end
for b, k in pairs(come) do
  local s = (b - b % 16) / 16
  delta[s] = (delta[s] or 0) + k
end
local set = {'seq', seq + 1}
for s, d in pairs(delta) do
  if d ~= 0 then
    set[#set + 1] = 'c' .. s
    set[#set + 1] = (tonumber(h[6 + s] or '0') or 0) + d -- lost or damaged: verify --repair
  end
end
if (delta[1] or 0) > 0 and h[19] == 'done' then -- one more has its turn: by a late outcome or receipt
  set[#set + 1] = 'state'
  set[#set + 1] = 'open'
end
redis.call('HSET', KEYS[1], unpack(set))
return answer
