/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio over PCI, driver side: capabilities name areas of a BAR (virtio 1.2, section 4.1.4). Without MSI-X. */
#include <libsys/io.h>
#include <libsys/virtio_driver.h>

/* Of configuration space (PCI 3.0, section 6.1). */
enum {
	CONFIG_VENDOR = 0x00,
	CONFIG_DEVICE = 0x02,
	CONFIG_STATUS = 0x06,
	CONFIG_SUBSYSTEM = 0x2e,
	CONFIG_CAPABILITIES = 0x34,
	CONFIG_FIRST = 0x40, /* capabilities are from here, */
	CONFIG_END = 0x100,  /* to here */
};

#define STATUS_CAPABILITIES (1u << 4)
#define VENDOR_VIRTIO 0x1af4u
#define DEVICE_TRANSITIONAL 0x1000u /* the type is the subsystem */
#define DEVICE_MODERN 0x1040u       /* plus the type */
#define DEVICE_END 0x1080u
#define BARS 6u

enum { CAP_VENDOR = 9, CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4 };

/* In a capability: */
enum { CAP_NEXT = 1, CAP_LENGTH = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_SIZE = 12, CAP_MULTIPLIER = 16, CAP_END = 20 };

/* Of the common configuration (section 4.1.4.3), each accessed by its own width, 64 bits by halves. */
enum {
	COMMON_DEVICE_FEATURE_SELECT = 0,
	COMMON_DEVICE_FEATURE = 4,
	COMMON_DRIVER_FEATURE_SELECT = 8,
	COMMON_DRIVER_FEATURE = 12,
	COMMON_QUEUES = 18,
	COMMON_STATUS = 20,
	COMMON_GENERATION = 21,
	COMMON_QUEUE_SELECT = 22,
	COMMON_QUEUE_SIZE = 24,
	COMMON_QUEUE_ENABLE = 28,
	COMMON_QUEUE_NOTIFY = 30,
	COMMON_QUEUE_DESCRIPTORS = 32,
	COMMON_QUEUE_AVAILABLE = 40,
	COMMON_QUEUE_USED = 48,
	COMMON_END = 56,
};

#define INTERRUPTS 3u
#define QUEUES (sizeof(((struct virtio_driver *)0)->notify_offset) / sizeof(uint16_t))

static void store_address(struct virtio_driver *driver, unsigned offset, uint64_t address)
{
	io_write(driver->common + offset, 4, (uint32_t)address);
	io_write(driver->common + offset + 4, 4, (uint32_t)(address >> 32));
}

static uint64_t pci_features(struct virtio_driver *driver)
{
	uint64_t low;

	io_write(driver->common + COMMON_DEVICE_FEATURE_SELECT, 4, 0);
	low = io_read(driver->common + COMMON_DEVICE_FEATURE, 4);
	io_write(driver->common + COMMON_DEVICE_FEATURE_SELECT, 4, 1);
	return low | (uint64_t)io_read(driver->common + COMMON_DEVICE_FEATURE, 4) << 32;
}

static void pci_accept(struct virtio_driver *driver, uint64_t features)
{
	for (uint32_t half = 0; half < 2; half++) {
		io_write(driver->common + COMMON_DRIVER_FEATURE_SELECT, 4, half);
		io_write(driver->common + COMMON_DRIVER_FEATURE, 4, (uint32_t)(features >> 32 * half));
	}
}

static uint8_t pci_status(struct virtio_driver *driver)
{
	return (uint8_t)io_read(driver->common + COMMON_STATUS, 1);
}

static void pci_set_status(struct virtio_driver *driver, uint8_t status)
{
	io_write(driver->common + COMMON_STATUS, 1, status);
}

static uint8_t pci_generation(struct virtio_driver *driver)
{
	return (uint8_t)io_read(driver->common + COMMON_GENERATION, 1);
}

static uint32_t pci_config(struct virtio_driver *driver, unsigned offset, unsigned size)
{
	return io_read(driver->device_config + offset, size);
}

/* Also keeps where the queue is notified: a queue that cannot be is none. */
static uint16_t pci_queue_size(struct virtio_driver *driver, unsigned queue)
{
	uint16_t place;

	if (queue >= QUEUES || queue >= io_read(driver->common + COMMON_QUEUES, 2))
		return 0;
	io_write(driver->common + COMMON_QUEUE_SELECT, 2, queue);
	if (io_read(driver->common + COMMON_QUEUE_ENABLE, 2))
		return 0;
	place = (uint16_t)io_read(driver->common + COMMON_QUEUE_NOTIFY, 2);
	if ((uint64_t)place * driver->notify_multiplier > driver->notify_size - 2)
		return 0;
	driver->notify_offset[queue] = place;
	return (uint16_t)io_read(driver->common + COMMON_QUEUE_SIZE, 2);
}

static void pci_queue_enable(struct virtio_driver *driver, unsigned queue, uint16_t size, uint64_t descriptors, uint64_t available,
			     uint64_t used)
{
	io_write(driver->common + COMMON_QUEUE_SELECT, 2, queue);
	io_write(driver->common + COMMON_QUEUE_SIZE, 2, size);
	store_address(driver, COMMON_QUEUE_DESCRIPTORS, descriptors);
	store_address(driver, COMMON_QUEUE_AVAILABLE, available);
	store_address(driver, COMMON_QUEUE_USED, used);
	io_write(driver->common + COMMON_QUEUE_ENABLE, 2, 1);
}

static void pci_notify(struct virtio_driver *driver, unsigned queue)
{
	io_write(driver->notify + (size_t)driver->notify_offset[queue] * driver->notify_multiplier, 2, queue);
}

static uint32_t pci_interrupt(struct virtio_driver *driver)
{
	return io_read(driver->isr, 1) & INTERRUPTS;
}

/* The first virtio capability after `cap` (0: of all), 0: none. *left ends loops. */
static unsigned next_capability(const volatile uint8_t *config, unsigned cap, unsigned *left)
{
	if (cap == 0 && !(io_read(config + CONFIG_STATUS, 2) & STATUS_CAPABILITIES))
		return 0;
	for (cap = io_read(config + (cap ? cap + CAP_NEXT : (unsigned)CONFIG_CAPABILITIES), 1) & ~3u; cap >= CONFIG_FIRST && *left;
	     cap = io_read(config + cap + CAP_NEXT, 1) & ~3u) {
		(*left)--;
		if (io_read(config + cap, 1) == CAP_VENDOR && cap + CAP_MULTIPLIER <= CONFIG_END &&
		    io_read(config + cap + CAP_LENGTH, 1) >= CAP_MULTIPLIER)
			return cap;
	}
	return 0;
}

static uint32_t device_of(const volatile uint8_t *config)
{
	uint32_t device = io_read(config + CONFIG_DEVICE, 2);

	if (io_read(config + CONFIG_VENDOR, 2) != VENDOR_VIRTIO || device < DEVICE_TRANSITIONAL || device >= DEVICE_END)
		return 0;
	return device < DEVICE_MODERN ? io_read(config + CONFIG_SUBSYSTEM, 2) : device - DEVICE_MODERN;
}

int virtio_pci_bar(const volatile uint8_t *config)
{
	unsigned left = CONFIG_END / 4;

	if (!device_of(config))
		return -1;
	for (unsigned cap = 0; (cap = next_capability(config, cap, &left)) != 0; ) {
		unsigned bar = io_read(config + cap + CAP_BAR, 1);

		/* Other values are reserved. */
		if (io_read(config + cap + CAP_TYPE, 1) == CAP_COMMON && bar < BARS)
			return (int)bar;
	}
	return -1;
}

/* The area that a capability names, at least `least` bytes from a multiple of `alignment`; NULL: it is not in the BAR. */
static volatile uint8_t *area(const struct virtio_driver *driver, const volatile uint8_t *cap, uint32_t least, uint32_t alignment,
			      size_t *length)
{
	uint32_t offset = io_read(cap + CAP_OFFSET, 4);
	uint32_t size = io_read(cap + CAP_SIZE, 4);

	if (offset > driver->size || size > driver->size - offset || size < least || offset % alignment)
		return NULL;
	*length = size;
	return driver->registers + offset;
}

/* Takes what a capability names; a type that was seen already or is unknown is not looked at (section 4.1.4.1). */
static enum err take_capability(struct virtio_driver *driver, const volatile uint8_t *config, unsigned cap)
{
	volatile uint8_t **field;
	uint32_t least, alignment;
	size_t length;

	switch (io_read(config + cap + CAP_TYPE, 1)) {
	case CAP_COMMON: field = &driver->common, least = COMMON_END, alignment = 4; break;
	case CAP_NOTIFY: field = &driver->notify, least = 2, alignment = 2; break;
	case CAP_ISR: field = &driver->isr, least = 1, alignment = 1; break;
	case CAP_DEVICE: field = &driver->device_config, least = 0, alignment = 4; break;
	default: return ERR_OK;
	}
	if (*field)
		return ERR_OK;
	*field = area(driver, config + cap, least, alignment, &length);
	if (!*field)
		return ERR_RANGE;
	if (field == &driver->device_config)
		driver->device_config_size = length;
	if (field != &driver->notify)
		return ERR_OK;
	driver->notify_size = length;
	if (cap + CAP_END > CONFIG_END || io_read(config + cap + CAP_LENGTH, 1) < CAP_END)
		return ERR_RANGE;
	driver->notify_multiplier = io_read(config + cap + CAP_MULTIPLIER, 4);
	return driver->notify_multiplier & 1 ? ERR_RANGE : ERR_OK;
}

enum err virtio_pci_open(struct virtio_driver *driver, volatile uint8_t *config, volatile uint8_t *registers, size_t size)
{
	static const struct virtio_transport_ops ops = {
		.features = pci_features, .accept = pci_accept, .status = pci_status, .set_status = pci_set_status,
		.generation = pci_generation, .config = pci_config, .queue_size = pci_queue_size,
		.queue_enable = pci_queue_enable, .notify = pci_notify, .interrupt = pci_interrupt,
	};
	struct virtio_driver opened = { .ops = &ops, .registers = registers, .size = size };
	unsigned left = CONFIG_END / 4;
	int bar = virtio_pci_bar(config);

	if (bar < 0)
		return ERR_INVALID_ARGUMENT;
	opened.device = device_of(config);
	for (unsigned cap = 0; (cap = next_capability(config, cap, &left)) != 0; ) {
		enum err err = ERR_OK;

		if (io_read(config + cap + CAP_BAR, 1) == (unsigned)bar)
			err = take_capability(&opened, config, cap);
		if (err)
			return err;
	}
	if (!opened.common || !opened.notify || !opened.isr)
		return ERR_RANGE;
	*driver = opened;
	return ERR_OK;
}
