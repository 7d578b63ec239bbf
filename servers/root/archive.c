/* SPDX-License-Identifier: Apache-2.0 */
#include "archive.h"

#include <string.h>

#include <abi/archive.h>
#include <libsys/invoke.h>
#include <libsys/task.h>

#include "layout.h"
#include "slots.h"

#define PAGE 4096u
#define LARGE_BITS 21u
#define LARGE (UINT64_C(1) << LARGE_BITS)
#define SMALL_PER_LARGE 512u
#define CHUNKS_MAX 512u

/* 2 MiB of the archive: one large frame, or small ones where several files share it. */
struct chunk {
	cptr_t slot;
	bool small;
};

static struct chunk chunks[CHUNKS_MAX];
static uint64_t archive_size;

static const struct archive_header *header(void)
{
	return (const struct archive_header *)ARCHIVE_ADDRESS;
}

static bool chunk_is_shared(uint64_t chunk)
{
	unsigned files = 0;

	if (chunk == 0)
		return true; /* the header, too */
	for (uint32_t i = 0; i < header()->entries; i++) {
		const struct archive_entry *entry = &header()->entry[i];

		files += entry->size && entry->offset < (chunk + 1) * LARGE && entry->offset + entry->size > chunk * LARGE;
	}
	return files > 1;
}

static void check(void)
{
	const struct archive_header *head = header();

	if (head->magic != ARCHIVE_MAGIC || head->version != SERAI_ABI_VERSION || head->entries > ARCHIVE_ENTRIES_MAX ||
	    head->size > archive_size)
		task_fail("the boot archive is not valid");
	for (uint32_t i = 0; i < head->entries; i++) {
		const struct archive_entry *entry = &head->entry[i];

		if (!memchr(entry->name, 0, sizeof(entry->name)) || entry->offset % PAGE || entry->offset > head->size ||
		    entry->size > head->size - entry->offset)
			task_fail("entry %u of the boot archive is not valid", i);
	}
}

static enum err map_chunk(struct space *root, cptr_t untyped, uint64_t number)
{
	struct chunk *chunk = &chunks[number];
	bool small = chunk_is_shared(number);
	unsigned bits = small ? 12 : LARGE_BITS, count = small ? SMALL_PER_LARGE : 1;
	cptr_t slot = slots_allocate(count);

	if (!slot)
		return ERR_LIMIT;
	*chunk = (struct chunk){ slot, small };
	enum err err = untyped_retype(untyped, OBJECT_FRAME, bits, ROOT_SLOT_CNODE, slot, count);

	for (unsigned i = 0; i < count && !err; i++)
		err = space_map(root, slot + i, ARCHIVE_ADDRESS + number * LARGE + ((uint64_t)i << bits), RIGHT_READ);
	return err;
}

static const struct untyped_info *untyped_at(const struct root_info *info, uint64_t base)
{
	for (uint32_t i = 0; i < info->untypeds; i++)
		if (info->untyped[i].kind == REGION_ARCHIVE && info->untyped[i].base == base &&
		    info->untyped[i].size_bits >= LARGE_BITS)
			return &info->untyped[i];
	return NULL;
}

void archive_init(const struct root_info *info, struct space *root)
{
	uint64_t done = 0;

	archive_size = info->archive_size;
	if (archive_size > CHUNKS_MAX * LARGE)
		task_fail("the boot archive is larger than %u MiB", (unsigned)(CHUNKS_MAX * LARGE >> 20));
	while (done < archive_size) {
		const struct untyped_info *untyped = untyped_at(info, info->archive_base + done);

		if (!untyped)
			task_fail("no untyped for the boot archive at offset 0x%lx", done);
		for (uint64_t end = done + (UINT64_C(1) << untyped->size_bits); done < end; done += LARGE) {
			enum err err = map_chunk(root, untyped->slot, done / LARGE);

			if (err)
				task_fail("cannot map the boot archive: error %d", (int)err);
			if (done == 0)
				check();
		}
	}
}

bool archive_find(const char *name, struct file *file)
{
	for (uint32_t i = 0; i < header()->entries; i++) {
		const struct archive_entry *entry = &header()->entry[i];

		if (strcmp(entry->name, name) == 0) {
			*file = (struct file){ (const uint8_t *)header() + entry->offset, entry->offset, entry->size };
			return true;
		}
	}
	return false;
}

enum err archive_map(const struct file *file, struct space *space, uint64_t base, uint64_t *address)
{
	uint64_t offset = file->offset, end = file->offset + file->size, first = offset / LARGE * LARGE;
	enum err err = ERR_OK;

	*address = base + offset % LARGE;
	while (offset < end && !err) {
		const struct chunk *chunk = &chunks[offset / LARGE];

		if (chunk->small) {
			cptr_t slot = chunk->slot + (cptr_t)(offset % LARGE / PAGE);

			err = space_add_copy(space, base + offset - first, slot, RIGHT_READ);
			offset += PAGE;
		} else {
			offset = offset / LARGE * LARGE;
			err = space_add_copy(space, base + offset - first, chunk->slot, RIGHT_READ);
			offset += LARGE;
		}
	}
	return err;
}

uint64_t archive_frames(const struct file *file)
{
	uint64_t offset = file->offset, end = file->offset + file->size, count = 0;

	for (; offset < end; count++) {
		if (chunks[offset / LARGE].small)
			offset += PAGE;
		else
			offset = offset / LARGE * LARGE + LARGE;
	}
	return count;
}
