/* SPDX-License-Identifier: Apache-2.0 */
/* One round: builds the children, looks on, ends them. */
#include <string.h>

#include <libsys/debug.h>

#include "syscalls.h"

#define PRIORITY_CHILD 100u
#define STACK_BYTES 8192u
#define PAGES_ADDRESS 0x2000000000ull /* of all children, in this space */
#define CHECK_TICKS 1000u             /* between two looks */

static uint8_t stacks[CHILDREN][STACK_BYTES] __attribute__((aligned(16)));
static cptr_t tables; /* page tables for PAGES_ADDRESS exist */
static cptr_t clock;  /* a notification that nobody signals */

static cptr_t make(cptr_t untyped, enum object_type type, unsigned bits, unsigned count, cptr_t at)
{
	must(untyped_retype(untyped, type, bits, ROOT_SLOT_CNODE, at, count), "retype");
	return at;
}

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

/* Objects of one child, from the round's untyped; all in consecutive slots from *slot on. */
static cptr_t make_child(cptr_t untyped, unsigned number, cptr_t common, cptr_t *slot)
{
	static const enum object_type own[] = { OBJECT_VSPACE, OBJECT_GSPACE, OBJECT_VCPU, OBJECT_THREAD, OBJECT_SCHED_CONTEXT };
	struct child *child = &children[number];
	uint64_t pages = PAGES_ADDRESS + number * SHARED_PAGES * 4096u;
	cptr_t cnode = make(untyped, OBJECT_CNODE, CHILD_CNODE_BITS, 1, (*slot)++), first = *slot, thread, context;

	give(cnode, number, SLOT_CNODE, cnode, OBJECT_CNODE);
	give(cnode, number, SLOT_UNTYPED, make(untyped, OBJECT_UNTYPED, 19, 1, (*slot)++), OBJECT_UNTYPED);
	give(cnode, number, SLOT_ENDPOINT, common, OBJECT_ENDPOINT);
	give(cnode, number, SLOT_REPLY, common + 1 + number, OBJECT_REPLY);
	give(cnode, number, SLOT_NOTIFICATION, common + 1 + CHILDREN, OBJECT_NOTIFICATION);
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		give(cnode, number, SLOT_VSPACE + i, make(untyped, own[i], 0, 1, (*slot)++), own[i]);
	give(cnode, number, SLOT_IRQ_CONTROL, ROOT_SLOT_IRQ_CONTROL, OBJECT_IRQ_CONTROL);
	for (unsigned i = 0; i < SHARED_PAGES; i++) {
		cptr_t frame = make(untyped, OBJECT_FRAME, 12, 1, (*slot)++);

		give(cnode, number, SLOT_PAGE + i, frame, OBJECT_FRAME);
		map_page(frame, pages + i * 4096u);
	}
	child->page = (struct vcpu_page *)pages;
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, first + 5, 1000, 1000), "time of the victim");
	thread = make(untyped, OBJECT_THREAD, 0, 1, (*slot)++);
	context = make(untyped, OBJECT_SCHED_CONTEXT, 0, 1, (*slot)++);
	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, context, 1000, 1000), "time");
	must(thread_configure(thread, cnode, ROOT_SLOT_VSPACE, 0), "thread");
	must(thread_set_priority(thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_CHILD), "priority");
	must(thread_bind_sched_context(thread, context), "time of the thread");
	must(thread_write_registers(thread, (uintptr_t)child_entry, (uintptr_t)stacks[number] + STACK_BYTES, (uintptr_t)child),
	     "registers");
	return thread;
}

static void check(void)
{
	uint64_t violations = 0;

	if (!debug_check(&violations))
		fail("the kernel cannot check itself", 0);
	if (violations)
		fail("invariants are violated", violations);
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
static void push(const cptr_t threads[CHILDREN], uint64_t seen[CHILDREN])
{
	for (unsigned i = 0; i < CHILDREN; i++) {
		if (children[i].calls == seen[i]) {
			must(thread_suspend(threads[i]), "suspend");
			must(thread_resume(threads[i]), "resume");
		}
		seen[i] = children[i].calls;
	}
}

void round_run(cptr_t untyped, uint64_t seed, uint64_t ticks)
{
	cptr_t slot, common, threads[CHILDREN];
	uint64_t end, bits, seen[CHILDREN] = { 0 };

	prepare();
	/* Tables take slots for good in the first round only. */
	common = slot = root_free + 8;
	make(untyped, OBJECT_ENDPOINT, 0, 1, slot++);
	make(untyped, OBJECT_REPLY, 0, CHILDREN, slot);
	slot += CHILDREN;
	make(untyped, OBJECT_NOTIFICATION, 0, 1, slot++);
	for (unsigned i = 0; i < CHILDREN; i++) {
		memset(&children[i], 0, sizeof(children[i]));
		children[i].random = seed * 0x9e3779b97f4a7c15 + i + 1;
		threads[i] = make_child(untyped, i, common, &slot);
	}
	for (unsigned i = 0; i < CHILDREN; i++)
		must(thread_resume(threads[i]), "resume");
	end = sys_time() + ticks;
	while (sys_time() < end) {
		if (sys_wait(clock, sys_time() + CHECK_TICKS, &bits) != ERR_TIMED_OUT)
			fail("somebody signalled the clock", bits);
		check();
		push(threads, seen);
	}
	must(cnode_revoke(ROOT_SLOT_CNODE, untyped), "revoke");
	check();
}
