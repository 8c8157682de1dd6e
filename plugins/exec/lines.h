/*
 * lines.h - lines out of a pipe, in a buffer of fixed size
 *
 * A line is handed over without its '\n' (and the '\r' before it). One that is longer than the
 * buffer is cut: its beginning is handed over, marked as cut, and the rest of it is thrown away.
 */
#ifndef EXEC_LINES_H
#define EXEC_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct lines {
    char *bytes;
    size_t size, at, used; /* read up to used, handed over up to at */
    bool skipping;         /* the rest of a line that was cut */
};

void lines_init(struct lines *l, size_t size);
void lines_clear(struct lines *l); /* what is in it is forgotten */
void lines_free(struct lines *l);

/* Reads once, into what room there is: as read() answers. Call it when lines_next() has said
 * false. */
ssize_t lines_read(struct lines *l, int fd);

/* The next line, good until the next lines_read(); false: there is no whole one. */
bool lines_next(struct lines *l, char **line, size_t *n, bool *cut);

/* What stands behind the last line end, when no more will come; false: nothing. */
bool lines_last(struct lines *l, char **line, size_t *n);

#endif
