/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as its device tree describes it. Pure: reads the tree only. Source: Devicetree Specification 0.4. */
#pragma once

#include "ranges.h"

#include <abi/handover.h>

#include <stddef.h>

#define MACHINE_TREE_MAX (1u << 20)                /* bytes of a device tree */
#define MACHINE_PHYSICAL_END (192ull << 30)        /* end of the direct map */

struct machine {
	struct range_set ram;      /* all of it, firmware included */
	struct range_set reserved; /* the firmware's: /reserved-memory and the reservation block; page granular */
	struct range_set devices;  /* registers that a task may get; page granular */
	uint64_t archive_start;    /* linux,initrd-start and -end; both 0 if absent */
	uint64_t archive_end;
	uint64_t plic_base;
	uint32_t plic_sources; /* highest source number */
	uint32_t harts;        /* 1 to HANDOVER_HARTS; entry 0 is the boot hart */
	uint64_t hart_id[HANDOVER_HARTS];
	uint32_t plic_context[HANDOVER_HARTS]; /* S-mode */
	uint32_t isa;                          /* ISA_*: what all harts have */
	uint32_t cbo_zero_bytes;
	uint64_t timebase_hz;
};

/*
 * Reads the device tree at `tree`, a region of at most `size` bytes, entered on hart `boot_hart`. The harts are checked
 * to have what Serai needs: the H extension, Sstc and Sv39. Returns NULL if all is well, else what is wrong.
 */
const char *machine_parse(const void *tree, size_t size, uint64_t boot_hart, struct machine *machine)
	__attribute__((warn_unused_result));
