/* SPDX-License-Identifier: Apache-2.0 */
/* What harts do to each other: IPIs, fences, external interrupts, and devices used by all at once. */
#include "smp.h"

#define GENERATIONS 1500u
#define CODE_GENERATIONS 50u
#define GENERATIONS_LEAST 20u
#define FENCES_TICKS 30000000u /* 3 s on QEMU's timebase: more harts than host processors make a fence slow */
#define SV39 (8ull << 60)
#define PTE_LEAF 0xcfull /* dirty, accessed, executable, writable, readable, valid */
#define PTE_TABLE 1ull
#define PAGE 4096u
#define WINDOW 0x4000000000ull /* below the end of the address space: one page, now here, now there */

static volatile uint64_t count[SMP_HARTS], quit, ready, generation;

/* --- IPIs --- */

static void count_ipis(uint64_t hart, uint64_t argument)
{
	(void)argument;
	csr_write(sie, SIE_SOFTWARE);
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (!smp_load(&quit)) {
		if (csr_read(sip) & SIE_SOFTWARE) {
			csr_clear(sip, SIE_SOFTWARE);
			__atomic_fetch_add(&count[hart], 1, __ATOMIC_SEQ_CST);
		} else {
			__asm__ volatile("wfi");
		}
	}
}

static void send(uint64_t mask, uint64_t base, uint64_t reached)
{
	uint64_t expected[SMP_HARTS];

	for (uint64_t hart = 0; hart < smp_harts; hart++)
		expected[hart] = smp_load(&count[hart]) + (reached >> hart & 1);
	CHECK(sbi(SBI_IPI, 0, mask, base, 0, 0).error == 0);
	for (uint64_t hart = 0; hart < smp_harts; hart++) {
		if (hart != payload_hart)
			WAIT(smp_load(&count[hart]) == expected[hart]);
		else if (reached >> hart & 1)
			WAIT(csr_read(sip) & SIE_SOFTWARE);
		else
			CHECK(!(csr_read(sip) & SIE_SOFTWARE));
	}
	csr_clear(sip, SIE_SOFTWARE);
}

static void refused_masks(uint64_t extension)
{
	CHECK(sbi(extension, 0, 1ull << smp_harts, 0, 0, 0).error == SBI_INVALID_PARAM);
	CHECK(sbi(extension, 0, UINT64_MAX, 0, 0, 0).error == SBI_INVALID_PARAM);
	CHECK(sbi(extension, 0, 2, smp_harts - 1, 0, 0).error == SBI_INVALID_PARAM);
	CHECK(sbi(extension, 0, 1, smp_harts, 0, 0).error == SBI_INVALID_PARAM);
	CHECK(sbi(extension, 0, 1, 1ull << 63, 0, 0).error == SBI_INVALID_PARAM);
}

void smp_test_ipis(void)
{
	uint64_t all = (1ull << smp_harts) - 1;

	smp_store(&quit, 0);
	smp_store(&ready, 0);
	smp_start_others(count_ipis, 0);
	WAIT(smp_load(&ready) == smp_harts - 1);
	if (*payload_argument("bare", "0") == '0') {
		refused_masks(SBI_IPI);
		refused_masks(SBI_RFENCE);
	}
	for (unsigned round = 0; round < 5; round++) {
		for (uint64_t mask = 0; mask <= all; mask++)
			send(mask, 0, mask);
		for (uint64_t hart = 0; hart < smp_harts; hart++)
			send(1, hart, 1ull << hart);
		send(0, ALL_HARTS, all);
		send(UINT64_MAX, ALL_HARTS, all);
	}
	smp_store(&quit, 1);
	CHECK(sbi(SBI_IPI, 0, 0, ALL_HARTS, 0, 0).error == 0);
	csr_clear(sip, SIE_SOFTWARE);
	smp_wait_stopped();
}

/* --- fences --- */

static uint64_t root_table[512] __attribute__((aligned(PAGE)));
static uint64_t middle_table[512] __attribute__((aligned(PAGE)));
static uint64_t leaf_table[512] __attribute__((aligned(PAGE)));
static volatile uint64_t pages[2][PAGE / 8] __attribute__((aligned(PAGE)));
static volatile uint32_t function[16] __attribute__((aligned(64)));

static volatile uint64_t *window(void)
{
	return (volatile uint64_t *)(uintptr_t)(0 - WINDOW);
}

static uint64_t pte(const volatile void *target, uint64_t flags)
{
	return (uint64_t)(uintptr_t)target >> 12 << 10 | flags;
}

static void make_tables(void)
{
	/* The lower half as it is, in pieces of 1 GiB; the first page of the upper half moves. */
	for (uint64_t i = 0; i < 256; i++)
		root_table[i] = i << 28 | PTE_LEAF;
	root_table[256] = pte(middle_table, PTE_TABLE);
	middle_table[0] = pte(leaf_table, PTE_TABLE);
	leaf_table[0] = pte(pages[0], PTE_LEAF);
	__asm__ volatile("fence rw, rw" ::: "memory");
}

static void translate(void)
{
	csr_write(satp, SV39 | (uint64_t)(uintptr_t)root_table >> 12);
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* Nobody may see anything older than what was there when the fence had ended. */
static void watch_page(uint64_t hart, uint64_t argument)
{
	(void)argument;
	translate();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (!smp_load(&quit)) {
		uint64_t least = smp_load(&generation);

		CHECK(*window() >= least);
		count[hart]++;
	}
}

static uint64_t run_function(void)
{
	return ((uint64_t(*)(void))(uintptr_t)function)();
}

/* Once for each generation. Not while the code is being changed: QEMU's translations of one hart reach the others. */
static void run_code(uint64_t hart, uint64_t argument)
{
	(void)argument;
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (!smp_load(&quit)) {
		uint64_t now = smp_load(&generation);

		if (now == smp_load(&count[hart]))
			continue;
		CHECK(run_function() == now);
		smp_store(&count[hart], now);
	}
}

static void begin_watch(void (*watch)(uint64_t, uint64_t))
{
	smp_store(&quit, 0);
	smp_store(&ready, 0);
	smp_store(&generation, 0);
	for (uint64_t hart = 0; hart < smp_harts; hart++)
		smp_store(&count[hart], 0);
	smp_start_others(watch, 0);
	WAIT(smp_load(&ready) == smp_harts - 1);
}

static void end_watch(void)
{
	smp_store(&quit, 1);
	smp_wait_stopped();
	for (uint64_t hart = 0; hart < smp_harts; hart++)
		CHECK(hart == payload_hart || count[hart] > 0);
}

static void remote_fence(uint64_t kind)
{
	uint64_t all = (1ull << smp_harts) - 1, page = (uint64_t)(uintptr_t)window();
	const uint64_t arguments[3][6] = {
		{ all, 0, page, PAGE, 0, 0 }, { 0, ALL_HARTS, 0, 0, 0, 0 }, { all, 0, 0, UINT64_MAX, 0, 0 },
	};

	CHECK(sbi_call(SBI_RFENCE, 1 + kind % 2, arguments[kind / 2 % 3]).error == 0);
}

/* The next generation, or 0 after the last of `most`, or when it takes too long. */
static uint64_t after(uint64_t last, uint64_t most, uint64_t start)
{
	if (last == most || (last >= GENERATIONS_LEAST && csr_read(time) - start > FENCES_TICKS))
		return 0;
	return last + 1;
}

static void test_page_fences(void)
{
	uint64_t start = csr_read(time);

	make_tables();
	pages[0][0] = 0;
	begin_watch(watch_page);
	translate();
	for (uint64_t next = 1; next; next = after(next, GENERATIONS, start)) {
		pages[next & 1][0] = next;
		__asm__ volatile("fence rw, rw" ::: "memory");
		smp_store(&leaf_table[0], pte(pages[next & 1], PTE_LEAF));
		remote_fence(next);
		CHECK(*window() == next);
		smp_store(&generation, next);
	}
	csr_write(satp, 0);
	end_watch();
}

static void test_code_fences(void)
{
	uint64_t start = csr_read(time);

	function[0] = 0x00000513; /* li a0, 0 */
	function[1] = 0x00008067; /* ret */
	__asm__ volatile("fence.i" ::: "memory");
	begin_watch(run_code);
	for (uint64_t next = 1; next; next = after(next, CODE_GENERATIONS, start)) {
		function[0] = (uint32_t)(next << 20 | 0x513);
		__asm__ volatile("fence rw, rw" ::: "memory");
		CHECK(sbi(SBI_RFENCE, 0, 0, ALL_HARTS, 0, 0).error == 0);
		CHECK(run_function() == next);
		smp_store(&generation, next);
		for (uint64_t hart = 0; hart < smp_harts; hart++)
			if (hart != payload_hart)
				WAIT(smp_load(&count[hart]) == next);
	}
	end_watch();
}

void smp_test_fences(void)
{
	test_page_fences();
	test_code_fences();
	CHECK(sbi(SBI_RFENCE, 1, 0, ALL_HARTS, 0 - 4096ull, 8192).error == (*payload_argument("bare", "0") == '1' ? 0 : SBI_INVALID_ADDRESS));
}

/* --- external interrupts --- */

enum { UART_IER = UART_BASE + 1, IER_SENT = 2 };
enum { PRIORITY = PLIC_BASE, ENABLE = PLIC_BASE + 0x2000, CONTEXT = PLIC_BASE + 0x200000, CLAIM = 4 };

static unsigned source;

static volatile uint32_t *plic(uint64_t address)
{
	return (volatile uint32_t *)(uintptr_t)address;
}

/* S-mode of a hart. */
static volatile uint32_t *context(uint64_t hart, uint64_t offset)
{
	return plic(CONTEXT + (2 * hart + 1) * 0x1000 + offset);
}

static void set_enabled(uint64_t hart, bool enabled)
{
	*plic(ENABLE + (2 * hart + 1) * 0x80) = enabled ? 1u << source : 0;
}

/* By taking it: on QEMU 7.2 a guest's sip does not show it. trap_handle then disables it. */
static bool external_pending(void)
{
	csr_write(sie, SIE_EXTERNAL);
	csr_set(sstatus, SSTATUS_SIE);
	csr_clear(sstatus, SSTATUS_SIE);
	return !(csr_read(sie) & SIE_EXTERNAL);
}

static void serve(uint64_t hart, uint64_t argument)
{
	(void)argument;
	csr_clear(sip, SIE_SOFTWARE);
	set_enabled(hart, true);
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	while (!smp_load(&quit)) {
		uint32_t claimed;

		/* The first to look while it is pending gets it. */
		if (!external_pending()) {
			csr_write(sie, SIE_EXTERNAL | SIE_SOFTWARE); /* the latter ends the last wait */
			__asm__ volatile("wfi");
			continue;
		}
		claimed = *context(hart, CLAIM);
		CHECK(claimed == 0 || claimed == source);
		if (claimed == 0)
			continue;
		mmio_write8(UART_IER, 0);
		*context(hart, CLAIM) = claimed;
		__atomic_fetch_add(&generation, 1, __ATOMIC_SEQ_CST);
	}
	set_enabled(hart, false);
}

/* The first hart looks on: its interrupt falls when another hart has claimed. */
void smp_test_plic(void)
{
	source = *payload_argument("bare", "0") == '1' ? 10 : 1;
	smp_store(&quit, 0);
	smp_store(&ready, 0);
	smp_store(&generation, 0);
	mmio_write8(UART_IER, 0);
	*plic(PRIORITY + 4 * source) = 1;
	*context(payload_hart, 0) = 0;
	set_enabled(payload_hart, true);
	smp_start_others(serve, 0);
	WAIT(smp_load(&ready) == smp_harts - 1);
	for (uint64_t round = 1; round <= 300; round++) {
		mmio_write8(UART_IER, IER_SENT);
		if (smp_harts == 1) {
			CHECK(*context(payload_hart, CLAIM) == source);
			mmio_write8(UART_IER, 0);
			*context(payload_hart, CLAIM) = source;
		} else {
			WAIT(smp_load(&generation) == round);
		}
		WAIT(!external_pending());
		CHECK(*context(payload_hart, CLAIM) == 0);
	}
	set_enabled(payload_hart, false);
	smp_store(&quit, 1);
	CHECK(sbi(SBI_IPI, 0, 0, ALL_HARTS, 0, 0).error == 0);
	csr_clear(sip, SIE_SOFTWARE);
	smp_wait_stopped();
}

/* --- devices --- */

static void use_devices(uint64_t hart, uint64_t argument)
{
	(void)argument;
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t threshold = (i + (uint32_t)hart) % 8;

		*context(hart, 0) = threshold;
		(void)mmio_read8(UART_BASE + 5);
		CHECK(*context(hart, 0) == threshold);
		if (i % 100 == 0)
			print("smp: line %u of hart %u: abcdefghijklmnopqrstuvwxyz\n", (uint64_t)(i / 100), hart);
	}
	*context(hart, 0) = 0;
}

void smp_test_devices(void)
{
	smp_start_others(use_devices, 0);
	use_devices(payload_hart, 0);
	smp_wait_stopped();
}
