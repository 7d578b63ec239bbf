/* SPDX-License-Identifier: Apache-2.0 */
/* The net server: looks up what root gave, resets the NICs, and goes round its loop. */
#include <stdio.h>
#include <stdlib.h>

#include <libsys/invoke.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "server.h"

#define KEY_SIZE sizeof(((struct task_resource *)0)->name)

static struct nic nics[NET_DEVICES_MAX];
static struct nic_resources device[NET_DEVICES_MAX];
static cptr_t interrupt[NET_DEVICES_MAX], client[NET_SESSIONS_MAX];

static void system_signal(unsigned session)
{
	/* A VMM that is gone needs no signal. */
	if (client[session])
		(void)sys_signal(client[session]);
}

static void system_acknowledge(unsigned number)
{
	static const uint64_t none[5];

	/* Of devices that share a line, one has the handler. */
	if (interrupt[number] && sys_invoke(interrupt[number], OP_IRQ_HANDLER_ACKNOWLEDGE, none, NULL) != ERR_OK)
		task_fail("the interrupt of device %u cannot be acknowledged", number);
}

static void system_open(struct nic *nic, uint32_t mtu)
{
	enum err err;

	device[nic->number].mtu = mtu;
	err = nic_open(nic, &device[nic->number]);
	if (err)
		log_warn("device %u: not a NIC that can be used (error %d)", nic->number, err);
}

static const struct server_system server_system = {
	.now = sys_time,
	.signal = system_signal,
	.acknowledge = system_acknowledge,
	.open = system_open,
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

static void find_devices(unsigned devices)
{
	uint64_t physical = task_value("dma.physical", 0);
	uint8_t *dma = devices ? find_memory("dma", (size_t)devices * NET_DMA_DEVICE) : NULL;
	char key[KEY_SIZE];

	for (unsigned i = 0; i < devices; i++) {
		struct nic_resources *resources = &device[i];

		resources->dma = dma + (size_t)i * NET_DMA_DEVICE;
		resources->dma_physical = physical + (uint64_t)i * NET_DMA_DEVICE;
		resources->dma_size = NET_DMA_DEVICE;
		resources->registers = find_of_device(i, "registers", &resources->registers_size);
		resources->config = find_of_device(i, "config", NULL);
		if (!resources->registers)
			task_fail("device %u has no registers", i);
		snprintf(key, sizeof(key), "device.%u.irq", i);
		interrupt[i] = task_cap(key);
	}
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
	struct server_resources resources = { .system = &server_system, .hz = task_info()->timebase_hz, .nic = nics, .nics = devices };
	const char *problem;

	if (devices > NET_DEVICES_MAX || sessions > NET_SESSIONS_MAX)
		task_fail("more devices or sessions than there may be");
	resources.tree = task_memory("system", &resources.tree_size);
	if (!resources.tree)
		task_fail("no system description was given");
	resources.session_count = sessions;
	resources.table = find_memory("table", sizeof(struct attach_table));
	resources.status = find_memory("status", sizeof(struct net_status));
	resources.command = find_memory("command", sizeof(struct net_command));
	if (sessions) {
		resources.sessions = find_memory("sessions", sessions * NET_PAGE);
		resources.hold = calloc((size_t)sessions * SERVER_HOLDS, sizeof(struct hold));
		if (!resources.hold)
			task_fail("the heap is too small for %u sessions", sessions);
	}
	find_clients(sessions);
	find_devices(devices);
	problem = server_start(&resources);
	if (problem)
		task_fail("the system description: %s", problem);
	/* One may have come, and been seen, before the handler was bound. */
	for (unsigned i = 0; i < devices; i++)
		system_acknowledge(i);
}

int main(void)
{
	struct console_channel *channel = task_memory("channel", NULL);
	bool more = true;

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
