/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of an overlay in memory, which clusters of the store are free, and the notes of what changes. */
#include <stdlib.h>
#include <string.h>

#include "overlay_private.h"

bool overlay_map_make(const struct overlay *overlay, struct overlay_map *map)
{
	map->entry = calloc((size_t)overlay->pages * OVERLAY_PAGE_ENTRIES, sizeof(*map->entry));
	map->page = calloc(overlay->pages, 1);
	map->low = overlay->pages;
	map->high = 0;
	if (map->entry && map->page)
		return true;
	overlay_map_free(map);
	return false;
}

void overlay_map_free(struct overlay_map *map)
{
	free(map->entry);
	free(map->page);
	map->entry = NULL;
	map->page = NULL;
}

/* The blocks from `bit` on in a cluster that are in one piece: returns their number. */
static unsigned find_in_cluster(const struct overlay *overlay, uint32_t index, unsigned bit, enum overlay_source *source, uint64_t *place)
{
	uint32_t mask, claimed = 0;

	for (unsigned layer = overlay->layers; layer-- > 0;) {
		const struct overlay_entry *entry = &overlay->map[layer].entry[index];

		mask = entry->present & ~claimed;
		if (mask >> bit & 1) {
			*source = SOURCE_STORE;
			*place = (uint64_t)entry->cluster * CLUSTER_SECTORS + bit * BLOCK_SECTORS;
			return (unsigned)__builtin_ctz(~(mask >> bit));
		}
		mask = entry->zero & ~claimed;
		if (mask >> bit & 1) {
			*source = SOURCE_ZERO;
			return (unsigned)__builtin_ctz(~(mask >> bit));
		}
		claimed |= entry->present | entry->zero;
	}
	*source = SOURCE_BASE;
	mask = ~claimed & 0xffff;
	return (unsigned)__builtin_ctz(~(mask >> bit));
}

uint32_t overlay_find(const struct overlay *overlay, uint64_t sector, uint32_t sectors, enum overlay_source *source, uint64_t *place)
{
	uint32_t total = 0;

	while (total < sectors) {
		uint64_t at = sector + total, found = at;
		enum overlay_source from;
		uint32_t within = (uint32_t)(at % BLOCK_SECTORS), run;

		run = find_in_cluster(overlay, (uint32_t)(at / CLUSTER_SECTORS), (unsigned)(at % CLUSTER_SECTORS / BLOCK_SECTORS), &from,
				      &found);
		found += from == SOURCE_STORE ? within : 0;
		if (total && (from != *source || (from == SOURCE_STORE && found != *place + total)))
			break;
		if (!total) {
			*source = from;
			*place = found;
		}
		total += overlay_min(run * BLOCK_SECTORS - within, sectors - total);
	}
	return total;
}

static bool get_bit(const uint64_t *bits, uint32_t cluster)
{
	return bits[cluster / 64] >> cluster % 64 & 1;
}

bool overlay_is_used(const struct overlay *overlay, uint32_t cluster)
{
	return get_bit(overlay->used, cluster);
}

void overlay_use(struct overlay *overlay, uint32_t cluster)
{
	overlay->used[cluster / 64] |= UINT64_C(1) << cluster % 64;
	overlay->used_count++;
}

/* From `first` on, before `end`; `end`: none. Bits beyond the store are set. */
static uint32_t find_free(const struct overlay *overlay, uint32_t first, uint32_t end)
{
	while (first < end) {
		uint64_t word = ~overlay->used[first / 64] >> first % 64;

		if (word) {
			first += (uint32_t)__builtin_ctzll(word);
			return first < end ? first : end;
		}
		first = (first / 64 + 1) * 64;
	}
	return end;
}

uint32_t overlay_allocate(struct overlay *overlay)
{
	uint32_t end = overlay->store_clusters, cluster = find_free(overlay, overlay->next_cluster, end);

	if (cluster == end) {
		cluster = find_free(overlay, OVERLAY_RESERVED, overlay->next_cluster);
		if (cluster == overlay->next_cluster)
			return 0;
	}
	overlay_use(overlay, cluster);
	overlay->next_cluster = cluster + 1 < end ? cluster + 1 : OVERLAY_RESERVED;
	return cluster;
}

uint32_t overlay_allocate_row(struct overlay *overlay, uint32_t count)
{
	uint32_t first = OVERLAY_RESERVED, end;

	for (;;) {
		first = find_free(overlay, first, overlay->store_clusters);
		if (overlay->store_clusters - first < count)
			return 0;
		for (end = first; end - first < count && !get_bit(overlay->used, end); end++)
			;
		if (end - first == count)
			break;
		first = end;
	}
	for (uint32_t cluster = first; cluster < end; cluster++)
		overlay_use(overlay, cluster);
	return first;
}

void overlay_release(struct overlay *overlay, uint32_t cluster)
{
	overlay->used[cluster / 64] &= ~(UINT64_C(1) << cluster % 64);
	overlay->used_count--;
}

void overlay_leave(struct overlay *overlay, uint32_t cluster)
{
	overlay->leaving[cluster / 64] |= UINT64_C(1) << cluster % 64;
	overlay->leaving_count++;
}

void overlay_mark_page(struct overlay_map *map, uint32_t page, uint8_t state)
{
	map->page[page] |= state;
	if (page < map->low)
		map->low = page;
	if (page >= map->high)
		map->high = page + 1;
}

void overlay_set(struct overlay *overlay, struct overlay_map *map, uint32_t index, struct overlay_entry entry)
{
	struct overlay_entry *old = &map->entry[index];

	if (old->cluster && old->cluster != entry.cluster) {
		/* Without anything present it never was in a map on the disk. */
		if (old->present)
			overlay_leave(overlay, old->cluster);
		else
			overlay_release(overlay, old->cluster);
	}
	*old = entry;
	overlay_mark_page(map, index / OVERLAY_PAGE_ENTRIES, PAGE_DIRTY);
}

void overlay_change(struct overlay *overlay, struct overlay_map *map, uint32_t index, struct overlay_entry entry)
{
	struct overlay_notes *notes = overlay->notes;

	notes->note[notes->head % OVERLAY_NOTES] = (struct overlay_note){ map->layer.id, index, entry };
	__atomic_store_n(&notes->head, notes->head + 1, __ATOMIC_RELEASE); /* the server may end between the two */
	overlay_set(overlay, map, index, entry);
}

bool overlay_notes_room(const struct overlay *overlay, uint32_t count)
{
	return overlay->notes->head - overlay->notes->tail + overlay->reserved_notes + count <= OVERLAY_NOTES;
}
