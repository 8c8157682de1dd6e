/*
 * settings.h - the settings of an SMPP gateway
 */
#ifndef SMPP_SETTINGS_H
#define SMPP_SETTINGS_H

#include "gateway_plugin.h"
#include "ids.h"
#include "pdu.h"
#include "receipt.h"
#include "status.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

enum smpp_validity { SMPP_VALIDITY_RELATIVE, SMPP_VALIDITY_ABSOLUTE, SMPP_VALIDITY_NONE };

struct smpp_settings {
    const char *host, *source, *service_type;
    uint16_t port;
    unsigned connections, window; /* window: outstanding submit_sm of one connection */
    struct smpp_bind bind;
    int source_ton, source_npi; /* -1: by the form of the source */
    struct smpp_ton_npi destination;
    enum smpp_charset charset;
    enum smpp_long_text long_text;
    enum smpp_id_base id_base;
    enum smpp_validity validity;
    uint8_t registered_delivery;
    int64_t connect_timeout_ms, bind_timeout_ms, response_timeout_ms, enquire_link_ms;
    int64_t reconnect_min_ms, reconnect_max_ms;
    int receipt_utc_offset_min;
    struct smpp_override *overrides;
    size_t override_count;
    struct smpp_reason *reasons;
    size_t reason_count;
};

extern const struct gateway_setting smpp_settings_table[];

/* Reads them. Returns 0, or -1 with a sentence in error and nothing kept. */
int smpp_settings_read(struct smpp_settings *s, const struct gateway_host *host, struct gateway *gw,
                       char *error, size_t size);
void smpp_settings_free(struct smpp_settings *s);

/* TON and NPI of a source address, by the settings or by its form: "+86…" is an
 * international number, digits alone are left to the SMSC, all else is a name. */
struct smpp_ton_npi smpp_settings_source_type(const struct smpp_settings *s, const char *source);

#endif
