#include "ics.h"

#include "buf.h"

#include <libical/ical.h>

#include <stdlib.h>

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
