/* SPDX-License-Identifier: Apache-2.0 */
/* A small disassembler. */
#include <stdio.h>
#include "decode.h"
#include "disassemble.h"

const char *register_name(unsigned number)
{
	static const char *const names[32] = {
		"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
		"a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};

	return names[number & 31];
}

static const char *rd(uint32_t instruction)
{
	return register_name(instruction >> 7);
}

static const char *rs1(uint32_t instruction)
{
	return register_name(instruction >> 15);
}

static const char *rs2(uint32_t instruction)
{
	return register_name(instruction >> 20);
}

static int immediate_i(uint32_t instruction)
{
	return (int32_t)instruction >> 20;
}

static int immediate_s(uint32_t instruction)
{
	return ((int32_t)instruction >> 25) * 32 + (int)(instruction >> 7 & 31);
}

static void write_memory(uint32_t instruction, char *out, size_t size)
{
	static const char *const loads[8] = { "lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "?" };
	static const char *const stores[4] = { "sb", "sh", "sw", "sd" };
	static const char *const floats[8] = { "v8", "h", "w", "d", "q", "v16", "v32", "v64" };
	unsigned width = instruction >> 12 & 7;

	switch (instruction & 0x7f) {
	case 0x03:
		snprintf(out, size, "%s %s, %d(%s)", loads[width], rd(instruction), immediate_i(instruction),
			 rs1(instruction));
		break;
	case 0x07:
		snprintf(out, size, "fl%s f%u, %d(%s)", floats[width], instruction >> 7 & 31, immediate_i(instruction),
			 rs1(instruction));
		break;
	case 0x23:
		snprintf(out, size, "%s %s, %d(%s)", stores[width & 3], rs2(instruction), immediate_s(instruction),
			 rs1(instruction));
		break;
	default:
		snprintf(out, size, "fs%s f%u, %d(%s)", floats[width], instruction >> 20 & 31, immediate_s(instruction),
			 rs1(instruction));
		break;
	}
}

static void write_atomic(uint32_t instruction, char *out, size_t size)
{
	const char *name;

	switch (instruction >> 27) {
	case 0x00: name = "amoadd"; break;
	case 0x01: name = "amoswap"; break;
	case 0x02: name = "lr"; break;
	case 0x03: name = "sc"; break;
	case 0x04: name = "amoxor"; break;
	case 0x08: name = "amoor"; break;
	case 0x0c: name = "amoand"; break;
	case 0x10: name = "amomin"; break;
	case 0x14: name = "amomax"; break;
	case 0x18: name = "amominu"; break;
	case 0x1c: name = "amomaxu"; break;
	default: name = "amo?"; break;
	}
	snprintf(out, size, "%s.%s %s, %s, (%s)", name, (instruction >> 12 & 7) == 3 ? "d" : "w", rd(instruction),
		 rs2(instruction), rs1(instruction));
}

static void write_system(uint32_t instruction, char *out, size_t size)
{
	static const char *const csr[8] = { "?", "csrrw", "csrrs", "csrrc", "?", "csrrwi", "csrrsi", "csrrci" };
	unsigned width = instruction >> 12 & 7;
	const char *name = NULL;

	if (width == 4) {
		snprintf(out, size, "hlv/hsv (%#x) %s, (%s)", instruction >> 25, rd(instruction), rs1(instruction));
		return;
	}
	if (width != 0) {
		if (width > 4)
			snprintf(out, size, "%s %s, %#x, %u", csr[width], rd(instruction), instruction >> 20,
				 instruction >> 15 & 31);
		else
			snprintf(out, size, "%s %s, %#x, %s", csr[width], rd(instruction), instruction >> 20,
				 rs1(instruction));
		return;
	}
	switch (instruction) {
	case 0x00000073: name = "ecall"; break;
	case 0x00100073: name = "ebreak"; break;
	case 0x10200073: name = "sret"; break;
	case 0x30200073: name = "mret"; break;
	case 0x10500073: name = "wfi"; break;
	default: break;
	}
	if (name)
		snprintf(out, size, "%s", name);
	else if (instruction >> 25 == 0x09)
		snprintf(out, size, "sfence.vma %s, %s", rs1(instruction), rs2(instruction));
	else if (instruction >> 25 == 0x11 || instruction >> 25 == 0x31)
		snprintf(out, size, "hfence.%s %s, %s", instruction >> 25 == 0x11 ? "vvma" : "gvma", rs1(instruction),
			 rs2(instruction));
	else
		snprintf(out, size, "system %#010x", instruction);
}

/* Offset of a compressed load or store (unprivileged specification, chapter on C). */
static unsigned compressed_offset(uint32_t instruction, const struct access *access)
{
	unsigned high = instruction >> 10 & 7;

	if ((instruction & 3) == 0) {
		if (access->size == 8)
			return high << 3 | (instruction >> 5 & 3) << 6;
		if (access->size == 4)
			return high << 3 | (instruction >> 6 & 1) << 2 | (instruction >> 5 & 1) << 6;
		if (access->size == 2)
			return (instruction >> 5 & 1) << 1;
		return (instruction >> 6 & 1) | (instruction >> 5 & 1) << 1;
	}
	if (access->write)
		return access->size == 8 ? high << 3 | (instruction >> 7 & 7) << 6 :
			(instruction >> 9 & 15) << 2 | (instruction >> 7 & 3) << 6;
	return access->size == 8 ? (instruction >> 12 & 1) << 5 | (instruction >> 5 & 3) << 3 |
		(instruction >> 2 & 7) << 6 :
		(instruction >> 12 & 1) << 5 | (instruction >> 4 & 7) << 2 | (instruction >> 2 & 3) << 6;
}

static void write_compressed(uint32_t instruction, char *out, size_t size)
{
	static const char letters[9] = { 0, 'b', 'h', 0, 'w', 0, 0, 0, 'd' };
	struct access access = decode_instruction(instruction);
	bool stack = (instruction & 3) == 2;
	const char *base = stack ? "sp" : register_name(8 + (instruction >> 7 & 7));

	instruction &= 0xffff;
	if (access.kind == ACCESS_PLAIN)
		snprintf(out, size, "c.%s%c%s%s %s, %u(%s)", access.write ? "s" : "l", letters[access.size],
			 access.size < 4 && !access.write && !access.sign ? "u" : "", stack ? "sp" : "",
			 register_name(access.reg), compressed_offset(instruction, &access), base);
	else if (access.kind == ACCESS_FLOAT)
		snprintf(out, size, "c.f%s%s f%u, %u(%s)", access.write ? "sd" : "ld", stack ? "sp" : "",
			 stack ? (access.write ? instruction >> 2 & 31 : instruction >> 7 & 31) :
			 8 + (instruction >> 2 & 7), compressed_offset(instruction, &access), base);
	else if (instruction == 0x9002)
		snprintf(out, size, "c.ebreak");
	else
		snprintf(out, size, "compressed %#06x", instruction);
}

void disassemble(uint32_t instruction, char *out, size_t size)
{
	if (decode_length(instruction) == 2) {
		write_compressed(instruction, out, size);
		return;
	}
	switch (instruction & 0x7f) {
	case 0x03:
	case 0x07:
	case 0x23:
	case 0x27:
		write_memory(instruction, out, size);
		break;
	case 0x0f:
		snprintf(out, size, "%s %#010x", (instruction >> 12 & 7) == 2 ? "cbo" : "fence", instruction);
		break;
	case 0x2f:
		write_atomic(instruction, out, size);
		break;
	case 0x67:
		snprintf(out, size, "jalr %s, %d(%s)", rd(instruction), immediate_i(instruction), rs1(instruction));
		break;
	case 0x6f:
		snprintf(out, size, "jal %s, ...", rd(instruction));
		break;
	case 0x73:
		write_system(instruction, out, size);
		break;
	default:
		snprintf(out, size, "%#010x", instruction);
		break;
	}
}
