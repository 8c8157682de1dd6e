#include "secure.h"

#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK_BYTES 16384 /* plaintext of one record */

struct secure_context {
    SSL_CTX *ctx;
};

struct secure {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    char sealed[2 * CHUNK_BYTES];
    size_t sealed_at, sealed_end; /* what the socket had no room for */
    char trouble[160];
};

static const char *last_error(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason != NULL ? reason : "TLS failed";
}

static bool given(const char *file)
{
    return file != NULL && *file != '\0';
}

/* A key with a passphrase is refused: nobody is asked for one. */
static int no_passphrase(char *bytes, int size, int is_written, void *arg)
{
    (void)bytes, (void)size, (void)is_written, (void)arg;
    return 0;
}

static int show_certificate(SSL_CTX *ctx, const char *cert, const char *key, char *error,
                            size_t size)
{
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
        snprintf(error, size, "tls_cert = \"%s\": %s", cert, last_error());
        return -1;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
        snprintf(error, size, "tls_key = \"%s\": %s", key, last_error());
        return -1;
    }
    return 0;
}

struct secure_context *secure_context_create(const char *ca_file, const char *cert_file,
                                             const char *key_file, char *error, size_t size)
{
    struct secure_context *c = memory_calloc(1, sizeof *c);
    bool ours = given(ca_file);

    c->ctx = SSL_CTX_new(TLS_client_method());
    if (c->ctx == NULL || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1 ||
        (ours ? SSL_CTX_load_verify_locations(c->ctx, ca_file, NULL)
              : SSL_CTX_set_default_verify_paths(c->ctx)) != 1) {
        snprintf(error, size, "tls_ca = \"%s\": %s", ours ? ca_file : "", last_error());
        secure_context_free(c);
        return NULL;
    }
    if (given(cert_file) &&
        show_certificate(c->ctx, cert_file, given(key_file) ? key_file : cert_file, error, size) !=
            0) {
        secure_context_free(c);
        return NULL;
    }
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    return c;
}

void secure_context_free(struct secure_context *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ctx);
    free(c);
}

static bool is_numeric(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

struct secure *secure_start(struct secure_context *c, const char *host)
{
    struct secure *s = memory_calloc(1, sizeof *s);
    X509_VERIFY_PARAM *verify;
    int ok;

    s->ssl = SSL_new(c->ctx);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    if (s->ssl == NULL || s->in == NULL || s->out == NULL) {
        BIO_free(s->in);
        BIO_free(s->out);
        SSL_free(s->ssl);
        free(s);
        return NULL;
    }
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_connect_state(s->ssl);
    verify = SSL_get0_param(s->ssl);
    if (is_numeric(host)) {
        ok = X509_VERIFY_PARAM_set1_ip_asc(verify, host);
    } else {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = X509_VERIFY_PARAM_set1_host(verify, host, 0) == 1 &&
             SSL_set_tlsext_host_name(s->ssl, host) == 1;
    }
    if (!ok) {
        secure_free(s);
        return NULL;
    }
    return s;
}

void secure_free(struct secure *s)
{
    if (s == NULL)
        return;
    SSL_free(s->ssl);
    free(s);
}

/* ---------------------------------------------------------------- to the socket */

bool secure_unsent(const struct secure *s)
{
    return s->sealed_at < s->sealed_end || BIO_ctrl_pending(s->out) > 0;
}

int secure_flush(struct secure *s, int fd)
{
    for (;;) {
        ssize_t n;

        if (s->sealed_at == s->sealed_end) {
            int got = BIO_read(s->out, s->sealed, sizeof s->sealed);

            if (got <= 0)
                return 0;
            s->sealed_at = 0;
            s->sealed_end = (size_t)got;
        }
        n = send(fd, s->sealed + s->sealed_at, s->sealed_end - s->sealed_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        s->sealed_at += (size_t)n;
    }
}

/* ---------------------------------------------------------------- from the socket */

/* What the socket has, for OpenSSL. 1; 0 at the end; -1 with errno. */
static int feed(struct secure *s, int fd)
{
    char bytes[CHUNK_BYTES];
    ssize_t n;

    do
        n = recv(fd, bytes, sizeof bytes, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0 && BIO_write(s->in, bytes, (int)n) != n) {
        errno = ENOMEM;
        return -1;
    }
    return n > 0 ? 1 : (int)n;
}

/* The certificate says best what is wrong with it. */
static void note_trouble(struct secure *s)
{
    long verified = SSL_get_verify_result(s->ssl);
    const char *other = last_error();

    snprintf(s->trouble, sizeof s->trouble, "TLS: %s",
             verified != X509_V_OK ? X509_verify_cert_error_string(verified) : other);
}

const char *secure_trouble(const struct secure *s)
{
    return s->trouble[0] != '\0' ? s->trouble : "TLS failed";
}

enum secure_state secure_handshake(struct secure *s, int fd)
{
    for (;;) {
        int rc = SSL_do_handshake(s->ssl), why = SSL_get_error(s->ssl, rc), fed;

        if (rc != 1 && why != SSL_ERROR_WANT_READ)
            note_trouble(s);
        if (secure_flush(s, fd) != 0 && errno != EAGAIN) /* an alert, too */
            snprintf(s->trouble, sizeof s->trouble, "%s", strerror(errno));
        if (rc == 1)
            return SECURE_UP;
        if (s->trouble[0] != '\0')
            return SECURE_FAILED;
        fed = feed(s, fd);
        if (fed < 0 && errno == EAGAIN)
            return SECURE_WAITS;
        if (fed <= 0) {
            snprintf(s->trouble, sizeof s->trouble, "%s",
                     fed < 0 ? strerror(errno) : "closed by the peer during the TLS handshake");
            return SECURE_FAILED;
        }
    }
}

ssize_t secure_send(struct secure *s, int fd, const void *bytes, size_t n)
{
    size_t written = 0;

    if (secure_unsent(s) && secure_flush(s, fd) != 0)
        return -1;
    if (SSL_write_ex(s->ssl, bytes, n < CHUNK_BYTES ? n : CHUNK_BYTES, &written) != 1) {
        note_trouble(s);
        errno = EPROTO;
        return -1;
    }
    if (secure_flush(s, fd) != 0 && errno != EAGAIN)
        return -1;
    return (ssize_t)written;
}

bool secure_unread(const struct secure *s)
{
    return SSL_has_pending(s->ssl) || BIO_ctrl_pending(s->in) > 0;
}

ssize_t secure_recv(struct secure *s, int fd, void *bytes, size_t n)
{
    for (;;) {
        size_t got = 0;
        int rc = SSL_read_ex(s->ssl, bytes, n, &got), why, fed;

        why = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, rc);
        if (secure_flush(s, fd) != 0 && errno != EAGAIN) /* it may have answered */
            return -1;
        if (rc == 1)
            return (ssize_t)got;
        if (why == SSL_ERROR_ZERO_RETURN)
            return 0;
        if (why != SSL_ERROR_WANT_READ) {
            note_trouble(s);
            errno = EPROTO;
            return -1;
        }
        fed = feed(s, fd);
        if (fed <= 0)
            return fed;
    }
}
