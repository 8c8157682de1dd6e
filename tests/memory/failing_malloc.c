/*
 * failing_malloc.c - memory that runs out when a test says so
 *
 * Preloaded (LD_PRELOAD) it counts what any program and its libraries allocate, and
 * lets one allocation fail. OUTREACH_MALLOC names the file that drives it, 24 bytes, which the
 * test may write at any time:
 *
 *     int64 fail_at   the how manyth from now on fails; 0: none, and nothing is counted
 *     int64 count     of those since then; the test sets it to 0
 *     int64 failed    how many have been refused
 *
 * All in the machine's byte order. Children do not inherit it: they are programs of others.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct driver {
    int64_t fail_at, count, failed;
};

static struct driver *driver;
static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

/* What dlsym() itself needs before it has found anything; never given back. */
static _Alignas(16) char early[65536];
static size_t early_used;

static void *early_alloc(size_t size)
{
    void *p = early + early_used;

    size = (size + 15) & ~(size_t)15;
    if (size > sizeof early - early_used)
        abort();
    early_used += size;
    return p;
}

static bool is_early(const void *p)
{
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void find(void)
{
    static bool finding;

    if (finding)
        return;
    finding = true;
    real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
}

__attribute__((constructor)) static void driver_find(void)
{
    const char *path = getenv("OUTREACH_MALLOC");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at;

    unsetenv("OUTREACH_MALLOC");
    if (fd < 0)
        return;
    at = mmap(NULL, sizeof *driver, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    driver = at != MAP_FAILED ? at : NULL;
}

static bool fails(void)
{
    if (driver == NULL || driver->fail_at == 0 ||
        __atomic_add_fetch(&driver->count, 1, __ATOMIC_RELAXED) != driver->fail_at)
        return false;
    driver->failed++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    if (real_calloc == NULL)
        find();
    if (real_malloc == NULL)
        return early_alloc(size);
    return fails() ? NULL : real_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    if (real_calloc == NULL)
        find();
    if (real_calloc == NULL)
        return early_alloc(n * size);
    return fails() ? NULL : real_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    void *moved;

    if (real_calloc == NULL)
        find();
    if (real_realloc != NULL && !is_early(p))
        return fails() ? NULL : real_realloc(p, size);
    moved = malloc(size);
    if (moved != NULL && p != NULL) /* it may read beyond it, but not beyond all of it */
        memcpy(moved, p,
               size < (size_t)(early + sizeof early - (char *)p)
                   ? size
                   : (size_t)(early + sizeof early - (char *)p));
    return moved;
}

void free(void *p)
{
    if (p == NULL || is_early(p))
        return;
    if (real_free == NULL)
        find();
    if (real_free != NULL) /* else dlsym() frees something of its own: that is lost */
        real_free(p);
}
