/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <boot.h>

#define INFO_AT (HOST_MEMORY_BASE + 0x8000)
#define ROOT_TABLE_AT (HOST_MEMORY_BASE + 0x10000)
#define OBJECTS_AT (HOST_MEMORY_BASE + (UINT64_C(1) << 20))

uint64_t invoke_result;
unsigned invoke_restarts;
static cptr_t next_free;

#define check(condition)                                                                         \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			fprintf(stderr, "%s:%d: fixture: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

void fixture_boot(void)
{
	struct handover handover = {
		.magic = HANDOVER_MAGIC,
		.version = SERAI_ABI_VERSION,
		.size = sizeof(handover),
		.harts = 1,
		.timebase_hz = 10000000,
		.kernel_size = 0x20000,
		.root_used = 0x30000,
		.root_table = ROOT_TABLE_AT,
		.root_entry = 0x10000,
		.root_stack = 0x20000,
		.root_info = INFO_AT,
		.root_info_va = 0x30000,
		.objects = OBJECTS_AT,
		.objects_size = ROOT_OBJECTS_SIZE,
		.archive_base = ARCHIVE_BASE,
		.archive_size = 2u << 20,
		.regions = 4,
		.region = { { RAM_BASE, 16u << 20, REGION_RAM, 0 },
			    { SMALL_RAM_BASE, 64u << 10, REGION_RAM, 0 },
			    { DEVICE_BASE, 64u << 10, REGION_DEVICE, 0 },
			    { ARCHIVE_BASE, 2u << 20, REGION_ARCHIVE, 0 } },
	};

	host_reset();
	boot_root_task(&handover);
	next_free = FREE_SLOT;
	check(host_leave_kernel() == root_thread());
}

struct slot *slot_at(cptr_t index)
{
	return (struct slot *)arch_pointer(paddr(OBJECTS_AT)) + index;
}

struct thread *root_thread(void)
{
	return cap_thread(&slot_at(ROOT_SLOT_THREAD)->cap);
}

const struct root_info *root_info(void)
{
	return arch_pointer(paddr(INFO_AT));
}

cptr_t free_slot(void)
{
	while (!slot_empty(slot_at(next_free)))
		next_free++;
	return next_free++;
}

enum err invoke(cptr_t cap, uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct thread *thread = root_thread();
	uint64_t *words = arch_thread_words(thread);
	const uint64_t values[] = { cap, operation, a, b, c, d, e };

	invoke_restarts = 0;
	for (unsigned i = 0; i < 7; i++)
		words[i] = values[i];
	enter_kernel(thread, SYS_INVOKE);
	while (thread->arch.restarted) {
		invoke_restarts++;
		enter_kernel(thread, SYS_INVOKE);
	}
	invoke_result = words[1];
	return (enum err)words[0];
}

cptr_t make_from(cptr_t untyped, unsigned type, unsigned size_bits)
{
	cptr_t index = free_slot();

	check(retype(untyped, type, size_bits, index, 1) == ERR_OK);
	return index;
}

cptr_t make(unsigned type, unsigned size_bits)
{
	return make_from(RAM, type, size_bits);
}

cptr_t derive(cptr_t source, unsigned rights, uint32_t badge)
{
	cptr_t index = free_slot();

	check(invoke(CNODE, OP_CNODE_MINT, index, CNODE, source, rights, badge) == ERR_OK);
	return index;
}

enum err delete_cap(cptr_t index)
{
	return invoke(CNODE, OP_CNODE_DELETE, index, 0, 0, 0, 0);
}

enum err revoke_cap(cptr_t index)
{
	return invoke(CNODE, OP_CNODE_REVOKE, index, 0, 0, 0, 0);
}

struct made_thread make_passive(uint8_t priority)
{
	struct made_thread made = { .cap = make(OBJECT_THREAD, 0) };

	made.thread = thread_at(made.cap);
	check(invoke(made.cap, OP_THREAD_CONFIGURE, CNODE, VSPACE, 0, 0, 0) == ERR_OK);
	check(invoke(made.cap, OP_THREAD_SET_PRIORITY, ROOT_SLOT_SCHED_CONTROL, priority, 0, 0, 0) == ERR_OK);
	check(invoke(made.cap, OP_THREAD_WRITE_REGISTERS, 0x1000, 0x2000, 0, 0, 0) == ERR_OK);
	return made;
}

struct made_thread make_thread(uint8_t priority)
{
	struct made_thread made = make_passive(priority);

	made.context = make(OBJECT_SCHED_CONTEXT, 0);
	check(invoke(made.cap, OP_THREAD_BIND_SCHED_CONTEXT, made.context, 0, 0, 0, 0) == ERR_OK);
	return made;
}

struct thread *spawn(uint8_t priority)
{
	struct made_thread made = make_thread(priority);

	check(invoke(made.cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0) == ERR_OK);
	return made.thread;
}

void become(struct thread *thread)
{
	struct hart *hart = thread->hart;
	struct thread *previous = hart->current;

	check(thread->state == THREAD_READY);
	if (previous == thread)
		return;
	check(thread->queued);
	if (previous) {
		sched_unready(previous);
		sched_ready(previous);
	}
	sched_unready(thread);
	hart->current = thread;
	hart->charged_at = arch_time();
	budget_begin(&thread->sched_context->budget, hart->charged_at);
}

void enter_kernel(struct thread *thread, uint64_t number)
{
	become(thread);
	thread->arch.restarted = false;
	syscall_handle(thread, number);
}

struct answer answer_of(struct thread *thread)
{
	const uint64_t *words = arch_thread_words(thread);
	struct answer answer = { .err = (enum err)words[0], .info = words[1], .badge = words[7] };

	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		answer.word[i] = words[2 + i];
	return answer;
}

static struct answer message(struct thread *thread, uint64_t number, cptr_t cap, uint64_t info, uint64_t word)
{
	uint64_t *words = arch_thread_words(thread);

	words[0] = cap;
	words[1] = info;
	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		words[2 + i] = word + i;
	enter_kernel(thread, number);
	return answer_of(thread);
}

struct answer do_call(struct thread *thread, cptr_t endpoint, uint64_t info, uint64_t word)
{
	return message(thread, SYS_CALL, endpoint, info, word);
}

struct answer do_send(struct thread *thread, cptr_t endpoint, uint64_t info, uint64_t word)
{
	return message(thread, SYS_SEND, endpoint, info, word);
}

struct answer do_recv(struct thread *thread, cptr_t endpoint, cptr_t reply, cptr_t slot, uint64_t deadline)
{
	thread->arch.extra[0] = (uint64_t)slot << 32 | reply;
	thread->arch.extra[1] = deadline;
	return message(thread, SYS_RECV, endpoint, 0, 0);
}

struct answer do_reply_recv(struct thread *thread, cptr_t endpoint, cptr_t reply, uint64_t info, uint64_t word,
			    uint64_t deadline)
{
	thread->arch.extra[0] = reply;
	thread->arch.extra[1] = deadline;
	return message(thread, SYS_REPLY_RECV, endpoint, info, word);
}

struct answer do_signal(struct thread *thread, cptr_t notification)
{
	return message(thread, SYS_SIGNAL, notification, 0, 0);
}

struct answer do_wait(struct thread *thread, cptr_t notification, uint64_t deadline)
{
	thread->arch.extra[1] = deadline;
	return message(thread, SYS_WAIT, notification, 0, 0);
}

struct answer do_poll(struct thread *thread, cptr_t notification)
{
	return message(thread, SYS_POLL, notification, 0, 0);
}

struct answer do_vcpu_run(struct thread *thread, cptr_t vcpu)
{
	return message(thread, SYS_VCPU_RUN, vcpu, 0, 0);
}

/* The timer of a hart fires, in user mode or in a guest or with nothing to run. */
static struct thread *take_timer(struct hart *hart)
{
	struct thread *next = NULL;

	if (hart->current && !hart->current->vcpu)
		next = sched_timer_in_thread(hart);
	else
		sched_timer(hart);
	return next ? next : host_leave_kernel();
}

struct thread *pass_time(uint64_t ticks)
{
	uint64_t end = host.time + ticks;
	struct thread *running = host_leave_kernel();

	while (host.timer <= end) {
		if (host.timer > host.time)
			host.time = host.timer;
		running = take_timer(&harts[0]);
	}
	host.time = end;
	return running;
}
