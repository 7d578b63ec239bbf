/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "fakes.h"
#include "virtio_driver.h"

enum { QUEUE_STRIDE = 0x4000, WINDOW = 0x40000000, CAPABILITIES = 0x34, COMMAND = 4, BAR0 = 0x10 };

void driver_init(struct driver *driver)
{
	memset(driver, 0, sizeof(*driver));
	driver->memory = fake_memory();
	(void)!plic_add_context(&driver->plic, fake_line, &driver->line);
	pci_init(&driver->pci, &driver->bridge, &driver->plic, WINDOW, WINDOW, 32);
	virtio_console_init(&driver->console, &driver->memory);
	pci_add(&driver->pci, &driver->console.device.function, 1);
}

uint64_t driver_config(struct driver *driver, unsigned device, unsigned offset, unsigned size)
{
	struct bus_access access = { .offset = device << 15 | offset, .size = (uint8_t)size };

	pci_ecam_access(&driver->pci, &access);
	return size == 8 ? access.value : access.value & ((1ull << 8 * size) - 1);
}

void driver_config_write_at(struct driver *driver, unsigned device, unsigned offset, unsigned size, uint64_t value)
{
	struct bus_access access = { .offset = device << 15 | offset, .size = (uint8_t)size, .value = value, .write = true };

	pci_ecam_access(&driver->pci, &access);
}

void driver_config_write(struct driver *driver, unsigned offset, unsigned size, uint64_t value)
{
	driver_config_write_at(driver, 1, offset, size, value);
}

uint64_t driver_load(struct driver *driver, uint64_t address, unsigned size)
{
	struct bus_access access = { .offset = address - WINDOW, .size = (uint8_t)size };

	pci_window_access(&driver->pci, &access);
	return size == 8 ? access.value : access.value & ((1ull << 8 * size) - 1);
}

void driver_store(struct driver *driver, uint64_t address, unsigned size, uint64_t value)
{
	struct bus_access access = { .offset = address - WINDOW, .size = (uint8_t)size, .value = value, .write = true };

	pci_window_access(&driver->pci, &access);
}

static void find_areas(struct driver *driver)
{
	for (unsigned cap = (unsigned)driver_config(driver, 1, CAPABILITIES, 1); cap;
	     cap = (unsigned)driver_config(driver, 1, cap + 1, 1)) {
		uint64_t address = DRIVER_BAR + driver_config(driver, 1, cap + 8, 4);

		switch (driver_config(driver, 1, cap + 3, 1)) {
		case 1: driver->common = address; break;
		case 2: driver->notify = address; break;
		case 3: driver->isr = address; break;
		case 4: driver->device = address; break;
		default: break;
		}
	}
}

void driver_start(struct driver *driver)
{
	driver_config_write(driver, BAR0, 4, DRIVER_BAR);
	driver_config_write(driver, COMMAND, 2, 6);
	find_areas(driver);
	driver_store(driver, driver->common + 20, 1, 0);
	driver_store(driver, driver->common + 20, 1, 3);
	driver_store(driver, driver->common + 8, 4, 1);
	driver_store(driver, driver->common + 12, 4, 1); /* VERSION_1 */
	driver_store(driver, driver->common + 8, 4, 0);
	driver_store(driver, driver->common + 12, 4, 1); /* size */
	driver_store(driver, driver->common + 20, 1, 11);
	for (unsigned queue = 0; queue < 2; queue++) {
		uint32_t offset = queue * QUEUE_STRIDE;

		driver_store(driver, driver->common + 22, 2, queue);
		driver_store(driver, driver->common + 24, 2, DRIVER_QUEUE_SIZE);
		driver_store(driver, driver->common + 32, 8, DRIVER_DESCRIPTORS + offset);
		driver_store(driver, driver->common + 40, 4, DRIVER_AVAILABLE + offset);
		driver_store(driver, driver->common + 44, 4, 0);
		driver_store(driver, driver->common + 48, 4, DRIVER_USED + offset);
		driver_store(driver, driver->common + 52, 4, 0);
		driver_store(driver, driver->common + 28, 2, 1);
	}
	driver_store(driver, driver->common + 20, 1, 15);
}

static uint16_t *ring(struct driver *driver, uint32_t base, unsigned queue)
{
	return (uint16_t *)memory_at(&driver->memory, base + queue * QUEUE_STRIDE, 4);
}

void driver_add(struct driver *driver, unsigned queue, uint64_t address, uint32_t length, uint16_t flags)
{
	uint16_t *available = ring(driver, DRIVER_AVAILABLE, queue);
	uint16_t slot = available[1] % DRIVER_QUEUE_SIZE;
	uint8_t *descriptor = memory_at(&driver->memory, DRIVER_DESCRIPTORS + queue * QUEUE_STRIDE + 16u * slot, 16);
	uint16_t next = (uint16_t)((slot + 1) % DRIVER_QUEUE_SIZE);

	memcpy(descriptor, &address, 8);
	memcpy(descriptor + 8, &length, 4);
	memcpy(descriptor + 12, &flags, 2);
	memcpy(descriptor + 14, &next, 2);
	available[2 + slot] = slot;
	available[1]++;
}

void driver_notify(struct driver *driver, unsigned queue)
{
	driver_store(driver, driver->notify + 4 * queue, 2, queue);
}

uint16_t driver_used(struct driver *driver, unsigned queue)
{
	return ring(driver, DRIVER_USED, queue)[1];
}
