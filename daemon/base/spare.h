/*
 * spare.h - objects kept for the next who needs one
 *
 * What is taken and given back at every turn is not worth a malloc() and a memset() each time.
 * After a burst some lie idle: spare_trim() lets go of those. Zero-initialised is ready for use.
 */
#ifndef OUTREACH_SPARE_H
#define OUTREACH_SPARE_H

#include <stddef.h>

struct spare {
    void *first;        /* each begins with a pointer to the next */
    size_t count, idle; /* idle: so many have lain here all the time since spare_trim() */
};

/* One of them as it was given back, or NULL: make one. It is the caller's now. */
void *spare_take(struct spare *s);

/* Keeps object, whose first member is a pointer for us. */
void spare_give(struct spare *s, void *object);

/* Frees as many as nobody has needed since the last call. */
void spare_trim(struct spare *s, void (*free_one)(void *object));

/* Frees them all. */
void spare_free(struct spare *s, void (*free_one)(void *object));

#endif
