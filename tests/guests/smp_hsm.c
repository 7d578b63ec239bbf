/* SPDX-License-Identifier: Apache-2.0 */
/* Hart state management: starts, stops, suspends, and what is refused. */
#include "smp.h"

#define ROUNDS 20u
#define RETENTIVE 0u
#define LOSING 0x80000000u

static volatile uint64_t arrived[SMP_HARTS], seen[SMP_HARTS], go;

void smp_test_probes(void)
{
	static const uint64_t absent[] = { SBI_PMU, SBI_STA, SBI_SUSP };

	CHECK(smp_status(smp_harts) == SBI_INVALID_PARAM);
	CHECK(smp_status(UINT64_MAX) == SBI_INVALID_PARAM);
	CHECK(smp_status(payload_hart) == STARTED);
	CHECK(sbi(SBI_HSM, 4, 0, 0, 0, 0).error == SBI_NOT_SUPPORTED);
	if (*payload_argument("bare", "0") == '1')
		return;
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		CHECK(!sbi_has(absent[i]));
		for (uint64_t function = 0; function < 4; function++)
			CHECK(sbi(absent[i], function, 0, 0, 0, 0).error == SBI_NOT_SUPPORTED);
	}
}

/* State at entry: interrupts and translation off. */
static void arrive(uint64_t hart, uint64_t argument)
{
	CHECK(csr_read(satp) == 0);
	CHECK(!(csr_read(sstatus) & SSTATUS_SIE));
	smp_store(&seen[hart], argument);
	smp_store(&arrived[hart], 1);
	WAIT(smp_load(&go));
}

static void check_refusals(uint64_t hart)
{
	uint64_t entry = (uint64_t)(uintptr_t)smp_enter;

	CHECK(sbi(SBI_HSM, HSM_START, smp_harts, entry, 0, 0).error == SBI_INVALID_PARAM);
	CHECK(sbi(SBI_HSM, HSM_START, UINT64_MAX, entry, 0, 0).error == SBI_INVALID_PARAM);
	CHECK(sbi(SBI_HSM, HSM_START, payload_hart, entry, 0, 0).error == SBI_ALREADY_AVAILABLE);
	CHECK(sbi(SBI_HSM, HSM_START, hart, entry, 0, 0).error == SBI_ALREADY_AVAILABLE);
}

void smp_test_start(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		smp_store(&go, 0);
		for (uint64_t hart = 0; hart < smp_harts; hart++) {
			smp_store(&arrived[hart], 0);
			if (hart == payload_hart)
				continue;
			CHECK(smp_status(hart) == STOPPED);
			if (*payload_argument("bare", "0") == '0')
				CHECK(sbi(SBI_HSM, HSM_START, hart, 0x1000, 0, 0).error == SBI_INVALID_ADDRESS);
			CHECK(smp_status(hart) == STOPPED);
		}
		smp_start_others(arrive, 1000 + round);
		for (uint64_t hart = 0; hart < smp_harts; hart++) {
			if (hart == payload_hart)
				continue;
			WAIT(smp_load(&arrived[hart]));
			CHECK(seen[hart] == 1000 + round);
			CHECK(smp_status(hart) == STARTED);
			check_refusals(hart);
		}
		smp_store(&go, 1);
		smp_wait_stopped();
	}
}

static int64_t suspend(uint64_t type, uint64_t address, uint64_t argument)
{
	return sbi(SBI_HSM, HSM_SUSPEND, type, address, argument, 0).error;
}

static void refused_suspends(void)
{
	CHECK(suspend(1, 0, 0) == SBI_INVALID_PARAM);
	CHECK(suspend(0x0fffffff, 0, 0) == SBI_INVALID_PARAM);
	CHECK(suspend(0x80000001, 0, 0) == SBI_INVALID_PARAM);
	if (*payload_argument("bare", "0") == '1')
		return;
	CHECK(suspend(0x10000000, 0, 0) == SBI_NOT_SUPPORTED);
	CHECK(suspend(0x90000000, 0, 0) == SBI_NOT_SUPPORTED);
	CHECK(suspend(LOSING, 0x1000, 0) == SBI_INVALID_ADDRESS);
	CHECK(suspend(LOSING, (uint64_t)(uintptr_t)smp_enter + 1, 0) == SBI_INVALID_ADDRESS);
}

static void resumed(uint64_t hart, uint64_t argument)
{
	CHECK(csr_read(satp) == 0);
	smp_store(&seen[hart], argument);
	smp_store(&arrived[hart], 3);
	csr_clear(sip, SIE_SOFTWARE);
	WAIT(smp_load(&go) == 3);
}

static void sleep_twice(uint64_t hart, uint64_t argument)
{
	uint64_t end;

	(void)argument;
	refused_suspends();
	/* By its own timer. */
	end = csr_read(time) + 20000;
	csr_write(sie, SIE_TIMER);
	csr_write(STIMECMP, end);
	while (csr_read(time) < end)
		CHECK(suspend(RETENTIVE, 0, 0) == 0);
	csr_write(STIMECMP, UINT64_MAX);
	/* By an IPI. A suspended hart may come back early. */
	csr_write(sie, SIE_SOFTWARE);
	smp_store(&arrived[hart], 1);
	while (!(csr_read(sip) & SIE_SOFTWARE))
		CHECK(suspend(RETENTIVE, 0, 0) == 0);
	csr_clear(sip, SIE_SOFTWARE);
	smp_store(&arrived[hart], 2);
	WAIT(smp_load(&go) == 2);
	CHECK(suspend(LOSING, (uint64_t)(uintptr_t)smp_enter, smp_begin(hart, resumed, 4321)) == 0);
	CHECK(false);
}

static void wake(uint64_t hart)
{
	WAIT(smp_status(hart) == SUSPENDED);
	CHECK(sbi(SBI_HSM, HSM_START, hart, (uint64_t)(uintptr_t)smp_enter, 0, 0).error != 0);
	CHECK(sbi(SBI_IPI, 0, 1, hart, 0, 0).error == 0);
}

void smp_test_suspend(void)
{
	for (uint64_t hart = 0; hart < smp_harts; hart++) {
		if (hart == payload_hart)
			continue;
		smp_store(&go, 0);
		smp_store(&arrived[hart], 0);
		CHECK(smp_start(hart, sleep_twice, 0) == 0);
		WAIT(smp_load(&arrived[hart]) == 1);
		wake(hart);
		WAIT(smp_load(&arrived[hart]) == 2);
		CHECK(smp_status(hart) == STARTED);
		smp_store(&go, 2);
		/* That one may have come back early, too: for the IPI before. */
		WAIT(smp_status(hart) == SUSPENDED || smp_load(&arrived[hart]) == 3);
		if (smp_load(&arrived[hart]) != 3)
			CHECK(sbi(SBI_IPI, 0, 1, hart, 0, 0).error == 0);
		WAIT(smp_load(&arrived[hart]) == 3);
		CHECK(seen[hart] == 4321);
		CHECK(smp_status(hart) == STARTED);
		smp_store(&go, 3);
		smp_wait_stopped();
	}
}

static void restart_first(uint64_t hart, uint64_t then)
{
	(void)hart;
	WAIT(smp_status(payload_hart) == STOPPED);
	CHECK(smp_start(payload_hart, (void (*)(uint64_t, uint64_t))(uintptr_t)then, 0) == 0);
}

void smp_test_restart_of_first(void (*then)(uint64_t hart, uint64_t argument))
{
	uint64_t other = payload_hart == 0 ? 1 : 0;

	CHECK(smp_start(other, restart_first, (uint64_t)(uintptr_t)then) == 0);
	(void)sbi(SBI_HSM, HSM_STOP, 0, 0, 0, 0);
	CHECK(false);
}
