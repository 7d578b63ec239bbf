/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <libsys/lock.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#define THREADS 4u
#define ROUNDS 20000u

/* A notification: bits that stay until one waiter takes them all. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t signalled = PTHREAD_COND_INITIALIZER;
static uint64_t pending;
static unsigned signals, waits;

static struct lock lock;
static unsigned inside, counter;

enum err sys_signal(cptr_t notification)
{
	assert_int_equal(notification, 9);
	pthread_mutex_lock(&mutex);
	pending |= 1;
	signals++;
	pthread_cond_signal(&signalled);
	pthread_mutex_unlock(&mutex);
	return ERR_OK;
}

enum err sys_wait(cptr_t notification, uint64_t deadline, uint64_t *bits)
{
	assert_int_equal(notification, 9);
	assert_true(deadline == DEADLINE_NEVER);
	pthread_mutex_lock(&mutex);
	waits++;
	while (!pending)
		pthread_cond_wait(&signalled, &mutex);
	*bits = pending;
	pending = 0;
	pthread_mutex_unlock(&mutex);
	return ERR_OK;
}

_Noreturn void task_fail(const char *format, ...)
{
	fputs(format, stderr);
	abort();
}

static void *contend(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < ROUNDS; i++) {
		lock_acquire(&lock);
		if (__atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED) != 0)
			abort();
		counter++;
		__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED);
		lock_release(&lock);
	}
	return NULL;
}

static void run(uint32_t looks)
{
	pthread_t thread[THREADS];

	lock_init(&lock, 9, looks);
	counter = signals = waits = 0;
	pending = 0;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, contend, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(counter, THREADS * ROUNDS);
	assert_int_equal(lock.word, 0);
}

TEST(lock, lets_one_thread_in_and_loses_no_wake_up)
{
	run(0);
	run(100);
}

TEST(lock, makes_no_system_call_when_nobody_else_wants_it)
{
	lock_init(&lock, 9, 0);
	signals = waits = 0;
	for (unsigned i = 0; i < 3; i++) {
		lock_acquire(&lock);
		assert_int_equal(lock.word, 1);
		lock_release(&lock);
		assert_int_equal(lock.word, 0);
	}
	assert_int_equal(signals + waits, 0);
}

static void *wait_for_it(void *argument)
{
	lock_acquire(&lock);
	*(bool *)argument = true;
	lock_release(&lock);
	return NULL;
}

TEST(lock, blocks_and_is_woken_by_the_holder)
{
	bool got = false;
	pthread_t thread;

	lock_init(&lock, 9, 3);
	signals = waits = 0;
	pending = 0; /* a signal left over from another test would wake it once for nothing */
	lock_acquire(&lock);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &got), 0);
	while (__atomic_load_n(&lock.word, __ATOMIC_ACQUIRE) != 2)
		;
	assert_false(got);
	lock_release(&lock);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(got);
	assert_true(signals >= 1 && waits <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(lock, lets_one_thread_in_and_loses_no_wake_up),
		RUN(lock, makes_no_system_call_when_nobody_else_wants_it),
		RUN(lock, blocks_and_is_woken_by_the_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
