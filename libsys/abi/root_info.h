/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells the root task: a page that it finds at the address in a0. */
#pragma once

#include "handover.h"

#define ROOT_INFO_MAGIC 0x6f666e69746f6f72u
#define ROOT_INFO_UNTYPED 110u

/* Slots of the root task's CNode at start. The untyped capabilities follow from ROOT_SLOT_UNTYPED on. */
enum root_slot {
	ROOT_SLOT_CNODE = 1,
	ROOT_SLOT_THREAD,
	ROOT_SLOT_VSPACE,
	ROOT_SLOT_SCHED_CONTEXT,
	ROOT_SLOT_IRQ_CONTROL,
	ROOT_SLOT_SCHED_CONTROL,
	ROOT_SLOT_PLATFORM_CONTROL,
	ROOT_SLOT_UNTYPED = 16,
};

struct untyped_info {
	uint64_t base;      /* physical, aligned to its size */
	uint8_t size_bits;  /* log2 of bytes */
	uint8_t kind;       /* enum region_kind */
	uint16_t slot;      /* in the root CNode */
	uint32_t reserved;
};

struct root_info {
	uint64_t magic;
	uint32_t version; /* SERAI_ABI_VERSION */
	uint32_t harts;
	uint64_t timebase_hz;
	uint64_t device_tree; /* virtual address of the machine's flattened device tree, read only */
	uint64_t device_tree_size;
	uint64_t archive_base; /* physical */
	uint64_t archive_size; /* bytes */
	uint64_t kernel_bytes; /* RAM used by kernel, its tables and the root task */
	uint32_t untypeds;
	uint32_t first_free_slot;
	uint32_t isa; /* ISA_* of handover.h */
	uint32_t cnode_bits;
	struct untyped_info untyped[ROOT_INFO_UNTYPED];
};
_Static_assert(sizeof(struct root_info) <= 4096, "one page");
