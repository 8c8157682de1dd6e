-- Pause, resume or cancel: flags that the intent reads in its own script, so
-- that what is not yet intended when this returns is not sent.
-- KEYS: campaign, reminder...
-- ARGV: op (pause, resume, cancel), now ms, who asked, then the id of an event and 'event' if
--       this is it, else all up to it were asked for before this; or 'check': refused if a
--       reminder came to be since the names were read. A cancel is final,
--       whenever it comes; what else is older than what has been applied is refused.
-- Returns STALE by that check, or the state before, and what had been intended by then (sending).
local function padded(id) -- ids of a stream, so that they compare as strings
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return ms and #ms <= 20 and #seq <= 20 and string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #seq) .. seq or ''
end
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'loading' then
  return {'UNKNOWN'}
end
local op = ARGV[1]
if ARGV[5] == 'check' then
  local names = 0
  for name in string.gmatch(redis.call('HGET', KEYS[1], 'reminders') or '', '%S+') do
    names = names + (name ~= 'answers' and 1 or 0)
  end
  if names > #KEYS - 1 then
    return {'STALE', 0}
  end
end
if state == 'cancelled' then -- also what is said of the cancelled event may be stopped
  for i = 2, op == 'cancel' and #KEYS or 0 do
    if redis.call('HGET', KEYS[i], 'state') then
      redis.call('HSET', KEYS[i], 'cancelled', 1)
    end
  end
  if op == 'cancel' then
    redis.call('HDEL', KEYS[1], 'telling') -- nobody need agree to what is not told
  end
  return {'CANCELLED', 0}
end
if state == 'awaiting' and op ~= 'cancel' then
  return {'AWAITING', 0} -- nothing of it goes anyway, and it must not become active by this
end
local id, newest = ARGV[4] or '', redis.call('HGET', KEYS[1], 'flagged') or ''
if ARGV[5] == 'event' and op ~= 'cancel' and padded(id) <= padded(newest) then
  return {'OLD', 0}
end
if padded(id) > padded(newest) then
  newest = id
end
local sending, reminders = 0, {}
for i = 2, #KEYS do
  reminders[i] = redis.call('HMGET', KEYS[i], 'state', 'c0', 'c2', 'seq')
end
redis.call('HSET', KEYS[1], 'state', op == 'cancel' and 'cancelled' or op == 'pause' and 'paused' or 'active',
  op .. 'd_ms', ARGV[2], op .. 'd_by', ARGV[3], 'flagged', newest)
for i = 2, #KEYS do
  local r = reminders[i]
  if r[1] == 'done' then -- a late receipt may open it again: then the flag holds
    if op == 'cancel' then
      redis.call('HSET', KEYS[i], 'cancelled', 1)
    else
      redis.call('HSET', KEYS[i], 'paused', op == 'pause' and 1 or 0)
    end
  elseif r[1] and r[1] ~= 'skipped' then
    -- What is no number any more is for verify to mend: it does not hold up a cancel.
    sending = sending + (tonumber(r[3] or '0') or 0)
    if string.match(r[4] or '0', '^%d+$') then
      redis.call('HINCRBY', KEYS[i], 'seq', 1)
    end
    if op ~= 'cancel' then
      redis.call('HSET', KEYS[i], 'paused', op == 'pause' and 1 or 0)
    elseif r[1] == 'scheduled' or r[1] == 'awaiting' then -- no ledger yet: nobody has been touched
      redis.call('HSET', KEYS[i], 'cancelled', 1, 'state', 'done', 'c0', 0, 'c12', r[2] or 0)
    else
      redis.call('HSET', KEYS[i], 'cancelled', 1)
    end
  end
end
return {state, sending}
