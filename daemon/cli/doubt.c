#include "doubt.h"

#include "marker.h"

static const struct words sentences[] = {
    [MARKER_EMPTY] =
        {"NOTHING IS SENT: Redis came back empty and has forgotten who was told. Queue the "
         "campaigns\nagain from the same files, then run outreach recover --from with "
         "the delivery logs.\n",
         "不再发送：Redis 数据已清空，不知道通知过谁。请用同一文件重新提交活动，\n"
         "再用投递日志执行 outreach recover --from。\n"},
    [MARKER_OLDER] =
        {"NOTHING IS SENT: Redis went back to an older state: what it forgot may have been "
         "sent. Run\noutreach recover --from with the delivery logs.\n",
         "不再发送：Redis 数据倒退到较早状态，其后的通知可能已经发出。\n"
         "请用投递日志执行 outreach recover --from。\n"},
    [MARKER_REFUSALS] =
        {"NOTHING IS SENT: Redis has lost the list of those who refused (outreach:optout). Put it "
         "back from\na backup and say outreach recover --adopt; without one, outreach recover "
         "--from with the delivery\nlogs puts back who refused by a reply.\n",
         "不再发送：Redis 丢失了退订名单（outreach:optout）。请从备份恢复该名单后执行\n"
         "outreach recover --adopt；没有备份时，用投递日志执行 outreach recover --from，\n"
         "可找回以回复方式退订的人。\n"},
    [MARKER_FOREIGN] =
        {"NOTHING IS SENT: this Redis belongs to another installation. Correct redis.url "
         "or state_dir,\nor say outreach recover --adopt.\n",
         "不再发送：此 Redis 属于另一套安装。请更正 redis.url 或 state_dir，\n"
         "或执行 outreach recover --adopt。\n"},
};

void doubt_write(struct cli *cli, struct buf *out)
{
    struct command c = COMMAND_INIT;
    struct error err;
    struct marker *marker = marker_open(cli->settings->state_dir, &err);
    enum marker_verdict verdict = MARKER_UNKNOWN;
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
    if (verdict != MARKER_UNKNOWN && verdict != MARKER_GOOD)
        buf_printf(out, T("%sThe delivery log of this host: %s\n", "%s本机的投递日志：%s\n"),
                   words_of(sentences[verdict]), cli->settings->log.delivery);
    marker_close(marker);
    command_free(&c);
}
