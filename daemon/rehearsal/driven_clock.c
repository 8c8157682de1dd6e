/*
 * driven_clock.c - a clock that a rehearsal, or a test, can drive
 *
 * Preloaded (LD_PRELOAD) it moves the clocks of any program: outreachd, outreach,
 * redis-server, each of them as it is built for people. Nothing of it is in them.
 * OUTREACH_CLOCK names the file that drives it, which may be shared:
 *
 *     byte 0        the number of the pair in force, 0..255
 *     16 + 16 * i   pair i: what is added to the wall clock, and to the boot-time
 *                   clock, in ms; signed, 64 bits, the machine's byte order
 *
 * A driver writes a pair that is not in force and then byte 0: nobody ever sees
 * half a step. The wall clock alone moves when somebody sets the time; both move
 * when the machine was suspended. The monotonic clock stands still meanwhile, as it
 * does then, so that timers, rates and timeouts take their real time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 256

struct driver {
    unsigned char in_force, unused[15];
    struct {
        int64_t wall_ms, boot_ms;
    } pairs[PAIRS];
};

static const struct driver *driver;

__attribute__((constructor)) static void driver_find(void)
{
    const char *path = getenv("OUTREACH_CLOCK");
    void *at;
    int fd;

    fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    at = mmap(NULL, sizeof *driver, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    driver = at != MAP_FAILED ? at : NULL;
}

static int64_t added_ms(clockid_t id)
{
    unsigned i;

    if (driver == NULL)
        return 0;
    i = __atomic_load_n(&driver->in_force, __ATOMIC_ACQUIRE);
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return driver->pairs[i].wall_ms;
    case CLOCK_BOOTTIME:
        return driver->pairs[i].boot_ms;
    default:
        return 0;
    }
}

/* Straight to the kernel: it runs before libraries that would find the next one
 * (a sanitizer's) are ready. */
int clock_gettime(clockid_t id, struct timespec *out)
{
    long rc = syscall(SYS_clock_gettime, id, out);
    int64_t added = rc == 0 ? added_ms(id) : 0, ns;

    if (added != 0) {
        ns = out->tv_nsec + added % 1000 * 1000000;
        out->tv_sec += added / 1000 + (ns >= 1000000000) - (ns < 0);
        out->tv_nsec = ns + (ns < 0 ? 1000000000 : 0) - (ns >= 1000000000 ? 1000000000 : 0);
    }
    return (int)rc;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
