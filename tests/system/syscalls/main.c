/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the root task that attacks its kernel. Prints "SYSCALLS done" after the last round. */
#include <libsys/entry.h>
#include <libsys/log.h>

#include "syscalls.h"

#define ROUNDS 500u
#define ROUND_TICKS 40000u /* 4 ms: 4 million instructions with -icount shift=0 */

const struct root_info *root_info;
cptr_t root_free;

static void power_off(unsigned reason)
{
	if (platform_control_shutdown(ROOT_SLOT_PLATFORM_CONTROL, reason))
		__builtin_trap();
}

_Noreturn void fail(const char *what, uint64_t value)
{
	log_error("SYSCALLS failed: %s (%lu)", what, (unsigned long)value);
	power_off(1);
	for (;;)
		;
}

void must(enum err err, const char *what)
{
	if (err)
		fail(what, (uint64_t)err);
}

static cptr_t largest_untyped(void)
{
	cptr_t best = 0;
	unsigned bits = 0;

	for (uint32_t i = 0; i < root_info->untypeds; i++) {
		const struct untyped_info *untyped = &root_info->untyped[i];

		if (untyped->kind == REGION_RAM && untyped->size_bits > bits) {
			bits = untyped->size_bits;
			best = untyped->slot;
		}
	}
	return best;
}

int main(void)
{
	cptr_t large = largest_untyped(), untyped = root_free++;

	must(untyped_retype(large, OBJECT_UNTYPED, 22, ROOT_SLOT_CNODE, untyped, 1), "retype");
	for (unsigned i = 0; i < ROUNDS; i++) {
		round_run(untyped, i + 1, ROUND_TICKS);
		if (i % 100 == 99)
			log_info("SYSCALLS %u rounds", i + 1);
	}
	for (unsigned i = 0; i < 16; i++)
		log_info("SYSCALLS number %u: %lu calls, %lu good", i, (unsigned long)calls_made[i], (unsigned long)calls_good[i]);
	log_info("SYSCALLS done");
	power_off(0);
	return 0;
}

_Noreturn void task_entry(const void *information)
{
	root_info = information;
	root_free = root_info->first_free_slot;
	(void)main();
	__builtin_trap();
}
