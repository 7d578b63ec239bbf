/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's riscv,isa string: what the machine has and a guest may have. */
#pragma once

#include <abi/types.h>

#define ISA_STRING_MAX 256u

/* Which optional features of the machine are usable by guests, beyond those that need no support of ours. */
struct isa_features {
	bool sstc, cache_blocks; /* cache_blocks: zicbom, zicboz */
};

/* Filters the string of the machine's CPU node (riscv,isa; ISA naming conventions, unprivileged specification). output:
 * ISA_STRING_MAX bytes. False if it is not a string that starts with rv64i. */
bool isa_filter(const char *machine, const struct isa_features *features, char *output);
