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
#include "sms.h"
#include "trunk.h"
#include "trunk_settings.h"
#include "validity.h"

#include <stdbool.h>
#include <stdint.h>

struct smpp_settings {
    struct trunk_settings trunk;
    const char *source, *service_type;
    struct smpp_bind bind;
    int source_ton, source_npi; /* -1: by the form of the source */
    struct smpp_ton_npi destination;
    enum sms_charset charset;
    enum sms_long long_text;
    enum smpp_id_base id_base;
    enum validity validity;
    uint8_t registered_delivery;
    int receipt_utc_offset_min;
    struct trunk_outcome *overrides;
    size_t override_count;
    struct trunk_reason *reasons;
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
