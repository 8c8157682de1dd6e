/*
 * floor.c - how fast the parts go with no daemon around them
 *
 *     floor --redis SOCKET --smsc PORT [--notices N] [--fill]
 *
 * A bare loop that does for every notice what outreachd has to do, and nothing
 * else: claim a range, read its rows, put intents into the ledger and ask for
 * opt-outs, write the intent to the delivery log, submit over SMPP with a
 * receipt asked for, index the message id, settle, log again. Several batches
 * are in flight, so that no round trip is waited for; what a turn of the loop
 * has for a socket leaves with one write. It knows no failure: whatever is not
 * as expected ends it. What the daemon reaches is measured against this.
 *
 * A batch goes CLAIM -> (claim and rows answered) INTENT -> (intent and opt-outs
 * answered) SUBMIT -> (all responses there) SETTLE -> (index and settlement
 * answered) free. Batches are dealt over --connections to Redis, because it
 * reads 16 KB of each a turn and every turn ends in an fsync; claims all go over
 * the first, so that they stay in order.
 */
#include "bench.h"
#include "resp.h"
#include "scripts.h"
#include <getopt.h>
#include <sys/epoll.h>

enum {
    RECORD = 16,
    BATCH_MAX = 1024,
    NAME_BYTES = 24,
    ADDRESS_BYTES = 20,
    REDIS_MAX = 16,
    SMSC_MAX = 16,
    WINDOW_MAX = 65536,
    INDEX_VALUE = 13,
};

static struct {
    const char *redis, *log;
    int smsc, connections, sessions;
    long notices, batch, flight, window;
    bool fill, json, hash_index, full_records, plain_replies;
} o = {.connections = 4,
       .sessions = 1,
       .notices = 1000000,
       .batch = 256,
       .flight = 32,
       .window = 4000,
       .log = "delivery.log"};

enum stage { FREE, CLAIM, INTENT, SUBMIT, SETTLE };

struct batch {
    enum stage stage;
    int waits; /* replies or responses still to come */
    long first, n;
    long sent;
    struct link *link;
    unsigned char record[RECORD]; /* what stands in the ledger for all of it */
    char address[BATCH_MAX][ADDRESS_BYTES];
    uint8_t address_bytes[BATCH_MAX];
    char name[BATCH_MAX][NAME_BYTES];
    uint8_t name_bytes[BATCH_MAX];
    uint64_t id[BATCH_MAX];
};

/* What the next reply on a connection answers. */
enum answer { A_CLAIM, A_ROWS, A_INTENT, A_OPTOUT, A_INDEX, A_SETTLE };
struct asked {
    struct batch *batch;
    enum answer what;
};

/* A connection to Redis. Replies come in order: what they answer is a ring. */
struct link {
    int fd;
    redisContext *context; /* only its socket is used, and its reader with --plain-replies */
    redisReader *reader;
    struct buffer out;
    struct asked asked[4096];
    unsigned asked_first, asked_last;
    bool write_watched;
};

/* A session with the SMSC. Sequence numbers are places in the window. */
struct session {
    int fd;
    bool bound, write_watched;
    struct buffer in, out;
    long outstanding;
    uint32_t seq;
    struct {
        struct batch *batch;
        int i;
    } window[WINDOW_MAX];
};

static int poll_fd, log_fd;
static struct link links[REDIS_MAX];
static struct session sessions[SMSC_MAX];
static struct batch *batches, *to_submit[4096];
static unsigned submit_first, submit_last;
static struct buffer log_out;
static char sha_claim[41], sha_move[41], sha_index[41];
static long claimed, settled, last_lease;
static long long seq_seen;
static char day[24];

/* --- replies of Redis without an allocation each ---------------------------------------- */

/* One a connection, since a reply may be read in pieces; empty between replies. */
struct arena {
    size_t used;
    char bytes[4 << 20];
};

static void *arena_take(const redisReadTask *task, size_t bytes)
{
    struct arena *a = task->privdata;
    void *p = a->bytes + a->used;

    a->used += (bytes + 15) & ~(size_t)15;
    if (a->used > sizeof a->bytes)
        fail("a reply of more than %zu bytes", sizeof a->bytes);
    return p;
}

static redisReply *arena_reply(const redisReadTask *task, int type)
{
    redisReply *r = arena_take(task, sizeof *r), *parent;

    memset(r, 0, sizeof *r);
    r->type = type;
    if (task->parent != NULL) {
        parent = task->parent->obj;
        parent->element[task->idx] = r;
    }
    return r;
}

static void *arena_string(const redisReadTask *task, char *p, size_t n)
{
    redisReply *r = arena_reply(task, task->type);

    r->str = arena_take(task, n + 1);
    memcpy(r->str, p, n);
    r->str[n] = '\0';
    r->len = n;
    return r;
}

static void *arena_array(const redisReadTask *task, int n)
{
    redisReply *r = arena_reply(task, REDIS_REPLY_ARRAY);

    r->elements = (size_t)n;
    r->element = arena_take(task, (size_t)n * sizeof *r->element);
    return r;
}

static void *arena_integer(const redisReadTask *task, long long value)
{
    redisReply *r = arena_reply(task, REDIS_REPLY_INTEGER);

    r->integer = value;
    return r;
}

static void *arena_nil(const redisReadTask *task)
{
    return arena_reply(task, REDIS_REPLY_NIL);
}

static void arena_free(void *reply)
{
    (void)reply;
}

static redisReplyObjectFunctions arena_functions = {arena_string, arena_array, arena_integer,
                                                    arena_nil, arena_free};

/* --- small writers ----------------------------------------------------------------------- */

static char *put_text(char *p, const char *text, size_t n)
{
    memcpy(p, text, n);
    return p + n;
}
#define PUT(p, literal) put_text(p, literal, sizeof(literal) - 1)

static char *put_number(char *p, uint64_t v)
{
    char digits[20], *d = digits + sizeof digits;

    do
        *--d = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    return put_text(p, d, (size_t)(digits + sizeof digits - d));
}

static char *put_hex(char *p, uint64_t v)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *p++ = "0123456789abcdef"[v >> shift & 15];
    return p;
}

static uint64_t keyed_hash(const char *p, size_t n)
{
    uint64_t h = 0x736f6d6570736575u;

    while (n-- > 0)
        h = (h ^ (unsigned char)*p++) * 0x100000001b3u;
    return h ^ h >> 31;
}

static char now_text[64]; /* of this turn, for the log */

static void log_line(const struct batch *b, int i, bool accepted)
{
    char *line = buffer_room(&log_out, 512), *p = line;
    const char *to = b->address[i];
    size_t n = b->address_bytes[i];

    p = PUT(p, "{\"t\":\"");
    p = put_text(p, now_text, 24);
    p = accepted ? PUT(p, "\",\"event\":\"notice.accepted\",\"campaign\":\"bench\",\"reminder\":"
                          "\"first\",\"n\":")
                 : PUT(p, "\",\"event\":\"notice.intent\",\"campaign\":\"bench\",\"reminder\":"
                          "\"first\",\"n\":");
    p = put_number(p, (uint64_t)(b->first + i));
    p = PUT(p, ",\"gateway\":\"bench\",\"attempt\":1,\"to\":\"");
    p = put_text(p, to, 5);
    p = PUT(p, "...");
    p = put_text(p, to + n - 2, 2);
    p = PUT(p, "\",\"who\":\"");
    p = put_hex(p, keyed_hash(to, n));
    if (accepted) {
        p = PUT(p, "\",\"id\":\"");
        p = put_number(p, b->id[i]);
        p = PUT(p, "\",\"queued_ms\":840,\"submit_ms\":");
        p = put_number(p, 12);
        p = PUT(p, "}\n");
    } else {
        p = PUT(p, "\",\"fence\":1114130,\"segments\":1,\"queued_ms\":");
        p = put_number(p, 840);
        p = PUT(p, "}\n");
    }
    log_out.end += (size_t)(p - line);
}

/* --- Redis: what a batch asks for ---------------------------------------------------------- */

static void ask(struct link *l, struct batch *b, enum answer what)
{
    struct asked *a = &l->asked[l->asked_last++ % 4096];

    if (l->asked_last - l->asked_first > 4096)
        fail("too much asked");
    a->batch = b;
    a->what = what;
    b->waits++;
}

static void batch_claim(struct batch *b)
{
    struct buffer *out = &links[0].out;

    b->stage = CLAIM;
    b->first = claimed + 1;
    b->n = o.notices - claimed < o.batch ? o.notices - claimed : o.batch;
    b->sent = 0;
    claimed += b->n;
    memset(b->record, 0, RECORD);
    resp_evalsha(out, sha_claim, 2, 5);
    resp_text(out, "outreach:{bench}:first");
    resp_text(out, "outreach:{bench}:first:leases");
    resp_format(out, "%lld", seq_seen);
    resp_format(out, "%ld", b->first);
    resp_format(out, "%ld", b->first + b->n - 1);
    resp_format(out, "floor 17 %ld", b->first + b->n - 1);
    if (last_lease > 0)
        resp_format(out, "%ld", last_lease);
    else
        resp_text(out, "");
    last_lease = 0;
    ask(&links[0], b, A_CLAIM);

    out = &b->link->out;
    resp_begin(out, 4);
    resp_text(out, "XRANGE");
    resp_text(out, "outreach:{bench}:audience");
    resp_format(out, "%ld-0", b->first);
    resp_format(out, "%ld-0", b->first + b->n - 1);
    ask(b->link, b, A_ROWS);
}

static void ask_move(struct batch *b, const unsigned char *record, const char *falls,
                     const char *rises, enum answer what)
{
    static unsigned char full[BATCH_MAX * RECORD];
    struct buffer *out = &b->link->out;
    long copies = o.full_records ? b->n : 1;

    resp_evalsha(out, sha_move, 2, 7);
    resp_text(out, "outreach:{bench}:first");
    resp_text(out, "outreach:{bench}:first:ledger");
    resp_format(out, "%lld", seq_seen);
    resp_format(out, "%ld", b->first * RECORD);
    resp_format(out, "%ld", b->n);
    for (long i = 0; i < copies; i++)
        memcpy(full + i * RECORD, b->record, RECORD);
    resp_bytes(out, full, (size_t)(copies * RECORD));
    for (long i = 0; i < copies; i++)
        memcpy(full + i * RECORD, record, RECORD);
    resp_bytes(out, full, (size_t)(copies * RECORD));
    resp_text(out, falls);
    resp_text(out, rises);
    memcpy(b->record, record, RECORD);
    ask(b->link, b, what);
}

static void batch_intend(struct batch *b)
{
    unsigned char record[RECORD] = {0x20, 0x11};
    struct buffer *out = &b->link->out;

    b->stage = INTENT;
    put32(record + 2, 0x00110000u | (uint32_t)(b->first / o.batch & 0xfff));
    memcpy(record + 6, "\1\0\x11\0\0\0\2\0\0\0", 10);
    ask_move(b, record, "waiting", "sending", A_INTENT);
    resp_begin(out, 2 + (size_t)b->n);
    resp_bytes(out, "SMISMEMBER", 10);
    resp_bytes(out, "outreach:optout", 15);
    for (long i = 0; i < b->n; i++)
        resp_bytes(out, b->address[i], b->address_bytes[i]);
    ask(b->link, b, A_OPTOUT);
}

/* The entries of a run of ids that share all but their last two digits. */
static void index_run(struct buffer *out, const struct batch *b, long from, long to)
{
    char value[INDEX_VALUE + 1], records[BATCH_MAX * sizeof value], *p = records;
    char field[2];

    memset(value, 0, sizeof value);
    memcpy(value + 1, b->record + 2, 4); /* the fence; then campaign, reminder, N, part */
    for (long i = from; i < to; i++) {
        put32(value + 6, (uint32_t)(b->first + i));
        value[0] = (char)(b->id[i] % 100);
        p = put_text(p, value, sizeof value);
    }
    if (!o.hash_index) {
        resp_bytes(out, records, (size_t)(p - records));
        return;
    }
    resp_format(out, "%ld", to - from);
    for (p = records; from < to; from++, p += sizeof value) {
        field[0] = (char)('0' + p[0] / 10);
        field[1] = (char)('0' + p[0] % 10);
        resp_bytes(out, field, 2);
        resp_bytes(out, p + 1, INDEX_VALUE);
    }
}

static long run_end(const struct batch *b, long from)
{
    long i = from + 1;

    while (i < b->n && b->id[i] / 100 == b->id[from] / 100)
        i++;
    return i;
}

static void batch_settle(struct batch *b)
{
    unsigned char record[RECORD];
    struct buffer *out = &b->link->out;
    size_t runs = 0;
    long i;

    b->stage = SETTLE;
    for (i = 0; i < b->n; i = run_end(b, i))
        runs++;
    resp_evalsha(out, sha_index, 1 + runs, o.hash_index ? runs + 2 * (size_t)b->n : runs);
    resp_text(out, "outreach:{gw:bench}:parked");
    for (i = 0; i < b->n; i = run_end(b, i))
        resp_format(out, "outreach:{gw:bench}:r:%s:%llu", day,
                    (unsigned long long)(b->id[i] / 100));
    for (i = 0; i < b->n; i = run_end(b, i))
        index_run(out, b, i, run_end(b, i));
    ask(b->link, b, A_INDEX);
    memcpy(record, b->record, RECORD);
    record[0] = 0x48;
    record[15] = 3;
    ask_move(b, record, "sending", "accepted", A_SETTLE);
}

static void read_rows(struct batch *b, const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != (size_t)b->n)
        fail("rows: %zu instead of %ld", r->elements, b->n);
    for (long i = 0; i < b->n; i++) {
        const redisReply *row = r->element[i]->element[1]->element[1];
        const char *name = memchr(row->str, '\037', row->len), *end;

        if (name == NULL ||
            (end = memchr(name + 1, '\037', row->len - (size_t)(name + 1 - row->str))) == NULL ||
            name - row->str > ADDRESS_BYTES || end - name - 1 > NAME_BYTES)
            fail("row %ld: %s", b->first + i, row->str);
        b->address_bytes[i] = (uint8_t)(name - row->str);
        memcpy(b->address[i], row->str, b->address_bytes[i]);
        b->name_bytes[i] = (uint8_t)(end - name - 1);
        memcpy(b->name[i], name + 1, b->name_bytes[i]);
    }
}

static void batch_done(struct batch *b)
{
    for (long i = 0; i < b->n; i++)
        log_line(b, (int)i, true);
    settled += b->n;
    last_lease = b->first;
    b->stage = FREE;
}

static void on_reply(struct asked *a, const redisReply *r)
{
    struct batch *b = a->batch;

    if (r->type == REDIS_REPLY_ERROR)
        fail("redis: %s", r->str);
    if (r->type == REDIS_REPLY_INTEGER && r->integer < 0)
        fail("script %d refused batch at %ld: %lld", a->what, b->first, r->integer);
    if (a->what == A_ROWS)
        read_rows(b, r);
    else if (a->what == A_OPTOUT) {
        for (size_t i = 0; i < r->elements; i++)
            if (r->element[i]->integer != 0)
                fail("somebody opted out");
    } else if (a->what != A_INDEX && r->integer > seq_seen)
        seq_seen = r->integer;
    if (--b->waits > 0)
        return;
    if (b->stage == CLAIM)
        batch_intend(b);
    else if (b->stage == INTENT) {
        b->stage = SUBMIT;
        b->waits = (int)b->n;
        for (long i = 0; i < b->n; i++)
            log_line(b, (int)i, false);
        to_submit[submit_last++ % 4096] = b;
    } else
        batch_done(b);
}

static void link_read(struct link *l)
{
    static char bytes[256 * 1024];
    ssize_t n = read(l->fd, bytes, sizeof bytes);
    void *reply;

    if (n == 0 || (n < 0 && errno != EAGAIN))
        die("redis");
    if (n < 0)
        return;
    redisReaderFeed(l->reader, bytes, (size_t)n);
    for (;;) {
        if (redisReaderGetReply(l->reader, &reply) != REDIS_OK)
            fail("redis: %s", l->reader->errstr);
        if (reply == NULL)
            return;
        on_reply(&l->asked[l->asked_first++ % 4096], reply);
        if (o.plain_replies)
            freeReplyObject(reply);
        else
            ((struct arena *)l->reader->privdata)->used = 0;
    }
}

/* --- SMPP -------------------------------------------------------------------------------- */

static unsigned char text_before[256], text_after[256];
static size_t text_before_bytes, text_after_bytes;

static unsigned char *put_ucs2(unsigned char *p, const char *utf8, size_t n)
{
    const unsigned char *s = (const unsigned char *)utf8, *end = s + n;

    while (s < end) {
        unsigned c = *s++;

        if (c >= 0xe0 && end - s >= 2) {
            c = (c & 15) << 12 | (s[0] & 63u) << 6 | (s[1] & 63u);
            s += 2;
        } else if (c >= 0xc0 && s < end)
            c = (c & 31) << 6 | (*s++ & 63u);
        *p++ = (unsigned char)(c >> 8);
        *p++ = (unsigned char)c;
    }
    return p;
}

static void submit(struct session *s, struct batch *b, int i)
{
    unsigned char *pdu = (unsigned char *)buffer_room(&s->out, 400), *p = pdu + 16, *length;
    uint32_t seq = s->seq++ % WINDOW_MAX;

    s->window[seq].batch = b;
    s->window[seq].i = i;
    p = (unsigned char *)PUT((char *)p, "\0\5\0") - 0;
    p = (unsigned char *)PUT((char *)p, "10690000\0\1\1");
    p = (unsigned char *)put_text((char *)p, b->address[i], b->address_bytes[i]);
    p = (unsigned char *)PUT((char *)p, "\0\0\0\0\0\0\1\0\10\0");
    length = p++;
    memcpy(p, text_before, text_before_bytes);
    p = put_ucs2(p + text_before_bytes, b->name[i], b->name_bytes[i]);
    memcpy(p, text_after, text_after_bytes);
    p += text_after_bytes;
    *length = (unsigned char)(p - length - 1);
    put32(pdu, (uint32_t)(p - pdu));
    put32(pdu + 4, 4);
    put32(pdu + 8, 0);
    put32(pdu + 12, seq + 1);
    s->out.end += (size_t)(p - pdu);
    s->outstanding++;
}

/* Fills the free windows, a batch on one session. */
static void submit_some(void)
{
    static int turn;

    for (int tries = 0; submit_first != submit_last && tries < o.sessions;) {
        struct batch *b = to_submit[submit_first % 4096];
        struct session *s = &sessions[turn % o.sessions];

        while (b->sent < b->n && s->outstanding < o.window)
            submit(s, b, (int)b->sent++);
        if (b->sent == b->n)
            submit_first++;
        if (s->outstanding == o.window)
            tries++;
        turn++;
    }
}

static void on_response(struct session *s, const unsigned char *pdu, size_t length)
{
    uint32_t seq = get32(pdu + 12) - 1;
    struct batch *b;
    uint64_t id = 0;

    if (get32(pdu + 8) != 0)
        fail("SMSC answers %08x with status %u", get32(pdu + 4), get32(pdu + 8));
    if (get32(pdu + 4) == 0x80000009u) {
        s->bound = true;
        return;
    }
    if (get32(pdu + 4) != 0x80000004u || seq >= WINDOW_MAX || (b = s->window[seq].batch) == NULL)
        fail("unexpected PDU %08x", get32(pdu + 4));
    for (size_t i = 16; i < length && pdu[i] != 0; i++)
        id = id * 10 + (uint64_t)(pdu[i] - '0');
    b->id[s->window[seq].i] = id;
    s->window[seq].batch = NULL;
    s->outstanding--;
    if (--b->waits == 0)
        batch_settle(b);
}

static void session_read(struct session *s)
{
    ssize_t n = read(s->fd, buffer_room(&s->in, 256 * 1024), 256 * 1024);

    if (n == 0 || (n < 0 && errno != EAGAIN))
        die("smsc");
    if (n < 0)
        return;
    s->in.end += (size_t)n;
    while (buffer_length(&s->in) >= 16) {
        unsigned char *pdu = (unsigned char *)s->in.p + s->in.start;
        size_t length = get32(pdu);

        if (length < 16 || length > 1000)
            fail("PDU of %zu bytes", length);
        if (buffer_length(&s->in) < length)
            break;
        on_response(s, pdu, length);
        buffer_eat(&s->in, length);
    }
}

/* --- the loop ------------------------------------------------------------------------------ */

static void flush(struct buffer *out, int fd, bool *watched, void *who)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = who};
    bool more;

    if (buffer_write(out, fd) != 0)
        die("write");
    more = buffer_length(out) > 0;
    if (more == *watched)
        return;
    e.events = EPOLLIN | (more ? (unsigned)EPOLLOUT : 0);
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &e);
    *watched = more;
}

static void turn_time(void)
{
    struct timespec t;
    struct tm tm;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(now_text, sizeof now_text, "%s.%03dZ", text, (int)(t.tv_nsec / 1000000));
}

static void turn_end(void)
{
    for (long i = 0; i < o.flight && claimed < o.notices; i++)
        if (batches[i].stage == FREE)
            batch_claim(&batches[i]);
    submit_some();
    while (buffer_length(&log_out) > 0) /* before the submits leave */
        if (buffer_write(&log_out, log_fd) != 0)
            die(o.log);
    for (int i = 0; i < o.sessions; i++)
        flush(&sessions[i].out, sessions[i].fd, &sessions[i].write_watched, &sessions[i]);
    for (int i = 0; i < o.connections; i++)
        flush(&links[i].out, links[i].fd, &links[i].write_watched, &links[i]);
}

static void turn(void)
{
    struct epoll_event events[64];
    int n = epoll_wait(poll_fd, events, 64, 10000);

    if (n == 0)
        fail("nothing happens any more, %ld of %ld settled", settled, o.notices);
    turn_time();
    for (int i = 0; i < n; i++) {
        char *who = events[i].data.ptr;

        if (who >= (char *)links && who < (char *)(links + REDIS_MAX))
            link_read((struct link *)(void *)who);
        else
            session_read((struct session *)(void *)who);
    }
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void fill_audience(redisContext *redis)
{
    freeReplyObject(resp_command(redis, "FLUSHALL"));
    for (long i = 1; i <= o.notices; i++) {
        redisAppendCommand(redis,
                           "XADD outreach:{bench}:audience %ld-0 r 86138%08ld\037%s\037%ld号楼", i,
                           i * 7919 % 100000000, i % 3 ? "张桂英" : "欧阳小红", i % 90 + 1);
        if (i % 1000 == 0 || i == o.notices)
            for (long j = 0; j < (i % 1000 ? i % 1000 : 1000); j++) {
                redisReply *r;

                if (redisGetReply(redis, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR)
                    fail("fill: %s", redis->errstr);
                freeReplyObject(r);
            }
    }
}

static void prepare(void)
{
    redisContext *redis = redisConnectUnix(o.redis);

    if (redis == NULL || redis->err)
        fail("%s: %s", o.redis, redis ? redis->errstr : "memory");
    if (o.fill)
        fill_audience(redis);
    freeReplyObject(resp_command(redis, "DEL outreach:{bench}:first outreach:{bench}:first:leases "
                                        "outreach:{bench}:first:ledger"));
    freeReplyObject(
        resp_command(redis,
                     "HSET outreach:{bench}:first state open seq 0 cursor 0 expires 1900000000 "
                     "waiting %ld sending 0 accepted 0 planned %ld",
                     o.notices, o.notices));
    freeReplyObject(resp_command(redis, "SETRANGE outreach:{bench}:first:ledger %ld %b",
                                 (o.notices + 1) * RECORD - 1, "", (size_t)1));
    resp_load(redis, script_claim, sha_claim);
    resp_load(redis, script_move, sha_move);
    resp_load(redis, o.hash_index ? script_index_hash : script_index_string, sha_index);
    redisFree(redis);
}

static void connect_all(void)
{
    struct epoll_event e = {.events = EPOLLIN};

    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < o.connections; i++) {
        redisContext *c = redisConnectUnixNonBlock(o.redis);

        if (c == NULL || c->err)
            fail("%s: %s", o.redis, c ? c->errstr : "memory");
        links[i].context = c;
        links[i].fd = c->fd;
        links[i].reader =
            o.plain_replies ? c->reader : redisReaderCreateWithFunctions(&arena_functions);
        if (!o.plain_replies) {
            links[i].reader->privdata = grow(NULL, sizeof(struct arena));
            ((struct arena *)links[i].reader->privdata)->used = 0;
        }
        e.data.ptr = &links[i];
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, links[i].fd, &e);
    }
    for (int i = 0; i < o.sessions; i++) {
        static const unsigned char bind[] = "\0\0\0\x1e\0\0\0\x09\0\0\0\0\0\0\0\1"
                                            "bench\0pw\0\0\x34\0\0\0";
        sessions[i].fd = connect_local(o.smsc);
        buffer_add(&sessions[i].out, bind, sizeof bind - 1);
        e.data.ptr = &sessions[i];
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, sessions[i].fd, &e);
        buffer_write(&sessions[i].out, sessions[i].fd);
        while (!sessions[i].bound) {
            session_read(&sessions[i]);
            usleep(1000);
        }
    }
}

static void run(void)
{
    redisContext *redis = redisConnectUnix(o.redis);
    int server = (int)resp_info(redis, "server", "process_id");
    double theirs = cpu_s_of(server), mine = cpu_s(), took, million = (double)o.notices / 1e6;
    long long aof = resp_info(redis, "persistence", "aof_current_size");
    int64_t began = mono_us();

    turn_time();
    turn_end();
    while (settled < o.notices) {
        turn();
        turn_end();
    }
    took = (double)(mono_us() - began) / 1e6;
    mine = (cpu_s() - mine) / million;
    theirs = (cpu_s_of(server) - theirs) / million;
    aof = resp_info(redis, "persistence", "aof_current_size") - aof;
    if (o.json)
        printf("{\"notices\":%ld,\"seconds\":%.3f,\"per_second\":%.0f,\"cpu_s_per_million\":%.3f,"
               "\"redis_cpu_s_per_million\":%.3f,\"aof_bytes_per_notice\":%.1f,\"batch\":%ld,"
               "\"flight\":%ld,"
               "\"window\":%ld,\"connections\":%d,\"sessions\":%d}\n",
               o.notices, took, (double)o.notices / took, mine, theirs,
               (double)aof / (double)o.notices, o.batch, o.flight, o.window, o.connections,
               o.sessions);
    else
        printf("%8.0f notices/s  %.2f + %.2f CPU s per million (floor + redis)  %.1f AOF bytes a "
               "notice\n",
               (double)o.notices / took, mine, theirs, (double)aof / (double)o.notices);
    redisFree(redis);
}

static const struct option options[] = {
    {"redis", required_argument, 0, 'r'},
    {"smsc", required_argument, 0, 's'},
    {"notices", required_argument, 0, 'n'},
    {"batch", required_argument, 0, 'b'},
    {"flight", required_argument, 0, 'f'},
    {"window", required_argument, 0, 'w'},
    {"connections", required_argument, 0, 'c'},
    {"sessions", required_argument, 0, 'S'},
    {"log", required_argument, 0, 'l'},
    {"fill", no_argument, 0, 'F'},
    {"json", no_argument, 0, 'j'},
    {"hash-index", no_argument, 0, 'H'},
    {"full-records", no_argument, 0, 'R'},
    {"plain-replies", no_argument, 0, 'P'},
    {"help", no_argument, 0, 'h'},
    {0},
};

static const char usage[] =
    "usage: floor --redis SOCKET --smsc PORT [--notices N] [--fill] [--json] [--log FILE]\n"
    "             [--batch N] [--flight BATCHES] [--window N] [--connections N] [--sessions N]\n"
    "             [--hash-index] [--full-records] [--plain-replies]\n"
    "\n"
    "  --fill           FLUSHALL, then make an audience of N; without it one must be there\n"
    "  --connections N  to Redis; --sessions N: to the SMSC, of --window N each\n"
    "  --hash-index     receipts are indexed in hashes, not in strings that grow\n"
    "  --full-records   every record is sent, not one for a batch of equal ones\n"
    "  --plain-replies  hiredis makes its usual objects of the replies\n";

static void read_options(int argc, char **argv)
{
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r':
            o.redis = optarg;
            break;
        case 's':
            o.smsc = atoi(optarg);
            break;
        case 'n':
            o.notices = atol(optarg);
            break;
        case 'b':
            o.batch = atol(optarg);
            break;
        case 'f':
            o.flight = atol(optarg);
            break;
        case 'w':
            o.window = atol(optarg);
            break;
        case 'c':
            o.connections = atoi(optarg);
            break;
        case 'S':
            o.sessions = atoi(optarg);
            break;
        case 'l':
            o.log = optarg;
            break;
        case 'F':
            o.fill = true;
            break;
        case 'j':
            o.json = true;
            break;
        case 'H':
            o.hash_index = true;
            break;
        case 'R':
            o.full_records = true;
            break;
        case 'P':
            o.plain_replies = true;
            break;
        default:
            fputs(usage, c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : 64);
        }
    }
    if (o.redis == NULL || o.smsc == 0 || o.notices < 1 || o.batch < 1 || o.batch > BATCH_MAX ||
        o.flight < 1 || o.flight > 1000 || o.window < 1 || o.window >= WINDOW_MAX ||
        o.connections < 1 || o.connections > REDIS_MAX || o.sessions < 1 || o.sessions > SMSC_MAX) {
        fputs(usage, stderr);
        exit(64);
    }
}

int main(int argc, char **argv)
{
    static const char before[] = "【春风区妇联】",
                      after[] = "您好：三八维权周法律咨询3月8日9:00在"
                                "社区广场举办，欢迎参加。详询12338，拒收请回复R";

    read_options(argc, argv);
    text_before_bytes = (size_t)(put_ucs2(text_before, before, strlen(before)) - text_before);
    text_after_bytes = (size_t)(put_ucs2(text_after, after, strlen(after)) - text_after);
    snprintf(day, sizeof day, "%ld", (long)(time(NULL) / 86400));
    log_fd = open(o.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        die(o.log);
    batches = grow(NULL, (size_t)o.flight * sizeof *batches);
    memset(batches, 0, (size_t)o.flight * sizeof *batches);
    prepare();
    connect_all();
    for (long i = 0; i < o.flight; i++)
        batches[i].link = &links[i % o.connections];
    run();
    return 0;
}
