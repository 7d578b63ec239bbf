/* SPDX-License-Identifier: Apache-2.0 */
/* The block server: looks up what root gave, resets the disks, and goes round its loop. */
#include <stdlib.h>

#include <libsys/backend.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "server.h"

static struct disk disks[BLOCK_DEVICES_MAX];

static const struct port port = {
	.now = sys_time,
	.signal = backend_signal,
	.acknowledge = backend_acknowledge,
};

/* Resets the device and makes it ready; without a driver, or broken, it stays out of use. */
static void open_device(unsigned number, uint8_t *dma, uint64_t physical)
{
	struct disk_resources resources = {
		.dma = dma + (size_t)number * BLOCK_DMA_DEVICE,
		.dma_physical = physical + (uint64_t)number * BLOCK_DMA_DEVICE,
		.dma_size = BLOCK_DMA_DEVICE,
	};
	const struct disk *disk = &disks[number];
	enum err err;

	resources.registers = backend_device_memory(number, "registers", &resources.registers_size);
	resources.config = backend_device_memory(number, "config", NULL);
	if (!resources.registers)
		task_fail("device %u has no registers", number);
	err = disk_open(&disks[number], &resources);
	if (err)
		log_warn("device %u: not a disk that can be used (error %d)", number, err);
	else
		log_info("disk %s: %lu MiB, %s%s", disk->serial, (unsigned long)(disk->capacity >> 11), disk->driver->name,
			 disk->flags & BLOCK_FLAG_READ_ONLY ? ", read-only" : "");
}

static void start(void)
{
	unsigned devices = (unsigned)task_value("devices", 0), sessions = (unsigned)task_value("sessions", 0);
	uint64_t physical = task_value("dma.physical", 0);
	struct server_resources resources = { .port = &port, .hz = task_info()->timebase_hz, .disk = disks, .disks = devices };
	uint8_t *dma = task_memory("dma", &resources.memory.dma_size);
	const char *problem;

	if (devices > BLOCK_DEVICES_MAX || sessions > BLOCK_SESSIONS_MAX)
		task_fail("more devices or sessions than there may be");
	if (!dma || resources.memory.dma_size < BLOCK_DMA_SIZE(devices, 0))
		task_fail("no memory \"dma\" was given");
	resources.tree = task_memory("system", &resources.tree_size);
	resources.session_count = sessions;
	resources.table = backend_memory("table", sizeof(struct attach_table));
	resources.status = backend_memory("status", sizeof(struct block_status));
	resources.command = backend_memory("command", sizeof(struct block_command));
	if (sessions) {
		resources.sessions = backend_memory("sessions", sessions * BLOCK_PAGE);
		resources.recovery = backend_memory("recovery", sessions * BLOCK_RECOVERY_SIZE);
		resources.request = calloc((size_t)sessions * SESSION_REQUESTS, sizeof(struct request));
		if (!resources.request)
			task_fail("the heap is too small for %u sessions", sessions);
	}
	if (!resources.tree)
		task_fail("no system description was given");
	backend_find(devices, sessions);
	for (unsigned i = 0; i < devices; i++)
		open_device(i, dma, physical);
	resources.memory.dma = dma + (size_t)devices * BLOCK_DMA_DEVICE;
	resources.memory.dma_physical = physical + (uint64_t)devices * BLOCK_DMA_DEVICE;
	resources.memory.dma_size -= (size_t)devices * BLOCK_DMA_DEVICE;
	problem = server_start(&resources);
	if (problem)
		task_fail("the system description: %s", problem);
	/* One may have come, and been seen, before the handler was bound. */
	for (unsigned i = 0; i < devices; i++)
		backend_acknowledge(i);
}

int main(void)
{
	backend_log();
	start();
	backend_run(server_turn, server_deadline);
}
