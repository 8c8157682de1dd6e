/*
 * tree.h - a parsed document in which every node knows where it stands
 *
 * Configurations and campaigns come as libconfig files, campaigns from other
 * programs as JSON. Both become the same tree: a libconfig group is an object,
 * a list `( )` or array `[ ]` is a list. Whoever finds a value wrong says so
 * with tree_error(), and the person reads the file and line, or the path.
 *
 * libconfig 1.5 by itself reads 3000000000 as -1294967296 and 010 as 10
 * without a word, resolves @include from the current directory and takes
 * strings that are no UTF-8. So the source is looked through first: integers
 * are 64 bits wide with or without their L, what does not fit or begins with a
 * zero is refused, an include is found beside the file that names it.
 *
 * A tree is one piece of memory, read-only once made; strings and names live
 * as long as it does. Nesting goes to 32 levels.
 */
#ifndef OUTREACH_TREE_H
#define OUTREACH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_CONFIG_BYTES (1024u * 1024u)     /* of a file with its includes */
#define TREE_CONFIG_MARKS 30000u              /* commas, equal signs, brackets, strings in it */
#define TREE_JSON_BYTES (64u * 1024u * 1024u) /* of a JSON text */
#define TREE_JSON_VALUES 1000000u             /* in it, at any depth */

#define TREE_PAIRS 1000u /* for tree_pairs(), which compares all with all */

struct buf;
struct error;

enum tree_kind {
    TREE_OBJECT,
    TREE_LIST,
    TREE_STRING,
    TREE_INT,
    TREE_FLOAT, /* always finite */
    TREE_BOOL,
    TREE_NULL, /* JSON only */
};

struct tree {
    enum tree_kind kind;
    int line;                  /* from 1; 0 in a tree that came from JSON */
    const char *file;          /* NULL in a tree that came from JSON */
    const char *name;          /* of a member of an object, else NULL */
    const struct tree *parent; /* NULL at the top */
    struct tree *first, *next; /* children in the order of the file; the next sibling */
    size_t count;              /* of children */
    union {
        const char *string; /* UTF-8, NUL-terminated, without NUL inside */
        int64_t integer;
        double number;
        bool truth;
    };
};

/* Reads a libconfig file. Returns a tree (an object) for tree_free(), or NULL
 * with "FILE:LINE: what is wrong". */
struct tree *tree_read_config(const char *path, struct error *err);

/* The same from a text; where stands for the file's name in errors, and its
 * directory is where includes are looked for. */
struct tree *tree_parse_config(const char *text, size_t n, const char *where, struct error *err);

/* Reads a JSON text, object or list; a member given twice is an error. where
 * goes before a syntax error ("WHERE: line 3, column 7: ..."), NULL for none. */
struct tree *tree_parse_json(const char *text, size_t n, const char *where, struct error *err);

void tree_free(struct tree *t); /* of the top node; NULL is fine */

/* The node at a path of names and list indexes joined by dots
 * ("event.starts", "accepted.0.status"), or NULL. */
const struct tree *tree_get(const struct tree *t, const char *path);

/* The member of that name, which may hold dots, or NULL. */
const struct tree *tree_member(const struct tree *t, const char *name);

/* The string at the path, or otherwise if there is none or it is no string. */
const char *tree_string(const struct tree *t, const char *path, const char *otherwise);

/* Runs fn for every pair of a table of names: an object, or a list of lists of
 * two whose first is a string, which is how libconfig writes names that are
 * not ASCII: vars = ( ( "企业数", "86" ) ). Stops at the first -1 of fn, which
 * fills err. Returns 0; or -1 with an error, also for a name given twice and for
 * more than TREE_PAIRS. */
typedef int tree_pair_fn(void *arg, const char *name, const struct tree *value, struct error *err);
int tree_pairs(const struct tree *t, tree_pair_fn *fn, void *arg, struct error *err);

/* Sets "FILE:LINE: PATH: text", or "PATH: text" for JSON, with a path like
 * reminders[1].at, and the text in the person's language. Always returns -1. */
int tree_error(struct error *err, const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Until it is called with NULL, fn hears of every tree_error(), with the node and the whole text;
 * and who reads many fields then goes on after a wrong one, to fail in the end. For a program that
 * wants to tell of all mistakes of a document. */
typedef void tree_mistake_fn(void *arg, const struct tree *node, const char *text);
void tree_listen(tree_mistake_fn *fn, void *arg);
bool tree_is_heard(void);

/* fn does not hear of what is read between true and false: a document that we made ourselves.
 * In pairs, also within each other. */
void tree_hush(bool hush);

/* The path of a node for people, "" for the top; cut to size. Returns out. */
const char *tree_path(const struct tree *node, char *out, size_t size);

/* "an object", "a list", "a string", "an integer", ... in the person's language */
const char *tree_kind_name(enum tree_kind kind);

/* Appends the tree as JSON: members sorted by name, no spaces, one way to write
 * a value. Trees with the same content give the same bytes. */
void tree_write_json(const struct tree *t, struct buf *out);

#endif
