/* What a gateway, or anybody who learnt the path, may push: each push is answered
 * once, and well only when all of it was stored. */
#include "fuzz.h"

#include "http_host.h"
#include "pushes.h"
#include "utf8.h"

static struct gateway *gw;
static struct pushes *pushes[2];
static int answers, last_status;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct setting_row rows[] = {{"receipt.0.id", "id"},
                                              {"receipt.0.state", "state"},
                                              {"receipt.0.delivered.0", "1"},
                                              {"receipt.0.delivered.1", "DELIVRD"},
                                              {"receipt.0.undelivered.0", "UNDELIV"},
                                              {"receipt.0.code", "err"},
                                              {"receipt.1.reference", "ref"},
                                              {"receipt.1.state", "state"},
                                              {"receipt.1.delivered.0", "1"},
                                              {"reply.0.from", "mobile"},
                                              {"reply.0.to", "port"},
                                              {"reply.0.text", "content"},
                                              {"reply.0.id", "id"},
                                              {"push_list", "data"},
                                              {"push_answer", "ok"},
                                              {0}};
    char error[512];

    (void)argc, (void)argv;
    gw = http_host(rows);
    pushes[0] = pushes_open(&plugin_host, gw, error, sizeof error);
    HOLDS(pushes[0] != NULL);
    return 0;
}

static void on_answer(void *arg, int status, const char *body)
{
    (void)arg;
    answers++;
    last_status = status;
    HOLDS(body != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    char *text = as_string(t.at, t.left), *body = malloc(t.left > 0 ? t.left : 1);
    struct gateway_push push = {.method = "POST", .path = "", .query = "", .peer = "127.0.0.1"};

    memcpy(body, t.at, t.left);
    push.query = choice & 1 ? text : "id=7";
    push.body = choice & 1 ? "" : body;
    push.length = choice & 1 ? 0 : t.left;
    answers = 0;
    gw->store = choice & 4 ? STORE_LATER : choice & 8 ? STORE_FAILS : STORE_NOW;
    pushes_take(pushes[0], &push, on_answer, NULL);
    for (size_t i = 0; i < gw->stored_count; i++) {
        HOLDS(answers == 0);
        gw->stored[i](gw->stored_args[i], true);
    }
    HOLDS(answers == 1);
    HOLDS(last_status == 200 || last_status == 400 || last_status == 413 || last_status == 503);
    HOLDS(last_status != 200 || !(choice & 8) || choice & 4 ||
          gw->receipt_count + gw->reply_count == 0);
    for (size_t i = 0; i < gw->reply_count; i++)
        HOLDS(gw->replies[i].from[0] != '\0');
    for (size_t i = 0; i < gw->receipt_count; i++)
        HOLDS(gw->receipts[i].id[0] != '\0' || gw->receipts[i].has_reference);
    host_forget(gw);
    free(text);
    free(body);
    return 0;
}
