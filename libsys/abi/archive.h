/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot archive: what the loader and the root task find in memory after the loader itself.
 * Little-endian. A header, the entries, then the files, each aligned to `alignment` of its entry (4 KiB, or 2 MiB for
 * files of 1 MiB and more, so that they can be mapped with large frames). The archive itself starts on 2 MiB and its
 * size is a multiple of 2 MiB. Gaps are zero.
 */
#pragma once

#include "types.h"

#define ARCHIVE_MAGIC 0x31616973u /* "sia1" */
#define ARCHIVE_NAME_MAX 40u
#define ARCHIVE_ENTRIES_MAX 64u

/* Names with a fixed meaning. */
#define ARCHIVE_KERNEL "kernel"         /* ELF: the kernel */
#define ARCHIVE_ROOT "root"             /* ELF: the root task */
#define ARCHIVE_SYSTEM "system.dtb"     /* flattened device tree: the system description */

struct archive_entry {
	char name[ARCHIVE_NAME_MAX]; /* NUL-terminated */
	uint64_t offset;             /* bytes from the header */
	uint64_t size;               /* bytes */
	uint32_t alignment;          /* bytes, of offset */
	uint32_t checksum;           /* CRC-32 (IEEE 802.3) of the file; checked by `image list`, not at boot */
};
_Static_assert(sizeof(struct archive_entry) == 64, "archive entry");

struct archive_header {
	uint32_t magic;
	uint32_t version; /* SERAI_ABI_VERSION */
	uint32_t entries;
	uint32_t reserved; /* 0 */
	uint64_t size;     /* bytes, all of it; a multiple of 2 MiB */
	uint64_t reserved1;
	struct archive_entry entry[];
};
_Static_assert(sizeof(struct archive_header) == 32, "archive header");
