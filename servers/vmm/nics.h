/* SPDX-License-Identifier: Apache-2.0 */
/* The NICs of the guest: this VMM's end of its sessions with the net server (<proto/net.h>). */
#pragma once

#include <proto/net.h>
#include "devices/pci.h"
#include "disks.h"
#include "harts.h"

/* Numbers on the PCI bus, from this one on, whatever disks there are: guests name their interfaces by them. */
#define NICS_PCI_DEVICE 8u
/* Doorbells: those of the disks come before. */
#define NICS_BELL BLOCK_DISKS_MAX

/*
 * Waits until the server knows the guest's NICs, at most 10 s, and plugs them in. False if one of them cannot be had: that
 * stands in the log then. `name`: the guest's.
 */
bool nics_open(struct harts *harts, const struct guest_memory *memory, struct pci *pci, const char *name)
	__attribute__((warn_unused_result));

/* Bits that were signalled; those that are not the net server's are ignored. The caller has the lock. */
void nics_signalled(uint64_t bits);
