/*
 * A plugin whose provider never answers a first submit, and can be asked what became of it:
 * by the last digit of the number
 *
 *   0  it was delivered      1  it was not, there is nobody      2  it is on its way
 *   3  the provider knows nothing of it, and says nothing
 */
#include "gateway_plugin.h"

#include <stdlib.h>
#include <string.h>

struct asked {
    const struct gateway_host *host;
    struct gateway *gw;
};

static void asked_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    struct asked *a = state;

    for (size_t i = 0; i < n; i++) {
        struct gateway_answer answer = {.outcome = messages[i]->attempt == 1 ? GATEWAY_UNKNOWN
                                                                             : GATEWAY_ACCEPTED};

        a->host->log(a->gw, GATEWAY_LOG_INFO, "asked.submit attempt=%u last=%c",
                     messages[i]->attempt, messages[i]->to[messages[i]->to_length - 1]);
        a->host->done(a->gw, messages[i]->token, &answer);
    }
}

static void asked_query(void *state, const char *reference, const char *to, int64_t submitted_ms)
{
    static const enum gateway_receipt_state states[] = {GATEWAY_DELIVERED, GATEWAY_UNDELIVERED,
                                                        GATEWAY_ENROUTE};
    struct asked *a = state;
    unsigned last = (unsigned)(to[strlen(to) - 1] - '0');
    struct gateway_receipt r = {.reference = reference};

    a->host->log(a->gw, GATEWAY_LOG_INFO, "asked.query last=%u reference=%s age_ms=%lld", last,
                 reference, (long long)(a->host->wall_ms() - submitted_ms));
    if (last >= sizeof states / sizeof *states)
        return;
    r.state = states[last];
    r.reason = r.state == GATEWAY_UNDELIVERED ? GATEWAY_REASON_NUMBER : GATEWAY_REASON_NONE;
    a->host->receipt(a->gw, &r, NULL, NULL);
}

static int asked_open(const struct gateway_host *host, struct gateway *gw, void **state,
                      char *error, size_t size)
{
    struct asked *a = calloc(1, sizeof *a);

    (void)error, (void)size;
    a->host = host;
    a->gw = gw;
    *state = a;
    host->capacity(gw, 10, "ready");
    return 0;
}

static const struct gateway_setting settings[] = {{0}};

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = "asked",
    .channel = "sms",
    .settings = settings,
    .open = asked_open,
    .submit = asked_submit,
    .close = free,
    .query = asked_query,
};
