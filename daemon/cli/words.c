#include "words.h"

#include "buf.h"
#include "mem.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void words_init(void)
{
    language_init();
}

void words_set_chinese(bool yes)
{
    language_set_chinese(yes);
}

bool words_chinese(void)
{
    return language_chinese();
}

const char *words_of(struct words w)
{
    const char *s = words_chinese() ? w.zh : w.en;

    return s != NULL ? s : "";
}

const char *words_language(void)
{
    return language_name();
}

struct name {
    const char *name;
    struct words words;
};

static const struct name states[] = {
    /* of a notice, in the order of promise 1, and of the delivery log */
    {"waiting", {"waiting", "待发"}},
    {"sending", {"sending", "发送中"}},
    {"accepted", {"accepted", "已接收"}},
    {"delivered", {"delivered", "已送达"}},
    {"undelivered", {"undelivered", "未送达"}},
    {"failed", {"failed", "失败"}},
    {"expired", {"expired", "过期"}},
    {"opted-out", {"opted-out", "已退订"}},
    {"capped", {"capped", "超限"}},
    {"excluded", {"excluded", "不发"}},
    {"cancelled", {"cancelled", "已取消"}},
    {"uncertain", {"uncertain", "存疑"}},
    {"planned", {"planned", "应发"}},
    {"intent", {"intent", "即将提交"}},
    {"retry", {"retry", "稍后重试"}},
    {"throttled", {"throttled", "网关限速"}},
    {"unsent", {"unsent", "未发出"}},
    {"broken", {"broken", "网关故障"}},
    {"resend", {"resend", "重发"}},
    {"next-channel", {"next-channel", "换渠道"}},
    {"held", {"held", "暂缓"}},
    {"refused", {"refused", "退订"}},
    {"joined", {"joined", "程序就位"}},
    {"opened", {"opened", "开始提醒"}},
    {"reply", {"reply", "回复"}},
    {"receipt", {"receipt", "回执"}},
    /* of a reminder, of a campaign */
    {"scheduled", {"scheduled", "已排期"}},
    {"awaiting", {"awaits approval", "待批准"}},
    {"open", {"open", "进行中"}},
    {"done", {"done", "已结束"}},
    {"skipped", {"skipped", "已跳过"}},
    {"loading", {"loading", "载入中"}},
    {"active", {"active", "生效"}},
    {"paused", {"paused", "已暂停"}},
    {"settled", {"settled", "已完成"}},
    /* of a circuit */
    {"closed", {"works", "正常"}},
    {"half-open", {"on trial", "试探中"}},
};

static const struct name reasons[] = {
    {"number",
     {"nobody has this number: correct it in the list", "空号或号码有误：请在名单中更正"}},
    {"text",
     {"the gateway refused this text: ask the operator which word it was",
      "网关拒绝此内容：请向运营商查询是哪个词"}},
    {"blacklisted",
     {"on the operator's blacklist: the resident must ask the operator to be taken off",
      "在运营商黑名单中：需机主向运营商申请解除"}},
    {"absent",
     {"the phone was off or out of reach for as long as the operator tried",
      "关机或不在服务区，运营商多次尝试未果"}},
    {"barred",
     {"the line is barred or out of service: reach her another way",
      "停机或被限制接收：请换一种方式联系"}},
    {"expired-there", {"the operator could not deliver it in time", "运营商未能在有效期内送达"}},
    {"partial",
     {"only some of its parts went out; it is not repeated", "长短信只发出一部分，不再重发"}},
    {"outage", {"the gateway had an outage", "网关故障"}},
    {"credentials",
     {"the gateway refused our account: ops must check its password or key",
      "网关不接受我们的账号：请运维检查密码或密钥"}},
    {"balance", {"the account at the gateway is empty: top it up", "网关账户余额不足：请充值"}},
    {"template",
     {"the gateway does not know the template or signature: have it registered",
      "模板或签名未报备：请向网关报备"}},
    {"limit", {"over the operator's limit for this number today", "超过运营商对该号码的当日限制"}},
    {"protocol",
     {"the gateway answered what could not be understood: ops must look at its log",
      "网关应答无法识别：请运维查看日志"}},
    {"other", {"for a reason of the gateway's own (see its code)", "网关的其他原因（见代码）"}},
    {"attempts", {"all attempts are spent", "尝试次数已用完"}},
    {"no-gateway",
     {"no gateway carries this channel and class: configure one",
      "没有网关承载此渠道和类别：请配置"}},
    {"empty",
     {"a placeholder has no value and no default: fill the column",
      "模板中的某列为空且无默认值：请补全该列"}},
    {"too-long",
     {"longer than the campaign's max_segments: shorten it", "超过活动允许的短信条数：请缩短"}},
    {"throttled", {"the gateway asked us to go slower", "网关要求放慢"}},
    {"hours",
     {"held until the allowed hours of the recipient's time zone",
      "已到收件人的免打扰时段，等允许时段再发"}},
    {"turn", {"waits for its gateway's turn", "等待网关空闲"}},
    {"erased", {"the recipient was erased on request", "收件人已按要求删除"}},
    {"poison",
     {"daemons died over this notice three times: ops must look at it",
      "处理此条时程序多次异常：请运维查看"}},
    {"no-answer", {"the gateway did not answer", "网关没有应答"}},
    {"crash", {"outreachd was killed while it was being sent", "发送时程序中断"}},
    {"row",
     {"its row in Redis is damaged: who else writes there?",
      "名单中此行在 Redis 里已损坏：请查是谁写入的"}},
    {"no-receipt",
     {"no receipt came within the campaign's fallback_after",
      "在 fallback_after 时间内没有收到回执"}},
    {"replaced",
     {"the campaign was amended before it left; a newer correction takes its place",
      "发出前活动又有变更，由新的更正通知代替"}},
    {"filter",
     {"the reminder is only for those with (or without) a place",
      "此提醒只发给已报名（或未报名、候补）的人"}},
    {"repeat",
     {"the same text went to this address from another campaign within a day: not once more",
      "24 小时内另一活动已向此号码发过同样内容，不再重复发送"}},
    {"cap",
     {"had as many notices from us in that time as per_recipient allows: held for the next window "
      "while it is worth it, the campaigns of the first priority first",
      "这段时间已收满 per_recipient 允许的条数：来得及的顺延到下一时段，优先级高的活动先发"}},
    {"neutral", {"a neutral text in its place", "改发中性内容"}},
    {"safe",
     {"protected: not sent by machine; tell her in person",
      "受保护居民：系统不发送，请由专人告知"}},
    {"slot",
     {"the recipient's own time cannot be read, or is yet to come",
      "收件人的预约时间无法识别或尚未到"}},
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
    return find(states, sizeof states / sizeof *states, name);
}

const char *words_reason(const char *name)
{
    return find(reasons, sizeof reasons / sizeof *reasons, name);
}

char *words_approval(const char *names)
{
    static const struct name whys[] = {
        {"recipients", {"many recipients", "人数多"}},
        {"cost", {"its cost", "费用高"}},
        {"hours", {"it may be sent outside the usual hours", "可能在通常时段之外发送"}},
        {"required", {"it asks for it itself", "活动本身要求"}},
    };
    struct buf out = BUF_INIT(4096);
    char *copy = xstrdup(names), *save = NULL, *text;

    for (char *name = strtok_r(copy, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        buf_printf(&out, "%s%s", out.length > 0 ? T(", ", "、") : "",
                   find(whys, sizeof whys / sizeof *whys, name));
    text = xstrdup(buf_string(&out));
    buf_free(&out);
    free(copy);
    return text;
}

const char *words_weekday(int weekday)
{
    static const struct words days[] = {{"Sun", "周日"}, {"Mon", "周一"}, {"Tue", "周二"},
                                        {"Wed", "周三"}, {"Thu", "周四"}, {"Fri", "周五"},
                                        {"Sat", "周六"}};

    return weekday >= 0 && weekday < 7 ? words_of(days[weekday]) : "?";
}
