/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ISR status register of a virtio device (virtio 1.2, section 4.1.4.5) and its interrupt line. A read of it returns and clears the bits
 * and lowers the line, and is an exit.
 *
 * A driver that reads it once in each interrupt, between claim and completion, and at no other time, as Linux does, gets its page mapped
 * instead, with no exit. The VMM does not see such reads. So the claim of the line lowers it: what was raised before is for the handler that
 * follows, and the page shows it up to the next claim; what is raised after it also is an interrupt of its own. The handler may
 * see bits twice, but never misses one. Whatever could make a difference ends this until the driver has shown its habit anew: a
 * reset, INTx switched off, the BAR elsewhere or off, another device on the line. docs/adding-a-device.md has the reasons.
 */
#pragma once

#include "pci.h"

enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };

/* Interrupts in a row with one read each after which the page is mapped. */
#define VIRTIO_ISR_STEADY 16u

struct virtio_isr {
	uint8_t bits;    /* that hold the line up */
	uint8_t told;    /* whose line the last claim lowered; only while mapped, and until the next read by exit */
	uint8_t reads;   /* exits since the line was claimed */
	uint8_t steady;  /* interrupts in a row with one of them */
	uint32_t *page;  /* that can be mapped for the guest; NULL: none */
	cptr_t frame;    /* of the page */
	cptr_t space;    /* the guest's */
	uint64_t at;     /* where it is mapped, guest physical; 0: nowhere */
};

/* The functions below are of a device's register. `function`: the device's; `offset`: of the register's page in its BAR. */

/* Sets bits and raises the line. */
void virtio_isr_raise(struct virtio_isr *isr, struct pci_function *function, uint8_t bits);

/* A read by exit: the bits, which are cleared. */
uint8_t virtio_isr_read(struct virtio_isr *isr, struct pci_function *function);

/* The device is reset: the bits are cleared, reads are exits. */
void virtio_isr_reset(struct virtio_isr *isr, struct pci_function *function);

/* The line was claimed, or that claim was completed. */
void virtio_isr_claimed(struct virtio_isr *isr, struct pci_function *function, bool claimed, uint64_t offset);

/* BAR or command of the function may have changed. */
void virtio_isr_follow(struct virtio_isr *isr, const struct pci_function *function, uint64_t offset);

/* Another device begins to use the line: reads are exits. */
void virtio_isr_shared(struct virtio_isr *isr);
