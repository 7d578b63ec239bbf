/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of an overlay. The head of the store (its superblock) lists the layers: each operation prepares everything else, and takes effect
 * with the head. A deletion is first decided in the head, then done, with pauses for others, then the layer leaves the head; a server
 * that finds one decided goes on with it.
 */
#include <stdio.h>
#include <string.h>

#include "overlay_private.h"

#define LOOKS_MAX 16384u /* clusters looked at until others have their turn */
#define PAGES_AT_ONCE (OVERLAY_BOUNCE_SIZE / OVERLAY_BLOCK)

static char answer[108];

uint16_t overlay_shown(const struct overlay_entry *lower, const struct overlay_entry *upper)
{
	return (uint16_t)(lower->present & ~(upper->present | upper->zero));
}

uint16_t overlay_shown_zero(const struct overlay_entry *lower, const struct overlay_entry *upper)
{
	return (uint16_t)(lower->zero & ~(upper->present | upper->zero));
}

uint32_t overlay_new_pages(struct overlay *overlay, const struct overlay_map *map, uint32_t first, struct io_segment *segment, struct io *io)
{
	uint32_t count = overlay_min(overlay->pages - first, PAGES_AT_ONCE);
	struct overlay_page *page = (void *)(overlay->memory.data + OVERLAY_BOUNCE);

	for (uint32_t i = 0; i < count; i++)
		overlay_page_fill(overlay, map, first + i, 0, &page[i]);
	*segment = overlay_memory(overlay, OVERLAY_BOUNCE, count * OVERLAY_BLOCK);
	io->operation = IO_WRITE;
	io->sector = (uint64_t)map->layer.map * CLUSTER_SECTORS + (uint64_t)first * BLOCK_SECTORS;
	io->sectors = count * BLOCK_SECTORS;
	return count;
}

void overlay_head_io(struct overlay *overlay, const struct overlay_superblock *head, bool second, struct io_segment *segment,
		     struct io *io)
{
	struct overlay_superblock *to = (void *)(overlay->memory.data + OVERLAY_HEAD);

	*to = *head;
	to->checksum = overlay_head_checksum(to);
	*segment = overlay_memory(overlay, OVERLAY_HEAD, OVERLAY_BLOCK);
	io->operation = IO_WRITE;
	io->sector = second ? OVERLAY_SUPERBLOCK_COPY >> SECTOR_BITS : 0;
	io->sectors = BLOCK_SECTORS;
}

static void io_done(struct io *io, enum io_status status)
{
	struct overlay *overlay = io->owner;

	overlay->operation.status = status;
	overlay->operation.ended = true;
	overlay_queue(overlay, &overlay->operation.work);
	overlay_run(overlay);
}

/* The operation's transfer, to be filled and submitted; the work goes on with this step when it has ended. */
static struct io *make_io(struct overlay *overlay, enum overlay_step step)
{
	struct overlay_operation *operation = &overlay->operation;

	operation->step = step;
	operation->ended = false;
	operation->io = (struct io){ .operation = IO_FLUSH, .segment = &operation->segment, .segments = 1, .done = io_done, .owner = overlay };
	return &operation->io;
}

static void begin_flush(struct overlay *overlay, enum overlay_step step)
{
	volume_submit(overlay->store, make_io(overlay, step));
}

static void finish(struct overlay *overlay, const char *problem)
{
	struct overlay_operation *operation = &overlay->operation;

	operation->going = operation->busy = false;
	overlay->alone = false;
	overlay->active--;
	overlay_admit(overlay);
	if (operation->done)
		operation->done(overlay->volume, problem);
}

/* A step failed. After the head may have been changed nobody knows which one the disk has. */
static void give_up(struct overlay *overlay, const char *problem)
{
	struct overlay_operation *operation = &overlay->operation;

	if (operation->step >= STEP_HEAD)
		overlay_break(overlay, "a write to the head of the store failed");
	else if (operation->top.entry && operation->top.layer.map)
		for (uint32_t i = 0; i < overlay->map_clusters; i++)
			overlay_release(overlay, operation->top.layer.map + i);
	overlay_map_free(&operation->top);
	finish(overlay, problem);
}

static void begin_pages(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;
	struct io *io = make_io(overlay, STEP_PAGES);

	operation->next += overlay_new_pages(overlay, &operation->top, operation->next, &operation->segment, io);
	volume_submit(overlay->store, io);
}

static void begin_top(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	memset(&operation->top, 0, sizeof(operation->top));
	if (!overlay_map_make(overlay, &operation->top)) {
		give_up(overlay, "there is no memory for one more map");
		return;
	}
	operation->top.layer.id = overlay->head.next_layer;
	operation->top.layer.map = overlay_allocate_row(overlay, overlay->map_clusters);
	if (!operation->top.layer.map) {
		give_up(overlay, "the store has no room for one more map");
		return;
	}
	operation->next = 0;
	begin_pages(overlay);
}

/* The head as it will be. */
static void make_head(struct overlay *overlay)
{
	const struct overlay_operation *operation = &overlay->operation;
	struct overlay_superblock *head = &overlay->next_head;

	*head = overlay->head;
	head->sequence++;
	head->store = overlay->store_clusters;
	if (operation->operation == BLOCK_DELETE_SNAPSHOT) {
		struct overlay_layer *layer = &head->layer[operation->layer];

		layer->flags = OVERLAY_LAYER_DELETED;
		if (!operation->final)
			return;
		memmove(layer, layer + 1, (head->layers - operation->layer - 1) * sizeof(*layer));
		head->layers--;
	} else {
		if (operation->operation == BLOCK_SNAPSHOT)
			memcpy(head->layer[head->layers - 1].name, operation->name, OVERLAY_NAME_SIZE);
		else
			head->layers = operation->layer + 1;
		head->layer[head->layers++] = operation->top.layer;
		head->next_layer++;
	}
	memset(&head->layer[head->layers], 0, (OVERLAY_LAYERS_MAX - head->layers) * sizeof(head->layer[0]));
}

static void begin_head(struct overlay *overlay, bool second)
{
	struct overlay_operation *operation = &overlay->operation;
	struct io *io = make_io(overlay, second ? STEP_HEAD_COPY : STEP_HEAD);

	if (!second)
		make_head(overlay);
	overlay_head_io(overlay, &overlay->next_head, second, &operation->segment, io);
	volume_submit(overlay->store, io);
}

/* A layer is in the head no more: all that it had is free. */
static void drop(struct overlay *overlay, struct overlay_map *map)
{
	for (uint32_t i = 0; i < overlay->clusters; i++)
		if (map->entry[i].cluster)
			overlay_release(overlay, map->entry[i].cluster);
	for (uint32_t i = 0; i < overlay->map_clusters; i++)
		overlay_release(overlay, map->layer.map + i);
	overlay_map_free(map);
}

static void begin_merge(struct overlay *overlay);

/* The head is on the disk, twice: the same in memory. */
static void take_effect(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	overlay->head = overlay->next_head;
	if (operation->operation == BLOCK_DELETE_SNAPSHOT && !operation->final) {
		overlay->map[operation->layer].layer.flags = OVERLAY_LAYER_DELETED;
		operation->next = 0;
		begin_merge(overlay);
		return;
	}
	if (operation->operation == BLOCK_DELETE_SNAPSHOT) {
		struct overlay_map *map = &overlay->map[operation->layer];

		drop(overlay, map);
		memmove(map, map + 1, (overlay->layers - operation->layer - 1) * sizeof(*map));
		memset(&overlay->map[--overlay->layers], 0, sizeof(*map));
	} else {
		if (operation->operation == BLOCK_SNAPSHOT)
			memcpy(overlay_top(overlay)->layer.name, operation->name, OVERLAY_NAME_SIZE);
		else
			while (overlay->layers > operation->layer + 1)
				drop(overlay, &overlay->map[--overlay->layers]);
		overlay->map[overlay->layers++] = operation->top;
		memset(&operation->top, 0, sizeof(operation->top));
	}
	finish(overlay, NULL);
}

/* What of a cluster the layer above does not hide becomes its own; blocks that had to be moved are there already. */
static void merge_entry(struct overlay *overlay, uint32_t index)
{
	struct overlay_map *upper = &overlay->map[overlay->operation.layer + 1];
	struct overlay_entry *lower = &overlay->map[overlay->operation.layer].entry[index];
	struct overlay_entry entry = upper->entry[index];
	uint16_t shown = overlay_shown(lower, &entry), zero = overlay_shown_zero(lower, &entry);
	uint32_t cluster = lower->cluster;
	bool was_present = lower->present != 0;

	if (shown && !entry.present) {
		entry.cluster = cluster;
		cluster = 0;
	}
	entry.present |= shown;
	entry.zero |= zero;
	*lower = (struct overlay_entry){ 0 };
	if (shown || zero)
		overlay_change(overlay, upper, index, entry);
	if (cluster && was_present)
		overlay_leave(overlay, cluster);
	else if (cluster)
		overlay_release(overlay, cluster);
}

/* Reads the blocks of a cluster that must be moved. */
static void begin_move(struct overlay *overlay, uint16_t shown)
{
	struct overlay_operation *operation = &overlay->operation;
	const struct overlay_entry *lower = &overlay->map[operation->layer].entry[operation->next];
	struct io *io = make_io(overlay, STEP_MERGE_READ);

	operation->need = shown;
	operation->moved++;
	operation->segment = overlay_memory(overlay, OVERLAY_BOUNCE, OVERLAY_CLUSTER);
	io->operation = IO_READ;
	io->sector = (uint64_t)lower->cluster * CLUSTER_SECTORS;
	io->sectors = CLUSTER_SECTORS;
	volume_submit(overlay->store, io);
}

/* Writes the next of them that are neighbours, or ends the cluster. */
static void go_on_moving(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;
	const struct overlay_entry *upper = &overlay->map[operation->layer + 1].entry[operation->next];
	unsigned first, count;
	struct io *io;

	if (!operation->need) {
		merge_entry(overlay, operation->next);
		begin_merge(overlay);
		return;
	}
	first = (unsigned)__builtin_ctz(operation->need);
	count = (unsigned)__builtin_ctz(~((uint32_t)operation->need >> first));
	operation->need &= (uint16_t)~(((1u << count) - 1) << first);
	operation->segment = overlay_memory(overlay, OVERLAY_BOUNCE + first * OVERLAY_BLOCK, count * OVERLAY_BLOCK);
	io = make_io(overlay, STEP_MERGE_WRITE);
	io->operation = IO_WRITE;
	io->sector = (uint64_t)upper->cluster * CLUSTER_SECTORS + first * BLOCK_SECTORS;
	io->sectors = count * BLOCK_SECTORS;
	volume_submit(overlay->store, io);
}

/* Others have their turn, then it goes on. */
static void rest(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	operation->step = STEP_MERGE;
	operation->ended = true;
	operation->status = IO_OK;
	operation->moved = 0;
	operation->going = false;
	operation->resting = true;
	overlay->alone = false;
	overlay->active--;
	overlay_admit(overlay);
}

static void begin_merge(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;
	unsigned looks = 0;

	for (; operation->next < overlay->clusters; operation->next++) {
		const struct overlay_entry *lower = &overlay->map[operation->layer].entry[operation->next];
		const struct overlay_entry *upper = &overlay->map[operation->layer + 1].entry[operation->next];
		uint16_t shown = overlay_shown(lower, upper);

		if (operation->moved >= OVERLAY_COPIES_MAX || looks++ >= LOOKS_MAX) {
			rest(overlay);
			return;
		}
		if (!lower->cluster && !lower->zero)
			continue;
		if (!overlay_notes_room(overlay, 1)) {
			overlay_flush(overlay, make_io(overlay, STEP_MERGE_ROOM));
			return;
		}
		if (shown && upper->present) {
			begin_move(overlay, shown);
			return;
		}
		merge_entry(overlay, operation->next);
	}
	overlay_flush(overlay, make_io(overlay, STEP_MERGE_COMMIT));
}

static void after_commit(struct overlay *overlay)
{
	if (overlay->operation.operation == BLOCK_DELETE_SNAPSHOT)
		begin_head(overlay, false);
	else
		begin_top(overlay);
}

static void step(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	switch (operation->step) {
	case STEP_BEGIN:
		overlay_flush(overlay, make_io(overlay, STEP_COMMIT));
		break;
	case STEP_COMMIT:
		after_commit(overlay);
		break;
	case STEP_PAGES:
		if (operation->next < overlay->pages)
			begin_pages(overlay);
		else
			begin_flush(overlay, STEP_PAGES_FLUSH);
		break;
	case STEP_PAGES_FLUSH:
		begin_head(overlay, false);
		break;
	case STEP_MERGE:
	case STEP_MERGE_ROOM:
		begin_merge(overlay);
		break;
	case STEP_MERGE_READ:
	case STEP_MERGE_WRITE:
		go_on_moving(overlay);
		break;
	case STEP_MERGE_COMMIT:
		operation->final = true;
		begin_head(overlay, false);
		break;
	case STEP_HEAD:
		begin_flush(overlay, STEP_HEAD_FLUSH);
		break;
	case STEP_HEAD_FLUSH:
		begin_head(overlay, true);
		break;
	case STEP_HEAD_COPY:
		begin_flush(overlay, STEP_HEAD_COPY_FLUSH);
		break;
	case STEP_HEAD_COPY_FLUSH:
		take_effect(overlay);
		break;
	default:
		break;
	}
}

static void operation_run(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	if (!operation->going || !operation->ended)
		return;
	/* A commit has answered before its pages are in their places. */
	if ((operation->step == STEP_COMMIT || operation->step == STEP_MERGE_COMMIT) && !overlay_commit_idle(overlay))
		return;
	operation->ended = false;
	if (operation->status != IO_OK)
		give_up(overlay, "the store's disk failed");
	else
		step(overlay);
}

static unsigned find_name(const struct overlay *overlay, const char *name)
{
	unsigned layer = 0;

	while (layer + 1 < overlay->layers && strncmp(overlay->map[layer].layer.name, name, OVERLAY_NAME_SIZE) != 0)
		layer++;
	return layer;
}

/* NULL: it can begin. A deletion that an error ended goes on first. */
static const char *check(struct overlay *overlay, enum block_operation what, const char *name, unsigned layer)
{
	bool is_there = layer + 1 < overlay->layers;
	size_t length = strlen(name);

	if (overlay->broken)
		return "a write to the head of the store failed: the volume can only be read";
	if (overlay->operation.busy)
		return "another operation on its snapshots is under way";
	for (unsigned i = 0; i < overlay->layers; i++) {
		if (!(overlay->map[i].layer.flags & OVERLAY_LAYER_DELETED))
			continue;
		overlay_resume_deletion(overlay, i); /* an error had ended it */
		return "a snapshot is being deleted: try again";
	}
	if (what == BLOCK_SNAPSHOT) {
		for (size_t i = 0; i < length; i++)
			if (name[i] < 33 || name[i] > 126)
				length = 0;
		if (!length || length >= OVERLAY_NAME_SIZE)
			return "a snapshot's name has 1 to 15 letters, without spaces";
		if (is_there)
			(void)snprintf(answer, sizeof(answer), "there is a snapshot \"%.15s\" already", name);
		else
			(void)snprintf(answer, sizeof(answer), "a volume has at most %u snapshots", BLOCK_SNAPSHOTS_MAX);
		return is_there || overlay->layers == OVERLAY_LAYERS_MAX ? answer : NULL;
	}
	if (what != BLOCK_ROLLBACK && what != BLOCK_DELETE_SNAPSHOT)
		return "there is no such operation";
	(void)snprintf(answer, sizeof(answer), "there is no snapshot \"%.15s\"", name);
	return is_there ? NULL : answer;
}

static void begin_operation(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	operation->busy = true;
	operation->pending = true;
	operation->final = false;
	operation->ended = true;
	operation->status = IO_OK;
	operation->moved = 0;
	operation->next = 0;
	memset(&operation->top, 0, sizeof(operation->top));
	overlay_admit(overlay);
	overlay_run(overlay);
}

void overlay_snapshot(struct volume *volume, enum block_operation what, const char *name,
		      void (*done)(struct volume *volume, const char *problem))
{
	struct overlay *overlay = volume->overlay;
	struct overlay_operation *operation = &overlay->operation;
	unsigned layer = find_name(overlay, name);
	const char *problem = check(overlay, what, name, layer);

	if (problem) {
		done(volume, problem);
		return;
	}
	operation->operation = what;
	operation->layer = layer;
	operation->done = done;
	memset(operation->name, 0, sizeof(operation->name));
	memcpy(operation->name, name, strnlen(name, OVERLAY_NAME_SIZE - 1));
	operation->step = STEP_BEGIN;
	begin_operation(overlay);
}

void overlay_resume_deletion(struct overlay *overlay, unsigned layer)
{
	struct overlay_operation *operation = &overlay->operation;

	operation->operation = BLOCK_DELETE_SNAPSHOT;
	operation->layer = layer;
	operation->done = NULL;
	operation->step = STEP_MERGE;
	begin_operation(overlay);
}

void overlay_operation_init(struct overlay *overlay)
{
	overlay->operation.work.run = operation_run;
}
