/* SPDX-License-Identifier: Apache-2.0 */
/* Opens an overlay: reads the head of its store, looks whether the base still is what it was, loads the maps. A blank store is formatted. */
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "overlay_private.h"

#define PAGES_AT_ONCE (OVERLAY_BOUNCE_SIZE / OVERLAY_BLOCK)

/* Says that it is open, or failed, when the loop has left it. */
static void go_on(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	struct volume *volume = overlay->volume;

	overlay_run(overlay);
	if (overlay->running || !opening->finished || opening->announced)
		return;
	opening->announced = true;
	if (volume->state == BLOCK_FAILED) {
		void (*done)(struct volume *opened) = opening->done;

		overlay_close(volume);
		done(volume);
	} else {
		opening->done(volume);
	}
}

static void io_done(struct io *io, enum io_status status)
{
	struct overlay *overlay = io->owner;

	overlay->opening.status = status;
	overlay->opening.ended = true;
	overlay_queue(overlay, &overlay->opening.work);
	go_on(overlay);
}

struct io *overlay_opening_io(struct overlay *overlay, enum overlay_open_step step)
{
	struct overlay_opening *opening = &overlay->opening;

	opening->step = step;
	opening->ended = false;
	opening->io = (struct io){ .operation = IO_FLUSH, .segment = &opening->segment, .segments = 1, .done = io_done, .owner = overlay };
	return &opening->io;
}

static void begin_read(struct overlay *overlay, enum overlay_open_step step, struct volume *volume, uint64_t sector, struct io_segment segment)
{
	struct io *io = overlay_opening_io(overlay, step);

	overlay->opening.segment = segment;
	io->operation = IO_READ;
	io->sector = sector;
	io->sectors = segment.length >> SECTOR_BITS;
	volume_submit(volume, io);
}

void overlay_opening_flush(struct overlay *overlay, enum overlay_open_step step)
{
	volume_submit(overlay->store, overlay_opening_io(overlay, step));
}

void overlay_close(struct volume *volume)
{
	struct overlay *overlay = volume->overlay;

	if (!overlay)
		return;
	for (unsigned i = 0; i < OVERLAY_LAYERS_MAX; i++)
		overlay_map_free(&overlay->map[i]);
	overlay_map_free(&overlay->operation.top);
	free(overlay->used);
	free(overlay->leaving);
	free(overlay->committing);
	free(overlay);
	volume->overlay = NULL;
}

/* The volume's problem is set. */
static void fail(struct overlay *overlay)
{
	overlay->opening.finished = true;
	overlay->volume->state = BLOCK_FAILED;
}

void overlay_opening_begin(struct overlay *overlay)
{
	begin_read(overlay, OPEN_HEAD, overlay->store, 0, overlay_memory(overlay, OVERLAY_HEAD, OVERLAY_BLOCK));
}

static bool is_valid(const struct overlay_superblock *head)
{
	return memcmp(head->magic, OVERLAY_MAGIC, sizeof(head->magic)) == 0 && head->checksum == overlay_head_checksum(head);
}

static bool is_blank(const struct overlay_superblock *head)
{
	static const struct overlay_superblock blank;

	return memcmp(head, &blank, sizeof(blank)) == 0;
}

/* Which copy counts; whether the other is to be written again. */
static bool judge_heads(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	const struct overlay_superblock *copy = opening->copy;
	bool valid[2] = { is_valid(&copy[0]), is_valid(&copy[1]) };

	opening->blank = is_blank(&copy[0]) && is_blank(&copy[1]);
	if (opening->blank)
		return true;
	if (!valid[0] && !valid[1]) {
		if (memcmp(copy[0].magic, OVERLAY_MAGIC, sizeof(copy[0].magic)) == 0 ||
		    memcmp(copy[1].magic, OVERLAY_MAGIC, sizeof(copy[1].magic)) == 0)
			return overlay_problem(overlay, "both superblocks of the store \"%s\" are damaged", overlay->store->config.name);
		return overlay_problem(overlay, "the store \"%s\" is neither blank nor an overlay's", overlay->store->config.name);
	}
	opening->good = !valid[0] || (valid[1] && copy[1].sequence > copy[0].sequence);
	opening->repair = memcmp(&copy[0], &copy[1], sizeof(copy[0])) != 0;
	return true;
}

/* Pieces of the base: all of it, or both ends. */
static void begin_base(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	uint64_t capacity = overlay->base->capacity, end = capacity;
	const uint64_t part = OVERLAY_FINGERPRINT >> SECTOR_BITS;

	if (capacity > 2 * part) {
		if (opening->next == part)
			opening->next = capacity - part;
		end = opening->next < part ? part : capacity;
	}
	uint32_t sectors = overlay_min(end - opening->next, OVERLAY_BOUNCE_SIZE >> SECTOR_BITS);

	begin_read(overlay, OPEN_BASE, overlay->base, opening->next, overlay_memory(overlay, OVERLAY_BOUNCE, sectors << SECTOR_BITS));
	opening->next += sectors;
}

void overlay_set_id(struct overlay *overlay, const struct overlay_superblock *head)
{
	overlay->id = 0;
	for (unsigned i = 0; i < 8; i++)
		overlay->id |= (uint64_t)head->uuid[i] << 8 * i;
}

void overlay_opening_head(struct overlay *overlay, enum overlay_open_step step, bool second)
{
	struct io *io = overlay_opening_io(overlay, step);

	overlay_head_io(overlay, &overlay->head, second, &overlay->opening.segment, io);
	volume_submit(overlay->store, io);
}

static void begin_journal(struct overlay *overlay, enum overlay_open_step step, unsigned half)
{
	begin_read(overlay, step, overlay->store, (uint64_t)(OVERLAY_JOURNAL_FIRST + half * OVERLAY_JOURNAL_CLUSTERS) * CLUSTER_SECTORS,
		   overlay_memory(overlay, OVERLAY_STAGING, OVERLAY_STAGING_SIZE));
}

/* All of the base was read. */
static bool begin_load(struct overlay *overlay)
{
	const struct overlay_superblock *head = &overlay->opening.copy[overlay->opening.good];

	if (!overlay_check_head(overlay, head, overlay->opening.checksum))
		return false;
	overlay->head = *head;
	overlay_set_id(overlay, head);
	for (unsigned i = 0; i < head->layers; i++) {
		overlay_map_free(&overlay->map[i]);
		overlay->map[i].layer = head->layer[i];
		if (!overlay_map_make(overlay, &overlay->map[i]))
			return overlay_problem(overlay, "there is no memory for the maps of %u layers", (unsigned)head->layers);
	}
	overlay->layers = head->layers;
	begin_journal(overlay, OPEN_JOURNAL, 0);
	return true;
}

static void begin_pages(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	uint32_t count = overlay_min(overlay->pages - opening->next, PAGES_AT_ONCE);

	begin_read(overlay, OPEN_PAGES, overlay->store,
		   (uint64_t)overlay->map[opening->layer].layer.map * CLUSTER_SECTORS + opening->next * BLOCK_SECTORS,
		   overlay_memory(overlay, OVERLAY_BOUNCE, count * OVERLAY_BLOCK));
}

/* Both records were looked at: the newer valid one counts. */
static bool judge_journal(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	unsigned newest = !opening->valid[0] || (opening->valid[1] && opening->sequence[1] > opening->sequence[0]);

	if (!opening->valid[newest])
		return overlay_problem(overlay, "the store's journal is damaged");
	overlay->commit.sequence = opening->sequence[newest];
	overlay->commit.half = !newest;
	opening->layer = 0;
	opening->next = 0;
	if (newest)
		begin_pages(overlay);
	else
		begin_journal(overlay, OPEN_JOURNAL_AGAIN, newest);
	return true;
}

static void become_ready(struct overlay *overlay)
{
	struct volume *volume = overlay->volume;

	overlay->opening.finished = true;
	overlay_init(overlay);
	volume->state = BLOCK_READY;
	for (unsigned i = 0; i < overlay->layers; i++)
		if (overlay->map[i].layer.flags & OVERLAY_LAYER_DELETED)
			overlay_resume_deletion(overlay, i);
}

static bool take_pages(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	const struct overlay_page *page = (void *)(overlay->memory.data + OVERLAY_BOUNCE);
	uint32_t count = opening->segment.length / OVERLAY_BLOCK;

	for (uint32_t i = 0; i < count; i++, opening->next++)
		if (!overlay_take_page(overlay, &overlay->map[opening->layer], (uint32_t)opening->next, &page[i], overlay->commit.sequence))
			return false;
	if (opening->next == overlay->pages) {
		opening->next = 0;
		opening->layer++;
	}
	if (opening->layer < overlay->layers) {
		begin_pages(overlay);
		return true;
	}
	if (!overlay_check_maps(overlay) || !overlay_take_notes(overlay))
		return false;
	if (opening->repair)
		overlay_opening_head(overlay, OPEN_REPAIR, !opening->good);
	else
		become_ready(overlay);
	return true;
}

static bool step_base(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;

	opening->checksum = checksum_add(CHECKSUM_CRC32C, opening->checksum, opening->segment.data, opening->segment.length);
	if (opening->next < overlay->base->capacity) {
		begin_base(overlay);
		return true;
	}
	if (!opening->blank)
		return begin_load(overlay);
	return overlay_format_begin(overlay);
}

/* What the step began has ended well. false: there is a problem. */
static bool step(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;

	switch ((unsigned)opening->step) {
	case OPEN_HEAD:
		memcpy(&opening->copy[0], opening->segment.data, sizeof(opening->copy[0]));
		begin_read(overlay, OPEN_HEAD_COPY, overlay->store, OVERLAY_SUPERBLOCK_COPY >> SECTOR_BITS, opening->segment);
		return true;
	case OPEN_HEAD_COPY:
		memcpy(&opening->copy[1], opening->segment.data, sizeof(opening->copy[1]));
		if (!judge_heads(overlay))
			return false;
		begin_base(overlay);
		return true;
	case OPEN_BASE:
		return step_base(overlay);
	case OPEN_JOURNAL:
	case OPEN_JOURNAL_OTHER: {
		unsigned half = opening->step == OPEN_JOURNAL_OTHER;

		opening->valid[half] = overlay_check_journal(overlay, &opening->sequence[half]);
		if (half)
			return judge_journal(overlay);
		begin_journal(overlay, OPEN_JOURNAL_OTHER, 1);
		return true;
	}
	case OPEN_JOURNAL_AGAIN:
		if (!overlay_check_journal(overlay, &opening->sequence[0]))
			return overlay_problem(overlay, "the store's journal reads differently each time");
		begin_pages(overlay);
		return true;
	case OPEN_PAGES:
		return take_pages(overlay);
	case OPEN_REPAIR:
		overlay_opening_flush(overlay, OPEN_REPAIR_FLUSH);
		return true;
	case OPEN_REPAIR_FLUSH:
		become_ready(overlay);
		return true;
	default:
		overlay_format_step(overlay);
		return true;
	}
}

static void opening_run(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;

	if (!opening->ended)
		return;
	opening->ended = false;
	if (opening->status != IO_OK) {
		(void)overlay_problem(overlay, "the %s cannot be %s", opening->step == OPEN_BASE ? "base" : "store",
				      opening->io.operation == IO_READ ? "read" : "written to");
		fail(overlay);
	} else if (!step(overlay)) {
		fail(overlay);
	}
}

/* Sizes of all parts, and memory. */
static bool measure(struct overlay *overlay)
{
	struct volume *volume = overlay->volume;
	uint64_t clusters = (overlay->base->capacity + CLUSTER_SECTORS - 1) / CLUSTER_SECTORS;
	uint64_t store = overlay->store->capacity / CLUSTER_SECTORS;
	size_t words = (size_t)(store + 63) / 64;

	if (clusters > UINT32_MAX / 2 || store > UINT32_MAX / 2)
		return overlay_problem(overlay, "the base or the store is larger than 128 TiB");
	if (store < OVERLAY_RESERVED + 1)
		return overlay_problem(overlay, "image too small: the store has only %u KiB", (unsigned)(overlay->store->capacity / 2));
	overlay->clusters = (uint32_t)clusters;
	overlay->pages = (overlay->clusters + OVERLAY_PAGE_ENTRIES - 1) / OVERLAY_PAGE_ENTRIES;
	overlay->map_clusters = (overlay->pages + OVERLAY_BLOCKS - 1) / OVERLAY_BLOCKS;
	overlay->store_clusters = (uint32_t)store;
	overlay->next_cluster = OVERLAY_RESERVED;
	overlay->used = calloc(words, 8);
	overlay->leaving = calloc(words, 8);
	overlay->committing = calloc(words, 8);
	if (!overlay->used || !overlay->leaving || !overlay->committing)
		return overlay_problem(overlay, "there is no memory for the overlay");
	if (store % 64)
		overlay->used[words - 1] = ~UINT64_C(0) << store % 64; /* beyond the end */
	volume->capacity = overlay->base->capacity;
	return true;
}

void overlay_open(struct volume *volume, struct volume *base, struct volume *store, const struct io_segment *memory,
		  void (*done)(struct volume *volume))
{
	struct overlay *overlay = calloc(1, sizeof(*overlay));

	volume->block_size = base->block_size > store->block_size ? base->block_size : store->block_size;
	volume->physical_block_size = OVERLAY_BLOCK;
	volume->flags = BLOCK_FLAG_FLUSH | BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES |
			(volume->config.read_only ? BLOCK_FLAG_READ_ONLY : 0);
	volume->segments = base->segments < store->segments ? base->segments : store->segments;
	volume->discard_sectors = 1u << 21;
	volume->discard_granularity = BLOCK_SECTORS;
	volume->overlay = overlay;
	if (!overlay) {
		memcpy(volume->problem, "there is no memory for the overlay", sizeof("there is no memory for the overlay"));
		volume->state = BLOCK_FAILED;
		done(volume);
		return;
	}
	overlay->volume = volume;
	overlay->base = base;
	overlay->store = store;
	overlay->memory = *memory;
	overlay->notes = (void *)memory->data;
	overlay->opening.work.run = opening_run;
	overlay->opening.done = done;
	overlay->running = true; /* until all is set, whatever ends at once */
	if (measure(overlay))
		overlay_opening_begin(overlay);
	else
		fail(overlay);
	overlay->running = false;
	go_on(overlay);
}
