/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the root task that attacks its kernel. Prints "SYSCALLS done" after the last round. */
#include <libsys/debug.h>
#include <libsys/entry.h>
#include <libsys/log.h>

#include "syscalls.h"

const struct root_info *root_info;
cptr_t root_free;

static void power_off(unsigned reason)
{
	if (platform_control_shutdown(ROOT_SLOT_PLATFORM_CONTROL, reason))
		__builtin_trap();
}

_Noreturn void fail(const char *what, uint64_t value)
{
	for (unsigned i = 0; i < parameters.children; i++) {
		const struct call *last = &children[i].last;

		log_error("SYSCALLS child %u: call %lu, number %lu (%lx %lx %lx %lx %lx %lx %lx) t0 %lx t1 %lx", i,
			  (unsigned long)children[i].calls, (unsigned long)last->number, (unsigned long)last->a[0],
			  (unsigned long)last->a[1], (unsigned long)last->a[2], (unsigned long)last->a[3], (unsigned long)last->a[4],
			  (unsigned long)last->a[5], (unsigned long)last->a[6], (unsigned long)last->t0, (unsigned long)last->t1);
	}
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
	parameters_read();
	cptr_t large = largest_untyped(), untyped = root_free++;

	log_info("SYSCALLS seed %lu, %u harts, %lu children, check after %lu calls, watch %lu", (unsigned long)parameters.seed,
		 root_info->harts, (unsigned long)parameters.children, (unsigned long)parameters.check, (unsigned long)parameters.watch);
	must(untyped_retype(large, OBJECT_UNTYPED, 23, ROOT_SLOT_CNODE, untyped, 1), "retype");
	debug_watch(parameters.watch);
	for (uint64_t i = 0; i < parameters.rounds; i++) {
		/* A round that hangs or panics is the seed after the last one printed. */
		if (i % 100 == 0)
			log_info("SYSCALLS round %lu, seed %lu", (unsigned long)i, (unsigned long)(parameters.seed + i));
		round_run(untyped, parameters.seed + i);
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
