/* SPDX-License-Identifier: Apache-2.0 */
/* Decoder and disassembler: any 32 bits. */
#include <decode.h>
#include <disassemble.h>
#include "vmm_fuzz.h"

static void check(const struct access *access)
{
	CHECK(access->kind <= ACCESS_FLOAT);
	if (access->kind == ACCESS_UNKNOWN)
		return;
	CHECK(access->length == 2 || access->length == 4);
	CHECK(access->reg < 32);
	if (access->kind != ACCESS_PLAIN)
		return;
	CHECK(access->size == 1 || access->size == 2 || access->size == 4 || access->size == 8);
	CHECK(!(access->sign && access->write));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	while (input.left) {
		uint32_t instruction = (uint32_t)input_take(&input, 4);
		struct access access = decode_instruction(instruction);
		unsigned offset;
		char text[80];

		check(&access);
		if (access.kind != ACCESS_UNKNOWN)
			CHECK(access.length == decode_length(instruction));
		disassemble(instruction, text, sizeof(text));
		CHECK(strlen(text) > 0);
		access = decode_transformed(instruction | 1, &offset);
		check(&access);
		CHECK(offset < 32);
	}
	return 0;
}
