/*
 * curl_loop.h - libcurl's multi interface on a libevent loop
 *
 * Sockets and the one timer of a CURLM, nothing about requests: those are
 * http_client.h's.
 */
#ifndef OUTREACH_CURL_LOOP_H
#define OUTREACH_CURL_LOOP_H

#include <curl/curl.h>

struct curl_loop;
struct event_base;

/* fn runs after each time that libcurl was let work, outside of any callback of its own: some
 * transfers may have ended (curl_multi_info_read). base is borrowed. Aborts without memory. */
struct curl_loop *curl_loop_create(struct event_base *base, void (*fn)(void *arg), void *arg);

/* No transfer may be left in it. Closes the connections that were kept. */
void curl_loop_free(struct curl_loop *l);

/* For the calls of libcurl's that say something of transfers: add, remove, info_read, options. */
CURLM *curl_loop_multi(struct curl_loop *l);

/* Once for every handle, before it is first added: its sockets are closed by way of the loop. */
void curl_loop_adopt(struct curl_loop *l, CURL *easy);

#endif
