#include "keys.h"

#include "builtin.h"

#include <stdio.h>
#include <string.h>

void key_campaign(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}", id);
}

void key_audience(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}:audience", id);
}

void key_rows(struct command *c, const char *id, const char *reminder)
{
    if (builtin_is(reminder))
        command_add_format(c, "outreach:{%s}:%s:audience", id, reminder);
    else
        key_audience(c, id);
}

void key_appends(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}:audience:appends", id);
}

void key_called(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}:called", id);
}

void key_versions(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}:versions", id);
}

void key_corrected(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}:corrections:of", id);
}

void key_reminder(struct command *c, const char *id, const char *reminder)
{
    command_add_format(c, "outreach:{%s}:%s", id, reminder);
}

void key_ledger(struct command *c, const char *id, const char *reminder)
{
    command_add_format(c, "outreach:{%s}:%s:ledger", id, reminder);
}

void key_leases(struct command *c, const char *id, const char *reminder)
{
    command_add_format(c, "outreach:{%s}:%s:leases", id, reminder);
}

void key_retry(struct command *c, const char *id, const char *reminder)
{
    command_add_format(c, "outreach:{%s}:%s:retry", id, reminder);
}

void key_daemon(struct command *c, const char *name)
{
    command_add_format(c, "outreach:daemon:%s", name);
}

void key_gateway(struct command *c, const char *gateway, const char *part)
{
    command_add_format(c, "outreach:{gw:%s}:%s", gateway, part);
}

void key_sender(struct command *c, const char *source, const char *part)
{
    command_add_format(c, "outreach:{from:%s}:%s", source, part);
}

void key_alarm(struct command *c, const char *matter, const char *name)
{
    command_add_format(c, "outreach:alarm:%s:%s", matter, name);
}

void key_campaign_shares(struct command *c, const char *id)
{
    command_add_format(c, "outreach:{%s}:shares", id);
}

void key_cap(struct command *c, const char *address)
{
    command_add_format(c, "outreach:{cap:%s}", address);
}

void key_cap_gateway(struct command *c, const char *address, const char *gateway)
{
    command_add_format(c, "outreach:{cap:%s}:%s", address, gateway);
}

void key_places(struct command *c, const char *campaign)
{
    command_add_format(c, "outreach:{%s}:registration:places", campaign);
}

void key_places_waiting(struct command *c, const char *campaign)
{
    command_add_format(c, "outreach:{%s}:registration:waiting", campaign);
}

void key_place_counts(struct command *c, const char *campaign)
{
    command_add_format(c, "outreach:{%s}:registration:counts", campaign);
}

void key_answers_given(struct command *c, const char *campaign)
{
    command_add_format(c, "outreach:{%s}:answers:given", campaign);
}

void key_answer_sums(struct command *c, const char *campaign)
{
    command_add_format(c, "outreach:{%s}:answers:sums", campaign);
}

void key_resident_tag(struct command *c, size_t tag)
{
    command_add_format(c, "outreach:{outreach:residents}:tag:%zu", tag);
}

int key_split(const char *both, char *campaign, char *reminder)
{
    const char *slash = strchr(both, '/');
    size_t n = slash ? (size_t)(slash - both) : 0;

    if (n < 1 || n > 64 || strlen(slash + 1) < 1 || strlen(slash + 1) > 32)
        return -1;
    memcpy(campaign, both, n);
    campaign[n] = '\0';
    strcpy(reminder, slash + 1);
    return 0;
}
