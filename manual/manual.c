/*
 * manual.c - manual pages and completions, from the tables that the programs read by
 *
 *     manual page PAGE.in PLUGINS    writes the page, with the tables where it names them; the
 *                                    plugins' from the .so files of that folder
 *     manual bash | zsh              writes the completion of `outreach`
 *
 * A page is mdoc(7); a line "@NAME" of it becomes what the table of that name says, so
 * that no option, setting or field is there in one of them alone. "@include FILE" is the
 * file, as it stands.
 */
#include "cli.h"
#include "error.h"
#include "field.h"
#include "form.h"
#include "gateway_plugin.h"
#include "gateway_settings.h"
#include "mem.h"
#include "options.h"
#include "settings.h"
#include "table.h"
#include "words.h"

#include <dlfcn.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_COLUMNS 72 /* the page indents it, and the end of a comment may hang over */

/* ------------------------------------------------------------------------ roff */

/* A text line: nothing in it is an escape, nothing at its beginning a request. */
static void put_text(const char *s, size_t n)
{
    if (n > 0 && (s[0] == '.' || s[0] == '\''))
        fputs("\\&", stdout);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\')
            fputs("\\e", stdout);
        else if (s[i] == '-' && (i == 0 || s[i - 1] == ' ' || s[i - 1] == '-'))
            fputs("\\-", stdout);
        else
            putchar(s[i]);
    }
}

static void put_lines(const char *s)
{
    while (*s != '\0') {
        size_t n = strcspn(s, "\n");

        if (n == 0)
            fputs(".Pp", stdout);
        put_text(s, n);
        putchar('\n');
        s += n + (s[n] == '\n');
    }
}

/* An argument of a macro: its words are no macros themselves. */
static void put_argument(const char *s)
{
    putchar(' ');
    putchar('"');
    for (; *s != '\0'; s++) {
        if (*s == '"')
            fputs("\\(dq", stdout);
        else if (*s == '\\')
            fputs("\\e", stdout);
        else
            putchar(*s);
    }
    putchar('"');
}

/* Columns before the text of a line that is wholly or in its end a comment; 0: it is none. */
static size_t comment_at(const char *line)
{
    const char *star = strstr(line, "/*");
    size_t blanks = strspn(line, " ");

    if (star != NULL)
        return (size_t)(star - line) + 3;
    return line[blanks] == '*' ? blanks + 2 : 0;
}

static void put_piece(size_t blanks, const char *mark, const char *s, size_t n)
{
    char *piece = xasprintf("%*s%s%.*s", (int)blanks, "", mark, (int)n, s);

    put_text(piece, strcspn(piece, "\n"));
    putchar('\n');
    free(piece);
}

/* A line of C in lines of the page: its comment goes on in a comment. What does not fill
 * the last one stays in *rest, to be freed, where the comment goes on in the next line. */
static void put_code(const char *line, char **rest)
{
    size_t text = comment_at(line), blanks = strspn(line, " "), n = strlen(line), take = n;
    bool begun = text > 0 && line[blanks] == '*' && line[blanks + 1] == ' ', whole = true;
    char *joined = NULL;

    if (*rest != NULL && begun && line[text] != ' ')
        line = joined = xasprintf("%.*s%s %s", (int)text, line, *rest, line + text);
    else if (*rest != NULL)
        put_piece(blanks > 0 ? blanks - 1 : 0, " * ", *rest, strlen(*rest));
    free(*rest);
    *rest = NULL;
    n = strlen(line);
    for (size_t lead = 0; n > 0; lead = text >= 3 ? text : blanks + 7) {
        size_t room = whole || lead >= CODE_COLUMNS ? CODE_COLUMNS : CODE_COLUMNS - lead;

        take = table_line(line, n, room);
        if (strcmp(line + take, " */") == 0)
            take = n;
        if (take == n && !whole && text > 0 && strstr(line, "*/") == NULL) {
            *rest = xasprintf("%s", line);
            break;
        }
        put_piece(whole ? 0 : lead - 3, whole ? "" : text > 0 ? " * " : "   ", line, take);
        take += strspn(line + take, " ");
        line += take;
        n -= take;
        whole = false;
    }
    free(joined);
}

/* -------------------------------------------------------------------- the tables */

static void put_options(const struct option_row *row)
{
    if (row == NULL || row->name == NULL)
        return;
    puts(".Bl -tag -width Ds");
    for (; row->name != NULL; row++) {
        fputs(".It", stdout);
        if (row->letter != 0)
            printf(" Fl %c ,", row->letter);
        printf(" Fl -%s", row->name);
        if (row->argument != NULL) {
            fputs(" Ar", stdout);
            put_argument(row->argument);
        }
        putchar('\n');
        put_lines(words_of(row->help));
    }
    puts(".El");
}

static void put_commands(void)
{
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        const struct subcommand *s = subcommands[i];

        fputs(".Ss", stdout);
        put_argument(s->name);
        putchar('\n');
        fputs(".Nm\n.Cm", stdout);
        put_argument(s->name);
        if (s->options != NULL)
            fputs("\n.Op Ar option ...", stdout);
        if (s->operands[0] != '\0') {
            fputs("\n.Ar", stdout);
            put_argument(s->operands);
        }
        puts("\n.Pp");
        put_lines(words_of(s->summary));
        if (words_of(s->more)[0] != '\0')
            puts(".Pp");
        put_lines(words_of(s->more));
        put_options(s->options);
    }
}

static const char *const kinds[] = {
    [FIELD_STRING] = "string",      [FIELD_SECRET] = "secret",
    [FIELD_INT] = "integer",        [FIELD_FLOAT] = "number",
    [FIELD_BOOL] = "true or false", [FIELD_ENUM] = "one of",
    [FIELD_DURATION] = "duration",  [FIELD_STRINGS] = "list of strings",
    [FIELD_GROUP] = "group",        [FIELD_GROUPS] = "list of groups",
    [FIELD_ANY] = "value",          [FIELD_CUSTOM] = "value",
};

static void put_duration(int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ms % units[i].ms == 0) {
            printf("%" PRId64 "%s", ms / units[i].ms, units[i].unit);
            return;
        }
}

/* "(integer, 1 to 15; default 5)"; of what reads itself only what is known. */
static void put_kind(const struct field *f)
{
    bool numbers = f->kind == FIELD_INT || f->kind == FIELD_FLOAT;
    bool plain = kinds[f->kind] == NULL;

    if (plain && !f->required && (f->initial == NULL || f->initial[0] == '\0'))
        return;
    printf("(%s", plain ? "" : kinds[f->kind]);
    for (size_t i = 0; f->kind == FIELD_ENUM && f->names[i] != NULL; i++)
        printf("%s %s", i > 0 ? "," : "", f->names[i]);
    if (numbers && (f->min != 0 || f->max != 0))
        printf(", %" PRId64 " to %" PRId64, f->min, f->max);
    if (f->kind == FIELD_DURATION && f->max != 0) {
        fputs(", ", stdout);
        put_duration(f->min);
        fputs(" to ", stdout);
        put_duration(f->max);
    }
    if (f->required)
        printf("%sneeded", plain ? "" : "; ");
    if (f->initial != NULL && f->initial[0] != '\0')
        printf("%sdefault %s", plain && !f->required ? "" : "; ", f->initial);
    puts(")");
    if (f->help != NULL)
        puts(".br");
}

static void put_fields(const struct field *table)
{
    puts(".Bl -tag -width Ds");
    for (const struct field *f = table; f->name != NULL; f++) {
        fputs(".It Ic", stdout);
        put_argument(f->name);
        putchar('\n');
        put_kind(f);
        if (f->help != NULL)
            put_lines(f->help);
        if (f->fields != NULL)
            put_fields(f->fields);
    }
    puts(".El");
}

static int put_plugin(const char *path)
{
    const struct gateway_plugin *plugin;
    const struct field *table;
    struct arena arena = {0};
    struct error err = {""};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* stays: its words are printed */

    if (library == NULL)
        return fprintf(stderr, "manual: %s\n", dlerror()), -1;
    plugin = dlsym(library, "gateway_plugin");
    table = plugin != NULL ? gateway_settings_of_plugin(plugin, &arena, &err) : NULL;
    if (table == NULL)
        return fprintf(stderr, "manual: %s: %s\n", path, err.text), -1;
    fputs(".Ss", stdout);
    put_argument(plugin->name);
    putchar('\n');
    for (const struct gateway_preset *p = plugin->presets; p != NULL && p->given != NULL; p++)
        printf("With\n.Ic %s\nthe default of\n.Ic %s\nis\n.Ql %s .\n", p->given, p->name,
               p->initial);
    put_fields(table);
    arena_free(&arena);
    return 0;
}

static int put_plugins(const char *folder)
{
    char pattern[4096];
    glob_t found;
    int rc;

    snprintf(pattern, sizeof pattern, "%s/*.so", folder);
    rc = glob(pattern, 0, NULL, &found) == 0 ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        rc = put_plugin(found.gl_pathv[i]);
    globfree(&found);
    return rc;
}

static int put_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL, *rest = NULL;
    size_t room = 0;

    if (f == NULL) {
        perror(path);
        return -1;
    }
    puts(".Bd -literal");
    while (getline(&line, &room, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0')
            putchar('\n');
        else
            put_code(line, &rest);
    }
    puts(".Ed");
    free(rest);
    free(line);
    fclose(f);
    return 0;
}

/* What a line "@NAME" stands for. */
static int put_table(const char *name, const char *plugins)
{
    if (strcmp(name, "commands") == 0)
        put_commands();
    else if (strcmp(name, "options") == 0)
        put_options(cli_options());
    else if (strcmp(name, "settings") == 0)
        put_fields(settings_table());
    else if (strcmp(name, "gateway") == 0)
        put_fields(gateway_settings_table());
    else if (strcmp(name, "campaign") == 0)
        put_fields(form_table());
    else if (strcmp(name, "plugins") == 0)
        return put_plugins(plugins);
    else if (strncmp(name, "include ", 8) == 0)
        return put_file(name + 8);
    else {
        fprintf(stderr, "manual: there is no table \"%s\"\n", name);
        return -1;
    }
    return 0;
}

static int page(const char *path, const char *plugins)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int rc = 0;

    if (f == NULL) {
        perror(path);
        return -1;
    }
    while (rc == 0 && (n = getline(&line, &room, f)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '@')
            rc = put_table(line + 1, plugins);
        else
            puts(line);
    }
    free(line);
    fclose(f);
    return rc;
}

/* ------------------------------------------------------------------ completions */

static void put_names(const struct option_row *row)
{
    for (; row != NULL && row->name != NULL; row++)
        printf(" --%s", row->name);
}

/* Which operand is a campaign's id, which a file. */
static const char *operand_of(const struct subcommand *s)
{
    if (strstr(s->operands, ".conf") != NULL)
        return "file";
    return strncmp(s->operands + (s->operands[0] == '['), "ID", 2) == 0 ? "id" : "";
}

/* The words that an operand may be: of "add|remove|list [NUMBER]..." these three; what stands
 * beside a word in capitals, as in RATE|none, is none of them. */
static void put_verbs(const struct subcommand *s)
{
    const char *p = s->operands;

    for (bool first = true; *p != '\0'; p++) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz");
        bool begins = p == s->operands || p[-1] == '[' ||
                      (p[-1] == '|' && p[-2] >= 'a' && p[-2] <= 'z') ||
                      (p[-1] == ' ' && p - s->operands >= 2 && p[-2] == '|');

        if (n == 0 || !begins)
            continue;
        printf("%s%.*s", first ? "" : " ", (int)n, p);
        first = false;
        p += n - 1;
    }
}

static void bash(void)
{
    puts("# completion of outreach for bash, made of its own tables\n"
         "_outreach() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} command= options= operand= verbs= i\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        -c | --config | --by) ((i++)) ;;\n"
         "        -*) ;;\n"
         "        *) command=${COMP_WORDS[i]}; break ;;\n"
         "        esac\n"
         "    done\n"
         "    case $command in");
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        printf("    %s) options='", subcommands[i]->name);
        put_names(subcommands[i]->options);
        printf("' operand='%s' verbs='", operand_of(subcommands[i]));
        put_verbs(subcommands[i]);
        puts("' ;;");
    }
    fputs("    esac\n    options+='", stdout);
    put_names(cli_options());
    puts("'\n"
         "    if [[ $word == -* ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "    elif [[ -z $command ]]; then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    for (size_t i = 0; subcommands[i] != NULL; i++)
        printf("%s%s", i > 0 ? " " : "", subcommands[i]->name);
    puts("' -- \"$word\"))\n"
         "    elif [[ -n $verbs && $i -eq $((COMP_CWORD - 1)) ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\"))\n"
         "    elif [[ $operand == id ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$(outreach list --json 2>/dev/null |\n"
         "            grep -o '\"id\": *\"[a-z0-9-]*\"' | cut -d'\"' -f4)\" -- \"$word\"))\n"
         "    else\n"
         "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "    fi\n"
         "}\n"
         "complete -o filenames -F _outreach outreach");
}

/* Within single quotes and a [description] of zsh. */
static void put_zsh(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *s) != NULL)
            printf("\\%c", *s);
        else
            putchar(*s == '\n' ? ' ' : *s);
    }
}

static void put_zsh_options(const struct option_row *row)
{
    for (; row != NULL && row->name != NULL; row++) {
        printf(" \\\n            '--%s%s[", row->name, row->argument != NULL ? "=" : "");
        put_zsh(words_of(row->help));
        putchar(']');
        if (row->argument != NULL) {
            putchar(':');
            put_zsh(row->argument);
            putchar(':');
            if (strstr(row->argument, "FILE") != NULL)
                fputs("_files", stdout);
        }
        putchar('\'');
    }
}

static void zsh(void)
{
    puts("#compdef outreach\n"
         "# completion of outreach for zsh, made of its own tables\n"
         "_outreach_ids() {\n"
         "    compadd -- $(outreach list --json 2>/dev/null | "
         "grep -o '\"id\": *\"[a-z0-9-]*\"' | cut -d'\"' -f4)\n"
         "}\n"
         "_outreach() {\n"
         "    local context state line\n"
         "    _arguments -C '1:command:->commands' '*::argument:->arguments'\n"
         "    case $state in\n"
         "    commands)\n"
         "        local -a commands=(");
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        printf("            '%s:", subcommands[i]->name);
        put_zsh(words_of(subcommands[i]->summary));
        puts("'");
    }
    puts("        )\n"
         "        _describe command commands ;;\n"
         "    arguments)\n"
         "        case $words[1] in");
    for (size_t i = 0; subcommands[i] != NULL; i++) {
        const char *operand = operand_of(subcommands[i]);

        printf("        %s)\n            _arguments", subcommands[i]->name);
        put_zsh_options(subcommands[i]->options);
        put_zsh_options(cli_options());
        printf(" \\\n            '*:argument:%s' ;;\n",
               strcmp(operand, "id") == 0 ? "_outreach_ids" : "_files");
    }
    puts("        esac ;;\n"
         "    esac\n"
         "}\n"
         "_outreach \"$@\"");
}

int main(int argc, char **argv)
{
    language_set_chinese(false);
    if (argc == 4 && strcmp(argv[1], "page") == 0)
        return page(argv[2], argv[3]) == 0 && fflush(stdout) == 0 ? 0 : 1;
    if (argc == 2 && strcmp(argv[1], "bash") == 0)
        bash();
    else if (argc == 2 && strcmp(argv[1], "zsh") == 0)
        zsh();
    else
        return fputs("usage: manual page PAGE.in PLUGINS | bash | zsh\n", stderr), 64;
    return fflush(stdout) == 0 ? 0 : 1;
}
