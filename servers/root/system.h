/* SPDX-License-Identifier: Apache-2.0 */
/* The system description (<proto/system.h>), read from the boot archive. */
#pragma once

#include <abi/types.h>
#include <proto/block.h>
#include <proto/net.h>
#include <proto/system.h>

#define SYSTEM_FILE_MAX 40u

/* Servers behind the devices of guests, which work in the guests' memory. */
enum backend_kind { BACKEND_BLOCK, BACKEND_NET, BACKENDS };

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
	uint32_t devices[BACKENDS];   /* disks: at most BLOCK_DISKS_MAX; NICs: at most NET_NICS_MAX */
	uint32_t session[BACKENDS];   /* of the server, of the first such device; the others follow */
};

struct system {
	uint32_t escape;     /* byte */
	uint64_t scrollback; /* bytes per guest */
	/* The rest of what is about disks and networks is their servers' own to read. */
	bool has[BACKENDS];  /* disks, networks: then there is such a server */
	uint32_t sessions[BACKENDS];
	uint64_t block_memory; /* bytes for the maps of overlays */
	uint32_t overlays;
	struct {
		uint32_t nics;    /* 0: there is no gateway; at most GATEWAY_NICS */
		uint32_t session; /* of the net server, of its first NIC */
	} gateway;
	unsigned guests;
	struct system_guest guest[SYSTEM_GUESTS_MAX];
};

/* Reads and checks; returns what is wrong, or NULL. size: bytes of the file. */
const char *system_read(const void *tree, size_t size, struct system *system);
