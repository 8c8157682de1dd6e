/*
 * wheel.h - many things that fall due, in order, at a cost that does not grow
 *
 * A hierarchical timing wheel of milliseconds: five levels of 256 slots hold a
 * monotonic clock for its first 34 years. To add, remove or take is a matter of
 * a few pointers, however many there are.
 *
 * Items are embedded in what they stand for; the wheel owns no memory but its
 * slots. Items of one millisecond come out in the order in which they were
 * added, but for those that a higher level hands down beside new ones.
 */
#ifndef SANDBOX_WHEEL_H
#define SANDBOX_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wheel_item {
    struct wheel_item *next, *previous;
    int64_t due_ms;
};

struct wheel;

struct wheel *wheel_create(int64_t now_ms);
void wheel_destroy(struct wheel *w); /* NULL is fine; items are not touched */

/* Adds an item that is in no wheel. What is due already comes out next, behind
 * those of the millisecond at which the wheel stands. */
void wheel_add(struct wheel *w, struct wheel_item *item, int64_t due_ms);
void wheel_remove(struct wheel *w, struct wheel_item *item);

/* Takes out one item that is due by now_ms, or NULL. now_ms never goes back. */
struct wheel_item *wheel_take(struct wheel *w, int64_t now_ms);

/* When to call wheel_take() next: the due time of the first item, or a little
 * before it where that lies far off; -1 for an empty wheel. */
int64_t wheel_next_ms(const struct wheel *w);

size_t wheel_count(const struct wheel *w);

#endif
