/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <string.h>

/* Paging is off, so a physical address is a pointer. */
static uint64_t *table_at(uint64_t physical)
{
	return (uint64_t *)(uintptr_t)physical;
}

static uint64_t entry_of(uint64_t physical, uint32_t flags)
{
	return physical >> 12 << 10 | flags | TABLE_VALID;
}

static uint64_t physical_of(uint64_t entry)
{
	return entry >> 10 << 12;
}

static uint32_t index_of(uint64_t address, unsigned level)
{
	return (uint32_t)(address >> (12 + 9 * level)) % TABLE_ENTRIES;
}

bool table_new(struct memory *memory, uint64_t *table)
{
	uint64_t base;

	if (!memory_take(memory, TABLE_SIZE, TABLE_SIZE, &base))
		return false;
	memset(table_at(base), 0, TABLE_SIZE);
	*table = base;
	return true;
}

/* The last-level entry for an address, or NULL if there is no room for a table on the way. */
static uint64_t *leaf_entry(struct memory *memory, uint64_t root, uint64_t address)
{
	uint64_t table = root;

	for (unsigned level = 2; level > 0; level--) {
		uint64_t *entry = &table_at(table)[index_of(address, level)];

		if ((*entry & TABLE_VALID) == 0) {
			uint64_t next;

			if (!table_new(memory, &next))
				return NULL;
			*entry = entry_of(next, 0);
		} else if ((*entry & (TABLE_READ | TABLE_WRITE | TABLE_EXECUTE)) != 0) {
			return NULL;
		}
		table = physical_of(*entry);
	}
	return &table_at(table)[index_of(address, 0)];
}

bool table_map(struct memory *memory, uint64_t root, uint64_t address, uint64_t physical, uint64_t size, uint32_t rights)
{
	for (uint64_t done = 0; done < size; done += TABLE_SIZE) {
		uint64_t *entry = leaf_entry(memory, root, address + done);

		if (entry == NULL || (*entry & TABLE_VALID) != 0)
			return false;
		*entry = entry_of(physical + done, rights | TABLE_ACCESSED | TABLE_DIRTY);
	}
	return true;
}

void table_map_gigapage(uint64_t root, uint64_t address, uint64_t physical, uint32_t rights)
{
	table_at(root)[index_of(address, 2)] = entry_of(physical, rights | TABLE_ACCESSED | TABLE_DIRTY);
}

void table_share_kernel_half(uint64_t from, uint64_t to)
{
	memcpy(&table_at(to)[TABLE_KERNEL_HALF], &table_at(from)[TABLE_KERNEL_HALF],
	       (TABLE_ENTRIES - TABLE_KERNEL_HALF) * sizeof(uint64_t));
}
