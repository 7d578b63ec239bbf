/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction that the guest was stopped at. */
#pragma once

#include <abi/types.h>

/*
 * Reads the instruction at guest virtual address `pc` as the stopped vCPU would fetch it; *instruction gets 2 or 4 bytes.
 * Returns 0, or the exception cause that the fetch met.
 */
uint64_t fetch_instruction(uint64_t pc, uint32_t *instruction);
