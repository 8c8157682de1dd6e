/*
 * settings.h - the settings of a CMPP gateway
 */
#ifndef CMPP_SETTINGS_H
#define CMPP_SETTINGS_H

#include "gateway_plugin.h"
#include "pdu.h"
#include "trunk.h"
#include "trunk_settings.h"
#include "validity.h"

#include <stdbool.h>
#include <stdint.h>

struct cmpp_settings {
    struct trunk_settings trunk;
    enum cmpp_version version; /* the one to begin with */
    bool any_version;          /* go on in the one that they speak */
    const char *sp_id, *secret, *service_id, *source;
    const char *fee_type, *fee_code, *fee_number;
    uint8_t fee_user_type, level;
    const char *country_code; /* "": numbers go whole */
    bool ascii, strict_server_auth;
    enum validity validity;
    int utc_offset_min;
    struct trunk_outcome *results;
    size_t result_count;
    struct trunk_reason *reasons;
    size_t reason_count;
};

extern const struct gateway_setting cmpp_settings_table[];

/* Reads them. Returns 0, or -1 with a sentence in error and nothing kept. */
int cmpp_settings_read(struct cmpp_settings *s, const struct gateway_host *host, struct gateway *gw,
                       char *error, size_t size);
void cmpp_settings_free(struct cmpp_settings *s);

#endif
