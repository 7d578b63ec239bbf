/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)                                                              \
	do {                                                                       \
		if (!(what)) {                                                     \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                   \
		}                                                                  \
	} while (0)

struct fake_sector {
	uint64_t sector;
	uint8_t data[SECTOR_SIZE];
};

struct disk disks[FAKE_DISKS];
struct fake_disk fake_disks[FAKE_DISKS];
static uint64_t random_state = 1;
static const uint8_t *fed;
static size_t fed_size;

void fake_seed(uint64_t seed)
{
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

void fake_feed(const uint8_t *data, size_t size)
{
	fed = data;
	fed_size = size;
}

uint32_t fake_random(uint32_t below)
{
	if (fed_size >= 2) {
		uint32_t value = fed[0] | (uint32_t)fed[1] << 8;

		fed += 2;
		fed_size -= 2;
		return (uint32_t)((uint64_t)value * below >> 16);
	}
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 16 & UINT32_MAX) * below >> 32);
}

static struct fake_disk *fake_of(const struct disk *disk)
{
	return &fake_disks[disk - disks];
}

void fake_disk_make(unsigned number, uint64_t sectors, uint32_t block_size)
{
	struct disk *disk = &disks[number];

	fake_disk_free(number);
	memset(disk, 0, sizeof(*disk));
	disk->capacity = sectors;
	disk->block_size = block_size;
	disk->physical_block_size = 4096;
	disk->flags = BLOCK_FLAG_FLUSH;
	disk->segments = BLOCK_SEGMENTS_MAX;
	(void)snprintf(disk->serial, sizeof(disk->serial), "disk%u", number);
	fake_disks[number].data = calloc(sectors, SECTOR_SIZE);
	fake_disks[number].durable = calloc(sectors, SECTOR_SIZE);
	REQUIRE(fake_disks[number].data && fake_disks[number].durable);
}

void fake_disk_free(unsigned number)
{
	free(fake_disks[number].data);
	free(fake_disks[number].durable);
	free(fake_disks[number].volatile_sector);
	memset(&fake_disks[number], 0, sizeof(fake_disks[number]));
}

/* One sector becomes what a read sees, and what a crash may leave. */
static void write_sector(struct fake_disk *fake, uint64_t sector, const uint8_t *data)
{
	if (fake->volatile_count == fake->volatile_room) {
		fake->volatile_room = fake->volatile_room ? 2 * fake->volatile_room : 256;
		fake->volatile_sector = realloc(fake->volatile_sector, fake->volatile_room * sizeof(*fake->volatile_sector));
		REQUIRE(fake->volatile_sector);
	}
	fake->volatile_sector[fake->volatile_count].sector = sector;
	memcpy(fake->volatile_sector[fake->volatile_count++].data, data, SECTOR_SIZE);
	memcpy(fake->data + sector * SECTOR_SIZE, data, SECTOR_SIZE);
}

static void flush(struct fake_disk *fake, unsigned count)
{
	if (!count)
		return;
	for (unsigned i = 0; i < count; i++)
		memcpy(fake->durable + fake->volatile_sector[i].sector * SECTOR_SIZE, fake->volatile_sector[i].data, SECTOR_SIZE);
	memmove(fake->volatile_sector, fake->volatile_sector + count,
		(fake->volatile_count - count) * sizeof(*fake->volatile_sector));
	fake->volatile_count -= count;
	for (unsigned i = 0; i < fake->pending_count; i++)
		fake->flush_point[i] -= fake->flush_point[i] < count ? fake->flush_point[i] : count;
}

/* Moves a sector's bytes between the transfer's memory and a buffer. */
static void move_sector(const struct io *io, uint32_t index, uint8_t *buffer)
{
	uint64_t offset = io->skip + (uint64_t)index * SECTOR_SIZE;
	unsigned segment = 0;

	for (unsigned done = 0; done < SECTOR_SIZE;) {
		while (offset >= io->segment[segment].length) {
			offset -= io->segment[segment++].length;
			REQUIRE(segment < io->segments);
		}
		uint32_t part = io->segment[segment].length - (uint32_t)offset;

		if (part > SECTOR_SIZE - done)
			part = SECTOR_SIZE - done;
		if (io->operation == IO_READ)
			memcpy(io->segment[segment].data + offset, buffer + done, part);
		else
			memcpy(buffer + done, io->segment[segment].data + offset, part);
		done += part;
		offset += part;
	}
}

/* Does a transfer, all of it or some of its sectors. */
static void perform(struct fake_disk *fake, struct io *io, unsigned flush_point, bool some)
{
	uint8_t buffer[SECTOR_SIZE];

	if (io->operation == IO_FLUSH && !some)
		flush(fake, flush_point);
	for (uint32_t i = 0; i < io->sectors; i++) {
		if (some && fake_random(2))
			continue;
		if (io->operation == IO_READ) {
			move_sector(io, i, fake->data + (io->sector + i) * SECTOR_SIZE);
		} else {
			move_sector(io, i, buffer);
			write_sector(fake, io->sector + i, buffer);
		}
	}
	fake->reads += io->operation == IO_READ;
	fake->writes += io->operation == IO_WRITE;
	fake->flushes += io->operation == IO_FLUSH;
	if (io->sectors > fake->largest)
		fake->largest = io->sectors;
}

static void end(struct fake_disk *fake, struct io *io, unsigned flush_point)
{
	bool fails;

	fake->operations++;
	fails = fake->fail_at && fake->operations >= fake->fail_at && fake->operations < fake->fail_at + fake->fail_count;
	perform(fake, io, flush_point, fails);
	io->done(io, fails ? IO_ERROR : IO_OK);
}

void disk_submit(struct disk *disk, struct io *io)
{
	struct fake_disk *fake = fake_of(disk);
	uint32_t blocks = (disk->block_size >> SECTOR_BITS) - 1;

	REQUIRE(io->operation == IO_READ || io->operation == IO_WRITE || io->operation == IO_FLUSH);
	REQUIRE(io->operation == IO_FLUSH || (io->sectors && io->segments && io->segments <= disk->segments));
	REQUIRE(io->operation == IO_FLUSH || io->skip < io->segment[0].length);
	REQUIRE(!((io->sector | io->sectors) & blocks));
	if (io->sector > disk->capacity || io->sectors > disk->capacity - io->sector) {
		io->done(io, IO_ERROR);
		return;
	}
	if (fake->at_once && !fake->dead) {
		end(fake, io, fake->volatile_count);
		return;
	}
	REQUIRE(fake->pending_count < FAKE_PENDING_MAX);
	fake->flush_point[fake->pending_count] = fake->volatile_count;
	fake->slow[fake->pending_count] = fake_random(8) == 0;
	fake->pending[fake->pending_count++] = io;
}

void disk_kick(struct disk *disk)
{
	disk->unkicked = false;
}

/* Any; some are overtaken by many others. */
static unsigned choose(const struct fake_disk *fake)
{
	unsigned chosen = fake_random(fake->pending_count);

	for (unsigned tries = 0; tries < 8 && fake->slow[chosen]; tries++)
		chosen = fake_random(fake->pending_count);
	return chosen;
}

bool fake_disks_step(bool shuffle)
{
	unsigned first = shuffle ? fake_random(FAKE_DISKS) : 0;

	for (unsigned i = 0; i < FAKE_DISKS; i++) {
		struct fake_disk *fake = &fake_disks[(first + i) % FAKE_DISKS];
		unsigned chosen, flush_point;
		struct io *io;

		if (!fake->pending_count || fake->dead)
			continue;
		if (fake->die_at && fake->operations + 1 >= fake->die_at) {
			for (unsigned other = 0; other < FAKE_DISKS; other++)
				fake_disks[other].dead = true;
			return false;
		}
		chosen = shuffle ? choose(fake) : 0;
		io = fake->pending[chosen];
		flush_point = fake->flush_point[chosen];
		fake->pending_count--;
		memmove(&fake->pending[chosen], &fake->pending[chosen + 1], (fake->pending_count - chosen) * sizeof(fake->pending[0]));
		memmove(&fake->flush_point[chosen], &fake->flush_point[chosen + 1],
			(fake->pending_count - chosen) * sizeof(fake->flush_point[0]));
		memmove(&fake->slow[chosen], &fake->slow[chosen + 1], (fake->pending_count - chosen) * sizeof(fake->slow[0]));
		end(fake, io, flush_point);
		return true;
	}
	return false;
}

void fake_disks_run(bool shuffle)
{
	while (fake_disks_step(shuffle))
		;
}

/* What was on its way may be half done. */
static void drop_pending(struct fake_disk *fake)
{
	for (unsigned i = 0; i < fake->pending_count; i++)
		if (fake->pending[i]->operation == IO_WRITE)
			perform(fake, fake->pending[i], 0, true);
	fake->pending_count = 0;
	fake->dead = false;
	fake->die_at = fake->fail_at = fake->operations = 0;
}

void fake_disks_crash(void)
{
	for (unsigned number = 0; number < FAKE_DISKS; number++) {
		struct fake_disk *fake = &fake_disks[number];

		if (!fake->data)
			continue;
		drop_pending(fake);
		/* In an order by chance, each or not: the last that is done to a sector stays. */
		for (unsigned i = 0; i < fake->volatile_count; i++) {
			unsigned other = i + fake_random(fake->volatile_count - i);
			struct fake_sector sector = fake->volatile_sector[other];

			fake->volatile_sector[other] = fake->volatile_sector[i];
			fake->volatile_sector[i] = sector;
			if (fake_random(2))
				memcpy(fake->durable + sector.sector * SECTOR_SIZE, sector.data, SECTOR_SIZE);
		}
		for (unsigned i = 0; i < fake->volatile_count; i++) {
			uint64_t offset = fake->volatile_sector[i].sector * SECTOR_SIZE;

			memcpy(fake->data + offset, fake->durable + offset, SECTOR_SIZE);
		}
		fake->volatile_count = 0;
	}
}

void fake_disks_restart(void)
{
	for (unsigned number = 0; number < FAKE_DISKS; number++)
		if (fake_disks[number].data)
			drop_pending(&fake_disks[number]);
}
