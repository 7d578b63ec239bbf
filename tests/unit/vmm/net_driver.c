/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "net_driver.h"

static uint64_t exits;

void net_describe(unsigned nic)
{
	fake_nic_session[nic] = (struct net_session){
		.server = 1, .state = NET_READY, .link = 1, .mtu = 1500, .mac = { 0x52, 0x54, 0, 0, 0, (uint8_t)nic },
	};
}

void net_obey(unsigned nic)
{
	fake_nic_session[nic].done = fake_nic_session[nic].wanted;
}

void net_machine(struct driver *driver, uint32_t harts, unsigned nics)
{
	driver_init(driver);
	fake_make_harts(harts, &driver->memory, NULL, &exits);
	fake.nics = nics;
	if (!nics_open(&fake_harts, &driver->memory, &driver->pci, "alpha"))
		abort();
	for (unsigned i = 0; i < nics; i++) {
		pci_driver_bar(driver, NIC(i), DRIVER_BAR + 0x100000 + 0x10000 * i);
		pci_driver_command(driver, NIC(i), 6);
	}
}

static unsigned served(struct driver *driver, unsigned nic, uint64_t features)
{
	unsigned pairs = (unsigned)pci_driver_load(driver, NIC(nic), AREA_DEVICE, 8, 2);

	return features & BIT(NET_MQ) ? 2 * pairs : 2;
}

unsigned nic_control(struct driver *driver, unsigned nic, uint64_t features)
{
	return features & BIT(NET_CTRL_VQ) ? served(driver, nic, features) : 0;
}

void nic_start(struct driver *driver, unsigned nic, uint64_t features)
{
	unsigned queues;

	if (!pci_driver_negotiate(driver, NIC(nic), features | BIT(NET_VERSION_1)))
		return;
	queues = served(driver, nic, features) + !!(features & BIT(NET_CTRL_VQ));
	for (unsigned i = 0; i < queues; i++)
		pci_driver_enable_queue(driver, NIC(nic), i, NIC_RINGS(nic, i));
	pci_driver_store(driver, NIC(nic), AREA_COMMON, COMMON_STATUS, 1, STATUS_STARTED);
}

static uint8_t *rings(struct driver *driver, unsigned nic, unsigned queue, unsigned offset)
{
	return memory_at(&driver->memory, NIC_RINGS(nic, queue) + offset, 4);
}

uint16_t *nic_used(struct driver *driver, unsigned nic, unsigned queue)
{
	return (uint16_t *)(void *)rings(driver, nic, queue, RINGS_USED) + 1;
}

void nic_descriptor(struct driver *driver, unsigned nic, unsigned queue, unsigned entry, uint64_t address, uint32_t length, uint16_t flags,
		    uint16_t next)
{
	uint8_t *descriptor = rings(driver, nic, queue, 16 * entry);

	memcpy(descriptor, &address, 8);
	memcpy(descriptor + 8, &length, 4);
	memcpy(descriptor + 12, &flags, 2);
	memcpy(descriptor + 14, &next, 2);
}

void nic_notify(struct driver *driver, unsigned nic, unsigned queue)
{
	unsigned offset;

	pci_driver_store(driver, NIC(nic), AREA_COMMON, COMMON_SELECT, 2, queue);
	offset = (unsigned)pci_driver_load(driver, NIC(nic), AREA_COMMON, COMMON_NOTIFY_OFFSET, 2);
	pci_driver_store(driver, NIC(nic), AREA_NOTIFY, 4 * offset, 2, queue);
}

void nic_offer(struct driver *driver, unsigned nic, unsigned queue, uint16_t head)
{
	uint16_t *available = (uint16_t *)(void *)rings(driver, nic, queue, RINGS_AVAILABLE);

	available[2 + available[1] % RINGS_ENTRIES] = head;
	available[1]++;
	nic_notify(driver, nic, queue);
}

uint8_t nic_send(struct driver *driver, unsigned nic, unsigned queue, const void *bytes, uint32_t length)
{
	uint8_t *answer = memory_at(&driver->memory, NIC_ANSWER, 1);

	if (length > NIC_COMMAND_MAX)
		abort();
	memcpy(memory_at(&driver->memory, NIC_COMMAND, NIC_COMMAND_MAX), bytes, length);
	*answer = NIC_SILENT;
	nic_descriptor(driver, nic, queue, 0, NIC_COMMAND, length, CHAIN_NEXT, 1);
	nic_descriptor(driver, nic, queue, 1, NIC_ANSWER, 1, CHAIN_WRITE, 0);
	nic_offer(driver, nic, queue, 0);
	return *answer;
}
