#include "preview.h"

#include "log.h"
#include "mem.h"
#include "template.h"
#include "tree.h"
#include "words.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXT_BYTES 65536

struct preview {
    const struct campaign *campaign;
    enum signature_mode modes[CAMPAIGN_MAX_CHANNELS];
    struct preview_text texts[PREVIEW_TEXTS];
    size_t text_count;
    struct preview_remark *remarks;
    size_t remark_count, keep;
    unsigned long all_remarks, rows;
    EVP_MD_CTX *digest;
    char hex[PREVIEW_DIGEST_BYTES];
    char composed[MOST_TEXT_BYTES];
};

/* The signature stands where the gateway that would carry the channel wants it. */
static enum signature_mode mode_of(const struct settings *settings, const char *channel)
{
    static const struct {
        const char *name;
        enum signature_mode mode;
    } modes[] = {
        {"prefix", SIGNATURE_PREFIX},
        {"suffix", SIGNATURE_SUFFIX},
        {"gateway", SIGNATURE_GATEWAY},
        {"none", SIGNATURE_NONE},
    };
    bool sms = strcmp(channel, "sms") == 0;
    const struct tree *gateway = settings->gateways != NULL ? settings->gateways->first : NULL;

    for (; gateway != NULL; gateway = gateway->next) {
        const char *mode = tree_string(gateway, "signature", NULL);

        if (mode == NULL || strcmp(tree_string(gateway, "channel", ""), channel) != 0)
            continue;
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
            if (strcmp(mode, modes[i].name) == 0)
                return modes[i].mode;
    }
    return sms ? SIGNATURE_PREFIX : SIGNATURE_NONE;
}

struct preview *preview_create(const struct campaign *c, const struct settings *settings,
                               size_t keep)
{
    struct preview *s = xcalloc(1, sizeof *s);

    s->campaign = c;
    s->keep = keep;
    for (size_t k = 0; k < c->channel_count; k++)
        s->modes[k] = mode_of(settings, c->channels[k]);
    s->digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(s->digest, EVP_sha256(), NULL);
    return s;
}

void preview_free(struct preview *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->text_count; i++) {
        free(s->texts[i].sample);
        free(s->texts[i].sample_to);
    }
    for (size_t i = 0; i < s->remark_count; i++)
        free(s->remarks[i].text);
    free(s->remarks);
    EVP_MD_CTX_free(s->digest);
    free(s);
}

static struct preview_text *find_text(struct preview *s, const struct campaign_text *text,
                                      size_t channel)
{
    const char *name = s->campaign->channels[channel];
    struct preview_text *t;

    for (size_t i = 0; i < s->text_count; i++)
        if (s->texts[i].text == text && s->texts[i].channel == name)
            return &s->texts[i];
    if (s->text_count == PREVIEW_TEXTS)
        return NULL;
    t = &s->texts[s->text_count++];
    t->text = text;
    t->channel = name;
    t->language = campaign_text_language(text);
    return t;
}

static void look_at_text(struct preview *s, struct preview_text *t, size_t channel,
                         const struct template_value *row)
{
    const struct template_value *to = &row[channel];
    const char *empty = NULL;
    enum text_billing billing;
    struct text_size size = {0};
    int n = campaign_compose(s->campaign, t->text, row, s->modes[channel], s->composed,
                             sizeof s->composed, &empty);

    t->recipients++;
    if (n < 0) {
        t->holes += empty != NULL;
        t->too_long += empty == NULL;
        t->hole = empty != NULL ? empty : t->hole;
        return;
    }
    billing = to->length > 3 && memcmp(to->text, "+86", 3) == 0 ? TEXT_BILL_UNITS : TEXT_BILL_GSM;
    if (strcmp(t->channel, "sms") == 0 &&
        text_measure(s->composed, (size_t)n, billing, &size) == 0) {
        if (size.segments > t->longest)
            t->longest = size.segments;
        t->too_long +=
            s->campaign->max_segments > 0 && size.segments > (uint32_t)s->campaign->max_segments;
    }
    if (t->sample == NULL) {
        t->sample = xstrndup(s->composed, (size_t)n);
        t->sample_to =
            xstrdup(s->campaign->to_group ? T("the group") : log_mask(to->text, to->length));
        t->sample_size = size;
    }
}

void preview_row(struct preview *s, const char *bytes, size_t n)
{
    const struct campaign *c = s->campaign;
    struct template_value row[CAMPAIGN_MAX_COLUMNS];
    const struct template_value none = {"", 0}, *language;
    unsigned char head[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                             (unsigned char)(n >> 8), (unsigned char)n};

    s->rows++;
    EVP_DigestUpdate(s->digest, head, sizeof head);
    EVP_DigestUpdate(s->digest, bytes, n);
    if (campaign_row_split(c, bytes, n, row) != 0)
        return;
    language = c->column_language >= 0 ? &row[c->column_language] : &none;
    /* Of a repeated event the first: the others differ by their dates. */
    for (size_t r = 0; r < c->reminder_count / c->occurrence_count; r++) {
        for (size_t k = 0; k < c->channel_count; k++) {
            struct preview_text *t;

            if (row[k].length == 0 && !c->to_group)
                continue;
            t = find_text(s, campaign_text(c, r, c->channels[k], language->text, language->length),
                          k);
            if (t == NULL)
                continue;
            t->reminders |= 1u << r;
            if (t->last_row != s->rows) /* the same text in several reminders: once */
                look_at_text(s, t, k, row);
            t->last_row = s->rows;
        }
    }
}

void preview_remark(struct preview *s, unsigned long line, bool refused, const char *text)
{
    s->all_remarks++;
    if (s->remark_count >= s->keep)
        return;
    if ((s->remark_count & (s->remark_count - 1)) == 0)
        s->remarks = xreallocarray(s->remarks, s->remark_count ? s->remark_count * 2 : 1,
                                   sizeof *s->remarks);
    s->remarks[s->remark_count++] = (struct preview_remark){line, refused, xstrdup(text)};
}

const char *preview_digest(struct preview *s)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    static const char digits[] = "0123456789abcdef";
    unsigned n;

    if (s->hex[0] != '\0')
        return s->hex;
    EVP_DigestFinal_ex(s->digest, digest, &n);
    for (unsigned i = 0; i < 32; i++) {
        s->hex[2 * i] = digits[digest[i] >> 4];
        s->hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return s->hex;
}

unsigned long preview_rows(const struct preview *s)
{
    return s->rows;
}

size_t preview_texts(const struct preview *s, const struct preview_text **texts)
{
    *texts = s->texts;
    return s->text_count;
}

size_t preview_remarks(const struct preview *s, const struct preview_remark **remarks,
                       unsigned long *all)
{
    *remarks = s->remarks;
    *all = s->all_remarks;
    return s->remark_count;
}

unsigned long preview_too_long(const struct preview *s)
{
    unsigned long most = 0;

    for (size_t i = 0; i < s->text_count; i++)
        if (s->texts[i].too_long > most)
            most = s->texts[i].too_long;
    return most;
}
