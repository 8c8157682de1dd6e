-- Who looks next at which notices: a range under a lease, or retries that are
-- due. The right to send is the intent alone; a claim only shares the work.
-- KEYS: reminder, leases, retry
-- ARGV: lease name (owner:epoch:serial), max, now ms, look again ms, park max
-- Returns: what ('RANGE', 'RETRY', 'NONE', 'PAUSED', 'CLOSED'), a note ('',
-- 'CANCELLED', 'EXPIRED'), then from, to, takeovers, fresh; or the numbers; or, with
-- NONE, when the retry set wants to be looked at (ms, or '').
-- A range over which two daemons died is worked in slices, one by all daemons together: the
-- next death says in which slice it is, and that one is worked a notice at a time. Fewer
-- deaths than by halves, and a slice takes no longer than a notice: the neighbours go on.
local SUSPICIOUS, ALONE, SLICE = 2, 3, 16
local h = redis.call('HMGET', KEYS[1], 'state', 'paused', 'cancelled', 'expires', 'cursor', 'last', 'orphans',
  'turn', 'c1', 'due')
if h[1] ~= 'open' then
  return {'CLOSED', h[1] or ''}
end
local note = ''
if h[3] == '1' then
  note = 'CANCELLED'
elseif tonumber(ARGV[3]) >= tonumber(h[4]) then
  note = 'EXPIRED'
elseif h[2] == '1' then
  return {'PAUSED', ''}
end

local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then -- a repeat of a claim whose answer was lost
  local from, to, takeovers, fresh = string.match(held, '^(%d+) (%d+) (%d+) (%d)$')
  return {'RANGE', note, from, to, takeovers, fresh}
end

if note == '' and tonumber(ARGV[3]) < tonumber(h[10] or '0') then
  return {'NONE', '', h[10]} -- amended to a later time after it had begun
end

local max = tonumber(ARGV[2])
local looked_for = redis.call('ZCARD', KEYS[3]) -- parked, and in doubt
local cursor, last = tonumber(h[5] or '0'), tonumber(h[6])

if tonumber(h[7] or '0') > 0 then -- ranges given back or orphaned go before the cursor moves
  local all, busy, left = redis.call('HGETALL', KEYS[2]), false, false
  for i = 1, #all, 2 do -- is a suspicious one being worked on?
    local takeovers = tonumber(string.match(all[i + 1], '^%d+ %d+ (%d+)'))
    busy = busy or (string.sub(all[i], 1, 1) ~= ':' and (takeovers == SUSPICIOUS or takeovers == ALONE))
  end
  for i = 1, #all, 2 do
    local from, to, takeovers = string.match(all[i + 1], '^(%d+) (%d+) (%d+)')
    from, to, takeovers = tonumber(from), tonumber(to), tonumber(takeovers)
    if to - from >= SLICE then -- a death counts only against what was worked by itself
      takeovers = math.min(takeovers, SUSPICIOUS)
    elseif from ~= to then
      takeovers = math.min(takeovers, ALONE)
    end
    local suspicious = takeovers == SUSPICIOUS or takeovers == ALONE -- beyond it will not be worked on
    if string.sub(all[i], 1, 1) == ':' and suspicious and busy then
      left = true
    elseif string.sub(all[i], 1, 1) == ':' then
      local most = takeovers == ALONE and 1 or takeovers == SUSPICIOUS and math.min(max, SLICE) or max
      local stop = math.min(to, from + most - 1)
      redis.call('HDEL', KEYS[2], all[i])
      if stop < to then
        redis.call('HSET', KEYS[2], ':' .. (stop + 1), (stop + 1) .. ' ' .. to .. ' ' .. takeovers .. ' 0')
      else
        redis.call('HINCRBY', KEYS[1], 'orphans', -1)
      end
      redis.call('HSET', KEYS[2], ARGV[1], from .. ' ' .. stop .. ' ' .. takeovers .. ' 0')
      return {'RANGE', note, from, stop, takeovers, 0}
    end
  end
  if not left then
    redis.call('HSET', KEYS[1], 'orphans', 0)
  end
end

local fresh = cursor < last and (note ~= '' or tonumber(h[9] or '0') < tonumber(ARGV[5]))
if looked_for > 0 and not (fresh and h[8] == '1') then
  local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', note == '' and ARGV[3] or '+inf', 'LIMIT', 0, max)
  if #due > 0 then
    local again, answer = {}, {'RETRY', note}
    for i = 1, #due do
      again[2 * i - 1], again[2 * i] = ARGV[4], due[i]
      answer[i + 2] = due[i]
    end
    redis.call('ZADD', KEYS[3], 'XX', unpack(again))
    redis.call('HSET', KEYS[1], 'turn', 1)
    return answer
  end
end
if fresh then
  local to = math.min(last, cursor + max)
  if h[8] == '1' then
    redis.call('HSET', KEYS[1], 'cursor', to, 'turn', 0)
  else
    redis.call('HSET', KEYS[1], 'cursor', to)
  end
  redis.call('HSET', KEYS[2], ARGV[1], (cursor + 1) .. ' ' .. to .. ' 0 1')
  return {'RANGE', note, cursor + 1, to, 0, 1}
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
return {'NONE', note, first[2] or ''}
