/* SPDX-License-Identifier: Apache-2.0 */
/* What a load or store instruction does (unprivileged specification, RV64 with C, A, F, D, Zcb): pure functions. */
#pragma once

#include <abi/types.h>

enum access_kind {
	ACCESS_UNKNOWN, /* no instruction that reads or writes memory, or one not known here */
	ACCESS_PLAIN,   /* an integer load or store */
	ACCESS_ATOMIC,  /* LR, SC, AMO or a cache-block operation: devices do not take these */
	ACCESS_FLOAT,   /* floating-point or vector load or store */
};

struct access {
	uint8_t kind;   /* enum access_kind; the fields below need one other than ACCESS_UNKNOWN */
	uint8_t size;   /* bytes: 1, 2, 4 or 8; 0 if it depends on other state */
	uint8_t reg;    /* x register that is loaded or stored, 0 to 31 */
	uint8_t length; /* bytes of the instruction: 2 or 4 */
	bool write;
	bool sign;      /* a load that extends the sign */
};

/* Decodes the instruction in the low 2 or 4 bytes of `instruction`. */
struct access decode_instruction(uint32_t instruction);

/* The "address offset" field of a transformed instruction. */
static inline unsigned decode_offset(uint32_t htinst)
{
	return htinst >> 15 & 31;
}

/*
 * Decodes what the hart left in htinst (privileged specification, "Transformed Instruction"), and gives the "address
 * offset" field in *offset. htinst must have bit 0 set.
 */
struct access decode_transformed(uint32_t htinst, unsigned *offset);

/* Length in bytes of the instruction that starts with these bits: 2 or 4. */
static inline unsigned decode_length(uint32_t instruction)
{
	return (instruction & 3) == 3 ? 4 : 2;
}
