#include "db_wire.h"

#include "mem.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define READS_AT_ONCE 8 /* of 16 KB: the others have their turn then */

struct db_wire {
    redisAsyncContext *context; /* NULL: it was freed */
    struct event *readable, *writable, *flush;
    db_wire_fn *before;
    unsigned depth; /* calls of hiredis that we are in: it may free the context there */
    bool before_it; /* one is about to write: what comes now goes with it */
    bool writing;   /* one of them writes */
    bool can_wait;  /* what is being sent */
    bool waits;     /* something that can is there, and nothing that cannot: flush is a timer */
    bool last;      /* flush has been round once: what it went behind has run */
};

static void enter(struct db_wire *w)
{
    w->depth++;
}

static void leave(struct db_wire *w)
{
    if (--w->depth == 0 && w->context == NULL)
        free(w);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct db_wire *w = arg;
    int more = 1;

    (void)what;
    enter(w);
    for (int i = 0; i < READS_AT_ONCE && more > 0; i++) {
        redisAsyncHandleRead(w->context);
        if (w->context == NULL || ioctl(fd, FIONREAD, &more) != 0)
            break;
    }
    leave(w);
}

static void write_out(struct db_wire *w)
{
    enter(w);
    if (w->before != NULL) {
        w->before_it = true;
        w->before(w->context);
        w->before_it = false;
    }
    w->writing = true;
    redisAsyncHandleWrite(w->context);
    w->writing = false;
    leave(w);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    write_out(arg);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    struct db_wire *w = arg;

    (void)fd, (void)what;
    w->waits = false;
    w->last = !w->last;
    if (w->last)
        event_active(w->flush, EV_TIMEOUT, 0);
    else
        write_out(w);
}

/* ------------------------------------------------------------- what hiredis asks for */

static void add_read(void *arg)
{
    struct db_wire *w = arg;

    if (!event_pending(w->readable, EV_READ, NULL))
        event_add(w->readable, NULL);
}

static void del_read(void *arg)
{
    struct db_wire *w = arg;

    event_del(w->readable);
}

static void hurry(struct db_wire *w)
{
    w->waits = false;
    event_active(w->flush, EV_TIMEOUT, 0);
}

/* From within a write it is said of what the socket did not take. */
static void add_write(void *arg)
{
    static const struct timeval wait = {0, DB_WIRE_WAIT_US};
    struct db_wire *w = arg;

    if (w->before_it)
        return;
    if (w->writing || (w->context->c.flags & REDIS_CONNECTED) == 0)
        event_add(w->writable, NULL);
    else if (event_pending(w->writable, EV_WRITE, NULL))
        return;
    else if (!w->can_wait)
        hurry(w);
    else if (!event_pending(w->flush, EV_TIMEOUT, NULL)) {
        w->waits = true;
        event_add(w->flush, &wait);
    }
}

static void del_write(void *arg)
{
    struct db_wire *w = arg;

    if (event_pending(w->writable, EV_WRITE, NULL))
        event_del(w->writable);
}

static void cleanup(void *arg)
{
    struct db_wire *w = arg;

    event_free(w->readable);
    event_free(w->writable);
    event_free(w->flush);
    w->context = NULL;
    if (w->depth == 0)
        free(w);
}

void db_wire_attach(redisAsyncContext *context, struct event_base *base, db_wire_fn *before)
{
    struct db_wire *w = xcalloc(1, sizeof *w);

    w->context = context;
    w->before = before;
    w->readable = event_new(base, context->c.fd, EV_READ | EV_PERSIST, on_readable, w);
    w->writable = event_new(base, context->c.fd, EV_WRITE, on_writable, w);
    w->flush = event_new(base, -1, 0, on_flush, w);
    context->ev.data = w;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    event_add(w->readable, NULL);
    event_add(w->writable, NULL);
}

void db_wire_can_wait(redisAsyncContext *context, bool can_wait)
{
    ((struct db_wire *)context->ev.data)->can_wait = can_wait;
}

void db_wire_hurry(redisAsyncContext *context)
{
    struct db_wire *w = context->ev.data;

    if (w->waits)
        hurry(w);
}

void db_wire_leave(redisAsyncContext *context)
{
    struct db_wire *w = context->ev.data;

    if (w->waits || !event_pending(w->flush, EV_TIMEOUT, NULL))
        return;
    event_del(w->flush);
    w->last = false;
    write_out(w);
}
