/* A line of a delivery log that anything may have written to: what reaches the
 * terminal moves no cursor. */
#include "fuzz.h"

#include "log_entry.h"

#include "clock.h"

#include "zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct log_notice known[] = {{"march8", "first", 4711}};
    static const struct log_filter filters[] = {
        {.n = -1},
        {.campaign = "march8", .reminder = "first", .event = "delivered", .n = 4711},
        {.n = -1, .hash = "0011223344556677", .notices = known, .notice_count = 1},
    };
    struct log_style style = {.zone = zone_find("Asia/Shanghai", NULL)};
    const char *line = (const char *)data;
    struct buf out = BUF_INIT(64u << 20);
    struct log_notice notice;
    char *stamp = as_string(data, size < 40 ? size : 40);
    int64_t wall_ms;

    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        log_filter_wants(&filters[i], line, size);
    if (log_entry_notice(line, size, "0011223344556677", &notice)) {
        HOLDS(memchr(notice.campaign, '\0', sizeof notice.campaign) != NULL);
        HOLDS(memchr(notice.reminder, '\0', sizeof notice.reminder) != NULL);
    }
    clock_parse(stamp, &wall_ms);
    log_entry_write(line, size, &style, &out);
    for (size_t i = 0; i < out.length; i++) {
        HOLDS((uint8_t)out.data[i] >= 0x20 || (out.data[i] == '\n' && i + 1 == out.length));
        HOLDS(out.data[i] != 0x7f);
    }
    style.colours = true;
    style.seconds_only = true;
    log_entry_write(line, size, &style, &out);
    buf_free(&out);
    free(stamp);
    return 0;
}
