-- Rows that come after a campaign is queued: late additions to its audience, or notices of a
-- built-in reminder, which has an audience of its own. All at once, or nothing of it.
-- KEYS: campaign, audience, appends, who has which correction, then reminder and ledger of
--       each reminder that counts over this audience
-- ARGV: token of this append, what it is for ('' the campaign's audience, else the built-in
--       reminder), the campaign's version that the rows were written for ('' whatever), rows at
--       most in the audience, now ms, expires ms of a built-in reminder (of the campaign's
--       audience: who adds to it, or ''), then for each row: it,
--       and '' or whose notice it is: 'N version told'
-- A reminder that is past its end, skipped or cancelled stays as it is; a finished one is opened
-- again, and a built-in one comes to be. For which of them the schedule wants an entry is told.
-- Returns {'OK' or 'AGAIN', first, last, reminder that has work..}, or UNKNOWN, CANCELLED,
-- {'OLD', version}, {'FULL', last}, GONE: a ledger is lost; ROWS:
-- too few or too many.
local MOST = 512
local now, builtin = tonumber(ARGV[5]), ARGV[2] ~= ''
local rows = (#ARGV - 6) / 2
local h = redis.call('HMGET', KEYS[1], 'state', 'last', 'version', 'reminders')
if rows < 1 or rows > MOST or rows % 1 ~= 0 then
  return {'ROWS'}
end
if not h[1] or h[1] == 'loading' then
  return {'UNKNOWN'}
end
local done = redis.call('HGET', KEYS[3], ARGV[1])
if done then
  local first, last = string.match(done, '^(%d+) (%d+)$')
  return {'AGAIN', tonumber(first), tonumber(last)}
end
if h[1] == 'cancelled' and not builtin then
  return {'CANCELLED'}
end
if ARGV[3] ~= '' and ARGV[3] ~= h[3] then
  return {'OLD', h[3] or '0'}
end

local all = {}
for k = 5, #KEYS, 2 do
  local r = redis.call('HMGET', KEYS[k], 'state', 'last', 'expires', 'cancelled', 'planned', 'c0')
  if r[1] and not (tonumber(r[2] or '') and tonumber(r[3] or '') and tonumber(r[5] or '') and tonumber(r[6] or '')) then
    return {'GONE'}
  end
  if r[1] == 'open' or r[1] == 'done' then
    local length = tonumber(r[2]) * 16 + 16
    local ledger = r[4] ~= '1' and redis.call('GETRANGE', KEYS[k + 1], 0, 3) or ''
    if r[4] ~= '1' and (ledger ~= 'OLG1' or redis.call('STRLEN', KEYS[k + 1]) ~= length) then
      return {'GONE'}
    end
  end
  all[#all + 1] = r
end
local last = tonumber(h[2] or '0')
if builtin then
  if all[1][4] == '1' then
    return {'CANCELLED'}
  end
  last = tonumber(all[1][2] or '0')
end
local to = last + rows
if to > tonumber(ARGV[4]) then
  return {'FULL', last}
end
redis.call('XLEN', KEYS[2]) -- errors before anything is written
redis.call('STRLEN', KEYS[4])

for i = 1, rows do
  redis.call('XADD', KEYS[2], (last + i) .. '-0', 'r', ARGV[5 + 2 * i])
  local n, version, told = string.match(ARGV[6 + 2 * i], '^(%d+) (%d+) (%d+)$')
  if n then
    redis.call('SETRANGE', KEYS[4], n * 8, struct.pack('>I4I1I1I2', last + i, version, told, 0))
  end
end
redis.call('HSET', KEYS[3], ARGV[1], (last + 1) .. ' ' .. to)
if not builtin then
  redis.call('HSET', KEYS[1], 'last', to)
  if h[1] == 'awaiting' then -- a part of what awaits is hers: see approve.lua
    local author, authors = string.gsub(ARGV[6], '%c', ' '), redis.call('HGET', KEYS[1], 'authors') or ''
    if author ~= '' and not string.find('\n' .. authors .. '\n', '\n' .. author .. '\n', 1, true) then
      redis.call('HSET', KEYS[1], 'authors', authors == '' and author or authors .. '\n' .. author)
    end
  end
elseif not all[1][1] then
  redis.call('HSET', KEYS[1], 'reminders', (h[4] and h[4] ~= '' and h[4] .. ' ' or '') .. ARGV[2])
  redis.call('HSET', KEYS[5], 'state', 'scheduled', 'due', ARGV[5], 'expires', ARGV[6], 'gen', 1, 'seq', 0,
    'cursor', 0, 'last', 0, 'planned', 0, 'paused', h[1] == 'paused' and ARGV[2] ~= 'answers' and 1 or 0, 'cancelled', 0, 'tv', h[3] or 1,
    'orphans', 0, 'c0', 0, 'c1', 0, 'c2', 0, 'c3', 0, 'c4', 0, 'c5', 0, 'c6', 0, 'c7', 0, 'c8', 0, 'c9', 0,
    'c10', 0, 'c11', 0, 'c12', 0)
  if h[1] == 'awaiting' then -- with the rest of it: see approve.lua
    local was = redis.call('HGET', KEYS[1], 'was')
    redis.call('HSET', KEYS[5], 'paused', 1, 'held', was == 'paused' and ARGV[2] ~= 'answers' and 0 or 1)
  end
  all[1] = {'scheduled', '0', ARGV[6], '0', '0', '0'}
end
local answer = {'OK', last + 1, to}
for i = 1, #all do
  local r, k = all[i], 3 + 2 * i
  if builtin and tonumber(r[3]) < tonumber(ARGV[6]) then
    r[3] = ARGV[6]
    redis.call('HSET', KEYS[k], 'expires', r[3])
  end
  if r[1] and r[1] ~= 'skipped' and r[4] ~= '1' and tonumber(r[3]) > now then
    -- Counted from where it stands: rows may have come while it was past its end.
    local more = to - tonumber(r[2])
    if r[1] ~= 'scheduled' and r[1] ~= 'awaiting' then
      redis.call('SETRANGE', KEYS[k + 1], to * 16 + 15, '\0')
    end
    redis.call('HSET', KEYS[k], 'last', to, 'planned', tonumber(r[5]) + more, 'c0', tonumber(r[6]) + more)
    redis.call('HINCRBY', KEYS[k], 'seq', 1)
    if r[1] == 'done' then
      redis.call('HSET', KEYS[k], 'state', 'open')
      redis.call('HDEL', KEYS[k], 'done')
    end
    answer[#answer + 1] = KEYS[k]
  end
end
return answer
