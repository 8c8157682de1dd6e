-- A second person agrees: a campaign that awaits it becomes active, and its reminders wait for
-- their time. Until then no reminder of it is `scheduled`, so that none can be opened.
-- What an amendment held meanwhile goes on; of one that is cancelled, what is told of that.
-- KEYS: campaign, reminder..., the built-in ones too
-- ARGV: what was agreed to: hash of the body, digest of the list, rows in it ('' each of them:
--       not said); now ms, who agrees, then for each reminder: due ms, state (scheduled or skipped)
-- Returns OK, or AGAIN and who had agreed, UNKNOWN, CANCELLED, OTHER (not what is queued),
-- NOBODY (no name is given), OWN and the name (a part of what awaits is hers).
local h = redis.call('HMGET', KEYS[1], 'state', 'hash', 'digest', 'last', 'by', 'approved_by', 'amended_by', 'was',
  'authors', 'telling')
if not h[1] or h[1] == 'loading' then
  return {'UNKNOWN'}
end
if h[1] ~= 'awaiting' and not (h[1] == 'cancelled' and h[10]) then
  return {h[1] == 'cancelled' and 'CANCELLED' or 'AGAIN', h[6] or ''}
end
for i = 1, 3 do
  if ARGV[i] ~= (h[i + 1] or '') and (i == 1 or ARGV[i] ~= '') then
    return {'OTHER'}
  end
end
local function plain(name) -- Ann, ann and "ann " are one person
  return string.lower(string.match(string.gsub(name, '%c', ' '), '^%s*(.-)%s*$'))
end
if plain(ARGV[5]) == '' then
  return {'NOBODY'}
end
-- Whoever wrote a part of what is agreed to: who queued it, unless it was agreed to before, who
-- amended it last, and who amended it or added to it before, since it was agreed to.
local authors = {h[7] or '', (h[6] or '') == '' and h[5] or ''}
for author in string.gmatch(h[9] or '', '[^\n]+') do
  authors[#authors + 1] = author
end
for _, author in ipairs(authors) do
  if author ~= '' and plain(ARGV[5]) == plain(author) then
    return {'OWN', author}
  end
end
local reminders = {}
for i = 2, #KEYS do
  reminders[i] = redis.call('HMGET', KEYS[i], 'state', 'seq', 'held')
end
redis.call('HSET', KEYS[1], 'state', h[1] == 'cancelled' and h[1] or h[8] or 'active', 'approved_by', ARGV[5], 'approved_ms', ARGV[4])
local a = 6
for i = 2, #KEYS do
  if reminders[i][1] == 'awaiting' then
    redis.call('HSET', KEYS[i], 'state', ARGV[a + 1], 'due', ARGV[a], 'seq', (tonumber(reminders[i][2]) or 0) + 1)
    if ARGV[a + 1] == 'skipped' then
      redis.call('HSET', KEYS[i], 'planned', 0, 'last', 0, 'c0', 0)
    end
  elseif reminders[i][3] == '1' then
    redis.call('HSET', KEYS[i], 'paused', 0, 'held', 0)
    redis.call('HINCRBY', KEYS[i], 'seq', 1)
  end
  a = a + 2
end
redis.call('HDEL', KEYS[1], 'was', 'agreed', 'authors', 'telling', 'reckoned')
return {'OK'}
