/*
 * floor.c - how fast the parts go with no daemon around them
 *
 *     floor --redis SOCKET --smsc PORT [--notices N] [--fill]
 *
 * A bare loop that sends what outreachd sends and nothing else: for every batch
 * the daemon's own scripts with the same arguments (claim, intent, index of
 * receipts, outcome, release), the same reads of rows and opt-outs, the same
 * lines of the delivery log, the same entries of the live log, the same PDUs
 * with a receipt asked for. `redis-cli info commandstats` shows the same numbers
 * after both, but for what the daemon does by the clock.
 *
 * What it has not: campaigns, routes, limits, other states than the next one,
 * retries, anybody else on the same Redis. It knows the cursor, so that it asks
 * for rows together with the claim; whatever is not as expected ends it. What the
 * daemon reaches is measured against this.
 *
 * Several batches are in flight, so that no round trip is waited for; what a turn
 * of the loop has for a socket leaves with one write. As there, intents and
 * unanswered submits together fill the window and no more: that bounds what a
 * crash leaves in doubt. A batch goes CLAIM -> (claim
 * and rows answered) INTENT -> (intent and opt-outs answered) SUBMIT -> (all
 * responses there) SETTLE -> (index and outcome answered) free. Batches are dealt
 * over --connections to Redis, because it reads 16 KB of each a turn and every turn
 * ends in an fsync; claims all go over the first, so that they stay in order.
 */
#include "bench.h"
#include "resp.h"
#include <aio.h>
#include <getopt.h>
#include <sys/epoll.h>

enum {
    RECORD = 16,
    BATCH_MAX = 1024,
    NAME_BYTES = 24,
    ADDRESS_BYTES = 20,
    SHOWN_BYTES = 64,
    REDIS_MAX = 16,
    SMSC_MAX = 16,
    WINDOW_MAX = 65536,
    ENTRY = 13,    /* bytes of a receipt's entry in the index */
    LOG_MS = 300,  /* between entries of the live log */
    SYNC_MS = 100, /* and between fsyncs of the delivery log */
};

/* Asked for with the addresses, as the daemon does: the first is in the set, the second is not. */
#define OPTOUT_SEAL "\001outreach:seal"
#define OPTOUT_MARKS "\001outreach:safe"

static struct {
    const char *redis, *log, *scripts;
    int smsc, connections, sessions;
    long notices, batch, flight, window;
    bool fill, json;
} o = {.connections = 8,
       .sessions = 1,
       .notices = 1000000,
       .batch = 256,
       .flight = 64,
       .window = 4000,
       .log = "delivery.log",
       .scripts = "daemon/store/scripts"};

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
    char name[BATCH_MAX][NAME_BYTES], place[BATCH_MAX][NAME_BYTES];
    uint8_t name_bytes[BATCH_MAX], place_bytes[BATCH_MAX];
    uint64_t id[BATCH_MAX];
    char shown[BATCH_MAX][SHOWN_BYTES]; /* the address as both log lines have it */
    uint8_t shown_bytes[BATCH_MAX];
};

/* What the next reply on a connection answers. */
enum answer { A_CLAIM, A_ROWS, A_INTENT, A_OPTOUT, A_INDEX, A_SETTLE, A_NOTHING };
struct asked {
    struct batch *batch;
    enum answer what;
};

/* A connection to Redis. Replies come in order: what they answer is a ring. */
struct link {
    int fd;
    redisContext *context; /* only its socket is used */
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
static struct batch *batches, *to_intend[4096], *to_submit[4096];
static unsigned intend_first, intend_last, submit_first, submit_last;
static long in_doubt; /* intended, and not yet answered by the SMSC */
static struct buffer log_out;
static char sha_claim[41], sha_intent[41], sha_outcome[41], sha_index[41], sha_release[41];
static long claimed, settled, intended;
static long long seq_seen;
static int64_t logged_ms;

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

static char *put_hex(char *p, uint64_t v, int digits)
{
    for (int shift = 4 * digits - 4; shift >= 0; shift -= 4)
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

static int64_t now_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

static void show_address(struct batch *b, int i)
{
    const char *to = b->address[i];
    size_t n = b->address_bytes[i];
    char *p = PUT(b->shown[i], "\"to\":\"");

    p = put_text(p, to, 6);
    p = PUT(p, "…");
    p = put_text(p, to + n - 2, 2);
    p = PUT(p, "\",\"hash\":\"");
    p = put_hex(p, keyed_hash(to, n), 16);
    b->shown_bytes[i] = (uint8_t)(p - b->shown[i]);
}

static void log_line(struct batch *b, int i, bool accepted)
{
    char *line = buffer_room(&log_out, 512), *p = line;

    p = PUT(p, "{\"t\":\"");
    p = put_text(p, now_text, 24);
    p = accepted
            ? PUT(p,
                  "\",\"event\":\"accepted\",\"campaign\":\"bench\",\"reminder\":\"first\",\"n\":")
            : PUT(p,
                  "\",\"event\":\"intent\",\"campaign\":\"bench\",\"reminder\":\"first\",\"n\":");
    p = put_number(p, (uint64_t)(b->first + i));
    p = PUT(p, ",\"fence\":\"");
    p = put_hex(p, get32(b->record + 2), 8);
    p = PUT(p, "\",\"gateway\":\"bench\",\"attempt\":1,\"segments\":1,");
    if (!accepted)
        show_address(b, i);
    p = put_text(p, b->shown[i], b->shown_bytes[i]);
    p = PUT(p, "\",\"queued_ms\":0");
    if (accepted) {
        p = PUT(p, ",\"limited_ms\":27,\"submit_ms\":11,\"id\":\"");
        p = put_number(p, b->id[i]);
        p = PUT(p, "\"");
    }
    p = PUT(p, "}\n");
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
    if (what != A_NOTHING)
        b->waits++;
}

static void put_lease(struct buffer *out, const struct batch *b)
{
    resp_format(out, "floor:1:%ld", b->first / o.batch + 1);
}

static void batch_claim(struct batch *b)
{
    struct buffer *out = &links[0].out;
    int64_t now = now_ms();

    b->stage = CLAIM;
    b->first = claimed + 1;
    b->n = o.notices - claimed < o.batch ? o.notices - claimed : o.batch;
    b->sent = 0;
    claimed += b->n;
    memset(b->record, 0, RECORD);
    resp_evalsha(out, sha_claim, 3, 5);
    resp_text(out, "outreach:{bench}:first");
    resp_text(out, "outreach:{bench}:first:leases");
    resp_text(out, "outreach:{bench}:first:retry");
    put_lease(out, b);
    resp_format(out, "%ld", o.batch);
    resp_format(out, "%lld", (long long)now);
    resp_format(out, "%lld", (long long)now + 60000);
    resp_text(out, "20000");
    ask(&links[0], b, A_CLAIM);

    out = &b->link->out;
    resp_begin(out, 4);
    resp_text(out, "XRANGE");
    resp_text(out, "outreach:{bench}:audience");
    resp_format(out, "%ld-0", b->first);
    resp_format(out, "%ld-0", b->first + b->n - 1);
    ask(b->link, b, A_ROWS);
}

/* All of a batch go the same way, and one record stands for them all. */
static void ask_move(struct batch *b, const char *sha, const char *kind,
                     const unsigned char *record, enum answer what)
{
    struct buffer *out = &b->link->out;

    resp_evalsha(out, sha, 3, 9);
    resp_text(out, "outreach:{bench}:first");
    resp_text(out, "outreach:{bench}:first:ledger");
    resp_text(out, "outreach:{bench}:first:retry");
    resp_text(out, kind);
    resp_format(out, "%lld", (long long)now_ms());
    resp_text(out, "1");
    resp_format(out, "%lld", seq_seen);
    resp_format(out, "%ld", b->first);
    resp_format(out, "%ld", b->n);
    resp_bytes(out, b->record, RECORD);
    resp_bytes(out, record, RECORD);
    resp_text(out, "");
    memcpy(b->record, record, RECORD);
    ask(b->link, b, what);
}

static void batch_intend(struct batch *b)
{
    unsigned char record[RECORD] = {0x20, 0x01, 0, 0, 0, 0, 1, 0, 0x10};
    struct buffer *out = &b->link->out;

    b->stage = INTENT;
    in_doubt += b->n;
    put32(record + 2, 0x1000u | (uint32_t)(b->first / o.batch & 0xfff));
    ask_move(b, sha_intent, "intent", record, A_INTENT);
    resp_begin(out, 4 + (size_t)b->n);
    resp_bytes(out, "SMISMEMBER", 10);
    resp_bytes(out, "outreach:optout", 15);
    for (long i = 0; i < b->n; i++)
        resp_bytes(out, b->address[i], b->address_bytes[i]);
    resp_text(out, OPTOUT_SEAL);
    resp_text(out, OPTOUT_MARKS);
    ask(b->link, b, A_OPTOUT);
}

/* The entries of a run of ids that share all but their last two digits. */
static void index_run(struct buffer *out, const struct batch *b, long from, long to)
{
    char entries[BATCH_MAX * (3 + ENTRY)], *p = entries;

    resp_format(out, "%llu", (unsigned long long)(b->id[from] / 100));
    for (long i = from; i < to; i++) {
        *p++ = 2;
        *p++ = (char)('0' + b->id[i] % 100 / 10);
        *p++ = (char)('0' + b->id[i] % 10);
        put32(p, 1); /* the reminder's number, the notice's, the fence, part 0 of 1 */
        put32(p + 4, (uint32_t)(b->first + i));
        memcpy(p + 8, b->record + 2, 4);
        p[12] = 0x10;
        p += ENTRY;
    }
    resp_bytes(out, entries, (size_t)(p - entries));
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
    resp_evalsha(out, sha_index, 1 + runs, 1 + 2 * runs);
    resp_text(out, "outreach:{gw:bench}:parked");
    for (i = 0; i < b->n; i = run_end(b, i))
        resp_format(out, "outreach:{gw:bench}:r:%llu", (unsigned long long)(b->id[i] / 100));
    resp_text(out, "345600");
    for (i = 0; i < b->n; i = run_end(b, i))
        index_run(out, b, i, run_end(b, i));
    ask(b->link, b, A_INDEX);
    for (i = 0; i < b->n; i++)
        log_line(b, (int)i, true);
    memcpy(record, b->record, RECORD);
    record[0] = 0x48;
    record[1] = 0x11;
    record[8] = 0x11;
    ask_move(b, sha_outcome, "outcome", record, A_SETTLE);
}

static void release(struct batch *b)
{
    struct buffer *out = &b->link->out;

    resp_evalsha(out, sha_release, 2, 1);
    resp_text(out, "outreach:{bench}:first");
    resp_text(out, "outreach:{bench}:first:leases");
    put_lease(out, b);
    ask(b->link, b, A_NOTHING);
}

/* What pages and `outreach logs -f` read: an entry now and then. */
static void publish(void)
{
    static long intended_then, settled_then;
    struct buffer *out = &links[0].out;
    int64_t now = mono_us() / 1000;
    char entry[1024];

    if (now - logged_ms < LOG_MS)
        return;
    logged_ms = now;
    snprintf(entry, sizeof entry,
             "[{\"t\":\"%s\",\"event\":\"intent\",\"campaign\":\"bench\",\"reminder\":\"first\","
             "\"gateway\":\"bench\",\"count\":%ld,\"first\":%ld,\"last\":%ld},"
             "{\"t\":\"%s\",\"event\":\"accepted\",\"campaign\":\"bench\",\"reminder\":\"first\","
             "\"gateway\":\"bench\",\"count\":%ld,\"first\":%ld,\"last\":%ld}]",
             now_text, intended - intended_then, intended_then + 1, intended, now_text,
             settled - settled_then, settled_then + 1, settled);
    intended_then = intended;
    settled_then = settled;
    resp_begin(out, 8);
    resp_text(out, "XADD");
    resp_text(out, "outreach:log");
    resp_text(out, "MAXLEN");
    resp_text(out, "~");
    resp_text(out, "10000");
    resp_text(out, "*");
    resp_text(out, "events");
    resp_text(out, entry);
    ask(&links[0], NULL, A_NOTHING);
}

/* The delivery log is durable, a tenth of a second later: beside the loop, as in the daemon. */
static void sync_log(void)
{
    static struct aiocb sync;
    static bool syncing;
    static int64_t synced_ms;
    int64_t now = mono_us() / 1000;

    if (now - synced_ms < SYNC_MS || (syncing && aio_error(&sync) == EINPROGRESS))
        return;
    synced_ms = now;
    if (syncing && aio_return(&sync) != 0)
        die(o.log);
    sync = (struct aiocb){.aio_fildes = log_fd};
    syncing = aio_fsync(O_DSYNC, &sync) == 0;
}

/* The next value of a row, up to its separator. Returns what follows. */
static const char *read_value(const char *p, const char *end, char *out, size_t most,
                              uint8_t *bytes)
{
    const char *stop = p < end ? memchr(p, '\037', (size_t)(end - p)) : NULL;

    if (stop == NULL)
        stop = end;
    if ((size_t)(stop - p) > most)
        fail("a row's value is too long: %.*s", (int)(stop - p), p);
    *bytes = (uint8_t)(stop - p);
    memcpy(out, p, *bytes);
    return stop < end ? stop + 1 : end;
}

static void read_rows(struct batch *b, const redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != (size_t)b->n)
        fail("rows: %zu instead of %ld", r->elements, b->n);
    for (long i = 0; i < b->n; i++) {
        const redisReply *row = r->element[i]->element[1]->element[1];
        const char *p = row->str, *end = p + row->len;

        p = read_value(p, end, b->address[i], ADDRESS_BYTES, &b->address_bytes[i]);
        p = read_value(p, end, b->name[i], NAME_BYTES, &b->name_bytes[i]);
        read_value(p, end, b->place[i], NAME_BYTES, &b->place_bytes[i]);
    }
}

static void batch_done(struct batch *b)
{
    release(b);
    settled += b->n;
    b->stage = FREE;
}

static bool says(const redisReply *r, size_t elements, const char *word)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements == elements &&
           strcmp(r->element[0]->str, word) == 0;
}

/* Is it what a bare loop counts on? */
static bool as_expected(const struct asked *a, const redisReply *r)
{
    const struct batch *b = a->batch;

    switch (a->what) {
    case A_CLAIM:
        return says(r, 6, "RANGE") && r->element[2]->integer == b->first &&
               r->element[3]->integer == b->first + b->n - 1;
    case A_INTENT:
    case A_SETTLE:
        if (says(r, 2, "OK") && r->element[1]->integer > seq_seen)
            seq_seen = r->element[1]->integer;
        return says(r, 2, "OK");
    case A_OPTOUT:
        for (size_t i = 0; i < r->elements; i++)
            if (r->element[i]->integer != (i == (size_t)b->n)) /* the seal alone is there */
                return false;
        return r->elements == (size_t)b->n + 2;
    case A_INDEX:
        return r->type == REDIS_REPLY_ARRAY && r->elements == 0;
    default:
        return r->type != REDIS_REPLY_ERROR;
    }
}

static void on_reply(struct asked *a, const redisReply *r)
{
    struct batch *b = a->batch;

    if (r->type == REDIS_REPLY_ERROR)
        fail("redis: %s", r->str);
    if (!as_expected(a, r))
        fail("script %d refused the batch at %ld", a->what, b->first);
    if (a->what == A_NOTHING)
        return;
    if (a->what == A_ROWS)
        read_rows(b, r);
    if (--b->waits > 0)
        return;
    if (b->stage == CLAIM) {
        to_intend[intend_last++ % 4096] = b;
    } else if (b->stage == INTENT) {
        b->stage = SUBMIT;
        b->waits = (int)b->n;
        intended += b->n;
        for (long i = 0; i < b->n; i++)
            log_line(b, (int)i, false);
        to_submit[submit_last++ % 4096] = b;
    } else {
        batch_done(b);
    }
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
        ((struct arena *)l->reader->privdata)->used = 0;
    }
}

/* --- SMPP -------------------------------------------------------------------------------- */

/* The text between the columns, and until when the operator may deliver it. */
static unsigned char piece[3][256];
static size_t piece_bytes[3];
static char validity[17];

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
    p = (unsigned char *)put_text((char *)p, b->address[i] + 1, b->address_bytes[i] - 1u);
    p = (unsigned char *)PUT((char *)p, "\0\0\0\0\0");
    memcpy(p, validity, sizeof validity);
    p = (unsigned char *)PUT((char *)p + sizeof validity, "\1\0\10\0");
    length = p++;
    memcpy(p, piece[0], piece_bytes[0]);
    p = put_ucs2(p + piece_bytes[0], b->name[i], b->name_bytes[i]);
    memcpy(p, piece[1], piece_bytes[1]);
    p = put_ucs2(p + piece_bytes[1], b->place[i], b->place_bytes[i]);
    memcpy(p, piece[2], piece_bytes[2]);
    p += piece_bytes[2];
    *length = (unsigned char)(p - length - 1);
    put32(pdu, (uint32_t)(p - pdu));
    put32(pdu + 4, 4);
    put32(pdu + 8, 0);
    put32(pdu + 12, seq + 1);
    s->out.end += (size_t)(p - pdu);
    s->outstanding++;
}

/* An intent is asked for only where the window has room: what a crash leaves in doubt is
 * at most that, as outreachd promises. */
static void intend_some(void)
{
    while (intend_first != intend_last &&
           in_doubt + to_intend[intend_first % 4096]->n <= o.window * o.sessions)
        batch_intend(to_intend[intend_first++ % 4096]);
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
    in_doubt--;
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
    static off_t behind; /* of the log */

    for (long i = 0; i < o.flight && claimed < o.notices; i++)
        if (batches[i].stage == FREE)
            batch_claim(&batches[i]);
    intend_some();
    submit_some();
    publish();
    behind += (off_t)buffer_length(&log_out);
    while (buffer_length(&log_out) > 0) /* before the submits leave */
        if (buffer_write(&log_out, log_fd) != 0)
            die(o.log);
    if (behind >= 1 << 20) { /* as the daemon does: see begin_writing() */
        sync_file_range(log_fd, lseek(log_fd, 0, SEEK_CUR) - behind, behind, SYNC_FILE_RANGE_WRITE);
        behind = 0;
    }
    sync_log();
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
    static const char *const names[] = {"王秀英", "李桂芳", "张敏", "欧阳小红", "陈丽"},
                             *const places[] = {"春风", "和平", "幸福里", "长江路"};

    freeReplyObject(resp_command(redis, "FLUSHALL"));
    for (long i = 1; i <= o.notices; i++) {
        redisAppendCommand(redis, "XADD outreach:{bench}:audience %ld-0 r +86138%08ld\037%s\037%s",
                           i, i * 7919 % 100000000, names[i % 5], places[i % 4]);
        if (i % 1000 == 0 || i == o.notices)
            for (long j = 0; j < (i % 1000 ? i % 1000 : 1000); j++) {
                redisReply *r;

                if (redisGetReply(redis, (void **)&r) != REDIS_OK || r->type == REDIS_REPLY_ERROR)
                    fail("fill: %s", redis->errstr);
                freeReplyObject(r);
            }
    }
}

/* One of the daemon's scripts, as it loads it. */
static void load_script(redisContext *redis, const char *name, const char *head, char sha[41])
{
    char path[512], source[32 * 1024];
    size_t n = strlen(head);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.lua", o.scripts, name);
    if ((f = fopen(path, "r")) == NULL)
        die(path);
    memcpy(source, head, n);
    n += fread(source + n, 1, sizeof source - n - 1, f);
    source[n] = '\0';
    fclose(f);
    resp_load(redis, source, sha);
}

static void prepare(void)
{
    static const char careful[] = "#!lua\n", always[] = "#!lua flags=allow-oom\n";
    redisContext *redis = redisConnectUnix(o.redis);

    if (redis == NULL || redis->err)
        fail("%s: %s", o.redis, redis ? redis->errstr : "memory");
    if (o.fill)
        fill_audience(redis);
    freeReplyObject(resp_command(redis, "SADD outreach:optout %s", OPTOUT_SEAL));
    freeReplyObject(resp_command(redis, "DEL outreach:{bench}:first outreach:{bench}:first:leases "
                                        "outreach:{bench}:first:retry "
                                        "outreach:{bench}:first:ledger outreach:log"));
    /* As queue.lua and open.lua leave them. */
    freeReplyObject(resp_command(
        redis,
        "HSET outreach:{bench}:first state open due 1 expires 4000000000000 gen 1 seq 1 cursor 0 "
        "last %ld planned %ld paused 0 cancelled 0 tv 1 orphans 0 c0 %ld c1 0 c2 0 c3 0 c4 0 c5 0 "
        "c6 0 c7 0 c8 0 c9 0 c10 0 c11 0 c12 0 begun 1",
        o.notices, o.notices, o.notices));
    freeReplyObject(resp_command(redis, "SETRANGE outreach:{bench}:first:ledger %ld %b",
                                 (o.notices + 1) * RECORD - 1, "", (size_t)1));
    freeReplyObject(resp_command(redis, "SETRANGE outreach:{bench}:first:ledger 0 OLG1"));
    load_script(redis, "claim", careful, sha_claim);
    load_script(redis, "move", careful, sha_intent);
    load_script(redis, "move", always, sha_outcome);
    load_script(redis, "index", always, sha_index);
    load_script(redis, "release", always, sha_release);
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
        links[i].reader = redisReaderCreateWithFunctions(&arena_functions);
        links[i].reader->privdata = grow(NULL, sizeof(struct arena));
        ((struct arena *)links[i].reader->privdata)->used = 0;
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
    {"scripts", required_argument, 0, 'L'},
    {"help", no_argument, 0, 'h'},
    {0},
};

static const char usage[] =
    "usage: floor --redis SOCKET --smsc PORT [--notices N] [--fill] [--json] [--log FILE]\n"
    "             [--batch N] [--flight BATCHES] [--window N] [--connections N] [--sessions N]\n"
    "             [--scripts DIR]\n"
    "\n"
    "  --fill           FLUSHALL, then make an audience of N; without it one must be there\n"
    "  --connections N  to Redis; --sessions N: to the SMSC, of --window N each\n"
    "  --scripts DIR    where the daemon's Lua is (daemon/store/scripts)\n";

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
        case 'L':
            o.scripts = optarg;
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
    static const char *const between[] = {"【春风区妇联】", "您好：三八维权周法律咨询3月8日9:00在",
                                          "社区广场举办，欢迎参加。详询12338，拒收请回复R"};
    time_t until = time(NULL) + 3 * 86400;
    struct tm tm;

    read_options(argc, argv);
    for (int i = 0; i < 3; i++)
        piece_bytes[i] = (size_t)(put_ucs2(piece[i], between[i], strlen(between[i])) - piece[i]);
    gmtime_r(&until, &tm);
    strftime(validity, sizeof validity, "%y%m%d%H%M%S000+", &tm);
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
