/*
 * cmpp.c - CMPP 2.0 and 3.0 as an SP: the plugin
 *
 * See instance.h for who does what.
 */
#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

CODES_TABLE(cmpp, "cmpp/codes.tsv");

static void free_own(struct cmpp *g)
{
    cmpp_settings_free(&g->settings);
    codes_free(g->codes);
    free(g->links);
    if (g->gb18030 != GB18030_NONE)
        iconv_close(g->gb18030);
    free(g);
}

static void destroy(struct trunk *t)
{
    free_own(cmpp_of(t));
}

static const struct trunk_command commands[] = {
    {CMPP_CONNECT, "CMPP_CONNECT"},         {CMPP_TERMINATE, "CMPP_TERMINATE"},
    {CMPP_SUBMIT, "CMPP_SUBMIT"},           {CMPP_DELIVER, "CMPP_DELIVER"},
    {CMPP_ACTIVE_TEST, "CMPP_ACTIVE_TEST"}, {0, NULL},
};

static const struct trunk_protocol protocol = {
    .name = "cmpp",
    .bound = "connected",
    .header_bytes = CMPP_HEADER_BYTES,
    .pdu_max = CMPP_PDU_MAX,
    .submit = CMPP_SUBMIT,
    .submit_max = CMPP_SUBMIT_MAX,
    .response = CMPP_RESPONSE,
    .commands = commands,
    .read = cmpp_header_read,
    .login = cmpp_login,
    .probe = cmpp_probe,
    .logout = cmpp_logout,
    .acknowledge = cmpp_acknowledge,
    .handle = cmpp_handle,
    .prepare = cmpp_prepare,
    .write = cmpp_write,
    .verdict = cmpp_verdict,
    .refused = cmpp_refused,
    .id = cmpp_accepted_id,
    .destroy = destroy,
};

static int plugin_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct cmpp *g = memory_calloc(1, sizeof *g);

    g->gb18030 = gb18030_open();
    if (g->gb18030 == GB18030_NONE) {
        snprintf(error, size, "the C library has no GB18030");
        goto fail;
    }
    if (cmpp_settings_read(&g->settings, host, gw, error, size) != 0)
        goto fail;
    g->codes = codes_parse(codes_table_cmpp, CODES_BYTES(cmpp), error, size);
    if (g->codes == NULL)
        goto fail;
    g->version = g->settings.version;
    g->links = memory_calloc(g->settings.trunk.connections, sizeof *g->links);
    g->trunk.host = host;
    g->trunk.gw = gw;
    g->trunk.protocol = &protocol;
    g->trunk.settings = g->settings.trunk;
    trunk_open(&g->trunk);
    *state = g;
    return 0;

fail:
    free_own(g);
    return -1;
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = "cmpp",
    .channel = "sms",
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_OPENS_QUIETLY,
    .settings = cmpp_settings_table,
    .open = plugin_open,
    .submit = trunk_submit,
    .drain = trunk_drain,
    .close = trunk_close,
};
