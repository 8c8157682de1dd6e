-- A reminder whose records are to be filled in from the delivery log: where its ledger is
-- missing it comes to be, as if it had just fallen due; and every daemon that saw it
-- further than it now stands may speak again.
-- KEYS: reminder, ledger
-- ARGV: header (16 bytes), now ms
-- Returns the state it was in, its last number, its header; or GONE.
local h = redis.call('HMGET', KEYS[1], 'state', 'last', 'seq')
if not h[1] then
  return {'GONE'}
end
if h[1] == 'skipped' then
  return {h[1], h[2]}
end
local last = tonumber(h[2])
local there = redis.call('GETRANGE', KEYS[2], 0, 3) == 'OLG1' and redis.call('STRLEN', KEYS[2]) == last * 16 + 16
-- More scripts than milliseconds have never run: nobody has seen it beyond this.
local set = {'seq', math.max(tonumber(h[3] or '0') + 1, tonumber(ARGV[2]))}
if h[1] == 'scheduled' or not there then
  redis.call('UNLINK', KEYS[2])
  redis.call('SETRANGE', KEYS[2], last * 16 + 15, '\0')
  redis.call('SETRANGE', KEYS[2], 0, ARGV[1])
  for state = 0, 12 do
    set[#set + 1] = 'c' .. state
    set[#set + 1] = state == 0 and last or 0
  end
  for _, more in ipairs({'state', 'open', 'begun', ARGV[2], 'cursor', 0}) do
    set[#set + 1] = more
  end
end
redis.call('HSET', KEYS[1], unpack(set))
return {h[1], h[2], redis.call('GETRANGE', KEYS[2], 0, 15)}
