/* SPDX-License-Identifier: Apache-2.0 */
/* A small virtio driver for tests: finds the device by its capabilities and runs its queues. */
#pragma once

#include <devices/virtio_console.h>

struct driver {
	struct guest_memory memory;
	struct plic plic;
	bool line;
	struct pci pci;
	struct pci_function bridge;
	struct virtio_console console;
	uint64_t common, isr, device, notify; /* guest physical, from the capabilities */
};

enum { DRIVER_QUEUE_SIZE = 8, DRIVER_BAR = 0x40100000 };

/* Where the queues are in guest memory; queue q at + q * 0x4000. */
enum { DRIVER_DESCRIPTORS = 0x80010000u, DRIVER_AVAILABLE = 0x80011000u, DRIVER_USED = 0x80012000u };

void driver_init(struct driver *driver);
uint64_t driver_config(struct driver *driver, unsigned device, unsigned offset, unsigned size);
void driver_config_write_at(struct driver *driver, unsigned device, unsigned offset, unsigned size, uint64_t value);
/* Of the console. */
void driver_config_write(struct driver *driver, unsigned offset, unsigned size, uint64_t value);
uint64_t driver_load(struct driver *driver, uint64_t address, unsigned size);
void driver_store(struct driver *driver, uint64_t address, unsigned size, uint64_t value);

/* Enables the BAR and sets the device up to DRIVER_OK. */
void driver_start(struct driver *driver);

/* Puts a chain of one descriptor into a queue's available ring. */
void driver_add(struct driver *driver, unsigned queue, uint64_t address, uint32_t length, uint16_t flags);
void driver_notify(struct driver *driver, unsigned queue);
uint16_t driver_used(struct driver *driver, unsigned queue);
