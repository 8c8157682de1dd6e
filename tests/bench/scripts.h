/*
 * scripts.h - the floor's own Lua: the least that a claim, an intent, a receipt
 * index and a settlement have to do, as LEDGER.md describes them
 *
 * They are the yardstick, not the daemon's scripts: they take the straight way
 * and refuse everything else. A record that differs ends the run.
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

/* KEYS reminder leases; ARGV seq, first, last, holder, lease to give back or "".
 * The cursor must stand right before first. */
static const char script_claim[] =
    "#!lua\n"
    "local h = redis.call('HMGET', KEYS[1], 'state', 'seq', 'cursor')\n"
    "if h[1] ~= 'open' or tonumber(h[2] or '0') > tonumber(ARGV[1]) then return -1 end\n"
    "if tonumber(h[3]) + 1 ~= tonumber(ARGV[2]) then return -2 end\n"
    "redis.call('HSET', KEYS[1], 'cursor', ARGV[3], 'seq', ARGV[1])\n"
    "if ARGV[5] ~= '' then redis.call('HDEL', KEYS[2], ARGV[5]) end\n"
    "redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])\n"
    "return 1\n";

/* KEYS reminder ledger; ARGV seq, byte offset, records expected, records new,
 * counter that falls, counter that rises, by how many. Serves intent and
 * settlement alike: one comparison of the whole range. */
static const char script_move[] =
    "#!lua\n"
    "local h = redis.call('HMGET', KEYS[1], 'state', 'seq', 'expires')\n"
    "if h[1] ~= 'open' or tonumber(h[2] or '0') > tonumber(ARGV[1]) then return -1 end\n"
    "local at = tonumber(ARGV[2])\n"
    "if redis.call('GETRANGE', KEYS[2], at, at + #ARGV[3] - 1) ~= ARGV[3] then return -2 end\n"
    "redis.call('SETRANGE', KEYS[2], at, ARGV[4])\n"
    "redis.call('HINCRBY', KEYS[1], ARGV[5], -ARGV[7])\n"
    "redis.call('HINCRBY', KEYS[1], ARGV[6], ARGV[7])\n"
    "redis.call('HSET', KEYS[1], 'seq', ARGV[1])\n"
    "return 1\n";

/* KEYS receipts parked, then one index hash per hundred ids; ARGV: for each
 * hash the number of its fields, then field and value alternately. Returns the
 * number of parked receipts, so that the caller looks for its own if any. */
static const char script_index[] = "#!lua\n"
                                   "local a = 1\n"
                                   "for k = 2, #KEYS do\n"
                                   "  local n = tonumber(ARGV[a]) * 2\n"
                                   "  redis.call('HSET', KEYS[k], unpack(ARGV, a + 1, a + n))\n"
                                   "  redis.call('EXPIRE', KEYS[k], 259200)\n"
                                   "  a = a + 1 + n\n"
                                   "end\n"
                                   "return redis.call('HLEN', KEYS[1])\n";

#endif
