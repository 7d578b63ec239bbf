/* SPDX-License-Identifier: Apache-2.0 */
/* The net server: looks up what root gave, resets the NICs, and goes round its loop. */
#include <stdlib.h>

#include <libsys/backend.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "server.h"

#define DEVICES_MAX (NET_DEVICES_MAX + NET_CAPTURES_MAX)

static struct nic nics[NET_DEVICES_MAX];
static struct nic_resources device[DEVICES_MAX]; /* NICs first */
static unsigned nic_count;

static void system_open(struct nic *nic, uint32_t mtu)
{
	enum err err;

	device[nic->number].mtu = mtu;
	err = nic_open(nic, &device[nic->number]);
	if (err)
		log_warn("device %u: not a NIC that can be used (error %d)", nic->number, err);
}

static void system_open_stream(struct stream *stream, unsigned number)
{
	enum err err = stream_open(stream, &device[nic_count + number]);

	if (err)
		log_warn("capture %u: not a device that can be used (error %d)", number, err);
}

static const struct server_system server_system = {
	.now = sys_time,
	.signal = backend_signal,
	.acknowledge = backend_acknowledge,
	.open = system_open,
	.open_stream = system_open_stream,
};

static void find_devices(unsigned devices)
{
	uint64_t physical = task_value("dma.physical", 0);
	uint8_t *dma = devices ? backend_memory("dma", (size_t)devices * NET_DMA_DEVICE) : NULL;

	for (unsigned i = 0; i < devices; i++) {
		struct nic_resources *resources = &device[i];

		resources->dma = dma + (size_t)i * NET_DMA_DEVICE;
		resources->dma_physical = physical + (uint64_t)i * NET_DMA_DEVICE;
		resources->dma_size = NET_DMA_DEVICE;
		resources->registers = backend_device_memory(i, "registers", &resources->registers_size);
		resources->config = backend_device_memory(i, "config", NULL);
		if (!resources->registers)
			task_fail("device %u has no registers", i);
	}
}

static void start(void)
{
	unsigned devices = (unsigned)task_value("devices", 0), sessions = (unsigned)task_value("sessions", 0);
	unsigned captures = (unsigned)task_value("quiet-devices", 0);
	struct server_resources resources = { .system = &server_system, .hz = task_info()->timebase_hz, .nic = nics,
					      .captures = captures, .epoch = task_value("epoch", 0) };
	const char *problem;

	if (captures > NET_CAPTURES_MAX || devices < captures || devices - captures > NET_DEVICES_MAX || sessions > NET_SESSIONS_MAX)
		task_fail("more devices or sessions than there may be");
	resources.nics = nic_count = devices - captures;
	resources.tree = task_memory("system", &resources.tree_size);
	if (!resources.tree)
		task_fail("no system description was given");
	resources.session_count = sessions;
	resources.table = backend_memory("table", sizeof(struct attach_table));
	resources.status = backend_memory("status", sizeof(struct net_status));
	resources.command = backend_memory("command", sizeof(struct net_command));
	if (sessions) {
		resources.sessions = backend_memory("sessions", sessions * NET_PAGE);
		resources.hold = calloc((size_t)sessions * SERVER_HOLDS, sizeof(struct hold));
		if (!resources.hold)
			task_fail("the heap is too small for %u sessions", sessions);
	}
	backend_find(devices, sessions);
	find_devices(devices);
	problem = server_start(&resources);
	if (problem)
		task_fail("the system description: %s", problem);
	/* One may have come, and been seen, before the handler was bound. */
	for (unsigned i = 0; i < nic_count; i++)
		backend_acknowledge(i);
}

int main(void)
{
	backend_log();
	start();
	backend_run(server_turn, server_deadline);
}
