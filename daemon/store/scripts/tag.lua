-- A tag for a page of the register: those whose bit is set get it, or lose it.
-- KEYS: tag
-- ARGV: first byte, bits, add or remove
-- Returns how many had it otherwise.
local first, page = tonumber(ARGV[1]), ARGV[2]
local have = redis.call('GETRANGE', KEYS[1], first, first + #page - 1)
local bytes, changed = {}, 0
for i = 1, #page do
  local mine = have:byte(i) or 0
  local new = ARGV[3] == 'add' and bit.bor(mine, page:byte(i)) or bit.band(mine, bit.bnot(page:byte(i)))
  local other = bit.bxor(mine, new)
  while other ~= 0 do
    changed = changed + bit.band(other, 1)
    other = bit.rshift(other, 1)
  end
  bytes[i] = string.char(new)
end
if changed > 0 then
  redis.call('SETRANGE', KEYS[1], first, table.concat(bytes))
end
return changed
