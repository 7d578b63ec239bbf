/* SPDX-License-Identifier: Apache-2.0 */
/* Device look-up. */
#include "bus.h"

enum err bus_add(struct bus *bus, uint64_t base, uint64_t size, bus_handler_t handler, void *device)
{
	if (bus->devices == BUS_DEVICES)
		return ERR_LIMIT;
	bus->device[bus->devices++] = (struct bus_device){
		.base = base,
		.size = size,
		.handler = handler,
		.device = device,
	};
	return ERR_OK;
}

static bool holds(const struct bus_device *device, uint64_t address, unsigned size)
{
	uint64_t offset = address - device->base;

	return offset < device->size && size <= device->size - offset;
}

__attribute__((hot)) const struct bus_device *bus_find(struct bus *bus, uint64_t address, unsigned size)
{
	const struct bus_device *last = bus->last;

	if (last && holds(last, address, size))
		return last;
	for (unsigned i = 0; i < bus->devices; i++) {
		if (holds(&bus->device[i], address, size)) {
			bus->last = &bus->device[i];
			return bus->last;
		}
	}
	return NULL;
}
