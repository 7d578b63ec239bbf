/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "block_driver.h"

enum { CAPABILITIES = 0x34, COMMAND = 4, BAR0 = 0x10 };

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
	unsigned device = DISKS_PCI_DEVICE + disk;

	for (unsigned cap = (unsigned)driver_config(driver, device, CAPABILITIES, 1); cap;
	     cap = (unsigned)driver_config(driver, device, cap + 1, 1)) {
		if (driver_config(driver, device, cap + 3, 1) == area)
			return (driver_config(driver, device, BAR0, 4) & ~15u) + driver_config(driver, device, cap + 8, 4);
	}
	abort();
}

uint64_t disk_load(struct driver *driver, unsigned disk, unsigned area, unsigned offset, unsigned size)
{
	return driver_load(driver, disk_area(driver, disk, area) + offset, size);
}

void disk_store(struct driver *driver, unsigned disk, unsigned area, unsigned offset, unsigned size, uint64_t value)
{
	driver_store(driver, disk_area(driver, disk, area) + offset, size, value);
}

void disk_command(struct driver *driver, unsigned disk, uint16_t command)
{
	driver_config_write_at(driver, DISKS_PCI_DEVICE + disk, COMMAND, 2, command);
}

void disk_bar(struct driver *driver, unsigned disk, uint32_t address)
{
	driver_config_write_at(driver, DISKS_PCI_DEVICE + disk, BAR0, 4, address);
}

uint8_t disk_status(struct driver *driver, unsigned disk)
{
	return (uint8_t)disk_load(driver, disk, AREA_COMMON, COMMON_STATUS, 1);
}

uint64_t disk_offered(struct driver *driver, unsigned disk)
{
	uint64_t low;

	disk_store(driver, disk, AREA_COMMON, COMMON_OFFERED_SELECT, 4, 0);
	low = disk_load(driver, disk, AREA_COMMON, COMMON_OFFERED, 4);
	disk_store(driver, disk, AREA_COMMON, COMMON_OFFERED_SELECT, 4, 1);
	return low | disk_load(driver, disk, AREA_COMMON, COMMON_OFFERED, 4) << 32;
}

bool disk_negotiate(struct driver *driver, unsigned disk, uint64_t features)
{
	disk_store(driver, disk, AREA_COMMON, COMMON_STATUS, 1, 0);
	disk_store(driver, disk, AREA_COMMON, COMMON_STATUS, 1, 3);
	for (unsigned half = 0; half < 2; half++) {
		disk_store(driver, disk, AREA_COMMON, COMMON_ACCEPTED_SELECT, 4, half);
		disk_store(driver, disk, AREA_COMMON, COMMON_ACCEPTED, 4, (uint32_t)(features >> 32 * half));
	}
	disk_store(driver, disk, AREA_COMMON, COMMON_STATUS, 1, 11);
	return disk_status(driver, disk) == 11;
}

void disk_enable_queue(struct driver *driver, unsigned disk, unsigned queue)
{
	uint32_t rings = DISK_RINGS(disk, queue);

	disk_store(driver, disk, AREA_COMMON, COMMON_SELECT, 2, queue);
	disk_store(driver, disk, AREA_COMMON, COMMON_SIZE, 2, DISK_QUEUE_SIZE);
	disk_store(driver, disk, AREA_COMMON, COMMON_DESCRIPTORS, 8, rings);
	disk_store(driver, disk, AREA_COMMON, COMMON_AVAILABLE, 8, rings + DISK_AVAILABLE);
	disk_store(driver, disk, AREA_COMMON, COMMON_USED, 8, rings + DISK_USED);
	disk_store(driver, disk, AREA_COMMON, COMMON_ENABLE, 2, 1);
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
