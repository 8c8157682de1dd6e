#include "replies.h"

#include "append.h"
#include "buf.h"
#include "builtin.h"
#include "clock.h"
#include "column.h"
#include "duty.h"
#include "error.h"
#include "keys.h"
#include "last_notice.h"
#include "latecomer.h"
#include "log.h"
#include "mem.h"
#include "phone.h"
#include "places.h"
#include "template.h"
#include "tree.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNDER_WAY_MOST 4096 /* more are sent again by their peers */
#define ANSWER_MS 86400000  /* what was asked yesterday is not answered today */
#define TEXT_BYTES 4096

struct replies {
    struct inbound_options options;
    struct duty *duty;
    struct latecomers *latecomers;
    struct command command;
    struct reply *first; /* those under way */
    size_t under_way;
    bool muted;
};

/* One reply on its way. */
struct reply {
    struct reply *next;
    struct replies *all;
    struct saying *sayings; /* that it waits for */
    gateway_stored_fn *stored;
    void *stored_arg;
    char gateway[33], channel[33];
    char from[129], to[65], id[129]; /* addresses of any channel */
    bool has_id;
    char *text;
    size_t length;
    struct reply_words words;
    char extension[8];                /* behind the gateway's number; "": none */
    char extended[CAMPAIGN_ID_BYTES]; /* the campaign that has it */
    struct last_notice last;
    unsigned looks;
    char campaign_id[CAMPAIGN_ID_BYTES]; /* "": it is of none that listens */
    uint32_t n;                          /* her number in its audience; 0: not known */
    struct campaign *campaign;           /* NULL as that, or where it cannot be read */
    const char *kind;                    /* as it is stored */
    unsigned under_way;                  /* of what must be durable before it is stored */
    bool failed;
};

/* What is said to somebody in answer to it. */
struct saying {
    struct saying *next;
    struct reply *reply;
    enum campaign_special what;
    char address[129], token[APPEND_TOKEN_BYTES];
    uint32_t n;
};

static void saying_free(struct saying *s)
{
    struct saying **at = &s->reply->sayings;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s);
}

static void reply_free(struct reply *r)
{
    struct saying *next;

    for (struct saying *s = r->sayings; s != NULL; s = next) {
        next = s->next;
        free(s);
    }
    campaign_free(r->campaign);
    free(r->text);
    free(r);
}

static void reply_end(struct reply *r)
{
    struct reply **at = &r->all->first;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    r->all->under_way--;
    if (!r->all->muted)
        r->stored(r->stored_arg, !r->failed);
    reply_free(r);
}

/* ------------------------------------------------------------------ it is stored */

static void on_stored(void *arg, const redisReply *reply)
{
    struct reply *r = arg;

    if (db_is_error(reply, NULL)) {
        log_error("reply.error reply=%s", log_quote(reply->str));
        r->failed = true;
    }
    if (strcmp(r->kind, "alarm") == 0)
        duty_look(r->all->duty);
    reply_end(r);
}

static void store(struct reply *r)
{
    struct command *c = &r->all->command;
    bool alarm = strcmp(r->kind, "alarm") == 0;
    bool person = alarm || strcmp(r->kind, "reply") == 0;

    log_info("reply.%s gateway=%s from=%s campaign=%s", r->kind, r->gateway,
             log_mask(r->from, strlen(r->from)), r->campaign_id);
    command_script(c, SCRIPT_REPLY, 4);
    command_add_string(c, KEY_REPLIES);
    command_add_string(c, KEY_REPLIES_OF_LATE);
    command_add_string(c, KEY_REPLIES_OPEN);
    command_add_string(c, KEY_REPLIES_DUTY);
    command_add_int(c, clock_wall_ms());
    command_add_string(c, r->has_id ? r->id : "");
    command_add_string(c, r->gateway);
    command_add_string(c, r->from);
    command_add_string(c, r->to);
    command_add_string(c, r->kind);
    command_add(c, r->text, r->length);
    command_add_string(c, r->campaign_id);
    command_add_int(c, r->n);
    command_add_string(c, person ? "1" : "0");
    if (alarm)
        duty_targets(r->all->options.settings, c);
    db_send(r->all->options.db, c, on_stored, r);
}

/* Something that has to be durable is: the last one stores the reply itself. */
static void step_done(void *arg)
{
    struct reply *r = arg;

    if (--r->under_way > 0)
        return;
    if (r->failed) /* the peer sends it again, and all of it is done again */
        reply_end(r);
    else
        store(r);
}

static void on_step(void *arg, const redisReply *reply)
{
    struct reply *r = arg;

    if (db_is_error(reply, NULL)) {
        log_error("reply.error reply=%s", log_quote(reply->str));
        r->failed = true;
    }
    step_done(r);
}

/* -------------------------------------------------------------------- it is answered */

static void on_appended(void *arg, const redisReply *reply)
{
    struct saying *s = arg;
    struct reply *r = s->reply;
    struct append_answer answer;

    append_answer(reply, &answer);
    if (answer.verdict == APPEND_DONE) {
        append_schedule(r->campaign_id, BUILTIN_ANSWERS, clock_wall_ms(), &r->all->command);
        db_send(r->all->options.db, &r->all->command, NULL, NULL);
    } else {
        log_error("reply.unanswered campaign=%s to=%s reason=%s", r->campaign_id,
                  log_mask(s->address, strlen(s->address)),
                  answer.verdict == APPEND_FULL ? "\"its answers have reached max_audience\""
                                                : "\"its answers take none\"");
    }
    saying_free(s);
    step_done(r);
}

/* Her row, or where it is not known what a reply tells of her: her address. */
static void row_of(const struct saying *s, const redisReply *rows,
                   struct template_value row[CAMPAIGN_MAX_COLUMNS])
{
    const struct campaign *c = s->reply->campaign;
    const redisReply *value = db_at(db_at(db_at(rows, 0), 1), 1);
    size_t length = strlen(s->address);

    if (value != NULL && value->type == REDIS_REPLY_STRING &&
        campaign_row_split(c, value->str, value->len, row) == 0)
        for (size_t k = 0; k < c->channel_count; k++)
            if (row[k].length == length && memcmp(row[k].text, s->address, length) == 0)
                return;
    for (size_t i = 0; i < c->column_count; i++)
        row[i] = (struct template_value){"", 0};
    for (size_t k = 0; k < c->channel_count; k++)
        if (strcmp(c->channels[k], s->reply->channel) == 0)
            row[k] = (struct template_value){s->address, length};
}

static void on_row(void *arg, const redisReply *rows)
{
    struct saying *s = arg;
    struct reply *r = s->reply;
    struct replies *all = r->all;
    const struct campaign *c = r->campaign;
    struct template_value row[CAMPAIGN_MAX_COLUMNS], language = {"", 0};
    struct append a = {.campaign = r->campaign_id,
                       .reminder = BUILTIN_ANSWERS,
                       .token = s->token,
                       .max_rows = all->options.settings->defaults.max_audience,
                       .now_ms = clock_wall_ms()};
    struct buf bytes = BUF_INIT(COMMAND_MAX_BYTES / 2);
    const struct campaign_text *text;
    char shown[TEXT_BYTES];
    const char *empty;
    int n = -1;

    a.expires_ms = a.now_ms + ANSWER_MS;
    row_of(s, rows, row);
    if (c->column_language >= 0)
        language = row[c->column_language];
    text = campaign_special_text(c, s->what, r->channel, language.text, language.length);
    if (text != NULL)
        n = campaign_compose(c, text, row, SIGNATURE_NONE, shown, sizeof shown, &empty);
    if (n < 0) {
        if (text != NULL)
            log_warning("reply.unanswered campaign=%s to=%s reason=\"{{%s}} is not known of her\"",
                        r->campaign_id, log_mask(s->address, strlen(s->address)),
                        empty != NULL ? empty : "");
        saying_free(s);
        step_done(r);
        return;
    }
    builtin_row(c,
                &(struct builtin_notice){.person = row,
                                         .text = shown,
                                         .length = (size_t)n,
                                         .n = s->n,
                                         .expires_ms = a.expires_ms,
                                         .unasked = strcmp(s->address, r->from) != 0},
                &bytes);
    append_begin(&a, &all->command);
    append_row(&all->command, bytes.data, bytes.length, NULL);
    buf_free(&bytes);
    db_send(all->options.db, &all->command, on_appended, s);
}

/* `answers` goes past the refusals and at any hour, for who has asked: not for who is told since
 * another one gave her place back. */
static void say(struct reply *r, enum campaign_special what, const char *address, uint32_t n,
                const char *token)
{
    struct saying *s = xcalloc(1, sizeof *s);
    struct command *c = &r->all->command;

    s->reply = r;
    s->next = r->sayings;
    r->sayings = s;
    s->what = what;
    s->n = n;
    snprintf(s->address, sizeof s->address, "%s", address);
    snprintf(s->token, sizeof s->token, "%s", token);
    r->under_way++;
    command_start(c, "XRANGE"); /* of number 0 there is none */
    key_audience(c, r->campaign_id);
    command_add_format(c, "%u-0", n);
    command_add_format(c, "%u-0", n);
    db_send(r->all->options.db, c, on_row, s);
}

/* What a change tells is known by the change, so that nobody hears it twice; what changes
 * nothing is said to one person once a day. */
static void say_change(struct reply *r, enum campaign_special what, const char *address, uint32_t n,
                       const char *of, int64_t change)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "outreach replies";
    unsigned char sum[crypto_shorthash_BYTES];
    char hex[2 * sizeof sum + 1], token[APPEND_TOKEN_BYTES];

    crypto_shorthash(sum, (const unsigned char *)address, strlen(address), key);
    sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    if (change > 0)
        snprintf(token, sizeof token, "%s:%lld", of, (long long)change);
    else
        snprintf(token, sizeof token, "%s:%lld:%s", of, (long long)(clock_wall_ms() / 86400000),
                 hex);
    say(r, what, address, n, token);
}

/* ---------------------------------------------------------------------- it refuses */

static void refuse(struct reply *r)
{
    struct delivery_event e = DELIVERY_EVENT_INIT;
    struct command *c = &r->all->command;

    r->kind = "optout";
    if (r->from[0] == '\0') /* nobody's refusal is nobody's */
        return;
    e.event = "refused";
    e.gateway = r->gateway;
    e.to = r->from;
    e.to_length = strlen(r->from);
    r->under_way++;
    command_script(c, SCRIPT_REFUSE, 1);
    command_add_string(c, KEY_OPTOUT);
    command_add_string(c, r->from);
    db_send(r->all->options.db, c, on_step, r);
    delivery_log_add(r->all->options.log, &e); /* Redis may forget it */
    log_info("reply.refused gateway=%s from=%s", r->gateway, log_mask(r->from, strlen(r->from)));
    if (r->campaign != NULL)
        say_change(r, SPECIAL_OPTOUT, r->from, r->n, "optout", 0);
}

/* -------------------------------------------------------- it is the campaign's word */

static void lift(struct reply *r, uint32_t n, enum place_state state)
{
    r->under_way++;
    latecomer_lift(r->all->latecomers, r->campaign, n, state, step_done, r);
}

static void on_place(void *arg, const redisReply *reply)
{
    static const struct {
        const char *kind;
        enum campaign_special what;
    } says[] = {
        [PLACE_TAKEN] = {"registered", SPECIAL_CONFIRMATION},
        [PLACE_WAITING] = {"waiting", SPECIAL_WAITING},
        [PLACE_GIVEN_UP] = {"withdrawn", SPECIAL_WITHDRAWN},
        [PLACE_FULL] = {"full", SPECIAL_FULL},
        [PLACE_CLOSED] = {"closed", SPECIAL_CLOSED},
    };
    struct reply *r = arg;
    struct place_answer a;

    if (place_answer(reply, &a) != 0) {
        log_error("reply.error reply=%s", log_quote(reply->str ? reply->str : ""));
        r->failed = true;
    } else if (a.state == PLACE_NONE) { /* there was no place to be given back */
        if (reply_refuses(&r->words))
            refuse(r);
    } else {
        r->kind = says[a.state].kind;
        say_change(r, says[a.state].what, r->from, r->n,
                   a.change > 0 ? "place" : says[a.state].kind, a.change);
        if (a.state == PLACE_TAKEN || a.state == PLACE_WAITING)
            lift(r, r->n, a.state);
        if (a.promoted != NULL) {
            say_change(r, SPECIAL_CONFIRMATION, a.promoted, a.promoted_n, "place",
                       a.promoted_change);
            lift(r, a.promoted_n, PLACE_TAKEN);
        }
    }
    step_done(r);
}

static void on_answer(void *arg, const redisReply *reply)
{
    struct reply *r = arg;
    enum answer_verdict verdict;
    int64_t change;

    if (answer_verdict(reply, &verdict, &change) != 0) {
        log_error("reply.error reply=%s", log_quote(reply->str ? reply->str : ""));
        r->failed = true;
    } else if (verdict == ANSWER_CLOSED) {
        r->kind = "closed";
        say_change(r, SPECIAL_CLOSED, r->from, r->n, "closed", 0);
    } else {
        r->kind = "answer";
        if (verdict != ANSWER_KEPT)
            say_change(r, SPECIAL_ANSWERED, r->from, r->n, "answer", change);
    }
    step_done(r);
}

/* True where the word was the campaign's. */
static bool campaigns_word(struct reply *r)
{
    struct command *c = &r->all->command;
    const char *word;

    if (r->campaign == NULL || r->campaign->replies == NULL || r->from[0] == '\0')
        return false;
    switch (reply_rules_match(r->campaign->replies, &r->words, &word)) {
    case REPLY_REGISTERS:
        place_take_command(c, r->campaign, r->from, r->n, clock_wall_ms());
        break;
    case REPLY_WITHDRAWS:
        place_give_command(c, r->campaign, r->from, r->n, clock_wall_ms());
        break;
    case REPLY_ANSWERS:
        answer_command(c, r->campaign, r->from, r->n, word, clock_wall_ms());
        r->under_way++;
        db_send(r->all->options.db, c, on_answer, r);
        return true;
    case REPLY_FOR_A_PERSON:
        return false;
    }
    r->under_way++;
    db_send(r->all->options.db, c, on_place, r);
    return true;
}

/* Which campaign it means is known, or that it means none. */
static void decide(struct reply *r)
{
    r->kind = "reply";
    r->under_way = 1;
    if (reply_alarms(&r->words) != NULL) {
        campaign_free(r->campaign); /* nothing is said */
        r->campaign = NULL;
        if (reply_refuses(&r->words))
            refuse(r);
        r->kind = "alarm";
    } else if (!campaigns_word(r) && reply_refuses(&r->words)) {
        refuse(r);
    }
    step_done(r);
}

/* --------------------------------------------------------------- which campaign's is it */

static void on_document(void *arg, const redisReply *reply)
{
    struct reply *r = arg;
    struct error err;
    struct tree *tree;

    if (reply->type == REDIS_REPLY_STRING) {
        tree = tree_parse_json(reply->str, reply->len, NULL, &err);
        if (tree != NULL)
            r->campaign = campaign_create(tree, &r->all->options.settings->defaults, NULL, 0, &err);
        if (r->campaign == NULL)
            log_error("reply.campaign campaign=%s reason=%s", r->campaign_id, log_quote(err.text));
    }
    decide(r);
}

static void on_ref(void *arg, const char *campaign, const char *reminder)
{
    struct reply *r = arg;
    struct command *c = &r->all->command;

    (void)reminder;
    if (campaign != NULL && (r->extended[0] == '\0' || strcmp(r->extended, campaign) == 0))
        r->n = r->last.n;
    if (r->extended[0] != '\0')
        campaign = r->extended;
    if (campaign == NULL) {
        decide(r);
        return;
    }
    snprintf(r->campaign_id, sizeof r->campaign_id, "%s", campaign);
    command_start(c, "HGET");
    key_campaign(c, campaign);
    command_add_string(c, "document");
    db_send(r->all->options.db, c, on_document, r);
}

static void on_looked(void *arg, const redisReply *reply)
{
    struct reply *r = arg;

    last_notice_take(reply, clock_wall_ms(), &r->last);
    if (--r->looks > 0)
        return;
    if (r->last.ref == 0)
        on_ref(r, NULL, NULL);
    else
        dispatch_find_ref(r->all->options.dispatch, r->last.ref, on_ref, r);
}

static void on_extension(void *arg, const redisReply *reply)
{
    struct reply *r = arg;

    if (reply->type == REDIS_REPLY_STRING)
        snprintf(r->extended, sizeof r->extended, "%s", reply->str);
}

static void look_up(struct reply *r)
{
    int64_t now_ms = clock_wall_ms();

    if (r->extension[0] != '\0') { /* it is answered before the others */
        command_start(&r->all->command, "HGET");
        command_add_string(&r->all->command, KEY_EXTENSIONS);
        command_add_string(&r->all->command, r->extension);
        db_send(r->all->options.db, &r->all->command, on_extension, r);
    }
    r->looks = LAST_NOTICE_LOOKS;
    for (int look = 0; look < LAST_NOTICE_LOOKS; look++) {
        last_notice_get_command(&r->all->command, r->from, now_ms, look);
        db_send(r->all->options.db, &r->all->command, on_looked, r);
    }
}

/* ---------------------------------------------------------------------------- the door */

/* Operators write it with and without +, and in the national form. Names of other channels
 * may be made of digits too. */
static void read_from(struct reply *r, const char *from)
{
    enum phone_fault fault;

    if (!column_is_phone(r->channel) ||
        phone_normalize(from, strlen(from), r->all->options.settings->defaults.country, r->from,
                        &fault) != 0)
        snprintf(r->from, sizeof r->from, "%s", from);
}

/* What stands behind the gateway's own number, where it is no more than an extension can be. */
static void read_extension(struct reply *r, const char *number)
{
    const char *to = r->to + (r->to[0] == '+');
    size_t n;

    if (number == NULL || *number == '\0')
        return;
    number += *number == '+';
    n = strlen(number);
    if (strncmp(to, number, n) == 0 && strlen(to + n) < sizeof r->extension)
        strcpy(r->extension, to + n);
}

void replies_take(struct replies *all, struct gateway *gw, const struct gateway_reply *reply,
                  gateway_stored_fn *stored, void *stored_arg)
{
    struct reply *r;

    if (reply->part && !refusal_says_no(reply->text, reply->length)) {
        stored(stored_arg, true); /* the whole comes later */
        return;
    }
    if (!db_well(all->options.db) || all->under_way >= UNDER_WAY_MOST) {
        stored(stored_arg, false);
        return;
    }
    r = xcalloc(1, sizeof *r);
    r->all = all;
    r->next = all->first;
    all->first = r;
    r->stored = stored;
    r->stored_arg = stored_arg;
    snprintf(r->gateway, sizeof r->gateway, "%s", gateway_config(gw)->name);
    snprintf(r->channel, sizeof r->channel, "%s", gateway_config(gw)->channel);
    snprintf(r->to, sizeof r->to, "%s", reply->to != NULL ? reply->to : "");
    r->has_id = reply->id != NULL;
    snprintf(r->id, sizeof r->id, "%s", r->has_id ? reply->id : "");
    r->length = reply->length > REPLY_MOST_BYTES ? REPLY_MOST_BYTES : reply->length;
    r->text = xstrndup(reply->text, r->length);
    reply_read(&r->words, reply->text, reply->length);
    read_from(r, reply->from);
    read_extension(r, gateway_config(gw)->number);
    all->under_way++;
    if (reply->part || r->from[0] == '\0')
        decide(r);
    else
        look_up(r);
}

struct replies *replies_create(const struct inbound_options *options, struct duty *duty)
{
    struct replies *all = xcalloc(1, sizeof *all);

    all->options = *options;
    all->duty = duty;
    all->command = COMMAND_INIT;
    all->latecomers = latecomers_create(&all->options);
    return all;
}

void replies_mute(struct replies *all)
{
    all->muted = true;
}

bool replies_idle(const struct replies *all)
{
    return all->under_way == 0;
}

void replies_free(struct replies *all)
{
    struct reply *next;

    if (all == NULL)
        return;
    latecomers_free(all->latecomers);
    for (struct reply *r = all->first; r != NULL; r = next) {
        next = r->next;
        reply_free(r);
    }
    command_free(&all->command);
    free(all);
}
