/*
 * A plugin that keeps or breaks its word as its setting `way` says:
 *
 *   good       answers ACCEPTED with an id when the message's text is "a", else by
 *              its first letter: t(hrottled) u(nsent) r(etry) j(rejected) b(roken) ?(unknown)
 *   later      the same from a timer
 *   twice      answers everything twice
 *   forged     answers a token that it never got, then well
 *   never      does not answer
 *   stale      does not answer; once it was closed and opened again answers all of that, then well
 *   last       answers b(roken) at once, and what else it has only in close(), with unknown
 *   nonsense   outcome 99
 *   ids        a message id of 65 bytes
 *   deadly     takes the process with it when the text has DIE (abort), SEGV or EXIT (exit(0)) in
 *              it, holds it up with LOOP, raises SIGPIPE with PIPE, loses LEAK_BYTES for each
 *              message with LEAK, else accepts
 *   wild       by its first letter: l(ong) and n(egative) retry_after, p(ointer to ids missing),
 *              q (a pointer to an id's bytes missing), 0 (no answer at all in the answer)
 *   child      leaves a child process behind close()
 *   loud       starts a process when it is opened
 *   chaos      answers sooner or later, among thousands of answers to tokens that were
 *              answered before, are another gateway's, or never existed
 */
#include "gateway_plugin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAK_BYTES (48u << 20)

struct evil {
    const struct gateway_host *host;
    struct gateway *gw;
    const char *way;
    uint64_t later[64];
    char letters[64];
    size_t count;
    unsigned life; /* from 1 */
};

static const struct gateway_setting rule_fields[] = {
    {"status", GATEWAY_INT, true, 100, 599, NULL, NULL, "HTTP status"},
    {"words", GATEWAY_STRINGS, false, 0, 0, NULL, NULL, "in the body"},
    {0},
};
static const struct gateway_setting settings[] = {
    {"way", GATEWAY_STRING, true, 1, 16, NULL, NULL, "what to do"},
    {"capacity", GATEWAY_INT, false, 0, 1000, "5", NULL, "to announce"},
    {"window", GATEWAY_INT, false, 0, 0, "8", NULL, "another default for a common one"},
    {"accepted", GATEWAY_GROUPS, false, 0, 0, NULL, rule_fields, "rules"},
    {"key", GATEWAY_SECRET, false, 0, 0, NULL, NULL, "a secret"},
    {"wait", GATEWAY_DURATION, false, 0, 0, "90s", NULL, "a duration"},
    {0},
};

static enum gateway_outcome outcome_of(char letter)
{
    static const char letters[] = "?aturjb";
    static const enum gateway_outcome outcomes[] = {
        GATEWAY_UNKNOWN, GATEWAY_ACCEPTED, GATEWAY_THROTTLED, GATEWAY_UNSENT,
        GATEWAY_RETRY,   GATEWAY_REJECTED, GATEWAY_BROKEN};
    const char *found = strchr(letters, letter);

    return found == NULL ? GATEWAY_UNKNOWN : outcomes[found - letters];
}

static void answer(struct evil *e, uint64_t token, char letter)
{
    struct gateway_id id = {"id-1", 4};
    struct gateway_answer a = {.outcome = outcome_of(letter), .code = "E1", .words = "because"};

    if (a.outcome == GATEWAY_ACCEPTED) {
        a.ids = &id;
        a.id_count = 1;
    }
    if (strcmp(e->way, "nonsense") == 0)
        a.outcome = (enum gateway_outcome)99;
    if (strcmp(e->way, "ids") == 0)
        id.length = 65;
    e->host->done(e->gw, token, &a);
}

static void wild_answer(struct evil *e, uint64_t token, char letter)
{
    struct gateway_id id = {NULL, 4};
    struct gateway_answer a = {.outcome = GATEWAY_RETRY, .code = "E1"};

    if (letter == 'l')
        a.retry_after_ms = INT64_MAX;
    if (letter == 'n')
        a.retry_after_ms = INT64_MIN;
    if (letter == 'p' || letter == 'q') {
        a.outcome = GATEWAY_ACCEPTED;
        a.id_count = 1;
        a.ids = letter == 'q' ? &id : NULL;
    }
    e->host->done(e->gw, token, letter == '0' ? NULL : &a);
}

/* ---------------------------------------------------------------------- chaos */

static struct {
    uint64_t tokens[4096]; /* of all gateways */
    size_t count;
    uint64_t dice;
} chaos = {.dice = 88172645463325252u};

static uint64_t roll(void)
{
    chaos.dice ^= chaos.dice << 13;
    chaos.dice ^= chaos.dice >> 7;
    chaos.dice ^= chaos.dice << 17;
    return chaos.dice;
}

/* A token that is not one of those that e still owes an answer to. */
static uint64_t bad_token(const struct evil *e)
{
    for (;;) {
        uint64_t token = roll(), owed = 0;

        if (token % 8 != 0 && chaos.count > 0) {
            token = chaos.tokens[roll() % (chaos.count < 4096 ? chaos.count : 4096)];
            if (roll() % 2 == 0)
                token ^= UINT64_C(1) << roll() % 64;
            if (roll() % 4 == 0)
                token += roll() % 5 - 2;
        }
        for (size_t i = 0; i < e->count; i++)
            owed += e->later[i] == token;
        if (owed == 0)
            return token;
    }
}

static void babble(struct evil *e)
{
    struct gateway_id ids[GATEWAY_MAX_IDS + 1];

    for (uint64_t n = roll() % 32; n > 0; n--) {
        struct gateway_answer a = {.outcome = (enum gateway_outcome)(roll() % 12),
                                   .reason = (enum gateway_reason)(roll() % 20),
                                   .ids = ids,
                                   .id_count = roll() % 10,
                                   .retry_after_ms = (int64_t)roll()};

        for (size_t i = 0; i <= GATEWAY_MAX_IDS; i++)
            ids[i] = (struct gateway_id){"0123456789", roll() % 11};
        e->host->done(e->gw, bad_token(e), &a);
    }
}

static void chaos_answer(struct evil *e)
{
    struct gateway_answer a = {.outcome = (enum gateway_outcome)(roll() % 12)};
    uint64_t token = e->later[--e->count];

    e->host->done(e->gw, token, &a);
    babble(e); /* also with that one again */
}

static void chaos_submit(struct evil *e, const struct gateway_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        chaos.tokens[chaos.count++ % 4096] = messages[i]->token;
        e->later[e->count++] = messages[i]->token;
    }
    babble(e);
    while (e->count > 0 && (e->count > 40 || roll() % 3 != 0))
        chaos_answer(e);
}

static void on_later(void *arg)
{
    struct evil *e = arg;
    size_t n = e->count;

    e->count = 0;
    for (size_t i = 0; i < n; i++)
        answer(e, e->later[i], e->letters[i]);
}

static void take_along(const char *text)
{
    static volatile bool on = true;
    static volatile uintptr_t nowhere = 16;

    if (strstr(text, "DIE") != NULL)
        abort();
    if (strstr(text, "SEGV") != NULL)
        *(volatile int *)nowhere = 1;
    if (strstr(text, "EXIT") != NULL)
        exit(0);
    if (strstr(text, "LEAK") != NULL) {
        static void *lost; /* each holds the one before: for the sanitizer it is in use */
        void **more = malloc(LEAK_BYTES);

        if (more != NULL) {
            memset(more, 1, LEAK_BYTES);
            *more = lost;
            lost = more;
        }
    }
    if (strstr(text, "PIPE") != NULL)
        raise(SIGPIPE);
    while (on && strstr(text, "LOOP") != NULL)
        ;
}

static void stale_submit(struct evil *e, const struct gateway_message *const *messages, size_t n)
{
    static struct {
        unsigned life;
        uint64_t tokens[64];
        size_t count;
    } before; /* outlives close() */

    if (before.life == 0)
        before.life = e->life;
    for (size_t i = 0; i < n && before.life == e->life; i++)
        before.tokens[before.count++ % 64] = messages[i]->token;
    if (before.life == e->life)
        return;
    for (size_t i = 0; i < before.count; i++)
        answer(e, before.tokens[i], 'a');
    before.count = 0;
    for (size_t i = 0; i < n; i++)
        answer(e, messages[i]->token, messages[i]->text[0]);
}

static void evil_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct evil *e = state;

    if (strcmp(e->way, "chaos") == 0) {
        chaos_submit(e, messages, n);
        return;
    }
    if (strcmp(e->way, "stale") == 0) {
        stale_submit(e, messages, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(e->way, "never") == 0)
            continue;
        if (strcmp(e->way, "last") == 0 && messages[i]->text[0] != 'b') {
            e->later[e->count++] = messages[i]->token;
            continue;
        }
        if (strcmp(e->way, "deadly") == 0) {
            take_along(messages[i]->text);
            answer(e, messages[i]->token, 'a');
            continue;
        }
        if (strcmp(e->way, "wild") == 0) {
            wild_answer(e, messages[i]->token, messages[i]->text[0]);
            continue;
        }
        if (strcmp(e->way, "later") == 0) {
            e->later[e->count] = messages[i]->token;
            e->letters[e->count++] = messages[i]->text[0];
            if (e->count == 1)
                e->host->timer(e->gw, 1, on_later, e);
            continue;
        }
        if (strcmp(e->way, "forged") == 0) {
            answer(e, messages[i]->token + 1, 'a');
            answer(e, messages[i]->token + (UINT64_C(1) << 22), 'a');
            answer(e, 0, 'a');
            answer(e, UINT64_MAX, 'a');
        }
        answer(e, messages[i]->token, messages[i]->text[0]);
        if (strcmp(e->way, "twice") == 0)
            answer(e, messages[i]->token, 'b');
    }
}

static int evil_open(const struct gateway_host *host, struct gateway *gw, void **state, char *error,
                     size_t size)
{
    static unsigned lives;
    struct evil *e = calloc(1, sizeof *e);

    e->host = host;
    e->gw = gw;
    e->life = ++lives;
    e->way = host->setting_string(gw, "way");
    if (strcmp(e->way, "refuses") == 0) {
        snprintf(error, size, "way: is refused");
        host->timer(gw, 1, on_later, e); /* "nothing kept" is broken too */
        free(e);
        return -1;
    }
    if (strcmp(e->way, "loud") == 0 && fork() == 0)
        _exit(0);
    *state = e;
    host->capacity(gw, (unsigned)host->setting_int(gw, "capacity"), "ready");
    return 0;
}

static void evil_close(void *state)
{
    struct evil *e = state;

    if (strcmp(e->way, "child") == 0 && fork() == 0)
        _exit(0);
    while (strcmp(e->way, "last") == 0 && e->count > 0)
        answer(e, e->later[--e->count], '?');
    e->host->timer(e->gw, 0, on_later, e); /* must never run */
    free(e);
}

static void evil_callback(void *state, const struct gateway_push *push, gateway_push_answer_fn *fn,
                          void *arg)
{
    struct evil *e = state;
    struct gateway_receipt r = {.id = {"id-1", 4}, .state = GATEWAY_DELIVERED};

    (void)push;
    if (strcmp(e->way, "chaos") == 0) { /* says what it still owes */
        while (e->count > 0)
            chaos_answer(e);
        fn(arg, 200, "ok");
        return;
    }
    e->host->receipt(e->gw, &r, NULL, NULL);
    r.id.length = 0;
    e->host->receipt(e->gw, &r, NULL, NULL);
    if (strcmp(e->way, "never") == 0)
        return;
    fn(arg, 200, "ok");
    fn(arg, 500, "again");
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = "evil",
    .channel = "sms",
    .capabilities = GATEWAY_OPENS_QUIETLY, /* it says */
    .batch_max = 3,
    .settings = settings,
    .open = evil_open,
    .submit = evil_submit,
    .close = evil_close,
    .callback = evil_callback,
};
