/* SPDX-License-Identifier: Apache-2.0 */
/* One round: builds the children, looks on, ends them. */
#include <string.h>

#include <libsys/debug.h>

#include "syscalls.h"

#define PRIORITY_CHILD 100u
#define STACK_BYTES 8192u
#define PAGES_ADDRESS 0x2000000000ull /* of all children, in this space */
#define UNTYPED_BITS 18u              /* for each child */
#define SHARED_CNODE_BITS 5u
#define CHECK_TICKS 1000u             /* between two looks */

static uint8_t stacks[CHILDREN_MAX][STACK_BYTES] __attribute__((aligned(16)));
static enum object_type shared_types[SHARED_OBJECTS];
static cptr_t tables; /* page tables for PAGES_ADDRESS exist */
static cptr_t clock;  /* a notification that nobody signals */

static cptr_t make(cptr_t untyped, enum object_type type, unsigned bits, unsigned count, cptr_t at)
{
	must(untyped_retype(untyped, type, bits, ROOT_SLOT_CNODE, at, count), "retype");
	return at;
}

/* Slots of what the children of a round have in common. */
struct common {
	cptr_t endpoint, replies, notification, shared;
};

/* Gives the child a copy of a capability of ours, or the only one there can be. */
static void give(cptr_t cnode, unsigned number, unsigned slot, cptr_t from, enum object_type type)
{
	if (type == OBJECT_UNTYPED || type == OBJECT_REPLY)
		must(cnode_move(cnode, slot, ROOT_SLOT_CNODE, from), "move");
	else
		must(cnode_mint(cnode, slot, ROOT_SLOT_CNODE, from, RIGHT_ALL, type == OBJECT_NOTIFICATION ? 1u << number : 0),
		     "mint");
	children[number].type[slot] = (uint8_t)type;
}

static void map_page(cptr_t frame, uint64_t address)
{
	enum err err = frame_map(frame, ROOT_SLOT_VSPACE, address, RIGHT_READ | RIGHT_WRITE);

	/* The tables are this space's, so they are made for good. */
	for (unsigned i = 0; err == ERR_NO_TABLE && i < 3; i++) {
		must(page_table_map(make(tables, OBJECT_PAGE_TABLE, 0, 1, root_free), ROOT_SLOT_VSPACE, address), "table");
		root_free++;
		err = frame_map(frame, ROOT_SLOT_VSPACE, address, RIGHT_READ | RIGHT_WRITE);
	}
	must(err, "map");
}

/* What all children share, in the order of their slots. */
static cptr_t make_shared(cptr_t untyped, cptr_t *slot)
{
	static const enum object_type types[SHARED_OBJECTS] = { OBJECT_CNODE, OBJECT_VSPACE, OBJECT_GSPACE, OBJECT_VCPU,
								OBJECT_THREAD, OBJECT_SCHED_CONTEXT, OBJECT_FRAME };
	cptr_t first = *slot;

	for (unsigned i = 0; i < SHARED_OBJECTS; i++) {
		unsigned bits = types[i] == OBJECT_CNODE ? SHARED_CNODE_BITS : types[i] == OBJECT_FRAME ? 12 : 0;

		make(untyped, types[i], bits, 1, (*slot)++);
		shared_types[i] = types[i];
	}
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, first + SLOT_SHARED_CONTEXT - SLOT_SHARED, 1000, 1000, 0),
	     "time of the shared victim");
	return first;
}

/* Frames of the child's own, and a copy of the one of all, one after the other in this space. */
static void map_pages(cptr_t untyped, unsigned number, cptr_t cnode, cptr_t shared, cptr_t *slot)
{
	uint64_t address = PAGES_ADDRESS + number * PAGES * 4096u;
	cptr_t copy;

	for (unsigned i = 0; i < OWN_PAGES; i++) {
		cptr_t frame = make(untyped, OBJECT_FRAME, 12, 1, (*slot)++);

		give(cnode, number, SLOT_PAGE + i, frame, OBJECT_FRAME);
		map_page(frame, address + i * 4096u);
	}
	copy = (*slot)++;
	must(cnode_mint(ROOT_SLOT_CNODE, copy, ROOT_SLOT_CNODE, shared + SLOT_SHARED_PAGE - SLOT_SHARED, RIGHT_ALL, 0), "mint");
	map_page(copy, address + OWN_PAGES * 4096u);
	children[number].page = (struct vcpu_page *)address;
}

static cptr_t make_thread(cptr_t untyped, unsigned number, cptr_t cnode, cptr_t *slot)
{
	cptr_t thread = make(untyped, OBJECT_THREAD, 0, 1, (*slot)++), context = make(untyped, OBJECT_SCHED_CONTEXT, 0, 1, (*slot)++);

	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, context, 1000, 1000, 0), "time");
	must(thread_configure(thread, cnode, ROOT_SLOT_VSPACE, 0), "thread");
	must(thread_set_priority(thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_CHILD), "priority");
	must(thread_bind_sched_context(thread, context), "time of the thread");
	must(thread_write_registers(thread, (uintptr_t)child_entry, (uintptr_t)stacks[number] + STACK_BYTES,
				    (uintptr_t)&children[number]),
	     "registers");
	if (root_info->harts > 1)
		must(thread_set_affinity(thread, ROOT_SLOT_SCHED_CONTROL, number % root_info->harts), "affinity");
	return thread;
}

/* Objects of one child, from the round's untyped; all in consecutive slots from *slot on. */
static cptr_t make_child(cptr_t untyped, unsigned number, const struct common *common, cptr_t *slot)
{
	static const enum object_type own[] = { OBJECT_VSPACE, OBJECT_GSPACE, OBJECT_VCPU, OBJECT_THREAD, OBJECT_SCHED_CONTEXT };
	cptr_t cnode = make(untyped, OBJECT_CNODE, CHILD_CNODE_BITS, 1, (*slot)++), first = *slot;

	give(cnode, number, SLOT_CNODE, cnode, OBJECT_CNODE);
	give(cnode, number, SLOT_UNTYPED, make(untyped, OBJECT_UNTYPED, UNTYPED_BITS, 1, (*slot)++), OBJECT_UNTYPED);
	give(cnode, number, SLOT_ENDPOINT, common->endpoint, OBJECT_ENDPOINT);
	give(cnode, number, SLOT_REPLY, common->replies + number, OBJECT_REPLY);
	give(cnode, number, SLOT_NOTIFICATION, common->notification, OBJECT_NOTIFICATION);
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		give(cnode, number, SLOT_VSPACE + i, make(untyped, own[i], 0, 1, (*slot)++), own[i]);
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, first + 5, 1000, 1000, 0), "time of the victim");
	give(cnode, number, SLOT_IRQ_CONTROL, ROOT_SLOT_IRQ_CONTROL, OBJECT_IRQ_CONTROL);
	give(cnode, number, SLOT_SCHED_CONTROL, ROOT_SLOT_SCHED_CONTROL, OBJECT_SCHED_CONTROL);
	for (unsigned i = 0; i < SHARED_OBJECTS; i++)
		give(cnode, number, SLOT_SHARED + i, common->shared + i, shared_types[i]);
	map_pages(untyped, number, cnode, common->shared, slot);
	return make_thread(untyped, number, cnode, slot);
}

static void check(void)
{
	uint64_t violations = 0;

	if (!debug_check(&violations))
		fail("the kernel cannot check itself", 0);
	if (violations)
		fail("invariants are violated", violations);
	violations = __atomic_load_n(&violations_seen, __ATOMIC_RELAXED);
	if (violations)
		fail("a child saw invariants violated", violations);
}

static void prepare(void)
{
	if (clock)
		return;
	for (uint32_t i = 0; i < root_info->untypeds && !tables; i++)
		if (root_info->untyped[i].kind == REGION_RAM && root_info->untyped[i].size_bits >= 16 &&
		    root_info->untyped[i].size_bits < 23)
			tables = root_info->untyped[i].slot;
	if (!tables)
		fail("there is no small block of memory", 0);
	clock = make(tables, OBJECT_NOTIFICATION, 0, 1, root_free++);
}

/* A child that waits for what never comes goes on. */
static void push(const cptr_t threads[CHILDREN_MAX], uint64_t seen[CHILDREN_MAX])
{
	for (unsigned i = 0; i < parameters.children; i++) {
		uint64_t calls = __atomic_load_n(&children[i].calls, __ATOMIC_RELAXED);

		if (calls == seen[i]) {
			must(thread_suspend(threads[i]), "suspend");
			must(thread_resume(threads[i]), "resume");
		}
		seen[i] = calls;
	}
}

void round_run(cptr_t untyped, uint64_t seed)
{
	cptr_t slot, threads[CHILDREN_MAX];
	struct common common;
	uint64_t end, bits, seen[CHILDREN_MAX] = { 0 };

	prepare();
	/* Tables take slots for good in the first round only. */
	slot = root_free + 8;
	common.endpoint = make(untyped, OBJECT_ENDPOINT, 0, 1, slot++);
	common.replies = make(untyped, OBJECT_REPLY, 0, (unsigned)parameters.children, slot);
	slot += (cptr_t)parameters.children;
	common.notification = make(untyped, OBJECT_NOTIFICATION, 0, 1, slot++);
	common.shared = make_shared(untyped, &slot);
	for (unsigned i = 0; i < parameters.children; i++) {
		memset(&children[i], 0, sizeof(children[i]));
		children[i].random = seed * 0x9e3779b97f4a7c15 + i + 1;
		threads[i] = make_child(untyped, i, &common, &slot);
	}
	for (unsigned i = 0; i < parameters.children; i++)
		must(thread_resume(threads[i]), "resume");
	end = sys_time() + parameters.ticks;
	while (sys_time() < end) {
		if (sys_wait(clock, sys_time() + CHECK_TICKS, &bits) != ERR_TIMED_OUT)
			fail("somebody signalled the clock", bits);
		check();
		push(threads, seen);
	}
	must(cnode_revoke(ROOT_SLOT_CNODE, untyped), "revoke");
	check();
}
