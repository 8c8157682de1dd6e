#include "progress.h"

#include "bar.h"
#include "clock.h"
#include "human.h"

#include <stdio.h>
#include <unistd.h>

#define WIDTH 24
#define PATIENCE_MS 500
#define BETWEEN_MS 200

void progress_start(struct progress *p, const struct cli *cli)
{
    *p = (struct progress){
        .cli = cli, .shown = isatty(STDERR_FILENO) && !cli->json, .began_ms = clock_mono_ms()};
}

void progress_draw(struct progress *p, int64_t done, int64_t total, int64_t people)
{
    const struct bar_style style = {p->cli->unicode, p->cli->colours};
    int64_t counts[BAR_PARTS] = {[BAR_DELIVERED] = done}, now = clock_mono_ms();
    char percent[HUMAN_BYTES], count[HUMAN_BYTES], rate[HUMAN_BYTES];
    struct buf out = BUF_INIT(4096);

    if (!p->shown || now - p->began_ms < PATIENCE_MS || now - p->drawn_ms < BETWEEN_MS)
        return;
    p->drawn_ms = now;
    bar_write(&out, &style, counts, total > 0 ? total : 1, WIDTH);
    fputs("\r\033[K", stderr);
    fprintf(stderr, T("%s %s, %s people, %s"), buf_string(&out),
            human_percent(percent, done, total), human_count(count, people),
            human_rate(rate, (double)people * 1000 / (double)(now - p->began_ms)));
    fflush(stderr);
    buf_free(&out);
}

void progress_end(struct progress *p)
{
    if (p->drawn_ms != 0)
        fputs("\r\033[K", stderr);
    p->drawn_ms = 0;
}
