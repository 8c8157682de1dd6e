/*
 * campaign_files.h - the campaign files that a person names: a file, or a directory's
 */
#ifndef OUTREACH_CAMPAIGN_FILES_H
#define OUTREACH_CAMPAIGN_FILES_H

struct error;

/* fn for path, or for each of a directory's *.conf and *.json in the order of their names; one
 * of these that is something else (what campaigns include, a configuration) is told and left out.
 * -1 with err if there is no such path. */
int campaign_files_each(const char *path, void (*fn)(void *arg, const char *file), void *arg,
                        struct error *err);

#endif
