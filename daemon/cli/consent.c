#include "consent.h"

#include "clock.h"
#include "human.h"
#include "language.h"
#include "residents.h"
#include "zone.h"

#include <stdio.h>
#include <string.h>

#define AT_ONE_ADDRESS 64

int consent_write(const struct cli *cli, const char *source, char out[CONSENT_BYTES],
                  struct error *err)
{
    size_t n = strlen(source);
    struct local_time t;

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)source[i] < 0x20 || source[i] == 0x7f)
            n = CONSENT_SOURCE_BYTES + 1;
    if (n == 0 || n > CONSENT_SOURCE_BYTES)
        return error_set(err, T("--consent: expected one line of at most %d bytes"),
                         CONSENT_SOURCE_BYTES);
    zone_local(zone_find(cli->settings->defaults.timezone, NULL), clock_wall_ms(), &t);
    snprintf(out, CONSENT_BYTES, "%04d-%02d-%02d %s", t.year, t.month, t.day, source);
    return 0;
}

struct seeking {
    int consent, name; /* places of columns, or -1 */
    consent_fn *fn;
    void *arg;
};

static int on_resident(void *arg, const struct resident *one, struct error *err)
{
    const struct seeking *s = arg;
    const struct template_value *words = &one->values[s->consent];
    const struct template_value none = {"", 0}, *name = s->name < 0 ? &none : &one->values[s->name];

    (void)err;
    if (words->length > 0)
        s->fn(s->arg, name->text, name->length, words->text, words->length);
    return 0;
}

/* Of every channel: an address says itself to which it belongs. */
int consent_each(struct cli *cli, const char *address, consent_fn *fn, void *arg, struct error *err)
{
    struct residents *r = residents_open(cli->db, err);
    struct seeking s = {.fn = fn, .arg = arg};
    int64_t numbers[AT_ONE_ADDRESS];
    char known[256];
    int rc = 0;

    if (r == NULL)
        return -1;
    s.consent = residents_column(r, CONSENT_COLUMN);
    s.name = residents_column(r, "name");
    for (size_t k = 0; rc == 0 && s.consent >= 0 && residents_channels[k] != NULL; k++) {
        int count;

        residents_address(known, sizeof known, residents_channels[k], address, strlen(address));
        count = residents_at(r, known, numbers, AT_ONE_ADDRESS, err);
        rc = count < 0 ? -1 : 0;
        for (int i = 0; rc == 0 && i < count; i++)
            rc = residents_read(r, numbers[i], on_resident, &s, err) < 0 ? -1 : 0;
    }
    residents_close(r);
    return rc;
}
