-- Rows that will not be queued are taken away again, if nobody else has begun.
-- KEYS: campaign, audience
-- ARGV: token of the upload
local h = redis.call('HMGET', KEYS[1], 'state', 'token')
if h[1] ~= 'loading' or h[2] ~= ARGV[1] then
  return 0
end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
