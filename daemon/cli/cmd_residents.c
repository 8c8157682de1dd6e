/*
 * outreach residents - the register of residents, from which campaigns take their audience
 */
#include "register.h"
#include "subcommands.h"

#include <string.h>

static const struct option_row residents_options[] = {
    {"tag", 't', OPTION_STRINGS, OPTION_AT(struct register_options, tags), "TAG",
     .help = {"import: everybody gets it; else: those who have it. May stand several times: all "
              "of them",
              "import：给所有人加上；其余：有此标签的人。可写几次：须都有"}},
    {"any", 0, OPTION_STRINGS, OPTION_AT(struct register_options, any), "TAG,TAG",
     .help = {"those who have one of these at least", "至少有其中一个标签的人"}},
    {"without", 0, OPTION_STRINGS, OPTION_AT(struct register_options, without), "TAG",
     .help = {"but for those who have this one", "除去有此标签的人"}},
    {"add", 0, OPTION_FLAG, OPTION_AT(struct register_options, add), NULL,
     .help = {"tag: they get it", "tag：加上标签"}},
    {"remove", 0, OPTION_FLAG, OPTION_AT(struct register_options, remove), NULL,
     .help = {"tag: they lose it", "tag：去掉标签"}},
    {"file", 'f', OPTION_STRING, OPTION_AT(struct register_options, file), "FILE",
     .help = {"tag: the people of this file, so far as the register knows them",
              "tag：此文件中的人（须已在居民库中）"}},
    {"columns", 0, OPTION_STRINGS, OPTION_AT(struct register_options, columns), "NAME=HEADING",
     .help = {"where a heading of the file is not known: sms=联系电话2",
              "表头无法识别时指明：sms=联系电话2"}},
    {"sheet", 0, OPTION_STRING, OPTION_AT(struct register_options, sheet), "NAME",
     .help = {"of a workbook with several", "工作簿中的哪个工作表"}},
    {"same-phone", 0, OPTION_CHOICE, OPTION_AT(struct register_options, same_phone), "each|first",
     .help = {"import: two names with one number are two people (each), or the first alone",
              "import：同号码不同姓名算两个人（each，默认），或只取第一个（first）"}},
    {"dry-run", 'n', OPTION_FLAG, OPTION_AT(struct register_options, dry_run), NULL,
     .help = {"import: only tell what the file holds", "import：只检查文件，不保存"}},
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct register_options, all), NULL,
     .help = {"import: every row with something to say. tag: everybody. erase: all of one number",
              "import：显示全部有问题的行；tag：所有人；erase：同号码的所有人"}},
    {"limit", 0, OPTION_NUMBER, OPTION_AT(struct register_options, limit), "COUNT", .initial = 0,
     .help = {"list: the first so many; default all", "list：只列前若干人，默认全部"}},
    {"full", 0, OPTION_FLAG, OPTION_AT(struct register_options, full), NULL,
     .help = {"list: whole numbers (audited), not masked ones",
              "list：显示完整号码（记入审计），默认打码"}},
    {"name", 0, OPTION_STRING, OPTION_AT(struct register_options, name), "NAME",
     .help = {"erase: which of those who share the number", "erase：共用号码时指明是谁"}},
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct register_options, yes), NULL,
     .help = {"do not ask; needed where nobody can be asked", "不再询问；不在终端时必须加上"}},
    {0},
};

static int import(struct cli *cli, const struct register_options *o, const char *operand)
{
    return register_import(cli, o, operand);
}

static int tags(struct cli *cli, const struct register_options *o, const char *operand)
{
    (void)o, (void)operand;
    return register_tags(cli);
}

static int list(struct cli *cli, const struct register_options *o, const char *operand)
{
    (void)operand;
    return register_list(cli, o);
}

static const struct verb {
    const char *name, *operand; /* NULL: none */
    int (*run)(struct cli *cli, const struct register_options *o, const char *operand);
} verbs[] = {
    {"import", "FILE", import},
    {"tag", "TAG", register_tag},
    {"tags", NULL, tags},
    {"list", NULL, list},
    {"export", "FILE", register_export},
    {"erase", "NUMBER", register_erase},
};

static int residents(struct cli *cli, const void *options, char **operands, int count)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, operands[0]) != 0)
            continue;
        if (count == (verbs[i].operand != NULL ? 2 : 1))
            return verbs[i].run(cli, options, operands[1]);
        return cli_fail(cli, EX_USAGE,
                        verbs[i].operand != NULL
                            ? T("residents %s: expected one %s", "residents %s：应为一个 %s")
                            : T("residents %s takes no argument", "residents %s 不带参数"),
                        verbs[i].name, verbs[i].operand);
    }
    return cli_fail(cli, EX_USAGE, T("usage: outreach residents %s", "用法：outreach residents %s"),
                    cmd_residents.operands);
}

const struct subcommand cmd_residents = {
    .name = "residents",
    .operands = "import|tag|tags|list|export|erase [WHAT]",
    .summary = {"the register: people with tags, from whom campaigns take their audience",
                "居民库：带标签的居民，供各活动按标签选取"},
    .more = {"import: people of an Excel workbook or a CSV. The first rows are shown as they\n"
             "are understood, then it asks. One number and name is one person; imported again,\n"
             "what is new counts and what is empty says nothing. Interrupted, do the same\n"
             "again. What stands under 标签 (tags) is tags, with commas or 、 between; 社区\n"
             "(community) and 类别 (category) are both a column and tags: who moves leaves the\n"
             "old one's tag.\n"
             "tag: adds TAG to people, or removes it. tags: how many people have each.\n"
             "list: a line a person; with --json a JSON object a line. Numbers are masked.\n"
             "export: everything, for Excel; the name ends in .xlsx or .csv. Audited.\n"
             "erase: a person's data, for good. An opt-out stays. Tells which campaigns' lists\n"
             "still hold the number. Audited.\n"
             "A campaign takes its audience with audience = { tags = ( \"妇女\" ); }.",
             "import：导入 Excel 或 CSV。先显示前几行识别的结果，再询问是否导入。号码和姓名\n"
             "都相同算同一人；再次导入时，新内容覆盖旧内容，空白不改。中断后再执行一次即可。\n"
             "“标签”列是标签，用逗号或顿号分隔；“社区”“类别”列既可用于通知内容，也作标签：\n"
             "换了社区，旧标签自动去掉。\n"
             "tag：给一些人加上或去掉标签。tags：各标签的人数。\n"
             "list：每人一行；--json 时每行一个 JSON 对象。号码打码。\n"
             "export：导出全部内容供 Excel 使用，文件名以 .xlsx 或 .csv 结尾，记入审计。\n"
             "erase：删除某人的数据，不能恢复；退订记录保留；并列出名单中仍有此号码的活动。\n"
             "记入审计。\n"
             "活动用 audience = { tags = ( \"妇女\" ); } 按标签选人。"},
    .least = 1,
    .most = 2,
    .options = residents_options,
    .options_bytes = sizeof(struct register_options),
    .run = residents,
};
