/* SPDX-License-Identifier: Apache-2.0 */
#include "syscalls.h"

#include <libsys/debug.h>

struct child children[CHILDREN_MAX];
uint64_t violations_seen;
uint64_t calls_made[16], calls_good[16];

uint64_t random_next(uint64_t *state)
{
	/* xorshift64* */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* A hostile VMM: anything may stand in the page that it shares with the kernel. */
static void scribble(struct child *child)
{
	struct vcpu_page *page = &child->page[random_next(&child->random) % PAGES];
	uint64_t *words = (uint64_t *)page, count = random_next(&child->random) % 8;

	for (uint64_t i = 0; i < count; i++)
		words[random_next(&child->random) % 42] = random_next(&child->random) >> random_next(&child->random) % 64;
}

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void check(void)
{
	uint64_t violations = 0;

	if (debug_check(&violations) && violations)
		__atomic_store_n(&violations_seen, violations, __ATOMIC_RELAXED);
}

void child_main(struct child *child)
{
	for (;;) {
		struct call call = { .number = SYS_INVOKE };
		uint64_t answer;

		attack_choose(child, &call);
		if (call.number == SYS_VCPU_RUN)
			scribble(child);
		child->last = call;
		child->calls++;
		count(&calls_made[call.number & 15]);
		answer = syscalls_trap(&call);
		if (answer == ERR_OK)
			count(&calls_good[child->last.number & 15]);
		attack_learn(child, answer);
		if (parameters.check && child->calls % parameters.check == 0)
			check();
	}
}
