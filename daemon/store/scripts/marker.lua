-- Is this the Redis that we knew? A marker of the installation with a tick that rises
-- for as long as anybody sends: what is gone, older or another's is found out before
-- anything more is sent from it. Once in doubt it stays so, for all, until a person says.
-- KEYS: marker
-- ARGV: op (look: writes nothing; beat; doubt: the caller found it older; seal: the
--       refusals bear our seal from now on; unsealed: they did, and do not any more; trust:
--       a person says that it is right), the install known ('' none), the highest tick
--       known, an install for a new one, now ms
-- Returns the verdict (good, empty, older, refusals, foreign), install, tick and, if the
-- refusals were sealed once, '1'.
local h = redis.call('HMGET', KEYS[1], 'install', 'tick', 'doubt', 'sealed')
local op, known = ARGV[1], ARGV[2]
local install, tick, sealed = h[1] or '', tonumber(h[2] or '0'), h[4] or nil

if op == 'trust' then -- whatever anybody remembers lies below: ticks are fewer than milliseconds
  if install == '' then
    install = known ~= '' and known or ARGV[4]
  end
  redis.call('HSET', KEYS[1], 'install', install, 'tick', math.max(tick + 1, tonumber(ARGV[5])), 'sealed', '1')
  redis.call('HDEL', KEYS[1], 'doubt', 'since')
  return {'good', install, redis.call('HINCRBY', KEYS[1], 'tick', 1), '1'}
end
if install ~= '' and known ~= '' and install ~= known then
  return {'foreign', install, tick, sealed} -- and nothing is written to it
end
if install == '' and known == '' and op ~= 'look' then
  install = ARGV[4]
  redis.call('HSET', KEYS[1], 'install', install)
end
local verdict = h[3]
if not verdict then
  if install == '' then
    verdict = known == '' and 'good' or 'empty'
  elseif tick < tonumber(ARGV[3]) or op == 'doubt' then
    verdict = 'older'
  elseif op == 'unsealed' and sealed then
    verdict = 'refusals'
  else
    verdict = 'good'
  end
end
if op == 'look' then
  return {verdict, install, tick, sealed}
end
if verdict == 'good' then
  if op == 'seal' then
    redis.call('HSET', KEYS[1], 'sealed', '1')
    sealed = '1'
  end
  return {'good', install, redis.call('HINCRBY', KEYS[1], 'tick', 1), sealed}
end
if not h[3] then
  redis.call('HSET', KEYS[1], 'install', install ~= '' and install or known, 'tick', tick, 'doubt', verdict, 'since',
    ARGV[5])
end
return {verdict, install ~= '' and install or known, tick, sealed}
