/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware calls, page tables, and ways to end badly. */
#include "hostile.h"

#define ROUNDS_SBI 6000u
#define SV39 (8ull << 60)
#define LEAF 0xcfu  /* V, R, W, X, A, D */
#define TABLE 0x01u /* V */
#define GIB (1ull << 30)

static const uint64_t extensions[] = {
	0, 1, 3, 4, 5, 6, 7, SBI_BASE, SBI_TIME, SBI_IPI, SBI_RFENCE, SBI_HSM, SBI_PMU, SBI_DBCN, SBI_SUSP,
	0x43505043 /* CPPC */, 0x4e41434c /* NACL */, 0x535441 /* STA */, 0x535345 /* SSE */, 0x46574654 /* FWFT */,
	0x44425452 /* DBTR */, 0x4d505859 /* MPXY */, 0x0a000000, 0x08000000, 0x09000000,
};

/* Calls that do their work only by ending this payload. */
static bool ends_us(uint64_t extension, uint64_t function)
{
	if (extension == SBI_SRST || extension == SBI_LEGACY_SHUTDOWN || extension == SBI_SUSP)
		return extension != SBI_SUSP || function == 0;
	return extension == SBI_HSM && (function == 1 || function == 3);
}

static uint64_t random_argument(void)
{
	uint64_t value = random_next();

	switch (value >> 60) {
	case 0:
	case 1:
		return value & 1;
	case 2:
		return UINT64_MAX;
	case 3:
		return value & 255;
	case 4:
	case 5:
		return (uintptr_t)hostile_scratch + (value & 2047);
	case 6:
		return payload_ram_end - (value & 63);
	case 7:
	case 8:
		return hostile_address();
	case 9:
		return 1ull << (value & 63);
	case 10:
		return (uint64_t)INT64_MAX + (value & 1);
	case 11:
		return value & 0xffffffff;
	default:
		return value >> (value & 63);
	}
}

/* Whatever the rest is, what is printed is short, or begins at the end of RAM. */
static void tame_output(uint64_t extension, uint64_t function, uint64_t arguments[6])
{
	uint64_t start = (uintptr_t)hostile_scratch, end = start + sizeof(hostile_scratch);

	if (extension != SBI_DBCN || function > 1)
		return;
	/* Writing into our own code or stack, or printing all of memory, would only hurt us. */
	if (arguments[1] >= start && arguments[1] < end && arguments[2] == 0)
		arguments[0] %= 2048;
}

void hostile_sbi(void)
{
	uint64_t answered = 0, refused = 0;

	for (unsigned round = 0; round < ROUNDS_SBI; round++) {
		uint64_t choice = random_next() >> 32, arguments[6];
		uint64_t extension = extensions[choice % (sizeof(extensions) / sizeof(extensions[0]))];
		uint64_t function = choice >> 8 & 7;
		struct sbi_result result;

		if (round % 16 == 0)
			extension = random_next() >> (choice >> 16 & 63);
		if (round % 8 == 0)
			function = random_next() >> (choice >> 20 & 63);
		for (unsigned i = 0; i < 6; i++)
			arguments[i] = random_argument();
		if (ends_us(extension, function))
			continue;
		tame_output(extension, function, arguments);
		result = sbi_call(extension, function, arguments);
		if (result.error == 0)
			answered++;
		else
			refused++;
	}
	/* HSM start of ourselves, and of harts that cannot be. */
	sbi(SBI_HSM, 0, payload_hart, UART_BASE, 0, 0);
	sbi(SBI_HSM, 0, UINT64_MAX, 0, 0, 0);
	csr_clear(sip, SIE_SOFTWARE);
	csr_write(STIMECMP, UINT64_MAX);
	print("\nhostile: sbi: %u answered, %u refused\n", answered, refused);
}

static uint64_t entry(uint64_t address, uint64_t flags)
{
	return address >> 12 << 10 | flags;
}

static void touch(uint64_t address)
{
	const uint32_t load = 0x00053583, store = 0x00b53023, atomic = 0x00b5352f;

	hostile_run(&load, 1, address, false);
	hostile_run(&store, 1, address, false);
	hostile_run(&atomic, 1, address, false);
	(void)trap_try((void *)address, 0);
}

void hostile_ptw(void)
{
	static const uint64_t tables[] = { 0, 0x1000, 0x2000000, PLIC_BASE, UART_BASE, 0x30000000, 0x40000000, 0x4000000000,
					   0xfffffffffff000 };
	static uint64_t root[512] __attribute__((aligned(4096)));
	static uint64_t middle[512] __attribute__((aligned(4096)));
	unsigned count = sizeof(tables) / sizeof(tables[0]);

	/* Ourselves where we are; then tables, and leaves, that point outside of RAM. */
	root[payload_ram_base / GIB] = entry(payload_ram_base & ~(GIB - 1), LEAF);
	for (unsigned i = 0; i < count; i++) {
		root[16 + i] = entry(tables[i], TABLE);
		middle[i] = entry(tables[i], TABLE);
		middle[16 + i] = entry(tables[i] & ~((2ull << 20) - 1), LEAF);
	}
	root[15] = entry((uintptr_t)middle, TABLE);
	root[14] = entry(payload_ram_end, TABLE);
	/* The table as its own next level. */
	root[13] = entry((uintptr_t)root, TABLE);
	__asm__ volatile("sfence.vma" ::: "memory");
	csr_write(satp, SV39 | (uintptr_t)root >> 12);
	for (unsigned i = 13; i < 16 + count; i++)
		touch(i * GIB + 8);
	for (unsigned i = 0; i < 32; i++)
		touch(15 * GIB + i * (2ull << 20) + 0x1008);
	csr_write(satp, 0);
	__asm__ volatile("sfence.vma" ::: "memory");
	mmio_write8(UART_BASE + 3, 3);
	mmio_write8(UART_BASE + 1, 0);
}

void hostile_ptw_root(void)
{
	csr_write(satp, SV39 | PLIC_BASE >> 12);
	hostile_spin();
}

void hostile_crash(void)
{
	payload_exit(1);
}

void hostile_crash2(void)
{
	csr_write(stvec, 0x1000);
	csr_write(sie, 0);
	__asm__ volatile("ebreak");
	hostile_spin();
}

void hostile_flood(void)
{
	for (uint64_t line = 0;; line++)
		print("hostile: flood %u: the quick brown fox jumps over the lazy dog\n", line);
}

void hostile_reboot(void)
{
	sbi(SBI_SRST, 0, 1, 0, 0, 0);
	hostile_spin();
}

void hostile_spin(void)
{
	for (;;)
		__asm__ volatile("");
}
