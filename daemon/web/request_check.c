#include "request_check.h"

#include <string.h>
#include <strings.h>

const char *request_header(const struct gateway_field *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

static size_t occurrences(const struct gateway_field *headers, size_t count, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += strcasecmp(headers[i].name, name) == 0;
    return n;
}

static const char *check_uri(const char *uri)
{
    if (*uri != '/')
        return "the request's target is no path";
    for (const char *p = uri; *p != '\0'; p++) {
        if (*p <= ' ' || *p >= 127 || *p == '\\')
            return "the request's target has a byte that belongs in no URI";
        if (p[0] == '%' && p[1] == '0' && p[2] == '0')
            return "the request's target has a zero byte";
    }
    return NULL;
}

/* RFC 9110 section 5.6.2: tchar */
static const char *check_header(const struct gateway_field *h)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t n = strspn(h->name, token);

    if (n == 0 || h->name[n] != '\0')
        return "a header's name is none";
    for (size_t i = 0; i < h->length; i++)
        if (((unsigned char)h->value[i] < ' ' && h->value[i] != '\t') || h->value[i] == 127)
            return "a header has a control byte";
    return NULL;
}

const char *request_check(const char *method, const char *uri, const struct gateway_field *headers,
                          size_t count)
{
    const char *length = request_header(headers, count, "Content-Length");
    const char *coding = request_header(headers, count, "Transfer-Encoding");
    const char *trouble = check_uri(uri);

    for (size_t i = 0; trouble == NULL && i < count; i++)
        trouble = check_header(&headers[i]);
    if (trouble != NULL)
        return trouble;
    if (occurrences(headers, count, "Host") != 1)
        return "one Host is needed";
    if (occurrences(headers, count, "Content-Length") > 1 ||
        occurrences(headers, count, "Transfer-Encoding") > 1 || (length != NULL && coding != NULL))
        return "the body has two lengths";
    if (coding != NULL && strcasecmp(coding, "chunked") != 0)
        return "a body is sent chunked or with its length";
    if (length != NULL &&
        (*length == '\0' || strlen(length) > 18 || strspn(length, "0123456789") != strlen(length)))
        return "Content-Length is no number";
    if ((coding != NULL || (length != NULL && strspn(length, "0") != strlen(length))) &&
        strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0)
        return "a body belongs to POST";
    return NULL;
}
