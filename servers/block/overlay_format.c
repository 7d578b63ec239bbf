/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a blank store an overlay's: all else first, and the head when that is on the disk, so a half formatted store still is blank. */
#include <string.h>

#include <libsys/log.h>

#include "checksum.h"
#include "overlay_private.h"

#define ROOM_MIN 16u /* clusters for data that a store has at least */

/* Numbers that differ between stores: there is no clock here, and no source of chance. */
static void make_uuid(const struct overlay *overlay, uint8_t *uuid)
{
	const struct volume *of[2] = { overlay->volume, overlay->store };

	for (unsigned half = 0; half < 2; half++) {
		uint64_t word = (uint64_t)overlay->opening.checksum << 32 |
				checksum_add(CHECKSUM_CRC32C, 0, of[half]->config.name, sizeof(of[half]->config.name));

		for (unsigned round = 0; round < 3; round++)
			word = (word ^ word >> 29 ^ overlay->store->capacity ^ overlay->store->first << 20) * UINT64_C(0xbf58476d1ce4e5b9);
		for (unsigned i = 0; i < 8; i++)
			uuid[8 * half + i] = (uint8_t)(word >> 8 * i);
	}
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80); /* RFC 9562, version 8 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static void format_pages(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;
	struct io *io = overlay_opening_io(overlay, FORMAT_PAGES);

	opening->next += overlay_new_pages(overlay, &overlay->map[0], (uint32_t)opening->next, &opening->segment, io);
	volume_submit(overlay->store, io);
}

/* An empty record in the first place; the second is blank. */
static void format_journal(struct overlay *overlay, unsigned half)
{
	struct overlay_opening *opening = &overlay->opening;
	struct overlay_journal *journal = (void *)(overlay->memory.data + OVERLAY_STAGING);
	struct io *io = overlay_opening_io(overlay, half ? FORMAT_JOURNAL_OTHER : FORMAT_JOURNAL);

	memset(journal, 0, sizeof(*journal));
	if (!half) {
		memcpy(journal->magic, OVERLAY_JOURNAL_MAGIC, sizeof(journal->magic));
		journal->store = overlay->id;
		journal->sequence = 1;
		journal->checksum = overlay_journal_checksum(journal);
	}
	opening->segment = overlay_memory(overlay, OVERLAY_STAGING, OVERLAY_BLOCK);
	io->operation = IO_WRITE;
	io->sector = (uint64_t)(OVERLAY_JOURNAL_FIRST + half * OVERLAY_JOURNAL_CLUSTERS) * CLUSTER_SECTORS;
	io->sectors = BLOCK_SECTORS;
	volume_submit(overlay->store, io);
}

bool overlay_format_begin(struct overlay *overlay)
{
	struct overlay_superblock *head = &overlay->head;
	uint32_t least = OVERLAY_RESERVED + overlay->map_clusters + ROOM_MIN;

	if (overlay->store_clusters < least)
		return overlay_problem(overlay, "image too small: the store has %u KiB, an overlay of this base needs at least %u",
				       (unsigned)(overlay->store->capacity / 2), least * (OVERLAY_CLUSTER >> 10));
	memset(head, 0, sizeof(*head));
	memcpy(head->magic, OVERLAY_MAGIC, sizeof(head->magic));
	head->version = OVERLAY_VERSION;
	head->sequence = 1;
	make_uuid(overlay, head->uuid);
	head->cluster_size = OVERLAY_CLUSTER;
	head->block_size = OVERLAY_BLOCK;
	head->capacity = overlay->base->capacity;
	head->store = overlay->store_clusters;
	head->base = overlay->opening.checksum;
	head->next_layer = 2;
	head->layers = 1;
	head->layer[0] = (struct overlay_layer){ .id = 1, .map = OVERLAY_RESERVED };
	overlay_set_id(overlay, head);
	overlay->opening.next = 0;
	overlay->map[0].layer = head->layer[0];
	if (!overlay_map_make(overlay, &overlay->map[0]))
		return overlay_problem(overlay, "there is no memory for the overlay's map");
	log_info("volume \"%s\": the store \"%s\" is blank and becomes its store", overlay->volume->config.name,
		 overlay->store->config.name);
	format_pages(overlay);
	return true;
}

void overlay_format_step(struct overlay *overlay)
{
	struct overlay_opening *opening = &overlay->opening;

	switch ((unsigned)opening->step) {
	case FORMAT_PAGES:
		if (opening->next < overlay->pages)
			format_pages(overlay);
		else
			format_journal(overlay, 0);
		break;
	case FORMAT_JOURNAL:
		format_journal(overlay, 1);
		break;
	case FORMAT_JOURNAL_OTHER:
		overlay_opening_flush(overlay, FORMAT_FLUSH);
		break;
	case FORMAT_FLUSH:
		overlay_opening_head(overlay, FORMAT_HEAD, false);
		break;
	case FORMAT_HEAD:
		overlay_opening_flush(overlay, FORMAT_HEAD_FLUSH);
		break;
	case FORMAT_HEAD_FLUSH:
		overlay_opening_head(overlay, FORMAT_COPY, true);
		break;
	case FORMAT_COPY:
		overlay_opening_flush(overlay, FORMAT_COPY_FLUSH);
		break;
	default: /* from the beginning: what was written is read and checked as at any other start */
		opening->checksum = 0;
		opening->next = 0;
		overlay_opening_begin(overlay);
		break;
	}
}
