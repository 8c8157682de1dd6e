/*
 * push.h - what WeChat pushes: what became of messages, and what people write
 *
 * The query is signed (SHA-1 over token, timestamp and nonce, sorted as bytes): that tells who
 * pushes, and not what: the body is covered by TLS alone. Messages in "safe mode" (encrypted) are
 * refused and named in the log. Answered "success" once all of it is stored.
 */
#ifndef WECHAT_PUSH_H
#define WECHAT_PUSH_H

#include "digest.h"
#include "gateway_plugin.h"
#include "judge.h"

#include <sys/queue.h>

#define WECHAT_CLOCK_MS 600000 /* a signature is good for so long, before and after */

/* out: 41 bytes, lower-case hexadecimal. */
void wechat_sign(const char *token, const char *timestamp, const char *nonce, char *out);

struct wechat_pushes {
    const struct gateway_host *host;
    struct gateway *gw;
    struct judge *judge;
    const char *token;
    LIST_HEAD(, wechat_push) waiting;
};

void wechat_push_take(struct wechat_pushes *p, const struct gateway_push *push,
                      gateway_push_answer_fn *answer, void *arg);
void wechat_push_close(struct wechat_pushes *p);

#endif
