/*
 * request_check.h - what libmicrohttpd lets through and we do not
 *
 * RFC 9112 sections 3.2, 5.1, 6.1 and 6.3 say what a server must refuse so that it
 * and whatever stands before it agree on where a request ends: a message with both
 * Transfer-Encoding and Content-Length, two lengths, a length that is not digits
 * alone, a coding that is not chunked, a field name with white space, no or two
 * Hosts. Besides: bytes that are no URI, %00, an absolute URI, a body where there is
 * none to be (GET, HEAD, DELETE).
 */
#ifndef OUTREACH_REQUEST_CHECK_H
#define OUTREACH_REQUEST_CHECK_H

#include "gateway_plugin.h"

#include <stddef.h>

/* NULL if the request may be served, else what is wrong with it, a constant. */
const char *request_check(const char *method, const char *uri, const struct gateway_field *headers,
                          size_t count);

/* The value of a header, whatever its case, or NULL. */
const char *request_header(const struct gateway_field *headers, size_t count, const char *name);

#endif
