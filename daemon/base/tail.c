#include "tail.h"

#include "error.h"
#include "language.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (256u * 1024u)

struct tail {
    char *path;
    int fd; /* -1: not there yet */
    bool follow;
    off_t offset; /* of the first byte that is not in block */
    char *block;
    size_t begin, end; /* what is read and not yet given */
    bool passing_over; /* within a line that is too long */
};

struct tail *tail_open(const char *path, bool follow, struct error *err)
{
    struct tail *t = xcalloc(1, sizeof *t);

    t->path = xstrdup(path);
    t->follow = follow;
    t->block = xmalloc(BLOCK_BYTES);
    t->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (t->fd < 0 && !(follow && errno == ENOENT)) {
        error_set(err, "%s: %s", path, language_errno(errno));
        tail_close(t);
        return NULL;
    }
    return t;
}

void tail_close(struct tail *t)
{
    if (t == NULL)
        return;
    if (t->fd >= 0)
        close(t->fd);
    free(t->path);
    free(t->block);
    free(t);
}

/* Reads exactly the bytes from..to (at most a block) into block. */
static bool read_block(struct tail *t, off_t from, off_t to)
{
    size_t got = 0, size = (size_t)(to - from);

    while (got < size) {
        ssize_t n = pread(t->fd, t->block + got, size - got, from + (off_t)got);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* Where the last complete line ends. */
static off_t end_of_lines(struct tail *t)
{
    off_t to = lseek(t->fd, 0, SEEK_END), from;
    const char *newline;

    while (to > 0) {
        from = to > BLOCK_BYTES ? to - BLOCK_BYTES : 0;
        if (!read_block(t, from, to))
            return 0;
        newline = memrchr(t->block, '\n', (size_t)(to - from));
        if (newline != NULL)
            return from + (newline - t->block) + 1;
        to = from;
    }
    return 0;
}

size_t tail_back(struct tail *t, size_t count, tail_wants_fn *wants, void *arg)
{
    off_t to, from;
    size_t found = 0;

    t->begin = t->end = 0;
    t->offset = 0;
    if (count == 0 || t->fd < 0)
        return 0;
    to = end_of_lines(t); /* always behind a line end */
    while (to > 0 && found < count) {
        size_t size;

        from = to > BLOCK_BYTES ? to - BLOCK_BYTES : 0;
        if (!read_block(t, from, to))
            break;
        size = (size_t)(to - from);
        while (size > 0 && found < count) {
            const char *before = memrchr(t->block, '\n', size - 1);
            size_t start = before != NULL ? (size_t)(before - t->block) + 1 : 0;

            if (before == NULL && from > 0) {
                if (to - from == (off_t)size) /* a line as long as a block */
                    size = 0;
                break; /* its start is in the block before */
            }
            if (wants(arg, t->block + start, size - 1 - start))
                found++;
            size = start;
            t->offset = from + (off_t)start;
        }
        to = from + (off_t)size;
    }
    if (found < count)
        t->offset = 0;
    return found;
}

void tail_last(struct tail *t, int64_t bytes)
{
    off_t size = t->fd >= 0 ? lseek(t->fd, 0, SEEK_END) : 0;

    t->begin = t->end = 0;
    t->passing_over = size > bytes;
    t->offset =
        size > bytes ? size - (off_t)bytes - 1 : 0; /* the end of the line before, perhaps */
}

/* At the end of the file: has another taken its name, or has it been emptied? */
static bool find_successor(struct tail *t)
{
    struct stat now, ours;
    int fd;

    if (!t->follow)
        return false;
    if (t->fd >= 0) {
        if (stat(t->path, &now) != 0 || fstat(t->fd, &ours) != 0)
            return false;
        if (now.st_ino == ours.st_ino && now.st_dev == ours.st_dev) {
            if (ours.st_size >= t->offset)
                return false;
            t->offset = 0;
            t->begin = t->end = 0;
            return true;
        }
    }
    fd = open(t->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = fd;
    t->offset = 0;
    t->begin = t->end = 0;
    return true;
}

/* More bytes behind those that are there. */
static bool fill(struct tail *t)
{
    ssize_t n;

    if (t->fd < 0)
        return false;
    if (t->begin > 0) {
        memmove(t->block, t->block + t->begin, t->end - t->begin);
        t->end -= t->begin;
        t->begin = 0;
    }
    if (t->end == BLOCK_BYTES) {
        t->end = 0;
        t->passing_over = true;
    }
    n = pread(t->fd, t->block + t->end, BLOCK_BYTES - t->end, t->offset);
    if (n <= 0)
        return false;
    t->offset += n;
    t->end += (size_t)n;
    return true;
}

int tail_next(struct tail *t, const char **line, size_t *n)
{
    for (;;) {
        char *start = t->block + t->begin;
        char *newline = memchr(start, '\n', t->end - t->begin);

        if (newline == NULL) {
            if (!fill(t) && !find_successor(t))
                return 0;
            continue;
        }
        t->begin = (size_t)(newline - t->block) + 1;
        if (t->passing_over) { /* that was its rest */
            t->passing_over = false;
            continue;
        }
        *line = start;
        *n = (size_t)(newline - start);
        return 1;
    }
}
