-- A daemon lives: its counter moves. One of the same name with a newer epoch has
-- taken its place if this says so, and it must stop. Tells how far the system's clock
-- stands off the boot-time clock where a person has said that it is right ('' if not).
-- KEYS: daemon
-- ARGV: epoch, now ms as its system has it, status, now ms as it goes by it, 'sends' if
--       its intents are of that epoch (or '')
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then
  return {'REPLACED', epoch}
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seen', ARGV[2], 'status', ARGV[3], 'wall', ARGV[4])
if ARGV[5] == 'sends' then
  redis.call('HSET', KEYS[1], 'sends', ARGV[1])
end
return {'OK', redis.call('HINCRBY', KEYS[1], 'beat', 1), redis.call('HGET', KEYS[1], 'confirmed') or ''}
