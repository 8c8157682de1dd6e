/*
 * A cluster of two masters, as one server: every command is answered once, in the order of its
 * stripe, while slots move, are nowhere to be found, and a master dies.
 */
#include "db.h"

#include "command.h"
#include "log.h"
#include "redis_fixture.h"
#include "slots.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#define HALF (SLOTS_COUNT / 2)

static struct redis_fixture servers[4];

static struct node {
    struct redis_fixture *f;
    char host[32], port[8], bus[8], id[48];
    char *address;
} nodes[4] = {{.f = &servers[0]}, {.f = &servers[1]}, {.f = &servers[2]}, {.f = &servers[3]}};
static struct event_base *base;

#define at(node, ...) fixture_ask((node)->f, __VA_ARGS__)
#define is(expected, answer) assert_string_equal(answer, expected)

static struct told {
    unsigned away, back, refused;
    char why[256];
} told;

static void on_changed(void *arg, bool well, const char *why)
{
    (void)arg;
    *(well ? &told.back : &told.away) += 1;
    snprintf(told.why, sizeof told.why, "%s", why);
}

static void on_refused(void *arg, const char *why)
{
    (void)arg;
    told.refused++;
    snprintf(told.why, sizeof told.why, "%s", why);
}

/* How often the log said that something is wrong, and that it is over. */
static unsigned logged_away, logged_back;

static void on_line(const char *line)
{
    logged_away += strstr(line, " redis.away ") != NULL;
    logged_back += strstr(line, " redis.back ") != NULL;
}

static const char *user, *secret; /* whom the next db is */
static unsigned replicas;

static struct db *open_db(unsigned stripes, bool by_url)
{
    const char *seeds[] = {nodes[1].address, NULL};
    struct db_options options = {.user = user,
                                 .secret = secret,
                                 .replicas = replicas,
                                 .replicas_wait_ms = 500,
                                 .url = by_url ? nodes[0].f->url : NULL,
                                 .cluster = by_url ? NULL : seeds,
                                 .stripes = stripes,
                                 .changed = on_changed,
                                 .refused = on_refused};
    struct error err = {""};
    struct db *db = db_open(base, &options, &err);

    if (db == NULL)
        fail_msg("%s", err.text);
    return db;
}

static struct db *connected(unsigned stripes, bool by_url)
{
    struct db *db = open_db(stripes, by_url);
    struct error err = {""};

    if (db_connect(db, 30000, &err) != 0)
        fail_msg("%s", err.text);
    memset(&told, 0, sizeof told);
    return db;
}

static void drained(struct db *db)
{
    struct error err = {""};

    if (db_drain(db, 0, &err) != 0)
        fail_msg("%s", err.text);
}

/* Runs the loop until something is so, or fails. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t end = clock_mono_ms() + 60000;                                                     \
        while (!(condition)) {                                                                     \
            if (clock_mono_ms() > end)                                                             \
                fail_msg("%s", "in vain: " #condition);                                            \
            fixture_run(nodes[0].f, 10);                                                           \
        }                                                                                          \
    } while (0)

/* ----------------------------------------- numbered commands and their answers */

#define MOST 4096

static struct expectation {
    unsigned stripe, number, answers;
} expected[MOST];
static unsigned asked_for, next_number[DB_STRIPES], answered[DB_STRIPES], wrong;

static void on_answer(void *arg, const redisReply *reply)
{
    struct expectation *e = arg;

    if (db_is_error(reply, NULL) || e->number != answered[e->stripe])
        wrong++;
    answered[e->stripe]++;
    e->answers++;
}

static struct expectation *expect(unsigned stripe)
{
    struct expectation *e = &expected[asked_for++];

    e->stripe = stripe;
    e->number = next_number[stripe]++;
    return e;
}

static void set(struct db *db, const char *key, bool unordered)
{
    struct command c = COMMAND_INIT;

    command_start(&c, "SET");
    command_add_string(&c, key);
    command_add_string(&c, "x");
    if (unordered)
        command_unordered(&c);
    db_send(db, &c, on_answer, expect(0));
    command_free(&c);
}

/* Keys of all slots. */
static void send_some(struct db *db, unsigned n, unsigned stripes)
{
    static struct command c = {.bytes = {.limit = COMMAND_MAX_BYTES}};

    for (unsigned i = 0; i < n; i++) {
        unsigned stripe = asked_for % stripes;

        command_start(&c, "SET");
        command_add_format(&c, "key:%u", asked_for);
        command_add_string(&c, "x");
        if (asked_for % 3 != 0)
            command_unordered(&c);
        db_send(db_stripe(db, stripe), &c, on_answer, expect(stripe));
    }
    command_free(&c);
}

static void all_answered_once(void)
{
    assert_int_equal(wrong, 0);
    for (unsigned i = 0; i < asked_for; i++)
        assert_int_equal(expected[i].answers, 1);
}

static int empty(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        at(&nodes[i], "FLUSHALL");
    memset(&told, 0, sizeof told);
    memset(expected, 0, sizeof expected);
    memset(next_number, 0, sizeof next_number);
    memset(answered, 0, sizeof answered);
    asked_for = wrong = 0;
    return 0;
}

/* A hash tag whose slot is in the first half, or in the second. */
static const char *tag_of(unsigned half, char tag[16])
{
    for (unsigned i = 0;; i++) {
        int n = snprintf(tag, 16, "t%u", i);

        if (slots_of_key(tag, (size_t)n) / HALF == half)
            return tag;
    }
}

/* -------------------------------------------------------------------- it works */

static void test_order(void **state)
{
    (void)state;
    for (int by_url = 0; by_url < 2; by_url++) {
        struct db *db = connected(3, by_url);
        unsigned keys[2];

        assert_true(db_clustered(db));
        empty(NULL);
        send_some(db, 600, 3);
        assert_int_equal(db_outstanding(db), 600);
        drained(db);
        assert_int_equal(db_outstanding_bytes(db), 0);
        all_answered_once();
        for (int i = 0; i < 2; i++)
            keys[i] = (unsigned)atoi(at(&nodes[i], "DBSIZE"));
        assert_int_equal(keys[0] + keys[1], 600);
        assert_true(keys[0] > 200 && keys[1] > 200);
        assert_int_equal(told.away, 0);
        db_close(db);
    }
}

static void test_servers(void **state)
{
    struct db *db = connected(1, false);
    struct db_server list[DB_SERVERS];
    struct command c = COMMAND_INIT;

    (void)state;
    assert_int_equal(db_servers(db, list), 2);
    for (int i = 0; i < 2; i++) { /* what has no key goes where it is told to */
        const struct node *node = &nodes[list[i].slot / HALF];
        struct error err = {""};
        redisReply *reply;
        char port[32];

        assert_string_equal(list[i].name, node->address);
        command_start(&c, "INFO");
        command_add_string(&c, "server");
        command_at_slot(&c, list[i].slot);
        assert_int_equal(db_ask(db, &c, &reply, &err), 0);
        snprintf(port, sizeof port, "tcp_port:%s\r\n", node->port);
        assert_non_null(strstr(reply->str, port));
        freeReplyObject(reply);
    }
    command_free(&c);
    db_close(db);
}

/* Whoever sends two commands, of which the second presumes the first, has them done in that
 * order, on whichever servers: index entries before outcomes. */
static void test_one_after_the_other(void **state)
{
    struct db *db = connected(1, false);
    char first[16], second[16], key[64];
    unsigned before;

    (void)state;
    tag_of(0, first);
    tag_of(1, second);
    kill(nodes[1].f->pid, SIGSTOP);
    snprintf(key, sizeof key, "{%s}:index", second);
    set(db, key, false);
    snprintf(key, sizeof key, "{%s}:whatever", first);
    set(db, key, true);
    snprintf(key, sizeof key, "{%s}:outcome", first);
    set(db, key, false);
    UNTIL(strcmp(at(&nodes[0], "EXISTS {%s}:whatever", first), "1") == 0);
    fixture_run(nodes[0].f, 200);
    before = (unsigned)atoi(at(&nodes[0], "EXISTS {%s}:outcome", first));
    kill(nodes[1].f->pid, SIGCONT); /* before anything can fail here */
    assert_int_equal(before, 0);
    assert_int_equal(answered[0], 0); /* answers have an order, too */
    drained(db);
    all_answered_once();
    is("1", at(&nodes[0], "EXISTS {%s}:outcome", first));
    is("1", at(&nodes[1], "EXISTS {%s}:index", second));
    db_close(db);
}

/* What leaves now has left before the loop goes round. */
static void test_leave(void **state)
{
    struct db *db = connected(1, false);
    char tags[2][16];

    (void)state;
    for (unsigned half = 0; half < 2; half++)
        set(db, tag_of(half, tags[half]), true);
    db_leave(db);
    for (unsigned half = 0; half < 2; half++) {
        int64_t end = clock_mono_ms() + 60000;

        while (strcmp(at(&nodes[half], "EXISTS %s", tags[half]), "1") != 0 && clock_mono_ms() < end)
            usleep(1000);
        is("1", at(&nodes[half], "EXISTS %s", tags[half]));
    }
    assert_int_equal(answered[0], 0);
    drained(db);
    all_answered_once();
    db_close(db);
}

/* -------------------------------------------------------------------- it moves */

static void set_slot(const char *key, const struct node *owner)
{
    unsigned slot = slots_of_key(key, strlen(key));

    for (int i = 1; i >= 0; i--) {
        const struct node *node = owner == &nodes[0] ? &nodes[1 - i] : &nodes[i];

        is("OK", at((struct node *)node, "CLUSTER SETSLOT %u NODE %s", slot, owner->id));
    }
}

static void test_moved(void **state)
{
    struct db *db = connected(2, false);
    char tag[16], key[64];

    (void)state;
    tag_of(0, tag);
    for (int i = 0; i < 6; i++) { /* there and back, always unexpected */
        const struct node *owner = &nodes[(i + 1) % 2];

        at(&nodes[i % 2], "FLUSHALL");
        set_slot(tag, owner);
        for (int k = 0; k < 20; k++) {
            snprintf(key, sizeof key, "{%s}:%d:%d", tag, i, k);
            set(db, key, k % 2);
        }
        drained(db);
        all_answered_once();
        is("1", at((struct node *)owner, "EXISTS {%s}:%d:19", tag, i));
    }
    assert_int_equal(told.away, 0); /* nobody had to wait */
    assert_true(db_well(db));
    db_close(db);
}

static void on_heard(void *arg, const redisReply *reply)
{
    snprintf(arg, 64, "%s", fixture_text(reply));
}

/* A slot on its way: one key is here, one there, one is nowhere yet. */
static void test_asked(void **state)
{
    struct db *db = connected(1, false);
    struct command c = COMMAND_INIT;
    char tag[16], key[64], both[64] = "";
    unsigned slot;

    (void)state;
    tag_of(0, tag);
    slot = slots_of_key(tag, strlen(tag));
    at(&nodes[0], "SET {%s}:old here", tag);
    is("OK", at(&nodes[1], "CLUSTER SETSLOT %u IMPORTING %s", slot, nodes[0].id));
    is("OK", at(&nodes[0], "CLUSTER SETSLOT %u MIGRATING %s", slot, nodes[1].id));
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, i % 2 ? "{%s}:old" : "{%s}:new%d", tag, i);
        set(db, key, i % 3 == 0);
    }
    drained(db);
    all_answered_once();
    assert_int_equal(told.away, 0);
    /* Both at once: never as if one of them were not there. */
    command_start(&c, "EXISTS");
    command_add_format(&c, "{%s}:old", tag);
    command_add_format(&c, "{%s}:new0", tag);
    db_send(db, &c, on_heard, both);
    UNTIL(told.away > 0);
    assert_non_null(strstr(told.why, "TRYAGAIN"));
    assert_false(db_well(db));
    is("", both);
    is("OK", at(&nodes[0], "MIGRATE %s %s {%s}:old 0 5000", nodes[1].host, nodes[1].port, tag));
    set_slot(tag, &nodes[1]);
    drained(db);
    is("2", both);
    UNTIL(db_well(db));
    assert_int_equal(told.away, 1); /* once, however often it was tried */
    command_free(&c);
    db_close(db);
    at(&nodes[1], "FLUSHALL");
    set_slot(tag, &nodes[0]);
}

/* Two that send us to each other: not for ever, and not the end. */
static void test_nowhere(void **state)
{
    struct db *db = connected(1, false);
    char tag[16], key[64];
    unsigned slot;

    (void)state;
    tag_of(0, tag);
    slot = slots_of_key(tag, strlen(tag));
    is("OK", at(&nodes[0], "CLUSTER SETSLOT %u NODE %s", slot, nodes[1].id));
    snprintf(key, sizeof key, "{%s}:lost", tag);
    set(db, key, false);
    UNTIL(told.away > 0);
    assert_non_null(strstr(told.why, "a slot is not to be found: MOVED"));
    assert_false(db_well(db));
    set_slot(tag, &nodes[0]);
    drained(db);
    all_answered_once();
    UNTIL(db_well(db));
    is("1", at(&nodes[0], "EXISTS %s", key));
    db_close(db);
}

/* -------------------------------------------------------------------- it dies */

static const char **arguments(const struct node *node)
{
    static const char *list[24];
    size_t n = 0;

    list[n++] = "--cluster-enabled";
    list[n++] = "yes";
    list[n++] = "--cluster-node-timeout";
    list[n++] = "30000"; /* nobody is given up because the machine is slow */
    list[n++] = "--bind";
    list[n++] = node->host;
    list[n++] = "--cluster-announce-ip"; /* links come from whatever address */
    list[n++] = node->host;
    list[n++] = "--port";
    list[n++] = node->port;
    list[n++] = "--cluster-port";
    list[n++] = node->bus;
    list[n++] = "--repl-diskless-sync-delay";
    list[n++] = "0";
    list[n] = NULL;
    return list;
}

/* A port that the kernel chooses, on an address of this process' own. */
static void choose(const char *host, char port[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, host, &address.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &n);
    snprintf(port, 8, "%u", ntohs(address.sin_port));
    close(fd);
}

static int launch(struct node *node)
{
    snprintf(node->host, sizeof node->host, "127.%d.%d.%d", 1 + (getpid() >> 8 & 127),
             getpid() & 255, 1 + (int)(node - nodes));
    choose(node->host, node->port);
    choose(node->host, node->bus);
    node->address = xasprintf("%s:%s", node->host, node->port);
    if (fixture_start(node->f, arguments(node)) != 0)
        return -1;
    snprintf(node->id, sizeof node->id, "%s", at(node, "CLUSTER MYID"));
    return 0;
}

/* Half of what is sent waits for the dead one; nothing is lost or done under another's name. */
static void test_killed(void **state)
{
    struct db *db = connected(2, false);
    struct node *node = &nodes[1];

    (void)state;
    send_some(db, 300, 2);
    while (answered[0] < 20)
        fixture_run(nodes[0].f, 1);
    fixture_kill(node->f);
    send_some(db, 100, 2);
    UNTIL(told.away > 0);
    assert_memory_equal(told.why, node->address, strlen(node->address));
    assert_false(db_well(db));
    fixture_launch(node->f, arguments(node));
    assert_int_equal(fixture_wait(node->f), 0);
    UNTIL(db_outstanding(db) == 0);
    all_answered_once();
    UNTIL(db_well(db));
    assert_int_equal(atoi(at(&nodes[0], "DBSIZE")) + atoi(at(&nodes[1], "DBSIZE")), 400);
    assert_int_equal(told.refused, 0);
    db_close(db);
}

/* How often it was looked whether that one is well: only then it is asked for its role. */
static int tries_at(const struct node *node)
{
    static const char name[] = "cmdstat_role:calls=";
    const char *found = strstr(at(node, "INFO commandstats"), name);

    return found != NULL ? atoi(found + strlen(name)) : 0;
}

/* At the end of a daemon a master that is away is looked for more often than at other times: what
 * is not written then is in doubt. */
static void test_end(void **state)
{
    struct db *db = connected(1, false);
    const struct node *node = &nodes[1];
    struct error err = {""};
    char tag[16];
    int tries = tries_at(node);

    (void)state;
    at(node, "CONFIG SET min-replicas-to-write 1");
    set(db, tag_of(1, tag), false);
    UNTIL(tries_at(node) >= tries + 7); /* the next one is long to come */
    tries = tries_at(node);
    assert_int_equal(db_end(db, 2500, &err), -1);
    assert_true(tries_at(node) >= tries + 4);
    assert_non_null(strstr(err.text, "NOREPLICAS"));
    at(node, "CONFIG SET min-replicas-to-write 0");
    assert_int_equal(db_end(db, 30000, &err), 0);
    all_answered_once();
    db_close(db);
}

/* A node without slots. */
static void join(struct node *node)
{
    assert_int_equal(launch(node), 0);
    for (int i = 0; i < 2; i++)
        is("OK", at(&nodes[i], "CLUSTER MEET %s %s %s", node->host, node->port, node->bus));
    for (int i = 0; i < 2; i++) {
        UNTIL(strstr(at(node, "CLUSTER NODES"), nodes[i].id) != NULL);
        UNTIL(strstr(at(&nodes[i], "CLUSTER NODES"), node->id) != NULL);
    }
}

static void replicate(struct node *node, const struct node *master)
{
    UNTIL(strcmp(at(node, "CLUSTER REPLICATE %s", master->id), "OK") == 0);
    UNTIL(strstr(at(node, "INFO replication"), "master_link_status:up") != NULL);
}

/* One more master: nothing new is begun before it is well, and the log says so, and when it is. */
static void test_joins(void **state)
{
    struct db *db = connected(2, false);
    char tag[16];
    unsigned slot;

    (void)state;
    tag_of(0, tag);
    slot = slots_of_key(tag, strlen(tag));
    join(&nodes[2]);
    UNTIL(strstr(at(&nodes[2], "CLUSTER INFO"), "cluster_state:ok") != NULL);
    logged_away = logged_back = 0;
    log_set_sink(on_line);
    is("OK", at(&nodes[2], "CLUSTER SETSLOT %u NODE %s", slot, nodes[2].id));
    kill(nodes[2].f->pid, SIGSTOP);
    for (int i = 1; i >= 0; i--)
        is("OK", at(&nodes[i], "CLUSTER SETSLOT %u NODE %s", slot, nodes[2].id));
    set(db, tag, false);
    UNTIL(told.away > 0);
    kill(nodes[2].f->pid, SIGCONT);
    assert_memory_equal(told.why, nodes[2].address, strlen(nodes[2].address));
    assert_non_null(strstr(told.why, "joins the cluster"));
    assert_int_equal(logged_away, 1);
    drained(db);
    UNTIL(db_well(db));
    log_set_sink(NULL);
    assert_int_equal(logged_away, 1);
    assert_int_equal(logged_back, 1);
    all_answered_once();
    is("1", at(&nodes[2], "EXISTS %s", tag));
    db_close(db);
    at(&nodes[2], "FLUSHALL");
    for (int i = 2; i >= 0; i--)
        is("OK", at(&nodes[i], "CLUSTER SETSLOT %u NODE %s", slot, nodes[0].id));
}

/* Its replica acknowledges what is written now: a link that is up may be behind still. */
static void in_step(const struct node *master, const char *key)
{
    is("OK", at(master, "SET %s 1", key));
    is("1", at(master, "DEL %s", key));
    is("1", at(master, "WAIT 1 60000"));
}

/* Done is not answered: not before the replica of the master that has the slot has it too. */
static void test_replicas(void **state)
{
    struct node *replica = &nodes[2];
    struct db *db;
    char tags[2][16], why[64];

    (void)state;
    replicate(replica, &nodes[1]);
    join(&nodes[3]);
    replicate(&nodes[3], &nodes[0]);
    replicas = 1;
    db = connected(1, false);
    snprintf(why, sizeof why, "%s: 0 of 1 replicas have it within 500 ms", nodes[1].address);
    for (unsigned half = 2; half-- > 0;)
        in_step(&nodes[half], tag_of(half, tags[half]));
    kill(replica->f->pid, SIGSTOP);
    for (unsigned half = 2; half-- > 0;)
        set(db, tags[half], true);
    UNTIL(strstr(told.why, why) != NULL);
    is("1", at(&nodes[0], "EXISTS %s", tags[0])); /* whose replica has it */
    is("1", at(&nodes[1], "EXISTS %s", tags[1]));
    assert_int_equal(answered[0], 0);
    assert_false(db_well(db));
    kill(replica->f->pid, SIGCONT);
    drained(db);
    all_answered_once();
    UNTIL(db_well(db));
    db_close(db);
    replicas = 0;
}

/* From here on whoever comes newly has to say who it is. */
static void lock_up(void)
{
    for (int i = 0; i < 4; i++) {
        is("OK", at(&nodes[i], "CONFIG SET masterauth the-nodes-own"));
        is("OK", at(&nodes[i], "CONFIG SET requirepass the-nodes-own"));
        is("OK", at(&nodes[i], "ACL SETUSER outreach on >s3cret ~* &* +@all"));
    }
    user = "outreach";
}

static void refused_by(const struct node *node, bool by_url)
{
    struct db *db = open_db(2, by_url);
    struct error err = {""};
    char why[128];

    memset(&told, 0, sizeof told);
    assert_int_equal(db_connect(db, 60000, &err), -1);
    assert_int_equal(told.refused, 1);
    snprintf(why, sizeof why, "%s%sRedis wants another password (redis.secret)",
             by_url ? "" : node->address, by_url ? "" : ": ");
    assert_string_equal(told.why, why);
    db_close(db);
}

/* The same user and password go to every server: whom the configuration names, and whom these do.
 * One that wants another is the end, not something to wait for. */
static void test_password(void **state)
{
    struct db *db;

    (void)state;
    lock_up();
    for (int i = 0; i < 2; i++) { /* none, and a wrong one */
        secret = i == 0 ? NULL : "no";
        refused_by(&nodes[1], false);
        refused_by(NULL, true);
    }
    secret = "s3cret";
    is("OK", at(&nodes[0], "ACL SETUSER outreach resetpass >other")); /* which is learnt */
    refused_by(&nodes[0], false);
    is("OK", at(&nodes[0], "ACL SETUSER outreach resetpass >s3cret"));
    db = connected(2, false);
    send_some(db, 100, 2);
    drained(db);
    all_answered_once();
    db_close(db);
}

/* A master dies for good, and its replica has its slots: one that was not known before, and wants
 * the password too. */
static void test_taken_over(void **state)
{
    struct db *db = connected(2, false);
    struct node *dying = &nodes[1], *heir = &nodes[2];
    struct db_server list[DB_SERVERS];
    bool found = false;
    int held;

    (void)state;
    send_some(db, 200, 2);
    drained(db);
    held = atoi(at(dying, "DBSIZE")); /* WAIT would speak of this connection's own writes */
    UNTIL(atoi(at(heir, "DBSIZE")) == held);
    fixture_kill(dying->f);
    send_some(db, 100, 2);
    UNTIL(told.away > 0);
    is("OK", at(heir, "CLUSTER FAILOVER TAKEOVER"));
    UNTIL(db_outstanding(db) == 0);
    all_answered_once();
    UNTIL(db_well(db));
    assert_int_equal(atoi(at(&nodes[0], "DBSIZE")) + atoi(at(heir, "DBSIZE")), 300);
    assert_int_equal(db_servers(db, list), 2);
    for (int i = 0; i < 2; i++)
        found |= strcmp(list[i].name, heir->address) == 0;
    assert_true(found);
    db_close(db);
}

static void test_close(void **state)
{
    (void)state;
    for (int turns = 0; turns < 40; turns += 2) { /* at every moment of its life */
        struct db *db = open_db(2, turns % 4 == 0);

        empty(NULL);
        send_some(db, 20, 2);
        for (int i = 0; i < turns; i++)
            event_base_loop(base, EVLOOP_NONBLOCK);
        db_close(db);
    }
}

/* Each master is looked at: one that would forget is refused, and named. */
static void test_refused(void **state)
{
    struct db *db;
    struct error err = {""};

    (void)state;
    at(&nodes[1], "CONFIG SET appendfsync everysec");
    db = open_db(2, true);
    assert_int_equal(db_connect(db, 30000, &err), -1);
    assert_int_equal(told.refused, 1);
    assert_non_null(strstr(told.why, "appendfsync is everysec"));
    assert_non_null(strstr(told.why, nodes[1].address));
    db_close(db);
    at(&nodes[1], "CONFIG SET appendfsync always");
}

/* -------------------------------------------------------------------- both */

static int start(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct node *node = &nodes[i];

        if (launch(node) != 0)
            return -1;
        is("OK", at(node, "CLUSTER ADDSLOTSRANGE %d %d", i * HALF, (i + 1) * HALF - 1));
    }
    base = nodes[0].f->base;
    is("OK", at(&nodes[0], "CLUSTER MEET %s %s %s", nodes[1].host, nodes[1].port, nodes[1].bus));
    for (int i = 0; i < 6000; i++) {
        if (strstr(at(&nodes[0], "CLUSTER INFO"), "cluster_state:ok") != NULL &&
            strstr(at(&nodes[1], "CLUSTER INFO"), "cluster_state:ok") != NULL)
            return 0;
        usleep(10000);
    }
    return -1;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        fixture_end(nodes[i].f);
        free(nodes[i].address);
    }
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup(fn, empty)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_servers),
        TEST(test_one_after_the_other),
        TEST(test_moved),
        TEST(test_asked),
        TEST(test_nowhere),
        TEST(test_leave),
        TEST(test_end),
        TEST(test_close),
        TEST(test_refused),
        TEST(test_killed),
        /* Each of these begins where the one before it ended. */
        TEST(test_joins),
        TEST(test_replicas),
        TEST(test_password),
        TEST(test_taken_over),
    };

    return cmocka_run_group_tests_name("spread", tests, start, end);
}
