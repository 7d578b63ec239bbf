/* SPDX-License-Identifier: Apache-2.0 */
#include <sbi.h>
#include "fakes.h"
#include "test.h"

enum { TIME = 0x54494d45, IPI = 0x735049, RFENCE = 0x52464e43, HSM = 0x48534d, SRST = 0x53525354, DBCN = 0x4442434e };
enum { NOT_SUPPORTED = -2, INVALID_PARAM = -3, INVALID_ADDRESS = -5, ALREADY_AVAILABLE = -6 };

static struct guest_memory memory;
static struct vcpu *vcpu;
static struct vcpu_page *page;

static int prepare(void **state)
{
	(void)state;
	fake_reset(NULL);
	memory = fake_memory();
	fake_make_harts(1, &memory, NULL, NULL);
	vcpu = &fake_harts.vcpu[0];
	page = vcpu->page;
	return 0;
}

static long call(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	uint64_t pc = page->pc;

	page->gpr[10] = a0;
	page->gpr[11] = a1;
	page->gpr[12] = a2;
	page->gpr[13] = a3;
	page->gpr[16] = function;
	page->gpr[17] = extension;
	sbi_handle(vcpu);
	assert_int_equal(page->pc, pc + 4);
	return (long)page->gpr[10];
}

/* PMU, STA, SUSP, firmware features, and others that are not there; legacy "send IPI" */
static const uint64_t unknown[] = { 0x504d55, 0x535441, 0x53555350, 0x46574654, 0x535345, 4, 9, 15, UINT64_MAX };

TEST(sbi, tells_version_and_extensions)
{
	static const uint64_t known[] = { 0x10, TIME, IPI, RFENCE, HSM, SRST, DBCN };

	(void)state;
	assert_int_equal(call(0x10, 0, 0, 0, 0, 0), 0);
	assert_int_equal(page->gpr[11], 0x02000000);
	for (unsigned i = 0; i < 7; i++) {
		call(0x10, 3, known[i], 0, 0, 0);
		assert_int_equal(page->gpr[11], 1);
	}
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_int_equal(call(0x10, 3, unknown[i], 0, 0, 0), 0);
		assert_int_equal(page->gpr[11], 0);
	}
	assert_int_equal(call(0x10, 4, 0, 0, 0, 0), 0);
	assert_int_equal(call(0x10, 7, 0, 0, 0, 0), NOT_SUPPORTED);
}

TEST(sbi, refuses_unknown_extensions)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(call(unknown[i], 0, 0, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(fake.log_errors, 0);
}

TEST(sbi, sets_the_timer)
{
	(void)state;
	page->hvip = VCPU_IRQ_TIMER;
	assert_int_equal(call(TIME, 0, 12345, 0, 0, 0), 0);
	assert_int_equal(page->timer, 12345);
	assert_int_equal(page->requests, VCPU_REQUEST_TIMER);
	assert_int_equal(page->hvip, 0);
	assert_int_equal(call(TIME, 1, 0, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(call(0, 0, 777, 0, 0, 0), 0);
	assert_int_equal(page->timer, 777);
}

TEST(sbi, sends_interrupts_to_existing_harts_only)
{
	(void)state;
	assert_int_equal(call(IPI, 0, 2, 0, 0, 0), INVALID_PARAM);
	assert_int_equal(call(IPI, 0, 1, 1, 0, 0), INVALID_PARAM);
	assert_int_equal(call(IPI, 0, 1, 64, 0, 0), INVALID_PARAM);
	assert_int_equal(call(IPI, 1, 1, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(call(IPI, 0, 0, 0, 0, 0), 0);
	assert_int_equal(page->hvip, 0);
	assert_int_equal(call(IPI, 0, 1, 0, 0, 0), 0);
	assert_int_equal(page->hvip, VCPU_IRQ_SOFTWARE);
	page->hvip = 0;
	assert_int_equal(call(IPI, 0, 0, UINT64_MAX, 0, 0), 0);
	assert_int_equal(page->hvip, VCPU_IRQ_SOFTWARE);
}

TEST(sbi, fences)
{
	(void)state;
	assert_int_equal(call(RFENCE, 0, 1, 0, 0, 0), 0);
	assert_int_equal(page->requests, VCPU_REQUEST_FENCE_I);
	page->requests = 0;
	assert_int_equal(call(RFENCE, 1, 0, UINT64_MAX, 0x5000, 4096), 0);
	assert_int_equal(page->requests, VCPU_REQUEST_FENCE_VVMA);
	assert_int_equal(page->fence_address, 0x5000);
	assert_int_equal(page->fence_size, 4096);
	assert_int_equal(call(RFENCE, 2, 1, 0, 0, UINT64_MAX), 0);
	assert_int_equal(page->fence_size, UINT64_MAX);
	page->requests = 0;
	assert_int_equal(call(RFENCE, 1, 1, 0, UINT64_MAX, 4096), INVALID_ADDRESS);
	assert_int_equal(call(RFENCE, 1, 6, 0, 0, 0), INVALID_PARAM);
	assert_int_equal(call(RFENCE, 3, 1, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(page->requests, 0);
}

TEST(sbi, manages_its_one_hart)
{
	(void)state;
	assert_int_equal(call(HSM, 0, 0, 0x80000000, 0, 0), ALREADY_AVAILABLE);
	assert_int_equal(call(HSM, 0, 1, 0x80000000, 0, 0), INVALID_PARAM);
	assert_int_equal(call(HSM, 2, 0, 0, 0, 0), 0);
	assert_int_equal(page->gpr[11], 0);
	assert_int_equal(call(HSM, 2, 1, 0, 0, 0), INVALID_PARAM);
	assert_int_equal(call(HSM, 1, 0, 0, 0, 0), -1);
	assert_int_equal(fake.poweroffs, 1);
}

/* A mask of harts, and what becomes of four of them of which the last is stopped. */
static const struct {
	uint64_t mask, base;
	long error;
	uint64_t reached;
} masks[] = {
	{ 0, 0, 0, 0 }, { 1, 0, 0, 1 }, { 6, 0, 0, 6 }, { 15, 0, 0, 7 }, { 8, 0, 0, 0 }, { 3, 1, 0, 6 }, { 0, 3, 0, 0 },
	{ 1, 2, 0, 4 }, { 0, UINT64_MAX, 0, 7 }, { UINT64_MAX, UINT64_MAX, 0, 7 }, { 16, 0, INVALID_PARAM, 0 },
	{ UINT64_MAX, 0, INVALID_PARAM, 0 }, { 4, 2, INVALID_PARAM, 0 }, { 1, 4, INVALID_PARAM, 0 },
	{ 0, 4, INVALID_PARAM, 0 }, { 1, 63, INVALID_PARAM, 0 }, { 1, 64, INVALID_PARAM, 0 },
	{ 2, UINT64_MAX - 1, INVALID_PARAM, 0 },
};

TEST(sbi, sends_interrupts_to_sets_of_harts)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		uint64_t reached = 0;

		fake_make_harts(4, &memory, NULL, NULL);
		fake_harts.vcpu[1].state = fake_harts.vcpu[2].state = 0;
		memset(fake.kicked, 0, sizeof(fake.kicked));
		assert_int_equal(call(IPI, 0, masks[i].mask, masks[i].base, 0, 0), masks[i].error);
		for (unsigned hart = 0; hart < 4; hart++) {
			uint64_t sent = hart ? fake.kicked[hart] : page->hvip;

			assert_true(sent == 0 || sent == VCPU_IRQ_SOFTWARE);
			reached |= (uint64_t)(sent != 0) << hart;
		}
		assert_int_equal(reached, masks[i].reached);
	}
}

TEST(sbi, fences_by_one_request_for_any_set_of_harts)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		bool all = masks[i].base == UINT64_MAX;

		fake_make_harts(4, &memory, NULL, NULL);
		assert_int_equal(call(RFENCE, 1, masks[i].mask, masks[i].base, 0x3000, 0x1000), masks[i].error);
		assert_int_equal(page->requests,
				 !masks[i].error && (all || masks[i].mask) ? VCPU_REQUEST_FENCE_VVMA : 0);
		assert_int_equal(fake_harts.vcpu[1].page->requests, 0);
	}
}

TEST(sbi, ends_the_guest)
{
	(void)state;
	call(SRST, 0, 0, 0, 0, 0);
	assert_int_equal(fake.poweroffs, 1);
	call(SRST, 0, 1, 0, 0, 0);
	call(SRST, 0, 2, 0, 0, 0);
	assert_int_equal(fake.reboots, 2);
	call(SRST, 0, 0, 1, 0, 0);
	assert_int_equal(fake.crashes, 1);
	assert_int_equal(fake.crash, VMM_CRASH_GUEST);
	assert_int_equal(call(SRST, 0, 3, 0, 0, 0), INVALID_PARAM);
	assert_int_equal(call(SRST, 0, 0, 2, 0, 0), INVALID_PARAM);
	assert_int_equal(call(SRST, 0, 0xf0000000, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(call(SRST, 1, 0, 0, 0, 0), NOT_SUPPORTED);
	call(8, 0, 0, 0, 0, 0);
	assert_int_equal(fake.poweroffs, 2);
}

TEST(sbi, writes_to_the_console)
{
	char text[32];

	(void)state;
	memcpy(memory.host, "a line\n", 7);
	assert_int_equal(call(DBCN, 0, 0, 0, 0, 0), 0);
	assert_int_equal(call(DBCN, 0, 7, FAKE_RAM_BASE, 0, 0), 0);
	assert_int_equal(page->gpr[11], 7);
	assert_int_equal(call(DBCN, 2, '!', 0, 0, 0), 0);
	fake_output(text, sizeof(text));
	assert_string_equal(text, "a line\n!");
}

TEST(sbi, checks_console_buffers)
{
	(void)state;
	assert_int_equal(call(DBCN, 0, 7, FAKE_RAM_BASE, 1, 0), INVALID_PARAM);
	assert_int_equal(call(DBCN, 0, 7, FAKE_RAM_BASE - 1, 0, 0), INVALID_PARAM);
	assert_int_equal(call(DBCN, 0, 2, FAKE_RAM_BASE + FAKE_RAM_SIZE - 1, 0, 0), INVALID_PARAM);
	assert_int_equal(call(DBCN, 1, UINT64_MAX, FAKE_RAM_BASE, 0, 0), INVALID_PARAM);
	assert_int_equal(call(DBCN, 3, 0, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(call(DBCN, 0, FAKE_RAM_SIZE, FAKE_RAM_BASE, 0, 0), 0);
	assert_int_equal(page->gpr[11], CONSOLE_OUTPUT_SIZE / 2);
}

TEST(sbi, reads_from_the_console)
{
	(void)state;
	fake_type("xyz");
	assert_int_equal(call(DBCN, 1, 2, FAKE_RAM_BASE, 0, 0), 0);
	assert_int_equal(page->gpr[11], 2);
	assert_memory_equal(memory.host, "xy", 2);
	assert_int_equal(call(2, 0, 0, 0, 0, 0), 'z');
	assert_int_equal(call(2, 0, 0, 0, 0, 0), -1);
}

TEST(sbi, answers_legacy_calls_in_a0_alone)
{
	(void)state;
	assert_int_equal(call(1, 0, 'x', 55, 0, 0), 0);
	assert_int_equal(page->gpr[11], 55);
	assert_int_equal(call(5, 0, 0, 0, 0, 0), 0);
	assert_int_equal(call(6, 0, 0, 0, 0, 0), 0);
	assert_int_equal(page->requests, VCPU_REQUEST_FENCE_I | VCPU_REQUEST_FENCE_VVMA);
	page->hvip = VCPU_IRQ_SOFTWARE;
	assert_int_equal(call(3, 0, 0, 0, 0, 0), 0);
	assert_int_equal(page->hvip, 0);
	assert_int_equal(call(4, 0, 0, 0, 0, 0), NOT_SUPPORTED);
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(sbi_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(tells_version_and_extensions), RUN_PREPARED(refuses_unknown_extensions),
		RUN_PREPARED(sets_the_timer), RUN_PREPARED(sends_interrupts_to_existing_harts_only),
		RUN_PREPARED(fences), RUN_PREPARED(manages_its_one_hart),
		RUN_PREPARED(sends_interrupts_to_sets_of_harts),
		RUN_PREPARED(fences_by_one_request_for_any_set_of_harts), RUN_PREPARED(ends_the_guest),
		RUN_PREPARED(writes_to_the_console), RUN_PREPARED(checks_console_buffers),
		RUN_PREPARED(reads_from_the_console), RUN_PREPARED(answers_legacy_calls_in_a0_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
