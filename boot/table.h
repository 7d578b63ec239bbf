/* SPDX-License-Identifier: Apache-2.0 */
/* Sv39 page tables, built before paging is on. Source: privileged specification, section "Sv39". */
#pragma once

#include "memory.h"

#define TABLE_SIZE 4096u
#define TABLE_ENTRIES 512u
#define TABLE_KERNEL_HALF 256u /* first entry of a root table that belongs to the kernel */
#define TABLE_GIGAPAGE (1ul << 30)

enum table_flags {
	TABLE_VALID = 1 << 0,
	TABLE_READ = 1 << 1,
	TABLE_WRITE = 1 << 2,
	TABLE_EXECUTE = 1 << 3,
	TABLE_USER = 1 << 4,
	TABLE_GLOBAL = 1 << 5,
	TABLE_ACCESSED = 1 << 6,
	TABLE_DIRTY = 1 << 7,
};

/* A zeroed table from `memory`; *table is its physical address. False: no room. */
bool table_new(struct memory *memory, uint64_t *table) __attribute__((warn_unused_result));

/*
 * Maps `size` bytes from `physical` at `address` with 4 KiB leaves, making the tables in between; both addresses and the
 * size are multiples of 4 KiB. `rights` are TABLE_READ to TABLE_GLOBAL; A and D are preset, so the hardware never has to.
 * False: no room, or something is mapped there.
 */
bool table_map(struct memory *memory, uint64_t root, uint64_t address, uint64_t physical, uint64_t size, uint32_t rights)
	__attribute__((warn_unused_result));

/* Maps the GiB that starts at `physical` (a multiple of 1 GiB) with one leaf of the root table. */
void table_map_gigapage(uint64_t root, uint64_t address, uint64_t physical, uint32_t rights);

/* Copies the entries of the kernel's half from one root table to another. */
void table_share_kernel_half(uint64_t from, uint64_t to);
