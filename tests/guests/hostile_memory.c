/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses and jumps to where nothing or something delicate is. */
#include "hostile.h"

#define ROUNDS_MMIO 3000u
#define ROUNDS_AMO 800u
#define ROUNDS_JUMP 500u

enum { A0 = 10, A1 = 11 };

/* All with the address in a0 and the value in a1. */
static const uint32_t access[] = {
	0x00050583, 0x00051583, 0x00052583, 0x00053583, /* lb, lh, lw, ld */
	0x00054583, 0x00055583, 0x00056583,             /* lbu, lhu, lwu */
	0x00b50023, 0x00b51023, 0x00b52023, 0x00b53023, /* sb, sh, sw, sd */
	0x0001410c, 0x0001610c,                         /* c.lw a1, (a0); c.ld; each before a c.nop */
	0x0001c10c, 0x0001e10c,                         /* c.sw a1, (a0); c.sd */
	0x00050003, 0x00053003, 0x00050023,             /* to and from x0 */
	0x7ff52583, 0x80052583, 0x00052503,             /* with an offset; over its own base */
};

/* A VMM without floating point may stop a guest for these. */
static const uint32_t float_access[] = {
	0x00052587, 0x00053587, 0x00b52027, 0x00b53027, /* flw, fld, fsw, fsd */
	0x0001210c, 0x0001a10c,                         /* c.fld, c.fsd */
};

/* Compressed accesses relative to sp: the address goes there for one instruction. */
static const uint32_t stack_access[] = {
	0x00014582, 0x00016582, /* c.lwsp a1, 0; c.ldsp */
	0x0001c02e, 0x0001e02e, /* c.swsp a1, 0; c.sdsp */
};

static void run_access(uint32_t word, uint64_t address)
{
	hostile_run(&word, 1, address, random_next() % 16 == 0);
}

static void calm_uart(void)
{
	mmio_write8(UART_BASE + 3, 3);
	mmio_write8(UART_BASE + 1, 0);
	mmio_write8(UART_BASE + 4, 0);
}

void hostile_mmio(void)
{
	for (unsigned round = 0; round < ROUNDS_MMIO; round++) {
		uint64_t address = hostile_address();

		for (unsigned i = 0; i < sizeof(access) / sizeof(access[0]); i++)
			if (round % 8 == i % 8 || round < 100)
				run_access(access[i], address);
	}
	/* A trap's frame goes to the stack, so sp may only leave RAM where no trap can come back: at the very end of RAM. */
	for (unsigned i = 0; i < sizeof(stack_access) / sizeof(stack_access[0]); i++) {
		const uint32_t words[] = { 0x00010613 /* mv a2, sp */, 0x00050113 /* mv sp, a0 */, stack_access[i],
					   0x00060113 /* mv sp, a2 */ };

		hostile_run(words, 4, payload_ram_end, false);
	}
	calm_uart();
	csr_clear(sie, SIE_EXTERNAL);
	print("\n");
}

void hostile_mmio_float(void)
{
	csr_set(sstatus, 0x6000);
	/* So that a report has its full number of last exits. */
	for (unsigned round = 0; round < 16; round++)
		(void)mmio_read8(UART_BASE + 5);
	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < sizeof(float_access) / sizeof(float_access[0]); i++)
			run_access(float_access[i], hostile_address());
	calm_uart();
}

/* amo* of both widths, lr and sc, with every ordering. */
static void run_atomics(uint64_t address)
{
	static const uint32_t function[] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c };

	for (unsigned i = 0; i < sizeof(function) / sizeof(function[0]); i++) {
		uint32_t order = (uint32_t)random_next() & 3;
		uint32_t source = function[i] == 2 ? 0 : A1;
		uint32_t word = function[i] << 27 | order << 25 | source << 20 | A0 << 15 | A1 << 7 | 0x2f;

		run_access(word | 2u << 12, address);
		run_access(word | 3u << 12, address);
	}
}

void hostile_amo(void)
{
	static const uint64_t fixed[] = { UART_BASE, UART_BASE + 1, UART_BASE + 5, PLIC_BASE, PLIC_BASE + 4, PLIC_BASE + 6,
					  0x1000, 0x1003, 0x30000000, 0x30000002, 0x40000000, 0x40000005 };

	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		run_atomics(fixed[i]);
	for (unsigned round = 0; round < ROUNDS_AMO; round++)
		run_atomics(hostile_address());
	for (unsigned offset = 0; offset < 16; offset++) {
		run_atomics((uintptr_t)hostile_scratch + offset);
		/* Both sides of each end of RAM: half of the access is there. */
		for (unsigned i = 0; i < sizeof(access) / sizeof(access[0]); i++) {
			run_access(access[i], payload_ram_end - 16 + offset);
			run_access(access[i], payload_ram_end - 8 + offset);
			if (offset < 8)
				run_access(access[i], payload_ram_base - 1 - offset);
		}
		run_atomics(payload_ram_end - 8 + offset);
	}
	calm_uart();
	print("\n");
}

void hostile_jump(void)
{
	static const uint64_t fixed[] = { 0, 0x1000, 0x100000, 0x2000000, PLIC_BASE, UART_BASE, 0x30000000, 0x40000000,
					  0x7ffffffe };

	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		(void)trap_try((void *)fixed[i], 0);
		(void)trap_user((void *)fixed[i], 0);
	}
	/* An instruction half of which is in RAM, the last two bytes of it. */
	*(volatile uint16_t *)(payload_ram_end - 2) = 0x0013;
	__asm__ volatile("fence.i" ::: "memory");
	(void)trap_try((void *)(payload_ram_end - 2), 0);
	(void)trap_try((void *)payload_ram_end, 0);
	for (unsigned round = 0; round < ROUNDS_JUMP; round++) {
		uint64_t address = hostile_address() & ~1ull;

		if (random_next() % 2 == 0)
			(void)trap_try((void *)address, 0);
		else
			(void)trap_user((void *)address, 0);
	}
}
