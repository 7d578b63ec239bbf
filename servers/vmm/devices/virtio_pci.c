/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio PCI transport: one BAR with four areas, and INTx. */
#include "bytes.h"
#include "virtio_pci.h"

enum {
	BAR_SIZE = 0x4000,
	AREA_SIZE = 0x1000,
	AREA_COMMON = 0,
	AREA_ISR = 1,
	AREA_DEVICE = 2,
	AREA_NOTIFY = 3,
	ISR_OFFSET = AREA_ISR * AREA_SIZE,
	NOTIFY_STRIDE = 4,
};

enum { CAP_VENDOR = 9, CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_WINDOW = 5 };

/* In a virtio capability: */
enum { CAP_LENGTH = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_SIZE = 12, CAP_EXTRA = 16 };

enum {
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 0x40,
};

/* The common configuration (section 4.1.4.3). */
enum {
	COMMON_FEATURE_SELECT = 0,
	COMMON_FEATURE = 4,
	COMMON_GUEST_FEATURE_SELECT = 8,
	COMMON_GUEST_FEATURE = 12,
	COMMON_MSIX_QUEUES = 16, /* vector of the configuration, number of queues */
	COMMON_STATUS = 20,      /* status, generation, queue select */
	COMMON_QUEUE_SELECT = 22,
	COMMON_QUEUE_SIZE = 24,  /* size, vector of the queue */
	COMMON_QUEUE_ENABLE = 28, /* enable, notify offset */
	COMMON_QUEUE_DESCRIPTORS = 32,
	COMMON_QUEUE_AVAILABLE = 40,
	COMMON_QUEUE_USED = 48,
	COMMON_END = 56,
};

#define NO_VECTOR 0xffffu

static inline struct virtio_device *to_device(struct pci_function *function)
{
	return (struct virtio_device *)function;
}

bool virtio_running(const struct virtio_device *device)
{
	return (device->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK &&
		(pci_command(&device->function) & PCI_COMMAND_MASTER);
}

static void raise(struct virtio_device *device, uint8_t reason)
{
	virtio_isr_raise(&device->isr, &device->function, reason);
}

void virtio_interrupt(struct virtio_device *device)
{
	if (device->status & STATUS_DRIVER_OK)
		raise(device, ISR_QUEUE);
}

uint64_t virtio_notify_address(const struct virtio_device *device)
{
	uint64_t bar = pci_bar(&device->function);

	return bar ? bar + AREA_NOTIFY * AREA_SIZE : 0;
}

void virtio_queue_done(struct virtio_device *device, struct virtqueue *queue)
{
	if (virtqueue_wants_interrupt(queue))
		raise(device, ISR_QUEUE);
}

void virtio_config_changed(struct virtio_device *device)
{
	device->generation++;
	if (device->status & STATUS_DRIVER_OK)
		raise(device, ISR_CONFIG);
}

static void changed(struct virtio_device *device)
{
	if (device->ops->changed)
		device->ops->changed(device);
}

void virtio_needs_reset(struct virtio_device *device)
{
	device->status |= STATUS_NEEDS_RESET;
	if (device->status & STATUS_DRIVER_OK)
		raise(device, ISR_CONFIG);
	changed(device);
}

static void reset(struct virtio_device *device)
{
	device->status = 0;
	device->resetting = 0;
	virtio_isr_reset(&device->isr, &device->function);
	device->accepted = 0;
	device->offered_select = 0;
	device->accepted_select = 0;
	device->queue_select = 0;
	for (unsigned i = 0; i < device->queues; i++)
		virtqueue_reset(&device->queue[i], device->queue_size);
}

/* The driver is not to see the end of a reset, and nothing new begins, while somebody still uses its memory. */
static void begin_reset(struct virtio_device *device)
{
	uint8_t before = device->status;

	if (!device->ops->stopped || !before) {
		reset(device);
		return;
	}
	virtio_isr_reset(&device->isr, &device->function);
	device->status = 0;
	device->resetting = before;
	if (device->ops->stopped(device))
		reset(device);
}

static inline bool resetting(struct virtio_device *device)
{
	if (device->resetting && device->ops->stopped(device))
		reset(device);
	return device->resetting;
}

/* In strides from the start of the notification area. */
static uint32_t notify_offset(const struct virtio_device *device, uint16_t queue)
{
	return device->one_bell && queue != device->apart ? 0 : queue;
}

static uint32_t queue_word(const struct virtio_device *device, unsigned offset)
{
	const struct virtqueue *queue = &device->queue[device->queue_select];

	switch (offset) {
	case COMMON_QUEUE_SIZE:
		return queue->size | NO_VECTOR << 16;
	case COMMON_QUEUE_ENABLE:
		return (queue->enabled ? 1u : 0u) | notify_offset(device, device->queue_select) << 16;
	case COMMON_QUEUE_DESCRIPTORS:
		return (uint32_t)queue->descriptors;
	case COMMON_QUEUE_DESCRIPTORS + 4:
		return (uint32_t)(queue->descriptors >> 32);
	case COMMON_QUEUE_AVAILABLE:
		return (uint32_t)queue->available;
	case COMMON_QUEUE_AVAILABLE + 4:
		return (uint32_t)(queue->available >> 32);
	case COMMON_QUEUE_USED:
		return (uint32_t)queue->used;
	case COMMON_QUEUE_USED + 4:
		return (uint32_t)(queue->used >> 32);
	default:
		return 0;
	}
}

/* The aligned 32 bits at `offset`. */
static uint32_t common_word(const struct virtio_device *device, unsigned offset)
{
	switch (offset) {
	case COMMON_FEATURE_SELECT:
		return device->offered_select;
	case COMMON_FEATURE:
		return device->offered_select < 2 ? (uint32_t)(device->offered >> 32 * device->offered_select) : 0;
	case COMMON_GUEST_FEATURE_SELECT:
		return device->accepted_select;
	case COMMON_GUEST_FEATURE:
		return device->accepted_select < 2 ? (uint32_t)(device->accepted >> 32 * device->accepted_select) : 0;
	case COMMON_MSIX_QUEUES:
		return NO_VECTOR | device->queues << 16;
	case COMMON_STATUS:
		return device->status | device->resetting | (uint32_t)device->generation << 8 | (uint32_t)device->queue_select << 16;
	default:
		/* A queue that does not exist has size 0. */
		return device->queue_select < device->queues ? queue_word(device, offset) : 0;
	}
}

/* Only features that were offered can be accepted, and devices of version 1 need theirs. */
static bool acceptable(struct virtio_device *device)
{
	if ((device->accepted & ~device->offered) || !(device->accepted & VIRTIO_F_VERSION_1))
		return false;
	return !device->ops->negotiated || device->ops->negotiated(device);
}

static void write_status(struct virtio_device *device, uint8_t value)
{
	uint8_t before = device->status;

	if (value == 0) {
		begin_reset(device);
		return;
	}
	if ((value & STATUS_FEATURES_OK) && !(before & STATUS_FEATURES_OK) && !acceptable(device))
		value &= (uint8_t)~STATUS_FEATURES_OK;
	/* Bits are set one by one and only a reset clears them; without agreed features the device does not start. */
	value |= before;
	if (!(value & STATUS_FEATURES_OK))
		value &= (uint8_t)~STATUS_DRIVER_OK;
	if (!(before & STATUS_NEEDS_RESET))
		value &= (uint8_t)~STATUS_NEEDS_RESET;
	device->status = value;
	if ((value & STATUS_DRIVER_OK) && !(before & STATUS_DRIVER_OK) && device->ops->started)
		device->ops->started(device);
}

static void set_half(uint64_t *field, bool high, uint32_t value)
{
	if (high)
		*field = (*field & UINT32_MAX) | (uint64_t)value << 32;
	else
		*field = (*field & ~(uint64_t)UINT32_MAX) | value;
}

static bool enable(const struct virtio_device *device, struct virtqueue *queue)
{
	queue->indirect = device->accepted & VIRTIO_F_INDIRECT_DESC;
	queue->event_index = device->accepted & VIRTIO_F_EVENT_IDX;
	return virtqueue_enable(queue, device->memory);
}

static void write_queue(struct virtio_device *device, unsigned offset, uint32_t value)
{
	struct virtqueue *queue = &device->queue[device->queue_select];
	bool high = offset & 4;

	if (queue->enabled || (device->status & STATUS_DRIVER_OK))
		return;
	switch (offset & ~4u) {
	case COMMON_QUEUE_SIZE:
		if (offset == COMMON_QUEUE_SIZE)
			queue->size = (uint16_t)value;
		else if ((value & 1) && !enable(device, queue))
			virtio_needs_reset(device);
		break;
	case COMMON_QUEUE_DESCRIPTORS:
		set_half(&queue->descriptors, high, value);
		break;
	case COMMON_QUEUE_AVAILABLE:
		set_half(&queue->available, high, value);
		break;
	case COMMON_QUEUE_USED:
		set_half(&queue->used, high, value);
		break;
	default:
		break;
	}
}

/* Fields are written whole (section 4.1.3.1); 64-bit ones also in halves. */
static void common_write(struct virtio_device *device, unsigned offset, unsigned size, uint64_t value)
{
	uint32_t low = (uint32_t)(size < 4 ? value & ((1u << 8 * size) - 1) : value);

	if (resetting(device))
		return;
	switch (offset) {
	case COMMON_FEATURE_SELECT:
		device->offered_select = low;
		break;
	case COMMON_GUEST_FEATURE_SELECT:
		device->accepted_select = low;
		break;
	case COMMON_GUEST_FEATURE:
		if (device->accepted_select < 2 && !(device->status & STATUS_FEATURES_OK))
			set_half(&device->accepted, device->accepted_select, low);
		break;
	case COMMON_STATUS:
		write_status(device, (uint8_t)low);
		break;
	case COMMON_QUEUE_SELECT:
		device->queue_select = (uint16_t)low;
		break;
	default:
		if (offset < COMMON_QUEUE_SIZE || device->queue_select >= device->queues)
			break;
		write_queue(device, offset, low);
		if (size == 8)
			write_queue(device, offset + 4, (uint32_t)(value >> 32));
		break;
	}
}

static uint64_t common_read(struct virtio_device *device, unsigned offset, unsigned size)
{
	uint64_t value;

	(void)resetting(device);
	value = common_word(device, offset & ~3u);

	if (size == 8)
		return value | (uint64_t)common_word(device, offset + 4) << 32;
	return value >> 8 * (offset & 3);
}

static void notify(struct virtio_device *device, unsigned queue)
{
	if (queue >= device->queues || !virtio_running(device))
		return;
	device->ops->notify(device, queue);
	if (device->queue[queue].broken)
		virtio_needs_reset(device);
}

static void config_write(struct virtio_device *device, unsigned offset, unsigned size, uint64_t value)
{
	if (device->ops->config_write && !resetting(device))
		device->ops->config_write(device, offset, size, value);
}

static __attribute__((hot)) bool bar_access(void *function, struct bus_access *access)
{
	struct virtio_device *device = to_device(function);
	unsigned area = (unsigned)(access->offset / AREA_SIZE);
	unsigned offset = (unsigned)(access->offset % AREA_SIZE);

	if (access->write) {
		if (area == AREA_NOTIFY)
			notify(device, offset / NOTIFY_STRIDE);
		else if (area == AREA_COMMON && offset < COMMON_END)
			common_write(device, offset, access->size, access->value);
		else if (area == AREA_DEVICE)
			config_write(device, offset, access->size, access->value);
		return true;
	}
	access->value = 0;
	if (area == AREA_COMMON && offset < COMMON_END)
		access->value = common_read(device, offset, access->size);
	else if (area == AREA_ISR && offset == 0)
		access->value = virtio_isr_read(&device->isr, &device->function);
	else if (area == AREA_DEVICE)
		access->value = device->ops->config(device, offset, access->size);
	return true;
}

/* VIRTIO_PCI_CAP_PCI_CFG (section 4.1.4.9): four bytes of configuration space that stand for a part of the BAR. */
static void window_access(struct pci_function *function, unsigned offset, unsigned size, bool write)
{
	struct virtio_device *device = to_device(function);
	uint8_t *cap = function->config + device->window;
	uint8_t *data = cap + CAP_EXTRA;
	uint32_t length = (uint32_t)bytes_get(cap + CAP_SIZE, 4);
	struct bus_access access = { .offset = bytes_get(cap + CAP_OFFSET, 4), .write = write };

	if (offset + size <= device->window + (unsigned)CAP_EXTRA || offset >= device->window + CAP_EXTRA + 4u)
		return;
	if (cap[CAP_BAR] != 0 || (length != 1 && length != 2 && length != 4))
		return;
	if ((access.offset & (length - 1)) || access.offset >= BAR_SIZE)
		return;
	access.size = (uint8_t)length;
	if (write)
		access.value = bytes_get(data, length);
	if (bar_access(function, &access) && !write)
		bytes_put(data, length, access.value);
}

static void function_config(struct pci_function *function, unsigned offset, unsigned size, bool write)
{
	window_access(function, offset, size, write);
	if (!write || offset >= PCI_BAR0 + 4)
		return;
	virtio_isr_follow(&to_device(function)->isr, function, ISR_OFFSET);
	changed(to_device(function));
}

static void function_claimed(struct pci_function *function, bool claimed)
{
	virtio_isr_claimed(&to_device(function)->isr, function, claimed, ISR_OFFSET);
}

static void function_shared(struct pci_function *function)
{
	virtio_isr_shared(&to_device(function)->isr);
}

void virtio_isr_page(struct virtio_device *device, uint32_t *page, cptr_t frame, cptr_t space)
{
	device->isr.page = page;
	device->isr.frame = frame;
	device->isr.space = space;
}

static unsigned add_capability(struct virtio_device *device, uint8_t type, unsigned area, unsigned size)
{
	struct pci_function *function = &device->function;
	unsigned length = type == CAP_NOTIFY || type == CAP_WINDOW ? CAP_EXTRA + 4 : CAP_EXTRA;
	unsigned offset = pci_add_capability(function, CAP_VENDOR, length);

	function->config[offset + CAP_LENGTH] = (uint8_t)length;
	function->config[offset + CAP_TYPE] = type;
	bytes_put(function->config + offset + CAP_OFFSET, 4, (uint64_t)area * AREA_SIZE);
	bytes_put(function->config + offset + CAP_SIZE, 4, size);
	return offset;
}

void virtio_pci_init(struct virtio_device *device, const struct virtio_device_ops *ops,
		     const struct guest_memory *memory, uint16_t type, uint32_t class_code)
{
	static const struct pci_function_ops function_ops = {
		.bar = bar_access, .config = function_config, .claimed = function_claimed, .shared = function_shared,
	};
	const struct pci_identity identity = {
		.vendor = 0x1af4, .device = (uint16_t)(0x1040 + type), .subsystem_vendor = 0x1af4, .subsystem = type,
		.class_code = class_code, .revision = 1,
	};
	uint8_t *writable = device->function.writable;
	bool one = device->one_bell && !device->apart;
	unsigned cap;

	pci_function_init(&device->function, &identity, BAR_SIZE, &function_ops);
	device->ops = ops;
	device->memory = memory;
	device->offered |= VIRTIO_F_VERSION_1;
	(void)add_capability(device, CAP_COMMON, AREA_COMMON, COMMON_END);
	(void)add_capability(device, CAP_ISR, AREA_ISR, 1);
	(void)add_capability(device, CAP_DEVICE, AREA_DEVICE, AREA_SIZE);
	cap = add_capability(device, CAP_NOTIFY, AREA_NOTIFY, one ? NOTIFY_STRIDE : NOTIFY_STRIDE * device->queues);
	bytes_put(device->function.config + cap + CAP_EXTRA, 4, NOTIFY_STRIDE);
	cap = add_capability(device, CAP_WINDOW, AREA_COMMON, 0);
	device->window = (uint8_t)cap;
	writable[cap + CAP_BAR] = 0xff;
	for (unsigned i = CAP_OFFSET; i < CAP_EXTRA + 4; i++)
		writable[cap + i] = 0xff;
	reset(device);
}
