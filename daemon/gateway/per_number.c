#include "per_number.h"

#include "error.h"
#include "tree.h"

#include <string.h>

/* Of the operators' documents. Aliyun's minutes and hours are those of the clock, ours
 * slide: no second more is taken than by either. Tencent's are settings of its console,
 * these are what it has at first. */
static const struct {
    const char *name;
    const char *rules[PER_NUMBER_RULES];
} presets[] = {
    {"aliyun-notice", {"50/24h"}},
    {"aliyun-promotion", {"50/24h"}},
    {"aliyun-code", {"1/min", "5/h", "10/24h"}},
    {"huawei-notice", {"2/59s", "5/59min"}},
    {"huawei-promotion", {"2/59s", "5/59min", "4/h", "10/24h"}},
    {"tencent", {"1/30s", "10/24h"}},
    /* What is beyond these is accepted, and dropped without a word. */
    {"wecom-app", {"30/min", "1000/h"}},
    {"dingtalk-work", {"500/24h"}},
};

#define EXPECTED                                                                                   \
    "expected \"aliyun-notice\", \"aliyun-promotion\", \"aliyun-code\", \"huawei-notice\", "       \
    "\"huawei-promotion\", \"tencent\", \"wecom-app\", \"dingtalk-work\", or up to 4 rules like "  \
    "\"1/30s\""

static int add_rule(struct per_number *p, const char *text)
{
    if (p->count == PER_NUMBER_RULES || rate_rule_parse(text, &p->rules[p->count], NULL) != 0)
        return -1;
    p->count++;
    return 0;
}

static bool find_preset(struct per_number *p, const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].name, name) != 0)
            continue;
        for (size_t r = 0; r < PER_NUMBER_RULES && presets[i].rules[r] != NULL; r++)
            add_rule(p, presets[i].rules[r]);
        return true;
    }
    return false;
}

int per_number_read(const struct tree *value, void *at, struct arena *arena, struct error *err)
{
    struct per_number *p = at;
    const struct tree *one = value->kind == TREE_LIST ? value->first : value;

    (void)arena;
    p->count = 0;
    if (value->kind == TREE_STRING && find_preset(p, value->string))
        return 0;
    for (; one != NULL; one = value->kind == TREE_LIST ? one->next : NULL)
        if (one->kind != TREE_STRING || add_rule(p, one->string) != 0)
            return tree_error(err, one, EXPECTED);
    return 0;
}
