/*
 * http_host.h - the http plugin's settings and host for its fuzzers
 */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "plugin_host.h"

extern const struct gateway_plugin gateway_plugin;

/* A gateway with these settings, whose lists are emptied by host_forget(). */
UNUSED static struct gateway *http_host(const struct setting_row *rows)
{
    struct gateway *gw = calloc(1, sizeof *gw);

    gw->plugin = &gateway_plugin;
    gw->rows = rows;
    gw->now_ms = host_start_ms;
    the_host = gw;
    return gw;
}

UNUSED static void host_forget(struct gateway *gw)
{
    for (size_t i = 0; i < gw->request_count; i++) {
        free(gw->requests[i].method);
        free(gw->requests[i].url);
        free(gw->requests[i].headers);
        free(gw->requests[i].body);
    }
    gw->answer_count = gw->receipt_count = gw->reply_count = gw->request_count = 0;
    gw->stored_count = gw->log_length = 0;
}

#endif
