/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What works alone in an overlay, so that nothing else is in the clusters that it touches: discards, zeroes, and writes of parts of
 * blocks that are not in the top layer (they are read, changed and written as a whole).
 */
#include <string.h>

#include "overlay_private.h"

/* Whether a write may not touch only a part of the block that has this sector. */
static bool needs_whole(struct overlay *overlay, uint64_t sector)
{
	const struct overlay_entry *entry = &overlay_top(overlay)->entry[sector / CLUSTER_SECTORS];

	return !(entry->present >> sector % CLUSTER_SECTORS / BLOCK_SECTORS & 1);
}

bool overlay_is_exclusive(struct overlay *overlay, const struct io *io)
{
	uint64_t end = io->sector + io->sectors;

	if (io->operation == IO_DISCARD || io->operation == IO_WRITE_ZEROES)
		return true;
	if (io->operation != IO_WRITE)
		return false;
	if (io->sector % BLOCK_SECTORS && needs_whole(overlay, io->sector))
		return true;
	return end % BLOCK_SECTORS && end != overlay->volume->capacity && needs_whole(overlay, end);
}

static void inner_done(struct io *io, enum io_status status)
{
	struct overlay *overlay = io->owner;

	overlay->exclusive.status = status;
	overlay->exclusive.ended = true;
	overlay_queue(overlay, &overlay->exclusive.work);
	overlay_run(overlay);
}

/* Sets all of the inner transfer but its memory. */
static struct io *make_inner(struct overlay *overlay, enum io_operation operation, uint64_t sector, uint64_t end)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;

	exclusive->inner = (struct io){ .operation = operation, .sectors = (uint32_t)(end - sector), .sector = sector, .done = inner_done,
					.owner = overlay };
	exclusive->ended = false;
	return &exclusive->inner;
}

/* The block around a part of one: it is read into the memory between, or (after that) written from there. */
static void begin_block(struct overlay *overlay, enum io_operation operation)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;
	uint64_t block = exclusive->sector - exclusive->sector % BLOCK_SECTORS;
	struct io *inner;

	exclusive->step = operation == IO_READ ? EXCLUSIVE_READ : EXCLUSIVE_WRITE;
	exclusive->segment = overlay_memory(overlay, OVERLAY_BOUNCE, OVERLAY_BLOCK);
	inner = make_inner(overlay, operation, block, block + overlay_min(BLOCK_SECTORS, overlay->volume->capacity - block));
	inner->segment = &exclusive->segment;
	inner->segments = 1;
	overlay_begin(overlay, inner, true);
}

/* What the caller writes into the block. */
static void change_block(struct overlay *overlay)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;
	const struct io *io = exclusive->io;
	uint8_t *to = overlay->memory.data + OVERLAY_BOUNCE + (exclusive->sector % BLOCK_SECTORS << SECTOR_BITS);
	uint32_t left = (uint32_t)(exclusive->inner_end - exclusive->sector) << SECTOR_BITS;
	uint64_t offset = io->skip + ((exclusive->sector - io->sector) << SECTOR_BITS);

	if (io->operation == IO_WRITE_ZEROES) {
		memset(to, 0, left);
		return;
	}
	for (const struct io_segment *segment = io->segment; left; segment++) {
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		uint32_t part = overlay_min(left, segment->length - offset);

		memcpy(to, segment->data + offset, part);
		to += part;
		left -= part;
		offset = 0;
	}
}

/* Whole blocks of a write: as any other write. */
static void begin_middle(struct overlay *overlay, uint64_t end)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;
	const struct io *io = exclusive->io;
	uint64_t offset = io->skip + ((exclusive->sector - io->sector) << SECTOR_BITS);
	struct io *inner = make_inner(overlay, IO_WRITE, exclusive->sector, end);

	inner->segment = io->segment;
	inner->segments = io->segments;
	for (; offset >= inner->segment->length; inner->segment++, inner->segments--)
		offset -= inner->segment->length;
	inner->skip = (uint32_t)offset;
	exclusive->step = EXCLUSIVE_WRITE;
	exclusive->inner_end = end;
	overlay_begin(overlay, inner, true);
}

/* Makes blocks zero up to `end`. false: when a commit has made room for notes, it goes on. */
static bool zero_blocks(struct overlay *overlay, uint64_t end)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;
	struct overlay_map *top = overlay_top(overlay);

	while (exclusive->sector < end) {
		uint32_t index = (uint32_t)(exclusive->sector / CLUSTER_SECTORS);
		unsigned first = (unsigned)(exclusive->sector % CLUSTER_SECTORS / BLOCK_SECTORS);
		unsigned count = overlay_min(OVERLAY_BLOCKS - first, (end - exclusive->sector + BLOCK_SECTORS - 1) / BLOCK_SECTORS);
		uint16_t mask = (uint16_t)(((1u << count) - 1) << first);
		struct overlay_entry entry = top->entry[index];

		if (!overlay_notes_room(overlay, 1)) {
			exclusive->step = EXCLUSIVE_COMMIT;
			overlay_flush(overlay, make_inner(overlay, IO_FLUSH, 0, 0));
			return false;
		}
		if (mask & ~entry.zero) {
			entry.present &= (uint16_t)~mask;
			entry.zero |= mask;
			if (!entry.present)
				entry.cluster = 0;
			overlay_change(overlay, top, index, entry);
		}
		exclusive->sector += overlay_min(count * BLOCK_SECTORS, end - exclusive->sector);
	}
	return true;
}

static void finish(struct overlay *overlay)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;

	overlay->alone = false;
	overlay->active--;
	overlay_admit(overlay);
	if (overlay->notes->head - overlay->notes->tail > OVERLAY_NOTES / 2)
		overlay_commit_now(overlay);
	exclusive->io->done(exclusive->io, exclusive->status);
}

/* Begins what comes next. */
static void begin_next(struct overlay *overlay)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;
	bool to_capacity = exclusive->end == overlay->volume->capacity;

	while (exclusive->sector < exclusive->end) {
		uint64_t block = exclusive->sector - exclusive->sector % BLOCK_SECTORS;

		if (block != exclusive->sector || (exclusive->end - block < BLOCK_SECTORS && !to_capacity)) {
			exclusive->inner_end = overlay_min(BLOCK_SECTORS, exclusive->end - block) + block;
			if (exclusive->io->operation != IO_DISCARD) {
				begin_block(overlay, IO_READ);
				return;
			}
			exclusive->sector = exclusive->inner_end; /* part of a block may stay as it is */
			continue;
		}
		uint64_t end = to_capacity ? exclusive->end : exclusive->end - exclusive->end % BLOCK_SECTORS;

		if (exclusive->io->operation == IO_WRITE) {
			begin_middle(overlay, end);
			return;
		}
		if (!zero_blocks(overlay, end))
			return;
	}
	finish(overlay);
}

static void exclusive_run(struct overlay *overlay)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;

	if (exclusive->step != EXCLUSIVE_NEXT && !exclusive->ended)
		return;
	if (exclusive->status != IO_OK) {
		finish(overlay);
		return;
	}
	if (exclusive->step == EXCLUSIVE_READ) {
		change_block(overlay);
		begin_block(overlay, IO_WRITE);
		return;
	}
	if (exclusive->step == EXCLUSIVE_WRITE)
		exclusive->sector = exclusive->inner_end;
	exclusive->step = EXCLUSIVE_NEXT;
	begin_next(overlay);
}

void overlay_exclusive_begin(struct overlay *overlay, struct io *io)
{
	struct overlay_exclusive *exclusive = &overlay->exclusive;

	exclusive->work.run = exclusive_run;
	exclusive->io = io;
	exclusive->sector = io->sector;
	exclusive->end = io->sector + io->sectors;
	exclusive->step = EXCLUSIVE_NEXT;
	exclusive->status = IO_OK;
	exclusive->ended = false;
	overlay_queue(overlay, &exclusive->work);
}
