/* What is pushed to the plugin wechat, by one who has the token. */
#include "fuzz.h"

#include "push.h"
#include "xml.h"

#include <stdarg.h>

static const char *log_bytes(const char *bytes, size_t n)
{
    (void)n;
    return bytes;
}

static void no_log(struct gateway *gw, enum gateway_log_level level, const char *format, ...)
{
    (void)gw, (void)level, (void)format;
}

static int64_t wall_ms(void)
{
    return 1410685589000;
}

static void receipt(struct gateway *gw, const struct gateway_receipt *r, gateway_stored_fn *stored,
                    void *arg)
{
    (void)gw;
    HOLDS(r->id.length >= 1 && r->id.length <= 64);
    HOLDS(r->state == GATEWAY_DELIVERED || r->state == GATEWAY_UNDELIVERED);
    stored(arg, true);
}

static void reply(struct gateway *gw, const struct gateway_reply *r, gateway_stored_fn *stored,
                  void *arg)
{
    (void)gw;
    HOLDS(r->from[0] != '\0' && strlen(r->text) == r->length);
    stored(arg, false);
}

static void answered(void *arg, int status, const char *body)
{
    HOLDS(status == 200 || status == 400 || status == 503);
    HOLDS(body != NULL);
    ++*(int *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gateway_host host = {.size = sizeof host,
                                             .log = no_log,
                                             .log_bytes = log_bytes,
                                             .wall_ms = wall_ms,
                                             .receipt = receipt,
                                             .reply = reply};
    static const char table[] = "success\tdelivered\t-\tz\te\n43101\trejected\tlimit\tz\te\n";
    struct judge judge = {0};
    struct wechat_pushes pushes = {.host = &host, .judge = &judge, .token = "test"};
    struct gateway_push push = {
        .method = "POST",
        .query = "signature=f21891de399b4e33a1a93c9a7b8a8fffb5a443ff&timestamp=1410685589"
                 "&nonce=test",
        .body = (const char *)data,
        .length = size,
    };
    char error[100];
    int answers = 0;

    HOLDS(judge_open(&judge, &host, NULL, table, sizeof table - 1, error, sizeof error) == 0);
    wechat_push_take(&pushes, &push, answered, &answers);
    HOLDS(answers == 1 && LIST_EMPTY(&pushes.waiting));
    judge_close(&judge);
    return 0;
}
