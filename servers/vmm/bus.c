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

const struct bus_device *bus_search(struct bus *bus, uint64_t address, unsigned size)
{
	for (unsigned i = 0; i < bus->devices; i++) {
		if (bus_holds(&bus->device[i], address, size)) {
			bus->last = &bus->device[i];
			return bus->last;
		}
	}
	return NULL;
}
