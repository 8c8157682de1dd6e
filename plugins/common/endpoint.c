#include "endpoint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_this_machine(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);

        if (strncmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
            return true;
    }
    return false;
}

int endpoint_read(const char *url, const char *setting, char host[ENDPOINT_HOST_BYTES], char *error,
                  size_t size)
{
    bool tls = strncmp(url, "https://", 8) == 0;
    const char *at = tls ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : "";
    size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]");

    if (n == 0 || n >= ENDPOINT_HOST_BYTES || (at[n] != '\0' && strcmp(at + n, "/") != 0)) {
        snprintf(error, size, "%s: must be https:// and a host, without a path", setting);
        return -1;
    }
    memcpy(host, at, n);
    host[n] = '\0';
    if (tls || is_this_machine(host))
        return 0;
    snprintf(error, size, "%s: http is for this machine only, use https", setting);
    return -1;
}
