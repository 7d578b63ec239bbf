/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the kernel and the root task into memory with their page tables, and fills the handover. */
#pragma once

#include "archive.h"
#include "machine.h"
#include "memory.h"

/* Everything that the steps share. Paging is off: physical addresses are pointers. */
struct load {
	const struct machine *machine;
	const struct archive_header *archive; /* checked and on 2 MiB */
	const void *device_tree;              /* the firmware's; copied */
	struct memory *memory;
	struct handover *handover;
	uint64_t kernel_entry; /* virtual, 4-byte aligned */
};

/* Loads the kernel: handover's kernel_*, objects*. Returns NULL or the error. */
const char *load_kernel(struct load *load) __attribute__((warn_unused_result));

/* Loads the root task, after the kernel: handover's root_* and device_tree_*. Returns NULL or the error. */
const char *load_root(struct load *load) __attribute__((warn_unused_result));

/* Fills the rest, regions included, once nothing more is taken from memory. Returns NULL or the error. */
const char *load_finish(struct load *load) __attribute__((warn_unused_result));
