#include "settings.h"

#include "secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS (60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)

static const struct gateway_setting status_fields[] = {
    {"code", GATEWAY_INT, true, 1, INT32_MAX, NULL, NULL, "command_status, as in 0x45."},
    {"outcome", GATEWAY_STRING, true, 1, 16, NULL, NULL,
     "accepted, throttled, retry, rejected, broken or unknown."},
    {0},
};

static const struct gateway_setting receipt_fields[] = {
    {"code", GATEWAY_STRING, true, 1, 20, NULL, NULL, "The err or stat value of a receipt."},
    {"reason", GATEWAY_STRING, true, 1, 16, NULL, NULL,
     "number, text, blacklisted, absent, barred, expired, outage, balance, limit or other."},
    {0},
};

const struct gateway_setting smpp_settings_table[] = {
    {"host", GATEWAY_STRING, true, 1, 255, NULL, NULL, "Name or address of the SMSC."},
    {"port", GATEWAY_INT, false, 1, 65535, "2775", NULL, "Its TCP port."},
    {"tls", GATEWAY_BOOL, false, 0, 0, "false", NULL,
     "By TLS; the certificate must be of an authority of the system's, or of tls_ca, and for "
     "host."},
    {"system_id", GATEWAY_STRING, true, 1, 15, NULL, NULL, "The account."},
    {"password", GATEWAY_SECRET, false, 0, 0, NULL, NULL,
     "Its password, at most 8 characters in SMPP 3.4."},
    {"system_type", GATEWAY_STRING, false, 0, 12, "", NULL, "As the operator says; mostly empty."},
    {"address_range", GATEWAY_STRING, false, 0, 40, "", NULL,
     "Which addresses this account receives for; mostly empty."},
    {"address_ton", GATEWAY_INT, false, 0, 255, "0", NULL, "Type of number of address_range."},
    {"address_npi", GATEWAY_INT, false, 0, 255, "0", NULL, "Numbering plan of address_range."},
    {"connections", GATEWAY_INT, false, 1, 64, "1", NULL,
     "Binds held at once; the operator must allow more than one."},
    {"source", GATEWAY_STRING, false, 0, 20, "", NULL, "The sender: a number, a code or a name."},
    {"source_ton", GATEWAY_INT, false, -1, 255, "-1", NULL,
     "Type of number of the sender; -1: by its form."},
    {"source_npi", GATEWAY_INT, false, -1, 255, "-1", NULL,
     "Numbering plan of the sender; -1: by its form."},
    {"destination_ton", GATEWAY_INT, false, 0, 255, "1", NULL, "Type of number of recipients."},
    {"destination_npi", GATEWAY_INT, false, 0, 255, "1", NULL, "Numbering plan of recipients."},
    {"service_type", GATEWAY_STRING, false, 0, 5, "", NULL, "As the operator says; mostly empty."},
    {"default_charset", GATEWAY_STRING, false, 0, 16, "gsm", NULL,
     "What data_coding 0 means there: gsm, latin1 or ascii."},
    {"long_text", GATEWAY_STRING, false, 0, 16, "udh8", NULL,
     "How a text of several parts goes: udh8, udh16, sar or payload."},
    {"message_id_base", GATEWAY_STRING, false, 0, 20, "as_is", NULL,
     "as_is, resp_hex_dlr_dec or resp_dec_dlr_hex: for SMSCs that write ids in two bases."},
    {"registered_delivery", GATEWAY_BOOL, false, 0, 0, "true", NULL, "Ask for receipts."},
    {"validity", GATEWAY_STRING, false, 0, 16, "relative", NULL,
     "How the operator is told when a notice expires: relative, absolute or none."},
    {"receipt_utc_offset_min", GATEWAY_INT, false, -720, 840, "0", NULL,
     "Minutes that the dates in receipts are ahead of UTC."},
    {"connect_timeout", GATEWAY_DURATION, false, 100, HOUR_MS, "10s", NULL, "To connect."},
    {"bind_timeout", GATEWAY_DURATION, false, 100, HOUR_MS, "10s", NULL, "For the bind response."},
    {"response_timeout", GATEWAY_DURATION, false, 100, HOUR_MS, "60s", NULL,
     "After which a submit without response is in doubt."},
    {"enquire_link", GATEWAY_DURATION, false, 1000, HOUR_MS, "30s", NULL,
     "Silence after which the link is probed; after two probes unanswered it is closed."},
    {"reconnect_min", GATEWAY_DURATION, false, 10, HOUR_MS, "1s", NULL, "First pause."},
    {"reconnect_max", GATEWAY_DURATION, false, 10, 24 * HOUR_MS, "60s", NULL, "Longest pause."},
    {"statuses", GATEWAY_GROUPS, false, 0, 100, NULL, status_fields,
     "What status codes mean at this operator, where the standard table is wrong."},
    {"receipt_reasons", GATEWAY_GROUPS, false, 0, 1000, NULL, receipt_fields,
     "What codes in receipts mean at this operator."},
    {0},
};

/* ------------------------------------------------------------------ reading */
static const struct trunk_word charsets[] = {{"gsm", SMS_CHARSET_GSM},
                                             {"latin1", SMS_CHARSET_LATIN1},
                                             {"ascii", SMS_CHARSET_ASCII},
                                             {NULL, 0}};
static const struct trunk_word long_texts[] = {{"udh8", SMS_LONG_UDH8},
                                               {"udh16", SMS_LONG_UDH16},
                                               {"sar", SMS_LONG_SAR},
                                               {"payload", SMS_LONG_PAYLOAD},
                                               {NULL, 0}};
static const struct trunk_word id_bases[] = {{"as_is", SMPP_ID_AS_IS},
                                             {"resp_hex_dlr_dec", SMPP_ID_RESP_HEX_DLR_DEC},
                                             {"resp_dec_dlr_hex", SMPP_ID_RESP_DEC_DLR_HEX},
                                             {NULL, 0}};
static int choices(struct smpp_settings *s, const struct trunk_source *from)
{
    int charset, long_text, base, validity;

    if (trunk_choice(from, "default_charset", charsets, &charset) != 0 ||
        trunk_choice(from, "long_text", long_texts, &long_text) != 0 ||
        trunk_choice(from, "message_id_base", id_bases, &base) != 0 ||
        trunk_choice(from, "validity", trunk_validities, &validity) != 0)
        return -1;
    s->charset = (enum sms_charset)charset;
    s->long_text = (enum sms_long)long_text;
    s->id_base = (enum smpp_id_base)base;
    s->validity = (enum validity)validity;
    return 0;
}

static void read_plain(struct smpp_settings *s, const struct trunk_source *from)
{
    int64_t window = trunk_integer(from, "window");

    s->trunk = (struct trunk_settings){
        .host = trunk_string(from, "host"),
        .port = (uint16_t)trunk_integer(from, "port"),
        .connections = (unsigned)trunk_integer(from, "connections"),
        .window = window < 1       ? 10
                  : window > 65536 ? 65536
                                   : (unsigned)window,
        .connect_timeout_ms = trunk_integer(from, "connect_timeout"),
        .login_timeout_ms = trunk_integer(from, "bind_timeout"),
        .response_timeout_ms = trunk_integer(from, "response_timeout"),
        .probe_ms = trunk_integer(from, "enquire_link"),
        .probe_wait_ms = trunk_integer(from, "enquire_link"),
        .probes_max = 2,
        .reconnect_min_ms = trunk_integer(from, "reconnect_min"),
        .reconnect_max_ms = trunk_integer(from, "reconnect_max"),
    };
    s->source = trunk_string(from, "source");
    s->service_type = trunk_string(from, "service_type");
    s->bind = (struct smpp_bind){.system_id = trunk_string(from, "system_id"),
                                 .password = trunk_string(from, "password"),
                                 .system_type = trunk_string(from, "system_type"),
                                 .address_range = trunk_string(from, "address_range"),
                                 .address_ton = (uint8_t)trunk_integer(from, "address_ton"),
                                 .address_npi = (uint8_t)trunk_integer(from, "address_npi")};
    s->source_ton = trunk_integer(from, "source_ton");
    s->source_npi = trunk_integer(from, "source_npi");
    s->destination = (struct smpp_ton_npi){(uint8_t)trunk_integer(from, "destination_ton"),
                                           (uint8_t)trunk_integer(from, "destination_npi")};
    s->registered_delivery = trunk_integer(from, "registered_delivery") != 0;
    s->receipt_utc_offset_min = trunk_integer(from, "receipt_utc_offset_min");
}

static int check_lengths(const struct smpp_settings *s, const struct trunk_source *from)
{
    const char *source = s->source[0] == '+' ? s->source + 1 : s->source;

    if (strlen(s->bind.password) > 8) {
        snprintf(from->error, from->size,
                 "password: %zu characters, but SMPP 3.4 carries at most 8; ask the operator for a "
                 "shorter one",
                 strlen(s->bind.password));
        return -1;
    }
    if (strlen(s->bind.system_id) > 15 || strlen(s->bind.system_type) > 12 ||
        strlen(s->bind.address_range) > 40 || strlen(s->service_type) > 5 || strlen(source) > 20) {
        snprintf(from->error, from->size,
                 "system_id (15), system_type (12), address_range (40), service_type (5) or source "
                 "(20 characters) is too long for SMPP 3.4");
        return -1;
    }
    if (smpp_settings_source_type(s, s->source).ton == 5 && strlen(source) > 11) {
        snprintf(from->error, from->size,
                 "source = \"%s\": a sender's name has at most 11 characters", s->source);
        return -1;
    }
    return 0;
}

int smpp_settings_read(struct smpp_settings *s, const struct gateway_host *host, struct gateway *gw,
                       char *error, size_t size)
{
    struct trunk_source from = {host, gw, error, size};

    memset(s, 0, sizeof *s);
    read_plain(s, &from);
    if (choices(s, &from) != 0 || check_lengths(s, &from) != 0 ||
        (s->overrides = trunk_outcomes(&from, "statuses", &s->override_count)) == NULL ||
        (s->reasons = trunk_reasons(&from, "receipt_reasons", &s->reason_count)) == NULL) {
        smpp_settings_free(s);
        return -1;
    }
    if (!trunk_integer(&from, "tls"))
        return 0;
    s->trunk.tls =
        secure_context_create(trunk_string(&from, "tls_ca"), trunk_string(&from, "tls_cert"),
                              trunk_string(&from, "tls_key"), error, size);
    if (s->trunk.tls == NULL)
        smpp_settings_free(s);
    return s->trunk.tls != NULL ? 0 : -1;
}

void smpp_settings_free(struct smpp_settings *s)
{
    secure_context_free(s->trunk.tls);
    s->trunk.tls = NULL;
    free(s->overrides);
    free(s->reasons);
    s->overrides = NULL;
    s->reasons = NULL;
}

struct smpp_ton_npi smpp_settings_source_type(const struct smpp_settings *s, const char *source)
{
    struct smpp_ton_npi type;

    if (*source == '\0')
        type = (struct smpp_ton_npi){0, 0};
    else if (*source == '+')
        type = (struct smpp_ton_npi){1, 1};
    else if (strspn(source, "0123456789") == strlen(source))
        type = (struct smpp_ton_npi){0, 1};
    else
        type = (struct smpp_ton_npi){5, 0};
    if (s->source_ton >= 0)
        type.ton = (uint8_t)s->source_ton;
    if (s->source_npi >= 0)
        type.npi = (uint8_t)s->source_npi;
    return type;
}
