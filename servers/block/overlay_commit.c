/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit: what maps have in memory goes to the disk. Pages are copied, the disk is flushed (data that they point to is there then),
 * the pages are written to the journal as one record, the disk is flushed: now they count. Then they go to their places in the maps,
 * which the next commit's first flush covers, before it may overwrite the record after this one.
 */
#include <stddef.h>
#include <string.h>

#include "checksum.h"
#include "overlay_private.h"

static uint32_t checksum_around(const void *data, size_t size, size_t field)
{
	static const uint8_t zero[4];
	const uint8_t *byte = data;
	uint32_t checksum = checksum_add(CHECKSUM_CRC32C, 0, byte, field);

	checksum = checksum_add(CHECKSUM_CRC32C, checksum, zero, sizeof(zero));
	return checksum_add(CHECKSUM_CRC32C, checksum, byte + field + 4, size - field - 4);
}

uint32_t overlay_page_checksum(const struct overlay_page *page)
{
	return checksum_around(page, sizeof(*page), offsetof(struct overlay_page, checksum));
}

uint32_t overlay_journal_checksum(const struct overlay_journal *journal)
{
	return checksum_around(journal, sizeof(*journal), offsetof(struct overlay_journal, checksum));
}

uint32_t overlay_head_checksum(const struct overlay_superblock *head)
{
	return checksum_around(head, sizeof(*head), offsetof(struct overlay_superblock, checksum));
}

void overlay_page_fill(const struct overlay *overlay, const struct overlay_map *map, uint32_t index, uint64_t sequence,
		       struct overlay_page *page)
{
	page->magic = OVERLAY_PAGE_MAGIC;
	page->layer = map->layer.id;
	page->index = index;
	page->store = overlay->id;
	page->sequence = sequence;
	memcpy(page->entry, map->entry + (size_t)index * OVERLAY_PAGE_ENTRIES, sizeof(page->entry));
	memset(page->reserved, 0, sizeof(page->reserved));
	for (unsigned i = 0; i < OVERLAY_PAGE_ENTRIES; i++)
		if (!page->entry[i].present)
			page->entry[i].cluster = 0; /* its first write is on the way */
	page->checksum = overlay_page_checksum(page);
}

bool overlay_commit_idle(const struct overlay *overlay)
{
	return overlay->commit.step == COMMIT_IDLE && !overlay->commit.wanted;
}

void overlay_commit_now(struct overlay *overlay)
{
	overlay->commit.wanted = true;
	overlay_queue(overlay, &overlay->commit.work);
}

void overlay_flush(struct overlay *overlay, struct io *io)
{
	struct overlay_commit *commit = &overlay->commit;

	io->next = NULL;
	if (commit->waiting)
		commit->waiting_tail->next = io;
	else
		commit->waiting = io;
	commit->waiting_tail = io;
	overlay_commit_now(overlay);
}

static void io_done(struct io *io, enum io_status status)
{
	struct overlay *overlay = io->owner;

	overlay->commit.status = status;
	overlay->commit.ended = true;
	overlay_queue(overlay, &overlay->commit.work);
	overlay_run(overlay);
}

static void begin(struct overlay *overlay, enum io_operation operation, uint64_t sector, uint32_t bytes)
{
	struct overlay_commit *commit = &overlay->commit;

	commit->ended = false;
	commit->segment = overlay_memory(overlay, OVERLAY_STAGING, bytes);
	commit->io = (struct io){ .operation = operation, .sectors = bytes >> SECTOR_BITS, .sector = sector, .segment = &commit->segment,
				  .segments = 1, .done = io_done, .owner = overlay };
	volume_submit(overlay->store, &commit->io);
}

static struct overlay_page *staged_page(const struct overlay *overlay, unsigned number)
{
	return (struct overlay_page *)(void *)(overlay->memory.data + OVERLAY_STAGING + (number + 1) * OVERLAY_BLOCK);
}

static void choose(struct overlay *overlay)
{
	for (unsigned layer = 0; layer < overlay->layers; layer++) {
		struct overlay_map *map = &overlay->map[layer];

		for (uint32_t page = map->low; page < map->high; page++) {
			if (!(map->page[page] & PAGE_DIRTY))
				continue;
			map->page[page] ^= PAGE_DIRTY | PAGE_CHOSEN;
			overlay->commit.chosen++;
		}
	}
}

/* After all chosen pages are staged: narrows the bounds to those that have become dirty meanwhile. */
static void tighten(struct overlay_map *map, uint32_t pages)
{
	uint32_t low = pages, high = 0;

	for (uint32_t page = map->low; page < map->high; page++)
		if (map->page[page]) {
			low = low < page ? low : page;
			high = page + 1;
		}
	map->low = low;
	map->high = high;
}

static void stage_some(struct overlay *overlay, uint8_t which)
{
	struct overlay_commit *commit = &overlay->commit;

	for (unsigned layer = 0; layer < overlay->layers; layer++) {
		struct overlay_map *map = &overlay->map[layer];

		for (uint32_t page = map->low; page < map->high && commit->staged < OVERLAY_JOURNAL_PAGES; page++) {
			if ((map->page[page] & which) != which)
				continue;
			commit->page[commit->staged].map = map;
			commit->page[commit->staged].page = page;
			commit->page[commit->staged].bad = map->page[page] & PAGE_BAD;
			overlay_page_fill(overlay, map, page, commit->sequence, staged_page(overlay, commit->staged++));
			map->page[page] &= (uint8_t)~(PAGE_CHOSEN | PAGE_BAD);
			commit->chosen--;
		}
	}
}

/* Copies as many pages as a record takes, those that only the last record has first, and flushes what they point to. */
static void begin_record(struct overlay *overlay)
{
	struct overlay_commit *commit = &overlay->commit;

	commit->staged = 0;
	if (commit->chosen) {
		struct overlay_journal *journal = (void *)(overlay->memory.data + OVERLAY_STAGING);

		commit->sequence++;
		stage_some(overlay, PAGE_CHOSEN | PAGE_BAD);
		stage_some(overlay, PAGE_CHOSEN);
		memset(journal, 0, sizeof(*journal));
		memcpy(journal->magic, OVERLAY_JOURNAL_MAGIC, sizeof(journal->magic));
		journal->pages = commit->staged;
		journal->store = overlay->id;
		journal->sequence = commit->sequence;
		for (unsigned i = 0; i < commit->staged; i++)
			journal->page[i] = staged_page(overlay, i)->checksum;
		journal->checksum = overlay_journal_checksum(journal);
		for (unsigned layer = 0; layer < overlay->layers && !commit->chosen; layer++)
			tighten(&overlay->map[layer], overlay->pages);
	}
	commit->step = COMMIT_DATA;
	begin(overlay, IO_FLUSH, 0, 0);
}

static void move_bits(const struct overlay *overlay, uint64_t *to, uint64_t *from)
{
	for (uint32_t word = 0; word < (overlay->store_clusters + 63) / 64; word++) {
		to[word] |= from[word];
		from[word] = 0;
	}
}

static void begin_commit(struct overlay *overlay)
{
	struct overlay_commit *commit = &overlay->commit;

	commit->wanted = false;
	commit->current = commit->waiting;
	commit->waiting = NULL;
	commit->mark = overlay->notes->head;
	commit->chosen = 0;
	choose(overlay);
	if (overlay->leaving_count)
		move_bits(overlay, overlay->committing, overlay->leaving);
	overlay->committing_count += overlay->leaving_count;
	overlay->leaving_count = 0;
	begin_record(overlay);
}

/* Those who wait for this commit hear of its end. */
static void answer(struct overlay *overlay, enum io_status status)
{
	struct overlay_commit *commit = &overlay->commit;

	overlay_notes_came(overlay, status);
	while (commit->current) {
		struct io *io = commit->current;

		commit->current = io->next;
		io->done(io, status);
	}
}

/* All of it is on the disk: its notes are done with, and the clusters that it freed are free. */
static void succeed(struct overlay *overlay)
{
	struct overlay_commit *commit = &overlay->commit;

	__atomic_store_n(&overlay->notes->tail, commit->mark, __ATOMIC_RELEASE); /* before the clusters are given out */
	if (overlay->committing_count) {
		for (uint32_t word = 0; word < (overlay->store_clusters + 63) / 64; word++) {
			overlay->used[word] &= ~overlay->committing[word];
			overlay->committing[word] = 0;
		}
		overlay->used_count -= overlay->committing_count;
		overlay->committing_count = 0;
	}
	answer(overlay, IO_OK);
}

static void idle(struct overlay *overlay)
{
	overlay->commit.step = COMMIT_IDLE;
	if (overlay->commit.wanted)
		overlay_queue(overlay, &overlay->commit.work);
	else if (overlay->operation.pending)
		overlay_admit(overlay);
	if (overlay->operation.going)
		overlay_queue(overlay, &overlay->operation.work);
}

/* Nothing was lost but time: the pages are dirty again. */
static void fail(struct overlay *overlay, bool staged)
{
	struct overlay_commit *commit = &overlay->commit;

	for (unsigned i = 0; staged && i < commit->staged; i++)
		overlay_mark_page(commit->page[i].map, commit->page[i].page, PAGE_DIRTY | commit->page[i].bad);
	for (unsigned layer = 0; layer < overlay->layers; layer++) {
		struct overlay_map *map = &overlay->map[layer];

		for (uint32_t page = map->low; page < map->high; page++)
			if (map->page[page] & PAGE_CHOSEN)
				map->page[page] = (map->page[page] & PAGE_BAD) | PAGE_DIRTY;
	}
	if (overlay->committing_count)
		move_bits(overlay, overlay->leaving, overlay->committing);
	overlay->leaving_count += overlay->committing_count;
	overlay->committing_count = 0;
	answer(overlay, IO_ERROR);
	idle(overlay);
}

static void homes_ended(struct overlay *overlay)
{
	struct overlay_commit *commit = &overlay->commit;

	if (!commit->chosen)
		idle(overlay);
	else if (commit->home_failed)
		fail(overlay, false);
	else
		begin_record(overlay);
}

static void home_done(struct io *io, enum io_status status)
{
	struct overlay *overlay = io->owner;
	struct overlay_commit *commit = &overlay->commit;
	unsigned first = (unsigned)(io - commit->home);

	if (status != IO_OK) {
		commit->home_failed = true;
		for (unsigned i = first; i < first + io->sectors / BLOCK_SECTORS; i++)
			overlay_mark_page(commit->page[i].map, commit->page[i].page, PAGE_DIRTY | PAGE_BAD);
	}
	commit->homes--;
	if (!commit->homes) {
		commit->ended = true;
		overlay_queue(overlay, &commit->work);
	}
	overlay_run(overlay);
}

/* Pages that are neighbours go in one transfer; its number is that of its first page. */
static void begin_homes(struct overlay *overlay)
{
	struct overlay_commit *commit = &overlay->commit;
	unsigned count;

	commit->step = COMMIT_HOMES;
	commit->ended = commit->home_failed = false;
	commit->homes = 1; /* until all are begun */
	for (unsigned first = 0; first < commit->staged; first += count) {
		const struct overlay_map *map = commit->page[first].map;
		uint32_t page = commit->page[first].page;

		for (count = 1; first + count < commit->staged; count++)
			if (commit->page[first + count].map != map || commit->page[first + count].page != page + count)
				break;
		commit->home_segment[first] = overlay_memory(overlay, OVERLAY_STAGING + (first + 1) * OVERLAY_BLOCK, count * OVERLAY_BLOCK);
		commit->home[first] = (struct io){ .operation = IO_WRITE, .sectors = count * BLOCK_SECTORS,
			.sector = (uint64_t)map->layer.map * CLUSTER_SECTORS + (uint64_t)page * BLOCK_SECTORS,
			.segment = &commit->home_segment[first], .segments = 1, .done = home_done, .owner = overlay };
		commit->homes++;
		volume_submit(overlay->store, &commit->home[first]);
	}
	commit->homes--;
	if (!commit->homes)
		homes_ended(overlay);
}

static void commit_run(struct overlay *overlay)
{
	struct overlay_commit *commit = &overlay->commit;

	if (commit->step == COMMIT_IDLE) {
		if (commit->wanted)
			begin_commit(overlay);
		return;
	}
	if (!commit->ended)
		return;
	commit->ended = false;
	if (commit->step == COMMIT_HOMES) {
		homes_ended(overlay);
	} else if (commit->status != IO_OK) {
		fail(overlay, true);
	} else if (commit->step == COMMIT_DATA && commit->staged) {
		commit->step = COMMIT_RECORD;
		begin(overlay, IO_WRITE,
		      (uint64_t)(OVERLAY_JOURNAL_FIRST + commit->half * OVERLAY_JOURNAL_CLUSTERS) * CLUSTER_SECTORS,
		      (1 + commit->staged) * OVERLAY_BLOCK);
	} else if (commit->step == COMMIT_RECORD) {
		commit->step = COMMIT_FLUSH;
		begin(overlay, IO_FLUSH, 0, 0);
	} else {
		commit->half ^= commit->staged != 0;
		if (!commit->chosen)
			succeed(overlay);
		begin_homes(overlay);
	}
}

void overlay_commit_init(struct overlay *overlay)
{
	overlay->commit.work.run = commit_run;
}
