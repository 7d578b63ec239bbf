/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the measuring root tasks share. Counts are instructions of the whole machine (`-icount shift=0`). */
#pragma once

#include <abi/root_info.h>
#include <libsys/invoke.h>

#define ROUNDS 101u
#define WARM 16u
#define PRIORITY_SELF 100u
#define PRIORITY_SERVER 110u
#define GUEST_BASE 0x80000000ull

struct bench {
	const struct root_info *info;
	cptr_t memory; /* untyped */
	cptr_t free_slot;
	uint64_t sample[ROUNDS];
	uint64_t empty; /* cost of counting nothing */
};

extern struct bench bench;

/* What one of the programs measures. */
void bench_main(void);

static inline __attribute__((always_inline)) uint64_t count(void)
{
	uint64_t value;

	__asm__ volatile("rdinstret %0" : "=r"(value) : : "memory");
	return value;
}

/* Ends the measurement with a line that says what went wrong. */
_Noreturn void bench_fail(const char *what, enum err err);

static inline void must(enum err err, const char *what)
{
	if (err)
		bench_fail(what, err);
}

/* Makes objects in new consecutive slots; returns the first. */
cptr_t bench_make(enum object_type type, unsigned bits, unsigned objects);

/* Maps a frame in this task's space, or a guest's, with the tables that it needs. */
void bench_map(cptr_t frame, cptr_t space, uint64_t address, unsigned rights);

/* A second thread in this space, ready to run main_function, which must not return, on a stack of its own at a priority. Returns its capability. */
cptr_t bench_thread(void (*main_function)(void), unsigned priority);

/* The same with an argument, and on a stack of which this is the end: one page or more for each such thread. */
cptr_t bench_thread_with(void (*main_function)(void *), void *argument, void *stack_end, unsigned priority);

/* A vCPU with a space of its own, whose guest is one firmware call at GUEST_BASE; its page appears at an address. Returns the vCPU. */
cptr_t bench_guest(uint64_t page_address);

/* Takes all time away from a thread and ends it. */
void bench_thread_end(cptr_t thread);

/* Puts a sample of round i down: the first WARM rounds do not count. */
void bench_note(unsigned i, uint64_t instructions);

/* Prints "IPC <row> <median> <least>" of the samples. */
void bench_report(const char *row);

/* The same with the least in place of the median: for samples that hold more than what is measured, by chance. */
void bench_report_least(const char *row);

void uart_open(void);
void uart_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

void measure_calls(void);
void measure_signals(void);
void measure_timer(void);
void measure_guest(void);
