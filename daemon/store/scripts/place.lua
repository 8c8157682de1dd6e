-- A place of a campaign is taken or given back. One entry an address, which is never
-- deleted: a repeat, also of what was answered before a crash, finds what became of it.
-- KEYS: places (address -> "state seq ms n [seq-of-the-promoted n-of-it address-of-it]", the latter
--       of whoever got a place by her call), waiting
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

local function again()
  if moved_who ~= '' then
    return {state, tonumber(had), moved_who, tonumber(moved), tonumber(moved_n)}
  end
  return {state, tonumber(had)}
end

-- She is in that state from now on, and so many places are taken. One that is free goes to
-- whoever else has waited longest: one a call, so that a repeat can tell whom.
local function write(to, n, places)
  local mine, first = table.concat({to, seq, ARGV[4], n}, ' '), nil
  if to == 'W' then
    redis.call('ZADD', KEYS[2], seq, address)
  else
    redis.call('ZREM', KEYS[2], address)
  end
  if capacity == 0 or places < capacity then
    local two = redis.call('ZRANGE', KEYS[2], 0, 1)
    first = two[1] ~= address and two[1] or two[2]
  end
  if not first then
    redis.call('HSET', KEYS[1], address, mine)
    redis.call('HSET', KEYS[3], 'taken', places, 'seq', seq)
    return {to, seq}
  end
  local theirs = string.match(redis.call('HGET', KEYS[1], first) or '', '^W %d+ %d+ (%d+)') or '0'
  redis.call('ZREM', KEYS[2], first)
  redis.call('HSET', KEYS[1], address, table.concat({mine, seq + 1, theirs, first}, ' '), first,
    table.concat({'P', seq + 1, ARGV[4], theirs}, ' '))
  redis.call('HSET', KEYS[3], 'taken', places + 1, 'seq', seq + 1)
  return {to, seq, first, seq + 1, tonumber(theirs)}
end

if op == 'take' then
  if state == 'P' or state == 'W' then
    return again()
  end
  if now >= tonumber(ARGV[7]) then
    return {'CLOSED', 0}
  end
  -- Whoever waits goes first: there may be more places than there were.
  if capacity == 0 or taken + waiting < capacity then
    return write('P', n, taken + 1)
  end
  if waiting - (taken < capacity and waiting > 0 and 1 or 0) < most then
    return write('W', n, taken)
  end
  return {'FULL', 0}
end

if state == 'X' and now - tonumber(at) < AGAIN_MS then
  return again()
end
if state ~= 'P' and state ~= 'W' then
  return {'NONE', 0}
end
return write('X', number, state == 'P' and taken - 1 or taken) -- there may be fewer than there were
