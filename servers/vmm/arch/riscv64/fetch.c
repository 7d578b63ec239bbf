/* SPDX-License-Identifier: Apache-2.0 */
/* Instruction fetch by HLVX.HU, which hstatus.HU allows to this task; a faulting one is skipped with t0 = cause. */
#include "../../fetch.h"

static inline uint64_t fetch_half(uint64_t address, uint64_t *half)
{
	register uint64_t cause __asm__("t0") = 0;
	uint64_t value;

	/* hlvx.hu value, (address) */
	__asm__ volatile(".insn r 0x73, 4, 0x32, %0, %2, x3" : "=&r"(value), "+r"(cause) : "r"(address) : "memory");
	*half = value;
	return cause;
}

__attribute__((hot)) uint64_t fetch_instruction(uint64_t pc, uint32_t *instruction)
{
	uint64_t low, high = 0, cause;

	cause = fetch_half(pc, &low);
	if (cause)
		return cause;
	if ((low & 3) == 3) {
		cause = fetch_half(pc + 2, &high);
		if (cause)
			return cause;
	}
	*instruction = (uint32_t)(high << 16 | low);
	return 0;
}
