/* A plugin whose table of settings contradicts itself. */
#include "gateway_plugin.h"

static const struct gateway_setting settings[] = {
    {"port", GATEWAY_INT, false, 1, 10, "99", NULL, "the default is out of range"},
    {0},
};

static int bad_open(const struct gateway_host *host, struct gateway *gw, void **state, char *error,
                    size_t size)
{
    (void)host;
    (void)gw;
    (void)state;
    (void)error;
    (void)size;
    return 0;
}

static void bad_submit(void *state, const struct gateway_message *const *messages, size_t n)
{
    (void)state;
    (void)messages;
    (void)n;
}

static void bad_close(void *state)
{
    (void)state;
}

const struct gateway_plugin gateway_plugin = {.abi = GATEWAY_ABI,
                                              .size = sizeof gateway_plugin,
                                              .name = "bad_table",
                                              .channel = "sms",
                                              .settings = settings,
                                              .open = bad_open,
                                              .submit = bad_submit,
                                              .close = bad_close};
