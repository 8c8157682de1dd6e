/*
 * register.h - what `outreach residents` does, a verb a function
 *
 * Each returns an exit code and has told what went wrong.
 */
#ifndef OUTREACH_REGISTER_H
#define OUTREACH_REGISTER_H

#include "cli.h"
#include "residents.h"
#include "who.h"

struct register_options {
    struct option_strings tags, any, without, columns;
    const char *sheet, *file, *same_phone, *name, *consent;
    int64_t limit;
    bool add, remove, dry_run, yes, full, all;
};

int register_import(struct cli *cli, const struct register_options *o, const char *path);
/* number: of whom; NULL: whom the options name. */
int register_tag(struct cli *cli, const struct register_options *o, const char *tag,
                 const char *number);
int register_tag_file(struct cli *cli, const struct register_options *o, const char *tag);
int register_tags(struct cli *cli);
/* number: those of it alone; NULL: whom the options name, or all. */
int register_list(struct cli *cli, const struct register_options *o, const char *number);
int register_export(struct cli *cli, const struct register_options *o, const char *path);
int register_erase(struct cli *cli, const struct register_options *o, const char *number);

/* Opens the register and names the people of --tag, --any and --without. NULL with *rc told. */
struct residents *register_open(struct cli *cli, const struct register_options *o, struct who *who,
                                int *rc);

/* An entry of the audit: name is what value is ("to", "file", "tag"). -1 with err. */
int register_audit(struct cli *cli, const char *op, const char *name, const char *value,
                   struct error *err);

/* 0; or an exit code, told, of one who could not be asked or said no. */
int register_ask(const struct cli *cli, const struct register_options *o, const char *question);

#endif
