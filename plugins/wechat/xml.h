/*
 * xml.h - the little of XML that WeChat pushes
 *
 * Elements without attributes, text, CDATA, the five entities and character references. Anything
 * else (a document type, a comment, an instruction, an element that is not closed by its name,
 * text beside elements) is refused: there is nothing to expand, and nothing to fetch.
 */
#ifndef WECHAT_XML_H
#define WECHAT_XML_H

#include "digest.h"

#define WECHAT_XML_DEPTH 8

/* A leaf and its text; or, with text NULL, the end of an element that had others in it. depth is 0
 * for the root. The strings are good until fn returns; name has n bytes. */
typedef void wechat_xml_fn(void *arg, unsigned depth, const char *name, size_t n, const char *text,
                           size_t length);

/* Reads a whole document; -1 if it is none. fn may have run before that is known. */
int wechat_xml_read(const char *xml, size_t n, wechat_xml_fn *fn, void *arg);

#endif
