/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/invoke.h>
#include <libsys/task.h>
#include "virtio_isr.h"

/* Other vCPUs may read it at any time. */
static void show(struct virtio_isr *isr)
{
	if (isr->page)
		__atomic_store_n(isr->page, (uint32_t)isr->bits | isr->told, __ATOMIC_RELAXED);
}

/* Reads are exits. What the handler has perhaps not yet read, it gets by one. */
static void take_away(struct virtio_isr *isr)
{
	enum err error = isr->at ? frame_unmap(isr->frame) : ERR_OK;

	if (error != ERR_OK)
		task_fail("the page of an ISR status cannot be taken from the guest (error %u)", (unsigned)error);
	isr->at = 0;
}

/* Where the page belongs; 0: reads are to be exits. */
static uint64_t address(const struct pci_function *function, uint64_t offset)
{
	bool possible = !(pci_command(function) & PCI_COMMAND_NO_INTX) && pci_alone(function);
	uint64_t bar = possible ? pci_bar(function) : 0;

	return bar ? bar + offset : 0;
}

/* Not below all addresses are page tables; elsewhere, or if something is mapped there, reads stay exits. */
static void give(struct virtio_isr *isr, const struct pci_function *function, uint64_t offset)
{
	uint64_t at = address(function, offset);

	isr->steady = 0;
	isr->told = 0;
	show(isr);
	if (at && frame_map(isr->frame, isr->space, at, RIGHT_READ) == ERR_OK)
		isr->at = at;
}

void virtio_isr_raise(struct virtio_isr *isr, struct pci_function *function, uint8_t bits)
{
	isr->bits |= bits;
	show(isr);
	pci_set_interrupt(function, true);
}

uint8_t virtio_isr_read(struct virtio_isr *isr, struct pci_function *function)
{
	uint8_t bits = isr->bits | isr->told;

	if (!pci_claimed(function))
		isr->steady = 0;
	else if (isr->reads < UINT8_MAX)
		isr->reads++;
	isr->bits = isr->told = 0;
	show(isr);
	pci_set_interrupt(function, false);
	return bits;
}

void virtio_isr_reset(struct virtio_isr *isr, struct pci_function *function)
{
	isr->bits = isr->told = 0;
	isr->reads = isr->steady = 0;
	show(isr);
	take_away(isr);
	if (function->pci)
		pci_quiet(function);
}

void virtio_isr_claimed(struct virtio_isr *isr, struct pci_function *function, bool claimed, uint64_t offset)
{
	if (isr->at) {
		if (!claimed)
			return;
		isr->told = isr->bits;
		isr->bits = 0;
		show(isr);
		pci_set_interrupt(function, false);
	} else if (claimed) {
		isr->reads = 0;
	} else if (isr->page) {
		if (isr->reads != 1)
			isr->steady = 0;
		else if (++isr->steady >= VIRTIO_ISR_STEADY)
			give(isr, function, offset);
	}
}

void virtio_isr_follow(struct virtio_isr *isr, const struct pci_function *function, uint64_t offset)
{
	if (isr->at && isr->at != address(function, offset))
		take_away(isr);
}

void virtio_isr_shared(struct virtio_isr *isr)
{
	take_away(isr);
}
