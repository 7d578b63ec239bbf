/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions in words, for reports: loads, stores, atomics, CSR and system instructions, jumps; others as numbers. */
#pragma once

#include <abi/types.h>

/* ABI name of an x register, 0 to 31. */
const char *register_name(unsigned number);

/* Writes the instruction in assembler notation to out[size]. */
void disassemble(uint32_t instruction, char *out, size_t size);
