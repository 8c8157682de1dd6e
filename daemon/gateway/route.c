#include "route.h"

#include "error.h"
#include "gateway.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define MAX_POSITIONS 4096 /* of all patterns of a channel, ends included */
#define MAX_STATES 2048

/* One place in a pattern: what may stand there. */
struct position {
    uint64_t bytes[4]; /* a bit for each byte that is taken */
    bool star;         /* takes any run; bytes is not used */
    uint64_t gateways; /* whose pattern ends here; takes nothing more */
};

/* The patterns of a channel, then the automaton made from them: a state is a
 * set of positions; the first is the start, state 0 is where nothing matches. */
struct matcher {
    struct position *positions;
    size_t position_count;
    size_t *starts; /* of the patterns */
    size_t start_count;
    uint64_t *sets; /* state i: words of them at i * words */
    size_t words;
    uint16_t (*next)[256];
    uint64_t *accepts; /* gateways that prefer an address ending in this state */
    bool *settled;     /* nothing that follows makes a difference */
    size_t states;
};

struct tier {
    int64_t priority;
    uint64_t gateways;
};

struct channel {
    const char *name;
    uint64_t serving[CLASSES];
    struct tier *tiers; /* by priority */
    size_t tier_count;
    struct matcher matcher;
};

struct route {
    struct gateway_config *configs;
    size_t count;
    struct channel *channels;
    size_t channel_count;
    int closed_day; /* the day that closed is for */
    bool closed_rest;
    uint64_t closed;
    uint64_t groups; /* those that reach a group */
};

#define BIT(i) (UINT64_C(1) << (i))

/* ------------------------------------------------------------------ patterns */

static void bytes_add(struct position *p, unsigned from, unsigned to)
{
    for (unsigned c = from; c <= to; c++)
        p->bytes[c / 64] |= BIT(c % 64);
}

/* The set behind '[' at s to *p; returns what follows its ']', NULL if it is malformed. */
static const char *parse_set(const char *s, struct position *p)
{
    bool inverted = *s == '!' || *s == '^';
    const char *first;

    s += inverted;
    first = s;
    while (*s != '\0' && (*s != ']' || s == first)) {
        unsigned char from = (unsigned char)*s++, to = from;

        if (*s == '-' && s[1] != ']' && s[1] != '\0') {
            to = (unsigned char)s[1];
            s += 2;
        }
        if (to < from)
            return NULL;
        bytes_add(p, from, to);
    }
    for (size_t i = 0; inverted && i < 4; i++)
        p->bytes[i] = ~p->bytes[i];
    return *s == ']' ? s + 1 : NULL;
}

/* One place of a pattern at s; returns what follows, NULL if it is malformed. */
static const char *parse_position(const char *s, struct position *p)
{
    memset(p, 0, sizeof *p);
    if (*s == '*') {
        p->star = true;
        return s + 1;
    }
    if (*s == '[')
        return parse_set(s + 1, p);
    if (*s == '?') {
        bytes_add(p, 1, 255);
        return s + 1;
    }
    if (*s == '\\' && *++s == '\0')
        return NULL;
    bytes_add(p, (unsigned char)*s, (unsigned char)*s);
    return s + 1;
}

int route_check_pattern(const char *pattern, struct error *err)
{
    struct position p;

    if (*pattern == '\0')
        return error_set(err, "an empty pattern matches nobody");
    for (const char *s = pattern; *s != '\0';) {
        s = parse_position(s, &p);
        if (s == NULL)
            return error_set(err, "\"%.60s\": expected a pattern like \"+8613[4-9]*\"", pattern);
    }
    return 0;
}

static int matcher_add(struct matcher *m, const char *pattern, uint64_t gateway, struct error *err)
{
    if (route_check_pattern(pattern, err) != 0)
        return -1;
    if (m->position_count + strlen(pattern) + 1 > MAX_POSITIONS)
        return error_set(err, "the patterns of this channel are too many");
    m->positions =
        xreallocarray(m->positions, m->position_count + strlen(pattern) + 1, sizeof *m->positions);
    m->starts = xreallocarray(m->starts, m->start_count + 1, sizeof *m->starts);
    m->starts[m->start_count++] = m->position_count;
    while (*pattern != '\0')
        pattern = parse_position(pattern, &m->positions[m->position_count++]);
    m->positions[m->position_count++] = (struct position){.gateways = gateway};
    return 0;
}

/* ----------------------------------------------------------------- automaton */

/* Adds a position, and what a star that takes nothing lets through to. */
static void set_add(const struct matcher *m, uint64_t *set, size_t position)
{
    set[position / 64] |= BIT(position % 64);
    while (m->positions[position].star) {
        position++;
        set[position / 64] |= BIT(position % 64);
    }
}

static bool set_has(const uint64_t *set, size_t position)
{
    return (set[position / 64] & BIT(position % 64)) != 0;
}

static void set_step(const struct matcher *m, const uint64_t *from, unsigned byte, uint64_t *to)
{
    memset(to, 0, m->words * sizeof *to);
    for (size_t i = 0; i < m->position_count; i++) {
        const struct position *p = &m->positions[i];

        if (!set_has(from, i))
            continue;
        if (p->star)
            set_add(m, to, i);
        else if ((p->bytes[byte / 64] & BIT(byte % 64)) != 0)
            set_add(m, to, i + 1);
    }
}

/* The state of that set, made if it is new; MAX_STATES if there are too many. */
static size_t state_of(struct matcher *m, const uint64_t *set)
{
    size_t s = 0;

    while (s < m->states && memcmp(m->sets + s * m->words, set, m->words * sizeof *set) != 0)
        s++;
    if (s < m->states || s == MAX_STATES)
        return s;
    m->sets = xreallocarray(m->sets, (s + 1) * m->words, sizeof *m->sets);
    m->next = xreallocarray(m->next, s + 1, sizeof *m->next);
    m->accepts = xreallocarray(m->accepts, s + 1, sizeof *m->accepts);
    memcpy(m->sets + s * m->words, set, m->words * sizeof *set);
    m->accepts[s] = 0;
    for (size_t i = 0; i < m->position_count; i++)
        m->accepts[s] |= set_has(set, i) ? m->positions[i].gateways : 0;
    m->states++;
    return s;
}

/* Bytes that every pattern treats alike need to be looked at once: classes[b] is
 * the least byte that is like b. */
static void classify(const struct matcher *m, unsigned char classes[256])
{
    for (unsigned b = 0; b < 256; b++) {
        unsigned like = 0;

        for (; like < b; like++) {
            size_t i = 0;

            if (classes[like] != like)
                continue;
            while (i < m->position_count &&
                   ((m->positions[i].bytes[b / 64] >> b % 64) & 1) ==
                       ((m->positions[i].bytes[like / 64] >> like % 64) & 1))
                i++;
            if (i == m->position_count)
                break;
        }
        classes[b] = (unsigned char)like;
    }
}

static int fill_state(struct matcher *m, size_t s, const unsigned char classes[256], uint64_t *from,
                      uint64_t *to)
{
    memcpy(from, m->sets + s * m->words, m->words * sizeof *from); /* sets may move */
    for (unsigned b = 0; b < 256; b++) {
        size_t t;

        if (classes[b] != b) {
            m->next[s][b] = m->next[s][classes[b]];
            continue;
        }
        set_step(m, from, b, to);
        t = state_of(m, to);
        if (t == MAX_STATES)
            return -1;
        m->next[s][b] = (uint16_t)t;
    }
    return 0;
}

static bool is_settled(const struct matcher *m, size_t s)
{
    for (unsigned b = 1; b < 256; b++)
        if (m->next[s][b] != s)
            return false;
    return true;
}

static int matcher_compile(struct matcher *m, struct error *err)
{
    unsigned char classes[256];
    uint64_t *from, *to;
    int rc = 0;

    m->words = m->position_count / 64 + 1;
    from = xcalloc(m->words, sizeof *from);
    to = xcalloc(m->words, sizeof *to);
    classify(m, classes);
    state_of(m, from); /* the empty set: state 0 */
    for (size_t i = 0; i < m->start_count; i++)
        set_add(m, from, m->starts[i]);
    state_of(m, from);
    for (size_t s = 0; s < m->states && rc == 0; s++)
        rc = fill_state(m, s, classes, from, to);
    m->settled = xcalloc(m->states, sizeof *m->settled);
    for (size_t s = 0; s < m->states && rc == 0; s++)
        m->settled[s] = is_settled(m, s);
    free(from);
    free(to);
    return rc == 0 ? 0 : error_set(err, "the patterns of this channel are too intricate");
}

static uint64_t matcher_run(const struct matcher *m, const char *address)
{
    size_t s = m->states > 1; /* without patterns there is no start */

    for (; *address != '\0' && !m->settled[s]; address++)
        s = m->next[s][(unsigned char)*address];
    return m->accepts[s];
}

static void matcher_free(struct matcher *m)
{
    free(m->positions);
    free(m->starts);
    free(m->sets);
    free(m->next);
    free(m->accepts);
    free(m->settled);
}

/* ------------------------------------------------------------------ channels */

static struct channel *channel_find(const struct route *r, const char *name)
{
    for (size_t i = 0; i < r->channel_count; i++)
        if (strcmp(r->channels[i].name, name) == 0)
            return &r->channels[i];
    return NULL;
}

static struct channel *channel_get(struct route *r, const char *name)
{
    struct channel *c = channel_find(r, name);

    if (c == NULL) {
        c = &r->channels[r->channel_count++];
        c->name = name;
    }
    return c;
}

/* Keeps the tiers in the order of their priorities. */
static void tier_add(struct channel *c, int64_t priority, uint64_t gateway)
{
    size_t at = 0;

    while (at < c->tier_count && c->tiers[at].priority < priority)
        at++;
    if (at == c->tier_count || c->tiers[at].priority != priority) {
        c->tiers = xreallocarray(c->tiers, c->tier_count + 1, sizeof *c->tiers);
        memmove(c->tiers + at + 1, c->tiers + at, (c->tier_count - at) * sizeof *c->tiers);
        c->tiers[at] = (struct tier){priority, 0};
        c->tier_count++;
    }
    c->tiers[at].gateways |= gateway;
}

static int add_gateway(struct route *r, size_t index, struct error *err)
{
    const struct gateway_config *g = &r->configs[index];
    struct channel *c = channel_get(r, g->channel);

    for (unsigned k = 0; k < CLASSES; k++)
        if (g->classes & 1u << k)
            c->serving[k] |= BIT(index);
    r->groups |= g->group ? BIT(index) : 0;
    tier_add(c, g->priority, BIT(index));
    for (size_t i = 0; i < g->match.count; i++)
        if (matcher_add(&c->matcher, g->match.items[i], BIT(index), err) != 0)
            return error_prefix(err, "gateway %s: match", g->name);
    return 0;
}

struct route *route_create(const struct gateway_config *const *configs, size_t n, struct error *err)
{
    struct route *r = xcalloc(1, sizeof *r);

    r->configs = xcalloc(n + 1, sizeof *r->configs);
    r->channels = xcalloc(n + 1, sizeof *r->channels);
    for (size_t i = 0; i < n; i++)
        r->configs[i] = *configs[i];
    r->count = n;
    for (size_t i = 0; i < n; i++)
        if (add_gateway(r, i, err) != 0)
            goto fail;
    for (size_t i = 0; i < r->channel_count; i++) {
        if (matcher_compile(&r->channels[i].matcher, err) != 0) {
            error_prefix(err, "channel %s: match", r->channels[i].name);
            goto fail;
        }
    }
    return r;

fail:
    route_free(r);
    return NULL;
}

void route_free(struct route *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->channel_count; i++) {
        matcher_free(&r->channels[i].matcher);
        free(r->channels[i].tiers);
    }
    free(r->channels);
    free(r->configs);
    free(r);
}

/* ------------------------------------------------------------------ choosing */

bool route_closed_on(const struct gateway_config *g, int day, bool rest)
{
    if (rest && g->days == GATEWAY_DAYS_WORKED)
        return true;
    for (size_t i = 0; i < g->closed.count; i++)
        if (day >= g->closed.days[i].from && day <= g->closed.days[i].to)
            return true;
    return false;
}

/* The same day is asked for millions of times. */
static uint64_t closed_gateways(struct route *r, int day, bool rest)
{
    if (day == r->closed_day && rest == r->closed_rest)
        return r->closed;
    r->closed_day = day;
    r->closed_rest = rest;
    r->closed = 0;
    for (size_t i = 0; i < r->count; i++)
        r->closed |= route_closed_on(&r->configs[i], day, rest) ? BIT(i) : 0;
    return r->closed;
}

static int draw(const struct route *r, uint64_t gateways, uint32_t random)
{
    uint64_t sum = 0, rest;

    if ((gateways & (gateways - 1)) == 0)
        return __builtin_ctzll(gateways);
    for (uint64_t g = gateways; g != 0; g &= g - 1)
        sum += (uint64_t)r->configs[__builtin_ctzll(g)].weight;
    rest = sum * random >> 32;
    for (uint64_t g = gateways;; g &= g - 1) {
        int i = __builtin_ctzll(g);
        uint64_t weight = (uint64_t)r->configs[i].weight;

        if (rest < weight || (g & (g - 1)) == 0)
            return i;
        rest -= weight;
    }
}

static uint64_t reaching(const struct route *r, bool group)
{
    return group ? r->groups : ~r->groups;
}

static const char *why_none(const struct route *r, const struct channel *c,
                            const struct route_query *q, uint64_t usable)
{
    uint64_t any = 0, left;

    for (unsigned k = 0; c != NULL && k < CLASSES; k++)
        any |= c->serving[k];
    if (any == 0)
        return "no gateway serves this channel";
    left = q->class < CLASSES ? c->serving[q->class] : 0;
    if (left == 0)
        return "no gateway of this channel carries this class";
    left &= reaching(r, q->group);
    if (left == 0)
        return q->group ? "no gateway of this channel reaches a group"
                        : "the gateways of this channel reach a group, not a person";
    left &= ~r->closed;
    if (left == 0)
        return "every gateway of this channel is closed today";
    if ((left & usable) == 0)
        return "every gateway of this channel is out of use now";
    return "every gateway of this channel was tried";
}

int route_choose(struct route *r, const struct route_query *q, uint64_t usable, uint32_t random,
                 const char **why)
{
    const struct channel *c = channel_find(r, q->channel);
    uint64_t left = 0, preferred;

    if (c != NULL && q->class < CLASSES)
        left = c->serving[q->class] & reaching(r, q->group) & usable & ~q->avoid &
               ~closed_gateways(r, q->today, q->rest);
    if (left == 0) {
        if (why != NULL)
            *why = why_none(r, c, q, usable);
        return -1;
    }
    if ((left & (left - 1)) == 0)
        return __builtin_ctzll(left);
    preferred = left & matcher_run(&c->matcher, q->address);
    left = preferred != 0 ? preferred : left;
    for (size_t i = 0;; i++)
        if (left & c->tiers[i].gateways)
            return draw(r, left & c->tiers[i].gateways, random);
}

uint64_t route_serving(const struct route *r, const char *channel, unsigned class, bool group)
{
    const struct channel *c = channel_find(r, channel);

    return c == NULL || class >= CLASSES ? 0 : c->serving[class] & reaching(r, group);
}

uint64_t route_preferring(const struct route *r, const char *channel, const char *address)
{
    const struct channel *c = channel_find(r, channel);

    return c == NULL ? 0 : matcher_run(&c->matcher, address);
}
