/* What may be pushed to a WhatsApp webhook: the query of a GET is anybody's, a POST is of who can
 * sign. Each is answered once, and well only when all of it was stored. */
#include "fuzz.h"

#include "http_host.h"
#include "whatsapp.h"

static struct gateway *gw;
static int answers, last_status;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct setting_row rows[] = {
        {"phone_number_id", "1"}, {"token", "t"}, {"app_secret", "s"}, {"verify_token", "v"}, {0}};
    char error[512];

    (void)argc, (void)argv;
    gw = http_host(rows);
    HOLDS(gateway_plugin.open(&plugin_host, gw, &gw->state, error, sizeof error) == 0);
    return 0;
}

static void on_answer(void *arg, int status, const char *body)
{
    (void)arg;
    answers++;
    last_status = status;
    for (; *body != '\0'; body++) /* nothing that a browser would run comes back */
        HOLDS(*body != '<' && *body != '&');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    char *text = as_string(t.at, t.left), *body = malloc(t.left > 0 ? t.left : 1);
    char signature[72];
    struct gateway_field header = {"X-Hub-Signature-256", signature, 71};
    struct gateway_push push = {.path = "", .query = "", .headers = &header, .header_count = 1};

    memcpy(body, t.at, t.left);
    push.method = choice & 1 ? "GET" : "POST";
    push.query = choice & 1 ? text : "";
    push.body = body;
    push.length = choice & 1 ? 0 : t.left;
    whatsapp_sign("s", body, push.length, signature);
    answers = 0;
    gw->store = choice & 4 ? STORE_LATER : choice & 8 ? STORE_FAILS : STORE_NOW;
    gateway_plugin.callback(gw->state, &push, on_answer, NULL);
    for (size_t i = 0; i < gw->stored_count; i++) {
        HOLDS(answers == 0);
        gw->stored[i](gw->stored_args[i], true);
    }
    HOLDS(answers == 1);
    HOLDS(last_status == 200 || last_status == 400 || last_status == 404 || last_status == 503);
    HOLDS(last_status != 200 || !(choice & 8) || choice & 4 ||
          gw->receipt_count + gw->reply_count == 0);
    for (size_t i = 0; i < gw->reply_count; i++)
        HOLDS(gw->replies[i].from[0] != '\0');
    for (size_t i = 0; i < gw->receipt_count; i++)
        HOLDS(gw->receipts[i].id[0] != '\0');
    host_forget(gw);
    free(text);
    free(body);
    return 0;
}
