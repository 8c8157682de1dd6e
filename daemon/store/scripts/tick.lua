-- Who told a person stays, until the event is another.
-- KEYS: called (hash: number -> who, when, of which version)
-- ARGV: number, the event's version, most versions, value; a value without a version is of the first
-- Returns 1, or 0: somebody else has told her of this version.
local stands = redis.call('HGET', KEYS[1], ARGV[1])
if stands and stands ~= ARGV[4] then
  local version = tonumber(string.match(stands, '\nversion (%d+)') or 1)
  if version < 1 or version > tonumber(ARGV[3]) then
    version = 1
  end
  if version >= tonumber(ARGV[2]) then
    return 0
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return 1
