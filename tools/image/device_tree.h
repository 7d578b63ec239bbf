/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a checked system description into the device tree of libsys/proto/system.h. */
#pragma once

#include "description.h"

#define DEVICE_TREE_MAX 65536u

/* Names of a guest's files in the archive; initrd NULL if it has none. */
struct guest_files {
	const char *kernel;
	const char *initrd;
};

/*
 * Writes the tree into a buffer of DEVICE_TREE_MAX bytes; one guest_files per guest, in their order.
 * Returns its size in bytes, or a negative FDT_ERR_* of libfdt.
 */
int device_tree_write(const struct system_description *system, const struct guest_files *files, void *buffer);
