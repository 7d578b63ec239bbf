/* SPDX-License-Identifier: Apache-2.0 */
#include <decode.h>
#include <disassemble.h>
#include "test.h"

/* Encodings as the assembler gives them. */
static const struct {
	uint32_t instruction;
	struct access access;
	const char *text;
} cases[] = {
	{ 0x00058503, { ACCESS_PLAIN, 1, 10, 4, false, true }, "lb a0, 0(a1)" },
	{ 0xfff59503, { ACCESS_PLAIN, 2, 10, 4, false, true }, "lh a0, -1(a1)" },
	{ 0x0045a503, { ACCESS_PLAIN, 4, 10, 4, false, true }, "lw a0, 4(a1)" },
	{ 0x0085bf83, { ACCESS_PLAIN, 8, 31, 4, false, true }, "ld t6, 8(a1)" },
	{ 0x0055c003, { ACCESS_PLAIN, 1, 0, 4, false, false }, "lbu zero, 5(a1)" },
	{ 0x0005d503, { ACCESS_PLAIN, 2, 10, 4, false, false }, "lhu a0, 0(a1)" },
	{ 0x0005e503, { ACCESS_PLAIN, 4, 10, 4, false, false }, "lwu a0, 0(a1)" },
	{ 0x00a58023, { ACCESS_PLAIN, 1, 10, 4, true, false }, "sb a0, 0(a1)" },
	{ 0xfea59f23, { ACCESS_PLAIN, 2, 10, 4, true, false }, "sh a0, -2(a1)" },
	{ 0x00a5a223, { ACCESS_PLAIN, 4, 10, 4, true, false }, "sw a0, 4(a1)" },
	{ 0x01f5b423, { ACCESS_PLAIN, 8, 31, 4, true, false }, "sd t6, 8(a1)" },
	{ 0x4188, { ACCESS_PLAIN, 4, 10, 2, false, true }, "c.lw a0, 0(a1)" },
	{ 0x6588, { ACCESS_PLAIN, 8, 10, 2, false, true }, "c.ld a0, 8(a1)" },
	{ 0xc1c8, { ACCESS_PLAIN, 4, 10, 2, true, false }, "c.sw a0, 4(a1)" },
	{ 0xe188, { ACCESS_PLAIN, 8, 10, 2, true, false }, "c.sd a0, 0(a1)" },
	{ 0x4532, { ACCESS_PLAIN, 4, 10, 2, false, true }, "c.lwsp a0, 12(sp)" },
	{ 0x60a2, { ACCESS_PLAIN, 8, 1, 2, false, true }, "c.ldsp ra, 8(sp)" },
	{ 0xc62a, { ACCESS_PLAIN, 4, 10, 2, true, false }, "c.swsp a0, 12(sp)" },
	{ 0xe406, { ACCESS_PLAIN, 8, 1, 2, true, false }, "c.sdsp ra, 8(sp)" },
	{ 0x8188, { ACCESS_PLAIN, 1, 10, 2, false, false }, "c.lbu a0, 0(a1)" },
	{ 0x8588, { ACCESS_PLAIN, 2, 10, 2, false, false }, "c.lhu a0, 0(a1)" },
	{ 0x85c8, { ACCESS_PLAIN, 2, 10, 2, false, true }, "c.lh a0, 0(a1)" },
	{ 0x8988, { ACCESS_PLAIN, 1, 10, 2, true, false }, "c.sb a0, 0(a1)" },
	{ 0x8d88, { ACCESS_PLAIN, 2, 10, 2, true, false }, "c.sh a0, 0(a1)" },
	{ 0x0005b507, { ACCESS_FLOAT, 8, 0, 4, false, false }, "flw" },
	{ 0x00a5a027, { ACCESS_FLOAT, 4, 0, 4, true, false }, "fsw f10, 0(a1)" },
	{ 0x2188, { ACCESS_FLOAT, 8, 0, 2, false, false }, "c.fld f10, 0(a1)" },
	{ 0xb02a, { ACCESS_FLOAT, 8, 0, 2, true, false }, "c.fsdsp f10, 32(sp)" },
	{ 0x1005a52f, { ACCESS_ATOMIC, 4, 0, 4, false, false }, "lr.w a0, zero, (a1)" },
	{ 0x18c5b52f, { ACCESS_ATOMIC, 8, 0, 4, true, false }, "sc.d a0, a2, (a1)" },
	{ 0x00c5a52f, { ACCESS_ATOMIC, 4, 0, 4, true, false }, "amoadd.w a0, a2, (a1)" },
	{ 0x0045a00f, { ACCESS_ATOMIC, 0, 0, 4, true, false }, "cbo 0x0045a00f" },
};

TEST(decode, knows_each_form)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct access got = decode_instruction(cases[i].instruction);
		struct access want = cases[i].access;

		if (got.kind != want.kind || got.size != want.size || got.reg != want.reg ||
		    got.length != want.length || got.write != want.write || got.sign != want.sign)
			fail_msg("%s: kind %u size %u reg %u length %u write %d sign %d", cases[i].text, got.kind,
				 got.size, got.reg, got.length, got.write, got.sign);
	}
}

TEST(decode, rejects_other_instructions)
{
	static const uint32_t others[] = {
		0x00000013, 0x00000073, 0x10500073, 0x0005f503 /* ldu */, 0x00a5c023 /* funct3 4 */,
		0x0000, 0x4002 /* c.lwsp to x0 */, 0x6002 /* c.ldsp to x0 */, 0x8dc8 /* c.sh with bit 6 */,
		0x0001, 0x9002, 0xffffffff, 0x0000100f /* fence.i */, 0x0005d52f /* amo of width 5 */,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (decode_instruction(others[i]).kind != ACCESS_UNKNOWN)
			fail_msg("%#x was decoded", others[i]);
	}
}

TEST(decode, reads_transformed_instructions)
{
	unsigned offset;
	struct access access = decode_transformed(0x00002503, &offset); /* lw a0, length 4 */

	(void)state;
	assert_int_equal(access.kind, ACCESS_PLAIN);
	assert_int_equal(access.length, 4);
	assert_int_equal(access.reg, 10);
	assert_int_equal(offset, 0);
	access = decode_transformed(0x00002501, &offset); /* c.lw: bit 1 is 0 */
	assert_int_equal(access.size, 4);
	assert_int_equal(access.length, 2);
	access = decode_transformed(0x00a1b021, &offset); /* c.sd a0 with the offset 3 */
	assert_true(access.write);
	assert_int_equal(access.reg, 10);
	assert_int_equal(offset, 3);
}

TEST(disassemble, writes_loads_stores_and_atomics)
{
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].instruction == 0x0005b507)
			continue;
		disassemble(cases[i].instruction, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

TEST(disassemble, writes_system_instructions)
{
	static const struct {
		uint32_t instruction;
		const char *text;
	} system_cases[] = {
		{ 0x10500073, "wfi" }, { 0x00000073, "ecall" }, { 0x10200073, "sret" }, { 0x9002, "c.ebreak" },
		{ 0x12000073, "sfence.vma zero, zero" }, { 0x60059573, "csrrw a0, 0x600, a1" },
		{ 0x6002e573, "csrrsi a0, 0x600, 5" }, { 0x22000073, "hfence.vvma zero, zero" },
		{ 0x0000007b, "0x0000007b" }, { 0x0001, "compressed 0x0001" }, { 0x00c58567, "jalr a0, 12(a1)" },
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(system_cases) / sizeof(system_cases[0]); i++) {
		disassemble(system_cases[i].instruction, text, sizeof(text));
		assert_string_equal(text, system_cases[i].text);
	}
	disassemble(0x0045a503, text, 4);
	assert_string_equal(text, "lw ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(decode, knows_each_form), RUN(decode, rejects_other_instructions),
		RUN(decode, reads_transformed_instructions), RUN(disassemble, writes_loads_stores_and_atomics),
		RUN(disassemble, writes_system_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
