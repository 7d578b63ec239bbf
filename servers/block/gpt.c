/* SPDX-License-Identifier: Apache-2.0 */
/* GPT: the table at the disk's begin, or its backup if that is damaged. Nothing in it is believed before its checksum fits. */
#include "gpt.h"

#include <stdio.h>
#include <string.h>

#include <libsys/log.h>

#include "checksum.h"

#define HEADER_SIZE 92u
#define ENTRY_SIZE 128u
#define REVISION UINT32_C(0x00010000)

static const char *const place_name[] = { "its begin", "the place of its backup", "its end" };

static uint32_t get32(const uint8_t *data)
{
	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static uint64_t get64(const uint8_t *data)
{
	return get32(data) | (uint64_t)get32(data + 4) << 32;
}

static void end(struct gpt *gpt)
{
	gpt->finished = true;
}

#define fail(gpt, ...)                                                          \
	do {                                                                    \
		(void)snprintf((gpt)->problem, sizeof((gpt)->problem), __VA_ARGS__); \
		end(gpt);                                                       \
	} while (0)

static void run(struct gpt *gpt);

static void io_done(struct io *io, enum io_status status)
{
	struct gpt *gpt = io->owner;

	gpt->status = status;
	gpt->ready = true;
	run(gpt);
}

/* Reads blocks into the buffer. */
static void read_blocks(struct gpt *gpt, uint64_t block, uint32_t count)
{
	uint32_t sectors = gpt->disk->block_size >> SECTOR_BITS;

	gpt->io = (struct io){ .operation = IO_READ, .sectors = count * sectors, .sector = block * sectors,
			       .segment = &gpt->buffer, .segments = 1, .done = io_done, .owner = gpt };
	disk_submit(gpt->disk, &gpt->io);
	disk_kick(gpt->disk);
}

static void read_header(struct gpt *gpt, uint64_t block)
{
	gpt->step = GPT_HEADER;
	gpt->place_block = block;
	read_blocks(gpt, block, 1);
}

/* This copy is no good: the next one. */
static void next_place(struct gpt *gpt)
{
	if (gpt->seen)
		log_warn("disk \"%s\": the partition table at %s is damaged", gpt->disk_name, place_name[gpt->place]);
	if (gpt->place == 0 && gpt->alternate > 1 && gpt->alternate < gpt->blocks - 1) {
		gpt->place = 1;
		read_header(gpt, gpt->alternate);
	} else if (gpt->place < 2) {
		gpt->place = 2;
		read_header(gpt, gpt->blocks - 1);
	} else if (gpt->seen) {
		fail(gpt, "the partition table of disk \"%s\" is damaged in both places", gpt->disk_name);
	} else {
		fail(gpt, "disk \"%s\" has no partition table (GPT)", gpt->disk_name);
	}
}

/* Bytes of the entry array go into the buffer in whole blocks, which hold whole entries or are parts of one. */
static void read_entries(struct gpt *gpt)
{
	uint32_t block_size = gpt->disk->block_size;
	uint64_t offset = (uint64_t)gpt->next_entry * gpt->entry_size;
	uint64_t left = (uint64_t)gpt->entries * gpt->entry_size - offset;
	uint64_t blocks = ((left < GPT_BUFFER_SIZE ? left : GPT_BUFFER_SIZE) + block_size - 1) / block_size;

	gpt->step = GPT_ENTRIES;
	read_blocks(gpt, gpt->entries_block + offset / block_size, (uint32_t)blocks);
}

/* Section 5.3.2. */
static bool take_header(struct gpt *gpt, uint8_t *header)
{
	uint32_t size = get32(header + 12), checksum = get32(header + 16);

	if (memcmp(header, "EFI PART", 8) != 0)
		return false;
	gpt->seen = true;
	if (get32(header + 8) >> 16 != REVISION >> 16 || size < HEADER_SIZE || size > gpt->disk->block_size)
		return false;
	memset(header + 16, 0, 4);
	if (checksum_add(CHECKSUM_CRC32, 0, header, size) != checksum || get64(header + 24) != gpt->place_block)
		return false;
	gpt->alternate = get64(header + 32);
	gpt->first_usable = get64(header + 40);
	gpt->last_usable = get64(header + 48);
	gpt->entries_block = get64(header + 72);
	gpt->entries = get32(header + 80);
	gpt->entry_size = get32(header + 84);
	gpt->entries_checksum = get32(header + 88);
	/* Entries are 128 bytes times a power of two; a power of two fits into the buffer, and into blocks or they into it. */
	if (gpt->entry_size < ENTRY_SIZE || gpt->entry_size > 4096 || (gpt->entry_size & (gpt->entry_size - 1)) ||
	    !gpt->entries || gpt->entries > GPT_ENTRIES_MAX)
		return false;
	uint64_t blocks = ((uint64_t)gpt->entries * gpt->entry_size + gpt->disk->block_size - 1) / gpt->disk->block_size;

	if (gpt->entries_block < 2 || gpt->entries_block >= gpt->blocks || blocks > gpt->blocks - gpt->entries_block)
		return false;
	return gpt->first_usable <= gpt->last_usable;
}

static bool label_matches(const uint8_t *name, const char *label)
{
	for (unsigned i = 0; i < GPT_LABEL_MAX; i++) {
		if (name[2 * i] != (uint8_t)label[i] || name[2 * i + 1])
			return false;
		if (!label[i])
			return true;
	}
	return !label[GPT_LABEL_MAX];
}

/* Section 5.3.3. */
static void take_entry(struct gpt *gpt, const uint8_t *entry, uint32_t number)
{
	static const uint8_t unused[16];
	bool matches;

	if (memcmp(entry, unused, sizeof(unused)) == 0)
		return;
	if (gpt->used++ >= GPT_PARTITIONS_MAX)
		return;
	gpt->partition[gpt->used - 1].first = get64(entry + 32);
	gpt->partition[gpt->used - 1].last = get64(entry + 40);
	matches = gpt->number ? number == gpt->number : label_matches(entry + 56, gpt->label);
	if (matches) {
		gpt->match.first = gpt->partition[gpt->used - 1].first;
		gpt->match.last = gpt->partition[gpt->used - 1].last;
		gpt->matches++;
	}
}

/* false: said what is wrong. */
static bool check_partitions(struct gpt *gpt)
{
	if (gpt->used > GPT_PARTITIONS_MAX) {
		fail(gpt, "disk \"%s\" has more than %u partitions", gpt->disk_name, GPT_PARTITIONS_MAX);
		return false;
	}
	for (unsigned i = 0; i < gpt->used; i++) {
		uint64_t first = gpt->partition[i].first, last = gpt->partition[i].last;

		if (first <= last && first >= gpt->first_usable && last >= gpt->blocks) {
			fail(gpt, "image too small: disk \"%s\" ends before its partitions do", gpt->disk_name);
			return false;
		}
		if (first > last || first < gpt->first_usable || last > gpt->last_usable) {
			fail(gpt, "disk \"%s\" has a partition out of its bounds", gpt->disk_name);
			return false;
		}
		for (unsigned other = 0; other < i; other++)
			if (first <= gpt->partition[other].last && last >= gpt->partition[other].first) {
				fail(gpt, "disk \"%s\" has partitions that overlap", gpt->disk_name);
				return false;
			}
	}
	return true;
}

static void conclude(struct gpt *gpt)
{
	uint32_t sectors = gpt->disk->block_size >> SECTOR_BITS;

	if (gpt->place)
		log_warn("disk \"%s\": using the partition table at %s", gpt->disk_name, place_name[gpt->place]);
	if (!check_partitions(gpt))
		return;
	if (!gpt->matches && gpt->number) {
		fail(gpt, "partition %u is not on disk \"%s\"", (unsigned)gpt->number, gpt->disk_name);
	} else if (!gpt->matches) {
		fail(gpt, "partition \"%s\" is not on disk \"%s\"", gpt->label, gpt->disk_name);
	} else if (gpt->matches > 1) {
		fail(gpt, "partition \"%s\" is on disk \"%s\" more than once", gpt->label, gpt->disk_name);
	} else {
		gpt->first = gpt->match.first * sectors;
		gpt->sectors = (gpt->match.last - gpt->match.first + 1) * sectors;
		gpt->found = true;
		end(gpt);
	}
}

static void step_header(struct gpt *gpt)
{
	if (gpt->status != IO_OK)
		gpt->seen = true; /* there might have been one */
	if (gpt->status != IO_OK || !take_header(gpt, gpt->buffer.data)) {
		next_place(gpt);
		return;
	}
	gpt->next_entry = gpt->checksum = 0;
	gpt->used = gpt->matches = 0;
	read_entries(gpt);
}

static void step_entries(struct gpt *gpt)
{
	uint32_t count = GPT_BUFFER_SIZE / gpt->entry_size;

	if (gpt->status != IO_OK) {
		next_place(gpt);
		return;
	}
	if (count > gpt->entries - gpt->next_entry)
		count = gpt->entries - gpt->next_entry;
	gpt->checksum = checksum_add(CHECKSUM_CRC32, gpt->checksum, gpt->buffer.data, (size_t)count * gpt->entry_size);
	for (uint32_t i = 0; i < count; i++)
		take_entry(gpt, gpt->buffer.data + (size_t)i * gpt->entry_size, gpt->next_entry + i + 1);
	gpt->next_entry += count;
	if (gpt->next_entry < gpt->entries)
		read_entries(gpt);
	else if (gpt->checksum != gpt->entries_checksum)
		next_place(gpt);
	else
		conclude(gpt);
}

/* A transfer may end before the call that began it returns: a loop, so that the stack does not grow. */
static void run(struct gpt *gpt)
{
	if (gpt->running)
		return;
	gpt->running = true;
	while (gpt->ready && !gpt->finished) {
		gpt->ready = false;
		if (gpt->step == GPT_HEADER)
			step_header(gpt);
		else
			step_entries(gpt);
	}
	gpt->running = false;
	if (gpt->finished)
		gpt->done(gpt);
}

void gpt_find(struct gpt *gpt)
{
	gpt->blocks = gpt->disk->capacity / (gpt->disk->block_size >> SECTOR_BITS);
	gpt->found = gpt->running = gpt->ready = gpt->finished = gpt->seen = false;
	gpt->place = 0;
	gpt->alternate = 0;
	gpt->problem[0] = 0;
	if (gpt->disk->block_size > 4096 || gpt->blocks < 4) {
		(void)snprintf(gpt->problem, sizeof(gpt->problem), "disk \"%s\" has no partition table (GPT)", gpt->disk_name);
		gpt->done(gpt);
		return;
	}
	read_header(gpt, 1);
}
