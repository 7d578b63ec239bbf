/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables of the host port: three levels of 8-byte entries in the memory of the kernel's objects, walked by
 * host_translate instead of hardware. Same limits and errors as a real port's.
 */

#include <string.h>

#include <abi/handover.h>
#include <arch/arch.h>
#include <arch/host.h>
#include <shadow.h>

#define ENTRY_VALID UINT64_C(1)
#define ENTRY_TABLE UINT64_C(2)
#define ENTRY_RIGHTS_SHIFT 4u
#define ENTRY_ADDRESS (~UINT64_C(0xfff))
#define LEVEL_BITS 9u
#define ROOT_COVERS 30u /* log2 of the bytes of an entry of a root table */
#define TASK_SPACE_BITS 38u
#define GUEST_SPACE_BITS 41u

bool arch_frame_size_valid(unsigned size_bits)
{
	return size_bits == 12 || size_bits == 21 || size_bits == ROOT_COVERS;
}

void arch_space_init(enum space_kind kind, void *root)
{
	(void)kind;
	(void)root;
}

/* A TLB that keeps whatever it is not told to forget, until it is full. */
#define TLB_ENTRIES 1024u

static struct entry {
	uint64_t page, address;
	uint32_t number;
	uint8_t kind; /* 0: free */
} tlb[HANDOVER_HARTS][TLB_ENTRIES];
static unsigned tlb_next[HANDOVER_HARTS];

void host_tlb_reset(void)
{
	memset(tlb, 0, sizeof(tlb));
}

void arch_tlb_load(struct hart *hart, const struct space *space, uint32_t number)
{
	hart->arch.translates[space->kind - SPACE_TASK].root = space->root;
	hart->arch.translates[space->kind - SPACE_TASK].number = number;
}

const void *arch_tlb_root(enum space_kind kind)
{
	return host_hart->arch.translates[kind - SPACE_TASK].root;
}

void arch_tlb_flush(enum space_kind kind, uint32_t on, uint32_t number, uint64_t at, uint64_t size)
{
	uint64_t end = size == UINT64_MAX ? UINT64_MAX : at + size;

	if (host.fences_lost)
		return;
	for (unsigned i = 0; on >> i; i++)
		for (struct entry *entry = tlb[i]; on >> i & 1 && entry < tlb[i] + TLB_ENTRIES; entry++)
			if (entry->kind == kind && (number == TAG_ALL || entry->number == number) && entry->page >= at &&
			    entry->page < end)
				entry->kind = 0;
	shadow_flushed(kind, on, number, at, size);
}

void arch_tlb_flush_guest(const struct hart *hart, uint32_t number)
{
	if (host.fences_lost)
		return;
	host.guest_flushes++;
	shadow_guest_flushed(hart, number);
}

bool host_access(enum space_kind kind, uint64_t at, uint64_t *address)
{
	const struct space space = { .kind = (uint8_t)kind, .root = (void *)(uintptr_t)arch_tlb_root(kind) };
	uint32_t number = host_hart->arch.translates[kind - SPACE_TASK].number;
	struct entry *mine = tlb[host_hart->index];
	unsigned rights;

	for (unsigned i = 0; i < TLB_ENTRIES; i++)
		if (mine[i].kind == kind && mine[i].number == number && mine[i].page == at >> 12 << 12) {
			*address = mine[i].address + (at & 0xfff);
			return true;
		}
	if (!space.root || !host_translate(&space, at, address, &rights))
		return false;
	mine[tlb_next[host_hart->index]++ % TLB_ENTRIES] = (struct entry){
		.kind = (uint8_t)kind, .number = number, .page = at >> 12 << 12, .address = *address >> 12 << 12
	};
	return true;
}

void arch_space_leave(const struct space *space)
{
	if (arch_tlb_root((enum space_kind)space->kind) == space->root)
		host_hart->arch.translates[space->kind - SPACE_TASK].root = NULL;
	host_hart->arch.left++;
	host.flushes++;
	host.flushed_id = space->id;
}

static bool outside(const struct space *space, uint64_t at)
{
	return at >> (space->kind == SPACE_TASK ? TASK_SPACE_BITS : GUEST_SPACE_BITS) != 0;
}

/* The entry that covers 2^covers bytes at this address, or NULL if the way there is not made of tables. */
static uint64_t *find_entry(const struct space *space, uint64_t at, unsigned covers)
{
	uint64_t *entry = (uint64_t *)space->root + (at >> ROOT_COVERS);

	for (unsigned level = ROOT_COVERS; level > covers; level -= LEVEL_BITS) {
		if (!(*entry & ENTRY_TABLE))
			return NULL;
		uint64_t *table = arch_pointer(paddr(*entry & ENTRY_ADDRESS));

		entry = &table[at >> (level - LEVEL_BITS) & ((1u << LEVEL_BITS) - 1)];
	}
	return entry;
}

enum err arch_map_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits, unsigned rights)
{
	if (outside(space, at.value))
		return ERR_RANGE;
	uint64_t *entry = find_entry(space, at.value, size_bits);

	if (!entry)
		return ERR_NO_TABLE;
	if (*entry & ENTRY_VALID)
		return ERR_ALREADY_MAPPED;
	*entry = frame.value | (uint64_t)rights << ENTRY_RIGHTS_SHIFT | ENTRY_VALID;
	host.page_flushes++;
	tag_flush(space, at.value, UINT64_C(1) << size_bits);
	return ERR_OK;
}

void arch_unmap_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits)
{
	uint64_t *entry = find_entry(space, at.value, size_bits);

	if (!entry || (*entry & (ENTRY_VALID | ENTRY_TABLE)) != ENTRY_VALID || (*entry & ENTRY_ADDRESS) != frame.value)
		return;
	*entry = 0;
	host.page_flushes++;
	tag_flush(space, at.value, UINT64_C(1) << size_bits);
}

enum err arch_map_table(const struct space *space, vaddr_t at, paddr_t table, unsigned *covers_bits)
{
	if (outside(space, at.value))
		return ERR_RANGE;
	for (unsigned covers = ROOT_COVERS; covers > 12; covers -= LEVEL_BITS) {
		uint64_t *entry = find_entry(space, at.value, covers);

		if (!entry)
			break;
		if (*entry & ENTRY_VALID)
			continue;
		*entry = table.value | ENTRY_TABLE | ENTRY_VALID;
		*covers_bits = covers;
		host.page_flushes++;
		tag_flush(space, at.value, UINT64_C(1) << covers);
		return ERR_OK;
	}
	return ERR_ALREADY_MAPPED;
}

void arch_unmap_table(const struct space *space, vaddr_t at, paddr_t table, unsigned covers_bits)
{
	uint64_t *entry = find_entry(space, at.value, covers_bits);

	if (!entry || !(*entry & ENTRY_TABLE) || (*entry & ENTRY_ADDRESS) != table.value)
		return;
	*entry = 0;
	tag_flush(space, 0, UINT64_MAX);
	host.flushes++;
	host.flushed_id = space->id;
}

bool host_translate(const struct space *space, uint64_t at, uint64_t *address, unsigned *rights)
{
	if (outside(space, at))
		return false;
	for (unsigned covers = ROOT_COVERS; covers >= 12; covers -= LEVEL_BITS) {
		const uint64_t *entry = find_entry(space, at, covers);

		if (!entry || !(*entry & ENTRY_VALID))
			return false;
		if (*entry & ENTRY_TABLE)
			continue;
		*address = (*entry & ENTRY_ADDRESS) + (at & ((UINT64_C(1) << covers) - 1));
		*rights = (unsigned)(*entry >> ENTRY_RIGHTS_SHIFT & RIGHT_ALL);
		return true;
	}
	return false;
}
