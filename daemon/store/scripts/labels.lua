-- Names of columns or tags for the register: a name keeps its place for ever.
-- KEYS: register
-- ARGV: columns or tags, how many there may be, name...
-- Returns all of them, joined by 0x1f, or {'FULL'}.
local names, there, count = redis.call('HGET', KEYS[1], ARGV[1]) or '', {}, 0
for name in names:gmatch('[^\31]+') do
  there[name] = true
  count = count + 1
end
for i = 3, #ARGV do
  if not there[ARGV[i]] then
    there[ARGV[i]] = true
    count = count + 1
    names = names .. (names ~= '' and '\31' or '') .. ARGV[i]
  end
end
if count > tonumber(ARGV[2]) then
  return {'FULL'}
end
if #ARGV > 2 then
  redis.call('HSET', KEYS[1], ARGV[1], names)
end
return names
