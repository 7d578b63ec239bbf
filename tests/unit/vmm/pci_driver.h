/* SPDX-License-Identifier: Apache-2.0 */
/* A driver's accesses to any virtio device on the PCI bus, which is named by its number there. */
#pragma once

#include "virtio_driver.h"

/* Offsets in the common configuration (virtio 1.2, section 4.1.4.3). */
enum {
	COMMON_OFFERED_SELECT = 0, COMMON_OFFERED = 4, COMMON_ACCEPTED_SELECT = 8, COMMON_ACCEPTED = 12, COMMON_QUEUES = 18,
	COMMON_STATUS = 20, COMMON_SELECT = 22, COMMON_SIZE = 24, COMMON_ENABLE = 28, COMMON_NOTIFY_OFFSET = 30,
	COMMON_DESCRIPTORS = 32, COMMON_AVAILABLE = 40, COMMON_USED = 48,
};
enum { AREA_COMMON = 1, AREA_NOTIFY = 2, AREA_ISR = 3, AREA_DEVICE = 4 }; /* as their capabilities are numbered */
enum { STATUS_STARTED = 15, STATUS_BROKEN = 0x40 };

#define BIT(number) (UINT64_C(1) << (number))

/* Rings of a queue from here on, with this many entries. */
enum { RINGS_AVAILABLE = 0x1000, RINGS_USED = 0x2000, RINGS_ENTRIES = 256 };

/* Physical address of an area of a device; its BAR must be set. */
uint64_t pci_driver_area(struct driver *driver, unsigned device, unsigned area);
uint64_t pci_driver_load(struct driver *driver, unsigned device, unsigned area, unsigned offset, unsigned size);
void pci_driver_store(struct driver *driver, unsigned device, unsigned area, unsigned offset, unsigned size, uint64_t value);
void pci_driver_command(struct driver *driver, unsigned device, uint16_t command);
void pci_driver_bar(struct driver *driver, unsigned device, uint32_t address);
uint8_t pci_driver_status(struct driver *driver, unsigned device);
uint64_t pci_driver_offered(struct driver *driver, unsigned device);

/* Resets, and accepts these features; false: the device refuses. */
bool pci_driver_negotiate(struct driver *driver, unsigned device, uint64_t features);

/* Enables a queue whose rings are there. */
void pci_driver_enable_queue(struct driver *driver, unsigned device, unsigned queue, uint32_t rings);
