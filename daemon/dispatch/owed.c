#include "inside.h"

#include "builtin.h"
#include "clock.h"
#include "error.h"
#include "keys.h"
#include "log.h"
#include "template.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A plugin that has to ask for receipts remembers in its memory of which messages. What its
 * last life knew, or that of a daemon that died, stands in the receipts' index: each id that
 * was accepted, with its notice. Whatever of it is still `accepted` by that very attempt is
 * owed, until its gateway's receipt_wait is over. The index is gone through once in each life of a
 * plugin, a bucket at a time, beside all else; nothing is written.
 *
 * Where several daemons have one gateway each asks for all that was owed when it began:
 * questions are paced by the plugin, and a receipt that comes twice changes nothing.
 */
#define CAMPAIGNS_KEPT 8
#define ROUND_MOST 4096 /* ids of one bucket: a gateway that counts around fills one for days */

struct due {
    struct owed *owed;
    struct receipt_index_found found;
    char campaign[CAMPAIGN_ID_BYTES], reminder[NAME_BYTES];
    struct record record;
    bool stands; /* accepted, and without its receipt */
};

struct owed {
    struct dispatch *d;
    struct lane *lane; /* whose index is gone through; NULL: none */
    char cursor[24];
    char **keys; /* buckets, of one answer */
    size_t key_count, key_at;
    struct due *dues; /* of one bucket */
    size_t due_count, due_at, asks;
    int64_t base_s; /* of the ledger of dues[due_at] */
    unsigned told;
    struct {
        char id[CAMPAIGN_ID_BYTES];
        struct campaign *campaign; /* NULL: it cannot be read */
    } kept[CAMPAIGNS_KEPT];
    unsigned next_kept;
};

struct owed *owed_create(struct dispatch *d)
{
    struct owed *o = xcalloc(1, sizeof *o);

    o->d = d;
    o->dues = xcalloc(ROUND_MOST, sizeof *o->dues);
    return o;
}

static void forget_keys(struct owed *o)
{
    for (size_t i = 0; i < o->key_count; i++)
        free(o->keys[i]);
    free(o->keys);
    o->keys = NULL;
    o->key_count = o->key_at = 0;
}

static void forget_campaigns(struct owed *o)
{
    for (size_t i = 0; i < CAMPAIGNS_KEPT; i++)
        campaign_free(o->kept[i].campaign);
    memset(o->kept, 0, sizeof o->kept);
}

void owed_free(struct owed *o)
{
    if (o == NULL)
        return;
    forget_keys(o);
    forget_campaigns(o);
    free(o->dues);
    free(o);
}

static void next_bucket(struct owed *o);
static void tell_next(struct owed *o);

/* ------------------------------------------------------------------ telling of one */

static struct campaign *kept(const struct owed *o, const char *id, bool *known)
{
    *known = true;
    for (size_t i = 0; i < CAMPAIGNS_KEPT; i++)
        if (strcmp(o->kept[i].id, id) == 0)
            return o->kept[i].campaign;
    *known = false;
    return NULL;
}

static void on_base(void *arg, const redisReply *reply)
{
    struct owed *o = arg;
    struct ledger_header h;

    o->base_s = reply->type == REDIS_REPLY_STRING && reply->len == LEDGER_RECORD_BYTES &&
                        ledger_header_unpack((const unsigned char *)reply->str, &h) == 0
                    ? h.base_s
                    : 0;
}

static void on_document(void *arg, const redisReply *reply)
{
    struct owed *o = arg;
    unsigned at = o->next_kept++ % CAMPAIGNS_KEPT;
    struct tree *tree = NULL;
    struct error err;

    campaign_free(o->kept[at].campaign);
    o->kept[at].campaign = NULL;
    strcpy(o->kept[at].id, o->dues[o->due_at].campaign);
    if (reply->type == REDIS_REPLY_STRING)
        tree = tree_parse_json(reply->str, reply->len, NULL, &err);
    if (tree != NULL)
        o->kept[at].campaign = campaign_create(tree, &o->d->settings->defaults, NULL, 0, &err);
}

static void on_row(void *arg, const redisReply *reply)
{
    struct owed *o = arg;
    const struct due *due = &o->dues[o->due_at++];
    const redisReply *row = db_at(db_at(db_at(reply, 0), 1), 1);
    struct template_value values[CAMPAIGN_MAX_COLUMNS];
    struct gateway_id id = {due->found.id, due->found.length};
    bool known;
    const struct campaign *c = kept(o, due->campaign, &known);
    int64_t intended_ms = record_final_ms(&due->record, o->base_s * 1000, 0);

    if (row != NULL && row->type == REDIS_REPLY_STRING && c != NULL && o->base_s > 0 &&
        intended_ms + o->lane->receipt_wait_ms > clock_wall_ms() &&
        due->record.step < c->channel_count &&
        builtin_split(c, due->reminder, row->str, row->len, values) == 0) {
        const struct template_value *to = &values[due->record.step];
        char *address = xasprintf("%.*s", (int)to->length, to->length > 0 ? to->text : "");

        o->told++;
        gateway_owed(o->lane->gateway, &id, address, intended_ms);
        free(address);
    }
    tell_next(o);
}

static void tell_next(struct owed *o)
{
    struct command *c = &o->d->command;
    const struct due *due;
    bool known;

    while (o->due_at < o->due_count && !o->dues[o->due_at].stands)
        o->due_at++;
    if (o->due_at == o->due_count) {
        next_bucket(o);
        return;
    }
    due = &o->dues[o->due_at];
    command_start(c, "GETRANGE");
    key_ledger(c, due->campaign, due->reminder);
    command_add_int(c, 0);
    command_add_int(c, LEDGER_RECORD_BYTES - 1);
    db_send(o->d->db, c, on_base, o);
    kept(o, due->campaign, &known);
    if (!known) {
        command_start(c, "HGET");
        key_campaign(c, due->campaign);
        command_add_string(c, "document");
        db_send(o->d->db, c, on_document, o);
    }
    command_start(c, "XRANGE"); /* its answer comes after theirs */
    key_rows(c, due->campaign, due->reminder);
    command_add_format(c, "%u-0", due->found.entry.n);
    command_add_format(c, "%u-0", due->found.entry.n);
    db_send(o->d->db, c, on_row, o);
}

/* ---------------------------------------------------------------------- a bucket */

static void due_step(struct owed *o)
{
    if (--o->asks > 0)
        return;
    o->due_at = 0;
    tell_next(o);
}

static void on_record(void *arg, const redisReply *reply)
{
    struct due *due = arg;
    const struct receipt_entry *e = &due->found.entry;

    if (reply->type == REDIS_REPLY_STRING && reply->len == LEDGER_RECORD_BYTES) {
        record_unpack((const unsigned char *)reply->str, &due->record);
        due->stands = due->record.state == NOTICE_ACCEPTED && due->record.fence == e->fence &&
                      (due->record.mask >> e->part & 1) == 0;
    }
    due_step(due->owed);
}

static void on_ref(void *arg, const char *campaign, const char *reminder)
{
    struct due *due = arg;
    struct dispatch *d = due->owed->d;

    if (campaign == NULL) {
        due_step(due->owed);
        return;
    }
    snprintf(due->campaign, sizeof due->campaign, "%s", campaign);
    snprintf(due->reminder, sizeof due->reminder, "%s", reminder);
    command_start(&d->command, "GETRANGE");
    key_ledger(&d->command, campaign, reminder);
    command_add_int(&d->command, (int64_t)due->found.entry.n * LEDGER_RECORD_BYTES);
    command_add_int(&d->command, ((int64_t)due->found.entry.n + 1) * LEDGER_RECORD_BYTES - 1);
    db_send(d->db, &d->command, on_record, due);
}

static void on_bucket(void *arg, const redisReply *reply)
{
    struct owed *o = arg;
    const char *key = o->keys[o->key_at++];
    size_t at = 0, n = reply->type == REDIS_REPLY_STRING ? reply->len : 0;

    o->due_count = 0;
    while (o->due_count < ROUND_MOST) {
        struct due *due = &o->dues[o->due_count];

        *due = (struct due){.owed = o};
        if (!receipt_index_next(key, reply->str, n, &at, &due->found))
            break;
        o->due_count++;
    }
    o->asks = o->due_count + 1; /* a name may be known at once */
    for (size_t i = 0; i < o->due_count; i++)
        dispatch_find_ref(o->d, o->dues[i].found.entry.ref, on_ref, &o->dues[i]);
    due_step(o);
}

/* --------------------------------------------------------------------- the index */

static void on_keys(void *arg, const redisReply *reply)
{
    struct owed *o = arg;
    const redisReply *cursor = db_at(reply, 0), *keys = db_at(reply, 1);

    forget_keys(o);
    snprintf(o->cursor, sizeof o->cursor, "%s",
             cursor != NULL && cursor->type == REDIS_REPLY_STRING ? cursor->str : "0");
    if (keys != NULL && keys->elements > 0)
        o->keys = xcalloc(keys->elements, sizeof *o->keys);
    for (size_t i = 0; keys != NULL && i < keys->elements; i++)
        o->keys[o->key_count++] = xstrdup(keys->element[i]->str);
    next_bucket(o);
}

static void scan(struct owed *o)
{
    receipt_index_scan_command(&o->d->command, o->lane->name, o->cursor);
    db_send(o->d->db, &o->d->command, on_keys, o);
}

static void next_bucket(struct owed *o)
{
    struct command *c = &o->d->command;
    bool over = o->key_at == o->key_count && strcmp(o->cursor, "0") == 0;

    if (over || o->d->draining) {
        if (o->told > 0)
            log_info("receipts.owed gateway=%s messages=%u", o->lane->name, o->told);
        o->lane = NULL;
        return;
    }
    if (o->key_at == o->key_count) {
        scan(o);
        return;
    }
    command_start(c, "GET");
    command_add_string(c, o->keys[o->key_at]);
    db_send(o->d->db, c, on_bucket, o);
}

void owed_look(struct owed *o)
{
    struct dispatch *d = o->d;

    for (size_t i = 0; i < d->lane_count && o->lane == NULL; i++) {
        struct lane *lane = &d->lanes[i];
        unsigned life = gateway_asks_in_life(lane->gateway);

        if (life == 0 || life == lane->owed_life)
            continue;
        lane->owed_life = life;
        forget_campaigns(o);
        o->told = 0;
        o->lane = lane;
        strcpy(o->cursor, "0");
        scan(o);
    }
}

void owed_anew(struct owed *o)
{
    for (size_t i = 0; i < o->d->lane_count; i++)
        o->d->lanes[i].owed_life = 0;
}
