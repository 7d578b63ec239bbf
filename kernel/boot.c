/* SPDX-License-Identifier: Apache-2.0 */
#include "bits.h"
#include "boot.h"

#include <arch/arch.h>

#include "irq.h"
#include "kernel.h"
#include "object.h"
#include "sched.h"
#include "smp.h"
#include "thread.h"

#define ROOT_PRIORITY 220u

uint64_t kernel_bytes;

unsigned boot_split(uint64_t base, uint64_t size, struct untyped_info *out, unsigned limit)
{
	unsigned count = 0;

	while (size >= 4096 && count < limit) {
		unsigned bits = base ? lowest_bit(base) : UNTYPED_MAX_BITS;

		while (bits > UNTYPED_MAX_BITS || UINT64_C(1) << bits > size)
			bits--;
		out[count++] = (struct untyped_info){ .base = base, .size_bits = (uint8_t)bits };
		base += UINT64_C(1) << bits;
		size -= UINT64_C(1) << bits;
	}
	return count;
}

static void give_untyped(struct slot *slots, const struct handover *handover, struct root_info *info)
{
	for (unsigned i = 0; i < handover->regions; i++) {
		const struct region *region = &handover->region[i];
		unsigned first = info->untypeds, type = region->kind == REGION_RAM ? OBJECT_UNTYPED : OBJECT_UNTYPED_DEVICE;

		info->untypeds += boot_split(region->base, region->size, &info->untyped[first], ROOT_INFO_UNTYPED - first);
		for (unsigned j = first; j < info->untypeds; j++) {
			struct untyped_info *untyped = &info->untyped[j];

			untyped->kind = (uint8_t)region->kind;
			untyped->slot = (uint16_t)(ROOT_SLOT_UNTYPED + j);
			cap_insert_root(&slots[untyped->slot], object_create(type, untyped->size_bits, paddr(untyped->base)));
		}
	}
}

static void insert_control(struct slot *slots, unsigned index, unsigned type)
{
	cap_insert_root(&slots[index], (struct cap){ .type = (uint8_t)type, .rights = RIGHT_ALL });
}

static void fill_info(const struct handover *handover, struct root_info *info)
{
	info->magic = ROOT_INFO_MAGIC;
	info->version = SERAI_ABI_VERSION;
	info->harts = handover->harts;
	info->timebase_hz = handover->timebase_hz;
	info->device_tree = handover->device_tree_va;
	info->device_tree_size = handover->device_tree_size;
	info->archive_base = handover->archive_base;
	info->archive_size = handover->archive_size;
	info->kernel_bytes = kernel_bytes;
	info->isa = handover->isa;
	info->cnode_bits = ROOT_CNODE_BITS;
	info->first_free_slot = ROOT_SLOT_UNTYPED + info->untypeds;
}

void boot_root_task(const struct handover *handover)
{
	uint64_t at = handover->objects;
	struct slot *slots = arch_pointer(paddr(at));
	uint64_t thread_at = at + (UINT64_C(1) << (ROOT_CNODE_BITS + CNODE_SLOT_BITS));
	uint64_t context_at = thread_at + (1u << THREAD_BITS);
	struct root_info *info = arch_pointer(paddr(handover->root_info));

	cap_reset();
	space_reset();
	irq_reset();
	kernel_bytes = handover->kernel_size + handover->root_used + handover->objects_size;
	cap_insert_root(&slots[ROOT_SLOT_CNODE], object_create(OBJECT_CNODE, ROOT_CNODE_BITS, paddr(at)));
	cap_insert_root(&slots[ROOT_SLOT_THREAD], object_create(OBJECT_THREAD, 0, paddr(thread_at)));
	cap_insert_root(&slots[ROOT_SLOT_SCHED_CONTEXT], object_create(OBJECT_SCHED_CONTEXT, 0, paddr(context_at)));
	cap_insert_root(&slots[ROOT_SLOT_VSPACE], object_create(OBJECT_VSPACE, 0, paddr(handover->root_table)));
	insert_control(slots, ROOT_SLOT_IRQ_CONTROL, OBJECT_IRQ_CONTROL);
	insert_control(slots, ROOT_SLOT_SCHED_CONTROL, OBJECT_SCHED_CONTROL);
	insert_control(slots, ROOT_SLOT_PLATFORM_CONTROL, OBJECT_PLATFORM_CONTROL);
	give_untyped(slots, handover, info);
	fill_info(handover, info);

	struct thread *thread = arch_pointer(paddr(thread_at));

	if (thread_configure(thread, &slots[ROOT_SLOT_CNODE], &slots[ROOT_SLOT_VSPACE], NULL) ||
	    sched_context_bind(thread, arch_pointer(paddr(context_at))))
		panic("the root task cannot be made");
	thread->priority = ROOT_PRIORITY;
	arch_thread_start_at(thread, handover->root_entry, handover->root_stack, handover->root_info_va);
	thread_resume(thread);
}
