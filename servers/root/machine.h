/* SPDX-License-Identifier: Apache-2.0 */
/* What the root task reads from the machine's device tree. */
#pragma once

#include <abi/root_info.h>

#include "isa.h"

struct machine {
	uint64_t uart_base; /* physical, of an ns16550a with registers one byte apart */
	uint32_t uart_irq;
	char isa[ISA_STRING_MAX];   /* for guests */
	uint32_t cbom_block_size;   /* bytes; 0 if guests have no zicbom */
	uint32_t cboz_block_size;
};

/* Also seeds the random generator. Ends the task if something is missing. */
void machine_read(const struct root_info *info, struct machine *machine);
