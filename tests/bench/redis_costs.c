/*
 * redis_costs.c - what each step of the hot path costs redis-server
 *
 *     redis_costs --redis SOCKET [--notices N] [--depth BATCHES] [--only WORD]
 *
 * Runs every step alone, pipelined, over one connection, with different batch
 * sizes and ways of doing it, and prints the CPU time of redis-server and the
 * time on the wall in microseconds a notice. The server must be one's own: its
 * database is flushed and its settings changed.
 */
#include "bench.h"
#include "resp.h"
#include "scripts.h"
#include <getopt.h>

enum { RECORD = 16 };

static redisContext *redis;
static int server;
static long notices = 500000;
static int depth = 8; /* batches a flush: what a turn of Redis can share an fsync over */
static const char *only = "";
static struct buffer out;
static char sha_claim[41], sha_move[41], sha_index[41], sha[41];
static unsigned char old_records[RECORD * 2048], new_records[RECORD * 2048];

/* Writes the commands of the batch that begins with notice `first` (from 0),
 * `n` of them, into `out`; returns how many replies come. */
typedef int build_fn(long first, long n, int variant);

static void read_replies(int n)
{
    while (n-- > 0) {
        redisReply *r;

        if (redisGetReply(redis, (void **)&r) != REDIS_OK)
            fail("redis: %s", redis->errstr);
        if (r->type == REDIS_REPLY_ERROR)
            fail("redis: %s", r->str);
        if (r->type == REDIS_REPLY_INTEGER && r->integer < 0)
            fail("script refused: %lld", r->integer);
        freeReplyObject(r);
    }
}

static void send_out(void)
{
    redisAppendFormattedCommand(redis, out.p + out.start, buffer_length(&out));
    out.start = out.end = 0;
}

static void measure(const char *name, long batch, build_fn *build, int variant)
{
    double cpu = cpu_s_of(server), mine = cpu_s();
    int64_t began = mono_us();
    long long aof = resp_info(redis, "persistence", "aof_current_size");
    int pending = 0, calls = 0;
    long at;

    if (strstr(name, only) == NULL)
        return;
    for (at = 0; at + batch <= notices; at += batch) {
        pending += build(at, batch, variant);
        if (++calls % depth == 0) {
            send_out();
            read_replies(pending);
            pending = 0;
        }
    }
    send_out();
    read_replies(pending);
    cpu = cpu_s_of(server) - cpu;
    mine = cpu_s() - mine;
    began = mono_us() - began;
    aof = resp_info(redis, "persistence", "aof_current_size") - aof;
    printf("%-44s %5ld %8.3f %8.3f %8.3f %8.1f\n", name, batch, cpu * 1e6 / (double)at,
           (double)began / (double)at, mine * 1e6 / (double)at, (double)aof / (double)at);
    fflush(stdout);
}

static void one(const char *format, ...)
{
    va_list ap;
    redisReply *r;

    va_start(ap, format);
    r = redisvCommand(redis, format, ap);
    va_end(ap);
    if (r == NULL || r->type == REDIS_REPLY_ERROR)
        fail("%s: %s", format, r ? r->str : redis->errstr);
    freeReplyObject(r);
}

static void reset(void)
{
    one("DEL outreach:{b}:first outreach:{b}:first:leases outreach:{b}:first:ledger");
    one("HSET outreach:{b}:first state open seq 0 cursor 0 expires 1900000000 waiting %ld sending "
        "0 "
        "accepted 0 planned %ld",
        notices, notices);
    one("SETRANGE outreach:{b}:first:ledger %ld %b", (notices + 1) * RECORD - 1, "", (size_t)1);
}

/* --- the steps ------------------------------------------------------------------------ */

static int build_rows(long first, long n, int variant)
{
    for (long i = 0; i < n; i++) {
        resp_begin(&out, 5);
        resp_text(&out, "XADD");
        resp_text(&out, "outreach:{b}:audience");
        resp_format(&out, "%ld-0", first + i + 1);
        resp_text(&out, "r");
        resp_format(&out, "86138%08ld\037张桂英\037%ld号楼", first + i, (first + i) % 90 + 1);
    }
    (void)variant;
    return (int)n;
}

static int build_claim(long first, long n, int variant)
{
    (void)variant;
    resp_evalsha(&out, sha_claim, 2, 5);
    resp_text(&out, "outreach:{b}:first");
    resp_text(&out, "outreach:{b}:first:leases");
    resp_format(&out, "%ld", first / n);
    resp_format(&out, "%ld", first + 1);
    resp_format(&out, "%ld", first + n);
    resp_format(&out, "outreachd-1 17 %ld", first + n);
    if (first == 0)
        resp_text(&out, "");
    else
        resp_format(&out, "%ld", first - n + 1);
    return 1;
}

static int build_xrange(long first, long n, int variant)
{
    (void)variant;
    resp_begin(&out, 4);
    resp_text(&out, "XRANGE");
    resp_text(&out, "outreach:{b}:audience");
    resp_format(&out, "%ld-0", first + 1);
    resp_format(&out, "%ld-0", first + n);
    return 1;
}

/* variant 0: records in full, 1: in full, other script, 2: one record for all */
static int build_move(long first, long n, int variant)
{
    size_t bytes = variant == 2 ? RECORD : (size_t)n * RECORD;

    resp_evalsha(&out, variant == 1 ? sha : sha_move, 2, 7);
    resp_text(&out, "outreach:{b}:first");
    resp_text(&out, "outreach:{b}:first:ledger");
    resp_format(&out, "%ld", first / n);
    resp_format(&out, "%ld", (first + 1) * RECORD);
    resp_format(&out, "%ld", n);
    resp_bytes(&out, old_records, bytes);
    resp_bytes(&out, new_records, bytes);
    resp_text(&out, "waiting");
    resp_text(&out, "sending");
    return 1;
}

/* The same, but every record looked at in Lua: (a) the first byte only, for
 * the counters; (b) state and fence of each compared (a settlement's terms). */
static const char script_loop_counters[] =
    "#!lua\n"
    "local at = tonumber(ARGV[2])\n"
    "local cur = redis.call('GETRANGE', KEYS[2], at, at + #ARGV[4] - 1)\n"
    "if cur ~= ARGV[4] then return -2 end\n"
    "local d, new, byte, floor = {}, ARGV[5], string.byte, math.floor\n"
    "for i = 1, #cur, 16 do\n"
    "  local a, b = floor(byte(cur, i) / 16), floor(byte(new, i) / 16)\n"
    "  d[a] = (d[a] or 0) - 1\n"
    "  d[b] = (d[b] or 0) + 1\n"
    "end\n"
    "redis.call('SETRANGE', KEYS[2], at, new)\n"
    "for s, c in pairs(d) do if c ~= 0 then redis.call('HINCRBY', KEYS[1], 's' .. s, c) end end\n"
    "return 1\n";

static const char script_loop_fence[] =
    "#!lua\n"
    "local at = tonumber(ARGV[2])\n"
    "local cur = redis.call('GETRANGE', KEYS[2], at, at + #ARGV[4] - 1)\n"
    "local d, new, old, byte, sub = {}, ARGV[5], ARGV[4], string.byte, string.sub\n"
    "for i = 1, #cur, 16 do\n"
    "  if sub(cur, i, i) ~= sub(old, i, i) or sub(cur, i + 2, i + 5) ~= sub(old, i + 2, i + 5) "
    "then return -2 end\n"
    "  local a, b = byte(cur, i), byte(new, i)\n"
    "  d[a] = (d[a] or 0) - 1\n"
    "  d[b] = (d[b] or 0) + 1\n"
    "end\n"
    "redis.call('SETRANGE', KEYS[2], at, new)\n"
    "for s, c in pairs(d) do if c ~= 0 then redis.call('HINCRBY', KEYS[1], 's' .. s, c) end end\n"
    "return 1\n";

/* One comparison first; the counters from the first bytes, run by run: string.byte of many at once.
 */
static const char script_runs[] =
    "#!lua\n"
    "local h = redis.call('HMGET', KEYS[1], 'state', 'seq', 'expires')\n"
    "if h[1] ~= 'open' then return -1 end\n"
    "local at = tonumber(ARGV[2])\n"
    "local cur = redis.call('GETRANGE', KEYS[2], at, at + #ARGV[4] - 1)\n"
    "if cur ~= ARGV[4] then return -2 end\n"
    "local d, new, byte = {}, ARGV[5], string.byte\n"
    "local n, pa, pb, run = #cur, byte(cur, 1), byte(new, 1), 0\n"
    "for i = 1, n, 16 do\n"
    "  local a, b = byte(cur, i), byte(new, i)\n"
    "  if a == pa and b == pb then run = run + 1 else\n"
    "    d[pa] = (d[pa] or 0) - run d[pb] = (d[pb] or 0) + run\n"
    "    pa, pb, run = a, b, 1\n"
    "  end\n"
    "end\n"
    "d[pa] = (d[pa] or 0) - run d[pb] = (d[pb] or 0) + run\n"
    "redis.call('SETRANGE', KEYS[2], at, new)\n"
    "for s, c in pairs(d) do if c ~= 0 then redis.call('HINCRBY', KEYS[1], 's' .. s, c) end end\n"
    "return 1\n";

static int build_optout(long first, long n, int variant)
{
    resp_begin(&out, 2 + (size_t)n);
    resp_text(&out, "SMISMEMBER");
    resp_text(&out, variant == 0 ? "outreach:optout-none" : "outreach:optout");
    for (long i = 0; i < n; i++)
        resp_format(&out, "+86138%08ld", first + i);
    return 1;
}

static int value_bytes = 13;

/* variant 0: the script, one hash per hundred ids; 1: plain HSET, many fields;
 * 2: HSET one field each; 3: APPEND of records to one string per hundred ids;
 * 4: SETRANGE into one string per hundred; 5: the script, a string per hundred by APPEND; 6: HSET
 * by thousand */
static int build_index(long first, long n, int variant)
{
    static const char value[64] = "abcdefghijklmnopqrstuvwxyz";
    long each = variant == 6 ? 1000 : variant == 7 ? 50 : 100, end = first + n;
    int commands = 0;

    if (variant == 0 || variant == 5) {
        long keys = (end - 1) / 100 - first / 100 + 1;

        resp_evalsha(&out, variant == 0 ? sha_index : sha, 1 + (size_t)keys,
                     variant == 0 ? (size_t)(keys + 2 * n) : (size_t)keys);
        resp_text(&out, "outreach:{gw:b}:parked");
        for (long k = first / 100; k <= (end - 1) / 100; k++)
            resp_format(&out, "outreach:{gw:b}:r:20780:17639%09ld", k);
    }
    for (long k = first / each; k * each < end; k++) {
        long a = k * each > first ? k * each : first,
             b = (k + 1) * each < end ? (k + 1) * each : end;

        switch (variant) {
        case 0:
            resp_format(&out, "%ld", b - a);
            for (long i = a; i < b; i++) {
                resp_format(&out, "%02ld", i % 100);
                resp_bytes(&out, value, (size_t)value_bytes);
            }
            commands = 1;
            break;
        case 1:
        case 6:
        case 7:
            resp_begin(&out, 2 + 2 * (size_t)(b - a));
            resp_text(&out, "HSET");
            resp_format(&out, "outreach:{gw:b}:r:20780:17639%09ld", k);
            for (long i = a; i < b; i++) {
                resp_format(&out, variant == 6 ? "%03ld" : "%02ld", i % each);
                resp_bytes(&out, value, (size_t)value_bytes);
            }
            commands++;
            break;
        case 2:
            for (long i = a; i < b; i++, commands++) {
                resp_begin(&out, 4);
                resp_text(&out, "HSET");
                resp_format(&out, "outreach:{gw:b}:r:20780:17639%09ld", k);
                resp_format(&out, "%02ld", i % 100);
                resp_bytes(&out, value, (size_t)value_bytes);
            }
            break;
        case 3:
        case 4:
        case 5: {
            char records[100 * 40];
            size_t bytes = (size_t)(b - a) * (size_t)(value_bytes + (variant == 4 ? 0 : 1));

            memset(records, 'x', sizeof records);
            if (variant != 5) {
                resp_begin(&out, variant == 3 ? 3 : 4);
                resp_text(&out, variant == 3 ? "APPEND" : "SETRANGE");
                resp_format(&out, "outreach:{gw:b}:r:20780:17639%09ld", k);
                if (variant == 4)
                    resp_format(&out, "%ld", (a - k * 100) * value_bytes);
            }
            resp_bytes(&out, records, bytes);
            commands = variant == 5 ? 1 : commands + 1;
            break;
        }
        }
    }
    return commands;
}

static void measure_index(const char *name, long batch, int variant)
{
    long long before;

    one("FLUSHALL");
    before = resp_info(redis, "memory", "used_memory");
    measure(name, batch, build_index, variant);
    printf("%-44s %38.1f bytes of memory a notice\n", "",
           (double)(resp_info(redis, "memory", "used_memory") - before) / (double)notices);
}

static void steps(void)
{
    long long before;

    one("FLUSHALL");
    before = resp_info(redis, "memory", "used_memory");
    measure("audience: XADD, one each", 500, build_rows, 0);
    printf("%-44s %38.1f bytes of memory a notice\n", "",
           (double)(resp_info(redis, "memory", "used_memory") - before) / (double)notices);
    for (long b = 128; b <= 1024; b *= 2)
        measure("rows: XRANGE", b, build_xrange, 0);
    for (long b = 128; b <= 1024; b *= 2)
        reset(), measure("claim: script, lease given back", b, build_claim, 0);
    for (long b = 128; b <= 1024; b *= 2)
        reset(), measure("move: whole range compared, 2 counters", b, build_move, 0);
    resp_load(redis, script_runs, sha);
    for (long b = 128; b <= 512; b *= 2)
        reset(), measure("move: whole compare, counters by runs", b, build_move, 1);
    resp_load(redis, script_loop_counters, sha);
    reset(), measure("move: whole compare, counters in a loop", 256, build_move, 1);
    resp_load(redis, script_loop_fence, sha);
    reset(), measure("move: state and fence compared in a loop", 256, build_move, 1);
    for (long b = 128; b <= 1024; b *= 2)
        reset(), measure("move: one record for all, and a count", b, build_move, 2);
    measure("optout: SMISMEMBER, no set", 256, build_optout, 0);
    for (int i = 0; i < 10000; i++)
        one("SADD outreach:optout +86139%08d", i);
    measure("optout: SMISMEMBER, 10,000 in it", 128, build_optout, 1);
    measure("optout: SMISMEMBER, 10,000 in it", 256, build_optout, 1);
    measure("optout: SMISMEMBER, 10,000 in it", 512, build_optout, 1);

    measure_index("index: script, hash per 100", 128, 0);
    measure_index("index: script, hash per 100", 256, 0);
    measure_index("index: script, hash per 100", 512, 0);
    measure_index("index: HSET, hash per 100", 256, 1);
    measure_index("index: HSET, hash per 50", 256, 7);
    measure_index("index: HSET, hash per 1000 (hashtable)", 256, 6);
    measure_index("index: HSET one field a command", 256, 2);
    measure_index("index: APPEND, string per 100", 256, 3);
    measure_index("index: SETRANGE, string per 100", 256, 4);
    resp_load(redis, script_index_string, sha);
    measure_index("index: script, APPEND, string per 100", 128, 5);
    measure_index("index: script, APPEND, string per 100", 256, 5);
    measure_index("index: script, APPEND, string per 100", 512, 5);
    value_bytes = 8;
    measure_index("index: script, hash per 100, 8 byte value", 256, 0);
    value_bytes = 20;
    measure_index("index: script, hash per 100, 20 byte value", 256, 0);
    value_bytes = 13;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"redis", required_argument, 0, 'r'},
                                            {"notices", required_argument, 0, 'n'},
                                            {"depth", required_argument, 0, 'd'},
                                            {"only", required_argument, 0, 'o'},
                                            {0}};
    static const char *const syncs[] = {"always", "everysec"};
    const char *path = NULL;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'r')
            path = optarg;
        else if (o == 'n')
            notices = atol(optarg) / 2048 * 2048;
        else if (o == 'd')
            depth = atoi(optarg);
        else if (o == 'o')
            only = optarg;
        else
            return 64;
    }
    if (path == NULL || notices < 2048)
        fail("usage: redis_costs --redis SOCKET [--notices N]");
    redis = redisConnectUnix(path);
    if (redis == NULL || redis->err)
        fail("%s: %s", path, redis ? redis->errstr : "memory");
    server = (int)resp_info(redis, "server", "process_id");
    resp_load(redis, script_claim, sha_claim);
    resp_load(redis, script_move, sha_move);
    resp_load(redis, script_index_hash, sha_index);
    for (size_t i = 0; i < sizeof new_records; i += RECORD)
        memcpy(new_records + i, "\x20\x11\0\x11\0\x12\1\0\x11\0\0\0\1\0\0\0", RECORD);
    for (int s = 0; s < 2; s++) {
        one("CONFIG SET appendfsync %s", syncs[s]);
        printf("\nappendfsync %s\n%-44s %5s %8s %8s %8s %8s\n", syncs[s], "step", "batch",
               "redis us", "wall us", "client", "aof B");
        steps();
    }
    redisFree(redis);
    return 0;
}
