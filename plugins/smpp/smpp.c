/*
 * smpp.c - SMPP 3.4 as a transceiver: the plugin
 *
 * See instance.h for who does what.
 */
#include "instance.h"

#include <stdlib.h>

#include "memory.h"

static void destroy(struct trunk *t)
{
    codes_free(smpp_of(t)->codes);
    smpp_settings_free(&smpp_of(t)->settings);
    free(t);
}

static const struct trunk_command commands[] = {
    {SMPP_GENERIC_NACK, "generic_nack"},
    {SMPP_SUBMIT_SM, "submit_sm"},
    {SMPP_DELIVER_SM, "deliver_sm"},
    {SMPP_UNBIND, "unbind"},
    {SMPP_BIND_TRANSCEIVER, "bind_transceiver"},
    {SMPP_ENQUIRE_LINK, "enquire_link"},
    {SMPP_ALERT_NOTIFICATION, "alert_notification"},
    {SMPP_DATA_SM, "data_sm"},
    {0, NULL},
};

static const struct trunk_protocol protocol = {
    .name = "smpp",
    .bound = "bound as transceiver",
    .header_bytes = SMPP_HEADER_BYTES,
    .pdu_max = SMPP_PDU_MAX,
    .submit = SMPP_SUBMIT_SM,
    .submit_max = SMPP_SUBMIT_MAX,
    .response = SMPP_RESPONSE,
    .commands = commands,
    .read = smpp_header_read,
    .login = smpp_login,
    .probe = smpp_probe,
    .logout = smpp_logout,
    .acknowledge = smpp_acknowledge,
    .handle = smpp_handle,
    .prepare = smpp_prepare,
    .write = smpp_write,
    .verdict = smpp_verdict,
    .refused = smpp_refused,
    .id = smpp_accepted_id,
    .destroy = destroy,
};

CODES_TABLE(smpp, "smpp/codes.tsv");

static int plugin_open(const struct gateway_host *host, struct gateway *gw, void **state,
                       char *error, size_t size)
{
    struct smpp *g = memory_calloc(1, sizeof *g);
    const char *source;

    g->codes = codes_parse(codes_table_smpp, CODES_BYTES(smpp), error, size);
    if (g->codes == NULL || smpp_settings_read(&g->settings, host, gw, error, size) != 0) {
        codes_free(g->codes);
        free(g);
        return -1;
    }
    g->trunk.host = host;
    g->trunk.gw = gw;
    g->trunk.protocol = &protocol;
    g->trunk.settings = g->settings.trunk;
    source = g->settings.source;
    smpp_sender_make(&g->sender, g->settings.service_type, source + (*source == '+'),
                     smpp_settings_source_type(&g->settings, source), g->settings.destination);
    g->validity.expires_s = g->validity.wall_s = -1;
    trunk_open(&g->trunk);
    *state = g;
    return 0;
}

const struct gateway_plugin gateway_plugin = {
    .abi = GATEWAY_ABI,
    .size = sizeof(struct gateway_plugin),
    .name = "smpp",
    .channel = "sms",
    .capabilities = GATEWAY_SEGMENTS | GATEWAY_SENDS_RECEIPTS | GATEWAY_OPENS_QUIETLY,
    .settings = smpp_settings_table,
    .open = plugin_open,
    .submit = trunk_submit,
    .drain = trunk_drain,
    .close = trunk_close,
};
