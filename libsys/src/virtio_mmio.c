/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio over MMIO, driver side: registers of 32 bits (virtio 1.2, section 4.2.2), only the configuration has others. */
#include <libsys/io.h>
#include <libsys/virtio_driver.h>

enum {
	REGISTER_MAGIC = 0x000,
	REGISTER_VERSION = 0x004,
	REGISTER_DEVICE = 0x008,
	REGISTER_DEVICE_FEATURES = 0x010,
	REGISTER_DEVICE_FEATURES_SELECT = 0x014,
	REGISTER_DRIVER_FEATURES = 0x020,
	REGISTER_DRIVER_FEATURES_SELECT = 0x024,
	REGISTER_QUEUE_SELECT = 0x030,
	REGISTER_QUEUE_SIZE_MAX = 0x034,
	REGISTER_QUEUE_SIZE = 0x038,
	REGISTER_QUEUE_READY = 0x044,
	REGISTER_QUEUE_NOTIFY = 0x050,
	REGISTER_INTERRUPT_STATUS = 0x060,
	REGISTER_INTERRUPT_ACKNOWLEDGE = 0x064,
	REGISTER_STATUS = 0x070,
	REGISTER_QUEUE_DESCRIPTORS = 0x080, /* low half, then high; so the next two */
	REGISTER_QUEUE_AVAILABLE = 0x090,
	REGISTER_QUEUE_USED = 0x0a0,
	REGISTER_GENERATION = 0x0fc,
	REGISTER_CONFIG = 0x100,
};

#define MAGIC 0x74726976u /* "virt" */
#define VERSION 2u        /* 1 is legacy */
#define INTERRUPTS 3u

static inline uint32_t load(const struct virtio_driver *driver, unsigned offset)
{
	return io_read(driver->registers + offset, 4);
}

static inline void store(struct virtio_driver *driver, unsigned offset, uint32_t value)
{
	io_write(driver->registers + offset, 4, value);
}

static void store_address(struct virtio_driver *driver, unsigned offset, uint64_t address)
{
	store(driver, offset, (uint32_t)address);
	store(driver, offset + 4, (uint32_t)(address >> 32));
}

static uint64_t mmio_features(struct virtio_driver *driver)
{
	uint64_t low;

	store(driver, REGISTER_DEVICE_FEATURES_SELECT, 0);
	low = load(driver, REGISTER_DEVICE_FEATURES);
	store(driver, REGISTER_DEVICE_FEATURES_SELECT, 1);
	return low | (uint64_t)load(driver, REGISTER_DEVICE_FEATURES) << 32;
}

static void mmio_accept(struct virtio_driver *driver, uint64_t features)
{
	for (uint32_t half = 0; half < 2; half++) {
		store(driver, REGISTER_DRIVER_FEATURES_SELECT, half);
		store(driver, REGISTER_DRIVER_FEATURES, (uint32_t)(features >> 32 * half));
	}
}

static uint8_t mmio_status(struct virtio_driver *driver)
{
	return (uint8_t)load(driver, REGISTER_STATUS);
}

static void mmio_set_status(struct virtio_driver *driver, uint8_t status)
{
	store(driver, REGISTER_STATUS, status);
}

static uint8_t mmio_generation(struct virtio_driver *driver)
{
	return (uint8_t)load(driver, REGISTER_GENERATION);
}

static uint32_t mmio_config(struct virtio_driver *driver, unsigned offset, unsigned size)
{
	return io_read(driver->registers + REGISTER_CONFIG + offset, size);
}

static uint16_t mmio_queue_size(struct virtio_driver *driver, unsigned queue)
{
	uint32_t size;

	store(driver, REGISTER_QUEUE_SELECT, queue);
	if (load(driver, REGISTER_QUEUE_READY))
		return 0;
	size = load(driver, REGISTER_QUEUE_SIZE_MAX);
	return (uint16_t)(size < UINT16_MAX ? size : UINT16_MAX);
}

static void mmio_queue_enable(struct virtio_driver *driver, unsigned queue, uint16_t size, uint64_t descriptors, uint64_t available,
			      uint64_t used)
{
	store(driver, REGISTER_QUEUE_SELECT, queue);
	store(driver, REGISTER_QUEUE_SIZE, size);
	store_address(driver, REGISTER_QUEUE_DESCRIPTORS, descriptors);
	store_address(driver, REGISTER_QUEUE_AVAILABLE, available);
	store_address(driver, REGISTER_QUEUE_USED, used);
	store(driver, REGISTER_QUEUE_READY, 1);
}

static void mmio_notify(struct virtio_driver *driver, unsigned queue)
{
	store(driver, REGISTER_QUEUE_NOTIFY, queue);
}

static uint32_t mmio_interrupt(struct virtio_driver *driver)
{
	uint32_t reasons = load(driver, REGISTER_INTERRUPT_STATUS) & INTERRUPTS;

	if (reasons)
		store(driver, REGISTER_INTERRUPT_ACKNOWLEDGE, reasons);
	return reasons;
}

enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size)
{
	static const struct virtio_transport_ops ops = {
		.features = mmio_features, .accept = mmio_accept, .status = mmio_status, .set_status = mmio_set_status,
		.generation = mmio_generation, .config = mmio_config, .queue_size = mmio_queue_size,
		.queue_enable = mmio_queue_enable, .notify = mmio_notify, .interrupt = mmio_interrupt,
	};
	struct virtio_driver opened = { .ops = &ops, .registers = registers, .size = size };

	if (size < REGISTER_CONFIG || load(&opened, REGISTER_MAGIC) != MAGIC || load(&opened, REGISTER_VERSION) != VERSION)
		return ERR_INVALID_ARGUMENT;
	opened.device = load(&opened, REGISTER_DEVICE);
	if (opened.device == 0) /* an empty slot */
		return ERR_INVALID_ARGUMENT;
	opened.device_config_size = size - REGISTER_CONFIG;
	*driver = opened;
	return ERR_OK;
}
