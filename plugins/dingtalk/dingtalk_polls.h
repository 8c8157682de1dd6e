/*
 * dingtalk_polls.h - what became of work notifications
 *
 * DingTalk pushes nothing: a task is asked for at growing intervals, one request at a time, until
 * everybody in it is told of, for a day at most: then DingTalk forgets it. What is waited for is
 * in memory: of tasks of an earlier life the host tells, a person at a time.
 */
#ifndef DINGTALK_POLLS_H
#define DINGTALK_POLLS_H

#include "dingtalk.h"

#define POLLS_MAX 20000 /* tasks; of more than these no receipts are asked for */

struct polls *polls_open(struct dingtalk *d);
void polls_close(struct polls *p); /* NULL is fine */

/* users: NUL-terminated, 1..DINGTALK_USERS_MAX of them; all is copied. */
void polls_add(struct polls *p, const char *task, const char *const *users, size_t n);

/* A person's part in a task, by its id (see dingtalk_id()), that an earlier life has sent. What is
 * asked for already, or older than a day, is left alone. */
void polls_resume(struct polls *p, const struct gateway_id *id, const char *user,
                  int64_t submitted_ms);

#endif
