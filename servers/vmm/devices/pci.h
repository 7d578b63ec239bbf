/* SPDX-License-Identifier: Apache-2.0 */
/* One PCI bus behind an ECAM host bridge: configuration space, one memory BAR per function, INTx. */
#pragma once

#include "../bus.h"
#include "plic.h"

#define PCI_FUNCTIONS 32u /* function 0 of each device of a bus */
#define PCI_CONFIG_SIZE 256u

struct pci_function;

struct pci_function_ops {
	/* An access to the BAR: offset from its start. */
	bus_handler_t bar;
	/* Configuration space was read (before) or written (after) at offset; NULL: nothing to do. */
	void (*config)(struct pci_function *function, unsigned offset, unsigned size, bool write);
	/* The interrupt controller's source of its line was claimed, or that claim was completed; NULL: nothing to do. */
	void (*claimed)(struct pci_function *function, bool claimed);
	/* Another function begins to use its line; NULL: nothing to do. */
	void (*shared)(struct pci_function *function);
};

struct pci_function {
	uint8_t config[PCI_CONFIG_SIZE];   /* as the guest reads it, little-endian */
	uint8_t writable[PCI_CONFIG_SIZE]; /* mask of the bits that the guest may write */
	uint32_t bar_size;                 /* of BAR 0, bytes, a power of two from 16; 0: none */
	const struct pci_function_ops *ops;
	struct pci *pci;
	unsigned device;                   /* number on the bus */
	bool interrupt;                    /* what the function wants its INTA to be */
	bool interrupts;                   /* its driver may expect interrupts: it had one since pci_quiet */
	uint8_t capability;                /* offset of the last capability, 0 if there is none */
	uint8_t config_end;                /* first byte free for a capability */
};

struct pci {
	struct pci_function *function[PCI_FUNCTIONS];
	struct plic *plic;
	unsigned functions; /* the highest number that is taken, and 1 */
	uint64_t window; /* guest physical address of the window for BARs */
	uint64_t window_size;
	unsigned irq;    /* INTA of device 0 */
};

struct pci_identity {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
};

/* Offsets in configuration space (PCI Local Bus specification 3.0, chapter 6). */
enum {
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_BAR0 = 0x10,
	PCI_CAPABILITIES = 0x34,
	PCI_INTERRUPT_PIN = 0x3d,
};

enum {
	PCI_COMMAND_MEMORY = 1 << 1,
	PCI_COMMAND_MASTER = 1 << 2,
	PCI_COMMAND_NO_INTX = 1 << 10,
};

/* An empty bus with a host bridge as device 0. window: guest physical address, and bytes. */
void pci_init(struct pci *pci, struct pci_function *bridge, struct plic *plic, uint64_t window, uint64_t window_size,
	      unsigned irq);

/* Prepares the standard header of a function with one BAR of bar_size bytes (0: none) and INTA if it has a BAR. */
void pci_function_init(struct pci_function *function, const struct pci_identity *identity, uint32_t bar_size,
		       const struct pci_function_ops *ops);

/* Puts a capability of `size` bytes (header included, content zero) at the end of the list; returns its offset. */
unsigned pci_add_capability(struct pci_function *function, uint8_t id, unsigned size);

/*
 * Plugs the function in as this device number, 1 to PCI_FUNCTIONS - 1. Its interrupt line is that number modulo 4, as on other boards: devices
 * beside each other have lines of their own.
 */
void pci_add(struct pci *pci, struct pci_function *function, unsigned device);

/* Sets the function's interrupt. */
void pci_set_interrupt(struct pci_function *function, bool level);

/* Its interrupt is low, and its driver expects none: it was reset. */
void pci_quiet(struct pci_function *function);

/* Whether none of the functions that share its line has interrupts. */
bool pci_alone(const struct pci_function *function);

/* Whether its line is claimed and not yet completed. */
bool pci_claimed(const struct pci_function *function);

/* Where its BAR is, guest physical; 0 unless it is enabled, in the window. */
uint64_t pci_bar(const struct pci_function *function);

uint16_t pci_command(const struct pci_function *function);

/* Handlers of the ECAM range and of the window. Absent functions read as all ones, as on a real bus. */
bool pci_ecam_access(void *device, struct bus_access *access);
bool pci_window_access(void *device, struct bus_access *access);
