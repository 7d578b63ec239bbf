/* SPDX-License-Identifier: Apache-2.0 */
/* What the proofs take for granted of the rest of the kernel: they may do anything that these functions may do. */
#include <arch/arch.h>
#include <notification.h>
#include <shadow.h>
#include <smp.h>
#include <thread.h>
#include <vcpu.h>
#include <endpoint.h>
#include <irq.h>

#include "environment.h"
#include "state.h"

unsigned zeroing = PLACES;

/* Kernel addresses are physical ones here. */
void *arch_pointer(paddr_t address)
{
	return (void *)address.value;
}

paddr_t arch_address(const void *pointer)
{
	return paddr((uint64_t)pointer);
}

void arch_zero(void *pointer, size_t bytes)
{
	uint64_t from = (uint64_t)pointer;
	struct span span = { (uint32_t)(from / UNTYPED_UNIT), (uint32_t)((from + bytes - 1) / UNTYPED_UNIT), true };

	CHECK(from % UNTYPED_UNIT == 0 && bytes % UNTYPED_UNIT == 0 && bytes > 0, "zeroing is in whole units");
	CHECK(from >> 38 == 0 && bytes >> 38 == 0, "zeroing is in physical memory");
	for (unsigned i = 0; i < PLACES; i++) {
		bool meets = before.full[i] & spans_meet(before.span[i], span);

		CHECK(!meets || i == zeroing || before.above[i][zeroing], "only free memory is zeroed");
		CHECK(!meets || (before.cap[i].type == OBJECT_UNTYPED && span_within(before.span[i], span)),
				 "only memory of the untyped is zeroed");
	}
	witness.zero |= (witness.unit >= span.first) & (witness.unit <= span.last);
}

/* At the latest after the third look: a longer run goes through the same states as one that was interrupted there. */
bool arch_interrupt_pending(void)
{
	static unsigned looks;

	return nondet_bool() || ++looks >= 3;
}

bool arch_frame_size_valid(unsigned size_bits)
{
	return size_bits == 12 || size_bits == 21 || size_bits == 30;
}

bool space_available(uint64_t count)
{
	(void)count;
	return nondet_bool();
}

uint32_t space_create(enum space_kind kind, void *root)
{
	(void)kind;
	(void)root;
	return nondet_u32();
}

/* Other harts: they stand still from stop to go, and each was outside the kernel once after a grace period. */
uint64_t smp_epoch;
static bool stopped;

void smp_stop(void)
{
	CHECK(!stopped, "stops do not nest");
	stopped = true;
}

void smp_go(void)
{
	CHECK(stopped, "others go on once");
	stopped = false;
}

void smp_grace(void)
{
	smp_epoch++;
}

static void end(unsigned type, uint64_t object)
{
	CHECK(stopped, "an object ends while all other harts stand still");
	ended.count++;
	ended.type = (uint8_t)type;
	ended.object = object;
}

/* An object that may hold copies drops them. */
static void end_holder(unsigned type, uint64_t object)
{
	end(type, object);
	if (type == holder.type && object == holder.object)
		cap_drop_copy(place_slot(PLACE_INNER));
}

/* Threads and scheduling contexts are asked where they live, so there is one of each to ask. */
static struct thread any_thread;
static struct sched_context any_context;
static uint64_t meant;

struct thread *prove_thread(const struct cap *cap)
{
	meant = cap->object;
	return &any_thread;
}

struct sched_context *prove_sched_context(const struct cap *cap)
{
	meant = cap->object;
	any_context.thread = nondet_bool() ? &any_thread : NULL;
	return &any_context;
}

void smp_on(struct hart *hart, void (*function)(void *argument), void *argument)
{
	(void)hart;
	function(argument);
}

void thread_destroy(struct thread *thread)
{
	CHECK(thread == &any_thread, "a thread's end is told to itself");
	end_holder(OBJECT_THREAD, meant);
}

void sched_context_destroy(struct sched_context *context)
{
	CHECK(context == &any_context, "a scheduling context's end is told to itself");
	end(OBJECT_SCHED_CONTEXT, meant);
}

/* Debug builds watch what harts may still hold of memory. */
void shadow_memory_reused(void)
{
}

void endpoint_destroy(struct endpoint *endpoint)
{
	end(OBJECT_ENDPOINT, (uint64_t)endpoint);
}

void reply_destroy(struct reply *reply)
{
	end(OBJECT_REPLY, (uint64_t)reply);
}

void notification_destroy(struct notification *notification)
{
	end(OBJECT_NOTIFICATION, (uint64_t)notification);
}

void space_destroy(uint32_t id)
{
	end(OBJECT_VSPACE, id);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	end_holder(OBJECT_VCPU, (uint64_t)vcpu);
}

void irq_destroy(unsigned source)
{
	end_holder(OBJECT_IRQ_HANDLER, source);
}

/* Fresh objects hold no capability; what else is in them is not looked at here. */
void thread_init(struct thread *thread)
{
	(void)thread;
}

void sched_context_init(struct sched_context *context)
{
	(void)context;
}

void vcpu_init(struct vcpu *vcpu)
{
	(void)vcpu;
}

/* Unmapping changes the capability's own word only. */
static void unmap(struct slot *slot, unsigned type)
{
	CHECK(slot->cap.type == type, "a mapping is ended by its own capability");
	slot->cap.word = nondet_u32();
}

void frame_unmap(struct slot *frame)
{
	unmap(frame, OBJECT_FRAME);
}

void table_unmap(struct slot *table)
{
	unmap(table, OBJECT_PAGE_TABLE);
}
