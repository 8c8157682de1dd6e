#include "foresee.h"

#include "approval.h"
#include "clock.h"

static int on_row(void *arg, const char *row, size_t n, struct error *err)
{
    struct foreseen *f = arg;

    if (f->whole != NULL && asking_row(f->whole, row, n, err) != 0)
        return -1;
    return asking_row(f->asking, row, n, err);
}

static int read_rows(struct foreseen *f, struct error *err)
{
    int rc = 0;

    f->reading.row = on_row;
    f->reading.arg = f;
    if (reading_audience(&f->reading, err) != 0)
        rc = reading_fault(&f->reading);
    else if (asking_end(f->asking, err) != 0 ||
             (f->whole != NULL && asking_end(f->whole, err) != 0))
        rc = EX_UNAVAILABLE;
    f->reading.row = NULL;
    return rc;
}

int foresee(struct cli *cli, const char *path, size_t keep, foresee_fn *before, void *arg,
            struct foreseen *out, struct error *err)
{
    if (reading_there(path, err) != 0)
        return EX_NOINPUT;
    if (reading_open(&out->reading, cli, path, keep, err) != 0)
        return reading_fault(&out->reading);
    out->asking = asking_create(cli, out->reading.campaign, clock_wall_ms(), err);
    if (out->asking == NULL)
        return EX_CONFIG;
    if (before == NULL && approval_minds_cost(out->reading.campaign, &cli->settings->defaults)) {
        out->whole = asking_create(cli, out->reading.campaign, clock_wall_ms(), err);
        if (out->whole == NULL)
            return EX_CONFIG;
        out->whole->everybody = true;
    }
    if (before != NULL)
        before(arg, out->asking->forecast, out->reading.campaign);
    return read_rows(out, err);
}

void foreseen_close(struct foreseen *f)
{
    asking_free(f->asking);
    asking_free(f->whole);
    reading_close(&f->reading);
}
