/* SPDX-License-Identifier: Apache-2.0 */
/* PLIC: any accesses and inputs; a signalled context always has something to claim. */
#include <devices/plic.h>
#include "vmm_fuzz.h"

static struct plic plic;
static bool line[2];

static void set_line(void *to, bool level)
{
	CHECK(*(bool *)to != level); /* changes only */
	*(bool *)to = level;
}

static uint32_t claim(unsigned context)
{
	struct bus_access access = { .offset = 0x200004 + 0x1000u * context, .size = 4 };

	CHECK(plic_access(&plic, &access));
	return (uint32_t)access.value;
}

static void check_claim(unsigned context)
{
	bool signalled = line[context];
	uint64_t active = plic.active;
	uint32_t source = claim(context);

	CHECK(source < PLIC_SOURCES);
	CHECK(!signalled || source);
	if (source) {
		CHECK(plic.level >> source & 1);
		CHECK(!(active >> source & 1));
		CHECK(plic.active >> source & 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t areas[8] = { 0, 0x1000, 0x2000, 0x2080, 0x200000, 0x201000, 0x202000, 0x5fff00 };
	static uint32_t page[1024];
	struct input input = { data, size };

	memset(&plic, 0, sizeof(plic));
	memset(page, 0, sizeof(page));
	plic.shown = size & 1 ? page : NULL;
	memset(line, 0, sizeof(line));
	for (unsigned i = 0; i < 2; i++)
		CHECK(plic_add_context(&plic, set_line, &line[i]) == ERR_OK);
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);
		struct bus_access access = { .size = (uint8_t)(1u << (action >> 6)), .write = action & 1 };

		if (action & 2) {
			plic_set_input(&plic, 1 + (unsigned)input_take(&input, 1) % (PLIC_SOURCES - 1), action & 1);
		} else if ((action & 0x3c) == 0x3c) {
			check_claim(action & 1);
		} else {
			access.offset = areas[action >> 2 & 7] + (input_take(&input, 1) & ~(uint64_t)(access.size - 1u));
			access.value = input_take(&input, 4);
			CHECK(plic_access(&plic, &access) == (access.size == 4));
		}
		CHECK(!(plic.context[0].enable & 1) && plic.priority[0] == 0);
		for (unsigned i = 0; plic.shown && i < 2; i++)
			CHECK((page[32 * i] | (uint64_t)page[32 * i + 1] << 32) == plic.context[i].enable);
	}
	return 0;
}
