/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables with any bytes changed, with right or wrong checksums: a partition that is found lies within the disk. */
#include <gpt_image.h>

#include "fake_disk.h"
#include "vmm_fuzz.h"
#include "volumes.h"

#define BLOCKS 512u

static const struct gpt_image_entry entries[] = { { 40, 99, "boot" }, { 100, 399, "root" } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t flags = (uint8_t)input_take(&input, 1);
	uint32_t block_size = flags & 1 ? 4096 : 512;
	const struct volume *volume;

	volumes_forget();
	fake_disk_make(0, (uint64_t)BLOCKS * (block_size / 512), block_size);
	gpt_image_write(fake_disks[0].data, BLOCKS, block_size, flags & 2 ? 16 : 128, 128, entries, 2);
	while (input.left) {
		uint64_t block = input_take(&input, 1);
		uint64_t offset = input_take(&input, 2) % block_size;

		block = block & 0x80 ? BLOCKS - 1 - (block & 0x3f) : block;
		fake_disks[0].data[block * block_size + offset] = (uint8_t)input_take(&input, 1);
	}
	/* A seal believes the header: only over what is within the disk. */
	for (unsigned copy = 0; copy < 2 && flags & 4; copy++) {
		uint64_t block = copy ? BLOCKS - 1 : 1;
		const uint8_t *header = fake_disks[0].data + block * block_size;
		uint64_t place, count, entry;

		memcpy(&place, header + 72, 8);
		count = entry = 0;
		memcpy(&count, header + 80, 4);
		memcpy(&entry, header + 84, 4);
		if (place < BLOCKS && count * entry <= (BLOCKS - place) * block_size)
			gpt_image_seal(fake_disks[0].data, block, block_size);
	}
	volume = volumes_add("v", "disk0", flags & 8 ? 2 : 0, flags & 8 ? NULL : "root");
	CHECK(volumes_open_all(false));
	if (volume->state == BLOCK_READY) {
		CHECK(volume->capacity && volume->first < disks[0].capacity);
		CHECK(volume->capacity <= disks[0].capacity - volume->first);
	} else {
		CHECK(volume->state == BLOCK_FAILED && volume->problem[0]);
	}
	volumes_forget();
	fake_disk_free(0);
	return 0;
}
