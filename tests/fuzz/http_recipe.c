/* Recipes as an operator may mistype them: refused with a sentence, or rendered;
 * the first byte says where they stand. */
#include "fuzz.h"

#include "http_host.h"
#include "recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gateway_field fields[] = {{"name", "王\"\r\n", 6}};
    struct take t = {data, size};
    enum recipe_place place = (enum recipe_place)(take_byte(&t) % (RECIPE_FORM + 1));
    char *text = as_string(t.at, t.left), error[512] = "";
    struct recipe_settings settings = {.secret = "s3cret", .source = "1069", .country_code = "86"};
    struct gateway_message m = {.token = 1,
                                .to = "+8613851400001",
                                .to_length = 14,
                                .text = "妇 \"'<&\r\n",
                                .length = 10,
                                .title = "t",
                                .language = "zh",
                                .message_class = "notice",
                                .campaign = "c",
                                .reminder = "r",
                                .reference = "c/r/1",
                                .params = fields,
                                .param_count = 1,
                                .columns = fields,
                                .column_count = 1};
    struct recipe *r;
    struct bytes out = BYTES_INIT(4u << 20);

    settings.receipt_url = recipe_compile("http://us/?r={{reference:url}}", "receipt_url",
                                          RECIPE_PLAIN, &settings, error, sizeof error);
    HOLDS(settings.receipt_url != NULL);
    r = recipe_compile(text, "body", place, &settings, error, sizeof error);
    if (r == NULL) {
        HOLDS(*error != '\0' && memchr(error, '\0', sizeof error) != NULL);
    } else {
        recipe_render(r, &m, HOST_EPOCH_MS, &out);
        for (size_t i = 0; i < out.length && place <= RECIPE_HEADER; i++)
            HOLDS((uint8_t)out.data[i] >= 0x20 && out.data[i] != 0x7f);
    }
    recipe_free(r);
    recipe_free((struct recipe *)settings.receipt_url);
    bytes_free(&out);
    free(text);
    return 0;
}
