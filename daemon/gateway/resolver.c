#include "resolver.h"

#include "clock.h"
#include "mem.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define LOOK_EVERY_MS 10000 /* whether that file has changed */

struct resolver {
    struct event_base *base;
    struct evdns_base *dns;
    const char *resolv_conf;
    struct timespec changed; /* of resolv_conf as read last */
    int64_t looked_ms;
};

/* evdns may answer at once or later; the caller hears of it from a turn of its own. */
struct lookup {
    resolver_fn *fn; /* NULL: cancelled */
    void *arg;
    struct event *turn;
    struct evdns_getaddrinfo_request *request; /* while evdns has it */
    char text[RESOLVER_ADDRESSES][INET6_ADDRSTRLEN];
    size_t count;
    const char *trouble;
};

bool resolver_is_numeric(const char *name)
{
    struct in6_addr address;

    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* A missing file leaves evdns with 127.0.0.1, as everywhere. */
static void read_resolv_conf(struct resolver *r)
{
    int64_t now = clock_mono_ms();
    struct stat st = {0};

    if (r->looked_ms != 0 && now - r->looked_ms < LOOK_EVERY_MS)
        return;
    stat(r->resolv_conf, &st);
    if (r->looked_ms == 0 || st.st_mtim.tv_sec != r->changed.tv_sec ||
        st.st_mtim.tv_nsec != r->changed.tv_nsec) {
        evdns_base_clear_nameservers_and_suspend(r->dns);
        evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL, r->resolv_conf);
        evdns_base_resume(r->dns);
        r->changed = st.st_mtim;
    }
    r->looked_ms = now;
}

struct resolver *resolver_create(struct event_base *base, const char *resolv_conf)
{
    struct resolver *r = xcalloc(1, sizeof *r);

    r->base = base;
    r->resolv_conf = resolv_conf != NULL ? resolv_conf : RESOLV_CONF;
    r->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (r->dns == NULL)
        abort(); /* out of memory is all that can be */
    evdns_base_set_option(r->dns, "timeout:", "3");
    evdns_base_set_option(r->dns, "attempts:", "2");
    return r;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    evdns_base_free(r->dns, 0);
    free(r);
}

static void lookup_free(struct lookup *l)
{
    event_free(l->turn);
    free(l);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct lookup *l = arg;
    const char *addresses[RESOLVER_ADDRESSES];

    (void)fd;
    (void)what;
    for (size_t i = 0; i < l->count; i++)
        addresses[i] = l->text[i];
    if (l->fn != NULL)
        l->fn(l->arg, addresses, l->count, l->count > 0 ? NULL : l->trouble);
    lookup_free(l);
}

static void take_addresses(struct lookup *l, const struct evutil_addrinfo *list)
{
    for (const struct evutil_addrinfo *ai = list; ai != NULL && l->count < RESOLVER_ADDRESSES;
         ai = ai->ai_next) {
        const void *address = ai->ai_family == AF_INET
                                  ? (const void *)&((struct sockaddr_in *)ai->ai_addr)->sin_addr
                                  : (const void *)&((struct sockaddr_in6 *)ai->ai_addr)->sin6_addr;

        if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
            continue;
        if (inet_ntop(ai->ai_family, address, l->text[l->count], INET6_ADDRSTRLEN) != NULL)
            l->count++;
    }
}

static void on_answer(int result, struct evutil_addrinfo *list, void *arg)
{
    struct lookup *l = arg;

    l->request = NULL;
    if (result == 0)
        take_addresses(l, list);
    l->trouble = result == 0 ? "the name has no address" : evutil_gai_strerror(result);
    if (list != NULL)
        evutil_freeaddrinfo(list);
    event_active(l->turn, EV_TIMEOUT, 0);
}

struct lookup *resolver_lookup(struct resolver *r, const char *name, resolver_fn *fn, void *arg)
{
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *l = xcalloc(1, sizeof *l);
    struct evdns_getaddrinfo_request *request;

    l->fn = fn;
    l->arg = arg;
    l->turn = event_new(r->base, -1, 0, on_turn, l);
    if (resolver_is_numeric(name)) {
        snprintf(l->text[0], sizeof l->text[0], "%s", name);
        l->count = 1;
        event_active(l->turn, EV_TIMEOUT, 0);
        return l;
    }
    read_resolv_conf(r);
    request = evdns_getaddrinfo(r->dns, name, NULL, &hints, on_answer, l);
    if (l->count == 0 && l->trouble == NULL) /* NULL too when it was answered at once */
        l->request = request;
    return l;
}

void resolver_cancel(struct lookup *l)
{
    if (l->request == NULL) { /* answered, the turn is to come */
        lookup_free(l);
        return;
    }
    l->fn = NULL; /* evdns answers a cancelled request too, and on_turn() frees it */
    evdns_getaddrinfo_cancel(l->request);
}
