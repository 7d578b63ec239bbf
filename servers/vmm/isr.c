/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/task.h>
#include <stdio.h>
#include "isr.h"

#define PAGE 4096u

/* How many devices were plugged in before it; the bridge does not count. */
static unsigned number_of(const struct pci *pci, const struct virtio_device *device)
{
	unsigned number = 0;

	for (unsigned i = 1; i < pci->functions; i++)
		number += pci->function[i] && pci->function[i] != &device->function;
	return number;
}

void isr_open(const struct pci *pci, struct virtio_device *device)
{
	unsigned number = number_of(pci, device);
	cptr_t space = task_cap("gspace"), frame;
	char name[16];
	size_t size = 0;
	uint8_t *pages = task_memory("isr", &size);

	snprintf(name, sizeof(name), "isr.%u", number);
	frame = task_cap(name);
	if (pages && space && frame && size / PAGE > number)
		virtio_isr_page(device, (uint32_t *)(void *)(pages + PAGE * (size_t)number), frame, space);
}
