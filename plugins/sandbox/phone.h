/*
 * phone.h - the file that shows what arrives at the phones
 *
 * One line of JSON a message: {"to":"+8613…","text":"…","at":"2027-03-06T01:00:00.250Z",
 * "reference":"…"}. It holds texts and whole numbers, so it is made for its
 * owner alone (0600) and is meant for rehearsals.
 *
 * Lines are gathered and written together. A line is in the file (not
 * necessarily on the disk) before the daemon hears that its message was taken.
 */
#ifndef SANDBOX_PHONE_H
#define SANDBOX_PHONE_H

#include "gateway_plugin.h"

struct phone;

/* Opens path for appending. Returns NULL with a sentence in error. */
struct phone *phone_open(const char *path, char *error, size_t size);
void phone_close(struct phone *p); /* NULL is fine; writes what is gathered */

void phone_show(struct phone *p, const struct gateway_message *m, int64_t wall_ms);

/* Writes what is gathered. Returns 0, or -1 with errno: that is lost then. */
int phone_flush(struct phone *p);

#endif
