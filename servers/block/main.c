/* SPDX-License-Identifier: Apache-2.0 */
/* The block server: looks up what root gave, resets the disks, and goes round its loop. */
#include <stdio.h>
#include <stdlib.h>

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "server.h"

#define KEY_SIZE sizeof(((struct task_resource *)0)->name)

static struct disk disks[BLOCK_DEVICES_MAX];
static cptr_t interrupt[BLOCK_DEVICES_MAX], client[BLOCK_SESSIONS_MAX];

static void port_signal(unsigned session)
{
	/* A VMM that is gone needs no signal. */
	if (client[session])
		(void)sys_signal(client[session]);
}

static void port_acknowledge(unsigned device)
{
	static const uint64_t none[5];

	/* Of devices that share a line, one has the handler. */
	if (interrupt[device] && sys_invoke(interrupt[device], OP_IRQ_HANDLER_ACKNOWLEDGE, none, NULL) != ERR_OK)
		task_fail("the interrupt of device %u cannot be acknowledged", device);
}

static const struct port port = {
	.now = sys_time,
	.signal = port_signal,
	.acknowledge = port_acknowledge,
};

/* Memory of at least this size. */
static void *find_memory(const char *name, size_t least)
{
	size_t size;
	void *memory = task_memory(name, &size);

	if (!memory || size < least)
		task_fail("no memory \"%s\" of %lu bytes was given", name, (unsigned long)least);
	return memory;
}

static void *find_of_device(unsigned number, const char *what, size_t *size)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof(key), "device.%u.%s", number, what);
	return task_memory(key, size);
}

/* Resets the device and makes it ready; without a driver, or broken, it stays out of use. */
static void open_device(unsigned number, uint8_t *dma, uint64_t physical)
{
	char key[KEY_SIZE];
	struct disk_resources resources = {
		.dma = dma + (size_t)number * BLOCK_DMA_DEVICE,
		.dma_physical = physical + (uint64_t)number * BLOCK_DMA_DEVICE,
		.dma_size = BLOCK_DMA_DEVICE,
	};
	const struct disk *disk = &disks[number];
	enum err err;

	resources.registers = find_of_device(number, "registers", &resources.registers_size);
	resources.config = find_of_device(number, "config", NULL);
	if (!resources.registers)
		task_fail("device %u has no registers", number);
	snprintf(key, sizeof(key), "device.%u.irq", number);
	interrupt[number] = task_cap(key);
	err = disk_open(&disks[number], &resources);
	if (err)
		log_warn("device %u: not a disk that can be used (error %d)", number, err);
	else
		log_info("disk %s: %lu MiB, %s%s", disk->serial, (unsigned long)(disk->capacity >> 11), disk->driver->name,
			 disk->flags & BLOCK_FLAG_READ_ONLY ? ", read-only" : "");
}

static void find_clients(unsigned sessions)
{
	char key[KEY_SIZE];

	for (unsigned i = 0; i < sessions; i++) {
		snprintf(key, sizeof(key), "session.%u.signal", i);
		client[i] = task_cap(key);
	}
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
	resources.table = find_memory("table", sizeof(struct attach_table));
	resources.status = find_memory("status", sizeof(struct block_status));
	resources.command = find_memory("command", sizeof(struct block_command));
	if (sessions) {
		resources.sessions = find_memory("sessions", sessions * BLOCK_PAGE);
		resources.recovery = find_memory("recovery", sessions * BLOCK_RECOVERY_SIZE);
		resources.request = calloc((size_t)sessions * SESSION_REQUESTS, sizeof(struct request));
		if (!resources.request)
			task_fail("the heap is too small for %u sessions", sessions);
	}
	if (!resources.tree)
		task_fail("no system description was given");
	find_clients(sessions);
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
		port_acknowledge(i);
}

int main(void)
{
	struct console_channel *channel = task_memory("channel", NULL);
	bool more = true; /* sessions that go on have requests */

	if (channel)
		log_set_channel(channel, task_cap("console"));
	start();
	for (;;) {
		uint64_t bits = 0;
		enum err err = more ? sys_poll(TASK_SLOT_NOTIFICATION, &bits) :
				      sys_wait(TASK_SLOT_NOTIFICATION, server_deadline(), &bits);

		if (err != ERR_OK && err != ERR_TIMED_OUT && err != ERR_WOULD_BLOCK)
			task_fail("waiting failed with error %d", err);
		more = server_turn(bits);
	}
}
