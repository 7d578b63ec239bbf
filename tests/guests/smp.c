/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest of several harts that checks what its firmware and devices do with them. Ends with "smp: N harts, F failures"
 * and a shutdown by another hart than the first, if there is one. "bare=1" in the command line: this is no guest of Serai.
 */
#include "smp.h"

#define STACK_SIZE 8192u

uint64_t smp_harts, smp_failures;

static uint8_t stacks[SMP_HARTS][STACK_SIZE] __attribute__((aligned(16)));
static struct smp_begin begins[SMP_HARTS];

__asm__("	.text\n"
	"	.balign	4\n"
	"	.globl	smp_enter\n"
	"smp_enter:\n"
	"	csrw	sie, zero\n"
	"	la	t0, trap_entry\n"
	"	csrw	stvec, t0\n"
	"	ld	sp, 0(a1)\n"
	"	ld	t0, 8(a1)\n"
	"	ld	a1, 16(a1)\n"
	"	jalr	t0\n"
	"1:	li	a7, 0x48534d\n"
	"	li	a6, 1\n"
	"	ecall\n"
	"	j	1b\n");

void smp_check(bool good, const char *what, unsigned line)
{
	if (good)
		return;
	if (__atomic_fetch_add(&smp_failures, 1, __ATOMIC_SEQ_CST) < 20)
		print("smp: wrong: %s (line %u)\n", what, (uint64_t)line);
}

uint64_t smp_begin(uint64_t hart, void (*run)(uint64_t hart, uint64_t argument), uint64_t argument)
{
	begins[hart] = (struct smp_begin){ (uint64_t)(uintptr_t)stacks[hart] + STACK_SIZE, run, argument };
	__asm__ volatile("fence rw, rw" ::: "memory");
	return (uint64_t)(uintptr_t)&begins[hart];
}

int64_t smp_start(uint64_t hart, void (*run)(uint64_t hart, uint64_t argument), uint64_t argument)
{
	uint64_t begin = smp_begin(hart, run, argument);

	return sbi(SBI_HSM, HSM_START, hart, (uint64_t)(uintptr_t)smp_enter, begin, 0).error;
}

int64_t smp_status(uint64_t hart)
{
	struct sbi_result result = sbi(SBI_HSM, HSM_STATUS, hart, 0, 0, 0);

	return result.error ? result.error : (int64_t)result.value;
}

void smp_start_others(void (*run)(uint64_t hart, uint64_t argument), uint64_t argument)
{
	for (uint64_t hart = 0; hart < smp_harts; hart++)
		if (hart != payload_hart)
			CHECK(smp_start(hart, run, argument) == 0);
}

void smp_wait_stopped(void)
{
	for (uint64_t hart = 0; hart < smp_harts; hart++)
		if (hart != payload_hart)
			WAIT(smp_status(hart) == STOPPED);
}

static void power_off(uint64_t hart, uint64_t argument)
{
	(void)hart;
	payload_exit(argument != 0);
}

static void finish(uint64_t hart, uint64_t argument)
{
	(void)argument;
	print("smp: %u harts, %u failures\n", smp_harts, smp_failures);
	for (uint64_t other = 0; other < smp_harts; other++)
		if (other != hart && smp_start(other, power_off, smp_failures) == 0)
			for (;;)
				__asm__ volatile("" ::: "memory");
	payload_exit(smp_failures != 0);
}

void payload_main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "probes", smp_test_probes },   { "start", smp_test_start },   { "suspend", smp_test_suspend },
		{ "ipis", smp_test_ipis },       { "fences", smp_test_fences }, { "plic", smp_test_plic },
		{ "devices", smp_test_devices }, { "storm of IPIs", smp_test_storm_of_ipis },
		{ "storm of starts", smp_test_storm_of_starts },
	};

	while (smp_harts < SMP_HARTS && smp_status(smp_harts) >= 0)
		smp_harts++;
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		uint64_t start = csr_read(time);

		tests[i].run();
		print("smp: %s: %u ms\n", tests[i].name, (csr_read(time) - start) / 10000);
	}
	if (smp_harts > 1)
		smp_test_restart_of_first(finish);
	finish(payload_hart, 0);
}
