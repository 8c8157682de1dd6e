/*
 * pdu_vectors.h - the octets of vectors/VECTORS, by name; VECTORS is defined before
 */
#ifndef PDU_VECTORS_H
#define PDU_VECTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS_MAX 100

struct vector {
    char name[64];
    uint8_t octets[400];
    size_t length;
    bool used; /* somebody asked for it */
};

static struct vector vectors[VECTORS_MAX];
static size_t vector_count;

static inline size_t vector_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned octet;

    for (; sscanf(hex, "%2x", &octet) == 1; hex += 2)
        out[n++] = (uint8_t)octet;
    return n;
}

static inline void vectors_load(void)
{
    FILE *f = fopen(TEST_DIR "/vectors/" VECTORS, "r");
    char line[2048];

    vector_count = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        struct vector *v = &vectors[vector_count];
        char *name = strtok(line, "\t"), *hex;

        if (line[0] == '#')
            continue;
        strtok(NULL, "\t");
        hex = strtok(NULL, "\t\n");
        snprintf(v->name, sizeof v->name, "%s", name);
        v->length = vector_hex(v->octets, hex);
        vector_count++;
    }
    if (f != NULL)
        fclose(f);
}

static inline const struct vector *vector_find(const char *name)
{
    size_t i;

    if (vector_count == 0)
        vectors_load();
    for (i = 0; i < vector_count; i++)
        if (strcmp(vectors[i].name, name) == 0) {
            vectors[i].used = true;
            return &vectors[i];
        }
    fprintf(stderr, "no vector %s\n", name);
    abort();
}

#endif
