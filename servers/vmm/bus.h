/* SPDX-License-Identifier: Apache-2.0 */
/* Which device answers at a guest physical address. Devices see offset, size, direction and value, nothing else. */
#pragma once

#include <abi/types.h>

#define BUS_DEVICES 8u

struct bus_access {
	uint64_t offset; /* from the start of the device's range; a multiple of `size` */
	uint64_t value;  /* written, or the answer of a read; bits above `size` are ignored */
	uint8_t size;    /* bytes: 1, 2, 4 or 8 */
	bool write;
};

/* Carries out *access. false: the device does not take such an access, the guest gets an access fault. */
typedef bool (*bus_handler_t)(void *device, struct bus_access *access);

struct bus_device {
	uint64_t base; /* guest physical */
	uint64_t size; /* bytes */
	bus_handler_t handler;
	void *device;
};

struct bus {
	struct bus_device device[BUS_DEVICES];
	const struct bus_device *last; /* hit of the last access, NULL at start */
	unsigned devices;
};

/* Adds a device. The ranges must not overlap. ERR_LIMIT: the bus is full. */
enum err bus_add(struct bus *bus, uint64_t base, uint64_t size, bus_handler_t handler, void *device)
	__attribute__((warn_unused_result));

static inline bool bus_holds(const struct bus_device *device, uint64_t address, unsigned size)
{
	uint64_t offset = address - device->base;

	return offset < device->size && size <= device->size - offset;
}

/* As bus_find, past the last hit. */
const struct bus_device *bus_search(struct bus *bus, uint64_t address, unsigned size);

/* The device whose range holds all `size` bytes at `address`, or NULL. */
static inline const struct bus_device *bus_find(struct bus *bus, uint64_t address, unsigned size)
{
	const struct bus_device *last = bus->last;

	return last && bus_holds(last, address, size) ? last : bus_search(bus, address, size);
}
