/* SPDX-License-Identifier: Apache-2.0 */
#include <devices/plic.h>
#include "test.h"

static struct plic plic;
static bool line[2];
static unsigned changes;

static void set_line(void *to, bool level)
{
	*(bool *)to = level;
	changes++;
}

enum { PENDING = 0x1000, ENABLE = 0x2000, THRESHOLD = 0x200000, CLAIM = 0x200004, CONTEXT = 0x1000 };

static uint32_t load(uint64_t offset)
{
	struct bus_access access = { .offset = offset, .size = 4, .value = 0xbad };

	assert_true(plic_access(&plic, &access));
	return (uint32_t)access.value;
}

static void store(uint64_t offset, uint32_t value)
{
	struct bus_access access = { .offset = offset, .size = 4, .value = value, .write = true };

	assert_true(plic_access(&plic, &access));
}

static int prepare(void **state)
{
	(void)state;
	memset(&plic, 0, sizeof(plic));
	line[0] = line[1] = false;
	assert_int_equal(plic_add_context(&plic, set_line, &line[0]), ERR_OK);
	assert_int_equal(plic_add_context(&plic, set_line, &line[1]), ERR_OK);
	store(4 * 10, 1);
	store(4 * 33, 1);
	store(ENABLE, 1 << 10);
	store(ENABLE + 4, 1 << 1);
	return 0;
}

TEST(plic, signals_an_enabled_level)
{
	(void)state;
	plic_set_input(&plic, 10, true);
	assert_true(line[0]);
	assert_false(line[1]);
	assert_int_equal(load(PENDING), 1 << 10);
	plic_set_input(&plic, 10, false);
	assert_false(line[0]);
}

TEST(plic, claims_and_completes)
{
	(void)state;
	plic_set_input(&plic, 33, true);
	assert_int_equal(load(PENDING + 4), 2);
	assert_int_equal(load(CLAIM), 33);
	assert_false(line[0]);
	assert_int_equal(load(CLAIM), 0);
	store(CLAIM, 10); /* completes nothing */
	assert_false(line[0]);
	store(CLAIM, 33); /* the level is still high */
	assert_true(line[0]);
	assert_int_equal(load(CLAIM), 33);
	plic_set_input(&plic, 33, false);
	store(CLAIM, 33);
	assert_false(line[0]);
	assert_int_equal(load(CLAIM), 0);
}

TEST(plic, orders_by_priority_then_number)
{
	(void)state;
	plic_set_input(&plic, 33, true);
	plic_set_input(&plic, 10, true);
	assert_int_equal(load(CLAIM), 10);
	assert_int_equal(load(CLAIM), 33);
	store(CLAIM, 10);
	store(CLAIM, 33);
	store(4 * 33, 7);
	assert_int_equal(load(CLAIM), 33);
}

TEST(plic, masks_by_threshold_priority_and_enable)
{
	(void)state;
	plic_set_input(&plic, 10, true);
	store(THRESHOLD, 1);
	assert_false(line[0]);
	assert_int_equal(load(THRESHOLD), 1);
	store(4 * 10, 2);
	assert_true(line[0]);
	store(4 * 10, 0);
	assert_false(line[0]);
	assert_int_equal(load(CLAIM), 0);
	store(4 * 10, 15);
	assert_int_equal(load(4 * 10), 7);
	store(ENABLE, 0);
	assert_false(line[0]);
}

TEST(plic, ignores_completion_of_a_disabled_source)
{
	(void)state;
	plic_set_input(&plic, 10, true);
	assert_int_equal(load(CLAIM), 10);
	store(ENABLE, 0);
	store(CLAIM, 10);
	store(ENABLE, 1 << 10);
	assert_false(line[0]);
	store(CLAIM, 10);
	assert_true(line[0]);
}

TEST(plic, has_no_source_0_and_no_third_context)
{
	(void)state;
	store(0, 7);
	assert_int_equal(load(0), 0);
	store(ENABLE, UINT32_MAX);
	assert_int_equal(load(ENABLE), UINT32_MAX - 1);
	store(ENABLE + 2 * 0x80, UINT32_MAX);
	assert_int_equal(load(ENABLE + 2 * 0x80), 0);
	store(THRESHOLD + 2 * CONTEXT, 3);
	assert_int_equal(load(THRESHOLD + 2 * CONTEXT), 0);
	assert_int_equal(load(CLAIM + 2 * CONTEXT), 0);
	store(CLAIM, UINT32_MAX);
	assert_int_equal(load(0x5ffffc), 0);
}

TEST(plic, tells_changes_to_each_context_that_leads_somewhere)
{
	(void)state;
	assert_int_equal(plic_add_context(&plic, NULL, NULL), ERR_OK);
	store(ENABLE + 0x80, 1 << 10);
	store(ENABLE + 2 * 0x80, 1 << 10);
	assert_int_equal(load(ENABLE + 2 * 0x80), 1 << 10);
	changes = 0;
	plic_set_input(&plic, 10, true);
	assert_true(line[0] && line[1]);
	store(THRESHOLD, 0);
	store(4 * 10, 2);
	assert_int_equal(changes, 2);
	assert_int_equal(load(CLAIM + CONTEXT), 10);
	assert_true(!line[0] && !line[1]);
	assert_int_equal(load(CLAIM), 0);
	store(CLAIM + CONTEXT, 10);
	assert_int_equal(load(CLAIM + 2 * CONTEXT), 10); /* a context of a mode that the guest has not */
	assert_int_equal(changes, 8);
	for (unsigned i = 3; i < PLIC_CONTEXTS; i++)
		assert_int_equal(plic_add_context(&plic, NULL, NULL), ERR_OK);
	assert_int_equal(plic_add_context(&plic, NULL, NULL), ERR_LIMIT);
}

TEST(plic, shows_the_enable_bits_to_the_guest)
{
	static uint32_t page[1024];

	(void)state;
	plic.shown = page;
	store(ENABLE, 0xffffffff);
	store(ENABLE + 4, 0x80000001);
	store(ENABLE + 0x80, 0x30);
	store(ENABLE + 8, 0xffffffff); /* no source has these */
	for (uint64_t at = 0; at < 4096; at += 4)
		assert_int_equal(page[at / 4], load(ENABLE + at));
	assert_int_equal(page[0], 0xfffffffe);
	assert_int_equal(page[1], 0x80000001);
	assert_int_equal(page[32], 0x30);
}

TEST(plic, takes_words_only)
{
	struct bus_access access = { .offset = CLAIM, .size = 1 };

	(void)state;
	assert_false(plic_access(&plic, &access));
	access.size = 8;
	assert_false(plic_access(&plic, &access));
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(plic_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(signals_an_enabled_level), RUN_PREPARED(claims_and_completes),
		RUN_PREPARED(orders_by_priority_then_number), RUN_PREPARED(masks_by_threshold_priority_and_enable),
		RUN_PREPARED(ignores_completion_of_a_disabled_source),
		RUN_PREPARED(has_no_source_0_and_no_third_context), 
		RUN_PREPARED(tells_changes_to_each_context_that_leads_somewhere), RUN_PREPARED(takes_words_only),
		RUN_PREPARED(shows_the_enable_bits_to_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
