/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader hands to the kernel: the machine in numbers, with no device tree left to parse.
 * All addresses are physical unless said otherwise. The kernel is entered on the boot hart in HS-mode, interrupts off,
 * satp = kernel_table in Sv39, a0 = physical address of this structure (mapped through the direct map), sp undefined.
 */
#pragma once

#include "types.h"

#define HANDOVER_MAGIC 0x72646e6873616972u
#define HANDOVER_REGIONS 48u
#define HANDOVER_HARTS 8u

/* Kernel half of every address space (Sv39): all physical memory below 192 GiB, then the kernel's image. */
#define DIRECT_MAP_BASE 0xffffffc000000000u /* virtual address of physical address 0; 1 GiB leaves, no execution */
#define KERNEL_BASE 0xffffffff80000000u     /* where the kernel image is linked; 4 KiB leaves with the ELF's rights */

enum region_kind {
	REGION_RAM = 1,     /* free; becomes Untyped. The loader's own memory but its first page is among it */
	REGION_DEVICE = 2,  /* registers; becomes Untyped (device) */
	REGION_ARCHIVE = 3, /* the boot archive; becomes Untyped (device), content kept */
};

struct region {
	uint64_t base; /* 4 KiB aligned */
	uint64_t size; /* bytes, multiple of 4 KiB */
	uint32_t kind; /* enum region_kind */
	uint32_t reserved;
};

/*
 * At the loader's start firmware may send a second hart: OpenSBI before 1.3 marks a hart as started before it says where it is to go
 * (lib/sbi/sbi_hsm.c, sbi_hsm_hart_start), so one that looks at that moment goes where the boot hart went. There it waits for the kernel
 * to name it here, or for LOBBY_CLOSED, after which it sleeps for ever. The loader's first page is therefore never given away.
 */
struct lobby {
	uint64_t hart;     /* its id, written last; LOBBY_*: nobody */
	uint64_t entry;    /* where it goes on as if firmware had sent it there: a0 = its id, paging off */
	uint64_t argument; /* in a1 */
};

#define LOBBY_EMPTY UINT64_MAX
#define LOBBY_CLOSED (UINT64_MAX - 1)

struct handover {
	uint64_t magic;
	uint32_t version; /* SERAI_ABI_VERSION */
	uint32_t size;    /* sizeof(struct handover) */

	uint32_t harts;                             /* 1 to HANDOVER_HARTS; entry 0 is the boot hart */
	uint32_t isa;                               /* ISA_* */
	uint64_t hart_id[HANDOVER_HARTS];
	uint32_t plic_context[HANDOVER_HARTS];      /* S-mode context of each hart */
	uint64_t plic_base;
	uint32_t plic_sources;                      /* highest source number */
	uint32_t cbo_zero_bytes;                    /* block size of cbo.zero, 0 if absent */
	uint64_t timebase_hz;

	uint64_t kernel_base;  /* the kernel image and its size, for the memory figures */
	uint64_t kernel_size;
	uint64_t kernel_table; /* root table with the kernel half only */

	uint64_t root_table;    /* root task's root table: kernel half plus its image, stack, info and device tree */
	uint64_t root_entry;    /* virtual */
	uint64_t root_stack;    /* virtual, top */
	uint64_t root_info;     /* the page for struct root_info */
	uint64_t root_info_va;  /* where the root task sees it; passed to it in a0 */
	uint64_t device_tree_va; /* where the root task sees the machine's device tree (read only) */
	uint64_t device_tree_size;
	uint64_t root_used;     /* bytes of RAM taken for the root task and all page tables */

	uint64_t objects;      /* zeroed RAM, 64 KiB aligned, for the first CNode, thread and scheduling context */
	uint64_t objects_size; /* at least ROOT_OBJECTS_SIZE */

	uint64_t lobby; /* struct lobby */

	uint64_t archive_base;
	uint64_t archive_size;
	uint32_t regions;
	uint32_t reserved;
	struct region region[HANDOVER_REGIONS];
};

enum {
	ISA_SSTC = 1 << 0,
	ISA_ZICBOZ = 1 << 1,
	ISA_SVPBMT = 1 << 2,
	ISA_VECTOR = 1 << 3,
	ISA_AIA = 1 << 4,
};

#define ROOT_CNODE_BITS 13u /* 8192 slots of 32 bytes */
#define ROOT_OBJECTS_SIZE (512u << 10)
