#include "words.h"

#include "buf.h"
#include "builtin.h"
#include "column.h"
#include "ledger.h"
#include "mem.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *words_of(const char *english)
{
    return english != NULL ? language_text(english) : "";
}

struct name {
    const char *name;
    const char *words;
};

/* of a notice, in the order of promise 1 */
static const struct name notice_states[] = {
    {"waiting", N_("waiting")},         {"sending", N_("sending")},
    {"accepted", N_("accepted")},       {"delivered", N_("delivered")},
    {"undelivered", N_("undelivered")}, {"failed", N_("failed")},
    {"expired", N_("expired")},         {"opted-out", N_("opted-out")},
    {"capped", N_("capped")},           {"excluded", N_("excluded")},
    {"cancelled", N_("cancelled")},     {"uncertain", N_("uncertain")},
};

#define NOTICE_WORDS (sizeof notice_states / sizeof *notice_states)
_Static_assert(NOTICE_WORDS == NOTICE_STATES - 1, "untouched and parked are both `waiting`");

static const struct name states[] = {
    /* of the delivery log */
    {"planned", N_("planned")},
    {"intent", N_("intent")},
    {"retry", N_("retry")},
    {"throttled", N_("throttled")},
    {"unsent", N_("unsent")},
    {"broken", N_("broken")},
    {"resend", N_("resend")},
    {"next-channel", N_("next-channel")},
    {"held", N_("held")},
    {"refused", N_("refused")},
    {"joined", N_("joined")},
    {"opened", N_("opened")},
    {"reply", N_("reply")},
    {"receipt", N_("receipt")},
    /* of a reminder, of a campaign */
    {"scheduled", N_("scheduled")},
    {"awaiting", N_("awaits approval")},
    {"open", N_("open")},
    {"done", N_("done")},
    {"skipped", N_("skipped")},
    {"loading", N_("loading")},
    {"active", N_("active")},
    {"paused", N_("paused")},
    {"settled", N_("settled")},
    {"idle", N_("nobody to tell")},
    /* of a circuit */
    {"closed", N_("works")},
    {"half-open", N_("on trial")},
};

static const struct name reasons[] = {
    {"number", N_("nobody has this number: correct it in the list")},
    {"text", N_("the gateway refused this text: ask the operator which word it was")},
    {"blacklisted",
     N_("on the operator's blacklist: the resident must ask the operator to be taken off")},
    {"absent", N_("the phone was off or out of reach for as long as the operator tried")},
    {"barred", N_("the line is barred or out of service: reach her another way")},
    {"expired-there", N_("the operator could not deliver it in time")},
    {"partial", N_("only some of its parts went out; it is not repeated")},
    {"outage", N_("the gateway had an outage")},
    {"credentials", N_("the gateway refused our account: ops must check its password or key")},
    {"balance", N_("the account at the gateway is empty: top it up")},
    {"template", N_("the gateway does not know the template or signature: have it registered")},
    {"limit", N_("over the operator's limit for this number today")},
    {"protocol", N_("the gateway answered what could not be understood: ops must look at its log")},
    {"other", N_("for a reason of the gateway's own (see its code)")},
    {"attempts", N_("all attempts are spent")},
    {"no-gateway", N_("no gateway carries this channel and class: configure one")},
    {"empty", N_("a placeholder has no value and no default: fill the column")},
    {"too-long", N_("longer than the campaign's max_segments: shorten it")},
    {"throttled", N_("the gateway asked us to go slower")},
    {"hours", N_("held until hours in which this recipient may be told")},
    {"turn", N_("waits for its gateway's turn")},
    {"erased", N_("the recipient was erased on request")},
    {"poison", N_("daemons died over this notice three times: ops must look at it")},
    {"no-answer", N_("the gateway did not answer")},
    {"crash", N_("outreachd was killed while it was being sent")},
    {"row", N_("its row in Redis is damaged: who else writes there?")},
    {"no-receipt", N_("no receipt came within the campaign's fallback_after")},
    {"replaced", N_("the campaign was amended before it left; a newer correction takes its place")},
    {"filter",
     N_("the reminder's `only` leaves her out: by her place, or by what earlier ones did")},
    {"repeat",
     N_("the same text went to this address from another campaign within a day: not once more")},
    {"cap", N_("had as many notices from us in that time as per_recipient allows: held for the "
               "next window "
               "while it is worth it, the campaigns of the first priority first")},
    {"neutral", N_("a neutral text in its place")},
    {"safe", N_("protected: not sent by machine; tell her in person")},
    {"slot", N_("the recipient's own time cannot be read, or is yet to come")},
};

static const char *find(const struct name *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i].name, name) == 0)
            return words_of(names[i].words);
    return name;
}

const char *words_state(const char *name)
{
    const char *words = find(notice_states, NOTICE_WORDS, name);

    return words != name ? words : find(states, sizeof states / sizeof *states, name);
}

const char *words_notice_state(size_t i)
{
    return i < NOTICE_WORDS ? words_of(notice_states[i].words) : NULL;
}

const char *words_state_name(const char *asked)
{
    for (size_t i = 0; i < NOTICE_WORDS; i++)
        if (strcmp(notice_states[i].name, asked) == 0 ||
            strcmp(words_of(notice_states[i].words), asked) == 0)
            return notice_states[i].name;
    return NULL;
}

const char *words_reason(const char *name)
{
    return find(reasons, sizeof reasons / sizeof *reasons, name);
}

char *words_approval(const char *names)
{
    static const struct name whys[] = {
        {"recipients", N_("many recipients")},
        {"cost", N_("its cost")},
        {"hours", N_("it may be sent outside the usual hours")},
        {"required", N_("it asks for it itself")},
    };
    struct buf out = BUF_INIT(4096);
    char *copy = xstrdup(names), *save = NULL, *text;

    for (char *name = strtok_r(copy, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        buf_printf(&out, "%s%s", out.length > 0 ? T(", ") : "",
                   find(whys, sizeof whys / sizeof *whys, name));
    text = xstrdup(buf_string(&out));
    buf_free(&out);
    free(copy);
    return text;
}

static const struct name builtins[] = {
    {BUILTIN_ANSWERS, NC_("reminder", "answers")},
    {BUILTIN_CORRECTIONS, NC_("reminder", "corrections")},
};

const char *words_reminder(const char *name)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (strcmp(builtins[i].name, name) == 0)
            return language_in(builtins[i].words, name);
    return name;
}

const char *words_reminder_name(const char *asked)
{
    for (size_t i = 0; asked != NULL && i < sizeof builtins / sizeof *builtins; i++)
        if (strcmp(words_reminder(builtins[i].name), asked) == 0)
            return builtins[i].name;
    return asked;
}

const char *words_class(const char *name)
{
    static const struct name classes[] = {
        {"notice", N_("notice")}, {"promotion", N_("promotion")}, {"personal", N_("personal")}};

    return find(classes, sizeof classes / sizeof *classes, name);
}

const char *words_channel(const char *name)
{
    return strcmp(name, "sms") == 0 ? T("sms") : column_words(name);
}

const char *words_currency(const char *code)
{
    static const struct name currencies[] = {{"CNY", N_("CNY")}};

    return find(currencies, sizeof currencies / sizeof *currencies, code);
}

const char *words_argument(char *out, const char *argument)
{
    static const struct name places[] = {
        {"ADDRESS", N_("ADDRESS")},
        {"AMOUNT", N_("AMOUNT")},
        {"CALENDAR", N_("CALENDAR")},
        {"CAMPAIGN", N_("CAMPAIGN")},
        {"CODE", N_("CODE")},
        {"COLUMN", N_("COLUMN")},
        {"COUNT", N_("COUNT")},
        {"DIRECTORY", N_("DIRECTORY")},
        {"FILE", N_("FILE")},
        {"HEADING", N_("HEADING")},
        {"HOURS", N_("HOURS")},
        {"ID", N_("ID")},
        {"NAME", N_("NAME")},
        {"NUMBER", N_("NUMBER")},
        {"OP", N_("OP")},
        {"PERCENT", N_("PERCENT")},
        {"RATE", N_("RATE")},
        {"REASON", N_("REASON")},
        {"REMINDER", N_("REMINDER")},
        {"SECONDS", N_("SECONDS")},
        {"SOURCE", N_("SOURCE")},
        {"STATE", N_("STATE")},
        {"TAG", N_("TAG")},
        {"TEXT", N_("TEXT")},
        {"TIME", N_("TIME")},
        {"VALUE", N_("VALUE")},
        {"WHO", N_("WHO")},
        {"WORDS", N_("WORDS")},
        {"YEAR", N_("YEAR")},
    };
    struct buf words = BUF_INIT(WORDS_ARGUMENT_BYTES);
    char word[16];

    while (*argument != '\0') {
        size_t n = strspn(argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        if (n == 0 || n >= sizeof word) {
            buf_put(&words, argument, n + (n == 0));
            argument += n + (n == 0);
            continue;
        }
        memcpy(word, argument, n);
        word[n] = '\0';
        buf_puts(&words, find(places, sizeof places / sizeof *places, word));
        argument += n;
    }
    snprintf(out, WORDS_ARGUMENT_BYTES, "%s", buf_string(&words));
    buf_free(&words);
    return out;
}

const char *words_weekday(int weekday)
{
    static const char *const days[] = {N_("Sun"), N_("Mon"), N_("Tue"), N_("Wed"),
                                       N_("Thu"), N_("Fri"), N_("Sat")};

    return weekday >= 0 && weekday < 7 ? words_of(days[weekday]) : "?";
}
