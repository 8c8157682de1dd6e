#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (3600 * 1000)

static const struct gateway_setting result_fields[] = {
    {"code", GATEWAY_INT, true, 1, INT32_MAX, NULL, NULL, "Result of a submit, as in 101."},
    {"outcome", GATEWAY_STRING, true, 1, 16, NULL, NULL,
     "accepted, throttled, retry, rejected, broken or unknown."},
    {0},
};

static const struct gateway_setting report_fields[] = {
    {"code", GATEWAY_STRING, true, 1, 7, NULL, NULL, "Stat of a report, as in MK:0012."},
    {"reason", GATEWAY_STRING, true, 1, 16, NULL, NULL,
     "number, text, blacklisted, absent, barred, expired, outage, balance, limit or other."},
    {0},
};

const struct gateway_setting cmpp_settings_table[] = {
    {"host", GATEWAY_STRING, true, 1, 255, NULL, NULL, "Name or address of the gateway (ISMG)."},
    {"port", GATEWAY_INT, false, 1, 65535, "7890", NULL, "Its TCP port."},
    {"sp_id", GATEWAY_STRING, true, 1, 6, NULL, NULL, "The account (SP_Id): six digits."},
    {"secret", GATEWAY_SECRET, true, 1, 200, NULL, NULL, "Its shared secret."},
    {"version", GATEWAY_STRING, false, 0, 8, "auto", NULL,
     "2.0, 3.0, or auto: 3.0 is asked for, and what they speak is spoken."},
    {"connections", GATEWAY_INT, false, 1, 64, "1", NULL,
     "Held at once; the contract must allow more than one."},
    {"window", GATEWAY_INT, false, 1, 65535, "16", NULL,
     "Submits without a response, of each connection."},
    {"source", GATEWAY_STRING, true, 1, 21, NULL, NULL,
     "The sender (Src_Id): the service code and an extension."},
    {"service_id", GATEWAY_STRING, false, 0, 10, "", NULL, "Service_Id, from the contract."},
    {"fee_user_type", GATEWAY_INT, false, 0, 3, "2", NULL,
     "Who pays: 0 the recipient, 1 the source, 2 the SP, 3 fee_number."},
    {"fee_number", GATEWAY_STRING, false, 0, 21, "", NULL, "Fee_terminal_Id, with 3."},
    {"fee_type", GATEWAY_STRING, false, 2, 2, "01", NULL, "01 free, 02 each, 03 monthly."},
    {"fee_code", GATEWAY_STRING, false, 1, 6, "000000", NULL, "FeeCode, in cents."},
    {"msg_level", GATEWAY_INT, false, 0, 9, "0", NULL, "Msg_level, 0 to 9."},
    {"country_code", GATEWAY_STRING, false, 0, 4, "86", NULL,
     "Left out of numbers, others are refused; empty: numbers go whole."},
    {"ascii", GATEWAY_BOOL, false, 0, 0, "false", NULL,
     "Send a text of ASCII in one part, up to 159 characters, as such; else all is UCS-2."},
    {"validity", GATEWAY_STRING, false, 0, 16, "absolute", NULL,
     "How they are told when a notice expires: absolute, relative or none."},
    {"utc_offset_min", GATEWAY_INT, false, -720, 840, "480", NULL,
     "Minutes that the gateway's clock is ahead of UTC."},
    {"strict_server_auth", GATEWAY_BOOL, false, 0, 0, "false", NULL,
     "Leave a gateway whose AuthenticatorISMG is wrong; else that is a warning."},
    {"connect_timeout", GATEWAY_DURATION, false, 100, HOUR_MS, "10s", NULL, "To connect."},
    {"login_timeout", GATEWAY_DURATION, false, 100, HOUR_MS, "10s", NULL,
     "For the response to CONNECT."},
    {"response_timeout", GATEWAY_DURATION, false, 100, HOUR_MS, "60s", NULL,
     "After which a submit without response is in doubt."},
    {"active_test", GATEWAY_DURATION, false, 1000, HOUR_MS, "30s", NULL,
     "Silence after which ACTIVE_TEST is sent ..."},
    {"active_test_wait", GATEWAY_DURATION, false, 100, HOUR_MS, "10s", NULL,
     "... and sent again; after three unanswered the connection is closed."},
    {"reconnect_min", GATEWAY_DURATION, false, 10, HOUR_MS, "1s", NULL, "First pause."},
    {"reconnect_max", GATEWAY_DURATION, false, 10, 24 * HOUR_MS, "60s", NULL, "Longest pause."},
    {"results", GATEWAY_GROUPS, false, 0, 200, NULL, result_fields,
     "What results of a submit mean at this gateway, where the table is wrong."},
    {"report_reasons", GATEWAY_GROUPS, false, 0, 1000, NULL, report_fields,
     "What codes in reports mean at this gateway."},
    {0},
};

/* ------------------------------------------------------------------ reading */
static int refuse(const struct trunk_source *from, const char *name, const char *words)
{
    snprintf(from->error, from->size, "%s = \"%s\" is not %s", name, trunk_string(from, name),
             words);
    return -1;
}

static const struct trunk_word versions[] = {
    {"auto", 0}, {"2.0", CMPP_V20}, {"3.0", CMPP_V30}, {NULL, 0}};
static void read_plain(struct cmpp_settings *s, const struct trunk_source *from)
{
    s->trunk = (struct trunk_settings){
        .host = trunk_string(from, "host"),
        .port = (uint16_t)trunk_integer(from, "port"),
        .connections = (unsigned)trunk_integer(from, "connections"),
        .window = (unsigned)trunk_integer(from, "window"),
        .connect_timeout_ms = trunk_integer(from, "connect_timeout"),
        .login_timeout_ms = trunk_integer(from, "login_timeout"),
        .response_timeout_ms = trunk_integer(from, "response_timeout"),
        .probe_ms = trunk_integer(from, "active_test"),
        .probe_wait_ms = trunk_integer(from, "active_test_wait"),
        .probes_max = 3,
        .reconnect_min_ms = trunk_integer(from, "reconnect_min"),
        .reconnect_max_ms = trunk_integer(from, "reconnect_max"),
    };
    s->sp_id = trunk_string(from, "sp_id");
    s->secret = trunk_string(from, "secret");
    s->service_id = trunk_string(from, "service_id");
    s->source = trunk_string(from, "source");
    s->fee_type = trunk_string(from, "fee_type");
    s->fee_code = trunk_string(from, "fee_code");
    s->fee_number = trunk_string(from, "fee_number");
    s->fee_user_type = (uint8_t)trunk_integer(from, "fee_user_type");
    s->level = (uint8_t)trunk_integer(from, "msg_level");
    s->country_code = trunk_string(from, "country_code");
    s->ascii = trunk_integer(from, "ascii") != 0;
    s->strict_server_auth = trunk_integer(from, "strict_server_auth") != 0;
    s->utc_offset_min = trunk_integer(from, "utc_offset_min");
}

static bool is_digits(const char *s)
{
    return s[strspn(s, "0123456789")] == '\0';
}

static int check(struct cmpp_settings *s, const struct trunk_source *from)
{
    const char *source = s->source + (*s->source == '+');
    int version, validity;

    /* Those who pad a shorter one do it in different ways, and hash what they padded. */
    if (strlen(s->sp_id) != 6)
        return refuse(from, "sp_id", "of six characters, as CMPP wants it");
    if (strlen(s->secret) > 200 || *s->secret == '\0') {
        snprintf(from->error, from->size, "secret is empty, or longer than 200 characters");
        return -1;
    }
    if (!is_digits(source) || *source == '\0')
        return refuse(from, "source", "a number");
    if (!is_digits(s->fee_code))
        return refuse(from, "fee_code", "a number");
    if (!is_digits(s->country_code))
        return refuse(from, "country_code", "a number");
    if (s->fee_user_type == 3 && *s->fee_number == '\0')
        return refuse(from, "fee_number", "the number that pays, as fee_user_type = 3 wants it");
    if (trunk_choice(from, "version", versions, &version) != 0 ||
        trunk_choice(from, "validity", trunk_validities, &validity) != 0)
        return -1;
    s->any_version = version == 0;
    s->version = s->any_version ? CMPP_V30 : (enum cmpp_version)version;
    s->validity = (enum validity)validity;
    return 0;
}

int cmpp_settings_read(struct cmpp_settings *s, const struct gateway_host *host, struct gateway *gw,
                       char *error, size_t size)
{
    struct trunk_source from = {host, gw, error, size};

    memset(s, 0, sizeof *s);
    read_plain(s, &from);
    if (check(s, &from) != 0 ||
        (s->results = trunk_outcomes(&from, "results", &s->result_count)) == NULL ||
        (s->reasons = trunk_reasons(&from, "report_reasons", &s->reason_count)) == NULL) {
        cmpp_settings_free(s);
        return -1;
    }
    return 0;
}

void cmpp_settings_free(struct cmpp_settings *s)
{
    free(s->results);
    free(s->reasons);
    s->results = NULL;
    s->reasons = NULL;
}
