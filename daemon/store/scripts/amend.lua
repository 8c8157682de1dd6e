-- Another document for a campaign: its texts hold for what is not intended yet (the intent
-- compares versions), and what has not begun has its new times.
-- KEYS: campaign, versions (documents that were, and their hashes), reminder...
-- ARGV: event id, body hash, document, version it becomes, names of all reminders, now ms, who
--       asked, 'event' if the event is another, 'cancelled' if it does not take place (and why, if
--       a second person has to agree to what is told) or 'awaiting' and why if one has to, then for each reminder: what it is (plan, skip, drop, begun,
--       end, or built-in), due ms, expires ms; then '' or what is held against the bound on the
--       cost, and the bound: kept while it awaits
-- The reminder of the corrections comes to be where the event is another.
-- What has begun keeps its ledger: it goes on, or waits where it is due later now, and lasts
-- until its new end; what has begun of a day that fell out ends. A cancelled event ends all of them but the built-in ones.
-- What has to be agreed to, or still had to, stands until it is (approve.lua): what has not begun
-- is `awaiting`, all else is held (paused, and `held` says by what). Who amends it is one of its
-- `authors` until then, a line each: as many as there are versions at most.
-- Returns OK; AGAIN: that event, or a later one, was applied, or the document is this already;
-- UNKNOWN, CANCELLED; {'VERSION', n}: another amendment came first; {'BEGUN', k}: reminder k has
-- begun, and had not when it was read.
local function padded(id) -- ids of a stream, so that they compare as strings
  local ms, seq = string.match(id or '', '^(%d+)-(%d+)$')
  return ms and #ms <= 20 and #seq <= 20 and string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #seq) .. seq or ''
end
local h = redis.call('HMGET', KEYS[1], 'state', 'event', 'hash', 'document', 'version', 'last', 'correct')
local now = tonumber(ARGV[6])
if not h[1] or h[1] == 'loading' then
  return {'UNKNOWN'}
end
if h[2] == ARGV[1] or (padded(h[2]) ~= '' and padded(ARGV[1]) ~= '' and padded(ARGV[1]) < padded(h[2])) then
  return {'AGAIN'}
end
if h[1] == 'cancelled' then
  return {'CANCELLED'}
end
if tonumber(h[5]) + 1 ~= tonumber(ARGV[4]) then
  return {'VERSION', h[5]}
end
local reminders, rows = {}, tonumber(h[6])
local why = string.match(ARGV[9], '^awaiting (.*)$') or h[1] == 'awaiting' and redis.call('HGET', KEYS[1], 'approval')
local cancels = string.match(ARGV[9], '^cancelled') and true or false
local telling = string.match(ARGV[9], '^cancelled (.+)$') -- its corrections wait until somebody agrees
local awaits = why and not cancels
-- One that awaits is as it was once it is agreed to: what comes to be now is paused with the rest.
local paused = (h[1] == 'paused' or h[1] == 'awaiting' and redis.call('HGET', KEYS[1], 'was') == 'paused') and 1 or 0
local names = ARGV[5]
if string.find(' ' .. (redis.call('HGET', KEYS[1], 'reminders') or '') .. ' ', ' answers ', 1, true)
  and not string.find(' ' .. names .. ' ', ' answers ', 1, true) then
  names = names .. ' answers' -- came to be, by a first reply, since the names were read
end
local scheduled = awaits and 'awaiting' or 'scheduled'
for k = 3, #KEYS do
  local r = redis.call('HMGET', KEYS[k], 'state', 'begun', 'planned', 'seq', 'tv')
  local what = ARGV[3 * k + 1]
  r.begun = r[1] == 'open' or (r[1] == 'done' and r[2] and true or false)
  if what ~= 'built-in' and r.begun ~= (what == 'begun' or what == 'end') then
    return {'BEGUN', k - 2} -- what it takes to amend it then was not looked at
  end
  reminders[k] = r
end
redis.call('HLEN', KEYS[2]) -- an error before anything is written

redis.call('HSET', KEYS[2], h[5], h[4], 'hash:' .. h[5], h[3]) -- the hash: of what was asked for, see recover
redis.call('HSET', KEYS[1], 'event', ARGV[1], 'hash', ARGV[2], 'document', ARGV[3], 'version', ARGV[4],
  'reminders', names, 'amended', ARGV[6], 'amended_by', ARGV[7])
local author = string.gsub(ARGV[7], '%c', ' ')
local authors = redis.call('HGET', KEYS[1], 'authors') or ''
if author ~= '' and not string.find('\n' .. authors .. '\n', '\n' .. author .. '\n', 1, true) then
  redis.call('HSET', KEYS[1], 'authors', authors == '' and author or authors .. '\n' .. author)
end
if telling then
  redis.call('HSET', KEYS[1], 'telling', telling)
  redis.call('HSETNX', KEYS[1], 'agreed', h[5])
end
if awaits then
  redis.call('HSET', KEYS[1], 'state', 'awaiting', 'approval', why)
  local reckoned = ARGV[3 * #KEYS + 4] or ''
  if reckoned ~= '' then
    redis.call('HSET', KEYS[1], 'reckoned', reckoned)
  else
    redis.call('HDEL', KEYS[1], 'reckoned') -- of other words
  end
  if h[1] ~= 'awaiting' then
    redis.call('HSET', KEYS[1], 'was', h[1], 'agreed', h[5]) -- until this one is agreed to
  end
end
local function hold(k)
  if awaits and redis.call('HGET', KEYS[k], 'paused') ~= '1' then
    redis.call('HSET', KEYS[k], 'paused', 1, 'held', 1)
  end
end
local walk = ARGV[8] == 'event' or h[7]
for k = 3, #KEYS do
  local r, what, due, expires = reminders[k], ARGV[3 * k + 1], ARGV[3 * k + 2], ARGV[3 * k + 3]
  if what == 'built-in' and r[1] then
    walk = walk or string.sub(KEYS[k], -12) == ':corrections' -- what waits of it may be no longer so
    hold(k)
  elseif what == 'built-in' then
    redis.call('HSET', KEYS[k], 'state', 'scheduled', 'due', ARGV[6], 'expires', expires, 'gen', 1, 'seq', 0,
      'cursor', 0, 'last', 0, 'planned', 0, 'paused', paused, 'cancelled', 0, 'orphans', 0,
      'c0', 0, 'c1', 0, 'c2', 0, 'c3', 0, 'c4', 0, 'c5', 0, 'c6', 0, 'c7', 0, 'c8', 0, 'c9', 0, 'c10', 0,
      'c11', 0, 'c12', 0)
    r[1] = 'scheduled'
    hold(k)
  elseif r.begun then
    redis.call('HSET', KEYS[k], 'expires', expires)
    hold(k)
    if what == 'end' then
      redis.call('HSET', KEYS[k], 'cancelled', 1)
    end
    if r[1] == 'open' and tonumber(due) > now then -- who was not told yet is told in time
      redis.call('HSET', KEYS[k], 'due', due)
    end
  elseif what == 'drop' then
    if r[1] == 'scheduled' or r[1] == 'awaiting' then
      redis.call('HSET', KEYS[k], 'cancelled', 1, 'state', 'done', 'c0', 0, 'c12', r[3])
    end
  else
    local planned = what == 'plan' and rows or 0
    redis.call('HSET', KEYS[k], 'state', what == 'plan' and scheduled or 'skipped', 'due', due, 'expires', expires,
      'gen', 1, 'cursor', 0, 'last', planned, 'planned', planned, 'paused', paused,
      'cancelled', 0, 'orphans', 0, 'c0', planned, 'c1', 0, 'c2', 0, 'c3', 0, 'c4', 0, 'c5', 0, 'c6', 0, 'c7', 0,
      'c8', 0, 'c9', 0, 'c10', 0, 'c11', 0, 'c12', 0)
    r[1], r[3] = what == 'plan' and 'scheduled' or 'skipped', planned
  end
  if cancels and what == 'built-in' then -- nobody can resume it any more
    local waits = telling and string.sub(KEYS[k], -12) == ':corrections' and 1 or 0
    redis.call('HSET', KEYS[k], 'paused', waits, 'held', waits)
  elseif cancels then
    if r.begun then
      redis.call('HSET', KEYS[k], 'cancelled', 1)
    elseif r[1] == 'scheduled' then -- no ledger yet: nobody has been touched
      redis.call('HSET', KEYS[k], 'cancelled', 1, 'state', 'done', 'c0', 0, 'c12', r[3])
    end
  end
  if r[1] then
    redis.call('HSET', KEYS[k], 'tv', ARGV[4])
    redis.call('HINCRBY', KEYS[k], 'seq', 1)
  end
end
if cancels then
  redis.call('HSET', KEYS[1], 'state', 'cancelled', 'canceld_ms', ARGV[6], 'canceld_by', ARGV[7])
end
if walk then -- who was told what is no longer so is looked for from the first on
  redis.call('HSET', KEYS[1], 'correct', ARGV[4], 'correct_at', 1)
end
return {'OK'}
