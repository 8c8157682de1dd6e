#include "status.h"

#include <string.h>

#define ACCEPTED GATEWAY_ACCEPTED, GATEWAY_REASON_NONE, false
#define THROTTLED GATEWAY_THROTTLED, GATEWAY_REASON_NONE, false
#define RETRY(reason) GATEWAY_RETRY, GATEWAY_REASON_##reason, false
#define REJECTED(reason) GATEWAY_REJECTED, GATEWAY_REASON_##reason, false
#define BROKEN(reason) GATEWAY_BROKEN, GATEWAY_REASON_##reason, false

static const struct smpp_status statuses[] = {
    {0x00, "ESME_ROK", ACCEPTED},
    {0x01, "ESME_RINVMSGLEN", REJECTED(TEXT)},
    {0x02, "ESME_RINVCMDLEN", BROKEN(PROTOCOL)},
    {0x03, "ESME_RINVCMDID", BROKEN(PROTOCOL)},
    {0x04, "ESME_RINVBNDSTS", RETRY(PROTOCOL)}, /* after a new bind, see session.c */
    {0x05, "ESME_RALYBND", RETRY(PROTOCOL)},
    {0x06, "ESME_RINVPRTFLG", BROKEN(PROTOCOL)},
    {0x07, "ESME_RINVREGDLVFLG", BROKEN(PROTOCOL)},
    {0x08, "ESME_RSYSERR", RETRY(OUTAGE)},
    {0x0a, "ESME_RINVSRCADR", BROKEN(OTHER)},
    {0x0b, "ESME_RINVDSTADR", REJECTED(NUMBER)},
    {0x0c, "ESME_RINVMSGID", REJECTED(PROTOCOL)},
    {0x0d, "ESME_RBINDFAIL", RETRY(CREDENTIALS)},
    {0x0e, "ESME_RINVPASWD", BROKEN(CREDENTIALS)},
    {0x0f, "ESME_RINVSYSID", BROKEN(CREDENTIALS)},
    {0x11, "ESME_RCANCELFAIL", REJECTED(PROTOCOL)},
    {0x13, "ESME_RREPLACEFAIL", REJECTED(PROTOCOL)},
    {0x14, "ESME_RMSGQFUL", THROTTLED},
    {0x15, "ESME_RINVSERTYP", BROKEN(PROTOCOL)},
    {0x33, "ESME_RINVNUMDESTS", BROKEN(PROTOCOL)},
    {0x34, "ESME_RINVDLNAME", BROKEN(PROTOCOL)},
    {0x40, "ESME_RINVDESTFLAG", BROKEN(PROTOCOL)},
    {0x42, "ESME_RINVSUBREP", BROKEN(PROTOCOL)},
    {0x43, "ESME_RINVESMCLASS", BROKEN(PROTOCOL)},
    {0x44, "ESME_RCNTSUBDL", BROKEN(PROTOCOL)},
    {0x45, "ESME_RSUBMITFAIL", RETRY(OUTAGE)},
    {0x48, "ESME_RINVSRCTON", BROKEN(PROTOCOL)},
    {0x49, "ESME_RINVSRCNPI", BROKEN(PROTOCOL)},
    {0x50, "ESME_RINVDSTTON", BROKEN(PROTOCOL)},
    {0x51, "ESME_RINVDSTNPI", BROKEN(PROTOCOL)},
    {0x53, "ESME_RINVSYSTYP", BROKEN(CREDENTIALS)},
    {0x54, "ESME_RINVREPFLAG", BROKEN(PROTOCOL)},
    {0x55, "ESME_RINVNUMMSGS", BROKEN(PROTOCOL)},
    {0x58, "ESME_RTHROTTLED", THROTTLED},
    {0x61, "ESME_RINVSCHED", BROKEN(PROTOCOL)},
    {0x62, "ESME_RINVEXPIRY", BROKEN(PROTOCOL)},
    {0x63, "ESME_RINVDFTMSGID", BROKEN(PROTOCOL)},
    {0x64, "ESME_RX_T_APPN", RETRY(OUTAGE)},
    {0x65, "ESME_RX_P_APPN", REJECTED(OTHER)},
    {0x66, "ESME_RX_R_APPN", REJECTED(OTHER)},
    {0x67, "ESME_RQUERYFAIL", REJECTED(PROTOCOL)},
    {0xc0, "ESME_RINVOPTPARSTREAM", BROKEN(PROTOCOL)},
    {0xc1, "ESME_ROPTPARNOTALLWD", BROKEN(PROTOCOL)},
    {0xc2, "ESME_RINVPARLEN", BROKEN(PROTOCOL)},
    {0xc3, "ESME_RMISSINGOPTPARAM", BROKEN(PROTOCOL)},
    {0xc4, "ESME_RINVOPTPARAMVAL", BROKEN(PROTOCOL)},
    {0xfe, "ESME_RDELIVERYFAILURE", REJECTED(OTHER)},
    {0xff, "ESME_RUNKNOWNERR", RETRY(OUTAGE)},
};

static struct smpp_status in_table(uint32_t code)
{
    size_t i;

    for (i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].code == code)
            return statuses[i];
    return (struct smpp_status){code, code >= 0x400 && code <= 0x4ff ? "vendor" : "reserved",
                                GATEWAY_RETRY, GATEWAY_REASON_OTHER, true};
}

struct smpp_status smpp_status_find(uint32_t code, const struct trunk_outcome *overrides, size_t n)
{
    struct smpp_status status = in_table(code);
    size_t i;

    for (i = 0; i < n; i++) {
        if (overrides[i].code != code)
            continue;
        if (status.outcome != overrides[i].outcome && status.reason == GATEWAY_REASON_NONE)
            status.reason = GATEWAY_REASON_OTHER;
        status.outcome = overrides[i].outcome;
        status.strange = false;
        break;
    }
    return status;
}
