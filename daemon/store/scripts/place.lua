-- A place of a campaign is taken or given back. One entry an address, which is never
-- deleted: a repeat, also of what was answered before a crash, finds what became of it.
-- KEYS: places (address -> "state seq ms n [seq-of-the-promoted n-of-it address-of-it]"), waiting
--       (address by seq), counts (taken, seq)
-- ARGV: 'take' or 'give', address, number in the audience (0: not known), now ms, capacity (0: no
--       end), so many wait, until ms
-- States: P has a place, W waits for one, X has given it back.
-- Returns {word, seq[, promoted address, its seq, its number]}: seq counts the changes and names
-- this one, in the answers too. Words: P, W, X; FULL, CLOSED (nothing was written), NONE (no
-- place to give back: it means something else).
local AGAIN_MS = 600000 -- who gives back once more after so long means something else
local op, address, n, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local capacity, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local entry = redis.call('HGET', KEYS[1], address)
local counts = redis.call('HMGET', KEYS[3], 'taken', 'seq')
local taken, seq = tonumber(counts[1] or '0'), tonumber(counts[2] or '0') + 1
local waiting = redis.call('ZCARD', KEYS[2])
local state, had, at, number, moved, moved_n, moved_who
if entry then
  state, had, at, number, moved, moved_n, moved_who = string.match(entry, '^(%u) (%d+) (%d+) (%d+) ?(%d*) ?(%d*) ?(.*)$')
end

if op == 'take' then
  if state == 'P' or state == 'W' then
    return {state, tonumber(had)}
  end
  if now >= tonumber(ARGV[7]) then
    return {'CLOSED', 0}
  end
  local to = (capacity == 0 or taken < capacity) and 'P' or waiting < most and 'W'
  if not to then
    return {'FULL', 0}
  end
  redis.call('HSET', KEYS[1], address, table.concat({to, seq, ARGV[4], n}, ' '))
  if to == 'P' then
    redis.call('HSET', KEYS[3], 'taken', taken + 1, 'seq', seq)
  else
    redis.call('HSET', KEYS[3], 'seq', seq)
    redis.call('ZADD', KEYS[2], seq, address)
  end
  return {to, seq}
end

if state == 'X' and now - tonumber(at) < AGAIN_MS then
  if moved_who ~= '' then
    return {'X', tonumber(had), moved_who, tonumber(moved), tonumber(moved_n)}
  end
  return {'X', tonumber(had)}
end
if state ~= 'P' and state ~= 'W' then
  return {'NONE', 0}
end

local mine = table.concat({'X', seq, ARGV[4], number}, ' ')
local first = state == 'P' and redis.call('ZRANGE', KEYS[2], 0, 0)[1]
if first then -- the place goes to whoever has waited longest
  local theirs = string.match(redis.call('HGET', KEYS[1], first) or '', '^W %d+ %d+ (%d+)$') or '0'
  mine = table.concat({mine, seq + 1, theirs, first}, ' ')
  redis.call('ZREM', KEYS[2], first)
  redis.call('HSET', KEYS[1], address, mine, first, table.concat({'P', seq + 1, ARGV[4], theirs}, ' '))
  redis.call('HSET', KEYS[3], 'seq', seq + 1)
  return {'X', seq, first, seq + 1, tonumber(theirs)}
end
redis.call('HSET', KEYS[1], address, mine)
redis.call('ZREM', KEYS[2], address)
redis.call('HSET', KEYS[3], 'taken', state == 'P' and taken - 1 or taken, 'seq', seq)
return {'X', seq}
