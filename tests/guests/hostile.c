/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that tries to harm. The kernel's command line selects: test=NAME, or test=all for those that return.
 * Ends with "hostile: NAME done: N traps" and an orderly shutdown.
 */
#include "hostile.h"

#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
	bool returns; /* whatever the machine is like */
};

static const struct test tests[] = {
	{ "csr", hostile_csr, true },
	{ "priv", hostile_priv, true },
	{ "mmio", hostile_mmio, true },
	{ "amo", hostile_amo, true },
	{ "jump", hostile_jump, true },
	{ "sbi", hostile_sbi, true },
	{ "ptw", hostile_ptw, true },
	{ "mmio-float", hostile_mmio_float, false },
	{ "ptw-root", hostile_ptw_root, false },
	{ "crash", hostile_crash, false },
	{ "crash2", hostile_crash2, false },
	{ "flood", hostile_flood, false },
	{ "disk", hostile_disk, false },
	{ "isr", hostile_isr, false },
	{ "net", hostile_net, false },
	{ "spin", hostile_spin, false },
	{ "reboot", hostile_reboot, false },
};

uint64_t hostile_scratch[512] __attribute__((aligned(4096)));

static uint32_t code[16] __attribute__((aligned(64)));

void hostile_run(const uint32_t *words, unsigned count, uint64_t argument, bool user)
{
	static const uint32_t instruction_return = 0x00008067;

	memcpy(code, words, count * sizeof(words[0]));
	code[count] = instruction_return;
	__asm__ volatile("fence.i" ::: "memory");
	if (user)
		(void)trap_user(code, argument);
	else
		(void)trap_try(code, argument);
}

uint64_t hostile_address(void)
{
	/* QEMU virt's devices, the gaps between them, and what lies beyond any RAM. */
	static const uint64_t base[] = {
		0, 0x1000, 0x100000, 0x101000, 0x2000000, 0x3000000, 0x4000000, 0xc000000, 0xc001000, 0xc002000, 0xc200000,
		0xc201000, 0xc3ffffc, 0xc5ffffc, 0x10000000, 0x10000004, 0x10000008, 0x100000ff, 0x10001000, 0x10100000,
		0x20000000, 0x30000000, 0x30008000, 0x30008010, 0x300ffffc, 0x3ffffffc, 0x40000000, 0x40001000, 0x40004000,
		0x7ffffffc, 0x400000000, 0x3ffffffff8, 0x4000000000, 0x1ffffffffff8, 0x3fffffffffff0, 0xfffffffffffff8,
		0xffffffffffffffff, 0xffffffc080000000,
	};
	uint64_t address, choice = random_next() >> 32;

	switch (choice % 4) {
	case 0:
		address = base[choice / 4 % (sizeof(base) / sizeof(base[0]))];
		break;
	case 1:
		address = base[choice / 4 % (sizeof(base) / sizeof(base[0]))] + random_next() % 8192;
		break;
	case 2:
		address = payload_ram_end + (random_next() >> (choice / 4 % 60 + 4));
		break;
	default:
		address = random_next() >> (choice / 4 % 60);
		break;
	}
	/* Our own RAM is the one thing not to hit. */
	if (address + 16 >= payload_ram_base && address < payload_ram_end)
		address = payload_ram_end + address % 65536;
	return address;
}

static void run(const struct test *test)
{
	uint64_t before = trap_count;

	trap_mode = TRAP_SKIP;
	test->run();
	trap_mode = TRAP_FATAL;
	print("hostile: %s done: %u traps\n", test->name, trap_count - before);
}

void payload_main(void)
{
	const char *name = payload_argument("test", "all");
	bool known = false;

	print("hostile: %s start\n", name);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		bool wanted = strcmp(name, "all") == 0 ? tests[i].returns : strcmp(name, tests[i].name) == 0;

		if (!wanted)
			continue;
		known = true;
		run(&tests[i]);
	}
	if (!known) {
		print("hostile: no such test\n");
		payload_exit(1);
	}
}
