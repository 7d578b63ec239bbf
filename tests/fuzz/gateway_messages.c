/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of DHCP and DNS, as a guest or anybody outside may make them: answers stay within their room, and keep their rules. */
#include <bytes.h>
#include <dhcp.h>
#include <dns.h>

#include "scene.h"
#include "vmm_fuzz.h"

#define HEADER 12u

/* In memory of exactly its size. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + !size);

	CHECK(copy);
	memcpy(copy, data, size);
	return copy;
}

static void try_dhcp(const uint8_t *data, size_t size)
{
	uint8_t *message = copy_of(data, size);
	struct dhcp_answer answer;

	dhcp_serve(&scene, scene.lease[0].mac, message, size, &answer);
	if (answer.length) {
		CHECK(answer.length <= sizeof(answer.message) && answer.lease == &scene.lease[0]);
		CHECK(answer.destination == answer.lease->address || answer.destination == UINT32_MAX);
		/* Nobody else's address. */
		CHECK(load32(answer.message + 16) == 0 || load32(answer.message + 16) == answer.lease->address);
		CHECK(memchr(answer.message + 240, 255, answer.length - 240));
	}
	free(message);
}

static void try_dns(const uint8_t *data, size_t size)
{
	uint8_t *message = malloc(DNS_MESSAGE_MAX), *question;
	size_t length = size, asked;
	enum dns_verdict verdict;

	CHECK(message);
	memcpy(message, data, size);
	asked = dns_question(message, size);
	CHECK(asked == 0 || (asked + HEADER <= size && asked <= DNS_QUESTION_MAX));
	question = copy_of(data + (asked ? HEADER : 0), asked);
	verdict = dns_serve(&scene, message, &length);
	CHECK(length <= DNS_MESSAGE_MAX);
	if (verdict == DNS_ANSWER)
		CHECK(length >= HEADER && (load16(message + 2) & 0x8000) && load16(message) == load16(data));
	if (verdict == DNS_PASS) {
		CHECK(asked && length == size && memcmp(message, data, size) == 0);
		/* The answer that is the question alone is one, and none to another number. */
		message[2] |= 0x80;
		CHECK(dns_answers(message, length, load16(data), question, asked));
		CHECK(!dns_answers(message, length, (uint16_t)~load16(data), question, asked));
		dns_fail(message, &length);
		CHECK(length == HEADER + asked);
	}
	free(question);
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > DNS_MESSAGE_MAX)
		return 0;
	scene_init(data[0] & 1);
	if (data[0] & 2)
		try_dhcp(data + 1, size - 1);
	else
		try_dns(data + 1, size - 1);
	return 0;
}
