/* SPDX-License-Identifier: Apache-2.0 */
/* What all NICs have in common: the table of drivers, and what a NIC is that has failed. */
#include "nic.h"

#include <libsys/log.h>
#include <string.h>

#include "driver_virtio_net.h"

static const struct nic_driver *const drivers[] = {
	&driver_virtio_net,
};

/* Of a NIC that has failed: takes everything, and nothing comes. */
static unsigned no_room(struct nic *nic)
{
	(void)nic;
	return NET_QUEUE_SIZE;
}

static bool no_send(struct nic *nic, const struct frame *frame, void *token)
{
	(void)frame;
	if (token)
		nic->sent(nic, token);
	return true;
}

static uint8_t *no_prepare(struct nic *nic, uint32_t *room)
{
	(void)nic;
	*room = 0;
	return NULL;
}

static bool no_send_copy(struct nic *nic, const uint8_t *data, uint32_t length)
{
	(void)nic;
	(void)data;
	(void)length;
	return true;
}

static void no_kick(struct nic *nic)
{
	(void)nic;
}

static bool no_work(struct nic *nic, unsigned most)
{
	(void)nic;
	(void)most;
	return false;
}

static const struct nic_driver none = {
	.name = "none",
	.room = no_room,
	.send = no_send,
	.prepare = no_prepare,
	.send_copy = no_send_copy,
	.await = no_kick,
	.kick = no_kick,
	.work = no_work,
};

enum err nic_open(struct nic *nic, const struct nic_resources *resources)
{
	enum err err = ERR_INVALID_ARGUMENT;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]) && err == ERR_INVALID_ARGUMENT; i++) {
		memset(nic->state, 0, sizeof(nic->state));
		nic->driver = drivers[i];
		nic->features = nic->receive_features = 0;
		nic->failed = nic->link = false;
		err = drivers[i]->open(nic, resources);
	}
	if (err) {
		nic->driver = &none;
		nic->failed = true;
		nic->link = false;
	}
	return err;
}

void nic_fail(struct nic *nic, const char *reason)
{
	log_warn("NIC %u has failed: %s", nic->number, reason);
	nic->driver = &none;
	nic->failed = true;
	nic->link = false;
}
