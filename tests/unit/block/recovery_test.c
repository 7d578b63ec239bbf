/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server crashes before each single store that it makes into memory which outlives it: guest RAM, session pages, recovery areas.
 * These are write-protected while it runs; the handler of the fault counts, ends the server at the chosen store, or lets just that store
 * happen. A new server goes on each time, and every request must be answered exactly once, with the right data.
 */
#define _GNU_SOURCE
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fake.h"

#ifdef __x86_64__

#define TRAP_FLAG 0x100
#define ROUNDS 2u
#define SLOTS 8u

static struct guest guest;
static struct {
	sigjmp_buf crash;
	unsigned stores, crash_at; /* 0: not at all */
	bool on;
} watch;

/* What is protected: the rings and the slots in use, then sessions and recovery. Less is quicker. */
static struct {
	uint8_t *start;
	size_t size;
} watched[2];

static void find_watched(void)
{
	watched[0].start = fake.shared->ram[0] + (guest.area & ~(size_t)4095);
	watched[0].size = 0x10000 + SLOTS * 0x9000 + 4096;
	watched[1].start = fake.shared->sessions[0];
	watched[1].size = offsetof(struct fake_shared, status) - offsetof(struct fake_shared, sessions);
}

static void protect(bool on)
{
	for (unsigned i = 0; i < 2; i++) {
		if (mprotect(watched[i].start, watched[i].size, on ? PROT_READ : PROT_READ | PROT_WRITE))
			abort();
	}
}

static bool is_watched(const void *address)
{
	bool found = false;

	for (unsigned i = 0; i < 2; i++)
		found |= (uintptr_t)address - (uintptr_t)watched[i].start < watched[i].size;
	return found;
}

static void on_fault(int number, siginfo_t *information, void *context)
{
	ucontext_t *registers = context;

	if (!watch.on || !is_watched(information->si_addr)) {
		(void)signal(number, SIG_DFL);
		return;
	}
	protect(false);
	if (++watch.stores == watch.crash_at)
		siglongjmp(watch.crash, 1);
	registers->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int number, siginfo_t *information, void *context)
{
	ucontext_t *registers = context;

	(void)number;
	(void)information;
	registers->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	protect(true);
}

/* The disks are not the server. */
static void on_transfer(bool begin)
{
	if (watch.on)
		protect(!begin);
}

enum action { TURN, START };

/* Runs the server; true: it crashed. */
static bool run(enum action action, uint64_t bits)
{
	if (sigsetjmp(watch.crash, 1)) {
		watch.on = false;
		return true;
	}
	watch.on = true;
	protect(true);
	if (action == START)
		fake_start();
	else
		fake_turn(bits);
	protect(false);
	watch.on = false;
	return false;
}

/* Again and again until it does not crash, beginning each time with a new server, which looks at its sessions at once. */
static void turn(uint64_t bits)
{
	if (!run(TURN, bits))
		return;
	watch.stores = 0;
	watch.crash_at = watch.crash_at > 1 ? watch.crash_at / 2 : 0;
	while (run(START, 0) || run(TURN, 0)) {
		watch.stores = 0;
		watch.crash_at /= 2;
	}
}

static void complete(unsigned count)
{
	fake.disk[1].due = count;
	turn(BLOCK_SIGNAL_DEVICE(1));
}

/* What a slot does in a round: each has sectors of its own, and a new round writes other bytes. */
static void put(unsigned slot, unsigned round)
{
	bool write = (slot + round) & 1;

	if (write)
		memset(guest_data(&guest, slot), (int)(slot * 16 + round + 1), 1024);
	else
		memset(guest_data(&guest, slot), 0xdd, 1024);
	guest_put(&guest, slot, write ? BLK_OUT : BLK_IN, slot * 8, 1024, 700);
}

static void check(unsigned slot, unsigned round)
{
	uint8_t *disk = fake.disk[1].data + slot * 8 * 512;

	assert_int_equal(guest_status(&guest, slot), 0);
	assert_memory_equal(guest_data(&guest, slot), disk, 1024);
	if ((slot + round) & 1)
		assert_int_equal(disk[1023], (uint8_t)(slot * 16 + round + 1));
}

/* Some rounds of requests that overlap each other in time, whose heads are used again at once. */
static void play(uint64_t features)
{
	unsigned round_of[SLOTS] = { 0 }, puts = 0;

	guest_init(&guest, 1, 2, features);
	find_watched();
	guest_start(&guest);
	for (unsigned step = 0; step < ROUNDS * SLOTS; step++) {
		/* At first the same head again and again, with nothing else. */
		unsigned slot = step < 4 ? 0 : step % SLOTS, tries = 0;

		while (guest.busy[slot]) {
			assert_true(tries++ < 2 * SLOTS);
			complete(1 + step % 3);
			guest_poll(&guest);
		}
		if (round_of[slot])
			check(slot, round_of[slot]);
		put(slot, ++round_of[slot]);
		puts++;
		turn(BLOCK_SIGNAL_SESSION(1));
	}
	while (fake.disk[1].in_device)
		complete(256);
	guest_poll(&guest);
	assert_int_equal(guest.twice, 0);
	assert_int_equal(guest.done, puts);
	for (unsigned slot = 0; slot < SLOTS; slot++)
		check(slot, round_of[slot]);
	assert_int_equal(fake_session(1)->broken, 0);
}

static bool crash_at(unsigned store, uint64_t features)
{
	bool reached;

	fake_reset();
	fake.transfers = on_transfer;
	fake_start();
	fake_attach(0);
	watch.stores = 0;
	watch.crash_at = store;
	play(features);
	/* A crash sets it back. */
	reached = watch.crash_at != store;
	watch.crash_at = 0;
	return reached;
}

/* cmocka has handlers of its own, which it sets before each test. */
static void catch_stores(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	assert_int_equal(sigaction(SIGSEGV, &fault, NULL) | sigaction(SIGTRAP, &step, NULL), 0);
}

TEST(recovery, loses_nothing_when_it_crashes_before_any_store)
{
	unsigned store = 1;

	catch_stores();
	while (crash_at(store, GUEST_FLUSH | GUEST_INDIRECT | GUEST_EVENT_INDEX))
		store++;
	/* Status, used element, used index, and the notes, for 16 requests at least. */
	assert_true(store > 16 * 8);
}

TEST(recovery, survives_without_event_index)
{
	unsigned store = 1;

	catch_stores();
	while (crash_at(store, GUEST_FLUSH | GUEST_INDIRECT))
		store += 7;
	assert_true(store > 16 * 8);
}

#endif

static struct guest other;

TEST(recovery, forgets_what_belonged_to_an_earlier_guest)
{
	fake_reset();
	fake_start();
	fake_attach(0);
	guest_init(&other, 1, 1, GUEST_FLUSH);
	guest_start(&other);
	guest_put(&other, 0, BLK_IN, 0, 512, 512);
	guest_notify(&other);
	/* The guest ends and the next one comes while there is no server. */
	memset(fake.shared->sessions, 0, sizeof(fake.shared->sessions));
	memset(fake.shared->ram, 0, sizeof(fake.shared->ram));
	fake.table.guest[0].epoch += 2;
	fake_start();
	fake_turn(0);
	assert_int_equal(fake.disk[1].in_device, 0);
	assert_int_equal(fake_session(1)->server, 2);
	guest_init(&other, 1, 1, GUEST_FLUSH);
	guest_start(&other);
	assert_int_equal(guest_do(&other, BLK_IN, 5, 512), 0);
	assert_int_equal(other.done, 1);
}

TEST(recovery, ends_a_reset_that_the_crash_interrupted)
{
	fake_reset();
	fake_start();
	fake_attach(0);
	guest_init(&other, 1, 1, GUEST_FLUSH);
	guest_start(&other);
	guest_put(&other, 0, BLK_IN, 0, 512, 512);
	guest_notify(&other);
	guest_stop(&other);
	assert_int_not_equal(fake_session(1)->done, fake_session(1)->wanted);
	fake_start();
	assert_int_equal(fake_session(1)->done, fake_session(1)->wanted);
	assert_int_equal(fake.disk[1].in_device, 0);
}

TEST(recovery, tells_clients_that_it_was_started_again)
{
	unsigned signals;

	fake_reset();
	fake_start();
	fake_attach(0);
	signals = fake.signals[1];
	fake_start();
	assert_int_equal(fake_session(1)->server, 2);
	assert_int_equal(fake_status()->ready, 2);
	assert_true(fake.signals[1] > signals);
	/* A guest that is not there is left alone. */
	assert_int_equal(fake_session(2)->server, 0);
}

TEST(recovery, ends_a_session_whose_ring_was_forged_meanwhile)
{
	fake_reset();
	fake_start();
	fake_attach(0);
	guest_init(&other, 1, 1, GUEST_FLUSH);
	guest_start(&other);
	guest_put(&other, 0, BLK_IN, 0, 512, 512);
	guest_put(&other, 1, BLK_IN, 0, 512, 512);
	guest_notify(&other);
	guest_descriptor(&other, 3, 0, 16, 1, 1);
	fake_start();
	fake_settle();
	assert_int_equal(fake_session(1)->broken, fake_session(1)->wanted);
	guest_poll(&other);
	assert_int_equal(other.done, 0);
	assert_int_equal(fake.errors, 0);
}

TEST(recovery, answers_the_command_that_it_did_not_end)
{
	fake_reset();
	fake_start();
	fake.command = (struct block_command){ .sequence = 5, .operation = BLOCK_SNAPSHOT, .volume = "first", .name = "a" };
	fake_start();
	assert_int_equal(fake_status()->command, 5);
	assert_int_equal(fake_status()->error, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		RUN(recovery, loses_nothing_when_it_crashes_before_any_store),
		RUN(recovery, survives_without_event_index),
#endif
		RUN(recovery, forgets_what_belonged_to_an_earlier_guest),
		RUN(recovery, ends_a_reset_that_the_crash_interrupted),
		RUN(recovery, tells_clients_that_it_was_started_again),
		RUN(recovery, ends_a_session_whose_ring_was_forged_meanwhile),
		RUN(recovery, answers_the_command_that_it_did_not_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
