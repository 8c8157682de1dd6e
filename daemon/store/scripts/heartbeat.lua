-- A daemon lives: its counter moves. One of the same name with a newer epoch has
-- taken its place if this says so, and it must stop.
-- KEYS: daemon
-- ARGV: epoch, now ms, status ("joining" until what the last life left is taken over)
-- begun is the last epoch that could have left intents: one that died while it was
-- joining has made none, and what it had not come to is still to be taken over.
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then
  return {'REPLACED', epoch}
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seen', ARGV[2], 'status', ARGV[3])
if ARGV[3] ~= 'joining' then
  redis.call('HSET', KEYS[1], 'begun', ARGV[1])
end
return {'OK', redis.call('HINCRBY', KEYS[1], 'beat', 1)}
