/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names (RFC 1035): those of guests are answered here, others are passed on to the server outside as they are. Only the one question of a
 * query is looked at, and no compression is followed: what a server answers is compared with the question and handed through.
 */
#pragma once

#include "description.h"

#define DNS_PORT 53u
#define DNS_MESSAGE_MAX 1472u /* bytes, so that no answer is cut into fragments */
#define DNS_QUESTION_MAX 260u /* bytes: name, type, class */

enum dns_verdict {
	DNS_DROP,   /* no query: no answer */
	DNS_ANSWER, /* the message is the answer now */
	DNS_PASS,   /* for the server outside */
};

/*
 * Looks at a query and answers it in place, if it is about this network or if there is no outside. *length: bytes of the message, in room of
 * DNS_MESSAGE_MAX.
 */
enum dns_verdict dns_serve(const struct description *description, uint8_t *message, size_t *length);

/* Makes a refusal of a query that was to be passed on: SERVFAIL. */
void dns_fail(uint8_t *message, size_t *length);

/* Bytes of the one question from byte 12 on, 0: there is none, or its name is not plain. */
size_t dns_question(const uint8_t *message, size_t length);

/* Whether a message is an answer to this question under this number. */
bool dns_answers(const uint8_t *message, size_t length, uint16_t id, const uint8_t *question, size_t size);
