/* SPDX-License-Identifier: Apache-2.0 */
/* Writes partition tables into arrays. */
#pragma once

#include <stdint.h>

struct gpt_image_entry {
	uint64_t first, last; /* blocks */
	const char *label;    /* NULL: not used */
};

/* A table at the begin and one at the end of a disk of `blocks` blocks, each with `entries` entries of `entry_size` bytes. */
void gpt_image_write(uint8_t *data, uint64_t blocks, uint32_t block_size, uint32_t entries, uint32_t entry_size,
		     const struct gpt_image_entry *used, unsigned count);
/* Makes the checksums of the header in this block right again: of the entries, too. */
void gpt_image_seal(uint8_t *data, uint64_t block, uint32_t block_size);
