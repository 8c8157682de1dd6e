/*
 * scripts.h - the least that a claim, an intent, a receipt index and a settlement
 * have to do: what redis_costs.c tells the price of
 *
 * They take the straight way and refuse everything else, and a refusal ends the
 * run. The floor sends the daemon's own scripts, not these.
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

/* KEYS reminder leases; ARGV highest seq seen, first, last, holder, lease to
 * give back or "". The cursor must stand right before first. */
static const char script_claim[] =
    "#!lua\n"
    "local h = redis.call('HMGET', KEYS[1], 'state', 'seq', 'cursor')\n"
    "local seq = tonumber(h[2])\n"
    "if h[1] ~= 'open' or seq < tonumber(ARGV[1]) then return -1 end\n"
    "if tonumber(h[3]) + 1 ~= tonumber(ARGV[2]) then return -2 end\n"
    "redis.call('HSET', KEYS[1], 'cursor', ARGV[3], 'seq', seq + 1)\n"
    "if ARGV[5] ~= '' then redis.call('HDEL', KEYS[2], ARGV[5]) end\n"
    "redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])\n"
    "return seq + 1\n";

/* KEYS reminder ledger; ARGV highest seq seen, byte offset, number of records,
 * records expected, records new (each in full, or one for all), counter that
 * falls, counter that rises. Serves intent and settlement alike. */
static const char script_move[] =
    "#!lua\n"
    "local h = redis.call('HMGET', KEYS[1], 'state', 'seq', 'expires', ARGV[6], ARGV[7])\n"
    "local seq, at, n = tonumber(h[2]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "if h[1] ~= 'open' or seq < tonumber(ARGV[1]) then return -1 end\n"
    "local old, new = ARGV[4], ARGV[5]\n"
    "if #old < 16 * n then old = string.rep(old, n) end\n"
    "if #new < 16 * n then new = string.rep(new, n) end\n"
    "if redis.call('GETRANGE', KEYS[2], at, at + 16 * n - 1) ~= old then return -2 end\n"
    "redis.call('SETRANGE', KEYS[2], at, new)\n"
    "redis.call('HSET', KEYS[1], 'seq', seq + 1, ARGV[6], h[4] - n, ARGV[7], h[5] + n)\n"
    "return seq + 1\n";

/* KEYS receipts parked, then one index string per hundred ids; ARGV the records
 * that each of them grows by. Returns how many receipts are parked: who finds
 * any looks for its own. */
static const char script_index_string[] =
    "#!lua\n"
    "for k = 2, #KEYS do\n"
    "  if redis.call('APPEND', KEYS[k], ARGV[k - 1]) == #ARGV[k - 1] then\n"
    "    redis.call('EXPIRE', KEYS[k], 259200)\n"
    "  end\n"
    "end\n"
    "return redis.call('HLEN', KEYS[1])\n";

/* The same as a hash per hundred ids; ARGV for each hash the number of its
 * fields, then field and value alternately. */
static const char script_index_hash[] =
    "#!lua\n"
    "local a = 1\n"
    "for k = 2, #KEYS do\n"
    "  local n = tonumber(ARGV[a]) * 2\n"
    "  redis.call('HSET', KEYS[k], unpack(ARGV, a + 1, a + n))\n"
    "  redis.call('EXPIRE', KEYS[k], 259200)\n"
    "  a = a + 1 + n\n"
    "end\n"
    "return redis.call('HLEN', KEYS[1])\n";

#endif
