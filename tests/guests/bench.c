/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operations cost that may leave the guest, in instructions of the whole machine: `-icount shift=0`, one hart.
 * Prints "EXIT <row> <median> <least>" for each; "-" where the machine lacks the operation. The cost of measuring an
 * empty operation is subtracted. Runs bare and as a guest.
 */
#include "payload.h"

#define ROUNDS 101u
#define WARM 16u
#define ROUNDS_LONG 11u /* for operations that print */
#define FAR (1ull << 62)
#define TOUCH_OFFSET (12ull << 20) /* from the start of RAM: above the payload, in the smallest guest too */

static uint64_t sample[ROUNDS];
static uint64_t empty_cost;
static bool use_cycle;

/* 63 letters and a newline. */
static const char text[] = "................................................bench: 64 bytes\n";
_Static_assert(sizeof(text) == 65, "64 bytes");

static inline __attribute__((always_inline)) uint64_t count_begin(void)
{
	return __builtin_expect(use_cycle, 0) ? csr_read(cycle) : csr_read(instret);
}

static void sort(uint64_t *value, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		uint64_t inserted = value[i];
		unsigned at = i;

		for (; at > 0 && value[at - 1] > inserted; at--)
			value[at] = value[at - 1];
		value[at] = inserted;
	}
}

static void report(const char *row, unsigned rounds)
{
	sort(sample, rounds);
	print("EXIT %s %u %u\n", row, sample[rounds / 2] < empty_cost ? 0 : sample[rounds / 2] - empty_cost,
	      sample[0] < empty_cost ? 0 : sample[0] - empty_cost);
}

static void report_absent(const char *row)
{
	print("EXIT %s - -\n", row);
}

/* `prepare` runs before each round, uncounted. `i` is the round's number. */
#define MEASURE(row, rounds, prepare, operation)                               \
	do {                                                                   \
		for (unsigned i = 0; i < (rounds) + WARM; i++) {               \
			uint64_t begin, end;                                   \
			prepare;                                               \
			begin = count_begin();                                 \
			operation;                                             \
			end = count_begin();                                   \
			sample[i < WARM ? 0 : i - WARM] = end - begin;         \
		}                                                              \
		if ((row) != NULL)                                             \
			report(row, rounds);                                   \
	} while (0)

#define SBI(extension, function, a, b, c, d) ((void)sbi(extension, function, a, b, c, d))

static inline __attribute__((always_inline)) uint64_t now(void)
{
	return csr_read(time);
}

static void arm(uint64_t interrupts)
{
	trap_fast_taken = 0;
	csr_set(sie, interrupts);
}

#define WAIT_TAKEN                       \
	do {                             \
		while (!trap_fast_taken) \
			;                \
	} while (0)

static void measure_calls(void)
{
	MEASURE("sbi-base", ROUNDS, , SBI(SBI_BASE, 0, 0, 0, 0, 0));
	if (sbi_has(SBI_DBCN))
		MEASURE("dbcn-0", ROUNDS, , SBI(SBI_DBCN, 0, 0, (uintptr_t)text, 0, 0));
	else
		report_absent("dbcn-0");
}

static void measure_mmio(void)
{
	MEASURE("mmio-uart", ROUNDS, , (void)mmio_read8(UART_BASE + 5));
	MEASURE("mmio-plic", ROUNDS, , (void)*(volatile uint32_t *)(PLIC_BASE + 4ul));
}

static void measure_timer(bool sstc)
{
	MEASURE("set-timer-far", ROUNDS, , SBI(SBI_TIME, 0, FAR, 0, 0, 0));
	MEASURE("timer-sbi", ROUNDS, (SBI(SBI_TIME, 0, FAR, 0, 0, 0), arm(SIE_TIMER)),
		SBI(SBI_TIME, 0, 0, 0, 0, 0); WAIT_TAKEN);
	SBI(SBI_TIME, 0, FAR, 0, 0, 0);
	if (!sstc) {
		report_absent("sstc-write");
		report_absent("sstc-interrupt");
		return;
	}
	MEASURE("sstc-write", ROUNDS, uint64_t later = now() + FAR, csr_write(STIMECMP, later));
	MEASURE("sstc-interrupt", ROUNDS, csr_write(STIMECMP, FAR); arm(SIE_TIMER),
		csr_write(STIMECMP, 0); WAIT_TAKEN);
	csr_write(STIMECMP, UINT64_MAX);
}

static void measure_interrupts_and_fences(void)
{
	/* Only mask bit 0, relative to this hart. */
	MEASURE("ipi-self", ROUNDS, arm(SIE_SOFTWARE), SBI(SBI_IPI, 0, 1, payload_hart, 0, 0); WAIT_TAKEN);
	csr_clear(sie, SIE_SOFTWARE);
	MEASURE("rfence-i", ROUNDS, , SBI(SBI_RFENCE, 0, 1, payload_hart, 0, 0));
	MEASURE("rfence-vma-page", ROUNDS, , SBI(SBI_RFENCE, 1, 1, payload_hart, 0x40000000, 4096));
	MEASURE("rfence-vma-all", ROUNDS, , SBI(SBI_RFENCE, 1, 1, payload_hart, 0, UINT64_MAX));
}

static void measure_wfi(void)
{
	csr_clear(sstatus, SSTATUS_SIE);
	csr_set(sie, SIE_SOFTWARE);
	csr_set(sip, SIE_SOFTWARE);
	MEASURE("wfi-pending", ROUNDS, , __asm__ volatile("wfi"));
	csr_clear(sip, SIE_SOFTWARE);
	csr_clear(sie, SIE_SOFTWARE);
	csr_set(sstatus, SSTATUS_SIE);
}

static void measure_memory(void)
{
	uint64_t base = payload_ram_base + TOUCH_OFFSET;

	if (payload_ram_end < base + (ROUNDS + WARM) * 4096ull) {
		report_absent("first-touch-4k");
		return;
	}
	MEASURE("first-touch-4k", ROUNDS, volatile uint64_t *page = (volatile uint64_t *)(base + i * 4096ull), *page = *page);
}

static void uart_write(const char *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		while ((mmio_read8(UART_BASE + 5) & 0x20) == 0)
			;
		mmio_write8(UART_BASE, (uint8_t)bytes[i]);
	}
}

static void dbcn_write(const char *bytes, uint64_t count)
{
	while (count > 0) {
		struct sbi_result result = sbi(SBI_DBCN, 0, count, (uintptr_t)bytes, 0, 0);

		if (result.error != 0 || result.value > count)
			return;
		bytes += result.value;
		count -= result.value;
	}
}

static void measure_console(void)
{
	MEASURE("uart-64-bytes", ROUNDS_LONG, , uart_write(text, 64));
	if (sbi_has(SBI_DBCN))
		MEASURE("dbcn-64-bytes", ROUNDS_LONG, , dbcn_write(text, 64));
	else
		report_absent("dbcn-64-bytes");
}

static void probe_instret(uint64_t unused __attribute__((unused)))
{
	(void)csr_read(instret);
}

static void probe_stimecmp(uint64_t unused __attribute__((unused)))
{
	csr_write(STIMECMP, UINT64_MAX);
}

static bool works(void (*probe)(uint64_t))
{
	uint64_t before = trap_count;

	trap_mode = TRAP_SKIP;
	(void)trap_try((void *)probe, 0);
	trap_mode = TRAP_FATAL;
	return trap_count == before;
}

void payload_main(void)
{
	bool sstc = works(probe_stimecmp);

	use_cycle = !works(probe_instret);
	print("bench: start, counted by %s\n", use_cycle ? "cycle" : "instret");
	csr_write(stvec, (uintptr_t)trap_fast_entry);
	csr_set(sstatus, SSTATUS_SIE);
	MEASURE((const char *)NULL, ROUNDS, , (void)0);
	sort(sample, ROUNDS);
	empty_cost = sample[0];
	measure_calls();
	measure_mmio();
	measure_timer(sstc);
	measure_interrupts_and_fences();
	measure_wfi();
	MEASURE("rdcycle", ROUNDS, , (void)csr_read(cycle));
	MEASURE("rdinstret", ROUNDS, , (void)csr_read(instret));
	measure_memory();
	measure_console();
	print("bench: done\n");
}
