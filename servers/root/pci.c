/* SPDX-License-Identifier: Apache-2.0 */
#include "pci.h"

enum {
	CONFIG_ID = 0x00,
	CONFIG_COMMAND = 0x04, /* the status is in the upper half; writing 0 there changes nothing */
	CONFIG_HEADER = 0x0c,
	CONFIG_BAR = 0x10,
	CONFIG_SUBSYSTEM = 0x2c,
	CONFIG_CAPABILITIES = 0x34,
	CONFIG_INTERRUPT = 0x3c,
};

enum {
	COMMAND_MEMORY = 1 << 1,
	COMMAND_MASTER = 1 << 2,
	COMMAND_NO_INTERRUPT = 1 << 10,
	STATUS_CAPABILITIES = 1 << 20,
	HEADER_SEVERAL_FUNCTIONS = 1 << 23,
	HEADER_TYPE = 0x7f << 16,
	BAR_PORTS = 1 << 0,
	BAR_TYPE = 3 << 1,
	BAR_TYPE_64 = 2 << 1,
	BAR_FLAGS = 0xf,
};

#define NOTHING 0xffffffffu
#define PAGE 4096u
#define CLASS_BRIDGE 0x06u
#define CAPABILITY_VENDOR 0x09u
#define CAPABILITIES_MAX 48u /* that fit behind the header */
#define VIRTIO_VENDOR 0x1af4u
#define VIRTIO_TRANSITIONAL 0x1000u
#define VIRTIO_MODERN 0x1040u
#define VIRTIO_LAST 0x107fu
#define VIRTIO_COMMON 1u  /* cfg_type of the structures: section 4.1.4 */
#define VIRTIO_DEVICE 4u
#define COMMON_STATUS 20u /* struct virtio_pci_common_cfg: section 4.1.4.3 */
#define COMMON_SIZE 56u

static bool is_device(const struct pci_access *access, unsigned function)
{
	return access->read(access, function, CONFIG_ID) != NOTHING &&
	       (access->read(access, function, CONFIG_HEADER) & HEADER_TYPE) == 0 &&
	       access->read(access, function, 0x08) >> 24 != CLASS_BRIDGE;
}

unsigned pci_enumerate(const struct pci_access *access, uint16_t *functions)
{
	unsigned count = 0, number = 0;

	while (number < PCI_FUNCTIONS_MAX) {
		bool there = access->read(access, number, CONFIG_ID) != NOTHING;
		bool several = there && (access->read(access, number & ~7u, CONFIG_HEADER) & HEADER_SEVERAL_FUNCTIONS);

		if (is_device(access, number)) {
			access->write(access, number, CONFIG_COMMAND, COMMAND_NO_INTERRUPT);
			functions[count++] = (uint16_t)number;
		}
		/* A device has function 0, and others only if that says so. */
		number += number % 8 || several ? 1 : 8;
	}
	return count;
}

static uint32_t virtio_id(const struct pci_access *access, unsigned function)
{
	uint32_t id = access->read(access, function, CONFIG_ID), device = id >> 16;

	if ((id & 0xffff) != VIRTIO_VENDOR || device < VIRTIO_TRANSITIONAL || device > VIRTIO_LAST)
		return 0;
	return device >= VIRTIO_MODERN ? device - VIRTIO_MODERN : access->read(access, function, CONFIG_SUBSYSTEM) >> 16;
}

bool pci_find_virtio(const struct pci_access *access, unsigned function, struct pci_virtio *virtio)
{
	struct pci_virtio found = { .id = virtio_id(access, function), .bar = PCI_BARS };
	unsigned at = access->read(access, function, CONFIG_CAPABILITIES) & 0xfc;

	if (!found.id || !(access->read(access, function, CONFIG_COMMAND) & STATUS_CAPABILITIES))
		return false;
	for (unsigned left = CAPABILITIES_MAX; left && at >= 0x40; left--) {
		uint32_t head = access->read(access, function, at), type = head >> 24;

		if ((head & 0xff) == CAPABILITY_VENDOR && type >= VIRTIO_COMMON && type <= VIRTIO_DEVICE && at <= 0xf0) {
			uint32_t bar = access->read(access, function, at + 4) & 0xff;

			if (bar >= PCI_BARS || (found.bar != PCI_BARS && found.bar != bar))
				return false;
			found.bar = bar;
			if (type == VIRTIO_COMMON && access->read(access, function, at + 12) >= COMMON_SIZE)
				found.status = (uint64_t)access->read(access, function, at + 8) + COMMON_STATUS;
		}
		at = head >> 8 & 0xfc;
	}
	found.pin = access->read(access, function, CONFIG_INTERRUPT) >> 8 & 0xff;
	if (found.pin > 4)
		found.pin = 0;
	if (!found.status)
		return false;
	*virtio = found;
	return true;
}

/* The lowest free address of the bus for a BAR; both windows and sizes are on pages. */
static bool take(struct pci_space *space, uint64_t size, uint64_t *bus, uint64_t *cpu)
{
	uint64_t unit = size < PAGE ? PAGE : size, first = space->window.bus + space->next;
	uint64_t from = ((first + unit - 1) & ~(unit - 1)) - space->window.bus;

	if (from < space->next || from > space->window.size || unit > space->window.size - from)
		return false;
	*bus = space->window.bus + from;
	*cpu = space->window.cpu + from;
	space->next = from + unit;
	return true;
}

/* The size of a BAR of one or two words; those that do not have it are fixed to 0. */
static uint64_t measure(const struct pci_access *access, unsigned function, unsigned offset, bool wide)
{
	uint64_t mask;

	access->write(access, function, offset, NOTHING);
	mask = access->read(access, function, offset) & ~(uint64_t)BAR_FLAGS;
	if (!wide) {
		mask |= mask ? UINT64_C(0xffffffff) << 32 : 0;
		return -mask;
	}
	access->write(access, function, offset + 4, NOTHING);
	return -(mask | (uint64_t)access->read(access, function, offset + 4) << 32);
}

enum err pci_assign(const struct pci_access *access, unsigned function, struct pci_space *low, struct pci_space *high,
		    struct pci_bar bar[PCI_BARS])
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		unsigned offset = CONFIG_BAR + 4 * i;
		uint32_t flags = access->read(access, function, offset);
		bool wide = (flags & BAR_TYPE) == BAR_TYPE_64;
		uint64_t size, address;

		bar[i] = (struct pci_bar){ 0 };
		if (flags & BAR_PORTS)
			continue;
		if (wide && i + 1 == PCI_BARS)
			return ERR_RANGE;
		size = measure(access, function, offset, wide);
		if (size == 0 && !wide)
			continue;
		if (size == 0 || (size & (size - 1)))
			return ERR_RANGE;
		if (!take(low, size, &address, &bar[i].cpu) && !(wide && take(high, size, &address, &bar[i].cpu)))
			return ERR_NO_MEMORY;
		bar[i].size = size;
		access->write(access, function, offset, (uint32_t)address);
		if (wide) {
			access->write(access, function, offset + 4, (uint32_t)(address >> 32));
			bar[++i] = (struct pci_bar){ 0 };
		}
	}
	return ERR_OK;
}

void pci_enable(const struct pci_access *access, unsigned function, bool interrupts)
{
	access->write(access, function, CONFIG_COMMAND, COMMAND_MEMORY | COMMAND_MASTER | (interrupts ? 0 : COMMAND_NO_INTERRUPT));
}
