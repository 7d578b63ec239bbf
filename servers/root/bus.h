/* SPDX-License-Identifier: Apache-2.0 */
/* Where devices may be, as the machine's device tree says: virtio-mmio slots, a PCI host, and a clock. */
#pragma once

#include <abi/types.h>

#define BUS_SLOTS_MAX 32u
#define BUS_LINES_MAX 64u

struct bus_slot {
	uint64_t base; /* physical, of 4 KiB of registers */
	uint32_t irq;  /* source of the machine's interrupt controller */
};

/* A range of bus addresses for BARs, and where the CPU sees it. */
struct bus_window {
	uint64_t bus, cpu, size; /* size 0: there is none */
};

/* A line of the host's interrupt-map. */
struct bus_line {
	uint32_t function; /* first cell of a unit address, masked */
	uint32_t pin;      /* 1 to 4, masked */
	uint32_t irq;
};

/* A PCI host with memory-mapped configuration (ECAM). */
struct bus_pci {
	bool exists;
	uint64_t config; /* physical, of the root bus: 4 KiB for each of 256 functions */
	struct bus_window low, high; /* memory below 4 GiB of the bus, and 64-bit memory */
	uint32_t function_mask, pin_mask;
	unsigned lines;
	struct bus_line line[BUS_LINES_MAX];
};

struct buses {
	unsigned slots;
	struct bus_slot slot[BUS_SLOTS_MAX];
	struct bus_pci pci;
	uint64_t rtc; /* physical, registers of a goldfish clock; 0: there is none */
};

/* Reads a device tree whose header was checked. What makes no sense is left out. */
void buses_read(const void *tree, struct buses *buses);

/* The interrupt source of a function's pin (1: INTA# to 4) on the root bus, by PCI's device and function number; 0: none. */
uint32_t bus_pci_irq(const struct bus_pci *pci, unsigned function, unsigned pin);
