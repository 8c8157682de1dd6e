/* Numbers as people write them. What was read is read again as itself, wherever
 * it is thought to come from. */
#include "fuzz.h"

#include "phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const countries[] = {"CN", "US", "DE", "BR", "HK"};
    char out[PHONE_BYTES], again[PHONE_BYTES];
    enum phone_fault fault = PHONE_OK;

    if (phone_normalize((const char *)data, size, countries[size % 5], out, &fault) != 0) {
        HOLDS(out[0] == '\0' && fault != PHONE_OK);
        HOLDS(*phone_fault_name(fault) != '\0' && *phone_fault_text(fault) != '\0');
        return 0;
    }
    HOLDS(out[0] == '+' && strspn(out + 1, "0123456789") == strlen(out) - 1);
    HOLDS(phone_normalize(out, strlen(out), "CN", again, &fault) == 0);
    HOLDS(strcmp(out, again) == 0);
    return 0;
}
