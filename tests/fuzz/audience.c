/* A list of people as a file, all the way to rows: charset, CSV, headings,
 * numbers, values, people on one phone. */
#include "fuzz.h"

#include "campaign_steps.h"

static const char *const same_phone[] = {"first", "each", "merge"};
static struct campaign *campaigns[3];
static unsigned long taken, refused;

static int count_row(void *arg, const char *row, size_t n, struct error *err)
{
    taken++;
    HOLDS(n == 0 || (memchr(row, '\n', n) == NULL && memchr(row, '\r', n) == NULL));
    return step_row(arg, row, n, err);
}

static void count_remark(void *arg, unsigned long line, bool is_refusal, const char *text)
{
    (void)arg;
    refused += is_refusal;
    HOLDS(line > 0 && *text != '\0');
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (size_t i = 0; i < 3; i++) {
        char json[600];
        struct error err;

        snprintf(json, sizeof json,
                 "{\"id\":\"fair\",\"class\":\"notice\",\"title\":\"招聘会\","
                 "\"event\":{\"starts\":\"2027-03-06T09:00\"},\"channels\":[\"sms\"],"
                 "\"audience\":{\"file\":\"a.csv\",\"same_phone\":\"%s\"},"
                 "\"texts\":{\"zh\":\"{{name|居民}}您好{{备注|}}\",\"en\":\"{{name|}} hello\"},"
                 "\"reminders\":[{\"name\":\"eve\",\"at\":\"-1d 18:00\"}]}",
                 same_phone[i]);
        campaigns[i] = campaign_create(tree_parse_json(json, strlen(json), NULL, &err),
                                       &fuzz_defaults, NULL, 0, &err);
        if (campaigns[i] == NULL)
            fprintf(stderr, "%s\n", err.text);
        HOLDS(campaigns[i] != NULL);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct audience_sink sink = {.row = count_row, .remark = count_remark};
    const char *path = as_file(data, size);
    struct audience_report report;
    struct error err;

    stepped = campaigns[size % 3];
    taken = refused = 0;
    if (audience_read_file(stepped, path, &sink, &report, &err) != 0)
        return 0;
    HOLDS(report.taken == taken);
    HOLDS(report.refused == refused);
    HOLDS(report.rows == report.taken + report.refused + report.merged);
    return 0;
}
