-- People out of the register: their rows, their place under an address, their tags.
-- KEYS: people, addresses, then every tag
-- ARGV: address, number...
-- Returns how many of them were there.
local gone, stay, tagged, erased = {}, {}, {}, 0
for i = 2, #ARGV do
  gone[ARGV[i]] = true
end
for n in (redis.call('HGET', KEYS[2], ARGV[1]) or ''):gmatch('%d+') do
  if not gone[n] then
    stay[#stay + 1] = n
  end
end
for n in pairs(gone) do
  for i = 3, #KEYS do
    if redis.call('GETBIT', KEYS[i], n) == 1 then
      tagged[#tagged + 1] = {i, n}
    end
  end
end
for n in pairs(gone) do -- all is read: now it may be written
  erased = erased + redis.call('HDEL', KEYS[1], n)
end
for _, at in ipairs(tagged) do
  redis.call('SETBIT', KEYS[at[1]], at[2], 0)
end
if #stay > 0 then
  redis.call('HSET', KEYS[2], ARGV[1], table.concat(stay, ' '))
else
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return erased
