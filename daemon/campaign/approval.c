#include "approval.h"

#include "buf.h"
#include "hours.h"
#include "mem.h"
#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"recipients", "cost", "hours", "required"};

const char *approval_name(unsigned i)
{
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

char *approval_text(unsigned needs)
{
    struct buf out = BUF_INIT(128);
    char *text;

    for (unsigned i = 0; approval_name(i) != NULL; i++)
        if ((needs & 1u << i) != 0)
            buf_printf(&out, "%s%s", out.length > 0 ? " " : "", names[i]);
    text = xstrdup(buf_string(&out));
    buf_free(&out);
    return text;
}

unsigned approval_parse(const char *text)
{
    unsigned needs = 0;

    for (size_t n; *text != '\0'; text += n + (text[n] != '\0')) {
        n = strcspn(text, " ");
        for (unsigned i = 0; approval_name(i) != NULL; i++)
            if (strlen(names[i]) == n && memcmp(names[i], text, n) == 0)
                needs |= 1u << i;
    }
    return needs;
}

char *approval_sum_text(const struct approval_sum *sum)
{
    return xasprintf("%.4f %.4f %" PRId64, sum->cost, sum->bound, sum->rows);
}

struct approval_sum approval_sum_parse(const char *text)
{
    struct approval_sum sum = {0};

    if (sscanf(text, "%lf %lf %" SCNd64, &sum.cost, &sum.bound, &sum.rows) != 3)
        sum = (struct approval_sum){0};
    return sum;
}

static double number_of(const struct tree *t)
{
    return t == NULL               ? 0
           : t->kind == TREE_INT   ? (double)t->integer
           : t->kind == TREE_FLOAT ? t->number
                                   : 0;
}

/* 0 is no bound. */
static double stricter(double a, double b)
{
    return a <= 0 ? b : b <= 0 || a < b ? a : b;
}

double approval_people_bound(const struct campaign *c, const struct campaign_defaults *defaults)
{
    return stricter((double)defaults->approval.recipients,
                    number_of(tree_get(c->document, "approval.recipients")));
}

double approval_cost_bound(const struct campaign *c, const struct campaign_defaults *defaults)
{
    return stricter(defaults->approval.cost, number_of(tree_get(c->document, "approval.cost")));
}

bool approval_minds_cost(const struct campaign *c, const struct campaign_defaults *defaults)
{
    return approval_cost_bound(c, defaults) > 0;
}

/* When corrections of c may be sent: for hours_free(). */
static struct hours *correction_hours(const struct campaign *c,
                                      const struct campaign_defaults *defaults)
{
    const char *text = tree_string(c->document, "corrections.hours", NULL);

    if (text == NULL)
        text = tree_string(c->document, "hours", defaults->hours);
    return hours_parse(text != NULL ? text : "always", NULL);
}

static struct hours *usual_hours(const struct campaign_defaults *defaults)
{
    return hours_parse(defaults->hours != NULL ? defaults->hours : "always", NULL);
}

static bool leaves_hours(const struct campaign *c, const struct campaign_defaults *defaults)
{
    struct hours *usual = usual_hours(defaults), *corrections = correction_hours(c, defaults);
    bool leaves = usual != NULL && corrections != NULL && !hours_within(corrections, usual);

    for (size_t r = 0; usual != NULL && r < c->reminder_count; r++)
        leaves |= !hours_within(c->reminders[r].hours, usual);
    hours_free(corrections);
    hours_free(usual);
    return leaves;
}

bool approval_corrections_leave(const struct campaign *c, const struct campaign *agreed,
                                const struct campaign_defaults *defaults)
{
    struct hours *usual = usual_hours(defaults), *now = correction_hours(c, defaults);
    struct hours *before = agreed != NULL ? correction_hours(agreed, defaults) : NULL;
    bool leaves = usual != NULL && now != NULL && !hours_within(now, usual) &&
                  (before == NULL || !hours_within(now, before));

    hours_free(before);
    hours_free(now);
    hours_free(usual);
    return leaves;
}

unsigned approval_needs(const struct campaign *c, const struct campaign_defaults *defaults,
                        int64_t rows, double cost)
{
    double people = approval_people_bound(c, defaults);
    double most = approval_cost_bound(c, defaults);
    const struct tree *required = tree_get(c->document, "approval.required");
    unsigned needs = 0;

    if (people > 0 && (double)rows > people)
        needs |= APPROVAL_RECIPIENTS;
    if (most > 0 && cost > most)
        needs |= APPROVAL_COST;
    if (defaults->approval.hours && rows > 1 && leaves_hours(c, defaults))
        needs |= APPROVAL_HOURS;
    if (required != NULL && required->kind == TREE_BOOL && required->truth)
        needs |= APPROVAL_REQUIRED;
    return needs;
}

/* The dearest segment or message of them. */
static double dearest_of(const struct tree *gateways)
{
    double dearest = 0;

    for (const struct tree *g = gateways != NULL ? gateways->first : NULL; g != NULL; g = g->next)
        if (number_of(tree_member(g, "cost")) > dearest)
            dearest = number_of(tree_member(g, "cost"));
    return dearest;
}

double approval_most_cost(const struct campaign *c, const struct tree *gateways, int64_t rows,
                          int64_t corrections)
{
    return dearest_of(gateways) * c->max_segments *
           ((double)rows * (double)c->reminder_count + (double)corrections);
}
