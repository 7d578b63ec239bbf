/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <arch/arch.h>

#include "endpoint.h"
#include "irq.h"
#include "kernel.h"
#include "notification.h"
#include "sched.h"
#include "smp.h"
#include "thread.h"
#include "vcpu.h"

unsigned object_bits(unsigned type, unsigned size_bits)
{
	static const uint8_t bits[OBJECT_TYPES] = {
		[OBJECT_THREAD] = THREAD_BITS,
		[OBJECT_SCHED_CONTEXT] = SCHED_CONTEXT_BITS,
		[OBJECT_ENDPOINT] = ENDPOINT_BITS,
		[OBJECT_REPLY] = REPLY_BITS,
		[OBJECT_NOTIFICATION] = NOTIFICATION_BITS,
		[OBJECT_VSPACE] = VSPACE_BITS,
		[OBJECT_PAGE_TABLE] = PAGE_TABLE_BITS,
		[OBJECT_GSPACE] = GSPACE_BITS,
		[OBJECT_VCPU] = VCPU_BITS,
	};

	if (type == OBJECT_CNODE)
		return size_bits + CNODE_SLOT_BITS;
	if (type == OBJECT_FRAME || type == OBJECT_UNTYPED || type == OBJECT_UNTYPED_DEVICE)
		return size_bits;
	return type < OBJECT_TYPES ? bits[type] : 0;
}

bool object_size_valid(unsigned type, uint64_t size_bits)
{
	if (type == OBJECT_CNODE)
		return size_bits >= CNODE_MIN_BITS && size_bits <= CNODE_MAX_BITS;
	if (type == OBJECT_UNTYPED)
		return size_bits >= UNTYPED_MIN_BITS && size_bits <= UNTYPED_MAX_BITS;
	if (type == OBJECT_FRAME)
		return size_bits <= 63 && arch_frame_size_valid((unsigned)size_bits);
	return object_bits(type, 0) != 0 && (size_bits == 0 || size_bits == object_bits(type, 0));
}

struct cap object_create(unsigned type, unsigned size_bits, paddr_t address)
{
	void *pointer = arch_pointer(address);
	struct cap cap = { .type = (uint8_t)type, .rights = RIGHT_ALL, .size_bits = (uint8_t)size_bits };

	if (type == OBJECT_UNTYPED || type == OBJECT_UNTYPED_DEVICE) {
		cap.base = (uint32_t)(address.value / UNTYPED_UNIT);
	} else if (type == OBJECT_FRAME || type == OBJECT_PAGE_TABLE) {
		cap.frame_number = (uint32_t)(address.value >> 12);
		if (type == OBJECT_PAGE_TABLE)
			cap.size_bits = 0;
	} else {
		cap.object = (uint64_t)pointer;
	}
	if (type == OBJECT_CNODE)
		cap.word = UINT32_C(1) << size_bits; /* so that a lookup compares with one load; 0 in an emptied slot */
	else if (type == OBJECT_THREAD)
		thread_init(pointer);
	else if (type == OBJECT_SCHED_CONTEXT)
		sched_context_init(pointer);
	else if (type == OBJECT_VCPU)
		vcpu_init(pointer);
	else if (type == OBJECT_VSPACE)
		cap.word = space_create(SPACE_TASK, pointer);
	else if (type == OBJECT_GSPACE)
		cap.word = space_create(SPACE_GUEST, pointer);
	return cap;
}

bool object_is_active(unsigned type)
{
	static const uint32_t active = 1u << OBJECT_THREAD | 1u << OBJECT_SCHED_CONTEXT | 1u << OBJECT_ENDPOINT |
				       1u << OBJECT_REPLY | 1u << OBJECT_NOTIFICATION | 1u << OBJECT_VSPACE |
				       1u << OBJECT_GSPACE | 1u << OBJECT_VCPU | 1u << OBJECT_IRQ_HANDLER;

	return active >> type & 1;
}

void object_release(struct slot *slot)
{
	if (slot->cap.type == OBJECT_FRAME)
		frame_unmap(slot);
	else if (slot->cap.type == OBJECT_PAGE_TABLE)
		table_unmap(slot);
}

static void destroy_thread(void *argument)
{
	thread_destroy(argument);
}

static void destroy_context(void *argument)
{
	sched_context_destroy(argument);
}

/* What lies in the registers and lists of a hart is ended by that hart. */
static void end_thread(struct thread *thread)
{
	smp_on(thread->hart, destroy_thread, thread);
}

static void end_context(struct sched_context *context)
{
	smp_on(context->thread ? context->thread->hart : arch_this_hart(), destroy_context, context);
}

void object_destroy(const struct cap *cap)
{
	switch ((enum object_type)cap->type) {
	case OBJECT_THREAD:
		end_thread(cap_thread(cap));
		break;
	case OBJECT_SCHED_CONTEXT:
		end_context(cap_sched_context(cap));
		break;
	case OBJECT_ENDPOINT:
		endpoint_destroy(cap_endpoint(cap));
		break;
	case OBJECT_REPLY:
		reply_destroy(cap_reply(cap));
		break;
	case OBJECT_NOTIFICATION:
		notification_destroy(cap_notification(cap));
		break;
	case OBJECT_VSPACE:
	case OBJECT_GSPACE:
		space_destroy(cap->word);
		break;
	case OBJECT_VCPU:
		vcpu_destroy(cap_vcpu(cap));
		break;
	case OBJECT_IRQ_HANDLER:
		irq_destroy((unsigned)cap->object);
		break;
	case OBJECT_NULL:
	case OBJECT_UNTYPED:
	case OBJECT_UNTYPED_DEVICE:
	case OBJECT_CNODE:
	case OBJECT_PAGE_TABLE:
	case OBJECT_FRAME:
	case OBJECT_IRQ_CONTROL:
	case OBJECT_SCHED_CONTROL:
	case OBJECT_PLATFORM_CONTROL:
	case OBJECT_TYPES:
		break;
	}
}
