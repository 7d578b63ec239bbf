/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio console with one port (virtio 1.2, section 5.3): the guest's main terminal. */
#pragma once

#include "virtio_pci.h"

struct virtio_console {
	struct virtio_device device; /* first */
	uint16_t columns, rows;      /* as the driver was told */
};

void virtio_console_init(struct virtio_console *console, const struct guest_memory *memory);

/* Whether the driver has set up its receive queue: input then goes here. */
bool virtio_console_listens(const struct virtio_console *console);

/* Passes typed bytes on as far as the driver has given buffers, and a change of the terminal's size. */
void virtio_console_input(struct virtio_console *console);
