/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "block_driver.h"

static uint64_t exits;

void server_describe(unsigned disk, uint32_t flags)
{
	struct block_session *session = &fake_session[disk];

	*session = (struct block_session){
		.server = 1, .state = BLOCK_READY, .capacity = 2048, .block_size = 512, .physical_block_size = 4096, .flags = flags,
		.segments = BLOCK_SEGMENTS_MAX, .discard_sectors = 1024, .discard_granularity = 8, .serial = "disk",
	};
	session->serial[4] = (char)('0' + disk);
}

void server_obey(unsigned disk)
{
	fake_session[disk].done = fake_session[disk].wanted;
}

void disk_machine(struct driver *driver, uint32_t harts, unsigned disks)
{
	driver_init(driver);
	fake_make_harts(harts, &driver->memory, NULL, &exits);
	fake.disks = disks;
	if (!disks_open(&fake_harts, &driver->memory, &driver->pci, "alpha"))
		abort();
	for (unsigned i = 0; i < disks; i++) {
		disk_bar(driver, i, DRIVER_BAR + 0x10000 * (i + 1));
		disk_command(driver, i, 6);
	}
}

uint64_t disk_area(struct driver *driver, unsigned disk, unsigned area)
{
	return pci_driver_area(driver, DISKS_PCI_DEVICE + disk, area);
}

uint64_t disk_load(struct driver *driver, unsigned disk, unsigned area, unsigned offset, unsigned size)
{
	return pci_driver_load(driver, DISKS_PCI_DEVICE + disk, area, offset, size);
}

void disk_store(struct driver *driver, unsigned disk, unsigned area, unsigned offset, unsigned size, uint64_t value)
{
	pci_driver_store(driver, DISKS_PCI_DEVICE + disk, area, offset, size, value);
}

void disk_command(struct driver *driver, unsigned disk, uint16_t command)
{
	pci_driver_command(driver, DISKS_PCI_DEVICE + disk, command);
}

void disk_bar(struct driver *driver, unsigned disk, uint32_t address)
{
	pci_driver_bar(driver, DISKS_PCI_DEVICE + disk, address);
}

uint8_t disk_status(struct driver *driver, unsigned disk)
{
	return pci_driver_status(driver, DISKS_PCI_DEVICE + disk);
}

uint64_t disk_offered(struct driver *driver, unsigned disk)
{
	return pci_driver_offered(driver, DISKS_PCI_DEVICE + disk);
}

bool disk_negotiate(struct driver *driver, unsigned disk, uint64_t features)
{
	return pci_driver_negotiate(driver, DISKS_PCI_DEVICE + disk, features);
}

void disk_enable_queue(struct driver *driver, unsigned disk, unsigned queue)
{
	pci_driver_enable_queue(driver, DISKS_PCI_DEVICE + disk, queue, DISK_RINGS(disk, queue));
}

void disk_start(struct driver *driver, unsigned disk, uint64_t features)
{
	unsigned queues = (unsigned)disk_load(driver, disk, AREA_COMMON, COMMON_QUEUES, 2);

	if (!disk_negotiate(driver, disk, features | BIT(BLOCK_F_VERSION_1)))
		return;
	for (unsigned i = 0; i < queues; i++)
		disk_enable_queue(driver, disk, i);
	disk_store(driver, disk, AREA_COMMON, COMMON_STATUS, 1, STATUS_STARTED);
}

uint16_t *disk_used(struct driver *driver, unsigned disk, unsigned queue)
{
	return (uint16_t *)memory_at(&driver->memory, DISK_RINGS(disk, queue) + DISK_USED, 4) + 1;
}
