/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <libsys/log.h>

static const struct device *find(const struct device *const *device, unsigned count, uint32_t irq)
{
	for (unsigned i = 0; i < count; i++)
		if (device[i]->irq == irq)
			return device[i];
	return NULL;
}

unsigned lines_choose(const struct devices *devices, uint32_t id, const struct device *const *others, unsigned other_count,
		      const struct device **chosen, unsigned most)
{
	unsigned count = 0;

	for (unsigned i = 0; i < devices->count && count < most; i++) {
		const struct device *device = &devices->device[i], *other = find(others, other_count, device->irq);

		if (device->id != id)
			continue;
		if (other)
			log_error("the virtio device at 0x%lx is not used: it shares interrupt %u with that at 0x%lx, which another "
				  "server drives; one of them needs another slot",
				  device->registers, device->irq, other->registers);
		else
			chosen[count++] = device;
	}
	return count;
}

uint32_t lines_sharing(const struct device *const *device, unsigned count, unsigned number)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < count; i++)
		if (device[i]->irq == device[number]->irq)
			bits |= 1u << i;
	return bits;
}
