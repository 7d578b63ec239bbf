/* SPDX-License-Identifier: Apache-2.0 */
/* The disks of the guest: this VMM's end of its sessions with the block server (<proto/block.h>). */
#pragma once

#include <proto/block.h>
#include "devices/pci.h"
#include "harts.h"

/* Numbers on the PCI bus, from this one on. */
#define DISKS_PCI_DEVICE 2u

/*
 * Waits until the server knows the guest's disks, at most 10 s, and plugs them in. False if one of them cannot be had: that
 * stands in the log then. `name`: the guest's.
 */
bool disks_open(struct harts *harts, const struct guest_memory *memory, struct pci *pci, const char *name)
	__attribute__((warn_unused_result));

/* Bits that were signalled; those that are not the block server's are ignored. The caller has the lock. */
void disks_signalled(uint64_t bits);
