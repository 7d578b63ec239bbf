/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "pci_driver.h"

enum { CAPABILITIES = 0x34, COMMAND = 4, BAR0 = 0x10 };

uint64_t pci_driver_area(struct driver *driver, unsigned device, unsigned area)
{
	for (unsigned cap = (unsigned)driver_config(driver, device, CAPABILITIES, 1); cap;
	     cap = (unsigned)driver_config(driver, device, cap + 1, 1)) {
		if (driver_config(driver, device, cap + 3, 1) == area)
			return (driver_config(driver, device, BAR0, 4) & ~15u) + driver_config(driver, device, cap + 8, 4);
	}
	abort();
}

uint64_t pci_driver_load(struct driver *driver, unsigned device, unsigned area, unsigned offset, unsigned size)
{
	return driver_load(driver, pci_driver_area(driver, device, area) + offset, size);
}

void pci_driver_store(struct driver *driver, unsigned device, unsigned area, unsigned offset, unsigned size, uint64_t value)
{
	driver_store(driver, pci_driver_area(driver, device, area) + offset, size, value);
}

void pci_driver_command(struct driver *driver, unsigned device, uint16_t command)
{
	driver_config_write_at(driver, device, COMMAND, 2, command);
}

void pci_driver_bar(struct driver *driver, unsigned device, uint32_t address)
{
	driver_config_write_at(driver, device, BAR0, 4, address);
}

uint8_t pci_driver_status(struct driver *driver, unsigned device)
{
	return (uint8_t)pci_driver_load(driver, device, AREA_COMMON, COMMON_STATUS, 1);
}

uint64_t pci_driver_offered(struct driver *driver, unsigned device)
{
	uint64_t low;

	pci_driver_store(driver, device, AREA_COMMON, COMMON_OFFERED_SELECT, 4, 0);
	low = pci_driver_load(driver, device, AREA_COMMON, COMMON_OFFERED, 4);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_OFFERED_SELECT, 4, 1);
	return low | pci_driver_load(driver, device, AREA_COMMON, COMMON_OFFERED, 4) << 32;
}

bool pci_driver_negotiate(struct driver *driver, unsigned device, uint64_t features)
{
	pci_driver_store(driver, device, AREA_COMMON, COMMON_STATUS, 1, 0);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_STATUS, 1, 3);
	for (unsigned half = 0; half < 2; half++) {
		pci_driver_store(driver, device, AREA_COMMON, COMMON_ACCEPTED_SELECT, 4, half);
		pci_driver_store(driver, device, AREA_COMMON, COMMON_ACCEPTED, 4, (uint32_t)(features >> 32 * half));
	}
	pci_driver_store(driver, device, AREA_COMMON, COMMON_STATUS, 1, 11);
	return pci_driver_status(driver, device) == 11;
}

void pci_driver_enable_queue(struct driver *driver, unsigned device, unsigned queue, uint32_t rings)
{
	pci_driver_store(driver, device, AREA_COMMON, COMMON_SELECT, 2, queue);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_SIZE, 2, RINGS_ENTRIES);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_DESCRIPTORS, 8, rings);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_AVAILABLE, 8, rings + RINGS_AVAILABLE);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_USED, 8, rings + RINGS_USED);
	pci_driver_store(driver, device, AREA_COMMON, COMMON_ENABLE, 2, 1);
}
