/* SPDX-License-Identifier: Apache-2.0 */
/* All volumes: opens each after those that it stands on, and keeps writers from each other. */
#include "volume.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libsys/log.h>

#include "gpt.h"
#include "overlay.h"
#include "range.h"

_Static_assert(GPT_BUFFER_SIZE <= BLOCK_DMA_VOLUMES, "memory of all volumes");

static struct {
	struct volume *volume;
	unsigned count;
	struct disk *disk;
	unsigned disks;
	struct volume_memory memory;
	void (*ready)(void);
	struct gpt gpt;
	struct volume *opening; /* NULL: none */
	bool running;
} all;

static char answer[108];

static __attribute__((format(printf, 2, 3))) void fail(struct volume *volume, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(volume->problem, sizeof(volume->problem), format, arguments);
	va_end(arguments);
	volume->state = BLOCK_FAILED;
	log_warn("volume \"%s\": %s", volume->config.name, volume->problem);
}

struct volume *volume_find(const char *name)
{
	for (unsigned i = 0; i < all.count; i++)
		if (strcmp(all.volume[i].config.name, name) == 0)
			return &all.volume[i];
	return NULL;
}

static bool is_overlay(const struct volume *volume)
{
	return volume->config.disk[0] == 0;
}

/* Whether both have sectors of a disk in common. */
static bool share_sectors(const struct volume *a, const struct volume *b)
{
	if (a == b)
		return true;
	return a->disk && a->disk == b->disk && a->first < b->first + b->capacity && b->first < a->first + a->capacity;
}

/* NULL: the volume may be used so, else why not. */
static const char *check_use(const struct volume *volume, bool write)
{
	for (unsigned i = 0; i < all.count; i++) {
		const struct volume *other = &all.volume[i];

		if (other->state != BLOCK_READY || !share_sectors(volume, other))
			continue;
		if (other->writers) {
			(void)snprintf(answer, sizeof(answer), "volume \"%s\" is busy: it is written to by another user",
				       other->config.name);
			return answer;
		}
		if (write && (other->sessions || other->overlays)) {
			(void)snprintf(answer, sizeof(answer), "volume \"%s\" is busy: it is %s", other->config.name,
				       other->overlays ? "the base of an overlay" : "read by another guest");
			return answer;
		}
	}
	return NULL;
}

const char *volume_attach(struct volume *volume, unsigned session, bool read_only)
{
	const char *problem;

	if (volume->state != BLOCK_READY)
		return volume->state == BLOCK_FAILED ? volume->problem : "the volume is not open yet";
	if (!read_only && (volume->flags & BLOCK_FLAG_READ_ONLY)) {
		(void)snprintf(answer, sizeof(answer), "volume \"%s\" can only be read", volume->config.name);
		return answer;
	}
	problem = check_use(volume, !read_only);
	if (problem)
		return problem;
	volume->sessions |= UINT32_C(1) << session;
	volume->writers += !read_only;
	return NULL;
}

void volume_submit(struct volume *volume, struct io *io)
{
	uint64_t blocks = (volume->block_size >> SECTOR_BITS) - 1;
	bool bad = volume->state != BLOCK_READY || io->sector > volume->capacity || io->sectors > volume->capacity - io->sector;

	if (!bad && io->operation != IO_FLUSH)
		bad = !io->sectors || ((io->sector | io->sectors) & blocks);
	if (!bad && io->operation != IO_FLUSH && io->operation != IO_READ)
		bad = volume->flags & BLOCK_FLAG_READ_ONLY;
	if (bad) {
		io->done(io, IO_ERROR);
		return;
	}
	switch (io->operation) {
	case IO_READ:
		volume->reads++;
		volume->read_bytes += (uint64_t)io->sectors << SECTOR_BITS;
		break;
	case IO_WRITE:
		volume->writes++;
		volume->written_bytes += (uint64_t)io->sectors << SECTOR_BITS;
		break;
	case IO_FLUSH:
		volume->flushes++;
		break;
	case IO_DISCARD:
	case IO_WRITE_ZEROES:
		volume->discards++;
		break;
	default:
		io->done(io, IO_UNSUPPORTED);
		return;
	}
	volume->kind->submit(volume, io);
}

void volume_snapshot(struct volume *volume, enum block_operation operation, const char *name,
		     void (*done)(struct volume *volume, const char *problem))
{
	if (volume->state != BLOCK_READY) {
		done(volume, volume->state == BLOCK_FAILED ? volume->problem : "the volume is not open yet");
	} else if (!volume->kind->snapshot) {
		(void)snprintf(answer, sizeof(answer), "volume \"%s\" is no overlay: only those have snapshots", volume->config.name);
		done(volume, answer);
	} else if (volume->flags & BLOCK_FLAG_READ_ONLY) {
		(void)snprintf(answer, sizeof(answer), "volume \"%s\" can only be read", volume->config.name);
		done(volume, answer);
	} else {
		volume->kind->snapshot(volume, operation, name, done);
	}
}

void volume_status(const struct volume *volume, struct block_volume_status *status)
{
	memset(status, 0, sizeof(*status));
	memcpy(status->name, volume->config.name, sizeof(status->name));
	status->state = volume->state;
	status->flags = volume->flags;
	status->capacity = volume->capacity;
	status->sessions = volume->sessions;
	status->overlay = is_overlay(volume);
	memcpy(status->base, volume->config.base, sizeof(status->base));
	status->reads = volume->reads;
	status->writes = volume->writes;
	status->flushes = volume->flushes;
	status->discards = volume->discards;
	status->read_bytes = volume->read_bytes;
	status->written_bytes = volume->written_bytes;
	status->errors = volume->errors;
	memcpy(status->problem, volume->problem, sizeof(status->problem));
	if (volume->state == BLOCK_READY && volume->kind->status)
		volume->kind->status(volume, status);
}

static void run(void);

static void opened(struct volume *volume)
{
	all.opening = NULL;
	if (volume->state == BLOCK_FAILED)
		log_warn("volume \"%s\": %s", volume->config.name, volume->problem);
	run();
}

static void partition_found(struct gpt *gpt)
{
	struct volume *volume = all.opening;

	if (gpt->found)
		range_open(volume, gpt->disk, gpt->first, gpt->sectors);
	else
		(void)snprintf(volume->problem, sizeof(volume->problem), "%s", gpt->problem);
	if (!gpt->found)
		volume->state = BLOCK_FAILED;
	opened(volume);
}

static void open_range(struct volume *volume)
{
	struct disk *disk = NULL;
	uint32_t sectors;

	for (unsigned i = 0; i < all.disks; i++) {
		if (strcmp(all.disk[i].serial, volume->config.disk) != 0)
			continue;
		if (disk) {
			fail(volume, "there is more than one disk \"%s\"", volume->config.disk);
			return;
		}
		disk = &all.disk[i];
	}
	if (!disk) {
		fail(volume, "disk \"%s\" is not there", volume->config.disk);
		return;
	}
	sectors = disk->block_size >> SECTOR_BITS;
	if (disk->failed || !sectors || disk->capacity < sectors) {
		fail(volume, disk->failed ? "disk \"%s\" has failed" : "image too small: disk \"%s\" is empty", volume->config.disk);
	} else if (!volume->config.partition && !volume->config.label[0]) {
		range_open(volume, disk, 0, disk->capacity - disk->capacity % sectors);
	} else if (all.memory.dma_size < GPT_BUFFER_SIZE) {
		fail(volume, "no memory to read the partition table of disk \"%s\"", volume->config.disk);
	} else {
		all.opening = volume;
		all.gpt.disk = disk;
		all.gpt.disk_name = volume->config.disk;
		all.gpt.number = volume->config.partition;
		all.gpt.label = volume->config.label;
		all.gpt.buffer = (struct io_segment){ all.memory.dma, all.memory.dma_physical, GPT_BUFFER_SIZE };
		all.gpt.done = partition_found;
		gpt_find(&all.gpt);
	}
}

/* The part of the memory for this overlay: they are numbered as they stand. Too small: length 0. */
static struct io_segment memory_of(const struct volume *volume)
{
	size_t offset = BLOCK_DMA_VOLUMES;

	for (const struct volume *before = all.volume; before != volume; before++)
		offset += is_overlay(before) ? BLOCK_DMA_OVERLAY : 0;
	if (all.memory.dma_size < offset + BLOCK_DMA_OVERLAY)
		return (struct io_segment){ 0 };
	return (struct io_segment){ all.memory.dma + offset, all.memory.dma_physical + offset, BLOCK_DMA_OVERLAY };
}

static void open_overlay(struct volume *volume, struct volume *base, struct volume *store)
{
	struct io_segment memory = memory_of(volume);
	const char *problem;

	if (base->state == BLOCK_FAILED || store->state == BLOCK_FAILED) {
		const struct volume *bad = base->state == BLOCK_FAILED ? base : store;

		fail(volume, "%s \"%.15s\": %.80s", bad == base ? "base" : "store", bad->config.name, bad->problem);
		return;
	}
	if (store->flags & BLOCK_FLAG_READ_ONLY) {
		fail(volume, "the store \"%s\" can only be read", store->config.name);
		return;
	}
	if (!memory.length) {
		fail(volume, "no memory for the overlay");
		return;
	}
	problem = check_use(base, false);
	if (!problem) {
		base->overlays++; /* seen by the next check: a base within its own store */
		problem = check_use(store, true);
		base->overlays -= problem != NULL;
	}
	if (problem) {
		fail(volume, "%s", problem);
		return;
	}
	store->writers++;
	all.opening = volume;
	overlay_open(volume, base, store, &memory, opened);
}

/* Begins to open the volume, if what it stands on is settled. */
static bool try_open(struct volume *volume)
{
	struct volume *base, *store;

	if (!is_overlay(volume)) {
		open_range(volume);
		return true;
	}
	base = volume_find(volume->config.base);
	store = volume_find(volume->config.store);
	if (!base || !store) {
		fail(volume, "there is no volume \"%s\"", base ? volume->config.store : volume->config.base);
		return true;
	}
	if (base->state == BLOCK_WAITING || store->state == BLOCK_WAITING)
		return false;
	open_overlay(volume, base, store);
	return true;
}

/* Opens one after the other. A loop: each may be open before the call that begins it returns. */
static void run(void)
{
	bool progress = true;

	if (all.running)
		return;
	all.running = true;
	while (progress && !all.opening) {
		progress = false;
		for (unsigned i = 0; i < all.count && !all.opening; i++)
			if (all.volume[i].state == BLOCK_WAITING)
				progress |= try_open(&all.volume[i]);
	}
	all.running = false;
	if (all.opening)
		return;
	for (unsigned i = 0; i < all.count; i++)
		if (all.volume[i].state == BLOCK_WAITING)
			fail(&all.volume[i], "the overlay stands on itself: base \"%s\", store \"%s\"", all.volume[i].config.base,
			     all.volume[i].config.store);
	all.ready();
}

void volumes_open(struct volume *volumes, unsigned count, struct disk *disks, unsigned disk_count,
		  const struct volume_memory *memory, void (*ready)(void))
{
	all.volume = volumes;
	all.count = 0; /* grows while names are compared */
	all.disk = disks;
	all.disks = disk_count;
	all.memory = *memory;
	all.ready = ready;
	all.opening = NULL;
	all.running = false;
	for (unsigned i = 0; i < count; i++) {
		struct volume_config config = volumes[i].config;
		bool twice = volume_find(config.name) != NULL;

		memset(&volumes[i], 0, sizeof(volumes[i]));
		volumes[i].config = config;
		all.count++;
		if (twice)
			fail(&volumes[i], "there are two volumes of this name");
	}
	run();
}
