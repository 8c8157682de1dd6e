/* A message whose text, name and columns are anything, put into a request: the
 * JSON stays JSON, nothing begins a header of its own, and a URL holds only what
 * a URL may. */
#include "fuzz.h"

#include "http_host.h"
#include "recipe.h"

#include <jansson.h>

static struct recipe *recipes[4];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct {
        const char *text;
        enum recipe_place place;
    } pieces[] = {
        {"http://gw/?to={{to:url}}&t={{text:url}}&c={{column.name:url}}&r={{title:raw}}",
         RECIPE_URL},
        {"X-A: {{title}} {{column.name:raw}} {{text:raw}}", RECIPE_HEADER},
        {"{\"t\":\"{{text:json}}\",\"c\":\"{{column.name:json}}\",\"p\":{{params:raw}}}",
         RECIPE_JSON},
        {"t={{text:form}}&h={{text:hex}}&b={{text:base64}}&x={{title:xml}}", RECIPE_FORM},
    };
    struct recipe_settings settings = {.secret = "s", .source = "1069", .country_code = "86"};
    char error[512];

    (void)argc, (void)argv;
    for (size_t i = 0; i < 4; i++) {
        recipes[i] =
            recipe_compile(pieces[i].text, "body", pieces[i].place, &settings, error, sizeof error);
        if (recipes[i] == NULL)
            fprintf(stderr, "%s\n", error);
        HOLDS(recipes[i] != NULL);
    }
    return 0;
}

/* The next piece of the input up to a NUL. */
static char *take_text(struct take *t)
{
    const uint8_t *nul = t->left > 0 ? memchr(t->at, '\0', t->left) : NULL;
    size_t n = nul != NULL ? (size_t)(nul - t->at) : t->left;
    char *s = as_string(t->at, n);

    t->at += n;
    t->left -= n;
    take_byte(t);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct take t = {data, size};
    unsigned choice = take_byte(&t);
    char *to = take_text(&t), *text = take_text(&t), *title = take_text(&t),
         *column = take_text(&t);
    struct gateway_field columns[] = {{"name", column, strlen(column)}};
    struct gateway_field params[] = {{"名", title, strlen(title)}, {"n", text, strlen(text)}};
    struct gateway_message m = {.token = 1,
                                .to = to,
                                .to_length = strlen(to),
                                .text = text,
                                .length = strlen(text),
                                .title = title,
                                .language = "zh",
                                .message_class = "notice",
                                .campaign = "c",
                                .reminder = "r",
                                .reference = "c/r/1",
                                .params = params,
                                .param_count = choice & 1 ? 2 : 0,
                                .columns = columns,
                                .column_count = 1};
    struct bytes out = BYTES_INIT(4u << 20);
    json_error_t err;
    json_t *read;

    for (size_t i = 0; i < 4; i++) {
        bytes_clear(&out);
        recipe_render(recipes[i], &m, HOST_EPOCH_MS, &out);
        HOLDS(!out.overflowed);
        if (i == 2) {
            read = json_loadb(out.data, out.length, 0, &err);
            /* jansson takes no NUL; ours are C strings, so there is none. */
            HOLDS(read != NULL && json_object_size(read) == 3);
            json_decref(read);
            continue;
        }
        for (size_t k = 0; k < out.length; k++) {
            uint8_t c = (uint8_t)out.data[k];

            HOLDS(i == 3 || (c >= 0x20 && c != 0x7f));
            HOLDS(i != 0 || (c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL));
        }
    }
    bytes_free(&out);
    free(to);
    free(text);
    free(title);
    free(column);
    return 0;
}
