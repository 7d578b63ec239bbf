/* SPDX-License-Identifier: Apache-2.0 */
/* The DHCP server: what clients of RFC 2131 say, and what nobody should. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <bytes.h>
#include <dhcp.h>

#include "scene.h"

enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, DECLINE = 4, ACK = 5, NAK = 6, RELEASE = 7, INFORM = 8 };

static struct dhcp_answer answer;
static uint8_t message[400];
static size_t length;

static int set_up(void **state)
{
	(void)state;
	scene_init(true);
	return 0;
}

/* A message of alpha, with no option but the type. */
static void begin(uint8_t type)
{
	memset(message, 0, sizeof(message));
	message[0] = 1;
	message[1] = 1;
	message[2] = 6;
	store32(message + 4, 0xdeadbeef);
	memcpy(message + 28, scene.lease[0].mac, 6);
	store32(message + 236, 0x63825363);
	message[240] = 53;
	message[241] = 1;
	message[242] = type;
	length = 243;
}

static void add(uint8_t code, uint32_t value)
{
	message[length] = code;
	message[length + 1] = 4;
	store32(message + length + 2, value);
	length += 6;
}

/* The type of the answer, 0: none. The message lies in memory of exactly its size. */
static unsigned ask_as(const uint8_t *source, bool end)
{
	uint8_t *copy;
	unsigned type;

	if (end)
		message[length++] = 255;
	copy = malloc(length);
	assert_non_null(copy);
	memcpy(copy, message, length);
	dhcp_serve(&scene, source, copy, length, &answer);
	free(copy);
	type = answer.length ? answer.message[242] : 0;
	assert_true(!answer.length || answer.message[240] == 53);
	return type;
}

static unsigned ask(void)
{
	return ask_as(scene.lease[0].mac, true);
}

/* Where an option's value is; NULL: missing. */
static const uint8_t *option(uint8_t code, uint8_t size)
{
	const uint8_t *at = answer.message + 240;

	while (*at != 255 && at < answer.message + answer.length) {
		if (*at == code) {
			assert_int_equal(at[1], size);
			return at + 2;
		}
		at += at[1] + 2;
	}
	return NULL;
}

TEST(dhcp, offers_the_address_that_the_nic_has)
{
	begin(DISCOVER);
	assert_int_equal(ask(), OFFER);
	assert_int_equal(answer.message[0], 2);
	assert_int_equal(load32(answer.message + 4), 0xdeadbeef);
	assert_int_equal(load32(answer.message + 16), INNER(10));
	assert_memory_equal(answer.message + 28, scene.lease[0].mac, 6);
	assert_int_equal(answer.destination, INNER(10));
	assert_int_equal(load32(option(1, 4)), 0xffffff00u);
	assert_int_equal(load32(option(3, 4)), INNER(1));
	assert_int_equal(load32(option(6, 4)), INNER(1));
	assert_int_equal(load32(option(54, 4)), INNER(1));
	assert_int_equal(load32(option(51, 4)), DHCP_LEASE_SECONDS);
	assert_int_equal(load16(option(26, 2)), 1500);
	assert_memory_equal(option(12, 5), "alpha", 5);
	assert_memory_equal(option(15, 3), "lan", 3);
	assert_true(answer.length >= 300);
}

TEST(dhcp, answers_all_if_the_client_asks_for_that)
{
	begin(DISCOVER);
	store16(message + 10, 0x8000);
	assert_int_equal(ask(), OFFER);
	assert_int_equal(answer.destination, UINT32_MAX);
}

TEST(dhcp, names_no_router_without_an_outside)
{
	scene_init(false);
	begin(DISCOVER);
	assert_int_equal(ask(), OFFER);
	assert_null(option(3, 4));
	assert_non_null(option(6, 4));
}

TEST(dhcp, acknowledges_its_own_address_only)
{
	begin(REQUEST);
	add(50, INNER(10));
	add(54, INNER(1));
	assert_int_equal(ask(), ACK);
	/* Renewal: the address is in the header. */
	begin(REQUEST);
	store32(message + 12, INNER(10));
	assert_int_equal(ask(), ACK);
	assert_int_equal(load32(answer.message + 12), INNER(10));
	begin(REQUEST);
	add(50, INNER(11));
	assert_int_equal(ask(), NAK);
	assert_int_equal(answer.destination, UINT32_MAX);
	assert_int_equal(load32(answer.message + 16), 0);
	begin(REQUEST);
	assert_int_equal(ask(), NAK);
	/* Another server's offer was taken. */
	begin(REQUEST);
	add(50, INNER(10));
	add(54, INNER(9));
	assert_int_equal(ask(), 0);
}

TEST(dhcp, tells_the_rest_to_who_has_an_address)
{
	begin(INFORM);
	store32(message + 12, INNER(10));
	assert_int_equal(ask(), ACK);
	assert_int_equal(load32(answer.message + 16), 0);
	assert_null(option(51, 4));
	begin(INFORM);
	store32(message + 12, INNER(11));
	assert_int_equal(ask(), 0);
}

TEST(dhcp, does_not_answer_what_makes_no_sense)
{
	static const uint8_t stranger[6] = { 0x52, 0x54, 0, 0, 0, 9 };
	static const uint8_t types[] = { 0, OFFER, DECLINE, ACK, NAK, RELEASE, 9, 255 };
	static const struct { uint16_t at; uint8_t value; } wrong[] = {
		{ 0, 2 }, { 1, 6 }, { 2, 5 }, { 2, 16 }, { 27, 1 }, { 236, 0 }, { 33, 9 }, { 241, 0 }, { 241, 2 }, { 241, 255 }, { 240, 0 },
	};

	for (unsigned i = 0; i < sizeof(types); i++) {
		begin(types[i]);
		assert_int_equal(ask(), 0);
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin(DISCOVER);
		message[wrong[i].at] = wrong[i].value;
		assert_int_equal(ask(), 0);
	}
	/* In another's name, and of a NIC that is not known. */
	begin(DISCOVER);
	assert_int_equal(ask_as(scene.lease[1].mac, true), 0);
	begin(DISCOVER);
	memcpy(message + 28, stranger, 6);
	assert_int_equal(ask_as(stranger, true), 0);
	/* Options without an end; one that goes beyond it; all lengths. */
	begin(DISCOVER);
	assert_int_equal(ask_as(scene.lease[0].mac, false), 0);
	begin(DISCOVER);
	message[length] = 50;
	message[length + 1] = 200;
	length += 2;
	assert_int_equal(ask(), 0);
	begin(DISCOVER);
	for (size_t size = 1; size < 243; size++) {
		length = size;
		assert_int_equal(ask_as(scene.lease[0].mac, false), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(dhcp, offers_the_address_that_the_nic_has, set_up),
		RUN_WITH(dhcp, answers_all_if_the_client_asks_for_that, set_up),
		RUN_WITH(dhcp, names_no_router_without_an_outside, set_up),
		RUN_WITH(dhcp, acknowledges_its_own_address_only, set_up),
		RUN_WITH(dhcp, tells_the_rest_to_who_has_an_address, set_up),
		RUN_WITH(dhcp, does_not_answer_what_makes_no_sense, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
