/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk (virtio 1.2, section 5.2). One queue is used even if there are more: this server is one thread, and a device that works on
 * several queues at once works on several requests of one queue, too.
 */
#include "driver_virtio_blk.h"

#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <libsys/virtio_driver.h>
#include <string.h>

#define FEATURE(bit) ((uint64_t)1 << (bit))
enum { F_SIZE_MAX = 1, F_SEG_MAX = 2, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10, F_DISCARD = 13, F_WRITE_ZEROES = 14 };

/* Offsets in the device's configuration (section 5.2.4). */
enum {
	CONFIG_CAPACITY = 0,
	CONFIG_SIZE_MAX = 8,
	CONFIG_SEG_MAX = 12,
	CONFIG_BLK_SIZE = 20,
	CONFIG_PHYSICAL_EXPONENT = 24,
	CONFIG_DISCARD_SECTORS = 36,
	CONFIG_ZEROES_SECTORS = 48,
};

enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_GET_ID = 8, TYPE_DISCARD = 11, TYPE_WRITE_ZEROES = 13 };
enum { STATUS_OK = 0, STATUS_UNSUPPORTED = 2, STATUS_NONE = 0xff };

#define QUEUE_SIZE 128u
#define BLOCK_SIZE_MAX 4096u
#define ID_SECONDS 5u

/* What a request needs beside the data, in memory that the device reads and writes. */
struct slot {
	struct {
		uint32_t type, reserved;
		uint64_t sector;
	} header;
	union {
		struct {
			uint64_t sector;
			uint32_t sectors, flags;
		} range;
		char id[BLOCK_SERIAL_SIZE];
	};
	uint8_t status;
	uint8_t pad[64 - 41];
};
_Static_assert(sizeof(struct slot) == 64, "slot");

/* io->word of what is in the device: */
enum { WORD_SLOT = 0, WORD_SECTORS = 1 /* that were given to the device so far */ };

struct virtio_blk {
	struct virtio_driver driver;
	struct virtio_driver_queue queue;
	struct slot *slot;
	uint64_t slot_physical;
	uint64_t size_max; /* bytes of a piece */
	unsigned pieces;   /* of data in a request, at most */
	unsigned free_slots;
	uint8_t free_slot[QUEUE_SIZE];
};
_Static_assert(sizeof(struct virtio_blk) <= sizeof(((struct disk *)0)->state), "the driver's state");

static inline struct virtio_blk *state_of(struct disk *disk)
{
	return (struct virtio_blk *)(void *)disk->state;
}

static inline struct virtio_piece slot_piece(const struct virtio_blk *blk, unsigned slot, size_t offset, uint32_t length, bool write)
{
	return (struct virtio_piece){ blk->slot_physical + slot * sizeof(struct slot) + offset, length, write };
}

/*
 * Describes the transfer's bytes from `done` on, as many as fit into a request and are whole blocks. That is a block at least: either
 * all segments fit, or one was cut at size_max. Returns the number of pieces, and their bytes in *bytes.
 */
static unsigned describe(const struct disk *disk, const struct virtio_blk *blk, const struct io *io, uint64_t done,
			 struct virtio_piece *piece, uint64_t *bytes)
{
	uint64_t offset = io->skip + done, left = ((uint64_t)io->sectors << SECTOR_BITS) - done;
	unsigned count = 0;

	*bytes = 0;
	for (const struct io_segment *segment = io->segment; left && count < blk->pieces; segment++) {
		while (offset < segment->length && left && count < blk->pieces) {
			uint64_t length = segment->length - offset;

			if (length > left)
				length = left;
			if (length > blk->size_max)
				length = blk->size_max;
			piece[count++] = (struct virtio_piece){ segment->physical + offset, (uint32_t)length,
								io->operation == IO_READ };
			offset += length;
			left -= length;
			*bytes += length;
		}
		if (offset >= segment->length)
			offset -= segment->length;
	}
	if (!left)
		return count;
	/* The rest comes later: cut off what is no whole block. */
	for (uint64_t cut = *bytes % disk->block_size; cut; ) {
		uint32_t part = cut < piece[count - 1].length ? (uint32_t)cut : piece[count - 1].length;

		piece[count - 1].length -= part;
		count -= piece[count - 1].length == 0;
		*bytes -= part;
		cut -= part;
	}
	return count;
}

static const uint32_t types[] = {
	[IO_READ] = TYPE_IN,
	[IO_WRITE] = TYPE_OUT,
	[IO_FLUSH] = TYPE_FLUSH,
	[IO_DISCARD] = TYPE_DISCARD,
	[IO_WRITE_ZEROES] = TYPE_WRITE_ZEROES,
};

/* Gives the device the transfer's next part. false: no room. */
static __attribute__((hot)) bool start_part(struct disk *disk, struct io *io)
{
	struct virtio_blk *blk = state_of(disk);
	struct virtio_piece piece[VIRTIO_DRIVER_PIECES_MAX];
	uint64_t done = io->word[WORD_SECTORS], sectors = io->sectors - done;
	unsigned number, pieces = 1;
	struct slot *slot;

	if (!blk->free_slots)
		return false;
	number = blk->free_slot[blk->free_slots - 1];
	slot = &blk->slot[number];
	slot->header.type = types[io->operation];
	slot->header.reserved = 0;
	slot->header.sector = 0;
	slot->status = STATUS_NONE;
	piece[0] = slot_piece(blk, number, offsetof(struct slot, header), sizeof(slot->header), false);
	if (io->operation == IO_READ || io->operation == IO_WRITE) {
		uint64_t bytes;

		slot->header.sector = io->sector + done;
		pieces += describe(disk, blk, io, done << SECTOR_BITS, piece + 1, &bytes);
		sectors = bytes >> SECTOR_BITS;
	} else if (io->operation != IO_FLUSH) {
		if (disk->sectors_max && sectors > disk->sectors_max)
			sectors = disk->sectors_max;
		slot->range.sector = io->sector + done;
		slot->range.sectors = (uint32_t)sectors;
		slot->range.flags = 0;
		piece[pieces++] = slot_piece(blk, number, offsetof(struct slot, range), sizeof(slot->range), false);
	}
	piece[pieces++] = slot_piece(blk, number, offsetof(struct slot, status), 1, true);
	if (!virtio_driver_queue_add(&blk->queue, piece, pieces, io))
		return false;
	blk->free_slots--;
	io->word[WORD_SLOT] = number;
	io->word[WORD_SECTORS] += sectors;
	return true;
}

static bool blk_start(struct disk *disk, struct io *io)
{
	io->word[WORD_SECTORS] = 0;
	return start_part(disk, io);
}

static void blk_kick(struct disk *disk)
{
	virtio_driver_queue_kick(&state_of(disk)->queue);
}

static __attribute__((hot)) void ended(struct disk *disk, struct io *io)
{
	struct virtio_blk *blk = state_of(disk);
	unsigned number = (unsigned)io->word[WORD_SLOT];
	uint8_t status = __atomic_load_n(&blk->slot[number].status, __ATOMIC_RELAXED);

	blk->free_slot[blk->free_slots++] = (uint8_t)number;
	if (status == STATUS_OK && io->word[WORD_SECTORS] < io->sectors) {
		if (start_part(disk, io)) {
			disk->unkicked = true;
			return;
		}
		status = STATUS_NONE;
	}
	disk_done(disk, io, status == STATUS_OK ? IO_OK : status == STATUS_UNSUPPORTED ? IO_UNSUPPORTED : IO_ERROR);
}

/* Nothing is transferred any more when the first request ends. */
static __attribute__((cold)) void fail(struct disk *disk, const char *reason)
{
	struct virtio_blk *blk = state_of(disk);
	struct io *io;

	virtio_driver_reset(&blk->driver);
	disk_fail(disk, reason);
	while ((io = virtio_driver_queue_drop(&blk->queue)) != NULL)
		disk_done(disk, io, IO_ERROR);
}

static __attribute__((hot)) void blk_interrupt(struct disk *disk)
{
	struct virtio_blk *blk = state_of(disk);
	bool error = false;
	uint32_t written;
	struct io *io;

	if (disk->failed)
		return;
	if ((blk->driver.ops->interrupt(&blk->driver) & 2) && virtio_driver_broken(&blk->driver)) {
		fail(disk, "the device needs a reset");
		return;
	}
	do {
		while ((io = virtio_driver_queue_take(&blk->queue, &written, &error)) != NULL)
			ended(disk, io);
		if (error) {
			fail(disk, "its ring makes no sense");
			return;
		}
	} while (virtio_driver_queue_wait(&blk->queue));
}

/* Asks for the serial number, and looks until the answer is there. */
static enum err read_serial(struct disk *disk, struct virtio_blk *blk)
{
	struct virtio_piece piece[] = {
		slot_piece(blk, 0, offsetof(struct slot, header), sizeof(blk->slot->header), false),
		slot_piece(blk, 0, offsetof(struct slot, id), BLOCK_SERIAL_SIZE, true),
		slot_piece(blk, 0, offsetof(struct slot, status), 1, true),
	};
	uint64_t deadline = sys_time() + ID_SECONDS * task_info()->timebase_hz;
	bool error = false;
	uint32_t written;

	blk->slot->header.type = TYPE_GET_ID;
	blk->slot->status = STATUS_NONE;
	if (!virtio_driver_queue_add(&blk->queue, piece, 3, blk))
		return ERR_RANGE;
	virtio_driver_queue_kick(&blk->queue);
	while (!virtio_driver_queue_take(&blk->queue, &written, &error)) {
		if (error || sys_time() > deadline)
			return error ? ERR_RANGE : ERR_TIMED_OUT;
	}
	if (blk->slot->status == STATUS_OK)
		memcpy(disk->serial, blk->slot->id, BLOCK_SERIAL_SIZE);
	(void)blk->driver.ops->interrupt(&blk->driver);
	return ERR_OK;
}

static enum err read_limits(struct disk *disk, struct virtio_blk *blk, uint64_t features)
{
	struct virtio_driver *driver = &blk->driver;
	uint32_t discard = 0, zeroes = 0;

	disk->block_size = features & FEATURE(F_BLK_SIZE) ? (uint32_t)virtio_driver_config(driver, CONFIG_BLK_SIZE, 4) : SECTOR_SIZE;
	if (disk->block_size < SECTOR_SIZE || disk->block_size > BLOCK_SIZE_MAX || (disk->block_size & (disk->block_size - 1)))
		return ERR_RANGE;
	disk->physical_block_size = disk->block_size;
	if (features & FEATURE(F_TOPOLOGY))
		disk->physical_block_size <<= virtio_driver_config(driver, CONFIG_PHYSICAL_EXPONENT, 1) & 7;
	disk->capacity = virtio_driver_config(driver, CONFIG_CAPACITY, 8);
	disk->capacity -= disk->capacity % (disk->block_size >> SECTOR_BITS);
	blk->size_max = features & FEATURE(F_SIZE_MAX) ? virtio_driver_config(driver, CONFIG_SIZE_MAX, 4) : UINT32_MAX;
	blk->pieces = features & FEATURE(F_SEG_MAX) ? (unsigned)virtio_driver_config(driver, CONFIG_SEG_MAX, 4) : 1;
	if (blk->pieces > VIRTIO_DRIVER_PIECES_MAX - 2)
		blk->pieces = VIRTIO_DRIVER_PIECES_MAX - 2;
	if (blk->size_max < disk->block_size || blk->pieces == 0)
		return ERR_RANGE;
	if (features & FEATURE(F_DISCARD))
		discard = (uint32_t)virtio_driver_config(driver, CONFIG_DISCARD_SECTORS, 4);
	if (features & FEATURE(F_WRITE_ZEROES))
		zeroes = (uint32_t)virtio_driver_config(driver, CONFIG_ZEROES_SECTORS, 4);
	disk->sectors_max = !discard || (zeroes && zeroes < discard) ? zeroes : discard;
	disk->sectors_max -= disk->sectors_max % (disk->block_size >> SECTOR_BITS);
	disk->flags = (features & FEATURE(F_RO) ? BLOCK_FLAG_READ_ONLY : 0) | (features & FEATURE(F_FLUSH) ? BLOCK_FLAG_FLUSH : 0);
	if (disk->sectors_max)
		disk->flags |= (discard ? BLOCK_FLAG_DISCARD : 0) | (zeroes ? BLOCK_FLAG_WRITE_ZEROES : 0);
	return ERR_OK;
}

/* After the reset and the agreement on features. */
static enum err set_up(struct disk *disk, struct virtio_blk *blk, const struct disk_resources *resources, uint64_t features)
{
	size_t slots = (virtio_driver_queue_bytes(QUEUE_SIZE) + 63) & ~(size_t)63;
	enum err err = read_limits(disk, blk, features);

	if (err)
		return err;
	if (!resources->dma || resources->dma_size < slots + QUEUE_SIZE * sizeof(struct slot))
		return ERR_NO_MEMORY;
	/* What the server before left there; the device does not look any more. */
	memset(resources->dma, 0, slots + QUEUE_SIZE * sizeof(struct slot));
	err = virtio_driver_queue_open(&blk->driver, &blk->queue, 0, QUEUE_SIZE, resources->dma, resources->dma_physical, features);
	if (err)
		return err == ERR_INVALID_ARGUMENT ? ERR_RANGE : err;
	/* No chain may be longer than the queue, even in a table (section 2.7.5.3.1). */
	if (blk->queue.size < 3)
		return ERR_RANGE;
	if (blk->pieces > blk->queue.size - 2u)
		blk->pieces = blk->queue.size - 2u;
	disk->segments = blk->pieces;
	blk->slot = (struct slot *)(void *)(resources->dma + slots);
	blk->slot_physical = resources->dma_physical + slots;
	for (unsigned i = 0; i < blk->queue.size; i++)
		blk->free_slot[blk->free_slots++] = (uint8_t)i;
	virtio_driver_start(&blk->driver);
	return read_serial(disk, blk);
}

static enum err blk_open(struct disk *disk, const struct disk_resources *resources)
{
	const uint64_t wanted = FEATURE(F_SIZE_MAX) | FEATURE(F_SEG_MAX) | FEATURE(F_RO) | FEATURE(F_BLK_SIZE) | FEATURE(F_FLUSH) |
		FEATURE(F_TOPOLOGY) | FEATURE(F_DISCARD) | FEATURE(F_WRITE_ZEROES) | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC;
	struct virtio_blk *blk = state_of(disk);
	uint64_t features;
	enum err err;

	if (resources->config)
		err = virtio_pci_open(&blk->driver, resources->config, resources->registers, resources->registers_size);
	else
		err = virtio_mmio_open(&blk->driver, resources->registers, resources->registers_size);
	if (err)
		return err;
	if (blk->driver.device != VIRTIO_ID_BLOCK)
		return ERR_INVALID_ARGUMENT;
	err = virtio_driver_negotiate(&blk->driver, wanted, VIRTIO_F_INDIRECT_DESC, &features);
	if (!err)
		err = set_up(disk, blk, resources, features);
	if (err)
		virtio_driver_reset(&blk->driver);
	return err == ERR_INVALID_ARGUMENT ? ERR_RANGE : err;
}

const struct disk_driver driver_virtio_blk = {
	.name = "virtio-blk",
	.open = blk_open,
	.start = blk_start,
	.kick = blk_kick,
	.interrupt = blk_interrupt,
};
