/*
 * signature.h - is a request from Twilio? X-Twilio-Signature
 *
 * Base64 of HMAC-SHA1, by the account's auth token, over the URL as Twilio requested it and
 * the names and values of a POSTed form; where the query has bodySHA256, the body is no form
 * and that is its SHA-256. Twilio writes the default port into the URL or not as it likes, so
 * that both readings are tried.
 */
#ifndef TWILIO_SIGNATURE_H
#define TWILIO_SIGNATURE_H

#include "form.h"

#include <stdbool.h>

#define TWILIO_SIGNATURE_BYTES 29 /* with the NUL */

/* The signature over this very URL; form NULL for none. */
void twilio_sign(const char *auth_token, const char *url, const struct twilio_form *form,
                 char out[TWILIO_SIGNATURE_BYTES]);

/* url is the whole one, as it is seen from outside; body (length bytes) is what form was
 * read from. In the same time for every wrong signature. */
bool twilio_signature_right(const char *auth_token, const char *url, const struct twilio_form *form,
                            const char *body, size_t length, const char *signature);

#endif
