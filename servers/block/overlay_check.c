/* SPDX-License-Identifier: Apache-2.0 */
/* What an overlay believes of its store: only what has the right checksum, and fits the rest. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "overlay_private.h"

bool overlay_problem(struct overlay *overlay, const char *format, ...)
{
	struct volume *volume = overlay->volume;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(volume->problem, sizeof(volume->problem), format, arguments);
	va_end(arguments);
	return false;
}

static bool is_zero(const void *data, size_t size)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < size; i++)
		if (byte[i])
			return false;
	return true;
}

static bool check_layers(const struct overlay *overlay, const struct overlay_superblock *head)
{
	unsigned deleted = 0;

	if (!head->layers || head->layers > OVERLAY_LAYERS_MAX ||
	    !is_zero(&head->layer[head->layers], (OVERLAY_LAYERS_MAX - head->layers) * sizeof(head->layer[0])))
		return false;
	for (unsigned i = 0; i < head->layers; i++) {
		const struct overlay_layer *layer = &head->layer[i];
		bool top = i + 1 == head->layers;

		if (!layer->id || layer->id >= head->next_layer || layer->reserved || layer->flags & ~OVERLAY_LAYER_DELETED)
			return false;
		if (top ? !is_zero(layer->name, OVERLAY_NAME_SIZE) || layer->flags : !layer->name[0] || layer->name[OVERLAY_NAME_SIZE - 1])
			return false;
		deleted += layer->flags;
		if (layer->map < OVERLAY_RESERVED || layer->map >= overlay->store_clusters ||
		    overlay->store_clusters - layer->map < overlay->map_clusters)
			return false;
		for (unsigned other = 0; other < i; other++)
			if (head->layer[other].id == layer->id || memcmp(head->layer[other].name, layer->name, OVERLAY_NAME_SIZE) == 0)
				return false;
	}
	return deleted <= 1;
}

bool overlay_check_head(struct overlay *overlay, const struct overlay_superblock *head, uint32_t base_checksum)
{
	if (head->version != OVERLAY_VERSION || head->cluster_size != OVERLAY_CLUSTER || head->block_size != OVERLAY_BLOCK)
		return overlay_problem(overlay, "the store \"%s\" is of another version of the format",
				       overlay->store->config.name);
	if (head->capacity != overlay->base->capacity)
		return overlay_problem(overlay, "the base has %s than when the overlay was made",
				       head->capacity > overlay->base->capacity ? "become smaller" : "become larger");
	if (head->store > overlay->store_clusters)
		return overlay_problem(overlay, "image too small: the store was %u MiB, now it is %u MiB", (unsigned)(head->store / 16),
				       (unsigned)(overlay->store_clusters / 16));
	if (!check_layers(overlay, head) || !is_zero(head->reserved, sizeof(head->reserved)))
		return overlay_problem(overlay, "the store's superblock makes no sense");
	if (head->base != base_checksum)
		return overlay_problem(overlay, "the base is newer than its overlay: it was written to since the overlay was made");
	return true;
}

bool overlay_check_journal(const struct overlay *overlay, uint64_t *sequence)
{
	const struct overlay_journal *journal = (void *)(overlay->memory.data + OVERLAY_STAGING);
	const struct overlay_page *page = (const void *)(journal + 1);

	if (memcmp(journal->magic, OVERLAY_JOURNAL_MAGIC, sizeof(journal->magic)) != 0 || journal->store != overlay->id ||
	    journal->checksum != overlay_journal_checksum(journal) || journal->pages > OVERLAY_JOURNAL_PAGES)
		return false;
	for (uint32_t i = 0; i < journal->pages; i++)
		if (page[i].magic != OVERLAY_PAGE_MAGIC || page[i].checksum != journal->page[i] || page[i].store != overlay->id ||
		    page[i].sequence != journal->sequence || page[i].checksum != overlay_page_checksum(&page[i]))
			return false;
	*sequence = journal->sequence;
	return true;
}

/* The page of the staged record; NULL: it has none of it. */
static const struct overlay_page *find_in_journal(const struct overlay *overlay, uint32_t layer, uint32_t index)
{
	const struct overlay_journal *journal = (void *)(overlay->memory.data + OVERLAY_STAGING);
	const struct overlay_page *page = (const void *)(journal + 1);

	for (uint32_t i = 0; i < journal->pages; i++)
		if (page[i].layer == layer && page[i].index == index)
			return &page[i];
	return NULL;
}

bool overlay_take_page(struct overlay *overlay, struct overlay_map *map, uint32_t index, const struct overlay_page *page,
		       uint64_t sequence)
{
	const struct overlay_page *newer = find_in_journal(overlay, map->layer.id, index);
	bool good = page->magic == OVERLAY_PAGE_MAGIC && page->layer == map->layer.id && page->index == index &&
		    page->store == overlay->id && page->checksum == overlay_page_checksum(page);

	if (good && page->sequence > sequence)
		return overlay_problem(overlay, "the store's journal is damaged");
	if (!newer && !good)
		return overlay_problem(overlay, "page %u of the map of layer %u is damaged", (unsigned)index, (unsigned)map->layer.id);
	if (newer && (!good || page->sequence < newer->sequence)) {
		page = newer;
		overlay_mark_page(map, index, PAGE_DIRTY | PAGE_BAD);
	}
	memcpy(map->entry + (size_t)index * OVERLAY_PAGE_ENTRIES, page->entry, sizeof(page->entry));
	return true;
}

/* Blocks that the cluster of the overlay with this number has. */
static uint32_t blocks_of(const struct overlay *overlay, uint32_t index)
{
	uint64_t blocks = (overlay->volume->capacity + BLOCK_SECTORS - 1) / BLOCK_SECTORS, first = (uint64_t)index * OVERLAY_BLOCKS;

	return blocks > first ? (1u << overlay_min(blocks - first, OVERLAY_BLOCKS)) - 1 : 0;
}

static bool makes_sense(const struct overlay *overlay, uint32_t index, const struct overlay_entry *entry)
{
	if (entry->present & entry->zero || (entry->present | entry->zero) & ~blocks_of(overlay, index))
		return false;
	if (!entry->present)
		return !entry->cluster;
	return entry->cluster >= OVERLAY_RESERVED && entry->cluster < overlay->store_clusters;
}

static bool use_once(struct overlay *overlay, uint64_t *used, uint32_t cluster)
{
	uint64_t bit = UINT64_C(1) << cluster % 64;

	if (used[cluster / 64] & bit)
		return overlay_problem(overlay, "the store's maps are damaged: a cluster is used twice");
	used[cluster / 64] |= bit;
	return true;
}

/* Sets the bits of all clusters that are in use; none is twice. */
static bool collect_used(struct overlay *overlay, uint64_t *used)
{
	for (uint32_t cluster = 0; cluster < OVERLAY_RESERVED; cluster++)
		used[cluster / 64] |= UINT64_C(1) << cluster % 64;
	for (unsigned layer = 0; layer < overlay->layers; layer++)
		for (uint32_t i = 0; i < overlay->map_clusters; i++)
			if (!use_once(overlay, used, overlay->map[layer].layer.map + i))
				return false;
	for (unsigned layer = 0; layer < overlay->layers; layer++)
		for (uint32_t i = 0; i < overlay->clusters; i++)
			if (overlay->map[layer].entry[i].cluster && !use_once(overlay, used, overlay->map[layer].entry[i].cluster))
				return false;
	return true;
}

/* A layer that is being deleted counts only where the one above does not hide it: the rest may belong to others by now. */
static void forget_hidden(struct overlay *overlay)
{
	for (unsigned layer = 0; layer + 1 < overlay->layers; layer++) {
		if (!(overlay->map[layer].layer.flags & OVERLAY_LAYER_DELETED))
			continue;
		for (uint32_t index = 0; index < overlay->clusters; index++) {
			struct overlay_entry *lower = &overlay->map[layer].entry[index];

			if (!lower->cluster || overlay_shown(lower, &overlay->map[layer + 1].entry[index]))
				continue;
			lower->cluster = 0;
			lower->present = 0;
		}
	}
}

bool overlay_check_maps(struct overlay *overlay)
{
	for (unsigned layer = 0; layer < overlay->layers; layer++)
		for (uint32_t i = 0; i < overlay->pages * OVERLAY_PAGE_ENTRIES; i++)
			if (!makes_sense(overlay, i, &overlay->map[layer].entry[i]))
				return overlay_problem(overlay, "the store's maps are damaged: entry %u of layer %u makes no sense", (unsigned)i,
						       (unsigned)overlay->map[layer].layer.id);
	forget_hidden(overlay);
	return collect_used(overlay, overlay->used);
}

static bool take_note(struct overlay *overlay, const struct overlay_note *note)
{
	unsigned layer = 0;

	while (layer < overlay->layers && overlay->map[layer].layer.id != note->layer)
		layer++;
	if (layer == overlay->layers)
		return true; /* it is gone by now, and so is the change */
	if (note->index >= overlay->clusters || !makes_sense(overlay, note->index, &note->entry))
		return overlay_problem(overlay, "the notes of the server before make no sense");
	overlay->map[layer].entry[note->index] = note->entry;
	overlay_mark_page(&overlay->map[layer], note->index / OVERLAY_PAGE_ENTRIES, PAGE_DIRTY);
	return true;
}

/* What only the disk's maps have leaves with the next commit, what only the notes have is in use, too. */
static void combine_used(struct overlay *overlay)
{
	uint64_t *noted = overlay->committing;

	for (uint32_t cluster = 0; cluster < overlay->store_clusters; cluster++) {
		uint64_t bit = UINT64_C(1) << cluster % 64;
		bool on_disk = overlay_is_used(overlay, cluster), in_notes = noted[cluster / 64] & bit;

		overlay->used_count += on_disk || in_notes;
		if (in_notes)
			overlay->used[cluster / 64] |= bit;
		else if (on_disk)
			overlay_leave(overlay, cluster);
		noted[cluster / 64] &= ~bit;
	}
}

bool overlay_take_notes(struct overlay *overlay)
{
	struct overlay_notes *notes = overlay->notes;

	if (notes->magic != OVERLAY_NOTES_MAGIC || notes->store != overlay->id || notes->head < notes->tail ||
	    notes->head - notes->tail > OVERLAY_NOTES) {
		notes->head = notes->tail = 0;
		notes->store = overlay->id;
		notes->magic = OVERLAY_NOTES_MAGIC;
	}
	for (uint64_t i = notes->tail; i < notes->head; i++)
		if (!take_note(overlay, &notes->note[i % OVERLAY_NOTES]))
			return false;
	forget_hidden(overlay);
	if (!collect_used(overlay, overlay->committing))
		return false;
	combine_used(overlay);
	return true;
}
