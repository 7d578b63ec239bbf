/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/arch.h>

#include "boot.h"
#include "cnode.h"
#include "endpoint.h"
#include "irq.h"
#include "kernel.h"
#include "notification.h"
#include "object.h"
#include "smp.h"
#include "syscall.h"
#include "thread.h"
#include "untyped.h"
#include "vcpu.h"

/* One invocation: who calls, on what, with which arguments, and where the result goes. */
struct invocation {
	struct thread *caller;
	struct slot *slot;
	const uint64_t *arguments; /* five */
	uint64_t *result;
};

/* A capability named by an argument. */
static enum err argument(const struct invocation *call, unsigned index, unsigned type, unsigned rights, struct slot **slot)
{
	return thread_lookup(call->caller, call->arguments[index], type, rights, slot);
}

/* As above, or NULL if the argument is 0. */
static enum err optional(const struct invocation *call, unsigned index, unsigned type, unsigned rights, struct slot **slot)
{
	*slot = NULL;
	return call->arguments[index] ? argument(call, index, type, rights, slot) : ERR_OK;
}

static enum err invoke_untyped(const struct invocation *call, uint64_t operation)
{
	struct slot *cnode;

	if (operation != OP_UNTYPED_RETYPE)
		return ERR_UNKNOWN_OPERATION;
	enum err err = argument(call, 2, OBJECT_CNODE, RIGHT_WRITE, &cnode);

	if (err)
		return err;
	return untyped_retype(call->slot, &(struct retype_arguments){ .type = call->arguments[0],
								       .size_bits = call->arguments[1],
								       .cnode = &cnode->cap,
								       .index = call->arguments[3],
								       .count = call->arguments[4] });
}

static enum err invoke_cnode(const struct invocation *call, uint64_t operation)
{
	const struct cap *cap = &call->slot->cap;
	const uint64_t *a = call->arguments;
	struct slot *source;

	if (!(cap->rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	if (operation == OP_CNODE_DELETE)
		return cnode_delete(cap, a[0]);
	if (operation == OP_CNODE_REVOKE)
		return cnode_revoke(cap, a[0]);
	if (operation != OP_CNODE_MINT && operation != OP_CNODE_MOVE)
		return ERR_UNKNOWN_OPERATION;
	enum err err = argument(call, 1, OBJECT_CNODE, operation == OP_CNODE_MINT ? RIGHT_READ : RIGHT_WRITE, &source);

	if (err)
		return err;
	struct mint_arguments arguments = {
		.source_cnode = &source->cap, .index = a[0], .source_index = a[2], .rights = a[3], .badge = a[4]
	};

	return operation == OP_CNODE_MINT ? cnode_mint(cap, &arguments) : cnode_move(cap, &arguments);
}

static enum err configure_thread(const struct invocation *call, struct thread *thread)
{
	struct slot *cspace, *vspace, *fault;
	enum err err = argument(call, 0, OBJECT_CNODE, 0, &cspace);

	if (!err)
		err = argument(call, 1, OBJECT_VSPACE, 0, &vspace);
	if (!err)
		err = optional(call, 2, OBJECT_ENDPOINT, RIGHT_WRITE, &fault);
	return err ? err : thread_configure(thread, cspace, vspace, fault);
}

static enum err bind_context(const struct invocation *call, struct thread *thread)
{
	struct slot *context;
	enum err err = optional(call, 0, OBJECT_SCHED_CONTEXT, RIGHT_WRITE, &context);

	return err ? err : sched_context_bind(thread, context ? cap_sched_context(&context->cap) : NULL);
}

static enum err bind_notification(const struct invocation *call, struct thread *thread)
{
	struct slot *notification;
	enum err err = optional(call, 0, OBJECT_NOTIFICATION, RIGHT_READ, &notification);

	if (err)
		return err;
	if (notification)
		return notification_bind(cap_notification(&notification->cap), thread);
	notification_unbind(thread);
	return ERR_OK;
}

static enum err set_timeout_endpoint(const struct invocation *call, struct thread *thread)
{
	struct slot *endpoint;
	enum err err = optional(call, 0, OBJECT_ENDPOINT, RIGHT_WRITE, &endpoint);

	return err ? err : thread_set_timeout_endpoint(thread, endpoint);
}

static enum err set_priority(const struct invocation *call, struct thread *thread)
{
	struct slot *control;
	enum err err = argument(call, 0, OBJECT_SCHED_CONTROL, 0, &control);

	if (err)
		return err;
	if (call->arguments[1] >= PRIORITIES)
		return ERR_RANGE;
	sched_set_priority(thread, (uint8_t)call->arguments[1]);
	return ERR_OK;
}

/* Under the capability lock nothing happens to a stopped thread: what is being set up disturbs no other hart. */
static bool at_rest(const struct thread *thread)
{
	return thread->state == THREAD_STOPPED && !thread->lent_by && !arch_thread_hart(thread);
}

static enum err set_affinity(const struct invocation *call, struct thread *thread)
{
	struct slot *control;
	enum err err = call->slot->cap.rights & RIGHT_WRITE ? ERR_OK : ERR_NO_RIGHT;

	if (!err)
		err = argument(call, 0, OBJECT_SCHED_CONTROL, 0, &control);
	if (err)
		return err;
	uint64_t hart = call->arguments[1];

	if (hart >= HANDOVER_HARTS || !(smp_online >> hart & 1))
		return ERR_RANGE;
	if (thread->lent_by || thread->lent_to)
		return ERR_BUSY;
	if (at_rest(thread))
		thread->hart = &harts[hart];
	else if (thread->hart != &harts[hart])
		sched_move(thread, &harts[hart]);
	return ERR_OK;
}

static enum err invoke_thread(const struct invocation *call, uint64_t operation)
{
	struct thread *thread = cap_thread(&call->slot->cap);
	const uint64_t *a = call->arguments;

	if (!(call->slot->cap.rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	switch (operation) {
	case OP_THREAD_CONFIGURE:
		return configure_thread(call, thread);
	case OP_THREAD_SET_PRIORITY:
		return set_priority(call, thread);
	case OP_THREAD_BIND_SCHED_CONTEXT:
		return bind_context(call, thread);
	case OP_THREAD_SET_TIMEOUT_ENDPOINT:
		return set_timeout_endpoint(call, thread);
	case OP_THREAD_BIND_NOTIFICATION:
		return bind_notification(call, thread);
	case OP_THREAD_WRITE_REGISTERS:
		if (thread->state != THREAD_STOPPED)
			return ERR_BUSY;
		arch_thread_start_at(thread, a[0], a[1], a[2]);
		return ERR_OK;
	case OP_THREAD_READ_REGISTER:
		if (a[0] > 31)
			return ERR_RANGE;
		*call->result = arch_thread_register(thread, (unsigned)a[0]);
		return ERR_OK;
	case OP_THREAD_RESUME:
		if (slot_empty(&thread->vspace))
			return ERR_INVALID_CAP;
		thread_resume(thread);
		return ERR_OK;
	case OP_THREAD_SUSPEND:
		thread_suspend(thread);
		return ERR_OK;
	default:
		return ERR_UNKNOWN_OPERATION;
	}
}

/* The slot named as the space of a mapping; its type is checked by the mapping. */
static enum err check_space(const struct slot *space)
{
	if (!space || slot_empty(space))
		return ERR_INVALID_CAP;
	return space->cap.rights & RIGHT_WRITE ? ERR_OK : ERR_NO_RIGHT;
}

static enum err invoke_frame(const struct invocation *call, uint64_t operation)
{
	const uint64_t *a = call->arguments;
	struct slot *space = thread_slot(call->caller, a[0]);

	if (operation == OP_FRAME_MAP) {
		enum err err = check_space(space);

		return err ? err : frame_map(call->slot, &space->cap, vaddr(a[1]), (unsigned)(a[2] & RIGHT_ALL));
	}
	if (operation == OP_FRAME_UNMAP) {
		frame_unmap(call->slot);
		return ERR_OK;
	}
	if (operation == OP_FRAME_GET_ADDRESS) {
		*call->result = (uint64_t)call->slot->cap.frame_number << 12;
		return ERR_OK;
	}
	return ERR_UNKNOWN_OPERATION;
}

static enum err invoke_table(const struct invocation *call, uint64_t operation)
{
	struct slot *space = thread_slot(call->caller, call->arguments[0]);

	if (operation == OP_PAGE_TABLE_MAP) {
		enum err err = check_space(space);

		return err ? err : table_map(call->slot, &space->cap, vaddr(call->arguments[1]));
	}
	if (operation != OP_PAGE_TABLE_UNMAP)
		return ERR_UNKNOWN_OPERATION;
	table_unmap(call->slot);
	return ERR_OK;
}

static enum err operate_vcpu(const struct invocation *call, uint64_t operation)
{
	struct vcpu *vcpu = cap_vcpu(&call->slot->cap);
	struct slot *gspace, *frame, *notification;
	enum err err;

	switch (operation) {
	case OP_VCPU_CONFIGURE:
		err = argument(call, 0, OBJECT_GSPACE, RIGHT_WRITE, &gspace);
		if (!err)
			err = argument(call, 1, OBJECT_FRAME, RIGHT_READ | RIGHT_WRITE, &frame);
		return err ? err : vcpu_configure(vcpu, gspace, frame);
	case OP_VCPU_SET_BELL:
		err = optional(call, 2, OBJECT_NOTIFICATION, RIGHT_WRITE, &notification);
		return err ? err : vcpu_set_bell(vcpu, call->arguments[0], call->arguments[1], notification);
	case OP_VCPU_READ_REGISTER:
		return arch_vcpu_read(vcpu, call->arguments[0], call->result);
	case OP_VCPU_WRITE_REGISTER:
		return arch_vcpu_write(vcpu, call->arguments[0], call->arguments[1]);
	default:
		return ERR_UNKNOWN_OPERATION;
	}
}

static enum err invoke_vcpu(const struct invocation *call, uint64_t operation)
{
	struct vcpu *vcpu = cap_vcpu(&call->slot->cap);

	if (!(call->slot->cap.rights & RIGHT_WRITE))
		return ERR_NO_RIGHT;
	enum err err = vcpu_claim(vcpu, call->caller, true);

	if (err)
		return err;
	err = operate_vcpu(call, operation);
	vcpu_release(vcpu);
	return err;
}

static enum err invoke_irq_control(const struct invocation *call, uint64_t operation)
{
	struct slot *cnode, *destination;

	if (operation != OP_IRQ_CONTROL_GET)
		return ERR_UNKNOWN_OPERATION;
	enum err err = argument(call, 1, OBJECT_CNODE, RIGHT_WRITE, &cnode);

	if (!err)
		err = cnode_range(&cnode->cap, call->arguments[2], 1, &destination);
	return err ? err : irq_get(call->slot, call->arguments[0], destination);
}

static enum err invoke_irq_handler(const struct invocation *call, uint64_t operation)
{
	unsigned source = (unsigned)call->slot->cap.object;
	struct slot *notification;

	if (operation != OP_IRQ_HANDLER_BIND)
		return ERR_UNKNOWN_OPERATION;
	enum err err = argument(call, 0, OBJECT_NOTIFICATION, RIGHT_WRITE, &notification);

	return err ? err : irq_bind(source, notification);
}

static enum err invoke_sched_control(const struct invocation *call, uint64_t operation)
{
	const uint64_t *a = call->arguments;
	struct slot *context;

	if (operation != OP_SCHED_CONTROL_CONFIGURE)
		return ERR_UNKNOWN_OPERATION;
	enum err err = argument(call, 0, OBJECT_SCHED_CONTEXT, RIGHT_WRITE, &context);

	return err ? err : sched_context_configure(cap_sched_context(&context->cap), a[1], a[2], a[3]);
}

static enum err invoke_platform_control(const struct invocation *call, uint64_t operation)
{
	if (operation == OP_PLATFORM_CONTROL_SHUTDOWN) {
		/* Not every firmware passes the reason on to the machine's exit code: the launcher looks for this line. */
		if (call->arguments[0])
			kprintf("\r\nserai: shutdown after a failure\r\n");
		arch_shutdown(call->arguments[0] != 0);
	}
	if (operation != OP_PLATFORM_CONTROL_MEMORY)
		return ERR_UNKNOWN_OPERATION;
	*call->result = kernel_bytes;
	return ERR_OK;
}

static enum err invoke_sched_context(const struct invocation *call, uint64_t operation)
{
	if (operation == OP_SCHED_CONTEXT_CHARGE)
		return ERR_NO_RIGHT; /* who has it does not come here */
	if (operation != OP_SCHED_CONTEXT_CONSUMED)
		return ERR_UNKNOWN_OPERATION;
	*call->result = sched_context_consumed(cap_sched_context(&call->slot->cap));
	return ERR_OK;
}

/* An operation that is carried out by the hart whose threads it is about, while all others stand still. */
struct distant {
	const struct invocation *call;
	uint64_t operation;
	enum err err;
	enum err (*function)(const struct invocation *call, uint64_t operation);
};

static void run_distant(void *argument)
{
	struct distant *distant = argument;

	distant->err = distant->function(distant->call, distant->operation);
}

static enum err invoke_on(struct hart *hart, struct distant distant)
{
	smp_on(hart, run_distant, &distant);
	return distant.err;
}

static enum err invoke_on_thread(const struct invocation *call, uint64_t operation)
{
	struct thread *thread = cap_thread(&call->slot->cap);

	endpoint_unpark(thread);
	if (operation != OP_THREAD_SET_AFFINITY)
		return invoke_on(thread->hart, (struct distant){ call, operation, ERR_OK, invoke_thread });
	enum err err = set_affinity(call, thread);

	if (err || thread != call->caller)
		return err;
	/* It may run on its new hart at once. */
	arch_thread_words(thread)[0] = ERR_OK;
	return ERR_DONE;
}

static enum err invoke_on_context(const struct invocation *call, uint64_t operation)
{
	struct hart *hart = arch_this_hart();
	struct slot *slot;

	if (!argument(call, 0, OBJECT_SCHED_CONTEXT, RIGHT_WRITE, &slot) && cap_sched_context(&slot->cap)->thread)
		hart = cap_sched_context(&slot->cap)->thread->hart;
	return invoke_on(hart, (struct distant){ call, operation, ERR_OK, invoke_sched_control });
}

static enum err invoke_stopped(enum err (*function)(const struct invocation *call, uint64_t operation),
			       const struct invocation *call, uint64_t operation)
{
	smp_stop();
	enum err err = function(call, operation);

	smp_go();
	return err;
}

static enum err invoke_any_thread(const struct invocation *call, uint64_t operation)
{
	const struct thread *thread = cap_thread(&call->slot->cap);

	if (!at_rest(thread))
		return invoke_stopped(invoke_on_thread, call, operation);
	if (operation == OP_THREAD_SET_AFFINITY)
		return set_affinity(call, cap_thread(&call->slot->cap));
	return invoke_thread(call, operation);
}

static enum err invoke_any_context(const struct invocation *call, uint64_t operation)
{
	struct slot *slot;

	if (!argument(call, 0, OBJECT_SCHED_CONTEXT, RIGHT_WRITE, &slot)) {
		const struct thread *thread = cap_sched_context(&slot->cap)->thread;

		if (thread && !at_rest(thread))
			return invoke_stopped(invoke_on_context, call, operation);
	}
	return invoke_sched_control(call, operation);
}

static enum err invoke_locked(struct thread *thread, uint64_t *words)
{
	struct slot *slot = thread_slot(thread, words[0]);
	struct invocation call = { .caller = thread, .slot = slot, .arguments = &words[2], .result = &words[1] };
	uint64_t operation = words[1];

	if (!slot || slot_empty(slot))
		return ERR_INVALID_CAP;
	/* Nothing is made or moved while something is dying: its memory is not free yet. */
	enum err err = cnode_reap();

	if (err)
		return err;
	if (slot_empty(slot))
		return ERR_INVALID_CAP;
	switch ((enum object_type)slot->cap.type) {
	case OBJECT_UNTYPED:
	case OBJECT_UNTYPED_DEVICE:
		return invoke_untyped(&call, operation);
	case OBJECT_CNODE:
		return invoke_cnode(&call, operation);
	case OBJECT_THREAD:
		return invoke_any_thread(&call, operation);
	case OBJECT_SCHED_CONTEXT:
		return invoke_sched_context(&call, operation);
	case OBJECT_FRAME:
		return invoke_frame(&call, operation);
	case OBJECT_PAGE_TABLE:
		return invoke_table(&call, operation);
	case OBJECT_VCPU:
		return invoke_vcpu(&call, operation);
	case OBJECT_IRQ_CONTROL:
		return invoke_irq_control(&call, operation);
	case OBJECT_IRQ_HANDLER:
		return invoke_irq_handler(&call, operation);
	case OBJECT_SCHED_CONTROL:
		return invoke_any_context(&call, operation);
	case OBJECT_PLATFORM_CONTROL:
		return invoke_platform_control(&call, operation);
	case OBJECT_NULL:
	case OBJECT_ENDPOINT:
	case OBJECT_REPLY:
	case OBJECT_NOTIFICATION:
	case OBJECT_VSPACE:
	case OBJECT_GSPACE:
	case OBJECT_TYPES:
		break;
	}
	return ERR_UNKNOWN_OPERATION;
}

enum err invoke_handle(struct thread *thread, uint64_t *words)
{
	struct cap cap;

	/* Each interrupt of a device ends with this: not with all of capability management behind one lock. */
	if (words[1] == OP_IRQ_HANDLER_ACKNOWLEDGE && !thread_capability(thread, words[0], OBJECT_IRQ_HANDLER, 0, &cap)) {
		irq_acknowledge((unsigned)cap.object);
		return ERR_OK;
	}
	/* Servers do this all the time. */
	if (words[1] == OP_SCHED_CONTEXT_CHARGE && !thread_capability(thread, words[0], OBJECT_SCHED_CONTEXT, RIGHT_GRANT, &cap)) {
		words[1] = sched_context_charge(thread, cap_sched_context(&cap), words[2]);
		return ERR_OK;
	}
	if (!smp_lock())
		return ERR_RESTART;
	enum err err = invoke_locked(thread, words);

	smp_unlock();
	return err;
}
