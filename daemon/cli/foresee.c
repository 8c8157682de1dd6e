#include "foresee.h"

#include "clock.h"
#include "language.h"

#include <errno.h>
#include <unistd.h>

static int read_rows(struct foreseen *f, struct error *err)
{
    int rc = 0;

    f->reading.row = asking_row;
    f->reading.arg = f->asking;
    if (reading_audience(&f->reading, err) != 0)
        rc = reading_fault(&f->reading);
    else if (asking_end(f->asking, err) != 0)
        rc = EX_UNAVAILABLE;
    f->reading.row = NULL;
    return rc;
}

int foresee(struct cli *cli, const char *path, size_t keep, foresee_fn *before, void *arg,
            struct foreseen *out, struct error *err)
{
    if (access(path, R_OK) != 0) {
        error_set(err, T("%s cannot be read: %s"), path, language_errno(errno));
        return EX_NOINPUT;
    }
    if (reading_open(&out->reading, cli, path, keep, err) != 0)
        return reading_fault(&out->reading);
    out->asking = asking_create(cli, out->reading.campaign, clock_wall_ms(), err);
    if (out->asking == NULL)
        return EX_CONFIG;
    if (before != NULL)
        before(arg, out->asking->forecast, out->reading.campaign);
    return read_rows(out, err);
}

void foreseen_close(struct foreseen *f)
{
    asking_free(f->asking);
    reading_close(&f->reading);
}
