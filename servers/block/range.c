/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes on a disk: the same transfers, further on. */
#include "range.h"

static void range_submit(struct volume *volume, struct io *io)
{
	uint32_t flags = volume->disk->flags;

	if (io->operation == IO_FLUSH && !(flags & BLOCK_FLAG_FLUSH)) {
		io->done(io, IO_OK); /* what is done is on the disk already */
		return;
	}
	if ((io->operation == IO_DISCARD && !(flags & BLOCK_FLAG_DISCARD)) ||
	    (io->operation == IO_WRITE_ZEROES && !(flags & BLOCK_FLAG_WRITE_ZEROES))) {
		io->done(io, IO_UNSUPPORTED);
		return;
	}
	io->sector += volume->first;
	disk_submit(volume->disk, io);
}

static const struct volume_kind range_kind = { .submit = range_submit };

void range_open(struct volume *volume, struct disk *disk, uint64_t first, uint64_t sectors)
{
	volume->kind = &range_kind;
	volume->disk = disk;
	volume->first = first;
	volume->capacity = sectors;
	volume->block_size = disk->block_size;
	volume->physical_block_size = disk->physical_block_size;
	volume->flags = disk->flags | (volume->config.read_only ? BLOCK_FLAG_READ_ONLY : 0);
	volume->segments = disk->segments < BLOCK_SEGMENTS_MAX ? disk->segments : BLOCK_SEGMENTS_MAX;
	volume->discard_sectors = disk->sectors_max ? disk->sectors_max : UINT32_MAX >> SECTOR_BITS;
	volume->discard_granularity = disk->physical_block_size >> SECTOR_BITS;
	volume->state = BLOCK_READY;
}
