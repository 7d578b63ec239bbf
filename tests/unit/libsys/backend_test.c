/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <libsys/account.h>
#include <libsys/backend.h>
#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#define STALE 17u /* what the kernel leaves in the register if there is no signal */

static struct { enum err err; uint64_t bits; } answer[8];
static unsigned answers, polls, waits, turns;
static uint64_t seen[8];
static jmp_buf out;
static uint64_t now;
static cptr_t accounts;
static struct { cptr_t cap; uint64_t ticks; } charged[8];
static unsigned charges;
static struct task_info info = { .timebase_hz = 1000000 }; /* so 100 ticks are enough */

static enum err next(uint64_t *bits)
{
	*bits = answer[answers].bits;
	return answer[answers++].err;
}

enum err sys_wait(cptr_t notification, uint64_t deadline, uint64_t *bits)
{
	assert_int_equal(notification, TASK_SLOT_NOTIFICATION);
	assert_int_equal(deadline, 1234);
	waits++;
	return next(bits);
}

enum err sys_poll(cptr_t notification, uint64_t *bits)
{
	assert_int_equal(notification, TASK_SLOT_NOTIFICATION);
	polls++;
	return next(bits);
}

enum err sys_signal(cptr_t notification)
{
	return notification ? ERR_OK : ERR_INVALID_CAP;
}

enum err sys_invoke(cptr_t cap, uint64_t operation, const uint64_t arguments[5], uint64_t *results)
{
	assert_int_equal(operation, OP_SCHED_CONTEXT_CHARGE);
	charged[charges].cap = cap;
	charged[charges++].ticks = arguments[0];
	*results = 0;
	return cap == accounts + 2 * ATTACH_VCPUS_MAX ? ERR_INVALID_CAP : ERR_OK;
}

uint64_t sys_time(void)
{
	return now;
}

const struct task_info *task_info(void)
{
	return &info;
}

void *task_memory(const char *name, size_t *size)
{
	(void)name, (void)size;
	return NULL;
}

cptr_t task_cap(const char *name)
{
	return strcmp(name, "accounts") ? 0 : accounts;
}

void log_set_channel(struct console_channel *channel, cptr_t console)
{
	(void)channel, (void)console;
}

_Noreturn void task_fail(const char *format, ...)
{
	(void)format;
	longjmp(out, 2);
}

static uint64_t deadline(void)
{
	return 1234;
}

/* More to do after the second turn. */
static bool turn(uint64_t bits)
{
	seen[turns++] = bits;
	if (turns == 5)
		longjmp(out, 1);
	return turns == 2;
}

TEST(backend, hands_on_only_bits_that_came)
{
	(void)state;
	answers = polls = waits = turns = 0;
	answer[0].err = ERR_WOULD_BLOCK;
	answer[0].bits = STALE;
	answer[1].bits = 3;
	answer[2].err = ERR_WOULD_BLOCK;
	answer[2].bits = STALE;
	answer[3].err = ERR_TIMED_OUT;
	answer[3].bits = STALE;
	answer[4].bits = 8;
	if (!setjmp(out))
		backend_run(turn, deadline);
	assert_int_equal(turns, 5);
	assert_int_equal(polls, 2);
	assert_int_equal(waits, 3);
	assert_int_equal(seen[0], 0);
	assert_int_equal(seen[1], 3);
	assert_int_equal(seen[2], 0);
	assert_int_equal(seen[3], 0);
	assert_int_equal(seen[4], 8);
}

/* 150 ticks for guest 1, 30 for nobody, 150 for guest 2. */
static bool work(uint64_t bits)
{
	(void)bits;
	if (++turns == 4)
		longjmp(out, 1);
	account_for(1, now);
	now += 150;
	account_for(2, now);
	now += 150;
	account_end(now);
	account_begin(now += 30);
	return true;
}

TEST(backend, charges_whom_it_worked_for)
{
	static const unsigned guest[] = { 1, 2, 1, 1 };

	answers = turns = charges = 0;
	for (unsigned i = 0; i < 8; i++)
		answer[i].err = ERR_WOULD_BLOCK;
	accounts = 40;
	backend_find(0, 0);
	account_open(1, 1);
	account_open(2, 1);
	if (!setjmp(out))
		backend_run(work, deadline);
	accounts = 0;
	/* The second one is gone: it is asked once. */
	assert_int_equal(charges, 4);
	for (unsigned i = 0; i < charges; i++) {
		assert_int_equal(charged[i].cap, 40 + guest[i] * ATTACH_VCPUS_MAX);
		assert_int_equal(charged[i].ticks, 150);
	}
}

TEST(backend, ends_when_it_cannot_wait)
{
	(void)state;
	answers = turns = 0;
	answer[0].err = ERR_INVALID_CAP;
	int how = setjmp(out);

	if (!how)
		backend_run(turn, deadline);
	assert_int_equal(how, 2);
	assert_int_equal(turns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(backend, hands_on_only_bits_that_came),
		RUN(backend, charges_whom_it_worked_for),
		RUN(backend, ends_when_it_cannot_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
