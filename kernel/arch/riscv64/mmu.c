/* SPDX-License-Identifier: Apache-2.0 */
/* Sv39 for tasks and Sv39x4 for guests: page tables and fences. Privileged spec, "Sv39" and "Two-stage address translation". */

#include <abi/handover.h>
#include <bits.h>
#include <kernel.h>
#include <shadow.h>
#include <smp.h>
#include <tag.h>

#include "riscv.h"

#define PTE_V 1ul
#define PTE_R 2ul
#define PTE_W 4ul
#define PTE_X 8ul
#define PTE_U 16ul
#define PTE_A 64ul
#define PTE_D 128ul
#define PTE_LEAF (PTE_R | PTE_W | PTE_X)
#define MODE_SV39 (8ul << 60)
#define NUMBER_SHIFT 44u /* of ASID and VMID; the root's page number is below */
#define TOP_BITS 30u /* one entry of a root table maps 1 GiB in both stages */
#define TASK_LIMIT (UINT64_C(1) << 38)
#define GUEST_LIMIT (UINT64_C(1) << 41)
#define KERNEL_ENTRIES 256u

static uint64_t kernel_table; /* physical */

static uint64_t ones(unsigned csr_value_bits)
{
	return (UINT64_C(1) << csr_value_bits) - 1;
}

/* SERAI_TAG_BITS, for tests: the machine has no more than that. */
static unsigned tag_bits(uint64_t found)
{
#ifdef SERAI_TAG_BITS
	found &= ones(SERAI_TAG_BITS);
#endif
	return found ? highest_bit(found) + 1 : 0;
}

void mmu_init(uint64_t table)
{
	uint64_t satp = csr_read(CSR_SATP), asid, vmid;

	kernel_table = table;
	csr_write(CSR_SATP, satp | ones(16) << NUMBER_SHIFT);
	asid = csr_read(CSR_SATP) >> NUMBER_SHIFT & ones(16);
	csr_write(CSR_SATP, satp);
	csr_write(CSR_HGATP, MODE_SV39 | ones(14) << NUMBER_SHIFT);
	vmid = csr_read(CSR_HGATP) >> NUMBER_SHIFT & ones(14);
	if (csr_read(CSR_HGATP) >> 60 != 8)
		panic("this machine has no Sv39x4");
	csr_write(CSR_HGATP, 0);
	tag_reset(SPACE_TASK, tag_bits(asid));
	tag_reset(SPACE_GUEST, tag_bits(vmid));
	mmu_hart_init();
}

void mmu_hart_init(void)
{
	csr_write(CSR_HGATP, 0);
	__asm__ volatile("sfence.vma\n\t.insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory");
}

void *arch_pointer(paddr_t address)
{
	return (void *)(DIRECT_MAP_BASE + address.value);
}

paddr_t arch_address(const void *pointer)
{
	return paddr((uint64_t)pointer - DIRECT_MAP_BASE);
}

uint64_t mmu_kernel_satp(void)
{
	return MODE_SV39 | kernel_table >> 12;
}

/* What satp and hgatp have in common. */
static uint64_t register_value(const struct space *space, uint32_t number)
{
	return MODE_SV39 | (uint64_t)number << NUMBER_SHIFT | arch_address(space->root).value >> 12;
}

uint32_t mmu_asid(uint64_t satp)
{
	return (uint32_t)(satp >> NUMBER_SHIFT & ones(TAG_NUMBER_BITS));
}

static const void *root_of(uint64_t value)
{
	return value ? arch_pointer(paddr((value & ones(NUMBER_SHIFT)) << 12)) : NULL;
}

void arch_tlb_load(struct hart *hart, const struct space *space, uint32_t number)
{
	uint64_t value = register_value(space, number);

	(void)hart;
	if (space->kind == SPACE_GUEST)
		csr_write(CSR_HGATP, value);
	else
		csr_write(CSR_SATP, value);
}

const void *arch_tlb_root(enum space_kind kind)
{
	return root_of(kind == SPACE_TASK ? csr_read(CSR_SATP) : csr_read(CSR_HGATP));
}

static void flush_task(uint32_t number, uint64_t at, uint64_t size)
{
	if (number == TAG_ALL)
		__asm__ volatile("sfence.vma" ::: "memory");
	else if (size == UINT64_MAX)
		__asm__ volatile("sfence.vma x0, %0" ::"r"((uint64_t)number) : "memory");
	else
		__asm__ volatile("sfence.vma %0, %1" ::"r"(at), "r"((uint64_t)number) : "memory");
}

/* hfence.gvma; addresses are shifted. */
static void flush_guest(uint32_t number, uint64_t at, uint64_t size)
{
	if (number == TAG_ALL)
		__asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory");
	else if (size == UINT64_MAX)
		__asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" ::"r"((uint64_t)number) : "memory");
	else
		__asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(at >> 2), "r"((uint64_t)number) : "memory");
}

/* A size is that of one leaf, or of all that one entry covers: an address in it is enough here. */
void arch_tlb_flush(enum space_kind kind, uint32_t on, uint32_t number, uint64_t at, uint64_t size)
{
	static const enum remote_fence kinds[2][2] = { { REMOTE_SFENCE_VMA_ASID, REMOTE_SFENCE_VMA },
						       { REMOTE_HFENCE_GVMA_VMID, REMOTE_HFENCE_GVMA } };
	uint32_t own = UINT32_C(1) << arch_this_hart()->index;

	if (on & own) {
		if (kind == SPACE_TASK)
			flush_task(number, at, size);
		else
			flush_guest(number, at, size);
		if (number == TAG_ALL)
			arch_this_hart()->arch.key += HANDOVER_HARTS; /* it may be a new generation's beginning */
	}
	if (on & ~own)
		remote_fence(kinds[kind == SPACE_GUEST][number == TAG_ALL], on & ~own, at, size, number);
	shadow_flushed(kind, on, number, at, size);
}

void arch_space_leave(const struct space *space)
{
	struct hart *hart = arch_this_hart();

	hart->arch.key += HANDOVER_HARTS; /* threads may still know its satp */
	if (arch_tlb_root((enum space_kind)space->kind) != space->root)
		return;
	if (space->kind == SPACE_TASK) {
		csr_write(CSR_SATP, mmu_kernel_satp());
	} else {
		/* The vCPU may have lost its capability already; with no stage 2, HLV would reach all of memory. */
		vcpu_unload(hart);
		csr_write(CSR_HGATP, 0);
	}
}

void arch_space_init(enum space_kind kind, void *root)
{
	if (kind != SPACE_TASK)
		return;
	const uint64_t *kernel = arch_pointer(paddr(kernel_table));

	for (unsigned i = KERNEL_ENTRIES; i < 2 * KERNEL_ENTRIES; i++)
		((uint64_t *)root)[i] = kernel[i];
}

bool arch_frame_size_valid(unsigned size_bits)
{
	return size_bits == 12 || size_bits == 21 || size_bits == 30;
}

static bool in_range(const struct space *space, uint64_t at)
{
	return at < (space->kind == SPACE_TASK ? TASK_LIMIT : GUEST_LIMIT);
}

static uint64_t *entry_of(uint64_t *table, uint64_t at, unsigned bits, bool root)
{
	/* The root of Sv39x4 has 2048 entries. */
	return &table[at >> bits & (root ? 2047 : 511)];
}

/* The entry that maps 2^bits bytes at this address; NULL if a table above is missing or a leaf is in the way. */
static uint64_t *walk(const struct space *space, uint64_t at, unsigned bits)
{
	uint64_t *table = space->root;

	for (unsigned level = TOP_BITS;; level -= 9) {
		uint64_t *entry = entry_of(table, at, level, level == TOP_BITS);

		if (level == bits)
			return entry;
		if (!(*entry & PTE_V) || *entry & PTE_LEAF)
			return NULL;
		table = arch_pointer(paddr(*entry >> 10 << 12));
	}
}

enum err arch_map_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits, unsigned rights)
{
	uint64_t leaf = frame.value >> 12 << 10 | PTE_V | PTE_R | PTE_U | PTE_A | PTE_D;

	if (!in_range(space, at.value))
		return ERR_RANGE;
	uint64_t *entry = walk(space, at.value, size_bits);

	if (!entry)
		return ERR_NO_TABLE;
	if (*entry & PTE_V)
		return ERR_ALREADY_MAPPED;
	leaf |= (rights & RIGHT_WRITE ? PTE_W : 0) | (rights & RIGHT_EXECUTE ? PTE_X : 0);
	*entry = leaf;
	tag_flush(space, at.value, UINT64_C(1) << size_bits);
	return ERR_OK;
}

void arch_unmap_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits)
{
	uint64_t *entry = walk(space, at.value, size_bits);

	if (!entry || (*entry & (PTE_V | PTE_LEAF)) <= PTE_V || *entry >> 10 << 12 != frame.value)
		return;
	*entry = 0;
	tag_flush(space, at.value, UINT64_C(1) << size_bits);
}

enum err arch_map_table(const struct space *space, vaddr_t at, paddr_t table, unsigned *covers_bits)
{
	if (!in_range(space, at.value))
		return ERR_RANGE;
	for (unsigned bits = TOP_BITS; bits > 12; bits -= 9) {
		uint64_t *entry = walk(space, at.value, bits);

		if (!entry || *entry & PTE_LEAF)
			return ERR_ALREADY_MAPPED;
		if (*entry & PTE_V)
			continue;
		*entry = table.value >> 12 << 10 | PTE_V;
		tag_flush(space, at.value, UINT64_C(1) << bits);
		*covers_bits = bits;
		return ERR_OK;
	}
	return ERR_ALREADY_MAPPED;
}

void arch_unmap_table(const struct space *space, vaddr_t at, paddr_t table, unsigned covers_bits)
{
	uint64_t *entry = walk(space, at.value, covers_bits);

	if (!entry || !(*entry & PTE_V) || *entry & PTE_LEAF || *entry >> 10 << 12 != table.value)
		return;
	*entry = 0;
	tag_flush(space, 0, UINT64_MAX);
}
