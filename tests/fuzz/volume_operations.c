/* SPDX-License-Identifier: Apache-2.0 */
/* Anything done to an overlay in any order, with crashes and errors, next to the model of the unit tests. */
#include "fake_disk.h"
#include "model.h"
#include "vmm_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t flags = (uint8_t)input_take(&input, 1);

	uint64_t seed = size;

	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * UINT64_C(0x100000001b3);
	fake_seed(seed);
	fake_feed(input.data, input.left);
	model_begin(40 + (flags & 0x7f));
	for (unsigned life = 0; life < 3; life++) {
		uint32_t what = fake_random(4);

		if (what == 0)
			model_stop_at(1 + fake_random(100));
		else if (what == 1)
			model_fail_at(1 + fake_random(100), 1 + fake_random(3));
		for (unsigned i = 0; i < 120 && !model_stopped(); i++)
			model_step();
		if (fake_random(2))
			model_finish();
		model_crash(fake_random(2));
	}
	model_end();
	fake_feed(NULL, 0);
	return 0;
}
