/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI functions of the root bus: PCI Local Bus Specification 3.0, chapter 6; virtio 1.2, section 4.1. Functions are named by
 * device and function number: device * 8 + function. What is behind bridges is not looked at.
 */
#pragma once

#include "bus.h"

/* Configuration space: 32 bits at a multiple of 4 below 4096. A function that is not there reads as ones. */
struct pci_access {
	uint32_t (*read)(const struct pci_access *access, unsigned function, unsigned offset);
	void (*write)(const struct pci_access *access, unsigned function, unsigned offset, uint32_t value);
};

#define PCI_FUNCTIONS_MAX 256u
#define PCI_BARS 6u

/* Where BARs go; what is free begins at `next`. */
struct pci_space {
	struct bus_window window;
	uint64_t next; /* bytes from its start */
};

struct pci_bar {
	uint64_t cpu;  /* physical address; 0: not there, or of I/O ports */
	uint64_t size; /* bytes */
};

struct pci_virtio {
	uint32_t id;     /* of the kind of device: 2 is a block device */
	uint32_t bar;    /* that has all of its registers */
	uint64_t status; /* offset of the device's status register in the BAR */
	uint32_t pin;    /* of its interrupt, 1 to 4; 0: none */
};

/*
 * Finds the functions of ordinary devices, at most PCI_FUNCTIONS_MAX, and makes each of them quiet: it answers no address, transfers
 * nothing, and does not interrupt. Bridges are left alone. Returns how many.
 */
unsigned pci_enumerate(const struct pci_access *access, uint16_t *functions);

/* Whether a function is a virtio device with the registers of version 1, all in one BAR. */
bool pci_find_virtio(const struct pci_access *access, unsigned function, struct pci_virtio *virtio);

/*
 * Gives all memory BARs of a quiet function an address, each on pages of its own. ERR_NO_MEMORY: no room in the windows;
 * ERR_RANGE: a BAR makes no sense.
 */
enum err pci_assign(const struct pci_access *access, unsigned function, struct pci_space *low, struct pci_space *high,
		    struct pci_bar bar[PCI_BARS]) __attribute__((warn_unused_result));

/* Lets a function answer at its BARs, transfer data, and, if wanted, interrupt by its pin. */
void pci_enable(const struct pci_access *access, unsigned function, bool interrupts);
