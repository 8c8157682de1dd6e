/* What an HTTP gateway may answer; the first byte is its status. The secret that
 * it repeats reaches no log. */
#include "fuzz.h"

#include "http_host.h"
#include "verdict.h"

#include "utf8.h"

static struct verdict_rules *rules[2];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct setting_row by_rules[] = {{"throttled.0.json", "code"},
                                                  {"throttled.0.equals", "isv.LIMIT"},
                                                  {"broken.0.contains", "balance"},
                                                  {"broken.0.reason", "balance"},
                                                  {"rejected.0.json", "error.0.code"},
                                                  {"retry.0.status", "5"},
                                                  {"accepted.0.status", "200"},
                                                  {"id.0.json", "messages.0.id"},
                                                  {"id.1.after", "id="},
                                                  {"id.2.regex", "delivery ([0-9a-z]+)"},
                                                  {"code", "code"},
                                                  {"words", "message"},
                                                  {0}};
    static const struct setting_row by_status[] = {{"words", "a.1.b"}, {0}};
    char error[512];

    (void)argc, (void)argv;
    rules[0] = verdict_open(&plugin_host, http_host(by_status), error, sizeof error);
    rules[1] = verdict_open(&plugin_host, http_host(by_rules), error, sizeof error);
    HOLDS(rules[0] != NULL && rules[1] != NULL);
    return 0;
}

static void check(const struct gateway_answer *a)
{
    HOLDS(a->outcome >= GATEWAY_ACCEPTED && a->outcome <= GATEWAY_UNKNOWN);
    for (size_t i = 0; i < a->id_count; i++)
        HOLDS(a->ids[i].length >= 1 && a->ids[i].length <= 64 && a->ids[i].bytes != NULL);
    for (int i = 0; i < 2; i++) {
        const char *said = i ? a->code : a->words;

        if (said == NULL)
            continue;
        HOLDS(utf8_valid(said, strlen(said)) == strlen(said));
        HOLDS(strstr(said, "hush hush") == NULL && strstr(said, "*sh!") == NULL);
        for (; *said != '\0'; said++)
            HOLDS((uint8_t)*said >= 0x20 && *said != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gateway_id hide[] = {{"hush hush", 9}, {"*sh!", 4}, {NULL, 0}};
    struct take t = {data, size};
    unsigned status = take_byte(&t);
    char *body = as_string(t.at, t.left);
    struct gateway_http_response response = {.result = GATEWAY_HTTP_ANSWERED,
                                             .status = (int)(status * 2 + 100),
                                             .body = body,
                                             .length = t.left};
    struct gateway_answer answer;

    if (status == 200)
        response.status = 200;
    if (status < 3) {
        response.result = (enum gateway_http_result)status;
        response.trouble = body;
        response.status = status == 0 ? 200 : 0;
    }
    for (int i = 0; i < 2; i++) {
        verdict_judge(rules[i], &response, hide, &answer);
        check(&answer);
    }
    free(body);
    return 0;
}
