#include "http_client.h"

#include "buf.h"
#include "clock.h"
#include "curl_loop.h"
#include "log.h"
#include "mem.h"
#include "resolver.h"
#include "spare.h"

#include <ctype.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define KEEP_BYTES 65536    /* of memory that an idle call may hold in a buffer */
#define HOSTS_MAX 256       /* different ones; beyond, requests fail */
#define HOST_FRESH_MS 60000 /* then the name is looked up again, in the background */
#define HOST_BYTES 256      /* of a name with its port */
#define RETRY_AFTER_MAX_S (24 * 3600)

/* A request costs the more the more connections there are, above all in libcurl, which
 * walks through those in use to find an idle one. So there are few, and more only for a
 * host that takes its time: while requests have to wait and an answer takes longer than
 * SLOW_MS, which is when fewer come between two looks. */
#define FEW_CONNECTIONS 32
#define LOOK_MS 100
#define SLOW_MS 8
#define FORGET_MS 5000 /* unused for so long, a host begins with few again */

/* A transfer and its libcurl handle, used again and again: setting up a new
 * handle costs more than a request. */
struct http_call {
    void *next_spare;
    struct http_client *client;
    TAILQ_ENTRY(http_call) links; /* in one of the client's lists, unless IDLE */
    enum { IDLE, WAITING, RUNNING, ENDED } state;
    gateway_http_fn *fn; /* NULL: cancelled while ENDED */
    void *arg;

    CURL *easy;
    struct buf base, target, body, headers, answer;
    struct http_tls tls;            /* as set in easy */
    bool post;                      /* as set in easy */
    struct curl_slist *header_list; /* made from headers */
    struct curl_slist *resolve;     /* addresses to tell libcurl with this request */
    int64_t set_timeout_ms;         /* as set in easy */
    int64_t deadline_ms;            /* monotonic: no longer in the host's list */
    unsigned requests;              /* begun on the wire: 0 or 1, 2 was stopped */
    bool oversized;
    int64_t send_by_ms; /* of the boot clock; 0: no end */
    bool stale;         /* it was past that before the request could begin */

    struct host *host; /* that of base */
    unsigned version;  /* of its addresses in resolve */
    enum gateway_http_result result;
    const char *trouble;
    char detail[CURL_ERROR_SIZE];
    bool tls_trouble;
};

TAILQ_HEAD(call_list, http_call);

/* A name with a port, what it stands for, and who wants to go there. */
struct host {
    char key[HOST_BYTES + 8]; /* "name:port", as CURLOPT_RESOLVE wants it */
    char name[HOST_BYTES];
    struct http_client *client;
    bool numeric;                            /* an address already */
    struct lookup *lookup;                   /* under way */
    char addresses[RESOLVER_ADDRESSES * 48]; /* as CURLOPT_RESOLVE wants them; "": not known yet */
    unsigned version, told; /* of the addresses; the last that libcurl is known to have */
    int64_t known_ms;
    struct call_list waiting; /* for a connection, or for the name */
    unsigned running, limit;  /* calls at once */
    unsigned answers;         /* since the last look */
    bool held, was_held;      /* requests waited for a connection since then; before it */
    int64_t used_ms;          /* monotonic: the last request was made */
};

struct http_client {
    struct resolver *resolver;
    struct curl_loop *loop;
    struct event *finish; /* after all sockets of a turn: takes what has ended */
    struct event *look;   /* at what waits, while something does */
    struct call_list running, ended;
    struct spare idle;
    struct host *hosts[HOSTS_MAX];
    size_t host_count;
    http_wire_fn *wire; /* NULL: nobody watches */
    void *wire_arg;
};

/* -------------------------------------------------------------- libcurl's calls */

static size_t write_callback(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;

    buf_put(&call->answer, bytes, size * n);
    if (!buf_overflowed(&call->answer))
        return size * n;
    call->oversized = true;
    return 0;
}

/* The permission to send it has run out. */
static bool is_stale(const struct http_call *call)
{
    return call->send_by_ms != 0 && clock_boot_ms() > call->send_by_ms;
}

/* libcurl is about to write the request. The first time it may: the second time it
 * repeats what may have arrived. */
static int prereq_callback(void *arg, char *primary_ip, char *local_ip, int primary_port,
                           int local_port)
{
    struct http_call *call = arg;

    (void)primary_ip;
    (void)local_ip;
    (void)primary_port;
    (void)local_port;
    if (call->requests == 0 && is_stale(call)) {
        call->stale = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return ++call->requests == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* -------------------------------------------------------------------- calls */

static int debug_callback(CURL *easy, curl_infotype type, char *bytes, size_t n, void *client)
{
    static const char *const prefixes[] = {
        [CURLINFO_TEXT] = "* ",    [CURLINFO_HEADER_IN] = "< ", [CURLINFO_HEADER_OUT] = "> ",
        [CURLINFO_DATA_IN] = "< ", [CURLINFO_DATA_OUT] = "> ",
    };
    struct http_client *c = client;

    (void)easy;
    if ((size_t)type < sizeof prefixes / sizeof *prefixes)
        c->wire(c->wire_arg, prefixes[type], bytes, n);
    return 0;
}

static void call_free(void *object)
{
    struct http_call *call = object;

    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->header_list);
    curl_slist_free_all(call->resolve);
    buf_free(&call->base);
    buf_free(&call->target);
    buf_free(&call->body);
    buf_free(&call->headers);
    buf_free(&call->answer);
    free(call);
}

/* What no request changes. */
static void set_up_easy(struct http_call *call)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L); /* it only knows what it was told */
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "outreachd");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_callback);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, prereq_callback);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->detail);
    curl_loop_adopt(call->client->loop, easy);
    if (call->client->wire != NULL) {
        curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
        curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, debug_callback);
        curl_easy_setopt(easy, CURLOPT_DEBUGDATA, call->client);
    }
}

static struct http_call *call_get(struct http_client *c)
{
    struct http_call *call = spare_take(&c->idle);

    if (call != NULL)
        return call;
    call = xcalloc(1, sizeof *call);
    call->client = c;
    call->base = call->target = call->headers = BUF_INIT(1 << 20);
    call->body = BUF_INIT(64u << 20);
    call->answer = BUF_INIT(HTTP_ANSWER_BYTES);
    call->easy = curl_easy_init();
    if (call->easy == NULL)
        abort(); /* out of memory is all that can be */
    set_up_easy(call);
    return call;
}

static void shrink(struct buf *b)
{
    buf_clear(b);
    if (b->capacity > KEEP_BYTES)
        buf_free(b);
}

static void call_put_back(struct http_call *call)
{
    shrink(&call->body);
    shrink(&call->answer);
    if (call->resolve != NULL) {
        curl_easy_setopt(call->easy, CURLOPT_RESOLVE, NULL);
        curl_slist_free_all(call->resolve);
        call->resolve = NULL;
    }
    call->state = IDLE;
    spare_give(&call->client->idle, call);
}

static void call_end(struct http_call *call, enum gateway_http_result result, const char *trouble)
{
    call->result = result;
    call->trouble = trouble;
    call->state = ENDED;
    TAILQ_INSERT_TAIL(&call->client->ended, call, links);
}

/* ------------------------------------------------------------------ requests */

/* Headers are mostly those of the request before: then nothing is to be done. */
static bool same_headers(const struct buf *old, const char *const *headers)
{
    size_t at = 0;

    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        size_t n = strlen(headers[i]) + 1;

        if (n > old->length - at || memcmp(old->data + at, headers[i], n) != 0)
            return false;
        at += n;
    }
    return at == old->length;
}

static void set_headers(struct http_call *call, const char *const *headers)
{
    if (same_headers(&call->headers, headers))
        return;
    buf_clear(&call->headers);
    curl_slist_free_all(call->header_list);
    call->header_list = NULL;
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        buf_put(&call->headers, headers[i], strlen(headers[i]) + 1);
        call->header_list = curl_slist_append(call->header_list, headers[i]);
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->header_list);
}

static int64_t timeout_of(int64_t timeout_ms)
{
    return timeout_ms <= 0                    ? HTTP_TIMEOUT_MS
           : timeout_ms > HTTP_TIMEOUT_MAX_MS ? HTTP_TIMEOUT_MAX_MS
                                              : timeout_ms;
}

/* A header with a line end in it would be two, or another request. */
static const char *check_headers(const char *const *headers)
{
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++)
        if (strpbrk(headers[i], "\r\n") != NULL)
            return "a header of the request has a line end in it";
    return NULL;
}

/* libcurl keeps connections apart that were checked differently, or with another certificate.
 * Its CAPATH is the system's too, and would be asked besides the file. */
static void set_tls(struct http_call *call, const struct http_tls *tls)
{
    static const struct http_tls none;
    const curl_version_info_data *ours = curl_version_info(CURLVERSION_NOW);

    if (tls == NULL)
        tls = &none;
    if (call->tls.ca == tls->ca && call->tls.cert == tls->cert && call->tls.key == tls->key)
        return;
    call->tls = *tls;
    curl_easy_setopt(call->easy, CURLOPT_CAINFO, tls->ca != NULL ? tls->ca : ours->cainfo);
    curl_easy_setopt(call->easy, CURLOPT_CAPATH, tls->ca != NULL ? NULL : ours->capath);
    curl_easy_setopt(call->easy, CURLOPT_SSLCERT, tls->cert);
    curl_easy_setopt(call->easy, CURLOPT_SSLKEY, tls->key != NULL ? tls->key : tls->cert);
}

static const char *set_method(struct http_call *call, const struct gateway_http_request *r)
{
    if (strcmp(r->method, "POST") == 0) {
        buf_put(&call->body, r->body, r->length);
        curl_easy_setopt(call->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->length);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, buf_string(&call->body));
        call->post = true;
    } else if (strcmp(r->method, "GET") != 0) {
        return "the request's method is neither GET nor POST";
    } else if (call->post) {
        curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
        call->post = false;
    }
    return NULL;
}

/* -------------------------------------------------------------------- names */

/* The name and port in the n bytes of a URL up to its path, without brackets; NULL on
 * success, else what is wrong. */
static const char *split_base(const char *url, size_t n, char *name, unsigned *port)
{
    bool tls = strncasecmp(url, "https://", 8) == 0;
    const char *host = url + (tls ? 8 : 7), *end = url + n, *at, *colon;

    for (const char *p = host; p < end; p++)
        if (*p <= ' ' || *p == '\\' || *p >= 127)
            return "the request's URL has a malformed host";
    at = memrchr(host, '@', (size_t)(end - host));
    host = at != NULL ? at + 1 : host;
    colon = memrchr(host, ':', (size_t)(end - host));
    if (colon != NULL && memchr(colon, ']', (size_t)(end - colon)) != NULL)
        colon = NULL;
    *port = colon != NULL && colon + 1 < end ? (unsigned)strtoul(colon + 1, NULL, 10)
            : tls                            ? 443u
                                             : 80u;
    end = colon != NULL ? colon : end;
    if (*host == '[' && end > host && end[-1] == ']') {
        host++;
        end--;
    }
    n = (size_t)(end - host);
    if (n == 0 || n >= HOST_BYTES || *port == 0 || *port > 65535)
        return "the request's URL has a malformed host";
    memcpy(name, host, n);
    name[n] = '\0';
    return NULL;
}

static struct host *host_get(struct http_client *c, const char *name, unsigned port)
{
    char key[HOST_BYTES + 8];
    struct host *h;

    snprintf(key, sizeof key, "%s:%u", name, port);
    for (size_t i = 0; i < c->host_count; i++)
        if (strcasecmp(c->hosts[i]->key, key) == 0)
            return c->hosts[i];
    if (c->host_count == HOSTS_MAX)
        return NULL;
    h = xcalloc(1, sizeof *h);
    memcpy(h->key, key, sizeof key);
    snprintf(h->name, sizeof h->name, "%s", name);
    h->client = c;
    h->numeric = resolver_is_numeric(name);
    h->limit = FEW_CONNECTIONS;
    TAILQ_INIT(&h->waiting);
    c->hosts[c->host_count++] = h;
    return h;
}

/* Where to go, and for whom. A URL is mostly that of the request before up to its path, and
 * libcurl takes a URL apart, and puts it together again, byte by byte: so it is given that
 * part alone, once, and the rest as the request's target. */
static const char *set_url(struct http_call *call, const char *url)
{
    size_t scheme = strncasecmp(url, "http://", 7) == 0    ? 7
                    : strncasecmp(url, "https://", 8) == 0 ? 8
                                                           : 0;
    size_t n = scheme + strcspn(url + scheme, "/?#"), rest = strcspn(url + n, "#");
    char name[HOST_BYTES];
    const char *trouble;
    unsigned port;

    if (scheme == 0)
        return "the request's URL is neither http nor https";
    for (const char *p = url + n; p < url + n + rest; p++)
        if ((unsigned char)*p <= ' ' || *p == 127)
            return "the request's URL has a space or a control character in it";
    buf_clear(&call->target);
    if (url[n] != '/')
        buf_putc(&call->target, '/');
    buf_put(&call->target, url + n, rest);
    curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, buf_string(&call->target));
    if (call->host != NULL && call->base.length == n && memcmp(call->base.data, url, n) == 0)
        return NULL;
    call->host = NULL;
    trouble = split_base(url, n, name, &port);
    if (trouble != NULL)
        return trouble;
    buf_clear(&call->base);
    buf_put(&call->base, url, n);
    if (curl_easy_setopt(call->easy, CURLOPT_URL, buf_string(&call->base)) != CURLE_OK)
        return "the request's URL is malformed";
    call->host = host_get(call->client, name, port);
    return call->host != NULL ? NULL : "too many different hosts";
}

static const char *set_request(struct http_call *call, const struct gateway_http_request *r)
{
    const char *trouble = check_headers(r->headers);

    if (trouble == NULL)
        trouble = set_method(call, r);
    if (trouble == NULL)
        trouble = set_url(call, r->url);
    if (buf_overflowed(&call->base) || buf_overflowed(&call->target) || buf_overflowed(&call->body))
        return "the request is too large";
    set_headers(call, r->headers);
    return trouble;
}

/* ------------------------------------------------------------------- waiting */

static void call_unsent(struct http_call *call, const char *trouble)
{
    call_end(call, GATEWAY_HTTP_UNSENT, trouble);
    event_active(call->client->finish, EV_TIMEOUT, 0);
}

static void call_start(struct http_call *call)
{
    struct host *h = call->host;
    struct http_client *c = call->client;
    int64_t left_ms = call->deadline_ms - clock_mono_ms();

    /* libcurl keeps what it was told; until one that told it has come back, all do. */
    if (h->told != h->version) {
        char entry[sizeof h->key + sizeof h->addresses + 2];

        snprintf(entry, sizeof entry, "%s:%s", h->key, h->addresses);
        call->resolve = curl_slist_append(NULL, entry);
        curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->resolve);
        call->version = h->version;
    }
    /* To it 0 is no timeout at all. */
    left_ms = left_ms < 1 ? 1 : left_ms;
    if (left_ms != call->set_timeout_ms)
        curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    call->set_timeout_ms = left_ms;
    call->state = RUNNING;
    h->running++;
    TAILQ_INSERT_TAIL(&c->running, call, links);
    curl_multi_add_handle(curl_loop_multi(c->loop), call->easy);
}

/* Starts what may start. Not to be called from libcurl's callbacks. */
static void host_run(struct host *h)
{
    struct http_call *call;

    if (!h->numeric && *h->addresses == '\0')
        return;
    while (h->running < h->limit && (call = TAILQ_FIRST(&h->waiting)) != NULL) {
        TAILQ_REMOVE(&h->waiting, call, links);
        if (is_stale(call))
            call_unsent(call, "it could not be sent in its time");
        else
            call_start(call);
    }
    h->held = h->held || !TAILQ_EMPTY(&h->waiting);
}

/* What has waited too long is dropped, and more connections are allowed to a host that
 * takes its time. */
static void host_look(struct host *h)
{
    int64_t now_ms = clock_mono_ms();
    struct http_call *call, *next;

    for (call = TAILQ_FIRST(&h->waiting); call != NULL; call = next) {
        next = TAILQ_NEXT(call, links);
        if (now_ms < call->deadline_ms && !is_stale(call))
            continue;
        TAILQ_REMOVE(&h->waiting, call, links);
        call_unsent(call, "it could not be sent in its time");
    }
    if (h->held && h->was_held && h->answers < h->limit * LOOK_MS / SLOW_MS)
        h->limit = h->limit * 2 < HTTP_CONNECTIONS ? h->limit * 2 : HTTP_CONNECTIONS;
    h->was_held = h->held;
    h->held = false;
    h->answers = 0;
    host_run(h);
}

static void look_later(struct http_client *c)
{
    static const struct timeval later = {0, LOOK_MS * 1000};

    if (!evtimer_pending(c->look, NULL))
        evtimer_add(c->look, &later);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    bool busy = false;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < c->host_count; i++) {
        host_look(c->hosts[i]);
        busy = busy || !TAILQ_EMPTY(&c->hosts[i]->waiting) || c->hosts[i]->running > 0;
    }
    if (busy)
        look_later(c);
}

static void host_set_addresses(struct host *h, const char *const *addresses, size_t count)
{
    char text[sizeof h->addresses];
    size_t n = 0;

    for (size_t i = 0; i < count && n < sizeof text; i++) {
        bool v6 = strchr(addresses[i], ':') != NULL;

        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s", i == 0 ? "" : ",",
                              v6 ? "[" : "", addresses[i], v6 ? "]" : "");
    }
    if (strcmp(text, h->addresses) != 0) {
        memcpy(h->addresses, text, sizeof text);
        h->version++;
    }
    h->known_ms = clock_mono_ms();
}

/* A look-up that fails leaves an address that was good in use. */
static void on_addresses(void *arg, const char *const *addresses, size_t count, const char *trouble)
{
    struct host *h = arg;
    struct http_call *call;

    h->lookup = NULL;
    if (count > 0)
        host_set_addresses(h, addresses, count);
    host_run(h);
    while (*h->addresses == '\0' && (call = TAILQ_FIRST(&h->waiting)) != NULL) {
        TAILQ_REMOVE(&h->waiting, call, links);
        snprintf(call->detail, sizeof call->detail, "%.100s: %.100s", h->name, trouble);
        call_unsent(call, call->detail);
    }
}

/* Starts the call now, or when its turn comes or its name is known. */
static void call_begin(struct http_call *call)
{
    struct host *h = call->host;
    int64_t now_ms = clock_mono_ms();

    if (h->running == 0 && now_ms - h->used_ms > FORGET_MS)
        h->limit = FEW_CONNECTIONS;
    h->used_ms = now_ms;
    if (!h->numeric && h->lookup == NULL &&
        (*h->addresses == '\0' || now_ms - h->known_ms > HOST_FRESH_MS))
        h->lookup = resolver_lookup(call->client->resolver, h->name, on_addresses, h);
    call->state = WAITING;
    TAILQ_INSERT_TAIL(&h->waiting, call, links);
    host_run(h);
    if (call->state == WAITING)
        look_later(call->client);
}

void http_client_watch(struct http_client *c, http_wire_fn *fn, void *arg)
{
    c->wire = fn;
    c->wire_arg = arg;
}

struct http_call *http_client_send(struct http_client *c,
                                   const struct gateway_http_request *request,
                                   const struct http_tls *tls, gateway_http_fn *fn, void *arg)
{
    struct http_call *call = call_get(c);
    const char *trouble;

    call->fn = fn;
    call->arg = arg;
    call->requests = 0;
    call->deadline_ms = clock_mono_ms() + timeout_of(request->timeout_ms);
    call->send_by_ms = request->send_by_ms;
    call->oversized = call->stale = call->tls_trouble = false;
    *call->detail = '\0';
    set_tls(call, tls);
    trouble = set_request(call, request);
    if (trouble == NULL)
        call_begin(call);
    else
        call_unsent(call, trouble);
    return call;
}

void http_call_cancel(struct http_call *call)
{
    struct http_client *c = call->client;

    call->fn = NULL;
    if (call->state == WAITING) {
        TAILQ_REMOVE(&call->host->waiting, call, links);
        call_put_back(call);
    } else if (call->state == RUNNING) {
        struct host *h = call->host;

        TAILQ_REMOVE(&c->running, call, links);
        curl_multi_remove_handle(curl_loop_multi(c->loop), call->easy);
        h->running--;
        call_put_back(call);
        host_run(h);
    } /* ENDED: its turn puts it back */
}

/* ------------------------------------------------------------------- answers */

static bool is_tls_trouble(CURLcode code)
{
    static const CURLcode codes[] = {
        CURLE_SSL_CONNECT_ERROR,        CURLE_SSL_CERTPROBLEM,       CURLE_SSL_CIPHER,
        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,    CURLE_SSL_ISSUER_ERROR,
        CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT,
        CURLE_USE_SSL_FAILED,
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* TLS 1.3 lets us send before the peer has looked at our certificate; it says only then that it
 * wants one, or another. It has not taken the request: its side of the handshake failed. */
static bool is_certificate_refused(const struct http_call *call, CURLcode code)
{
    static const char *const alerts[] = {
        "alert certificate required", "alert bad certificate",     "alert unsupported certificate",
        "alert certificate revoked",  "alert certificate expired", "alert certificate unknown",
        "alert unknown ca",           "alert access denied",
    };

    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && call->answer.length == 0 &&
            strstr(call->detail, alerts[i]) != NULL)
            return true;
    return false;
}

static void on_done(struct http_call *call, CURLcode code)
{
    bool refused = is_certificate_refused(call, code);
    struct http_client *c = call->client;

    TAILQ_REMOVE(&c->running, call, links);
    curl_multi_remove_handle(curl_loop_multi(c->loop), call->easy);
    call->host->running--;
    call->host->answers++;
    if (call->resolve != NULL)
        call->host->told = call->version;
    call->tls_trouble = refused || is_tls_trouble(code);
    if (code == CURLE_OK)
        call_end(call, GATEWAY_HTTP_ANSWERED, NULL);
    else if (call->stale)
        call_end(call, GATEWAY_HTTP_UNSENT, "it could not be sent in its time");
    else if (call->requests == 0 || refused)
        call_end(call, GATEWAY_HTTP_UNSENT,
                 *call->detail ? call->detail : curl_easy_strerror(code));
    else if (call->requests > 1)
        call_end(call, GATEWAY_HTTP_AMBIGUOUS, "the connection was lost after the request");
    else if (call->oversized)
        call_end(call, GATEWAY_HTTP_AMBIGUOUS, "the answer is larger than 1 MiB");
    else
        call_end(call, GATEWAY_HTTP_AMBIGUOUS,
                 *call->detail ? call->detail : curl_easy_strerror(code));
}

static void deliver(struct http_call *call)
{
    struct gateway_http_response response = {
        .result = call->result, .trouble = call->trouble, .tls_trouble = call->tls_trouble};
    curl_off_t retry_after_s = 0;
    long status = 0;

    if (call->result == GATEWAY_HTTP_ANSWERED) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        if (retry_after_s > RETRY_AFTER_MAX_S)
            retry_after_s = RETRY_AFTER_MAX_S;
        response.status = (int)status;
        response.retry_after_ms = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : 0;
        response.length = call->answer.length;
    }
    response.body = response.length > 0 ? buf_string(&call->answer) : "";
    call->fn(call->arg, &response);
}

/* What has ended makes room for what waits, before anybody is told: the answers of a turn
 * are handed on together, with the next requests already on their way. */
static void take_ended(struct http_client *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(curl_loop_multi(c->loop), &left)) != NULL) {
        CURLcode code = message->data.result;
        struct http_call *call;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        on_done(call, code);
        host_run(call->host);
    }
}

/* Outside of any callback of libcurl's, where it may be called again. */
static void on_finish(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *c = arg;
    struct call_list batch;
    struct http_call *call;

    (void)fd;
    (void)what;
    take_ended(c);
    TAILQ_INIT(&batch);
    TAILQ_CONCAT(&batch, &c->ended, links); /* what ends meanwhile has its own turn */
    while ((call = TAILQ_FIRST(&batch)) != NULL) {
        TAILQ_REMOVE(&batch, call, links);
        if (call->fn != NULL)
            deliver(call);
        call_put_back(call);
    }
}

static void on_activity(void *arg)
{
    struct http_client *c = arg;

    event_active(c->finish, EV_TIMEOUT, 0);
}

/* -------------------------------------------------------------------- client */

struct http_client *http_client_create(struct event_base *base, struct resolver *resolver)
{
    struct http_client *c = xcalloc(1, sizeof *c);

    curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup, xcalloc);
    c->resolver = resolver;
    TAILQ_INIT(&c->running);
    TAILQ_INIT(&c->ended);
    c->finish = event_new(base, -1, 0, on_finish, c);
    c->look = evtimer_new(base, on_look, c);
    c->loop = curl_loop_create(base, on_activity, c);
    curl_multi_setopt(curl_loop_multi(c->loop), CURLMOPT_MAXCONNECTS, 4L * HTTP_CONNECTIONS);
    return c;
}

static void free_calls(struct call_list *list)
{
    struct http_call *call;

    while ((call = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, call, links);
        call_free(call);
    }
}

void http_client_trim(struct http_client *c)
{
    spare_trim(&c->idle, call_free);
}

void http_client_free(struct http_client *c)
{
    struct http_call *call;

    if (c == NULL)
        return;
    for (size_t i = 0; i < c->host_count; i++) {
        if (c->hosts[i]->lookup != NULL)
            resolver_cancel(c->hosts[i]->lookup);
        free_calls(&c->hosts[i]->waiting);
    }
    while ((call = TAILQ_FIRST(&c->running)) != NULL)
        http_call_cancel(call);
    for (size_t i = 0; i < c->host_count; i++)
        free(c->hosts[i]);
    free_calls(&c->ended);
    curl_loop_free(c->loop);
    spare_free(&c->idle, call_free);
    event_free(c->finish);
    event_free(c->look);
    free(c);
}
