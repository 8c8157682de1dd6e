-- A campaign becomes active, with its reminders waiting for their time.
-- KEYS: campaign, reminder...
-- ARGV: event id, body hash, document, token of the upload ('' for none), rows,
--       names of the reminders, now ms, who asked, then for each reminder:
--       due ms, expires ms, state (scheduled, skipped, or awaiting where a second person has to
--       agree: see approve.lua); then why that is, if it is, and '' or the sum that is above the bound
local h = redis.call('HMGET', KEYS[1], 'state', 'hash', 'token', 'last', 'event')
if h[1] and h[1] ~= 'loading' then
  if h[5] == ARGV[1] or h[2] == ARGV[2] then
    return {'AGAIN', h[5] == ARGV[1] and 'SAME' or nil} -- SAME: by this very event
  end
  return {'OTHER'}
end
local rows = tonumber(ARGV[5])
if tonumber(h[4] or '0') ~= rows or (rows > 0 and h[3] ~= ARGV[4]) then
  return {'ROWS', h[4] or '0'}
end
for i = 2, #KEYS do
  redis.call('HLEN', KEYS[i]) -- an error before anything is written, if one is no hash
end
local state, a = 'active', 9
for i = 11, 8 + 3 * (#KEYS - 1), 3 do
  if ARGV[i] == 'awaiting' then
    state = 'awaiting'
  end
end
redis.call('HSET', KEYS[1], 'state', state, 'event', ARGV[1], 'hash', ARGV[2], 'document', ARGV[3],
  'version', 1, 'last', rows, 'reminders', ARGV[6], 'queued', ARGV[7], 'by', ARGV[8])
if state == 'awaiting' then
  redis.call('HSET', KEYS[1], 'approval', ARGV[9 + 3 * (#KEYS - 1)] or '')
  local reckoned = ARGV[10 + 3 * (#KEYS - 1)] or ''
  if reckoned ~= '' then
    redis.call('HSET', KEYS[1], 'reckoned', reckoned)
  end
end
for i = 2, #KEYS do
  local skipped = ARGV[a + 2] == 'skipped'
  local planned = skipped and 0 or rows
  redis.call('HSET', KEYS[i], 'state', ARGV[a + 2], 'due', ARGV[a], 'expires', ARGV[a + 1], 'gen', 1, 'seq', 0,
    'cursor', 0, 'last', planned, 'planned', planned, 'paused', 0, 'cancelled', 0, 'tv', 1, 'orphans', 0,
    'c0', planned, 'c1', 0, 'c2', 0, 'c3', 0, 'c4', 0, 'c5', 0, 'c6', 0, 'c7', 0, 'c8', 0, 'c9', 0, 'c10', 0,
    'c11', 0, 'c12', 0)
  a = a + 3
end
return {'OK'}
