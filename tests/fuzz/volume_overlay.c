/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with bytes of its metadata changed. With the checksums left as they were: it is refused with a reason, or all of it reads as before.
 * With new checksums: what it reads may be anything, but it does so without harm.
 */
#include <stdio.h>

#include <checksum.h>
#include <proto/overlay.h>

#include "fake_disk.h"
#include "vmm_fuzz.h"
#include "volumes.h"

#define CLUSTER 128u
#define SECTORS (10 * CLUSTER + 3) /* of the overlay */
#define STORE 40u                  /* clusters */
#define PLACES_MAX 64u

static uint8_t base[SECTORS * 512], store[STORE * OVERLAY_CLUSTER], expected[SECTORS * 512], found[SECTORS * 512];
static struct { uint32_t offset, checksum_at; } place[PLACES_MAX]; /* blocks of metadata, and where in them the checksum is */
static unsigned places;
static struct volume *overlay;

static void ignore(struct volume *volume, const char *problem)
{
	(void)volume;
	(void)problem;
}

static void make_disks(void)
{
	volumes_forget();
	fake_disk_make(0, SECTORS, 512);
	fake_disk_make(1, STORE * CLUSTER, 512);
	memcpy(fake_disks[0].data, base, sizeof(base));
	memcpy(fake_disks[1].data, store, sizeof(store));
	volumes_add("base", "disk0", 0, NULL);
	volumes_add("store", "disk1", 0, NULL);
	overlay = volumes_add_overlay("overlay", "base", "store");
}

static void add_place(uint32_t offset)
{
	const uint8_t *block = store + offset;
	uint32_t magic;

	memcpy(&magic, block, 4);
	place[places].offset = offset;
	place[places].checksum_at = memcmp(block, OVERLAY_MAGIC, 8) == 0 ? 12 : magic == OVERLAY_PAGE_MAGIC ? 4 : 8;
	places++;
}

/* A store with snapshots, one of them half deleted, and all of it settled. */
static void make_store(void)
{
	static uint8_t data[300 * 512];

	for (unsigned i = 0; i < sizeof(base); i++)
		base[i] = (uint8_t)(i / 512 + i);
	make_disks();
	CHECK(volumes_open_all(false) && overlay->state == BLOCK_READY);
	for (unsigned i = 0; i < 5; i++) {
		char name[3] = { 's', (char)('0' + i), 0 };

		memset(data, (int)(0x50 + i), sizeof(data));
		CHECK(volumes_transfer(overlay, IO_WRITE, 100 + 150 * i, 300, data) == IO_OK);
		CHECK(volumes_transfer(overlay, IO_DISCARD, 60 * i, 70, NULL) == IO_OK);
		CHECK(volumes_transfer(overlay, IO_FLUSH, 0, 0, NULL) == IO_OK);
		if (i < 3)
			volume_snapshot(overlay, BLOCK_SNAPSHOT, name, ignore);
		fake_disks_run(false);
	}
	/* Power fails in the middle of a deletion. */
	fake_disks[1].die_at = fake_disks[1].operations + 9;
	volume_snapshot(overlay, BLOCK_DELETE_SNAPSHOT, "s1", ignore);
	fake_disks_run(false);
	fake_disks_restart();
	memcpy(store, fake_disks[1].data, sizeof(store));
	make_disks();
	CHECK(volumes_open_all(false) && overlay->state == BLOCK_READY);
	CHECK(volumes_transfer(overlay, IO_READ, 0, SECTORS, expected) == IO_OK);
	fake_disks_run(false);
	for (uint32_t offset = 0; offset < sizeof(store) && places < PLACES_MAX; offset += 4096) {
		uint32_t magic;

		memcpy(&magic, store + offset, 4);
		if (magic == OVERLAY_PAGE_MAGIC || memcmp(store + offset, OVERLAY_MAGIC, 8) == 0 ||
		    memcmp(store + offset, OVERLAY_JOURNAL_MAGIC, 8) == 0)
			add_place(offset);
	}
	CHECK(places > 10);
}

static void seal(uint8_t *block, uint32_t at)
{
	uint32_t checksum;

	memset(block + at, 0, 4);
	checksum = checksum_add(CHECKSUM_CRC32C, 0, block, 4096);
	memcpy(block + at, &checksum, 4);
}

static void use(void)
{
	static uint8_t data[40 * 512];

	(void)volumes_transfer(overlay, IO_WRITE, 7, 40, data);
	(void)volumes_transfer(overlay, IO_DISCARD, 500, 200, NULL);
	(void)volumes_transfer(overlay, IO_FLUSH, 0, 0, NULL);
	volume_snapshot(overlay, BLOCK_DELETE_SNAPSHOT, "s0", ignore);
	volume_snapshot(overlay, BLOCK_ROLLBACK, "s2", ignore);
	fake_disks_run(false);
	volume_snapshot(overlay, BLOCK_ROLLBACK, "s2", ignore);
	fake_disks_run(false);
	(void)volumes_transfer(overlay, IO_WRITE, 300, 40, data);
	(void)volumes_transfer(overlay, IO_FLUSH, 0, 0, NULL);
	fake_disks_run(false);
}

/* Puts four bytes, or one, into a block of metadata. */
static void edit(unsigned which, uint32_t offset, uint32_t value, uint8_t flags)
{
	uint8_t *block = fake_disks[1].data + place[which].offset;

	memcpy(block + offset % 4093, &value, flags & 2 ? 1 : 4);
	if (flags & 1)
		seal(block, place[which].checksum_at);
}

static uint64_t hash(const uint8_t *data, size_t size)
{
	uint64_t value = size;

	for (size_t i = 0; i < size; i++)
		value = (value ^ data[i]) * UINT64_C(0x100000001b3);
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t flags = (uint8_t)input_take(&input, 1);

	if (!places)
		make_store();
	make_disks();
	for (unsigned edits = 0; edits < 32 && input.left; edits++) {
		unsigned which = (unsigned)input_take(&input, 1) % places;

		edit(which, (uint32_t)input_take(&input, 2), (uint32_t)input_take(&input, 4), flags);
	}
	/* And some by chance, most of them where something is. */
	fake_seed(hash(data, size));
	for (unsigned edits = fake_random(flags >> 4 & 7); edits; edits--) {
		unsigned which = fake_random(places);

		edit(which, fake_random(fake_random(2) ? 4096 : 360), fake_random(2) ? fake_random(64) : fake_random(UINT32_MAX), flags);
	}
	CHECK(volumes_open_all(false));
	if (overlay->state != BLOCK_READY) {
		CHECK(overlay->state == BLOCK_FAILED && overlay->problem[0]);
	} else {
		CHECK(volumes_transfer(overlay, IO_READ, 0, SECTORS, found) == IO_OK || flags & 1);
		CHECK(flags & 1 || memcmp(found, expected, sizeof(found)) == 0);
		use();
	}
	fake_disks_run(false);
	volumes_forget();
	fake_disk_free(0);
	fake_disk_free(1);
	return 0;
}
