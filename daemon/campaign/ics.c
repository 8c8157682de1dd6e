#include "ics.h"

#include "buf.h"
#include "error.h"
#include "mem.h"
#include "utf8.h"

#include <libical/ical.h>

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------- writing */
static void put_property(struct buf *out, icalproperty *p)
{
    char *line = icalproperty_as_ical_string_r(p);

    if (line != NULL)
        buf_puts(out, line);
    free(line);
    icalproperty_free(p);
}

static struct icaltimetype utc(int64_t wall_ms)
{
    return icaltime_from_timet_with_zone((time_t)(wall_ms / 1000), 0,
                                         icaltimezone_get_utc_timezone());
}

void ics_begin(struct buf *out, const char *name)
{
    icalproperty *p = icalproperty_new_x(name);

    icalproperty_set_x_name(p, "X-WR-CALNAME");
    buf_puts(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//outreach//plan//EN\r\n");
    put_property(out, p);
}

void ics_add(struct buf *out, const struct ics_entry *e, int64_t stamp_ms)
{
    buf_puts(out, "BEGIN:VEVENT\r\n");
    put_property(out, icalproperty_new_uid(e->uid));
    put_property(out, icalproperty_new_dtstamp(utc(stamp_ms)));
    put_property(out, icalproperty_new_dtstart(utc(e->starts_ms)));
    if (e->ends_ms != 0)
        put_property(out, icalproperty_new_dtend(utc(e->ends_ms)));
    put_property(out, icalproperty_new_summary(e->summary));
    if (e->location != NULL)
        put_property(out, icalproperty_new_location(e->location));
    if (e->description != NULL)
        put_property(out, icalproperty_new_description(e->description));
    if (e->category != NULL)
        put_property(out, icalproperty_new_categories(e->category));
    if (e->cancelled)
        put_property(out, icalproperty_new_status(ICAL_STATUS_CANCELLED));
    put_property(out, icalproperty_new_transp(e->ends_ms != 0 ? ICAL_TRANSP_OPAQUE
                                                              : ICAL_TRANSP_TRANSPARENT));
    buf_puts(out, "END:VEVENT\r\n");
}

void ics_end(struct buf *out)
{
    buf_puts(out, "END:VCALENDAR\r\n");
}

/* ----------------------------------------------------------------------- zones */
/* What Outlook and Exchange write, of CLDR's windowsZones. */
static const struct {
    const char *windows, *name;
} windows_zones[] = {
    {"China Standard Time", "Asia/Shanghai"},
    {"Taipei Standard Time", "Asia/Taipei"},
    {"Singapore Standard Time", "Asia/Singapore"},
    {"Tokyo Standard Time", "Asia/Tokyo"},
    {"Korea Standard Time", "Asia/Seoul"},
    {"India Standard Time", "Asia/Kolkata"},
    {"Russian Standard Time", "Europe/Moscow"},
    {"W. Europe Standard Time", "Europe/Berlin"},
    {"Romance Standard Time", "Europe/Paris"},
    {"Central Europe Standard Time", "Europe/Budapest"},
    {"GMT Standard Time", "Europe/London"},
    {"Eastern Standard Time", "America/New_York"},
    {"Central Standard Time", "America/Chicago"},
    {"Mountain Standard Time", "America/Denver"},
    {"Pacific Standard Time", "America/Los_Angeles"},
    {"AUS Eastern Standard Time", "Australia/Sydney"},
};

#define MOST_LOCATIONS 32

struct locations { /* what a calendar says of its zones */
    char *tzid[MOST_LOCATIONS], *name[MOST_LOCATIONS];
    size_t count;
    const struct zone *usual;
};

static const struct zone *named_zone(const char *name)
{
    for (size_t i = 0; i < sizeof windows_zones / sizeof *windows_zones; i++)
        if (strcmp(windows_zones[i].windows, name) == 0)
            name = windows_zones[i].name;
    return strlen(name) < 64 ? zone_find(name, NULL) : NULL;
}

/* NULL if nobody knows it. */
static const struct zone *find_zone(const struct locations *l, const char *tzid)
{
    const struct zone *zone = named_zone(tzid);

    for (size_t i = 0; zone == NULL && i < l->count; i++)
        if (strcmp(l->tzid[i], tzid) == 0)
            zone = named_zone(l->name[i]);
    return zone;
}

/* ----------------------------------------------------------------- an event */
static struct local_time local_of(struct icaltimetype t)
{
    return (struct local_time){.year = t.year,
                               .month = t.month,
                               .day = t.day,
                               .hour = t.hour,
                               .minute = t.minute,
                               .second = t.second};
}

/* No year of 5 digits, no month 13: libical takes them as they come. */
static bool sane(struct icaltimetype t)
{
    return !icaltime_is_null_time(t) && t.year >= 1900 && t.year <= 9999 && t.month >= 1 &&
           t.month <= 12 && t.day >= 1 && t.day <= icaltime_days_in_month(t.month, t.year) &&
           t.hour >= 0 && t.hour <= 23 && t.minute >= 0 && t.minute <= 59 && t.second >= 0 &&
           t.second <= 60;
}

static const char *tzid_of(icalproperty *p)
{
    icalparameter *tzid = icalproperty_get_first_parameter(p, ICAL_TZID_PARAMETER);

    return tzid != NULL ? icalparameter_get_tzid(tzid) : NULL;
}

/* A time of a property as it is in the event's zone. */
static struct local_time in_zone(const struct locations *l, const struct ics_event *e,
                                 icalproperty *p, struct icaltimetype t)
{
    const struct zone *zone = NULL;
    const char *tzid = tzid_of(p);
    struct local_time out = local_of(t);

    if (t.is_date)
        out.hour = out.minute = out.second = 0;
    else if (icaltime_is_utc(t))
        zone = zone_find("UTC", NULL);
    else if (tzid != NULL)
        zone = find_zone(l, tzid);
    if (zone != NULL && zone != e->zone)
        zone_local(e->zone, zone_wall(zone, &out), &out);
    return out;
}

static void shift(const struct ics_event *e, struct local_time *t, int minutes)
{
    t->minute += minutes;
    zone_local(e->zone, zone_wall(e->zone, t), t);
}

static char *one_line(const char *text)
{
    char *copy = xstrdup(text);

    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    return copy;
}

static void replace(char **at, const char *text)
{
    free(*at);
    *at = text != NULL && *text != '\0' ? one_line(text) : NULL;
}

static void read_start(const struct locations *l, struct ics_event *e, icalproperty *p)
{
    struct icaltimetype t = icalproperty_get_dtstart(p);
    const char *tzid = tzid_of(p);

    if (!sane(t))
        return;
    e->zone = l->usual;
    if (tzid != NULL && !icaltime_is_utc(t)) {
        e->zone = find_zone(l, tzid);
        if (e->zone == NULL) {
            replace(&e->unknown_zone, tzid);
            e->zone = l->usual;
        }
    }
    e->all_day = t.is_date;
    e->starts = in_zone(l, e, p, t);
}

static void read_end(const struct locations *l, struct ics_event *e, icalproperty *p)
{
    struct icaltimetype t = icalproperty_get_dtend(p);

    if (!sane(t))
        return;
    e->ends = in_zone(l, e, p, t);
    if (e->all_day) /* the first day that is free again */
        shift(e, &e->ends, -1);
}

static void read_duration(struct ics_event *e, icalproperty *p)
{
    struct icaldurationtype d = icalproperty_get_duration(p);

    if (d.is_neg || d.weeks > 52 || d.days > 366 || d.hours > 9000 || d.minutes > 600000)
        return;
    e->ends = e->starts;
    e->ends.day += (int)(7 * d.weeks + d.days);
    shift(e, &e->ends, (int)(60 * d.hours + d.minutes) - (e->all_day ? 1 : 0));
}

static void read_property(const struct locations *l, struct ics_event *e, icalproperty *p)
{
    struct icaltimetype t;
    struct icalrecurrencetype rule;

    switch (icalproperty_isa(p)) {
    case ICAL_UID_PROPERTY:
        replace(&e->uid, icalproperty_get_uid(p));
        break;
    case ICAL_SUMMARY_PROPERTY:
        replace(&e->summary, icalproperty_get_summary(p));
        break;
    case ICAL_LOCATION_PROPERTY:
        replace(&e->location, icalproperty_get_location(p));
        break;
    case ICAL_URL_PROPERTY:
        replace(&e->url, icalproperty_get_url(p));
        break;
    case ICAL_STATUS_PROPERTY:
        e->cancelled = icalproperty_get_status(p) == ICAL_STATUS_CANCELLED;
        break;
    case ICAL_DTEND_PROPERTY:
        read_end(l, e, p);
        break;
    case ICAL_DURATION_PROPERTY:
        read_duration(e, p);
        break;
    case ICAL_RRULE_PROPERTY:
        rule = icalproperty_get_rrule(p);
        replace(&e->repeat, icalrecurrencetype_as_string(&rule));
        break;
    case ICAL_RDATE_PROPERTY:
        e->more_dates = true;
        break;
    case ICAL_EXDATE_PROPERTY:
        t = icalproperty_get_exdate(p);
        if (sane(t) && e->except_count < ICS_MAX_EXCEPT)
            e->except[e->except_count++] = in_zone(l, e, p, t);
        break;
    case ICAL_RECURRENCEID_PROPERTY:
        t = icalproperty_get_recurrenceid(p);
        if (sane(t))
            e->replaces = in_zone(l, e, p, t);
        break;
    default:
        break;
    }
}

static void event_free(struct ics_event *e)
{
    free(e->uid);
    free(e->summary);
    free(e->location);
    free(e->url);
    free(e->repeat);
    free(e->unknown_zone);
}

/* lines: "BEGIN:VEVENT" and what is wanted of it. -1 if it does not start anywhere. */
static int read_event(const struct locations *l, const char *lines, struct ics_event *e)
{
    icalcomponent *c = icalparser_parse_string(lines);
    icalproperty *p = c == NULL ? NULL : icalcomponent_get_first_property(c, ICAL_DTSTART_PROPERTY);

    memset(e, 0, sizeof *e);
    if (p != NULL)
        read_start(l, e, p);
    for (p = e->starts.year == 0 ? NULL : icalcomponent_get_first_property(c, ICAL_ANY_PROPERTY);
         p != NULL; p = icalcomponent_get_next_property(c, ICAL_ANY_PROPERTY))
        read_property(l, e, p);
    if (c != NULL)
        icalcomponent_free(c);
    if (e->uid == NULL)
        e->uid = xstrdup("");
    if (e->summary == NULL)
        e->summary = xstrdup("");
    if (e->starts.year != 0)
        return 0;
    event_free(e);
    return -1;
}

/* ------------------------------------------------------------------- the lines */
static const char *const wanted[] = {"UID",    "SUMMARY", "LOCATION", "URL",
                                     "STATUS", "DTSTART", "DTEND",    "DURATION",
                                     "RRULE",  "RDATE",   "EXDATE",   "RECURRENCE-ID"};

/* Folded lines are one: a line end and a blank behind it are nothing. */
static size_t unfold(char *text, size_t n)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        size_t end = i + (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n');

        if (text[end] == '\n' && end + 1 < n && (text[end + 1] == ' ' || text[end + 1] == '\t'))
            i = end + 1;
        else
            text[to++] = text[i];
    }
    return to;
}

/* "DTSTART" of "DTSTART;TZID=...:..." */
static bool is_named(const char *line, size_t n, const char *name)
{
    size_t length = strlen(name);

    return n > length && strncasecmp(line, name, length) == 0 &&
           (line[length] == ':' || line[length] == ';');
}

/* What stands behind the colon, for a line without parameters that matter. */
static char *value_of(const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);

    return colon == NULL ? xstrdup("") : xstrndup(colon + 1, n - (size_t)(colon + 1 - line));
}

struct walk {
    struct locations zones;
    unsigned depth;
    bool in_event, in_zone;
    char *tzid;       /* of the zone in hand */
    struct buf lines; /* of the event in hand */
    struct ics_event *events;
    size_t count;
    bool calendar, all_cancelled, too_many;
};

#define EVENT_BYTES 65536

static void add_location(struct walk *w, const char *line, size_t n)
{
    if (is_named(line, n, "TZID") && w->tzid == NULL)
        w->tzid = value_of(line, n);
    if (!is_named(line, n, "X-LIC-LOCATION") || w->tzid == NULL || w->zones.count == MOST_LOCATIONS)
        return;
    w->zones.tzid[w->zones.count] = w->tzid;
    w->zones.name[w->zones.count++] = value_of(line, n);
    w->tzid = NULL;
}

static void end_event(struct walk *w)
{
    buf_puts(&w->lines, "END:VEVENT\r\n");
    if (buf_overflowed(&w->lines))
        return;
    if (w->count == ICS_MAX_EVENTS) {
        w->too_many = true;
        return;
    }
    if ((w->count & (w->count - 1)) == 0)
        w->events = xreallocarray(w->events, w->count > 0 ? w->count * 2 : 1, sizeof *w->events);
    if (read_event(&w->zones, buf_string(&w->lines), &w->events[w->count]) == 0)
        w->count++;
}

static void take_line(struct walk *w, const char *line, size_t n)
{
    char *value;

    if (is_named(line, n, "BEGIN")) {
        value = value_of(line, n);
        w->depth++;
        w->calendar |= w->depth == 1 && strcasecmp(value, "VCALENDAR") == 0;
        if (w->depth == 2) {
            w->in_event = strcasecmp(value, "VEVENT") == 0;
            w->in_zone = strcasecmp(value, "VTIMEZONE") == 0;
            buf_clear(&w->lines);
            buf_puts(&w->lines, "BEGIN:VEVENT\r\n");
        }
        free(value);
    } else if (is_named(line, n, "END")) {
        if (w->depth == 2 && w->in_event)
            end_event(w);
        if (w->depth == 2) {
            w->in_event = w->in_zone = false;
            free(w->tzid);
            w->tzid = NULL;
        }
        w->depth -= w->depth > 0;
    } else if (w->depth == 2 && w->in_event) {
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (is_named(line, n, wanted[i])) {
                buf_put(&w->lines, line, n);
                buf_puts(&w->lines, "\r\n");
            }
    } else if (w->depth == 2 && w->in_zone) {
        add_location(w, line, n);
    } else if (w->depth == 1 && is_named(line, n, "X-WR-TIMEZONE")) {
        value = value_of(line, n);
        if (named_zone(value) != NULL)
            w->zones.usual = named_zone(value);
        free(value);
    } else if (w->depth == 1 && is_named(line, n, "METHOD")) {
        value = value_of(line, n);
        w->all_cancelled |= strcasecmp(value, "CANCEL") == 0;
        free(value);
    }
}

static void walk_lines(struct walk *w, const char *text, size_t n)
{
    const char *end = text + n;

    while (text < end && !w->too_many) {
        const char *stop = memchr(text, '\n', (size_t)(end - text)), *next;

        next = stop == NULL ? end : stop + 1;
        if (stop == NULL)
            stop = end;
        if (stop > text && stop[-1] == '\r')
            stop--;
        take_line(w, text, (size_t)(stop - text));
        text = next;
    }
}

static bool same_day(const struct local_time *a, const struct local_time *b)
{
    return a->year == b->year && a->month == b->month && a->day == b->day;
}

/* What replaces an occurrence takes it out of the series. */
static void part_from_series(struct ics_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; events[i].replaces.year != 0 && k < count; k++) {
            struct ics_event *series = &events[k];
            size_t x = 0;

            if (series->repeat == NULL || strcmp(series->uid, events[i].uid) != 0)
                continue;
            while (x < series->except_count && !same_day(&series->except[x], &events[i].replaces))
                x++;
            if (x == series->except_count && x < ICS_MAX_EXCEPT)
                series->except[series->except_count++] = events[i].replaces;
        }
}

struct ics_event *ics_read(const char *bytes, size_t n, const struct zone *usual, size_t *count,
                           struct error *err)
{
    struct walk w = {.zones.usual = usual, .lines = BUF_INIT(EVENT_BYTES)};
    char *text;

    *count = 0;
    if (n > ICS_MAX_BYTES) {
        error_set(err, "has more than %u MB", ICS_MAX_BYTES >> 20);
        return NULL;
    }
    if (memchr(bytes, '\0', n) != NULL || utf8_valid(bytes, n) != n) {
        error_set(err, "is no calendar: it holds bytes that are no text");
        return NULL;
    }
    icalerror_set_errors_are_fatal(0);
    text = xmalloc(n + 1);
    memcpy(text, bytes, n);
    walk_lines(&w, text, unfold(text, n));
    free(text);
    for (size_t i = 0; w.all_cancelled && i < w.count; i++)
        w.events[i].cancelled = true;
    part_from_series(w.events, w.count);
    for (size_t i = 0; i < w.zones.count; i++) {
        free(w.zones.tzid[i]);
        free(w.zones.name[i]);
    }
    free(w.tzid);
    buf_free(&w.lines);
    if (w.calendar && !w.too_many) {
        *count = w.count;
        return w.events != NULL ? w.events : xcalloc(1, sizeof *w.events);
    }
    ics_free(w.events, w.count);
    if (w.too_many)
        error_set(err, "has more than %d events", ICS_MAX_EVENTS);
    else
        error_set(err, "is no calendar: it does not begin with BEGIN:VCALENDAR");
    return NULL;
}

void ics_free(struct ics_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        event_free(&events[i]);
    free(events);
}
