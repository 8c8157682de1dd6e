/*
 * wecom_xml.h - the few fields of WeCom's flat XML
 *
 * <xml><Name>text</Name><Other><![CDATA[text]]></Other>...</xml>: elements directly within the
 * root. That is all that WeCom writes; what is nested deeper, a comment, a DTD or anything else is
 * not read. Entities are the five of XML and numbers.
 */
#ifndef WECOM_XML_H
#define WECOM_XML_H

#include "digest.h"

/* The text of the first element of that name in out, whatever bytes come. -1: there is none, or
 * it is malformed. */
int wecom_xml_find(const char *xml, size_t n, const char *name, struct text *out);

#endif
