/*
 * outreach residents - the register of residents, from which campaigns take their audience
 */
#include "register.h"
#include "subcommands.h"

#include <string.h>

static const struct option_row residents_options[] = {
    {"tag", 't', OPTION_STRINGS, OPTION_AT(struct register_options, tags), "TAG",
     .help = N_("import: everybody gets it; else: those who have it. May stand several times: all "
                "of them")},
    {"any", 0, OPTION_STRINGS, OPTION_AT(struct register_options, any), "TAG,TAG",
     .help = N_("those who have one of these at least")},
    {"without", 0, OPTION_STRINGS, OPTION_AT(struct register_options, without), "TAG",
     .help = N_("but for those who have this one")},
    {"add", 0, OPTION_FLAG, OPTION_AT(struct register_options, add), NULL,
     .help = N_("tag: they get it")},
    {"remove", 0, OPTION_FLAG, OPTION_AT(struct register_options, remove), NULL,
     .help = N_("tag: they lose it")},
    {"file", 'f', OPTION_STRING, OPTION_AT(struct register_options, file), "FILE",
     .help = N_("tag: the people of this file, so far as the register knows them")},
    {"columns", 0, OPTION_STRINGS, OPTION_AT(struct register_options, columns), "NAME=HEADING",
     .help = N_("where a heading of the file is not known: sms=联系电话2")},
    {"sheet", 0, OPTION_STRING, OPTION_AT(struct register_options, sheet), "NAME",
     .help = N_("of a workbook with several")},
    {"same-phone", 0, OPTION_CHOICE, OPTION_AT(struct register_options, same_phone), "each|first",
     .help = N_("import: two names with one number are two people (each), or the first alone")},
    {"consent", 0, OPTION_STRING, OPTION_AT(struct register_options, consent), "SOURCE",
     .help = N_("import: they have agreed to be told, by this: kept with today's date")},
    {"dry-run", 'n', OPTION_FLAG, OPTION_AT(struct register_options, dry_run), NULL,
     .help = N_("import: only tell what the file holds")},
    {"all", 'a', OPTION_FLAG, OPTION_AT(struct register_options, all), NULL,
     .help =
         N_("import: every row with something to say. tag: everybody. tag, erase with NUMBER: all "
            "of one number")},
    {"limit", 0, OPTION_NUMBER, OPTION_AT(struct register_options, limit), "COUNT", .initial = 0,
     .help = N_("list: the first so many; default all")},
    {"full", 0, OPTION_FLAG, OPTION_AT(struct register_options, full), NULL,
     .help = N_("list: whole numbers (audited), not masked ones")},
    {"name", 0, OPTION_STRING, OPTION_AT(struct register_options, name), "NAME",
     .help = N_("tag, erase: which of those who share the number")},
    {"yes", 'y', OPTION_FLAG, OPTION_AT(struct register_options, yes), NULL,
     .help = N_("do not ask; needed where nobody can be asked")},
    {0},
};

static int import(struct cli *cli, const struct register_options *o, char **operands)
{
    return register_import(cli, o, operands[0]);
}

static int tag(struct cli *cli, const struct register_options *o, char **operands)
{
    return register_tag(cli, o, operands[0], operands[1]); /* NULL behind the last */
}

static int tags(struct cli *cli, const struct register_options *o, char **operands)
{
    (void)o, (void)operands;
    return register_tags(cli);
}

static int list(struct cli *cli, const struct register_options *o, char **operands)
{
    return register_list(cli, o, operands[0]);
}

static int export(struct cli *cli, const struct register_options *o, char **operands)
{
    return register_export(cli, o, operands[0]);
}

static int erase(struct cli *cli, const struct register_options *o, char **operands)
{
    return register_erase(cli, o, operands[0]);
}

static const struct verb {
    const char *name, *operands; /* as a person types them */
    int least, most;
    int (*run)(struct cli *cli, const struct register_options *o, char **operands);
} verbs[] = {
    {"import", "FILE", 1, 1, import},
    {"tag", "TAG --add|--remove NUMBER | --file FILE | --tag TAG | --all", 1, 2, tag},
    {"tags", "", 0, 0, tags},
    {"list", "[NUMBER] [--tag TAG]...", 0, 1, list},
    {"export", "FILE.xlsx", 1, 1, export},
    {"erase", "NUMBER", 1, 1, erase},
};

static int residents(struct cli *cli, const void *options, char **operands, int count)
{
    char words[WORDS_ARGUMENT_BYTES];

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, operands[0]) != 0)
            continue;
        if (count - 1 >= verbs[i].least && count - 1 <= verbs[i].most)
            return verbs[i].run(cli, options, operands + 1);
        return cli_fail(cli, EX_USAGE, T("usage: outreach residents %s%s%s"), verbs[i].name,
                        verbs[i].operands[0] != '\0' ? " " : "",
                        words_argument(words, verbs[i].operands));
    }
    return cli_no_verb(cli, &cmd_residents, operands[0]);
}

const struct subcommand cmd_residents = {
    .name = "residents",
    .operands = "import|tag|tags|list|export|erase [FILE|TAG [NUMBER]|NUMBER]",
    .summary = N_("the register: people with tags, from whom campaigns take their audience"),
    .more =
        N_("import: people of an Excel workbook or a CSV. The first rows are shown as they\n"
           "are understood, then it asks. One number and name is one person; imported again,\n"
           "what is new counts and what is empty says nothing. Interrupted, do the same\n"
           "again. What stands under 标签 (tags) is tags, with commas or 、 between; 社区\n"
           "(community) and 类别 (category) are both a column and tags: who moves leaves the\n"
           "old one's tag. --consent SOURCE: by what they have agreed, for `proof`.\n"
           "tag: adds TAG to people, or removes it: `tag TAG --add NUMBER` for one, or those of\n"
           "--file, or those who have --tag. tags: how many people have each.\n"
           "list: a line a person, or those of NUMBER; with --json a JSON object a line. Numbers\n"
           "are masked.\n"
           "export: everything, for Excel; the name ends in .xlsx or .csv. Audited.\n"
           "erase: a person's data, for good. An opt-out stays. Tells which campaigns' lists\n"
           "still hold the number. Audited.\n"
           "A campaign takes its audience with audience = { tags = ( \"妇女\" ); }."),
    .least = 1,
    .most = 3,
    .options = residents_options,
    .options_bytes = sizeof(struct register_options),
    .run = residents,
};
