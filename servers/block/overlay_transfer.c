/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes of an overlay: each becomes as few transfers of base and store as there are pieces. */
#include <string.h>

#include "overlay_private.h"

enum outcome { OUTCOME_GOES_ON, OUTCOME_WAITS };

static void make_ready(struct overlay *overlay, struct overlay_request *request)
{
	request->queued = true;
	request->next = NULL;
	if (overlay->ready)
		overlay->ready_tail->next = request;
	else
		overlay->ready = request;
	overlay->ready_tail = request;
	overlay_queue(overlay, &overlay->transfers);
}

static void wait_in(struct overlay_request **list, struct overlay_request *request)
{
	request->queued = true;
	request->next = *list;
	*list = request;
}

static void all_ready(struct overlay *overlay, struct overlay_request **list)
{
	while (*list) {
		struct overlay_request *request = *list;

		*list = request->next;
		make_ready(overlay, request);
	}
}

void overlay_notes_came(struct overlay *overlay, enum io_status status)
{
	if (status != IO_OK)
		for (struct overlay_request *request = overlay->note_waiting; request; request = request->next)
			request->status = status;
	all_ready(overlay, &overlay->note_waiting);
}

static struct overlay_child *take_child(struct overlay *overlay, struct overlay_request *request)
{
	struct overlay_child *child = overlay->free_children;

	if (!request->first_used) {
		request->first_used = true;
		return &request->first;
	}
	if (child)
		overlay->free_children = child->next;
	return child;
}

static void give_child(struct overlay *overlay, struct overlay_child *child)
{
	if (child == &child->request->first) {
		child->request->first_used = false;
	} else {
		child->next = overlay->free_children;
		overlay->free_children = child;
		all_ready(overlay, &overlay->child_waiting);
	}
}

/* The blocks of a write that has ended are there from now on. */
static void mark_present(struct overlay *overlay, uint64_t sector, uint64_t end)
{
	struct overlay_map *top = overlay_top(overlay);

	if (end == overlay->volume->capacity)
		end = (end + BLOCK_SECTORS - 1) / BLOCK_SECTORS * BLOCK_SECTORS;
	sector = (sector + BLOCK_SECTORS - 1) / BLOCK_SECTORS * BLOCK_SECTORS; /* parts of blocks: those were there before */
	end -= end % BLOCK_SECTORS;
	while (sector < end) {
		uint32_t index = (uint32_t)(sector / CLUSTER_SECTORS);
		unsigned first = (unsigned)(sector % CLUSTER_SECTORS / BLOCK_SECTORS);
		unsigned count = overlay_min(OVERLAY_BLOCKS - first, (end - sector) / BLOCK_SECTORS);
		uint16_t mask = (uint16_t)(((1u << count) - 1) << first);
		struct overlay_entry entry = top->entry[index];

		if (mask & ~entry.present) {
			entry.present |= mask;
			entry.zero &= (uint16_t)~mask;
			overlay_change(overlay, top, index, entry);
		}
		sector += count * BLOCK_SECTORS;
	}
	if (overlay->notes->head - overlay->notes->tail > OVERLAY_NOTES / 2)
		overlay_commit_now(overlay);
}

static void child_done(struct io *io, enum io_status status)
{
	struct overlay_child *child = io->owner;
	struct overlay_request *request = child->request;
	struct overlay *overlay = request->overlay;

	if (io->operation == IO_WRITE) {
		overlay->reserved_notes -= child->notes;
		if (status == IO_OK)
			mark_present(overlay, child->sector, child->sector + io->sectors);
	}
	if (status != IO_OK)
		request->status = status;
	request->outstanding--;
	give_child(overlay, child);
	if (!request->queued)
		make_ready(overlay, request);
	overlay_run(overlay);
}

static void advance(struct overlay_request *request, uint32_t sectors)
{
	uint64_t bytes = (uint64_t)sectors << SECTOR_BITS;

	request->sector += sectors;
	while (bytes && bytes >= request->segment->length - request->skip) {
		bytes -= request->segment->length - request->skip;
		request->segment++;
		request->segments--;
		request->skip = 0;
	}
	request->skip += (uint32_t)bytes;
}

static void fill_zero(const struct overlay_request *request, uint32_t sectors)
{
	uint64_t bytes = (uint64_t)sectors << SECTOR_BITS;
	const struct io_segment *segment = request->segment;

	for (uint32_t skip = request->skip; bytes; skip = 0, segment++) {
		uint32_t part = overlay_min(bytes, segment->length - skip);

		memset(segment->data + skip, 0, part);
		bytes -= part;
	}
}

static void submit_child(struct overlay_request *request, struct overlay_child *child, struct volume *volume, uint64_t place,
			 uint32_t sectors)
{
	child->request = request;
	child->sector = request->sector;
	child->io = (struct io){ .operation = request->io->operation, .sectors = sectors, .sector = place, .segment = request->segment,
				 .segments = request->segments, .skip = request->skip, .done = child_done, .owner = child };
	request->outstanding++;
	advance(request, sectors);
	volume_submit(volume, &child->io);
}

static enum outcome read_some(struct overlay *overlay, struct overlay_request *request)
{
	enum overlay_source source = SOURCE_ZERO;
	struct overlay_child *child;
	uint64_t place = 0;
	uint32_t sectors = overlay_find(overlay, request->sector, (uint32_t)(request->end - request->sector), &source, &place);

	if (source == SOURCE_ZERO) {
		fill_zero(request, sectors);
		advance(request, sectors);
		return OUTCOME_GOES_ON;
	}
	child = take_child(overlay, request);
	if (!child) {
		wait_in(&overlay->child_waiting, request);
		return OUTCOME_WAITS;
	}
	child->notes = 0;
	submit_child(request, child, source == SOURCE_BASE ? overlay->base : overlay->store, place, sectors);
	return OUTCOME_GOES_ON;
}

/* Gives clusters to the sectors from the request's next on, as long as they are in one piece. Returns how many: 0 if there is none. */
static uint32_t make_place(struct overlay *overlay, const struct overlay_request *request, uint64_t *place, uint32_t *notes)
{
	uint32_t limit = overlay_min(request->end - request->sector, OVERLAY_EXTENT_MAX), total = 0;

	*notes = 0;
	while (total < limit) {
		uint64_t at = request->sector + total;
		struct overlay_entry *entry = &overlay_top(overlay)->entry[at / CLUSTER_SECTORS];
		uint32_t within = (uint32_t)(at % CLUSTER_SECTORS);

		if (!entry->cluster)
			entry->cluster = overlay_allocate(overlay);
		if (!entry->cluster)
			break;
		if (!total)
			*place = (uint64_t)entry->cluster * CLUSTER_SECTORS + within;
		else if ((uint64_t)entry->cluster * CLUSTER_SECTORS != *place + total)
			break;
		*notes += entry->present != 0xffff;
		total += overlay_min(CLUSTER_SECTORS - within, limit - total);
	}
	return total;
}

static enum outcome write_some(struct overlay *overlay, struct overlay_request *request)
{
	struct overlay_child *child;
	uint64_t place = 0;
	uint32_t sectors, notes;

	if (!overlay_notes_room(overlay, OVERLAY_EXTENT_MAX / CLUSTER_SECTORS + 1)) {
		wait_in(&overlay->note_waiting, request);
		overlay_commit_now(overlay);
		return OUTCOME_WAITS;
	}
	child = take_child(overlay, request);
	if (!child) {
		wait_in(&overlay->child_waiting, request);
		return OUTCOME_WAITS;
	}
	child->request = request;
	sectors = make_place(overlay, request, &place, &notes);
	if (!sectors) {
		give_child(overlay, child);
		if (overlay->leaving_count || overlay->committing_count) {
			wait_in(&overlay->note_waiting, request); /* there will be room */
			overlay_commit_now(overlay);
			return OUTCOME_WAITS;
		}
		request->status = IO_ERROR;
		return OUTCOME_GOES_ON;
	}
	child->notes = notes;
	overlay->reserved_notes += notes;
	submit_child(request, child, overlay->store, place, sectors);
	return OUTCOME_GOES_ON;
}

static void finish(struct overlay *overlay, struct overlay_request *request)
{
	struct io *io = request->io;
	enum io_status status = request->status;

	if (request != &overlay->inner) {
		request->next = overlay->free_requests;
		overlay->free_requests = request;
		overlay->active--;
		if (overlay->queue || overlay->operation.pending)
			overlay_admit(overlay);
	}
	io->done(io, status);
}

void overlay_transfers_run(struct overlay *overlay)
{
	while (overlay->ready) {
		struct overlay_request *request = overlay->ready;
		enum outcome outcome = OUTCOME_GOES_ON;

		overlay->ready = request->next;
		/* A transfer that ends at once must not make the request ready while it is here. */
		request->queued = true;
		while (request->sector < request->end && request->status == IO_OK && outcome == OUTCOME_GOES_ON)
			outcome = request->io->operation == IO_READ ? read_some(overlay, request) : write_some(overlay, request);
		if (outcome == OUTCOME_WAITS)
			continue;
		request->queued = false;
		if (!request->outstanding)
			finish(overlay, request);
	}
}

static void flush_done(struct io *io, enum io_status status)
{
	struct overlay_request *request = io->owner;

	request->status = status;
	make_ready(request->overlay, request);
	overlay_run(request->overlay);
}

void overlay_begin(struct overlay *overlay, struct io *io, bool inner)
{
	struct overlay_request *request = &overlay->inner;

	if (!inner) {
		request = overlay->free_requests;
		overlay->free_requests = request->next;
	}
	request->io = io;
	request->sector = io->sector;
	request->end = io->sector + io->sectors;
	request->segment = io->segment;
	request->segments = io->segments;
	request->skip = io->skip;
	request->outstanding = 0;
	request->status = IO_OK;
	request->first_used = false;
	if (io->operation == IO_FLUSH) {
		request->end = request->sector;
		request->first.io = (struct io){ .operation = IO_FLUSH, .done = flush_done, .owner = request };
		overlay_flush(overlay, &request->first.io);
	} else {
		make_ready(overlay, request);
	}
}

/* Whether all blocks of these sectors are in the top, in one piece; *place: where. */
static bool all_in_top(struct overlay *overlay, uint64_t sector, uint32_t sectors, uint64_t *place)
{
	const struct overlay_entry *entry = &overlay_top(overlay)->entry[sector / CLUSTER_SECTORS];
	uint32_t within = (uint32_t)(sector % CLUSTER_SECTORS);

	*place = (uint64_t)entry->cluster * CLUSTER_SECTORS + within;
	for (uint32_t total = 0; total < sectors; within = 0, entry++) {
		uint32_t part = overlay_min(CLUSTER_SECTORS - within, sectors - total);
		uint32_t first = within / BLOCK_SECTORS, last = (within + part - 1) / BLOCK_SECTORS;
		uint32_t mask = (2u << last) - (1u << first);

		if ((entry->present & mask) != mask || (uint64_t)entry->cluster * CLUSTER_SECTORS + within != *place + total)
			return false;
		total += part;
	}
	return true;
}

static void direct_done(struct io *io, enum io_status status)
{
	struct overlay_request *request = io->owner;
	struct overlay *overlay = request->overlay;
	struct io *of = request->io;

	request->next = overlay->free_requests;
	overlay->free_requests = request;
	overlay->active--;
	if (overlay->queue || overlay->operation.pending) {
		overlay_admit(overlay);
		overlay_run(overlay);
	}
	of->done(of, status);
}

bool overlay_begin_direct(struct overlay *overlay, struct io *io)
{
	struct overlay_request *request = overlay->free_requests;
	enum overlay_source source = SOURCE_STORE;
	uint64_t place = 0;

	if (overlay->queue || overlay->alone || overlay->operation.pending || overlay->broken || !request)
		return false;
	if (io->operation == IO_READ) {
		if (overlay_find(overlay, io->sector, io->sectors, &source, &place) != io->sectors || source == SOURCE_ZERO)
			return false;
	} else if (io->operation != IO_WRITE || !all_in_top(overlay, io->sector, io->sectors, &place)) {
		return false;
	}
	overlay->free_requests = request->next;
	overlay->active++;
	request->io = io;
	request->first.io = (struct io){ .operation = io->operation, .sectors = io->sectors, .sector = place, .segment = io->segment,
					 .segments = io->segments, .skip = io->skip, .done = direct_done, .owner = request };
	volume_submit(source == SOURCE_BASE ? overlay->base : overlay->store, &request->first.io);
	return true;
}
