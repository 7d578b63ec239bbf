/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the root task whose cases let harts race. Prints "RACES done" after the last case. */
#include <stdlib.h>
#include <string.h>

#include <libsys/debug.h>
#include <libsys/entry.h>
#include <libsys/log.h>

#include "races.h"

#define MARK "races "

const struct root_info *root_info;
struct parameters parameters = { .seed = 1, .ms = 300, .stress = 2000, .group = ~0ul };

static const char *current = "start";
static uint64_t random_state = 1;

static void power_off(unsigned reason)
{
	if (platform_control_shutdown(ROOT_SLOT_PLATFORM_CONTROL, reason))
		__builtin_trap();
}

_Noreturn void fail(const char *what, uint64_t value)
{
	static uint32_t failed;

	/* The first to find something says so. */
	if (__atomic_exchange_n(&failed, 1, __ATOMIC_SEQ_CST))
		wait_for_ever();
	for (unsigned i = 0; i < WORKERS_MOST; i++) {
		const struct worker *worker = &workers[i];
		uint64_t pc = 0, number = 0;

		if (!worker->thread || thread_read_register(worker->thread, 0, &pc) || thread_read_register(worker->thread, 17, &number))
			continue;
		log_info("RACES worker %u, hart %u: progress %lu, good %lu, pc %lx, a7 %lu", i, worker->hart, (unsigned long)worker->progress,
			 (unsigned long)worker->errors[ERR_OK], (unsigned long)pc, (unsigned long)number);
	}
	log_error("RACES failed: case %s, seed %lu: %s (%lu)", current, (unsigned long)parameters.seed, what, (unsigned long)value);
	power_off(1);
	for (;;)
		;
}

void must(enum err err, const char *what)
{
	if (err)
		fail(what, (uint64_t)err);
}

uint64_t random_of(uint64_t *state)
{
	/* xorshift64* */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

uint64_t pick(uint64_t below)
{
	return random_of(&random_state) % below;
}

static void read_one(const char *word)
{
	static const struct {
		const char *name;
		uint64_t *value;
	} names[] = { { "seed=", &parameters.seed }, { "ms=", &parameters.ms }, { "stress=", &parameters.stress }, { "group=", &parameters.group } };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(word, names[i].name, strlen(names[i].name)) == 0)
			*names[i].value = strtoull(word + strlen(names[i].name), NULL, 0);
}

static void parameters_read(void)
{
	const char *tree = (const char *)(uintptr_t)root_info->device_tree;
	size_t size = root_info->device_tree_size, length = strlen(MARK);

	/* The command line is the only string of the tree that begins so. */
	for (size_t i = 0; i + length < size; i++) {
		if (memcmp(tree + i, MARK, length) != 0)
			continue;
		for (const char *word = tree + i + length; word < tree + size && *word; word += strcspn(word, " ")) {
			word += strspn(word, " ");
			read_one(word);
		}
		break;
	}
}

static void run_cases(uint64_t group, const struct race_case *cases)
{
	if (!(parameters.group & group))
		return;
	for (; cases->name; cases++) {
		uint64_t begin = sys_time();

		current = cases->name;
		random_state = parameters.seed * 0x9e3779b97f4a7c15 + 1;
		cases->run();
		arena_check();
		check_kernel();
		log_info("RACES %s: %lu ms", cases->name, (unsigned long)((sys_time() - begin) / ticks_of(1)));
	}
}

int main(void)
{
	parameters_read();
	log_info("RACES seed %lu, %u harts", (unsigned long)parameters.seed, root_info->harts);
	must(thread_set_priority(ROOT_SLOT_THREAD, ROOT_SLOT_SCHED_CONTROL, PRIORITY_ROOT), "own priority");
	objects_prepare();
	/* The storm is measured with nothing else on the machine. */
	run_cases(GROUP_STORM, storm_cases);
	run_cases(GROUP_IDLE, idle_cases);
	innocents_start();
	run_cases(GROUP_VMM, vmm_cases);
	run_cases(GROUP_TAKE, take_cases);
	run_cases(GROUP_MESSAGES, message_cases);
	run_cases(GROUP_LEAKS, leak_cases);
	run_cases(GROUP_GUEST, guest_cases);
	run_cases(GROUP_BELLS, bell_cases);
	run_cases(GROUP_STRESS, stress_cases);
	log_info("RACES done");
	power_off(0);
	return 0;
}

_Noreturn void task_entry(const void *information)
{
	root_info = information;
	(void)main();
	__builtin_trap();
}
