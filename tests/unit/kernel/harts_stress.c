/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generic kernel on several harts at once, each a thread of the build machine: random system calls of tasks that share
 * all their objects, guests that run, idle and leave, and now and then a look at all invariants while everybody stands still.
 * Arguments: seconds, seed, harts.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <asm/unistd.h>

#include "fixture.h"

#include <kernel.h>
#include <smp.h>

enum { WINDOW = 100, WINDOW_SLOTS = 64, WANTED = 30, THREADS = 8, PRIVATE = 90 };

/* What root puts into the window, and makes anew when somebody deleted it. Threads and their time come first. */
static const uint8_t wanted[WANTED - 2 * THREADS][2] = {
	{ OBJECT_ENDPOINT, 0 }, { OBJECT_ENDPOINT, 0 }, { OBJECT_REPLY, 0 },  { OBJECT_REPLY, 0 },   { OBJECT_NOTIFICATION, 0 },
	{ OBJECT_NOTIFICATION, 0 }, { OBJECT_VCPU, 0 }, { OBJECT_VCPU, 0 },   { OBJECT_GSPACE, 0 }, { OBJECT_FRAME, 12 },
	{ OBJECT_FRAME, 12 },	{ OBJECT_CNODE, 4 },	{ OBJECT_UNTYPED, 14 }, { OBJECT_PAGE_TABLE, 0 },
};

static unsigned harts_used;
static atomic_bool ending;
static atomic_uint ended;
static atomic_ulong calls, good[16], guests;
static uint64_t first_seed;
static _Thread_local uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d >> 11;
}

static uint64_t pick(uint64_t below)
{
	return next() % below;
}

_Noreturn static void broken(const char *what)
{
	fprintf(stderr, "seed %lu: %s\n", first_seed, what);
	abort();
}

/* The kernel has a sched_yield of its own. */
static void give_way(void)
{
	(void)syscall(__NR_sched_yield);
}

/* Takes the interrupts of other harts; the hart is outside the kernel. */
static void outside(void)
{
	struct hart *hart = arch_this_hart();

	if (!__atomic_exchange_n(&hart->arch.interrupts, 0, __ATOMIC_SEQ_CST))
		return;
	while (smp_interrupted(hart))
		give_way();
}

static void enter(struct thread *thread, uint64_t number)
{
	thread->arch.restarted = false;
	syscall_handle(thread, number);
	atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
	/* Those that wait answer later, if they do. */
	if (number < 16 && arch_thread_words(thread)[0] == ERR_OK)
		atomic_fetch_add_explicit(&good[number], 1, memory_order_relaxed);
}

/* --- root, on hart 0: keeps the window filled --- */

static enum err root_invoke(cptr_t cap, uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct thread *root = root_thread();
	uint64_t *words = arch_thread_words(root);
	const uint64_t values[] = { cap, operation, a, b, c, d, e };

	memcpy(words, values, sizeof(values));
	do {
		outside();
		enter(root, SYS_INVOKE);
	} while (root->arch.restarted);
	return (enum err)words[0];
}

static bool missing(cptr_t index)
{
	return slot_empty(slot_at(index));
}

/* False: memory is used up. */
static bool fill(cptr_t index, unsigned type, unsigned bits)
{
	/* Somebody may fill the slot meanwhile. */
	return !missing(index) || root_invoke(RAM, OP_UNTYPED_RETYPE, type, bits, CNODE, index, 1) != ERR_NO_MEMORY;
}

/* Sets up a thread and its time, as far as others let it. */
static bool fill_thread(unsigned i)
{
	cptr_t thread = WINDOW + 2 * i, context = thread + 1;

	if (!missing(thread) && !missing(context) && thread_at(thread)->state == THREAD_READY)
		return true;
	if (!fill(thread, OBJECT_THREAD, 0) || !fill(context, OBJECT_SCHED_CONTEXT, 0))
		return false;
	(void)root_invoke(thread, OP_THREAD_SUSPEND, 0, 0, 0, 0, 0);
	(void)root_invoke(thread, OP_THREAD_CONFIGURE, CNODE, VSPACE, 0, 0, 0);
	(void)root_invoke(thread, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, 100 + pick(3), 0, 0, 0);
	(void)root_invoke(thread, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, pick(harts_used), 0, 0, 0);
	(void)root_invoke(thread, OP_THREAD_WRITE_REGISTERS, 0x1000, 0x2000, 0, 0, 0);
	if (i != 0) /* the first is a passive server */
		(void)root_invoke(thread, OP_THREAD_BIND_SCHED_CONTEXT, context, 0, 0, 0, 0);
	(void)root_invoke(thread, OP_THREAD_RESUME, 0, 0, 0, 0, 0);
	return true;
}

static void furnish(void)
{
	bool room = true;

	for (unsigned i = 0; room && i < THREADS; i++)
		room = fill_thread(i);
	for (unsigned i = 0; room && i < WANTED - 2 * THREADS; i++)
		room = fill(WINDOW + 2 * THREADS + i, wanted[i][0], wanted[i][1]);
	if (room)
		return;
	if (root_invoke(CNODE, OP_CNODE_REVOKE, RAM, 0, 0, 0, 0))
		broken("root cannot revoke");
}

/* Repairs, then sleeps: on a notification that nobody else has. */
static void run_root(struct thread *root)
{
	uint64_t *words = arch_thread_words(root);

	furnish();
	words[0] = PRIVATE;
	root->arch.extra[1] = host.time + 200 + pick(2000);
	enter(root, SYS_WAIT);
}

/* --- everybody else --- */

static cptr_t slot_of(unsigned type)
{
	uint64_t start = pick(WINDOW_SLOTS);

	for (unsigned i = 0; i < WINDOW_SLOTS; i++) {
		cptr_t index = WINDOW + (cptr_t)((start + i) % WINDOW_SLOTS);

		if (slot_at(index)->cap.type == type)
			return index;
	}
	return WINDOW + (cptr_t)start;
}

static cptr_t any_slot(void)
{
	return WINDOW + (cptr_t)pick(WINDOW_SLOTS);
}

/* A slot with one of the things of which not much depends. */
static cptr_t victim(void)
{
	return pick(8) ? WINDOW + WANTED + (cptr_t)pick(WINDOW_SLOTS - WANTED) : any_slot();
}

static void choose_thread(uint64_t *words)
{
	words[0] = slot_of(OBJECT_THREAD);
	words[1] = pick(9);
	words[2] = words[1] == OP_THREAD_BIND_SCHED_CONTEXT   ? (pick(3) ? slot_of(OBJECT_SCHED_CONTEXT) : 0)
		   : words[1] == OP_THREAD_BIND_NOTIFICATION ? (pick(3) ? slot_of(OBJECT_NOTIFICATION) : 0)
		   : words[1] == OP_THREAD_CONFIGURE	     ? (uint64_t)CNODE
							     : (uint64_t)ROOT_SLOT_SCHED_CONTROL;
	words[3] = words[1] == OP_THREAD_SET_PRIORITY ? 90 + pick(20) : words[1] == OP_THREAD_CONFIGURE ? (uint64_t)VSPACE : pick(harts_used + 1);
	words[4] = pick(2) ? slot_of(OBJECT_ENDPOINT) : 0;
	if (words[1] == OP_THREAD_SUSPEND && pick(4))
		words[1] = OP_THREAD_RESUME;
}

static void choose_cnode(uint64_t *words)
{
	words[0] = CNODE;
	words[1] = pick(8) < 5 ? (uint64_t)OP_CNODE_MINT : pick(4);
	words[2] = words[1] == OP_CNODE_DELETE || words[1] == OP_CNODE_REVOKE ? victim() : any_slot();
	words[3] = CNODE;
	words[4] = words[1] == OP_CNODE_MOVE ? victim() : any_slot();
	words[5] = RIGHT_ALL;
	words[6] = pick(3) ? 0 : 1u << pick(8);
}

static void choose_invoke(uint64_t *words)
{
	switch (pick(8)) {
	case 0:
	case 1:
		choose_thread(words);
		break;
	case 2:
		words[0] = slot_of(OBJECT_UNTYPED);
		words[1] = OP_UNTYPED_RETYPE;
		words[2] = OBJECT_THREAD + pick(6);
		words[3] = words[2] == OBJECT_FRAME ? 12 : 0;
		words[4] = CNODE;
		words[5] = any_slot();
		words[6] = 1;
		break;
	case 3:
		words[0] = slot_of(OBJECT_VCPU);
		words[1] = OP_VCPU_CONFIGURE;
		words[2] = slot_of(OBJECT_GSPACE);
		words[3] = slot_of(OBJECT_FRAME);
		break;
	case 4:
		words[0] = slot_of(OBJECT_FRAME);
		words[1] = pick(2);
		words[2] = slot_of(OBJECT_GSPACE);
		words[3] = pick(4) << 12;
		words[4] = RIGHT_READ | RIGHT_WRITE;
		break;
	case 5:
		words[0] = ROOT_SLOT_SCHED_CONTROL;
		words[1] = OP_SCHED_CONTROL_CONFIGURE;
		words[2] = slot_of(OBJECT_SCHED_CONTEXT);
		words[3] = 1 + pick(100);
		words[4] = pick(2) ? words[3] : 100 + pick(100);
		break;
	default:
		choose_cnode(words);
		break;
	}
}

static void run_child(struct thread *thread)
{
	static const uint8_t numbers[] = { SYS_CALL,   SYS_CALL, SYS_REPLY_RECV, SYS_REPLY_RECV, SYS_RECV,     SYS_RECV,	SYS_SEND,  SYS_SIGNAL,
					   SYS_SIGNAL, SYS_WAIT, SYS_POLL,	 SYS_YIELD,	 SYS_VCPU_RUN, SYS_VCPU_KICK, SYS_INVOKE, SYS_VCPU_RUN };
	uint64_t *words = arch_thread_words(thread), number = numbers[pick(sizeof(numbers))];

	memset(words, 0, sizeof(thread->arch.words));
	thread->arch.extra[0] = (pick(3) ? slot_of(OBJECT_REPLY) : 0) | (pick(2) ? (uint64_t)any_slot() << 32 : 0);
	thread->arch.extra[1] = host.time + pick(60);
	if (number == SYS_INVOKE)
		choose_invoke(words);
	else if (number <= SYS_SEND)
		words[0] = slot_of(OBJECT_ENDPOINT);
	else if (number <= SYS_POLL)
		words[0] = slot_of(OBJECT_NOTIFICATION);
	else
		words[0] = slot_of(OBJECT_VCPU);
	if (number <= SYS_SEND)
		words[1] = message_info((uint16_t)pick(100), 1) | (pick(4) ? 0 : (uint64_t)any_slot() << 32);
	if (number == SYS_VCPU_KICK)
		words[1] = pick(2) ? VCPU_IRQ_SOFTWARE : 0;
	if (number == SYS_INVOKE || pick(50))
		enter(thread, number);
	else
		thread_raise_fault(thread);
}

static void run_guest(struct thread *thread)
{
	uint64_t what = pick(4);

	if (what == 0)
		host_guest_exit(thread, pick(24));
	else if (what == 1)
		vcpu_idle(thread);
}

/* All stand still, and everything is looked at. */
static void inspect(void)
{
	if (!smp_lock())
		return;
	smp_stop();
	const char *what = invariants_broken();

	if (what)
		broken(what);
	smp_go();
	smp_unlock();
}

static void *run_hart(void *argument)
{
	unsigned index = (unsigned)(uintptr_t)argument;
	struct hart *hart = &harts[index];

	host_become(index);
	state = first_seed * 0x9e3779b97f4a7c15 + index + 1;
	while (!atomic_load(&ending)) {
		uint64_t now = __atomic_add_fetch(&host.time, 1, __ATOMIC_RELAXED);

		outside();
		if (hart->timer <= now)
			sched_timer(hart);
		if (pick(500) == 0)
			inspect();
		struct thread *thread = sched_leave(hart);

		if (!thread) {
			give_way();
		} else if (thread == root_thread()) {
			run_root(thread);
		} else if (!thread->vcpu) {
			run_child(thread);
		} else if (vcpu_may_enter(thread)) {
			thread->vcpu->arch.hart = hart;
			atomic_fetch_add_explicit(&guests, 1, memory_order_relaxed);
			run_guest(thread);
		}
	}
	atomic_fetch_add(&ended, 1);
	while (atomic_load(&ended) < harts_used) {
		outside();
		give_way();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[HANDOVER_HARTS];
	struct timespec time = { .tv_sec = argc > 1 ? atoi(argv[1]) : 2 };

	first_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	harts_used = argc > 3 ? (unsigned)atoi(argv[3]) : 3;
	if (harts_used == 0 || harts_used > HANDOVER_HARTS)
		return 2;
	fixture_boot();
	host_add_harts(harts_used);
	if (retype(SMALL_RAM, OBJECT_NOTIFICATION, 0, PRIVATE, 1))
		broken("no notification");
	host.concurrent = true;
	for (unsigned i = 0; i < harts_used; i++)
		if (pthread_create(&threads[i], NULL, run_hart, (void *)(uintptr_t)i))
			return 2;
	(void)nanosleep(&time, NULL);
	atomic_store(&ending, true);
	for (unsigned i = 0; i < harts_used; i++)
		(void)pthread_join(threads[i], NULL);
	host.concurrent = false;
	host_become(0);
	inspect();
	printf("seed %lu, %u harts: %lu calls, %lu entries of guests; good by number:", first_seed, harts_used, atomic_load(&calls),
	       atomic_load(&guests));
	for (unsigned i = 0; i <= SYS_INVOKE; i++)
		printf(" %lu", atomic_load(&good[i]));
	printf("\n");
	return 0;
}
