/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer, as it travels from a session through a volume to disks. */
#pragma once

#include <abi/types.h>

#define SECTOR_SIZE 512u
#define SECTOR_BITS 9u

enum io_operation { IO_READ, IO_WRITE, IO_FLUSH, IO_DISCARD, IO_WRITE_ZEROES };

enum io_status {
	IO_OK,
	IO_ERROR,       /* the disk said so, or there is no room */
	IO_UNSUPPORTED, /* the disk or volume cannot do this operation */
};

/* A piece of memory, contiguous both here and on the bus. */
struct io_segment {
	uint8_t *data;     /* where this server sees it */
	uint64_t physical; /* where the disk sees it */
	uint32_t length;   /* bytes; only the sum over a transfer is whole sectors */
};

/*
 * Who makes one owns it again when `done` is called: exactly once, maybe before the submitting function returns. Only
 * `sector` and what belongs to the holder may have changed then. Sectors are of 512 bytes. Memory: the bytes from `skip` on, in the segments, which stay as they are until then; there may be more than
 * the sectors need. None for IO_FLUSH, IO_DISCARD and IO_WRITE_ZEROES. On an error what was read or written is undefined, sector by sector.
 */
struct io {
	enum io_operation operation;
	uint32_t sectors;  /* 0 for IO_FLUSH */
	uint64_t sector;
	const struct io_segment *segment;
	uint32_t segments;
	uint32_t skip;     /* bytes into the first segment */
	void (*done)(struct io *io, enum io_status status);
	void *owner;       /* of whoever made it */
	struct io *next;   /* of whoever has it now */
	uint64_t word[2];  /* likewise */
};
