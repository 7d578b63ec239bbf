/* SPDX-License-Identifier: Apache-2.0 */
#include "volumes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libsys/log.h>

#include <overlay.h>

#include "fake_disk.h"

struct volume volumes[BLOCK_VOLUMES_MAX];
unsigned volume_count;
char volume_log[4096];
static _Alignas(4096) uint8_t memory[BLOCK_DMA_SIZE(0, 4)];
static bool is_open;

void log_line(enum log_level level, const char *format, ...)
{
	size_t length = strlen(volume_log);
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	(void)vsnprintf(volume_log + length, sizeof(volume_log) - length, format, arguments);
	va_end(arguments);
	length = strlen(volume_log);
	if (length + 1 < sizeof(volume_log))
		strcpy(volume_log + length, "\n");
}

void volumes_close(void)
{
	for (unsigned i = 0; i < volume_count; i++)
		overlay_close(&volumes[i]);
}

void volumes_forget(void)
{
	volumes_close();
	memset(volumes, 0, sizeof(volumes));
	volume_count = 0;
	volumes_forget_memory();
}

void volumes_forget_memory(void)
{
	memset(memory, 0, sizeof(memory));
}

uint8_t *volumes_memory(void)
{
	return memory;
}

struct volume *volumes_add(const char *name, const char *disk, uint32_t partition, const char *label)
{
	struct volume *volume = &volumes[volume_count++];

	(void)snprintf(volume->config.name, sizeof(volume->config.name), "%s", name);
	(void)snprintf(volume->config.disk, sizeof(volume->config.disk), "%s", disk);
	(void)snprintf(volume->config.label, sizeof(volume->config.label), "%s", label ? label : "");
	volume->config.partition = partition;
	return volume;
}

struct volume *volumes_add_overlay(const char *name, const char *base, const char *store)
{
	struct volume *volume = &volumes[volume_count++];

	(void)snprintf(volume->config.name, sizeof(volume->config.name), "%s", name);
	(void)snprintf(volume->config.base, sizeof(volume->config.base), "%s", base);
	(void)snprintf(volume->config.store, sizeof(volume->config.store), "%s", store);
	return volume;
}

static void opened(void)
{
	is_open = true;
}

bool volumes_open_all(bool shuffle)
{
	struct volume_memory given = { memory, 0, sizeof(memory) };

	volumes_close();
	volume_log[0] = 0;
	is_open = false;
	volumes_open(volumes, volume_count, disks, FAKE_DISKS, &given, opened);
	while (!is_open && fake_disks_step(shuffle))
		;
	return is_open;
}

static void transfer_done(struct io *io, enum io_status status)
{
	*(int *)io->owner = (int)status;
}

int volumes_transfer(struct volume *volume, enum io_operation operation, uint64_t sector, uint32_t sectors, void *data)
{
	struct io_segment segment = { data, 0, sectors << SECTOR_BITS };
	int status = -1;
	struct io io = { .operation = operation, .sectors = sectors, .sector = sector, .segment = &segment, .segments = 1,
			 .done = transfer_done, .owner = &status };

	volume_submit(volume, &io);
	while (status == -1 && fake_disks_step(false))
		;
	return status;
}
