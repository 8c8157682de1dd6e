#include "notify.h"

#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;
static int64_t watchdog_us;

static void read_watchdog(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (us == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return;
    watchdog_us = strtoll(us, NULL, 10);
    if (watchdog_us < 0)
        watchdog_us = 0;
}

void notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path != NULL ? strlen(path) : 0;

    if (n > 1 && n < sizeof to.sun_path && (path[0] == '/' || path[0] == '@')) {
        memcpy(to.sun_path, path, n);
        if (path[0] == '@') /* an abstract one */
            to.sun_path[0] = '\0';
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (notify_fd >= 0 &&
            connect(notify_fd, (struct sockaddr *)&to,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) != 0) {
            log_warning("notify.failed reason=%s", log_quote(strerror(errno)));
            close(notify_fd);
            notify_fd = -1;
        }
    }
    if (notify_fd >= 0)
        read_watchdog();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_tell(const char *line)
{
    if (notify_fd >= 0 && send(notify_fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        log_debug("notify.failed reason=%s", log_quote(strerror(errno)));
}

int64_t notify_watchdog_us(void)
{
    return watchdog_us;
}
