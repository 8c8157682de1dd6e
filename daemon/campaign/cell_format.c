#include "cell_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_S 86400
#define LAST_DAY 2958466 /* the day after 9999-12-31: Excel's dates end there */

/* 27 to 36 and 50 to 58 are the dates of East Asian Excel. */
struct cell_format cell_format_builtin(unsigned id)
{
    static const struct {
        unsigned from, to;
        enum cell_kind kind;
    } ranges[] = {{14, 17, CELL_DATE}, {18, 21, CELL_TIME}, {22, 22, CELL_DATE_TIME},
                  {27, 31, CELL_DATE}, {32, 35, CELL_TIME}, {36, 36, CELL_DATE},
                  {45, 47, CELL_TIME}, {50, 54, CELL_DATE}, {55, 56, CELL_TIME},
                  {57, 58, CELL_DATE}};

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (id >= ranges[i].from && id <= ranges[i].to)
            return (struct cell_format){.kind = ranges[i].kind};
    return (struct cell_format){.kind = CELL_GENERAL};
}

/* Of "[$-804]yyyy"年"m"月";@" only what is neither quoted, escaped nor in brackets, up to the
 * first ";". */
static size_t bare_code(const char *code, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = code; *p != '\0' && *p != ';' && n + 1 < size; p++) {
        if (*p == '"' || *p == '[') {
            const char *end = strchr(p + 1, *p == '"' ? '"' : ']');

            if (*p == '[' && strchr("hHmMsS", p[1]) != NULL && p[1] != '\0')
                out[n++] = 'h'; /* elapsed time */
            if (end == NULL)
                break;
            p = end;
        } else if (*p == '\\' || *p == '_' || *p == '*') {
            if (p[1] != '\0')
                p++;
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
    return n;
}

struct cell_format cell_format_code(const char *code)
{
    struct cell_format f = {.kind = CELL_GENERAL};
    char bare[256];
    size_t n = bare_code(code, bare, sizeof bare);
    bool date = strpbrk(bare, "yYdDeE") != NULL && strpbrk(bare, "0#?") == NULL;
    bool time = strpbrk(bare, "hHsS") != NULL;

    if (n > 0 && n <= 20 && strspn(bare, "0") == n) {
        f.kind = CELL_ZEROS;
        f.digits = (unsigned)n;
    } else if (date || time) {
        f.kind = date && time ? CELL_DATE_TIME : date ? CELL_DATE : CELL_TIME;
    }
    return f;
}

/* Howard Hinnant's days_from_civil, backwards: days since 1970-01-01. */
static void civil(long days, int *year, unsigned *month, unsigned *day)
{
    long z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int)((long)yoe + era * 400) + (*month <= 2);
}

/* To Excel 1900 was a leap year: below 60 its days are one off. */
static size_t write_date(char out[CELL_BYTES], double number, enum cell_kind kind, bool date1904)
{
    long days = (long)floor(number), seconds = lround((number - floor(number)) * DAY_S);
    unsigned month, day;
    int year, n;

    if (seconds == DAY_S) {
        seconds = 0;
        days++;
    }
    if (kind == CELL_TIME || days == 0)
        return (size_t)snprintf(out, CELL_BYTES, "%02ld:%02ld", seconds / 3600, seconds / 60 % 60);
    days += date1904 ? -24107 : days < 60 ? -25568 : -25569;
    civil(days, &year, &month, &day);
    n = snprintf(out, CELL_BYTES, "%04d-%02u-%02u", year, month, day);
    if (seconds > 0 || kind == CELL_DATE_TIME)
        n += snprintf(out + n, CELL_BYTES - (size_t)n, " %02ld:%02ld", seconds / 3600,
                      seconds / 60 % 60);
    return (size_t)n;
}

size_t cell_format_number(char out[CELL_BYTES], double number, struct cell_format format,
                          bool date1904)
{
    bool whole = fabs(number) < 1e15 && number == floor(number);

    if (format.kind != CELL_GENERAL && format.kind != CELL_ZEROS && number >= 0 &&
        number < LAST_DAY)
        return write_date(out, number, format.kind, date1904);
    if (whole && format.kind == CELL_ZEROS && number >= 0)
        return (size_t)snprintf(out, CELL_BYTES, "%0*.0f", (int)format.digits, number);
    return (size_t)snprintf(out, CELL_BYTES, whole ? "%.0f" : "%.15g", number);
}
