/* SPDX-License-Identifier: Apache-2.0 */
/* Sv39 for tasks and Sv39x4 for guests: page tables and fences. Privileged spec, "Sv39" and "Two-stage address translation". */

#include <abi/handover.h>
#include <bits.h>
#include <kernel.h>
#include <smp.h>

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
#define TOP_BITS 30u /* one entry of a root table maps 1 GiB in both stages */
#define TASK_LIMIT (UINT64_C(1) << 38)
#define GUEST_LIMIT (UINT64_C(1) << 41)
#define KERNEL_ENTRIES 256u

unsigned asid_bits, vmid_bits;
static uint64_t kernel_table; /* physical */

static uint64_t ones(unsigned csr_value_bits)
{
	return (UINT64_C(1) << csr_value_bits) - 1;
}

void mmu_init(uint64_t table)
{
	uint64_t satp = csr_read(CSR_SATP), asid, vmid;

	kernel_table = table;
	csr_write(CSR_SATP, satp | ones(16) << 44);
	asid = csr_read(CSR_SATP) >> 44 & ones(16);
	csr_write(CSR_SATP, satp);
	csr_write(CSR_HGATP, MODE_SV39 | ones(14) << 44);
	vmid = csr_read(CSR_HGATP) >> 44 & ones(14);
	if (csr_read(CSR_HGATP) >> 60 != 8)
		panic("this machine has no Sv39x4");
	csr_write(CSR_HGATP, 0);
	asid_bits = asid ? highest_bit(asid) + 1 : 0;
	vmid_bits = vmid ? highest_bit(vmid) + 1 : 0;
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

uint64_t mmu_satp(const struct space *space)
{
	return MODE_SV39 | (space->tag & ones(asid_bits)) << 44 | arch_address(space->root).value >> 12;
}

uint64_t mmu_hgatp(const struct space *space)
{
	return MODE_SV39 | (space->tag & ones(vmid_bits)) << 44 | arch_address(space->root).value >> 12;
}

static uint32_t other_harts(const struct space *space)
{
	/* The entry first, then who may have read it: see space_use. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return word_read(&space->harts) & ~(UINT32_C(1) << arch_this_hart()->index);
}

/* On all harts that may hold it. */
static void flush(const struct space *space, uint64_t at, unsigned bits)
{
	uint32_t others = other_harts(space);

	if (space->kind == SPACE_TASK) {
		uint64_t asid = space->tag & ones(asid_bits);

		__asm__ volatile("sfence.vma %0, %1" ::"r"(at), "r"(asid) : "memory");
		remote_fence(REMOTE_SFENCE_VMA_ASID, others, at, UINT64_C(1) << bits, asid);
	} else {
		uint64_t vmid = space->tag & ones(vmid_bits);

		__asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(at >> 2), "r"(vmid) : "memory");
		remote_fence(REMOTE_HFENCE_GVMA_VMID, others, at, UINT64_C(1) << bits, vmid);
	}
}

static void flush_here(const struct space *space)
{
	if (space->kind == SPACE_TASK)
		__asm__ volatile("sfence.vma x0, %0" ::"r"(space->tag & ones(asid_bits)) : "memory");
	else
		__asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, %0" ::"r"(space->tag & ones(vmid_bits)) : "memory");
}

static void flush_all(const struct space *space)
{
	uint32_t others = other_harts(space);

	flush_here(space);
	if (space->kind == SPACE_TASK)
		remote_fence(REMOTE_SFENCE_VMA_ASID, others, 0, UINT64_MAX, space->tag & ones(asid_bits));
	else
		remote_fence(REMOTE_HFENCE_GVMA_VMID, others, 0, UINT64_MAX, space->tag & ones(vmid_bits));
}

void arch_space_leave(const struct space *space)
{
	struct hart *hart = arch_this_hart();

	if (space->kind == SPACE_TASK && csr_read(CSR_SATP) == mmu_satp(space)) {
		csr_write(CSR_SATP, mmu_kernel_satp());
	} else if (space->kind == SPACE_GUEST && csr_read(CSR_HGATP) == mmu_hgatp(space)) {
		/* The vCPU may have lost its capability already; with no stage 2, HLV would reach all of memory. */
		vcpu_unload(hart);
		csr_write(CSR_HGATP, 0);
	}
	flush_here(space);
	hart->arch.key += HANDOVER_HARTS; /* threads may still know its satp */
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
	flush(space, at.value, size_bits);
	return ERR_OK;
}

void arch_unmap_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits)
{
	uint64_t *entry = walk(space, at.value, size_bits);

	if (!entry || (*entry & (PTE_V | PTE_LEAF)) <= PTE_V || *entry >> 10 << 12 != frame.value)
		return;
	*entry = 0;
	flush(space, at.value, size_bits);
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
		flush(space, at.value, bits);
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
	flush_all(space);
}
