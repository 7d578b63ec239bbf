/* SPDX-License-Identifier: Apache-2.0 */
/* What all physical disks have in common: the table of drivers, checks, and the queue in front of the device. */
#include "disk.h"

#include <libsys/log.h>
#include <string.h>

#include "driver_virtio_blk.h"

static const struct disk_driver *const drivers[] = {
	&driver_virtio_blk,
};

enum err disk_open(struct disk *disk, const struct disk_resources *resources)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		enum err err;

		memset(disk, 0, sizeof(*disk));
		disk->driver = drivers[i];
		err = drivers[i]->open(disk, resources);
		if (!err)
			return ERR_OK;
		disk->failed = true;
		disk->serial[0] = '\0';
		if (err != ERR_INVALID_ARGUMENT)
			return err;
	}
	return ERR_INVALID_ARGUMENT;
}

/* Whether the transfer is one that the device takes, and its memory is large enough. */
static bool check(const struct disk *disk, const struct io *io)
{
	uint64_t blocks = disk->block_size >> SECTOR_BITS, bytes = 0;

	if (io->operation == IO_FLUSH)
		return true;
	if (io->sectors == 0 || io->sector > disk->capacity || io->sectors > disk->capacity - io->sector)
		return false;
	if ((io->sector | io->sectors) & (blocks - 1))
		return false;
	if (io->operation == IO_DISCARD || io->operation == IO_WRITE_ZEROES)
		return true;
	if (io->segments == 0 || io->skip >= io->segment[0].length)
		return false;
	for (uint32_t i = 0; i < io->segments && i < disk->segments; i++)
		bytes += io->segment[i].length;
	return bytes - io->skip >= (uint64_t)io->sectors << SECTOR_BITS;
}

static bool supported(const struct disk *disk, const struct io *io)
{
	switch (io->operation) {
	case IO_DISCARD:
		return disk->flags & BLOCK_FLAG_DISCARD;
	case IO_WRITE_ZEROES:
		return disk->flags & BLOCK_FLAG_WRITE_ZEROES;
	case IO_READ:
	case IO_WRITE:
	case IO_FLUSH:
		break;
	}
	return true;
}

__attribute__((hot)) void disk_submit(struct disk *disk, struct io *io)
{
	if (!supported(disk, io)) {
		io->done(io, IO_UNSUPPORTED);
		return;
	}
	if (disk->failed || !check(disk, io) || (io->operation != IO_READ && (disk->flags & BLOCK_FLAG_READ_ONLY) &&
						 io->operation != IO_FLUSH)) {
		io->done(io, IO_ERROR);
		return;
	}
	if (io->operation == IO_FLUSH && !(disk->flags & BLOCK_FLAG_FLUSH)) {
		io->done(io, IO_OK);
		return;
	}
	if (!disk->waiting && disk->driver->start(disk, io)) {
		disk->in_flight++;
		disk->unkicked = true;
		return;
	}
	io->next = NULL;
	if (disk->waiting)
		disk->waiting_tail->next = io;
	else
		disk->waiting = io;
	disk->waiting_tail = io;
}

void disk_kick(struct disk *disk)
{
	if (!disk->unkicked)
		return;
	disk->unkicked = false;
	disk->driver->kick(disk);
}

/* The device has room again, maybe. */
static void start_waiting(struct disk *disk)
{
	while (disk->waiting && !disk->failed) {
		struct io *io = disk->waiting, *next = io->next;

		if (!disk->driver->start(disk, io))
			return;
		disk->waiting = next;
		disk->in_flight++;
		disk->unkicked = true;
	}
}

void disk_interrupt(struct disk *disk)
{
	disk->driver->interrupt(disk);
	start_waiting(disk);
}

__attribute__((hot)) void disk_done(struct disk *disk, struct io *io, enum io_status status)
{
	disk->in_flight--;
	io->done(io, status);
}

void disk_fail(struct disk *disk, const char *reason)
{
	struct io *io;

	if (!disk->failed)
		log_warn("disk %s has failed: %s", disk->serial, reason);
	disk->failed = true;
	while ((io = disk->waiting) != NULL) {
		disk->waiting = io->next;
		io->done(io, IO_ERROR);
	}
}
