/* SPDX-License-Identifier: Apache-2.0 */
/* The system description (<proto/system.h>), read from the boot archive. */
#pragma once

#include <abi/types.h>
#include <proto/block.h>
#include <proto/system.h>

#define SYSTEM_FILE_MAX 40u

struct system_guest {
	char name[SYSTEM_NAME_MAX + 1];
	char kernel[SYSTEM_FILE_MAX];
	char initrd[SYSTEM_FILE_MAX]; /* empty: none */
	const char *cmdline;          /* in the boot archive */
	uint64_t memory;              /* bytes */
	uint32_t vcpus;
	uint32_t hart[SYSTEM_VCPUS_MAX]; /* of each vCPU; may exceed those of the machine */
	uint32_t cpu_share;           /* SYSTEM_SHARE_MIN to SYSTEM_SHARE_MAX */
	uint32_t cpu_cap;             /* percent of one hart; 0: none */
	uint32_t cpu_period;          /* ms */
	uint32_t color;
	bool autostart, restart_on_crash;
	uint32_t disks;               /* 0 to BLOCK_DISKS_MAX */
	uint32_t session;             /* of the block server, of the first disk; the others follow */
};

struct system {
	uint32_t escape;     /* byte */
	uint64_t scrollback; /* bytes per guest */
	/* The rest of the block server's part is its own to read. */
	bool has_disks;      /* then there is a block server */
	uint64_t block_memory; /* bytes for the maps of overlays */
	uint32_t overlays, sessions;
	unsigned guests;
	struct system_guest guest[SYSTEM_GUESTS_MAX];
};

/* Reads and checks; returns what is wrong, or NULL. size: bytes of the file. */
const char *system_read(const void *tree, size_t size, struct system *system);
