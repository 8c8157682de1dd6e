#include "doubt.h"

#include "marker.h"
#include "prose.h"

static const char *const sentences[] = {
    [MARKER_EMPTY] =
        N_("NOTHING IS SENT: Redis came back empty and has forgotten who was told. Queue the "
           "campaigns\nagain from the same files, mark residents in danger again "
           "(outreach safe), then run\noutreach recover --from with the delivery logs.\n"),
    [MARKER_OLDER] =
        N_("NOTHING IS SENT: Redis went back to an older state: what it forgot may have been "
           "sent. Run\noutreach recover --from with the delivery logs.\n"),
    [MARKER_REFUSALS] = N_(
        "NOTHING IS SENT: Redis has lost the list of those who refused (outreach:optout). Put it "
        "back from\na backup and say outreach recover --adopt; without one, outreach recover "
        "--from with the delivery\nlogs puts back who refused by a reply.\n"),
    [MARKER_FOREIGN] =
        N_("NOTHING IS SENT: this Redis belongs to another installation. Correct redis.url "
           "or state_dir,\nor say outreach recover --adopt.\n"),
};

void doubt_write(struct cli *cli, struct buf *out)
{
    struct command c = COMMAND_INIT;
    struct error err;
    struct marker *marker = marker_open(cli->settings->state_dir, &err);
    enum marker_verdict verdict = MARKER_UNKNOWN;
    struct buf sentence = BUF_INIT(4096);
    redisReply *reply;

    if (marker == NULL) {
        buf_printf(out, "%s\n", err.text);
        return;
    }
    marker_command(marker, MARKER_LOOK, &c);
    if (db_ask(cli->db, &c, &reply, &err) == 0) {
        verdict = marker_answer(marker, MARKER_LOOK, reply);
        freeReplyObject(reply);
    }
    if (verdict != MARKER_UNKNOWN && verdict != MARKER_GOOD) {
        prose_put(&sentence, words_of(sentences[verdict]), cli->width, 0);
        buf_printf(out, T("%sThe delivery log of this host: %s\n"), buf_string(&sentence),
                   cli->settings->log.delivery);
    }
    marker_close(marker);
    command_free(&c);
    buf_free(&sentence);
}
