/* SPDX-License-Identifier: Apache-2.0 */
/* What the CPU itself offers for harm: CSRs and privileged instructions. */
#include "hostile.h"

enum {
	SYSTEM = 0x73,
	A0 = 10,
	A1 = 11,
	CSR_SSTATUS = 0x100,
	CSR_SIE = 0x104,
	CSR_STVEC = 0x105,
	CSR_SATP = 0x180,
};

static uint32_t csr_instruction(uint32_t number, uint32_t source, uint32_t operation, uint32_t destination)
{
	return number << 20 | source << 15 | operation << 12 | destination << 7 | SYSTEM;
}

/* Swaps a value in and the old one back, with nothing in between that could notice. */
static void swap(uint32_t number, uint64_t value)
{
	const uint32_t words[] = {
		csr_instruction(number, A0, 1, A1),
		csr_instruction(number, A1, 1, 0),
	};

	/* A mode in satp that works would be the end of this payload, not harm to anybody: that is the ptw test. */
	if (number == CSR_SATP)
		value &= ~(15ull << 60);
	hostile_run(words, 2, value, false);
}

void hostile_csr(void)
{
	for (uint32_t number = 0; number < 4096; number++) {
		const uint32_t read = csr_instruction(number, 0, 2, A0);
		const uint32_t clear_none = csr_instruction(number, 0, 7, A0);
		const uint32_t set_immediate = csr_instruction(number, 0, 6, 0);

		hostile_run(&read, 1, 0, false);
		hostile_run(&clear_none, 1, 0, false);
		hostile_run(&set_immediate, 1, 0, false);
		hostile_run(&read, 1, 0, true);
		swap(number, 0);
		swap(number, UINT64_MAX);
		swap(number, random_next());
		swap(number, 0x5555555555555555);
	}
}

/* So that a wait for an interrupt ends. */
static void wake_soon(void)
{
	csr_write(STIMECMP, csr_read(time) + 1000);
	csr_set(sie, SIE_TIMER);
}

static const uint32_t single[] = {
	0x00000000, 0xffffffff,             /* never instructions */
	0x00100073, 0x00019002,             /* ebreak, and the compressed one */
	0x30200073, 0x70200073, 0x7b200073, /* mret, mnret, dret */
	0x00200073,                         /* uret */
	0x00d00073, 0x01d00073,             /* wrs.nto, wrs.sto */
	0x0100000f, 0x0000100f, 0x0ff0000f, /* pause, fence.i, fence */
	0x0005200f, 0x0015200f, 0x0025200f, 0x0045200f, /* cbo.inval, clean, flush, zero (a0) */
	0x00056013, 0x00156013, 0x00356013, /* prefetch.i, r, w (a0) */
	0x12000073, 0x12050073, 0x12a50073, /* sfence.vma */
	0x16000073, 0x18000073, 0x18100073, /* sinval.vma, sfence.w.inval, sfence.inval.ir */
	0x22000073, 0x22050073, 0x62000073, 0x62050073, /* hfence.vvma, hfence.gvma */
	0x26000073, 0x66000073,             /* hinval.vvma, hinval.gvma */
	0x60054573, 0x60154573, 0x64054573, 0x64154573, 0x64354573, /* hlv.b, bu, h, hu, hlvx.hu */
	0x68054573, 0x68154573, 0x68354573, 0x6c054573, /* hlv.w, wu, hlvx.wu, hlv.d */
	0x62a54073, 0x66a54073, 0x6aa54073, 0x6ea54073, /* hsv.b, h, w, d */
	0x00052007, 0x00053007, 0x00052027, 0x00053027, /* flw, fld, fsw, fsd */
	0x02a50553, 0xc0057057, 0x02050007, /* fadd.d, vsetvli, vle8.v */
	0x0000000b, 0x0000002b, 0x0000005b, 0x0000007b, /* custom opcodes */
};

static void run_one(uint32_t word, bool user)
{
	csr_write(sscratch, 0);
	/* a7 of the caller may be anything: an ecall among these asks for a call that does not exist. */
	const uint32_t words[] = { 0xfff00893 /* li a7, -1 */, word };

	hostile_run(words, 2, (uintptr_t)hostile_scratch, user);
}

/* All of SYSTEM with this funct3, but sret, wfi (on their own below) and what is no business of a payload. */
static void sweep(uint32_t operation, bool user)
{
	for (uint32_t high = 0; high < 4096; high++) {
		for (uint32_t source = 0; source <= A0; source += A0) {
			uint32_t word = high << 20 | source << 15 | operation << 12 | (operation != 0 ? A1 << 7 : 0u) | SYSTEM;

			if (word != 0x10200073 && word != 0x10500073)
				run_one(word, user);
		}
	}
}

/* sret as a plain jump in S-mode, as a way to user mode, and to an address that is not there. */
static void return_everywhere(void)
{
	static const uint32_t ret = 0x00008067;
	/* auipc a1, 0; addi a1, a1, 16; csrw sepc, a1; sret; nop */
	const uint32_t to_next[] = { 0x00000597, 0x01058593, 0x14159073, 0x10200073, 0x00000013 };
	const uint32_t to_argument[] = { 0x14151073, 0x10200073 };

	csr_set(sstatus, SSTATUS_SPP);
	hostile_run(to_next, 5, 0, false);
	csr_set(sstatus, SSTATUS_SPP);
	hostile_run(to_argument, 2, 0, false);
	csr_set(sstatus, SSTATUS_SPP);
	hostile_run(to_argument, 2, 0x1000, false);
	csr_set(sstatus, SSTATUS_SPP);
	hostile_run(to_argument, 2, UINT64_MAX - 1, false);
	hostile_run(&ret, 1, 0, true);
	run_one(0x10200073, true);
}

static void wait_everywhere(void)
{
	wake_soon();
	run_one(0x10500073, false);
	wake_soon();
	uint64_t before = trap_count;

	/* A guest's user mode must not be able to idle its CPU. */
	run_one(0x10500073, true);
	if (trap_count == before)
		print("hostile: wrong: wfi in user mode did not trap\n");
	csr_set(sstatus, SSTATUS_SIE);
	wake_soon();
	run_one(0x10500073, false);
	csr_clear(sstatus, SSTATUS_SIE);
	csr_clear(sie, SIE_TIMER);
}

void hostile_priv(void)
{
	for (unsigned user = 0; user < 2; user++) {
		for (unsigned state = 0; state < 4; state++) {
			/* FP and vector state off, and then on as far as there is one. */
			csr_clear(sstatus, 0x6600);
			csr_set(sstatus, (uint64_t)state << 13 | (uint64_t)state << 9);
			for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++)
				run_one(single[i], user != 0);
		}
		sweep(0, user != 0);
		sweep(4, user != 0);
	}
	return_everywhere();
	wait_everywhere();
}
