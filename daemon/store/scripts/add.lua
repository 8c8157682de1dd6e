-- Rows into the audience of a campaign that is being loaded: the only writer of
-- an audience, so that a recipient's stream id is its number, N-0, from 1.
-- KEYS: campaign, audience
-- ARGV: token of this upload, rows that should be there already, row...
-- An upload under another token starts anew, unless the campaign is queued. The digest of
-- all rows chains those of the calls, whose size is the uploader's: what "the same list"
-- means after Redis has lost one.
local h = redis.call('HMGET', KEYS[1], 'state', 'token', 'last', 'digest')
if h[1] and h[1] ~= 'loading' then
  return {'QUEUED'}
end
local after = tonumber(ARGV[2])
local last = tonumber(h[3] or '0')
local rows = #ARGV - 2
if h[2] ~= ARGV[1] then
  if after ~= 0 then
    return {'REPLACED'} -- another upload has begun since
  end
  redis.call('UNLINK', KEYS[2])
  last = 0
  h[4] = ''
end
if last >= after + rows and h[2] == ARGV[1] and rows > 0 then
  return {'OK', last} -- a repeat, perhaps of several that were under way
end
if last ~= after then
  return {'GAP', last}
end
for i = 1, rows do
  redis.call('XADD', KEYS[2], (after + i) .. '-0', 'r', ARGV[2 + i])
end
local digest = redis.sha1hex((h[4] or '') .. table.concat(ARGV, '\0', 3))
redis.call('HSET', KEYS[1], 'state', 'loading', 'token', ARGV[1], 'last', after + rows, 'digest', digest)
return {'OK', after + rows}
