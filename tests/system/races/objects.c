/* SPDX-License-Identifier: Apache-2.0 */
/* Objects from the arena, memory mapped here, workers, guests. */
#include <string.h>

#include <libsys/debug.h>
#include <libsys/thread.h>

#include "races.h"

#define ARENA_BITS 22u
#define WINDOW 0x2000000000ull /* where frames are mapped in this space: 2 MiB */
#define WINDOW_PAGES 512u
#define PAGES_KEPT 64u
#define SLOTS_KEPT 1024u
#define STACK_BYTES 8192u

struct worker workers[WORKERS_MOST];
static uint8_t stacks[WORKERS_MOST][STACK_BYTES] __attribute__((aligned(16)));

/* Where objects come from. */
struct source {
	cptr_t untyped, next_slot;
	unsigned next_page;
};
static struct source kept, arena, *source = &arena;
static cptr_t first_slot; /* of the arena */
static cptr_t clock; /* nobody signals it */

static void retype(cptr_t untyped, enum object_type type, unsigned bits, cptr_t slot)
{
	must(untyped_retype(untyped, type, bits, ROOT_SLOT_CNODE, slot, 1), "retype");
}

cptr_t make(enum object_type type, unsigned bits)
{
	retype(source->untyped, type, bits, source->next_slot);
	return source->next_slot++;
}

void objects_keep(bool keep)
{
	source = keep ? &kept : &arena;
}

void remake(cptr_t slot, enum object_type type, unsigned bits)
{
	must(cnode_delete(ROOT_SLOT_CNODE, slot), "delete");
	retype(source->untyped, type, bits, slot);
}

cptr_t copy(cptr_t cap, uint64_t badge)
{
	must(cnode_mint(ROOT_SLOT_CNODE, source->next_slot, ROOT_SLOT_CNODE, cap, RIGHT_ALL, badge), "copy");
	return source->next_slot++;
}

void give(cptr_t cnode, unsigned slot, cptr_t cap)
{
	must(cnode_mint(cnode, slot, ROOT_SLOT_CNODE, cap, RIGHT_ALL, 0), "give");
}

void map_in(cptr_t space, cptr_t frame, uint64_t address, unsigned rights)
{
	enum err err = frame_map(frame, space, address, rights);

	for (unsigned i = 0; err == ERR_NO_TABLE && i < 3; i++) {
		must(page_table_map(make(OBJECT_PAGE_TABLE, 0), space, address), "table");
		err = frame_map(frame, space, address, rights);
	}
	must(err, "map");
}

void *map_here(cptr_t frame)
{
	uint64_t address = WINDOW + source->next_page * 4096ul;

	expect(source->next_page < (source == &kept ? PAGES_KEPT : WINDOW_PAGES), "the window is full", source->next_page);
	source->next_page++;
	must(frame_map(frame, ROOT_SLOT_VSPACE, address, RIGHT_READ | RIGHT_WRITE), "map here");
	return (void *)address;
}

uint64_t ticks_of(uint64_t ms)
{
	return ms * root_info->timebase_hz / 1000;
}

void sleep_ticks(uint64_t ticks)
{
	uint64_t bits;

	expect(sys_wait(clock, sys_time() + ticks, &bits) == ERR_TIMED_OUT, "somebody signalled the clock", 0);
}

void objects_prepare(void)
{
	unsigned bits = 0;
	cptr_t large = 0;

	for (uint32_t i = 0; i < root_info->untypeds; i++) {
		const struct untyped_info *untyped = &root_info->untyped[i];

		if (untyped->kind == REGION_RAM && untyped->size_bits > bits) {
			bits = untyped->size_bits;
			large = untyped->slot;
		}
	}
	kept = (struct source){ .untyped = root_info->first_free_slot, .next_slot = root_info->first_free_slot + 2 };
	arena.untyped = kept.untyped + 1;
	first_slot = kept.next_slot + SLOTS_KEPT;
	retype(large, OBJECT_UNTYPED, ARENA_BITS, kept.untyped);
	retype(large, OBJECT_UNTYPED, ARENA_BITS, arena.untyped);
	objects_keep(true);
	clock = make(OBJECT_NOTIFICATION, 0);
	for (unsigned i = 0; i < 2; i++)
		must(page_table_map(make(OBJECT_PAGE_TABLE, 0), ROOT_SLOT_VSPACE, WINDOW), "table");
	objects_keep(false);
	arena_begin();
}

void arena_begin(void)
{
	arena.next_slot = first_slot;
	arena.next_page = PAGES_KEPT;
}

void arena_end(void)
{
	must(cnode_revoke(ROOT_SLOT_CNODE, arena.untyped), "revoke");
	arena_begin();
	/* There is room for all of it: nothing is left. */
	retype(arena.untyped, OBJECT_UNTYPED, ARENA_BITS, first_slot);
	must(cnode_delete(ROOT_SLOT_CNODE, first_slot), "delete");
}

void arena_check(void)
{
	arena_end();
	retype(arena.untyped, OBJECT_FRAME, 21, first_slot);
	retype(arena.untyped, OBJECT_FRAME, 21, first_slot + 1);
	must(cnode_revoke(ROOT_SLOT_CNODE, arena.untyped), "revoke");
}

void check_kernel(void)
{
	uint64_t violations = 0;

	expect(debug_check(&violations), "the kernel cannot check itself", 0);
	expect(violations == 0, "invariants are violated", violations);
	innocents_check();
}

cptr_t context_of(uint64_t budget, uint64_t period)
{
	cptr_t context = make(OBJECT_SCHED_CONTEXT, 0);

	must(sched_control_configure(ROOT_SLOT_SCHED_CONTROL, context, budget, period, 0), "time");
	return context;
}

struct worker *worker_new(unsigned number, void (*run)(struct worker *self), uint32_t hart)
{
	struct worker *worker = &workers[number];

	expect(number < WORKERS_MOST, "too many workers", number);
	memset(worker, 0, sizeof(*worker));
	worker->run = run;
	worker->hart = hart % root_info->harts;
	worker->number = number;
	worker->random = parameters.seed * 0x9e3779b97f4a7c15 + number + 1;
	return worker;
}

void move_to(cptr_t thread, uint32_t hart)
{
	must(thread_set_affinity(thread, ROOT_SLOT_SCHED_CONTROL, hart % root_info->harts), "affinity");
}

static void worker_main(void *argument)
{
	struct worker *self = argument;

	self->run(self);
	worker_end(self);
}

_Noreturn void wait_for_ever(void)
{
	uint64_t bits;

	for (;;)
		if (sys_wait(clock, DEADLINE_NEVER, &bits) == ERR_INVALID_CAP)
			sys_yield();
}

_Noreturn void worker_end(struct worker *self)
{
	self->done = 1;
	wait_for_ever();
}

void worker_note(struct worker *self, enum err err)
{
	static const uint32_t allowed = 1u << ERR_OK | 1u << ERR_INVALID_CAP | 1u << ERR_BUSY | 1u << ERR_DELETED | 1u << ERR_TIMED_OUT |
					1u << ERR_WOULD_BLOCK | 1u << ERR_WRONG_TYPE;

	expect((unsigned)err < 24 && allowed >> err & 1, "a system call failed", (uint64_t)err);
	self->errors[err]++;
	self->progress++;
}

void workers_quit(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		workers[i].quit = 1;
}

void worker_start(struct worker *worker)
{
	worker->thread = make(OBJECT_THREAD, 0);
	worker->context = context_of(ticks_of(2), ticks_of(2));
	must(thread_configure(worker->thread, ROOT_SLOT_CNODE, ROOT_SLOT_VSPACE, worker->fault_endpoint), "thread");
	must(thread_set_priority(worker->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER), "priority");
	move_to(worker->thread, worker->hart);
	must(thread_bind_sched_context(worker->thread, worker->context), "time of the thread");
	must(thread_start(worker->thread, stacks[worker->number], STACK_BYTES, worker_main, worker), "start");
}

void worker_start_passive(struct worker *worker)
{
	struct message message = { .info = message_info(0, 0) };

	worker->beginning = make(OBJECT_ENDPOINT, 0);
	worker_start(worker);
	must(thread_set_priority(worker->thread, ROOT_SLOT_SCHED_CONTROL, PRIORITY_WORKER + 2), "priority");
	/* When the answer is there, the server waits for the next message: both are one system call. Nobody else calls it yet. */
	must(sys_call(worker->beginning, &message), "beginning of a server");
	must(thread_bind_sched_context(worker->thread, 0), "unbind");
	must(sys_call(worker->beginning, &message), "beginning of a server");
}

enum err server_begin(struct worker *self, cptr_t endpoint, cptr_t reply, struct message *message)
{
	must(sys_recv(self->beginning, reply, message, DEADLINE_NEVER), "beginning of a server");
	message->info = message_info(0, 0);
	must(sys_reply_recv(self->beginning, reply, message, DEADLINE_NEVER), "beginning of a server");
	message->info = message_info(0, 0);
	return sys_reply_recv(endpoint, reply, message, DEADLINE_NEVER);
}

static void map_guest_memory(struct guest *guest)
{
	for (unsigned i = 0; i < 2; i++) {
		guest->tables[i] = make(OBJECT_PAGE_TABLE, 0);
		must(page_table_map(guest->tables[i], guest->gspace, GUEST_BASE), "table of a guest");
	}
	must(frame_map(guest->memory_there, guest->gspace, GUEST_BASE, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE), "memory of a guest");
}

void guest_reset(const struct guest *guest)
{
	memset((void *)(uintptr_t)guest->page, 0, sizeof(*guest->page));
	guest->page->mode = 1;
	guest->page->pc = GUEST_BASE;
}

struct guest make_guest(const char *code)
{
	struct guest guest = { .gspace = make(OBJECT_GSPACE, 0), .vcpu = make(OBJECT_VCPU, 0) };

	guest.page_frame = make(OBJECT_FRAME, 12);
	guest.memory = make(OBJECT_FRAME, 12);
	must(vcpu_configure(guest.vcpu, guest.gspace, guest.page_frame), "vCPU");
	guest.memory_there = copy(guest.memory, 0);
	guest.page = map_here(guest.page_frame);
	guest.words = map_here(guest.memory);
	/* All code that fits: the guests are one after the other. */
	size_t size = (size_t)(guests_end - code);

	memcpy((void *)(uintptr_t)guest.words, code, size < GUEST_WORD * 8 ? size : GUEST_WORD * 8);
	map_guest_memory(&guest);
	guest_reset(&guest);
	return guest;
}
