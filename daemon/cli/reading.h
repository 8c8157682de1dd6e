/*
 * reading.h - a campaign file with its audience, read for `check` and `queue`
 */
#ifndef OUTREACH_READING_H
#define OUTREACH_READING_H

#include "cli.h"
#include "preview.h"

struct campaign_status;
struct who;

struct reading {
    struct campaign *campaign;
    struct preview *preview;
    struct audience_report report;
    bool progress;   /* a bar on stderr while it reads */
    bool no_list;    /* why reading_open() failed: the file of the list cannot be opened (or
                                the register is empty), */
    int no_register; /* or the register of residents not be asked: the exit code, else 0 */
    struct residents *residents;          /* NULL: it is not wanted */
    const struct campaign_status *stands; /* of one in Redis: what has begun is told; else NULL */
    /* Before the first row: who is in the campaign already; may be NULL. */
    int (*before)(void *arg, struct audience *audience, struct error *err);
    /* Where else the rows go; may be NULL. */
    audience_row_fn *row;
    void *arg;
    /* of ours */
    struct cli *cli;
    const char *path;
    int64_t began_ms, drawn_ms;
};

/* Reads and validates the file: libconfig, or JSON where it is named *.json. Connects, where the
 * audience comes from the register (or a part of it). keep: remarks kept word for word. -1 with err
 * ("FILE:LINE: FIELD: ..."). */
int reading_open(struct reading *r, struct cli *cli, const char *path, size_t keep,
                 struct error *err);

/* What speechless_check() says of the configured gateways; 0 also where their settings cannot be
 * read. */
int reading_speaks(const struct cli *cli, const struct campaign *c, struct error *err);

/* Whether the file may be read; -1 with err, which tells who named a campaign's id to name its
 * file. */
int reading_there(const char *path, struct error *err);

/* The file as a tree, by its name as JSON or libconfig; NULL with err. */
struct tree *reading_document(const char *path, struct error *err);

/* The exit code of what went wrong in opening or reading. */
int reading_fault(const struct reading *r);

/* Whom of the register its audience means; after reading_open(), where r->residents is there. -1
 * with err: nobody has such a tag. */
int reading_who(const struct reading *r, struct who *who, struct error *err);

/* The campaign alone, whose list need not be there: texts are taken at their word. NULL with
 * err. */
struct campaign *reading_bare(const struct cli *cli, const char *path, struct error *err);

/* Reads the audience through the preview. -1 with err: the list cannot be read,
 * nobody in it can be reached, or row() refused. */
int reading_audience(struct reading *r, struct error *err);

void reading_close(struct reading *r);

/* What stands in the file, for a person: title, times, rows, texts. queued_ms is
 * what `now` means. */
void reading_write(const struct reading *r, int64_t queued_ms, struct buf *out);

/* The same for programs; a new reference. */
json_t *reading_json(const struct reading *r, int64_t queued_ms);

/* Whether no reminder would be sent any more. */
bool reading_is_over(const struct campaign *c, int64_t queued_ms);

/* Rows with something to say, and how many more. */
void reading_write_remarks(const struct reading *r, struct buf *out);

/* "announce  2027-02-27 Sat 09:30", with what was missed, for each reminder. */
void reading_write_plan(const struct campaign *c, int64_t queued_ms, struct buf *out);

#endif
