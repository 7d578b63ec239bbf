/* SPDX-License-Identifier: Apache-2.0 */
#include "syscalls.h"

struct child children[CHILDREN];
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
	struct vcpu_page *page = &child->page[random_next(&child->random) % SHARED_PAGES];
	uint64_t *words = (uint64_t *)page, count = random_next(&child->random) % 8;

	for (uint64_t i = 0; i < count; i++)
		words[random_next(&child->random) % 42] = random_next(&child->random) >> random_next(&child->random) % 64;
}

void child_main(struct child *child)
{
	for (;;) {
		struct call call = { .number = SYS_INVOKE }, before;
		uint64_t answer;

		attack_choose(child, &call);
		if (call.number == SYS_VCPU_RUN)
			scribble(child);
		before = call;
		child->calls++;
		calls_made[before.number & 15]++;
		answer = syscalls_trap(&call);
		if (answer == ERR_OK)
			calls_good[before.number & 15]++;
		attack_learn(child, &call, answer, &before);
	}
}
