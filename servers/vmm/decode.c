/* SPDX-License-Identifier: Apache-2.0 */
/* Decoder of loads and stores. */
#include "decode.h"

enum {
	OPCODE_LOAD = 0x03,
	OPCODE_LOAD_FP = 0x07,
	OPCODE_MISC_MEM = 0x0f,
	OPCODE_STORE = 0x23,
	OPCODE_STORE_FP = 0x27,
	OPCODE_AMO = 0x2f,
};

static struct access plain(bool write, unsigned size, unsigned reg, unsigned length)
{
	return (struct access){
		.kind = ACCESS_PLAIN,
		.size = (uint8_t)size,
		.reg = (uint8_t)reg,
		.length = (uint8_t)length,
		.write = write,
	};
}

static struct access other(enum access_kind kind, bool write, unsigned size, unsigned length)
{
	return (struct access){
		.kind = (uint8_t)kind,
		.size = (uint8_t)size,
		.length = (uint8_t)length,
		.write = write,
	};
}

static struct access sign(struct access access)
{
	access.sign = true;
	return access;
}

/* Zcb: quadrant 0, funct3 100. Bits 12-10 select, bit 6 of the halfword forms selects c.lh. */
static struct access decode_zcb(uint32_t instruction)
{
	unsigned reg = 8 + (instruction >> 2 & 7);
	bool bit6 = instruction >> 6 & 1;

	switch (instruction >> 10 & 7) {
	case 0:
		return plain(false, 1, reg, 2);
	case 1:
		return bit6 ? sign(plain(false, 2, reg, 2)) : plain(false, 2, reg, 2);
	case 2:
		return plain(true, 1, reg, 2);
	case 3:
		if (!bit6)
			return plain(true, 2, reg, 2);
		break;
	default:
		break;
	}
	return (struct access){ .kind = ACCESS_UNKNOWN };
}

static struct access decode_compressed(uint32_t instruction)
{
	bool stack = (instruction & 3) == 2;
	unsigned load_reg = stack ? instruction >> 7 & 31 : 8 + (instruction >> 2 & 7);
	unsigned store_reg = stack ? instruction >> 2 & 31 : 8 + (instruction >> 2 & 7);

	if ((instruction & 3) != 1) {
		switch (instruction >> 13 & 7) {
		case 1:
			return other(ACCESS_FLOAT, false, 8, 2);
		case 2:
			if (stack && load_reg == 0)
				break; /* reserved */
			return sign(plain(false, 4, load_reg, 2));
		case 3:
			if (stack && load_reg == 0)
				break; /* reserved */
			return sign(plain(false, 8, load_reg, 2));
		case 4:
			if (!stack)
				return decode_zcb(instruction);
			break;
		case 5:
			return other(ACCESS_FLOAT, true, 8, 2);
		case 6:
			return plain(true, 4, store_reg, 2);
		case 7:
			return plain(true, 8, store_reg, 2);
		default:
			break;
		}
	}
	return (struct access){ .kind = ACCESS_UNKNOWN };
}

/* Floating-point widths are 1 to 4 (2 to 16 bytes), the others are vector loads and stores. */
static struct access decode_float(bool write, unsigned width)
{
	return other(ACCESS_FLOAT, write, width >= 1 && width <= 3 ? 1u << width : 0, 4);
}

static struct access decode_uncommon(uint32_t instruction)
{
	unsigned width = instruction >> 12 & 7;

	switch (instruction & 0x7f) {
	case OPCODE_LOAD_FP:
		return decode_float(false, width);
	case OPCODE_STORE_FP:
		return decode_float(true, width);
	case OPCODE_AMO:
		if (width > 4)
			break;
		return other(ACCESS_ATOMIC, instruction >> 27 != 2, width < 4 ? 1u << width : 0, 4);
	case OPCODE_MISC_MEM:
		if (width != 2)
			break;
		return other(ACCESS_ATOMIC, true, 0, 4); /* cbo.* */
	default:
		break;
	}
	return (struct access){ .kind = ACCESS_UNKNOWN };
}

__attribute__((hot)) struct access decode_instruction(uint32_t instruction)
{
	unsigned width = instruction >> 12 & 7;

	if ((instruction & 3) != 3)
		return decode_compressed(instruction);
	if ((instruction & 0x7f) == OPCODE_LOAD && width != 7) {
		struct access access = plain(false, 1u << (width & 3), instruction >> 7 & 31, 4);

		access.sign = width < 4;
		return access;
	}
	if ((instruction & 0x7f) == OPCODE_STORE && width < 4)
		return plain(true, 1u << width, instruction >> 20 & 31, 4);
	return decode_uncommon(instruction);
}

__attribute__((hot)) struct access decode_transformed(uint32_t htinst, unsigned *offset)
{
	struct access access = decode_instruction(htinst | 2);

	if (!(htinst & 2))
		access.length = 2;
	*offset = decode_offset(htinst);
	return access;
}
