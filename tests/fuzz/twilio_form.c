/* Bytes that anybody may push: the form is read before its signature is known to be right. */
#include "form.h"
#include "fuzz.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"MessageSid", "Body", "a", ""};
    struct twilio_form form;
    char url[300];

    if (twilio_form_read(&form, (const char *)data, size) != 0)
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = twilio_form_value(&form, names[i]);

        HOLDS(value == NULL || strlen(value) <= size);
    }
    /* The query, too, is theirs to choose. */
    snprintf(url, sizeof url, "https://sms.example:%.*s", size < 200 ? (int)size : 200,
             size > 0 ? (const char *)data : "");
    twilio_signature_right("12345", url, &form, (const char *)data, size, "=");
    twilio_form_free(&form);
    return 0;
}
