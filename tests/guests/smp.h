/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the payload "smp": several harts by SBI, and what they must see of each other. */
#pragma once

#include "payload.h"

#define SMP_HARTS 8u

enum { SBI_STA = 0x535441 };
enum { SBI_FAILED = -1, SBI_NOT_SUPPORTED = -2, SBI_INVALID_PARAM = -3, SBI_INVALID_ADDRESS = -5, SBI_ALREADY_AVAILABLE = -6 };
enum { HSM_START, HSM_STOP, HSM_STATUS, HSM_SUSPEND };
enum { STARTED, STOPPED, START_PENDING, STOP_PENDING, SUSPENDED };

#define ALL_HARTS UINT64_MAX /* as the base of a mask */

extern uint64_t smp_harts; /* of the machine; the payload begins on payload_hart */
extern uint64_t smp_failures;

/* What a hart that is started or resumed finds in a1 at smp_enter. When `run` returns the hart stops. */
struct smp_begin {
	uint64_t stack; /* its end */
	void (*run)(uint64_t hart, uint64_t argument);
	uint64_t argument;
};
void smp_enter(void);

/* Prepares a beginning of a hart on a stack of its own; the address for hart_start. */
uint64_t smp_begin(uint64_t hart, void (*run)(uint64_t hart, uint64_t argument), uint64_t argument);

int64_t smp_start(uint64_t hart, void (*run)(uint64_t hart, uint64_t argument), uint64_t argument);

/* State of a hart, or the error. */
int64_t smp_status(uint64_t hart);

/* Harts but this one: starts all, waits until all have stopped. */
void smp_start_others(void (*run)(uint64_t hart, uint64_t argument), uint64_t argument);
void smp_wait_stopped(void);

void smp_check(bool good, const char *what, unsigned line);
#define CHECK(condition) smp_check(condition, #condition, __LINE__)

static inline uint64_t smp_load(const volatile uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void smp_store(volatile uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Waits for a condition, but not for ever. */
#define SMP_TICKS 200000000u /* 20 s on QEMU's timebase */
#define WAIT(condition)                                                        \
	do {                                                                   \
		uint64_t wait_start = csr_read(time);                          \
		bool wait_good = true;                                         \
		while (wait_good && !(condition))                              \
			wait_good = csr_read(time) - wait_start < SMP_TICKS;   \
		smp_check(wait_good, "waited in vain: " #condition, __LINE__); \
	} while (0)

/* smp_hsm.c */
void smp_test_probes(void);
void smp_test_start(void);
void smp_test_suspend(void);
void smp_test_restart_of_first(void (*then)(uint64_t hart, uint64_t argument));
/* smp_signals.c */
void smp_test_ipis(void);
void smp_test_fences(void);
void smp_test_plic(void);
void smp_test_devices(void);
/* smp_storms.c */
void smp_test_storm_of_ipis(void);
void smp_test_storm_of_starts(void);
