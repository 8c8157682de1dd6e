#include "gateway.h"

#include "buf.h"
#include "clock.h"
#include "error.h"
#include "instance.h"
#include "log.h"
#include "plugin.h"
#include "shared.h"
#include "tree.h"

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOWN_AFTER_MS 10000
#define SILENT_LOOK_MS 30000 /* at most: how often the forgotten are looked for */
#define RETRY_AFTER_MAX_MS 86400000
#define RETIRE_LOOK_MS 500
#define RETIRE_MS 3000 /* without anything outstanding, for its sessions to end with a word */
#define BAD_TOKEN_LOG_MS 10000

/* A token: 42 bits of generation, 6 of the gateway, 16 of its slot. */
#define TOKEN(generation, index, slot)                                                             \
    ((uint64_t)(generation) << 22 | (uint64_t)(index) << 16 | (uint64_t)(slot))
#define TOKEN_SLOT(token) ((unsigned)((token)&0xffff))
#define TOKEN_INDEX(token) ((size_t)((token) >> 16 & 0x3f))
#define TOKEN_GENERATION(token) ((token) >> 22)
#define GENERATION_MASK ((UINT64_C(1) << 42) - 1)

static const char *const outcome_names[] = {
    [GATEWAY_ACCEPTED] = "accepted", [GATEWAY_THROTTLED] = "throttled", [GATEWAY_UNSENT] = "unsent",
    [GATEWAY_RETRY] = "retry",       [GATEWAY_REJECTED] = "rejected",   [GATEWAY_BROKEN] = "broken",
    [GATEWAY_UNKNOWN] = "unknown",
};

static const char *const reason_names[] = {
    [GATEWAY_REASON_NONE] = "",           [GATEWAY_REASON_NUMBER] = "number",
    [GATEWAY_REASON_TEXT] = "text",       [GATEWAY_REASON_BLACKLISTED] = "blacklisted",
    [GATEWAY_REASON_ABSENT] = "absent",   [GATEWAY_REASON_BARRED] = "barred",
    [GATEWAY_REASON_EXPIRED] = "expired", [GATEWAY_REASON_PARTIAL] = "partial",
    [GATEWAY_REASON_OUTAGE] = "outage",   [GATEWAY_REASON_CREDENTIALS] = "credentials",
    [GATEWAY_REASON_BALANCE] = "balance", [GATEWAY_REASON_TEMPLATE] = "template",
    [GATEWAY_REASON_LIMIT] = "limit",     [GATEWAY_REASON_PROTOCOL] = "protocol",
    [GATEWAY_REASON_OTHER] = "other",
};

const char *gateway_outcome_name(enum gateway_outcome outcome)
{
    return outcome_names[outcome];
}

const char *gateway_reason_name(enum gateway_reason reason)
{
    return reason_names[reason];
}

/* ----------------------------------------------------------------- usability */

uint64_t gateway_bit(const struct gateway *gw)
{
    return UINT64_C(1) << gw->index;
}

/* A half-open circuit is usable until its trial is out. */
static bool may_be_used(const struct gateway *gw)
{
    return gw->opened && !gw->closing && !gw->draining && !gw->paused && !gw->down &&
           gw->circuit.state != CIRCUIT_OPEN &&
           !(gw->circuit.state == CIRCUIT_HALF_OPEN && gw->trial != 0);
}

static void update_usable(struct gateway *gw)
{
    if (may_be_used(gw))
        gw->set->usable |= gateway_bit(gw);
    else
        gw->set->usable &= ~gateway_bit(gw);
}

/* Tells the dispatcher; last in its caller, for it may call us again. */
static void tell_changed(struct gateway *gw)
{
    struct gateway_set *set = gw->set;

    update_usable(gw);
    if (!set->opening && !gw->closing)
        set->events.changed(set->arg, gw);
}

bool gateway_usable(const struct gateway *gw)
{
    return (gw->set->usable & gateway_bit(gw)) != 0;
}

unsigned gateway_free(const struct gateway *gw)
{
    unsigned limit = gw->capacity < gw->window ? gw->capacity : gw->window;

    if ((gw->set->usable & gateway_bit(gw)) == 0 || limit <= gw->outstanding || gw->in_submit)
        return 0;
    return gw->circuit.state == CIRCUIT_HALF_OPEN ? 1 : limit - gw->outstanding;
}

static void start_timer(struct event *timer, int64_t ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};

    evtimer_add(timer, &tv);
}

static void on_circuit_timer(evutil_socket_t fd, short what, void *arg)
{
    struct gateway *gw = arg;

    (void)fd;
    (void)what;
    if (circuit_tick(&gw->circuit, clock_mono_ms()))
        tell_changed(gw);
    else if (gw->circuit.state == CIRCUIT_OPEN) /* a timer may be early by a little */
        start_timer(gw->circuit_timer, gw->circuit.until_ms - clock_mono_ms() + 1);
}

static void on_down_timer(evutil_socket_t fd, short what, void *arg)
{
    struct gateway *gw = arg;

    (void)fd;
    (void)what;
    if (gw->capacity > 0)
        return;
    gw->down = true;
    log_warning("gateway.unusable gateway=%s why=%s", gw->config->name,
                log_quote(gw->statistics.state));
    tell_changed(gw);
}

void gateway_capacity(struct gateway *gw, unsigned messages, const char *why)
{
    bool was_up = gw->capacity > 0, is_up = messages > 0, more = messages > gw->capacity;

    gw->capacity = messages;
    snprintf(gw->statistics.state, sizeof gw->statistics.state, "%s", why == NULL ? "" : why);
    if (was_up != is_up) {
        gw->statistics.up_since_ms = is_up ? clock_wall_ms() : 0;
        log_info("gateway.%s gateway=%s capacity=%u why=%s", is_up ? "up" : "down",
                 gw->config->name, messages, log_quote(why));
    }
    if (is_up) {
        gw->down = false;
        evtimer_del(gw->down_timer);
    } else if (was_up) {
        start_timer(gw->down_timer, DOWN_AFTER_MS);
    }
    if (more && circuit_back(&gw->circuit))
        evtimer_del(gw->circuit_timer);
    tell_changed(gw);
}

void gateway_pause(struct gateway *gw, bool paused)
{
    if (gw->paused == paused)
        return;
    gw->paused = paused;
    log_info("gateway.%s gateway=%s", paused ? "paused" : "resumed", gw->config->name);
    tell_changed(gw);
}

void gateway_drain(struct gateway *gw)
{
    if (gw->draining)
        return;
    gw->draining = true;
    log_info("gateway.draining gateway=%s outstanding=%u", gw->config->name, gw->outstanding);
    update_usable(gw);
    if (gw->opened && gw->plugin.drain != NULL)
        gw->plugin.drain(gw->state);
    tell_changed(gw);
}

void gateway_try(struct gateway *gw)
{
    if (!circuit_try(&gw->circuit))
        return;
    evtimer_del(gw->circuit_timer);
    tell_changed(gw);
}

/* -------------------------------------------------------------------- submits */

static uint64_t slot_take(struct gateway *gw, void *context)
{
    unsigned slot = gw->free_slots[--gw->free_count];
    struct slot *s = &gw->slots[slot];

    gw->generation = (gw->generation + 1) & GENERATION_MASK;
    gw->generation += gw->generation == 0;
    s->token = TOKEN(gw->generation, gw->index, slot);
    s->context = context;
    return s->token;
}

void gateway_submit(struct gateway *gw, struct gateway_message *const *messages,
                    void *const *contexts, size_t n)
{
    const struct gateway_message *const *borrowed = (const struct gateway_message *const *)messages;
    size_t batch = gw->config->batch_max;
    size_t together = batch == UINT_MAX ? 1 : batch; /* any: each is a request of its own */
    int64_t now_ms = clock_mono_ms();

    assert(n <= gateway_free(gw));
    for (size_t i = 0; i < n; i++)
        messages[i]->token = slot_take(gw, contexts[i]);
    gw->outstanding += (unsigned)n;
    gw->set->outstanding += n;
    gw->statistics.submitted += n;
    for (size_t i = 0; i < n; i++) {
        struct slot *s = &gw->slots[TOKEN_SLOT(messages[i]->token)];

        s->submitted_ms = now_ms;
        s->request = messages[i - i % together]->token;
    }
    if (gw->circuit.state == CIRCUIT_HALF_OPEN && n > 0) {
        gw->trial = messages[0]->token;
        update_usable(gw);
    }
    gw->in_submit = true;
    for (size_t i = 0; i < n; i += batch)
        gw->plugin.submit(gw->state, borrowed + i, n - i < batch ? n - i : batch);
    gw->in_submit = false;
}

/* -------------------------------------------------------------------- answers */

/* Nothing is done with it; that it happened is told, not more often than need be. */
static void bad_token(struct gateway *gw, uint64_t token)
{
    int64_t now = clock_mono_ms();
    bool ours = TOKEN_INDEX(token) == gw->index && TOKEN_SLOT(token) < gw->window &&
                TOKEN_GENERATION(token) <= gw->generation;

    gw->statistics.bad_tokens++;
    if (gw->bad_token_log_ms != 0 && now - gw->bad_token_log_ms < BAD_TOKEN_LOG_MS)
        return;
    gw->bad_token_log_ms = now;
    log_warning("gateway.token gateway=%s kind=%s token=%016" PRIx64 " count=%" PRIu64,
                gw->config->name, ours ? "repeated" : "forged", token, gw->statistics.bad_tokens);
}

static bool makes_sense(const struct gateway_answer *a)
{
    if (a == NULL || a->outcome < GATEWAY_ACCEPTED || a->outcome > GATEWAY_UNKNOWN ||
        (unsigned)a->reason > GATEWAY_REASON_OTHER || a->id_count > GATEWAY_MAX_IDS ||
        (a->id_count > 0 && a->ids == NULL))
        return false;
    for (size_t i = 0; i < a->id_count; i++)
        if (a->ids[i].bytes == NULL || a->ids[i].length < 1 || a->ids[i].length > 64)
            return false;
    return true;
}

static void note_trouble(struct gateway *gw, const struct gateway_answer *a)
{
    const char *words = a->words == NULL ? "" : a->words;
    const char *code = a->code != NULL ? a->code : words[0] == '\0' ? reason_names[a->reason] : "";

    snprintf(gw->statistics.trouble, sizeof gw->statistics.trouble, "%s: %s%s%s",
             outcome_names[a->outcome], code, code[0] == '\0' || words[0] == '\0' ? "" : " ",
             words);
    gw->statistics.trouble_reason = a->reason;
    gw->statistics.trouble_ms = clock_wall_ms();
}

/* All that is not the common case. Returns whether the dispatcher must be told. */
static bool judge(struct gateway *gw, const struct gateway_answer *a, uint64_t request, bool trial)
{
    uint32_t random;
    bool moved;

    if (a->outcome != GATEWAY_ACCEPTED && a->outcome != GATEWAY_REJECTED &&
        a->outcome != GATEWAY_UNSENT)
        note_trouble(gw, a);
    host_random(&random, sizeof random);
    moved = circuit_answer(&gw->circuit, a, request, trial, clock_mono_ms(), random);
    if (moved && gw->circuit.state == CIRCUIT_OPEN) {
        gw->blames = a->outcome == GATEWAY_BROKEN && gw->worked && !trial;
        gw->worked = false;
    }
    if (moved && gw->circuit.state == CIRCUIT_OPEN)
        start_timer(gw->circuit_timer, gw->circuit.until_ms - clock_mono_ms());
    if (trial)
        gw->trial = 0;
    if (moved || trial)
        update_usable(gw);
    return moved || trial;
}

static void slot_answer(struct gateway *gw, unsigned slot, const struct gateway_answer *a)
{
    struct slot *s = &gw->slots[slot];
    void *context = s->context;
    bool trial = s->token == gw->trial, tell = false;

    s->token = 0;
    gw->free_slots[gw->free_count++] = (uint16_t)slot;
    gw->outstanding--;
    gw->set->outstanding--;
    gw->statistics.answers[a->outcome]++;
    gw->worked = gw->worked || a->outcome == GATEWAY_ACCEPTED;
    if (a->outcome == GATEWAY_ACCEPTED && gw->circuit.state == CIRCUIT_CLOSED)
        gw->circuit.troubles = 0;
    else if (!gw->gone)
        tell = judge(gw, a, s->request, trial);
    gw->set->events.answered(gw->set->arg, gw, context, a);
    gw->blames = false;
    if (tell)
        tell_changed(gw);
}

void gateway_answered(struct gateway *gw, uint64_t token, const struct gateway_answer *answer)
{
    static const struct gateway_answer nonsense = {
        .outcome = GATEWAY_UNKNOWN,
        .reason = GATEWAY_REASON_PROTOCOL,
        .words = "the plugin's answer makes no sense",
    };
    unsigned slot = TOKEN_SLOT(token);
    struct gateway_answer bounded;

    if (makes_sense(answer) &&
        (answer->retry_after_ms < 0 || answer->retry_after_ms > RETRY_AFTER_MAX_MS)) {
        bounded = *answer;
        bounded.retry_after_ms = answer->retry_after_ms < 0 ? 0 : RETRY_AFTER_MAX_MS;
        answer = &bounded;
    }
    if (token == 0 || slot >= gw->window || gw->slots[slot].token != token)
        bad_token(gw, token);
    else
        slot_answer(gw, slot, makes_sense(answer) ? answer : &nonsense);
}

/* -------------------------------------------------------------------- opening */

struct gateway *gateway_create(struct gateway_set *set, size_t index)
{
    struct gateway *gw = xcalloc(1, sizeof *gw);

    gw->set = set;
    gw->index = index;
    return gw;
}

void gateway_free_all(struct gateway *gw)
{
    if (gw->circuit_timer != NULL)
        event_free(gw->circuit_timer);
    if (gw->down_timer != NULL)
        event_free(gw->down_timer);
    if (gw->silent_timer != NULL)
        event_free(gw->silent_timer);
    shared_free(gw);
    free(gw->slots);
    free(gw->free_slots);
    free(gw);
}

static void add_secrets(const struct tree *t, struct arena *arena, struct buf *out)
{
    for (const struct tree *child = t->first; child != NULL; child = child->next) {
        const char *secret = NULL;

        if (child->kind == TREE_STRING && child->string[0] == '@')
            secret = field_secret(child->string, arena, NULL);
        if (secret != NULL)
            buf_put(out, secret, strlen(secret) + 1);
        add_secrets(child, arena, out);
    }
}

void gateway_print(const struct tree *group, unsigned char print[32])
{
    struct buf text = BUF_INIT(16u << 20);
    struct arena arena = {0};

    tree_write_json(group, &text);
    buf_putc(&text, '\0');
    add_secrets(group, &arena, &text);
    crypto_generichash(print, 32, (const unsigned char *)text.data, text.length, NULL, 0);
    sodium_memzero(text.data, text.length);
    buf_free(&text);
    arena_free(&arena);
}

/* What a plugin says against its settings, at the one that it names first ("ports.0: ..."). */
static int refuse(const struct gateway *gw, const struct tree *group, const char *why,
                  struct error *err)
{
    size_t n = strcspn(why, ":");
    char *path = xstrndup(why, n);
    const struct tree *setting = why[n] == ':' ? tree_get(group, path) : NULL;
    int rc =
        tree_error(err, setting != NULL ? setting : group, "gateway %s: %s", gw->config->name, why);

    free(path);
    return rc;
}

/* By the plugin, of one that would be opened: for who tells of all mistakes. Else open() will say
 * it, of those that are opened: a reload is not to fail by one that runs well. */
static int check_settings(struct gateway *gw, const struct tree *group, struct error *err)
{
    struct gateway_host idle = host_idle();
    struct event_base *base = gw->set->base;
    char why[512] = "";
    void *state;
    int rc;

    if (!tree_is_heard() || gw->set->plans || gw->config->disabled ||
        (gw->plugin.capabilities & GATEWAY_OPENS_QUIETLY) == 0)
        return 0;
    gw->set->base = event_base_new(); /* that never runs */
    rc = gw->plugin.open(&idle, gw, &state, why, sizeof why);
    if (rc == 0)
        gw->plugin.close(state);
    event_base_free(gw->set->base);
    gw->set->base = base;
    return rc == 0 ? 0 : refuse(gw, group, why, err);
}

int gateway_configure(struct gateway *gw, const struct tree *group, const char *plugin_dir,
                      struct error *err)
{
    const struct tree *plugin = tree_get(group, "plugin");
    struct error why;

    if (group->kind != TREE_OBJECT)
        return tree_error(err, group, "expected a group { ... }, found %s",
                          tree_kind_name(group->kind));
    if (plugin == NULL || plugin->kind != TREE_STRING || *plugin->string == '\0')
        return tree_error(err, plugin == NULL ? group : plugin,
                          "plugin is missing: expected a plugin's name, or the path of its .so");
    if (*plugin->string != '/' && strchr(plugin->string, '/') != NULL)
        return tree_error(err, plugin, "expected a plugin's name, or an absolute path");
    if (plugin_load(plugin->string, plugin_dir, &gw->plugin, &why) != 0)
        return tree_error(err, plugin, "%s", why.text);
    gw->settings = gw->set->plans
                       ? gateway_settings_plan(group, &gw->plugin, &gw->set->arena, &why)
                       : gateway_settings_read(group, &gw->plugin, &gw->set->arena, &why);
    if (gw->settings == NULL)
        return error_set(err, "%s", why.text);
    gw->config = gateway_settings_config(gw->settings);
    if (!gw->set->plans)
        gateway_print(group, gw->print);
    return check_settings(gw, group, err);
}

static void on_silent_timer(evutil_socket_t fd, short what, void *arg);

static void gateway_prepare(struct gateway *gw)
{
    uint32_t random;

    host_random(&random, sizeof random);
    gw->generation = random; /* an earlier run's tokens are forged now */
    gw->window = (unsigned)gw->config->window;
    gw->slots = xcalloc(gw->window, sizeof *gw->slots);
    gw->free_slots = xcalloc(gw->window, sizeof *gw->free_slots);
    while (gw->free_count < gw->window) {
        gw->free_slots[gw->free_count] = (uint16_t)(gw->window - 1 - gw->free_count);
        gw->free_count++;
    }
    gw->circuit_timer = evtimer_new(gw->set->base, on_circuit_timer, gw);
    gw->down_timer = evtimer_new(gw->set->base, on_down_timer, gw);
    gw->silent_timer = evtimer_new(gw->set->base, on_silent_timer, gw);
    circuit_init(&gw->circuit, gw->config->name);
}

static int plugin_open(struct gateway *gw, char *why, size_t size)
{
    if (gw->plugin.open(&gateway_host, gw, &gw->state, why, size) != 0) {
        host_cancel_all(gw);
        return -1;
    }
    gw->opened = true;
    gw->lives++;
    if (gw->plugin.instance_capabilities != NULL)
        gateway_settings_set_capabilities(gw->settings,
                                          gw->plugin.instance_capabilities(gw->state));
    if (gw->capacity == 0)
        start_timer(gw->down_timer, DOWN_AFTER_MS);
    update_usable(gw);
    return 0;
}

static void look_for_silent(struct gateway *gw)
{
    int64_t look_ms = gw->retired ? RETIRE_LOOK_MS : gw->config->answer_wait_ms / 8;

    start_timer(gw->silent_timer, look_ms < SILENT_LOOK_MS ? look_ms : SILENT_LOOK_MS);
}

int gateway_open(struct gateway *gw, const struct tree *group, struct error *err)
{
    char why[512] = "";

    gateway_prepare(gw);
    if (gw->config->disabled)
        return 0;
    if (plugin_open(gw, why, sizeof why) != 0)
        return refuse(gw, group, why, err);
    look_for_silent(gw);
    log_info("gateway.open gateway=%s plugin=%s channel=%s", gw->config->name, gw->plugin.name,
             gw->config->channel);
    return 0;
}

/* -------------------------------------------------------------------- closing */

/* No callback of the plugin runs after it, and nothing of it may call us. */
static void plugin_close(struct gateway *gw)
{
    gw->closing = true;
    update_usable(gw);
    if (gw->opened)
        gw->plugin.close(gw->state);
    gw->opened = false;
    host_cancel_all(gw);
}

static void answer_the_rest(struct gateway *gw, const struct gateway_answer *answer)
{
    for (unsigned i = 0; i < gw->window && gw->outstanding > 0; i++)
        if (gw->slots[i].token != 0)
            slot_answer(gw, i, answer);
}

void gateway_close(struct gateway *gw)
{
    static const struct gateway_answer unknown = {.outcome = GATEWAY_UNKNOWN,
                                                  .words = "the gateway was closed"};

    gw->gone = true;
    plugin_close(gw);
    if (gw->silent_timer != NULL)
        evtimer_del(gw->silent_timer);
    answer_the_rest(gw, &unknown);
}

/* ------------------------------------------------------- messages without an answer */

/* How many it has had for longer than answer_wait. */
static unsigned count_silent(const struct gateway *gw, int64_t now_ms)
{
    unsigned count = 0;

    for (unsigned i = 0; i < gw->window && gw->outstanding > 0; i++)
        count += gw->slots[i].token != 0 &&
                 now_ms - gw->slots[i].submitted_ms > gw->config->answer_wait_ms;
    return count;
}

static void plugin_reopen(struct gateway *gw)
{
    char why[512] = "";

    if (plugin_open(gw, why, sizeof why) != 0) /* the next look tries again */
        log_error("gateway.reopen_failed gateway=%s reason=%s", gw->config->name, log_quote(why));
    else
        log_info("gateway.reopened gateway=%s", gw->config->name);
    tell_changed(gw);
}

void gateway_undrain(struct gateway *gw)
{
    if (!gw->draining || gw->retired || gw->outstanding > 0 || gw->in_submit)
        return;
    plugin_close(gw);
    gw->capacity = 0;
    gw->closing = gw->draining = false;
    if (!gw->config->disabled)
        plugin_reopen(gw);
}

/* Closes a retired one that has been idle for long enough. */
static bool retire_is_over(struct gateway *gw)
{
    int64_t now_ms = clock_mono_ms();

    if (gw->outstanding > 0)
        gw->idle_since_ms = 0;
    else if (gw->idle_since_ms == 0)
        gw->idle_since_ms = now_ms;
    if (gw->idle_since_ms == 0 || now_ms - gw->idle_since_ms < RETIRE_MS)
        return false;
    gateway_close(gw);
    log_info("gateway.closed gateway=%s", gw->config->name);
    return true;
}

/* What a plugin holds it may still read, and send: only close() takes it back. */
static void on_silent_timer(evutil_socket_t fd, short what, void *arg)
{
    static const struct gateway_answer unknown = {
        .outcome = GATEWAY_UNKNOWN,
        .reason = GATEWAY_REASON_PROTOCOL,
        .words = "the plugin has not answered",
    };
    struct gateway *gw = arg;
    unsigned silent;

    (void)fd;
    (void)what;
    if (gw->retired && retire_is_over(gw))
        return;
    look_for_silent(gw);
    silent = count_silent(gw, clock_mono_ms());
    if (silent > 0) {
        log_error("gateway.silent gateway=%s plugin=%s messages=%u outstanding=%u wait_ms=%" PRId64,
                  gw->config->name, gw->plugin.name, silent, gw->outstanding,
                  gw->config->answer_wait_ms);
        plugin_close(gw);
        gw->capacity = 0;
        gw->closing = false;
        answer_the_rest(gw, &unknown);
    }
    if (!gw->opened && !gw->draining)
        plugin_reopen(gw);
}

void gateway_retire(struct gateway *gw)
{
    gw->retired = true;
    gateway_drain(gw);
    look_for_silent(gw);
}

bool gateway_retired(const struct gateway *gw)
{
    return gw->retired;
}

/* ------------------------------------------------------------------ the rest */

const struct gateway_config *gateway_config(const struct gateway *gw)
{
    return gw->config;
}

size_t gateway_index(const struct gateway *gw)
{
    return gw->index;
}

bool gateway_closed_on(const struct gateway *gw, int day, bool rest)
{
    return route_closed_on(gw->config, day, rest);
}

void gateway_set_user(struct gateway *gw, void *user)
{
    gw->user = user;
}

void *gateway_user(const struct gateway *gw)
{
    return gw->user;
}

bool gateway_takes_pushes(const struct gateway *gw)
{
    const struct gateway_config *c = gw->config;

    return gw->plugin.callback != NULL && gw->opened &&
           (c->callback_token != NULL || c->callback_from.count > 0 ||
            (c->capabilities & GATEWAY_CHECKS_PUSHES) != 0);
}

int64_t gateway_silence_ms(const struct gateway *gw)
{
    int64_t limit_ms = gw->config->receipt_silence_ms;
    int64_t one_ms = gateway_settings_int(gw->settings, GATEWAY_POLL_AFTER);
    int64_t all_ms = gateway_settings_int(gw->settings, GATEWAY_PULL);

    if (limit_ms == 0 || gateway_takes_pushes(gw))
        return limit_ms;
    return limit_ms + (all_ms != 0 && (one_ms == 0 || all_ms < one_ms) ? all_ms : one_ms);
}

bool gateway_push(struct gateway *gw, const struct gateway_push *push,
                  gateway_push_answer_fn *answer, void *arg)
{
    return host_push(gw, push, answer, arg);
}

bool gateway_blames(const struct gateway *gw)
{
    return gw->blames;
}

bool gateway_query(struct gateway *gw, const char *reference, const char *to, int64_t submitted_ms)
{
    if (gw->plugin.query == NULL || !gw->opened)
        return false;
    gw->plugin.query(gw->state, reference, to, submitted_ms);
    return true;
}

unsigned gateway_asks_in_life(const struct gateway *gw)
{
    return gw->plugin.owed != NULL && gw->opened && !gw->retired ? gw->lives : 0;
}

void gateway_owed(struct gateway *gw, const struct gateway_id *id, const char *to,
                  int64_t submitted_ms)
{
    if (gateway_asks_in_life(gw) != 0)
        gw->plugin.owed(gw->state, id, to, submitted_ms);
}

void gateway_statistics(const struct gateway *gw, struct gateway_statistics *out)
{
    int64_t now = clock_mono_ms();

    *out = gw->statistics;
    out->outstanding = gw->outstanding;
    out->capacity = gw->capacity;
    out->circuit = circuit_name(gw->circuit.state);
    out->circuit_ms = gw->circuit.state == CIRCUIT_OPEN && gw->circuit.until_ms > now
                          ? gw->circuit.until_ms - now
                          : 0;
    out->usable = gateway_usable(gw);
    out->paused = gw->paused;
    out->draining = gw->draining;
}
