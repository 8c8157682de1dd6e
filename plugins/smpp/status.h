/*
 * status.h - what the status of an answer means for the message
 *
 * One table: code, name, outcome, reason. How often an outcome "retry" is tried
 * again is the daemon's business. Operators use codes freely, so each gateway
 * may override the outcome of any code. Codes and names: SMPP 3.4 section
 * 5.1.3; the outcomes are our decision, with Kannel's and Jasmin's in view.
 */
#ifndef SMPP_STATUS_H
#define SMPP_STATUS_H

#include "trunk_settings.h"

#include <stddef.h>
#include <stdint.h>

#define SMPP_OK 0x00u
#define SMPP_RINVMSGLEN 0x01u
#define SMPP_RINVCMDID 0x03u
#define SMPP_RINVBNDSTS 0x04u
#define SMPP_RALYBND 0x05u
#define SMPP_RBINDFAIL 0x0du
#define SMPP_RINVPASWD 0x0eu
#define SMPP_RINVSYSID 0x0fu
#define SMPP_RINVSYSTYP 0x53u
#define SMPP_RX_T_APPN 0x64u

struct smpp_status {
    uint32_t code;
    const char *name; /* "ESME_RINVDSTADR" */
    enum gateway_outcome outcome;
    enum gateway_reason reason;
    bool strange; /* neither in the overrides nor in the table */
};

/* The meaning of code: from the overrides, else the table; vendor codes
 * (0x400..0x4ff) and those that nobody knows are worth another try. */
struct smpp_status smpp_status_find(uint32_t code, const struct trunk_outcome *overrides, size_t n);

#endif
