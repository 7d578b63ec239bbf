/* SPDX-License-Identifier: Apache-2.0 */
/* Pages from the root task for the ISR status of virtio devices (<proto/root.h>). */
#pragma once

#include "devices/virtio_pci.h"

/* Gives the device, which was just plugged in, the next page, if there is one. */
void isr_open(const struct pci *pci, struct virtio_device *device);
