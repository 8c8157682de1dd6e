-- A value that all daemons share, sealed by them (gateway/shared.c): made by one at a time.
-- KEYS: value (hash: box, mark), maker (who is making it)
-- ARGV: 'get', who, the mark of a value that is refused or '', how long who may make it (ms)
--       'put', who, the value's mark, how long it holds (ms), box
--       'forget', who, the mark of what is to be forgotten or ''
-- Returns of get {'value', box, mark}, {'make'} or {'wait'}; else whether anything was done.
local who, mark = ARGV[2], ARGV[3]
local maker = redis.call('GET', KEYS[2])
local have = redis.call('HMGET', KEYS[1], 'box', 'mark')
if ARGV[1] == 'get' then
  if have[1] and have[2] ~= mark then
    return {'value', have[1], have[2]}
  end
  if maker and maker ~= who then
    return {'wait'}
  end
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], who, 'PX', ARGV[4])
  return {'make'}
end
if ARGV[1] == 'put' then
  -- Who took too long must not put an older value in the place of a newer one.
  if maker ~= who and (maker or have[1]) then
    return 0
  end
  redis.call('HSET', KEYS[1], 'box', ARGV[5], 'mark', mark)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  redis.call('DEL', KEYS[2])
  return 1
end
if maker == who then
  redis.call('DEL', KEYS[2])
end
if have[2] == mark then
  redis.call('DEL', KEYS[1])
end
return 1
