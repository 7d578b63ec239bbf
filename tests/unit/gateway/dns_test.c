/* SPDX-License-Identifier: Apache-2.0 */
/* Names: what is answered here, what is passed on, and messages made to do harm. */
#include "test.h"

#include <string.h>

#include <bytes.h>
#include <dns.h>

#include "scene.h"

enum { A = 1, PTR = 12, AAAA = 28 };

static uint8_t message[DNS_MESSAGE_MAX];
static size_t length;

static int set_up(void **state)
{
	(void)state;
	scene_init(true);
	return 0;
}

/* A query for "beta.lan". */
static void query(const char *name, uint16_t type)
{
	memset(message, 0, sizeof(message));
	store16(message, 0x4711);
	store16(message + 2, 0x0100);
	store16(message + 4, 1);
	length = 12;
	while (*name) {
		size_t size = strcspn(name, ".");

		message[length++] = (uint8_t)size;
		memcpy(message + length, name, size);
		length += size;
		name += size + (name[size] == '.');
	}
	message[length++] = 0;
	store16(message + length, type);
	store16(message + length + 2, 1);
	length += 4;
}

static enum dns_verdict ask(const char *name, uint16_t type)
{
	query(name, type);
	return dns_serve(&scene, message, &length);
}

static void check_answer(unsigned code, unsigned records)
{
	assert_int_equal(load16(message), 0x4711);
	assert_int_equal(load16(message + 2) & 0x8100, 0x8100);
	assert_int_equal(load16(message + 2) & 15, code);
	assert_int_equal(load16(message + 4), 1);
	assert_int_equal(load16(message + 6), records);
	assert_int_equal(load32(message + 8), 0);
}

TEST(dns, knows_guests_in_any_spelling)
{
	static const char *const names[] = { "beta", "beta.lan", "BeTa.LAN", "BETA" };

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ask(names[i], A), DNS_ANSWER);
		check_answer(0, 1);
		assert_int_equal(load32(message + length - 4), INNER(11));
		assert_int_equal(load16(message + length - 16), 0xc00c);
	}
	assert_int_equal(ask("gateway", A), DNS_ANSWER);
	assert_int_equal(load32(message + length - 4), INNER(1));
	/* Known, but without such an address. */
	assert_int_equal(ask("beta", AAAA), DNS_ANSWER);
	check_answer(0, 0);
}

TEST(dns, knows_all_addresses_of_a_guest)
{
	scene.lease[2] = scene.lease[1];
	scene.lease[2].address = INNER(12);
	scene.leases = 3;
	assert_int_equal(ask("beta", A), DNS_ANSWER);
	check_answer(0, 2);
	assert_int_equal(load32(message + length - 4), INNER(12));
}

TEST(dns, denies_what_is_not_in_this_network)
{
	assert_int_equal(ask("delta", A), DNS_ANSWER);
	check_answer(3, 0);
	assert_int_equal(ask("delta.lan", A), DNS_ANSWER);
	check_answer(3, 0);
	assert_int_equal(ask("x.beta.lan", A), DNS_ANSWER);
	check_answer(3, 0);
	assert_int_equal(ask("lan", A), DNS_ANSWER);
	check_answer(0, 0);
}

TEST(dns, passes_other_names_on_if_there_is_an_outside)
{
	assert_int_equal(ask("www.example.com", A), DNS_PASS);
	assert_int_equal(ask("beta.lan.example.com", A), DNS_PASS);
	assert_int_equal(ask("betalan", A), DNS_ANSWER);
	assert_int_equal(ask("", A), DNS_PASS);
	assert_int_equal(ask("7.100.51.198.in-addr.arpa", PTR), DNS_PASS);
	scene_init(false);
	assert_int_equal(ask("www.example.com", A), DNS_ANSWER);
	check_answer(3, 0);
}

TEST(dns, names_addresses)
{
	static const uint8_t name[] = "\4beta\3lan";

	assert_int_equal(ask("11.0.77.10.in-addr.arpa", PTR), DNS_ANSWER);
	check_answer(0, 1);
	assert_memory_equal(message + length - sizeof(name), name, sizeof(name));
	assert_int_equal(ask("99.0.77.10.in-addr.arpa", PTR), DNS_ANSWER);
	check_answer(3, 0);
	/* Other spellings are other names. */
	assert_int_equal(ask("011.0.77.10.in-addr.arpa", PTR), DNS_PASS);
	assert_int_equal(ask("11.0.77.10.in-addr.arpa.x", PTR), DNS_PASS);
	assert_int_equal(ask("11.0.77.in-addr.arpa", PTR), DNS_PASS);
	assert_int_equal(ask("300.0.77.10.in-addr.arpa", PTR), DNS_PASS);
}

TEST(dns, refuses_questions_that_make_no_sense)
{
	size_t whole;

	/* Compression in a question: to itself, forwards, and beyond the end. */
	for (unsigned target = 0; target < 64; target++) {
		query("", A);
		message[12] = 0xc0;
		message[13] = (uint8_t)target;
		assert_int_equal(dns_serve(&scene, message, &length), DNS_ANSWER);
		assert_int_equal(load16(message + 2) & 15, 1);
		assert_int_equal(length, 12);
	}
	query("beta", A);
	store16(message + 2, 0x8000);
	assert_int_equal(dns_serve(&scene, message, &length), DNS_DROP);
	query("beta", A);
	store16(message + 2, 0x2800);
	assert_int_equal(dns_serve(&scene, message, &length), DNS_ANSWER);
	assert_int_equal(load16(message + 2) & 15, 4);
	query("beta", A);
	store16(message + 4, 2);
	assert_int_equal(dns_serve(&scene, message, &length), DNS_ANSWER);
	assert_int_equal(load16(message + 2) & 15, 1);
	query("beta", A);
	whole = length;
	for (size_t size = 0; size < whole; size++) {
		query("beta", A);
		length = size;
		assert_int_equal(dns_serve(&scene, message, &length), size < 12 ? DNS_DROP : DNS_ANSWER);
		assert_true(length <= 12);
	}
}

TEST(dns, takes_names_of_every_length)
{
	for (unsigned labels = 1; labels <= 140; labels++) {
		memset(message, 0, sizeof(message));
		store16(message + 4, 1);
		length = 12;
		for (unsigned i = 0; i < labels; i++) {
			message[length++] = 1;
			message[length++] = '.';
		}
		length += 5;
		/* 255 bytes with the root (RFC 1035, section 2.3.4). */
		assert_int_equal(dns_question(message, length), 2 * labels + 1 <= 255 ? 2 * labels + 5 : 0);
		assert_int_not_equal(dns_serve(&scene, message, &length), DNS_DROP);
	}
}

TEST(dns, refuses_the_first_name_that_is_too_long)
{
	memset(message, 0, sizeof(message));
	store16(message + 4, 1);
	for (unsigned i = 0; i < 126; i++) {
		message[12 + 2 * i] = 1;
		message[13 + 2 * i] = 'x';
	}
	message[12 + 252] = 1;
	message[13 + 252] = 'x';
	assert_int_equal(dns_question(message, 12 + 254 + 5), 255 + 4);
	message[12 + 252] = 2;
	message[14 + 252] = 'x';
	assert_int_equal(dns_question(message, 12 + 255 + 5), 0);
}

TEST(dns, takes_only_answers_to_its_question)
{
	uint8_t question[DNS_QUESTION_MAX];
	size_t size;

	query("www.example.com", A);
	size = dns_question(message, length);
	memcpy(question, message + 12, size);
	assert_false(dns_answers(message, length, 0x4711, question, size));
	store16(message + 2, 0x8180);
	assert_true(dns_answers(message, length, 0x4711, question, size));
	assert_false(dns_answers(message, length, 0x4712, question, size));
	assert_false(dns_answers(message, length - 1, 0x4711, question, size));
	message[13] = 'W';
	assert_true(dns_answers(message, length, 0x4711, question, size));
	message[13] = 'x';
	assert_false(dns_answers(message, length, 0x4711, question, size));
	query("www.example.com", AAAA);
	store16(message + 2, 0x8180);
	assert_false(dns_answers(message, length, 0x4711, question, size));
	dns_fail(message, &length);
	assert_int_equal(load16(message + 2) & 15, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(dns, knows_guests_in_any_spelling, set_up),
		RUN_WITH(dns, knows_all_addresses_of_a_guest, set_up),
		RUN_WITH(dns, denies_what_is_not_in_this_network, set_up),
		RUN_WITH(dns, passes_other_names_on_if_there_is_an_outside, set_up),
		RUN_WITH(dns, names_addresses, set_up),
		RUN_WITH(dns, refuses_questions_that_make_no_sense, set_up),
		RUN_WITH(dns, takes_names_of_every_length, set_up),
		RUN_WITH(dns, refuses_the_first_name_that_is_too_long, set_up),
		RUN_WITH(dns, takes_only_answers_to_its_question, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
