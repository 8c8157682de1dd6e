#include "web.h"

#include "buf.h"
#include "clock.h"
#include "error.h"
#include "field.h"
#include "forwarded.h"
#include "log.h"
#include "mem.h"
#include "request_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256u
#define ADDRESS_CONNECTIONS_MAX 32u
#define CONNECTION_BYTES                                                                           \
    (16u * 1024u) /* for the head of a request, and what libmicrohttpd needs                       \
                   */
#define HEADERS_MAX 64
#define REQUEST_MS 10000 /* to send it whole */
#define ANSWER_MS 30000  /* for a handler to answer it */
#define SILENCE_S 10u
#define BACKLOG 64

struct request;

struct connection {
    LIST_ENTRY(connection) links;
    struct MHD_Connection *mhd;
    struct request *request; /* NULL: its first line is not there yet */
    int64_t since_ms;        /* monotonic: when it came, then when its request was whole */
};

/* libmicrohttpd's side of a request; ends with its connection. */
struct request {
    struct web *web;
    struct connection *connection;
    const struct web_route *route;
    char *uri; /* as it was sent; split at the '?' once it is checked */
    struct buf body;
    struct web_request whole;
    struct gateway_field headers[HEADERS_MAX];
    char peer[INET6_ADDRSTRLEN];
    enum { READING, ASKED, ANSWERED } state;
    bool suspended;
    struct web_exchange *exchange; /* while a handler owes its answer */
    struct MHD_Response *response; /* once it has come */
    unsigned status;
};

/* The handler's side; ends with its answer. */
struct web_exchange {
    struct request *request; /* NULL: the client is gone, or was told that it takes too long */
};

struct web {
    struct MHD_Daemon *mhd;
    struct event *ready, *timer, *tick;
    struct web_options options;
    LIST_HEAD(, connection) connections;
    unsigned port;
};

/* --------------------------------------------------------------------- answers */

static struct MHD_Response *make_response(const char *content_type, const char *body, size_t length,
                                          const char *const *headers)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);

    if (r == NULL)
        abort(); /* out of memory is all that can be */
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    for (; headers != NULL && headers[0] != NULL; headers += 2)
        MHD_add_response_header(r, headers[0], headers[1]);
    return r;
}

static enum MHD_Result queue_answer(const struct request *r)
{
    return MHD_queue_response(r->connection->mhd, r->status, r->response);
}

/* The answer stands. A suspended connection goes on in a turn of its own. */
static void set_answer(struct request *r, unsigned status, struct MHD_Response *response)
{
    r->state = ANSWERED;
    r->status = status;
    r->response = response;
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection->mhd);
    event_active(r->web->timer, EV_TIMEOUT, 0);
}

void web_answer(struct web_exchange *x, int status, const char *content_type, const char *body,
                size_t length, const char *const *headers)
{
    struct request *r = x->request;

    if (r != NULL) {
        r->exchange = NULL;
        set_answer(r, (unsigned)status, make_response(content_type, body, length, headers));
    }
    free(x);
}

/* An answer of ours, not of a handler. */
static void say(struct request *r, unsigned status, const char *why)
{
    char body[160];
    int n = snprintf(body, sizeof body, "%s\n", why);

    log_info("web.refused peer=%s status=%u reason=%s", r->peer, status, log_quote(why));
    set_answer(r, status, make_response("text/plain; charset=utf-8", body, (size_t)n, NULL));
}

static enum MHD_Result refuse(struct request *r, unsigned status, const char *why)
{
    say(r, status, why);
    return queue_answer(r);
}

/* -------------------------------------------------------------------- requests */

static enum MHD_Result note_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t length)
{
    struct request *r = arg;

    (void)kind;
    (void)name_length;
    if (r->whole.header_count == HEADERS_MAX)
        return MHD_NO;
    r->headers[r->whole.header_count++] =
        (struct gateway_field){name, value == NULL ? "" : value, length};
    return MHD_YES;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = words; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
        if (strncmp(at, word, n) == 0 && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

/* The head is there: refuses it, or waits for the body. */
static enum MHD_Result begin(struct request *r, const char *method)
{
    const char *trouble, *length;
    char *question;

    MHD_get_connection_values_n(r->connection->mhd, MHD_HEADER_KIND, note_header, r);
    r->whole.headers = r->headers;
    r->whole.method = method;
    if (r->web->options.proxies != NULL)
        forwarded_find(r->peer, r->headers, r->whole.header_count, r->web->options.proxies);
    if (r->whole.header_count == HEADERS_MAX)
        return refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "too many headers");
    trouble = request_check(method, r->uri, r->headers, r->whole.header_count);
    if (trouble != NULL)
        return refuse(r, MHD_HTTP_BAD_REQUEST, trouble);
    question = strchr(r->uri, '?');
    if (question != NULL)
        *question = '\0';
    r->whole.query = question != NULL ? question + 1 : "";
    for (r->route = r->web->options.routes; r->route->prefix != NULL; r->route++)
        if (strncmp(r->uri, r->route->prefix, strlen(r->route->prefix)) == 0)
            break;
    if (r->route->prefix == NULL)
        return refuse(r, MHD_HTTP_NOT_FOUND, "there is nothing here");
    r->whole.path = r->uri + strlen(r->route->prefix);
    if (!has_word(r->route->methods, method))
        return refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED, "this method means nothing here");
    length = request_header(r->headers, r->whole.header_count, "Content-Length");
    if (length != NULL && strtoull(length, NULL, 10) > r->route->body_bytes)
        return refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
    r->body = BUF_INIT(r->route->body_bytes + 1); /* and a NUL */
    return MHD_YES;
}

static enum MHD_Result ask(struct request *r)
{
    struct web_exchange *x = xmalloc(sizeof *x);

    x->request = r;
    r->exchange = x;
    r->whole.body = r->body.length > 0 ? buf_string(&r->body) : "";
    r->whole.length = r->body.length;
    r->state = ASKED;
    r->connection->since_ms = clock_mono_ms();
    r->route->fn(r->route->arg, &r->whole, x);
    if (r->state == ANSWERED)
        return queue_answer(r);
    r->suspended = true;
    MHD_suspend_connection(r->connection->mhd);
    return MHD_YES;
}

/* libmicrohttpd calls this when the head is there, for each piece of the body, at
 * the end of it, and again when a suspended connection was resumed. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **request)
{
    struct request *r = *request;

    (void)arg;
    (void)mhd;
    (void)url;
    (void)version;
    if (r->state == ANSWERED)
        return queue_answer(r);
    if (r->whole.method == NULL)
        return begin(r, method);
    if (*upload_length == 0)
        return ask(r);
    buf_put(&r->body, upload, *upload_length);
    *upload_length = 0;
    if (!buf_overflowed(&r->body) && r->body.length <= r->route->body_bytes)
        return MHD_YES;
    log_info("web.refused peer=%s status=413 reason=\"the body is too large\"", r->peer);
    return MHD_NO; /* an answer cannot come before the body's end: cut off */
}

static void write_peer(char out[INET6_ADDRSTRLEN], const struct sockaddr *from)
{
    const void *address = NULL;

    if (from->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)from)->sin_addr;
    else if (from->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    if (address == NULL || inet_ntop(from->sa_family, address, out, INET6_ADDRSTRLEN) == NULL)
        snprintf(out, INET6_ADDRSTRLEN, "?");
}

/* The request line is there. What this returns is the request of on_request(). */
static void *on_uri(void *web, const char *uri, struct MHD_Connection *mhd)
{
    struct request *r = xcalloc(1, sizeof *r);

    r->web = web;
    r->connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    r->connection->request = r;
    r->uri = xstrdup(uri);
    write_peer(r->peer,
               MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    r->whole.peer = r->peer;
    return r;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode how)
{
    struct request *r = *request;

    (void)arg;
    (void)mhd;
    (void)how;
    *request = NULL;
    if (r == NULL)
        return;
    if (r->exchange != NULL)
        r->exchange->request = NULL;
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    r->connection->request = NULL;
    buf_free(&r->body);
    free(r->uri);
    free(r);
}

/* ----------------------------------------------------------------- connections */

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct web *web = arg;
    struct connection *c = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        c = xcalloc(1, sizeof *c);
        c->mhd = mhd;
        c->since_ms = clock_mono_ms();
        LIST_INSERT_HEAD(&web->connections, c, links);
        *context = c;
        return;
    }
    LIST_REMOVE(c, links);
    free(c);
    *context = NULL;
}

/* libmicrohttpd knows how long a client was silent, not how long it has been dripping. */
static void look_after(const struct web *web, struct connection *c, int64_t now_ms)
{
    struct request *r = c->request;
    bool asked = r != NULL && r->state == ASKED;

    if (now_ms - c->since_ms <= (asked ? web->options.answer_ms : web->options.request_ms))
        return;
    if (asked) {
        r->exchange->request = NULL; /* its answer will be nobody's */
        r->exchange = NULL;
        say(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no answer in time");
    } else {
        shutdown(MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                 SHUT_RDWR); /* it sees the end and closes it */
    }
    c->since_ms = now_ms;
}

/* ------------------------------------------------------------------- the loop */

static void run(struct web *web)
{
    MHD_UNSIGNED_LONG_LONG ms;
    struct timeval tv;

    MHD_run(web->mhd);
    if (MHD_get_timeout(web->mhd, &ms) != MHD_YES) {
        evtimer_del(web->timer);
        return;
    }
    tv.tv_sec = (time_t)(ms / 1000);
    tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
    evtimer_add(web->timer, &tv);
}

static void on_ready(evutil_socket_t fd, short what, void *web)
{
    (void)fd;
    (void)what;
    run(web);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct web *web = arg;
    int64_t now_ms = clock_mono_ms();
    struct connection *c;

    (void)fd;
    (void)what;
    LIST_FOREACH(c, &web->connections, links)
    look_after(web, c, now_ms);
    run(web);
}

/* "[::1]:8090" taken apart. The name is looked up here, at start. */
static int open_socket(const char *listen_at, struct error *err)
{
    const char *colon = strrchr(listen_at, ':');
    bool brackets = *listen_at == '[';
    char *host = xstrndup(listen_at + brackets, (size_t)(colon - listen_at) - 2 * brackets);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int rc = getaddrinfo(host, colon + 1, &hints, &found), fd = -1, on = 1;

    free(host);
    if (rc != 0)
        return error_set(err, "web.listen %s: %s", listen_at, gai_strerror(rc));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        error_set(err, "web.listen %s: %s", listen_at, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    char port[8] = "0";

    if (getsockname(fd, (struct sockaddr *)&at, &size) == 0)
        getnameinfo((struct sockaddr *)&at, size, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    return (unsigned)strtoul(port, NULL, 10);
}

/* What is not unescaped cannot be unescaped to something else than we look at. */
static size_t leave_escaped(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg;
    (void)mhd;
    return strlen(text);
}

static void on_trouble(void *arg, const char *format, va_list ap)
{
    char text[200];

    (void)arg;
    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug("web.trouble what=%s", log_quote(text));
}

struct web *web_open(const struct web_options *options, struct error *err)
{
    static const struct timeval tick = {0, 500000};
    struct web *web;
    bool proxies = options->proxies != NULL && options->proxies->count > 0;
    int fd = open_socket(options->listen, err);

    if (fd < 0)
        return NULL;
    web = xcalloc(1, sizeof *web);
    web->options = *options;
    if (web->options.request_ms == 0)
        web->options.request_ms = REQUEST_MS;
    if (web->options.answer_ms == 0)
        web->options.answer_ms = ANSWER_MS;
    web->port = port_of(fd);
    LIST_INIT(&web->connections);
    web->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        web, MHD_OPTION_EXTERNAL_LOGGER, on_trouble, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        proxies ? CONNECTIONS_MAX : ADDRESS_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, web, MHD_OPTION_NOTIFY_COMPLETED, on_completed, web,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, web, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (web->mhd == NULL) {
        error_set(err, "web.listen %s: the HTTP server does not start", options->listen);
        close(fd);
        free(web);
        return NULL;
    }
    web->ready =
        event_new(options->base, MHD_get_daemon_info(web->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                  EV_READ | EV_PERSIST, on_ready, web);
    web->timer = evtimer_new(options->base, on_ready, web);
    web->tick = event_new(options->base, -1, EV_PERSIST, on_tick, web);
    event_add(web->ready, NULL);
    event_add(web->tick, &tick);
    log_info("web.listening at=%s port=%u", log_quote(options->listen), web->port);
    return web;
}

unsigned web_port(const struct web *web)
{
    return web->port;
}

void web_close(struct web *web)
{
    struct connection *c;

    if (web == NULL)
        return;
    LIST_FOREACH(c, &web->connections, links)
    if (c->request != NULL && c->request->suspended) /* else it would not stop */
        MHD_resume_connection(c->mhd);
    event_free(web->ready);
    event_free(web->timer);
    event_free(web->tick);
    MHD_stop_daemon(web->mhd); /* closes the socket, too */
    free(web);
}
