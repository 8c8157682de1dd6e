-- A lease is done with, or its range goes back to be claimed by whoever is next.
-- KEYS: reminder, leases
-- ARGV: lease name, then nothing (done), or from, to, takeovers of what is left
redis.call('HLEN', KEYS[1]) -- an error before anything is written, if it is no hash
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then
  return 0 -- a repeat
end
if ARGV[2] then
  redis.call('HSET', KEYS[2], ':' .. ARGV[2], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' 0')
  redis.call('HINCRBY', KEYS[1], 'orphans', 1)
end
return 1
