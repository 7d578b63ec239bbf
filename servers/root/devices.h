/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's devices that servers get: found once, at boot. Their frames stay with the root task, servers get copies. */
#pragma once

#include <abi/types.h>

#define DEVICES_MAX 15u

/* Kinds of virtio devices: virtio 1.2, sections 5.1 to 5.3. */
#define DEVICE_NET 1u
#define DEVICE_BLOCK 2u
#define DEVICE_CONSOLE 3u /* takes what is captured; driven without interrupts */

enum device_transport { DEVICE_MMIO, DEVICE_PCI };

struct device {
	uint32_t id; /* of the kind of virtio device */
	enum device_transport transport;
	uint32_t irq;            /* 0: it is kept from any */
	uint64_t registers;      /* physical: of virtio-mmio, or the BAR */
	uint64_t registers_size; /* bytes; frames are whole pages */
	uint64_t config;         /* physical, 4 KiB of configuration space; 0: not PCI */
	uint64_t status;         /* where the status register is, bytes from the start of the registers */
	cptr_t frame;            /* slots with the frames of the registers, then that of the configuration space */
	volatile uint8_t *status_page; /* mapped in the root task */
};

struct devices {
	cptr_t uart; /* frame */
	uint64_t epoch; /* ns since 1970 when the timer was 0, by the machine's clock; 0: it has none, or nobody asks */
	unsigned count;
	struct device device[DEVICES_MAX];
};

/*
 * Looks for devices, if the system has servers that drive some, and makes all frames, also that of the UART, which is at a physical
 * address. Once, behind system_read, before any is used.
 */
void devices_init(uint64_t uart);

static inline unsigned device_frames(const struct device *device)
{
	return (unsigned)((device->registers_size + 4095) / 4096);
}

/*
 * Resets a device whoever used it, so that it transfers nothing any more (virtio 1.2, section 2.4). False: it does not say
 * that it is done within 1 s.
 */
bool device_reset(const struct device *device);
