/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block server's overlays on files, for the test of the disk tool: overlay_image BASE STORE OUT opens the overlay, does what
 * standard input says, a line each, and writes back the store and what the overlay shows:
 *
 * write SECTOR SECTORS SEED, zero SECTOR SECTORS, discard SECTOR SECTORS, flush, snapshot NAME, rollback NAME, delete NAME,
 * crash: power fails, and it is opened again; cut: power fails, and that is all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <volume.h>

#include "fake_disk.h"
#include "volumes.h"

#define BASE 0u
#define STORE 1u
#define SECTORS_MAX 2048u

static uint8_t data[SECTORS_MAX << SECTOR_BITS];
static const char *problem;
static bool operation_ended;

static void end(const char *what, const char *why)
{
	fprintf(stderr, "overlay_image: %s: %s\n", what, why);
	exit(1);
}

static void load(unsigned number, const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
		end(path, "cannot be read");
	fake_disk_make(number, (uint64_t)size >> SECTOR_BITS, 512);
	if (fread(fake_disks[number].data, 1, (size_t)size, file) != (size_t)size)
		end(path, "cannot be read");
	memcpy(fake_disks[number].durable, fake_disks[number].data, (size_t)size);
	fclose(file);
}

static void save(const char *path, const uint8_t *from, uint64_t sectors)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(from, SECTOR_SIZE, sectors, file) != sectors || fclose(file))
		end(path, "cannot be written");
}

static struct volume *overlay;

static void open_overlay(void)
{
	if (!volumes_open_all(false))
		end("volumes", "did not open");
	if (overlay->state != BLOCK_READY)
		end("the overlay", overlay->problem);
}

static void operation_done(struct volume *volume, const char *why)
{
	(void)volume;
	operation_ended = true;
	problem = why;
}

static void operate(enum block_operation operation, const char *name)
{
	operation_ended = false;
	volume_snapshot(overlay, operation, name, operation_done);
	fake_disks_run(false);
	if (!operation_ended || problem)
		end(name, problem ? problem : "did not end");
}

static void transfer(enum io_operation operation, uint64_t sector, uint64_t sectors)
{
	if (sectors > SECTORS_MAX || volumes_transfer(overlay, operation, sector, (uint32_t)sectors, data) != IO_OK)
		end("a transfer", "failed");
}

/* false: power is off. */
static bool obey(const char *line)
{
	unsigned long sector = 0, sectors = 0, seed = 0;
	char word[16] = "", name[16] = "";

	if (sscanf(line, "write %lu %lu %lu", &sector, &sectors, &seed) == 3) {
		for (size_t i = 0; i < sizeof(data); i++) {
			seed = (seed * 1103515245 + 12345) & 0x7fffffff;
			data[i] = (uint8_t)(seed >> 16);
		}
		transfer(IO_WRITE, sector, sectors);
	} else if (sscanf(line, "zero %lu %lu", &sector, &sectors) == 2) {
		transfer(IO_WRITE_ZEROES, sector, sectors);
	} else if (sscanf(line, "discard %lu %lu", &sector, &sectors) == 2) {
		transfer(IO_DISCARD, sector, sectors);
	} else if (sscanf(line, "%15s %15s", word, name) == 2 && !strcmp(word, "snapshot")) {
		operate(BLOCK_SNAPSHOT, name);
	} else if (!strcmp(word, "rollback")) {
		operate(BLOCK_ROLLBACK, name);
	} else if (!strcmp(word, "delete")) {
		operate(BLOCK_DELETE_SNAPSHOT, name);
	} else if (!strcmp(word, "flush")) {
		transfer(IO_FLUSH, 0, 0);
	} else if (!strcmp(word, "crash") || !strcmp(word, "cut")) {
		fake_disks_crash();
		volumes_forget_memory();
		if (!strcmp(word, "cut"))
			return false;
		open_overlay();
	} else {
		end(line, "not known");
	}
	return true;
}

static void show(const char *path)
{
	uint8_t *shown = malloc(overlay->capacity << SECTOR_BITS);

	if (!shown)
		end(path, "no memory");
	for (uint64_t sector = 0; sector < overlay->capacity; sector += SECTORS_MAX) {
		uint64_t left = overlay->capacity - sector, sectors = left < SECTORS_MAX ? left : SECTORS_MAX;

		transfer(IO_READ, sector, sectors);
		memcpy(shown + (sector << SECTOR_BITS), data, sectors << SECTOR_BITS);
	}
	save(path, shown, overlay->capacity);
	free(shown);
}

int main(int count, char **arguments)
{
	bool on = true;
	char line[80];

	if (count != 4)
		end("usage", "overlay_image BASE STORE OUT");
	fake_seed(1);
	load(BASE, arguments[1]);
	load(STORE, arguments[2]);
	volumes_add("base", "disk0", 0, NULL)->config.read_only = true;
	volumes_add("store", "disk1", 0, NULL);
	overlay = volumes_add_overlay("over", "base", "store");
	open_overlay();
	while (on && fgets(line, sizeof(line), stdin))
		on = obey(line);
	if (on)
		show(arguments[3]);
	fake_disks_run(false);
	save(arguments[2], fake_disks[STORE].data, disks[STORE].capacity);
	volumes_close();
	fake_disk_free(BASE);
	fake_disk_free(STORE);
	return 0;
}
