/*
 * watchful.h - a gateway_host that watches a plugin's every step
 *
 * It gives a plugin all that gateway_plugin.h promises, on a loop of its own, plays the
 * HTTP peer as a situation says, and writes down every promise that the plugin breaks
 * (vice()). Its clocks can be hurried: a timer of ten minutes takes seconds. It knows one
 * plugin in one process; situations run in processes of their own (plugin_check.c).
 */
#ifndef WATCHFUL_H
#define WATCHFUL_H

#include "gateway_plugin.h"

#include <sys/queue.h>

struct row {
    char *name, *value;
};

struct rows {
    struct row *rows;
    size_t count;
};

/* How the peer answers HTTP requests. */
struct http_play {
    const char *name;
    enum gateway_http_result result;
    int status;
    bool tls_trouble;
    int64_t retry_after_ms;
    const char *body;
    size_t length, repeat; /* body so many times, as long as it fits into 1 MiB */
};

enum store { STORE_NOW, STORE_LATER, STORE_REFUSED, STORE_NEVER };

struct token {
    uint64_t token;
    unsigned answers;
    enum gateway_outcome outcome;
    char number[24];   /* of the recipient, its last digits: what no log may have */
    bool in_doubt;     /* a request with it was sent, and its fate is unknown */
    unsigned requests; /* that had it */
};

struct pushed {
    struct pushed *older; /* a second answer may come late: kept to the end */
    struct gateway *gw;
    unsigned answers;
    int status;
    unsigned handed_up, stored, refused; /* receipts and replies since then */
};

struct gateway { /* an instance, as the plugin's host knows it */
    void *state;
    bool open, closed, drained;
    int files, events; /* of the process before open() */
    unsigned capacity;
    char why[160];
    struct token *tokens;
    size_t count, room, owed;
    void (*on_done)(struct gateway *gw); /* within done() */
    struct pushed *push;                 /* the one in hand, or NULL */
    LIST_HEAD(, gateway_timer) timers;
    LIST_HEAD(, fetch) fetches;
    LIST_HEAD(, promise) promises;
    LIST_HEAD(, asked) asked;
};

extern const struct gateway_host watchful_host;
extern const struct gateway_plugin *the_plugin;
extern struct rows the_rows;             /* settings */
extern const struct http_play *the_play; /* NULL: 200 with an empty body */
extern enum store the_store;
extern bool is_idle;   /* timers come to nothing, as of who is opened only to be looked at */
extern bool uses_loop; /* it has sockets of its own: these take real time */

/* A broken promise, once a kind; `kind` is one word. */
void vice(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern void (*on_vice)(const char *sentence);

/* Opens an instance: 0, or -1 with the plugin's sentence in error (512 bytes). */
int watch_open(struct gateway *gw, char *error);
void watch_submit(struct gateway *gw, const struct gateway_message *const *messages, size_t n);
void watch_close(struct gateway *gw); /* and looks at what was left behind */
void watch_push(struct gateway *gw, const struct gateway_push *push, struct pushed *pushed);

/* Lets time pass: turns the loop and hurries the clocks by step_ms. */
void watch_turn(int64_t step_ms);
/* Until all is answered, for at most so long on the hurried clock. */
void watch_settle(struct gateway *gw, int64_t ms);
/* Until it has room for a message; false when that does not come within ready_wait_ms of real
 * time: a peer may be slow. */
extern int64_t ready_wait_ms;
bool watch_ready(struct gateway *gw);

int64_t watch_mono_ms(void);
int64_t watch_boot_ms(void);
int64_t watch_wall_ms(void);
extern int64_t wall_jump_ms;

/* A setting of the table by its path, or NULL. */
const struct gateway_setting *setting_find(const struct gateway_setting *table, const char *path);
int open_files(void);

#endif
