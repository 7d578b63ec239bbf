/* SPDX-License-Identifier: Apache-2.0 */
#include <exit.h>
#include <report.h>
#include "fakes.h"
#include "test.h"

static struct guest_memory memory;
static struct bus bus;
static struct vcpu *vcpu;
static struct vcpu_page *page;
static struct bus_access seen;
static uint64_t answer, exits;
static bool refuse;

static bool device(void *context, struct bus_access *access)
{
	(void)context;
	seen = *access;
	if (!access->write)
		access->value = answer;
	return !refuse;
}

static int prepare(void **state)
{
	(void)state;
	fake_reset(NULL);
	memory = fake_memory();
	bus = (struct bus){ .devices = 0 };
	assert_int_equal(bus_add(&bus, 0x1000, 0x1000, device, NULL), ERR_OK);
	exits = 0;
	fake_make_harts(1, &memory, &bus, &exits);
	vcpu = &fake_harts.vcpu[0];
	page = vcpu->page;
	page->mode = 1;
	page->pc = 0x80000000;
	refuse = false;
	return 0;
}

static void fault(uint64_t cause, uint64_t address, uint64_t htinst)
{
	struct vcpu_exit_info exit = {
		.cause = cause, .value = 0xff0000000 + address, .address = address, .instruction = htinst,
	};

	exit_handle(vcpu, &exit);
}

static void assert_injected(uint64_t cause, uint64_t value)
{
	assert_int_equal(page->requests, VCPU_REQUEST_TRAP);
	assert_int_equal(page->trap_cause, cause);
	assert_int_equal(page->trap_value, value);
	assert_int_equal(page->pc, 0x80000000);
	page->requests = 0;
}

TEST(exit, loads_with_sign_and_width)
{
	(void)state;
	answer = 0xfedcba98fedcba98;
	fake.instruction = 0x00058503; /* lb a0 */
	fault(21, 0x1003, 0);
	assert_int_equal(page->gpr[10], (uint64_t)-0x68);
	assert_int_equal(seen.offset, 3);
	assert_int_equal(seen.size, 1);
	assert_int_equal(page->pc, 0x80000004);
	fault(21, 0x1004, 0x00006503); /* lwu a0 as the hart tells it */
	assert_int_equal(page->gpr[10], 0xfedcba98);
	fault(21, 0x1008, 0x00003501); /* c.ld */
	assert_int_equal(page->gpr[10], answer);
	assert_int_equal(page->pc, 0x8000000a);
	fake.instruction = 0x0005b003; /* ld zero */
	fault(21, 0x1008, 0);
	assert_int_equal(page->gpr[0], 0);
	assert_int_equal(exits, 4);
}

TEST(exit, stores_registers_and_zero)
{
	(void)state;
	page->gpr[10] = 0x1122334455667788;
	fake.instruction = 0xc1c8; /* c.sw a0 */
	fault(23, 0x1004, 0);
	assert_true(seen.write);
	assert_int_equal((uint32_t)seen.value, 0x55667788);
	assert_int_equal(page->pc, 0x80000002);
	page->gpr[0] = 77;
	fake.instruction = 0x0005a023; /* sw zero */
	fault(23, 0x1004, 0);
	assert_int_equal(seen.value, 0);
}

TEST(exit, injects_access_faults)
{
	(void)state;
	fake.instruction = 0x0005a503;
	fault(21, 0x5000, 0);
	assert_injected(5, 0xff0005000);
	fake.instruction = 0x00a5a023;
	fault(23, 0x1ffe000, 0);
	assert_injected(7, 0xff1ffe000);
	refuse = true;
	fault(23, 0x1000, 0);
	assert_injected(7, 0xff0001000);
	fake.instruction = 0x00c5a52f; /* amoadd: cause 21 on QEMU 7.2 */
	fault(21, 0x1000, 0);
	assert_injected(7, 0xff0001000);
	fake.instruction = 0x1005a52f; /* lr */
	fault(21, 0x1000, 0);
	assert_injected(5, 0xff0001000);
	fault(21, 0x1000, 0x3000); /* page-table walk */
	assert_injected(5, 0xff0001000);
	fault(23, 0x1000, 0x3020);
	assert_injected(7, 0xff0001000);
	fault(20, 0x1000, 0);
	assert_injected(1, 0xff0001000);
}

TEST(exit, logs_holes_but_not_for_ever)
{
	(void)state;
	fake.instruction = 0x0005a503;
	for (unsigned i = 0; i < 100; i++)
		fault(21, 0x5000, 0);
	assert_int_equal(fake.log_lines, 16);
	assert_int_equal(fake.log_errors, 0);
}

TEST(exit, injects_misaligned)
{
	(void)state;
	fake.instruction = 0x0005a503;
	fault(21, 0x1002, 0);
	assert_injected(4, 0xff0001002);
	fake.instruction = 0x00a5b023; /* sd */
	fault(23, 0x1004, 0);
	assert_injected(6, 0xff0001004);
	fault(21, 0x1000, 0x00012503); /* lw with the offset 2 */
	assert_injected(4, 0xff0000ffe);
}

TEST(exit, runs_again_when_a_fetch_fails_and_gives_up_in_the_end)
{
	(void)state;
	fake.fetch_cause = 13;
	for (unsigned i = 0; i < 63; i++)
		fault(21, 0x1000, 0);
	assert_int_equal(page->requests, 0);
	assert_int_equal(page->pc, 0x80000000);
	assert_int_equal(fake.crashes, 0);
	fault(21, 0x1000, 0);
	assert_int_equal(fake.crash, VMM_CRASH_UNSUPPORTED);
}

TEST(exit, stops_a_guest_whose_trap_vector_cannot_be_fetched)
{
	(void)state;
	page->pc = (VCPU_VSTVEC & ~3u) + 4; /* the fake's registers hold their numbers */
	fault(20, 0x1000, 0);
	assert_int_equal(page->requests, VCPU_REQUEST_TRAP);
	assert_int_equal(fake.crashes, 0);
	page->requests = 0;
	page->pc = VCPU_VSTVEC & ~3u;
	fault(20, 0x1000, 0);
	assert_int_equal(fake.crash, VMM_CRASH_UNSUPPORTED);
	assert_int_equal(page->requests, 0);
	assert_non_null(strstr(fake.log_text, "cannot fetch its trap handler"));
}

TEST(exit, stops_a_guest_that_meets_one_exception_for_ever)
{
	struct vcpu_exit_info call = { .cause = CAUSE_VS_ECALL };

	(void)state;
	fake.instruction = 0x0005a503;
	for (unsigned i = 0; i < 5000; i++) {
		fault(21, 0x5000, 0);
		if (i % 1000 == 0) /* the guest gets on */
			exit_handle(vcpu, &call);
		page->pc = 0x80000000;
	}
	page->mode = 0; /* a process does it */
	for (unsigned i = 0; i < 5000; i++)
		fault(21, 0x5000, 0);
	page->mode = 1;
	for (unsigned i = 0; i < 5000; i++)
		fault(21, 0x5000 + 4 * i, 0);
	assert_int_equal(fake.crashes, 0);
	for (unsigned i = 0; i < 4096; i++)
		fault(21, 0x5000, 0);
	assert_int_equal(fake.crashes, 0);
	fault(21, 0x5000, 0);
	assert_int_equal(fake.crash, VMM_CRASH_UNSUPPORTED);
}

TEST(exit, decodes_again_when_the_instruction_changes)
{
	(void)state;
	answer = 0xfedcba98fedcba98;
	fake.instruction = 0x0005b503; /* ld a0 */
	for (unsigned i = 0; i < 2; i++) {
		page->pc = 0x80000000;
		fault(21, 0x1000, 0);
		assert_int_equal(page->gpr[10], answer);
	}
	fake.instruction = 0x00058583; /* lb a1, at the same place */
	page->pc = 0x80000000;
	fault(21, 0x1000, 0);
	assert_int_equal(page->gpr[11], (uint64_t)-0x68);
	assert_int_equal(seen.size, 1);
	page->pc = 0x80000000;
	fault(21, 0x1000, 0x00003501); /* c.ld a0 as the hart tells it */
	assert_int_equal(page->pc, 0x80000002);
}

TEST(exit, treats_wfi_and_virtual_instructions)
{
	(void)state;
	fake.instruction = 0x10500073;
	fault(22, 0, 0);
	assert_int_equal(page->requests, VCPU_REQUEST_WAIT);
	assert_int_equal(page->pc, 0x80000004);
	page->requests = 0;
	page->pc = 0x80000000;
	page->mode = 0;
	fault(22, 0, 0);
	assert_injected(2, 0x10500073);
	page->mode = 1;
	fake.instruction = 0x60059573;
	fault(22, 0, 0);
	assert_injected(2, 0x60059573);
}

TEST(exit, reports_what_it_cannot_do)
{
	(void)state;
	page->gpr[10] = 0xabcdef;
	fake.instruction = 0x0005a507; /* flw fa0, 0(a1) */
	fault(21, 0x1000, 0);
	assert_int_equal(fake.crashes, 1);
	assert_non_null(strstr(fake.log_text, "flw f10, 0(a1)"));
	assert_non_null(strstr(fake.log_text, "guest load fault"));
	assert_non_null(strstr(fake.log_text, "0000000000abcdef"));
	fake.instruction = 0x00000013;
	fault(21, 0x1000, 0);
	assert_int_equal(fake.crashes, 2);
	fault(19, 0, 0);
	assert_int_equal(fake.crashes, 3);
	fault(UINT64_MAX, 0, 0);
	assert_int_equal(fake.crashes, 4);
	assert_int_equal(fake.log_errors, 0);
}

TEST(exit, reports_the_last_16_exits)
{
	unsigned count = 0;

	(void)state;
	answer = 0;
	fake.instruction = 0x0005a503;
	for (unsigned i = 0; i < 40; i++)
		fault(21, 0x1000, 0);
	fault(19, 0, 0);
	for (const char *line = fake.log_text; (line = strstr(line, "\n  pc ")); line++)
		count++;
	assert_int_equal(count, 1 + 16); /* the registers begin with pc, too */
}

TEST(exit, answers_calls_and_signals)
{
	struct vcpu_exit_info exit = { .cause = CAUSE_VS_ECALL };

	(void)state;
	page->gpr[17] = 0x10;
	exit_handle(vcpu, &exit);
	assert_int_equal(page->gpr[11], 0x02000000);
	exit = (struct vcpu_exit_info){ .cause = VCPU_EXIT_NOTIFIED, .bits = CONSOLE_SIGNAL_INPUT };
	exit_handle(vcpu, &exit);
	assert_int_equal(fake.delivered, 1);
	exit.cause = VCPU_EXIT_KICKED;
	exit_handle(vcpu, &exit);
	assert_int_equal(fake.crashes, 0);
}

TEST(bus, finds_devices_by_whole_ranges)
{
	(void)state;
	assert_non_null(bus_find(&bus, 0x1ffc, 4));
	assert_null(bus_find(&bus, 0x1ffe, 4));
	assert_null(bus_find(&bus, 0xffc, 8));
	assert_null(bus_find(&bus, UINT64_MAX, 1));
	while (bus.devices < BUS_DEVICES)
		assert_int_equal(bus_add(&bus, 0x10000 * bus.devices, 16, device, NULL), ERR_OK);
	assert_int_equal(bus_add(&bus, 0, 16, device, NULL), ERR_LIMIT);
	assert_ptr_equal(bus_find(&bus, 0x20000, 1), &bus.device[2]);
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(exit_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(loads_with_sign_and_width), RUN_PREPARED(stores_registers_and_zero),
		RUN_PREPARED(injects_access_faults), RUN_PREPARED(logs_holes_but_not_for_ever),
		RUN_PREPARED(injects_misaligned),
		RUN_PREPARED(runs_again_when_a_fetch_fails_and_gives_up_in_the_end),
		RUN_PREPARED(stops_a_guest_whose_trap_vector_cannot_be_fetched),
		RUN_PREPARED(stops_a_guest_that_meets_one_exception_for_ever),
		RUN_PREPARED(decodes_again_when_the_instruction_changes),
		RUN_PREPARED(treats_wfi_and_virtual_instructions), RUN_PREPARED(reports_what_it_cannot_do),
		RUN_PREPARED(reports_the_last_16_exits), RUN_PREPARED(answers_calls_and_signals),
		cmocka_unit_test_setup(bus_finds_devices_by_whole_ranges, prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
