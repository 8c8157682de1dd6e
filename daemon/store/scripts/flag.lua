-- Pause, resume or cancel: flags that the intent reads in its own script, so
-- that what is not yet intended when this returns is not sent.
-- KEYS: campaign, reminder...
-- ARGV: op (pause, resume, cancel), now ms, who asked
-- Returns the state before, and what had been intended by then (sending).
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'loading' then
  return {'UNKNOWN'}
end
local op = ARGV[1]
if state == 'cancelled' then
  return {'CANCELLED', 0}
end
local sending, reminders = 0, {}
for i = 2, #KEYS do
  reminders[i] = redis.call('HMGET', KEYS[i], 'state', 'c0', 'c2')
end
redis.call('HSET', KEYS[1], 'state', op == 'cancel' and 'cancelled' or op == 'pause' and 'paused' or 'active',
  op .. 'd_ms', ARGV[2], op .. 'd_by', ARGV[3])
for i = 2, #KEYS do
  local r = reminders[i]
  if r[1] == 'done' then -- a late receipt may open it again: then the flag holds
    if op == 'cancel' then
      redis.call('HSET', KEYS[i], 'cancelled', 1)
    else
      redis.call('HSET', KEYS[i], 'paused', op == 'pause' and 1 or 0)
    end
  elseif r[1] and r[1] ~= 'skipped' then
    sending = sending + tonumber(r[3] or '0')
    redis.call('HINCRBY', KEYS[i], 'seq', 1)
    if op ~= 'cancel' then
      redis.call('HSET', KEYS[i], 'paused', op == 'pause' and 1 or 0)
    elseif r[1] == 'scheduled' then -- no ledger yet: nobody has been touched
      redis.call('HSET', KEYS[i], 'cancelled', 1, 'state', 'done', 'c0', 0, 'c12', r[2])
    else
      redis.call('HSET', KEYS[i], 'cancelled', 1)
    end
  end
end
return {state, sending}
