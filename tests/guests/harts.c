/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many firmware calls and guest exits two harts of the bare machine do in a time, and one of them: what more a kernel
 * cannot reach there. Prints "RATE <kind> <harts> <per second>" for each round.
 */
#include "payload.h"

#define HERTZ 10000000ull /* of QEMU's time counter */
#define DURATION (HERTZ / 4)
#define ROUNDS 7u
#define BATCH 32u
#define STACK 8192u

void harts_entry(void);
uint64_t harts_exits(uint64_t end);
_Noreturn void harts_second(void);

struct work {
	uint64_t (*operations)(uint64_t end);
	uint64_t begin;
	uint64_t done; /* operations */
	uint32_t number; /* of the work that was given last */
	uint32_t finished; /* number of the one that is done */
};

static struct work second;
static uint8_t stack[STACK] __attribute__((aligned(16)));

static uint64_t calls(uint64_t end)
{
	uint64_t done = 0;

	for (; csr_read(time) < end; done += BATCH)
		for (unsigned i = 0; i < BATCH; i++)
			(void)sbi(SBI_BASE, 0, 0, 0, 0, 0);
	return done;
}

static uint64_t work(uint64_t (*operations)(uint64_t end), uint64_t begin)
{
	while (csr_read(time) < begin)
		;
	return operations(begin + DURATION);
}

void harts_second(void)
{
	for (uint32_t number = 1;; number++) {
		while (__atomic_load_n(&second.number, __ATOMIC_ACQUIRE) != number)
			;
		second.done = work(second.operations, second.begin);
		__atomic_store_n(&second.finished, number, __ATOMIC_RELEASE);
	}
}

static void round_of(const char *kind, uint64_t (*operations)(uint64_t end))
{
	uint64_t begin = csr_read(time) + HERTZ / 100, done = work(operations, begin);

	print("RATE %s 1 %u\n", kind, done * HERTZ / DURATION);
	second.operations = operations;
	second.begin = csr_read(time) + HERTZ / 100;
	__atomic_store_n(&second.number, second.number + 1, __ATOMIC_RELEASE);
	done = work(operations, second.begin);
	while (__atomic_load_n(&second.finished, __ATOMIC_ACQUIRE) != second.number)
		;
	print("RATE %s 2 %u\n", kind, (done + second.done) * HERTZ / DURATION);
}

void payload_main(void)
{
	struct sbi_result result = sbi(SBI_HSM, 0, payload_hart ^ 1, (uintptr_t)harts_entry, (uintptr_t)(stack + STACK), 0);

	if (result.error != 0) {
		print("harts: the second hart did not start\n");
		payload_exit(1);
	}
	for (unsigned i = 0; i < ROUNDS; i++)
		round_of("call", calls);
	for (unsigned i = 0; i < ROUNDS; i++)
		round_of("exit", harts_exits);
	print("harts: done\n");
	payload_exit(0);
}
