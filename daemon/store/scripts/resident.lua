-- People into the register, or their tags alone. Known by primary address and name: a household's
-- phone is several people. Of one who is known, what is new counts, and what is empty says nothing.
-- KEYS: register, people (number -> row), addresses (address -> numbers), then every tag, in order
-- ARGV: each or first (one address is one person), import, add or remove (tags of those who are
--       known), place of the name in rows, places of columns whose values are tags ("4,7"), then
--       for each person: address, values joined by 0x1f, numbers of her tags from 1 ("1,3")
-- Returns {'OK', added, changed, same, not found} or {'AGAIN'}: there are more tags than keys.
local MOST = 33554431
local MOST_ARGS = 1000 -- of one command: pairs, and fours, stay whole
local mode, op, name_at = ARGV[1], ARGV[2], tonumber(ARGV[3])
local h = redis.call('HMGET', KEYS[1], 'last', 'tags')
local last = tonumber(h[1] or '0')
local count = math.floor((#ARGV - 4) / 3)

local function split(s)
  local t = {}
  for v in (s .. '\31'):gmatch('([^\31]*)\31') do
    t[#t + 1] = v
  end
  return t
end

-- What is there, with few calls. A row is taken apart only where it has to be.
local numbers, rows, parts, asked = {}, {}, {}, {}
local function people(n)
  parts[n] = parts[n] or split(rows[n])
  return parts[n]
end
for i = 1, count do
  asked[i] = ARGV[2 + 3 * i]
end
local found = count > 0 and redis.call('HMGET', KEYS[3], unpack(asked)) or {}
local wanted = {}
for i = 1, count do
  if found[i] and not numbers[asked[i]] then
    numbers[asked[i]] = {}
    for n in found[i]:gmatch('%d+') do
      table.insert(numbers[asked[i]], tonumber(n))
      wanted[#wanted + 1] = n
    end
  end
end
for i = 1, #wanted, 1000 do
  local page = redis.call('HMGET', KEYS[2], unpack(wanted, i, math.min(i + 999, #wanted)))
  for k = 1, #page do
    rows[tonumber(wanted[i + k - 1])] = page[k] or ''
  end
end

-- Her number and, where it may differ, what her row says now.
local function find(address, row)
  local list = numbers[address]
  if not list then
    return nil
  end
  for _, n in ipairs(list) do
    if rows[n] == row then
      return n
    end
  end
  local values, nameless = split(row), nil
  local name = values[name_at] or ''
  for _, n in ipairs(list) do
    local theirs = people(n)[name_at] or ''
    if name == '' or theirs == name or mode == 'first' then
      return n, values
    end
    if theirs == '' then
      nameless = nameless or n
    end
  end
  return op == 'import' and nameless or nil, values
end

local tag_columns, tag_numbers = {}, nil
for place in ARGV[4]:gmatch('%d+') do
  tag_columns[tonumber(place)] = true
end
local function number_of(tag)
  if not tag_numbers then
    tag_numbers = {}
    for i, name in ipairs(split(h[2] or '')) do
      tag_numbers[name] = i
    end
  end
  return tag_numbers[tag]
end

local bits, dirty, fresh, changed = {}, {}, {}, {}
local added, unknown, seen, same = 0, 0, {}, 0
local short = false
local function set(tag, n, bit)
  if not KEYS[3 + tag] then
    short = true
    return
  end
  bits[tag] = bits[tag] or {}
  bits[tag][n] = bit
end

-- She belongs to another community now: the old one is no tag of hers any more.
local function drop_tags(n, value)
  value = value:gsub('，', ','):gsub('、', ','):gsub('；', ','):gsub(';', ',')
  for tag in (value .. ','):gmatch('%s*([^,]-)%s*,') do
    local number = number_of(tag)
    if number then
      set(number, n, 0)
    end
  end
end

local function merge(n, values)
  local mine = people(n)
  for k, v in ipairs(values) do
    if v ~= '' and v ~= (mine[k] or '') and not (mode == 'first' and values[name_at] ~= '' and mine[name_at] ~= '' and mine[name_at] ~= values[name_at]) then
      if tag_columns[k] and (mine[k] or '') ~= '' then
        drop_tags(n, mine[k])
      end
      for gap = #mine + 1, k - 1 do
        mine[gap] = ''
      end
      mine[k] = v
      dirty[n], changed[n] = true, true
    end
  end
  if dirty[n] then
    rows[n] = table.concat(mine, '\31')
  end
end

local lists = {} -- numbers of tags as written -> a list: many people have the same
local function tags_of(written)
  if not lists[written] then
    lists[written] = {}
    for tag in written:gmatch('%d+') do
      table.insert(lists[written], tonumber(tag))
    end
  end
  return lists[written]
end

for i = 1, count do
  local address, row = asked[i], ARGV[3 + 3 * i]
  local n, values = find(address, row)
  if n and values and op == 'import' then
    merge(n, values)
  elseif not n and op == 'import' then
    last = last + 1
    n = last
    rows[n], dirty[n], fresh[n] = row, true, true
    numbers[address] = numbers[address] or {}
    table.insert(numbers[address], n)
    added = added + 1
  end
  if n then
    seen[n] = true
    for _, tag in ipairs(tags_of(ARGV[4 + 3 * i])) do
      set(tag, n, op == 'remove' and 0 or 1)
    end
  else
    unknown = unknown + 1
  end
end
if short or last > MOST then
  return {short and 'AGAIN' or 'FULL'}
end
for tag, of in pairs(bits) do
  redis.call('STRLEN', KEYS[3 + tag]) -- an error before anything is written
  for n, bit in pairs(of) do
    if (fresh[n] and 0 or redis.call('GETBIT', KEYS[3 + tag], n)) == bit then
      of[n] = nil
    else
      changed[n] = true
    end
  end
end
for n in pairs(seen) do
  same = same + ((fresh[n] or changed[n]) and 0 or 1)
end

-- From here on it is written.
local pairs_of, at = {}, {}
for n in pairs(dirty) do
  pairs_of[#pairs_of + 1] = n
  pairs_of[#pairs_of + 1] = rows[n]
end
for address, list in pairs(numbers) do
  if fresh[list[#list]] then
    at[#at + 1] = address
    at[#at + 1] = table.concat(list, ' ')
  end
end
for i = 1, #pairs_of, MOST_ARGS do
  redis.call('HSET', KEYS[2], unpack(pairs_of, i, math.min(i + MOST_ARGS - 1, #pairs_of)))
end
for i = 1, #at, MOST_ARGS do
  redis.call('HSET', KEYS[3], unpack(at, i, math.min(i + MOST_ARGS - 1, #at)))
end
for tag, of in pairs(bits) do
  local args = {}
  for n, bit in pairs(of) do
    args[#args + 1] = 'SET'
    args[#args + 1] = 'u1'
    args[#args + 1] = n
    args[#args + 1] = bit
  end
  for i = 1, #args, MOST_ARGS do
    redis.call('BITFIELD', KEYS[3 + tag], unpack(args, i, math.min(i + MOST_ARGS - 1, #args)))
  end
end
if added > 0 then
  redis.call('HSET', KEYS[1], 'last', last)
end
local moved = 0
for n in pairs(changed) do
  moved = moved + (fresh[n] and 0 or 1)
end
return {'OK', added, moved, same, unknown}
