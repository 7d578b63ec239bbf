/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root to a server that works in guests' memory (block, net), read-only there: which guests there are, and where their RAM is. Epoch: odd
 * while the guest exists and its RAM is mapped in the server; root raises it by one each time, signals, and takes the memory away only when
 * the server has answered with the same epoch in its status page (nothing of that guest is in flight then), or is gone and its devices are reset.
 */
#pragma once

#include <abi/types.h>

#define ATTACH_GUESTS_MAX 8u
#define ATTACH_GATEWAY ATTACH_GUESTS_MAX /* number of the gateway's RAM, which is lent like a guest's; in the net server's table only */
#define ATTACH_MAX (ATTACH_GUESTS_MAX + 1u)
#define ATTACH_RANGES_MAX 24u

struct attachment {
	uint32_t epoch;
	uint32_t ranges;
	uint32_t vcpus;   /* whose scheduling contexts the server has, to charge its time to: below */
	uint32_t reserved;
	uint64_t base;    /* guest physical address of the first byte of RAM */
	uint64_t size;    /* bytes */
	uint64_t address; /* where the server sees it, in one piece */
	struct {
		uint64_t offset;   /* bytes from the start of RAM; ranges are in order without gaps */
		uint64_t physical;
		uint64_t size;
	} range[ATTACH_RANGES_MAX];
};

/* In the slots from resource "accounts" on, ATTACH_VCPUS_MAX for each guest: they come with the guest and go with it. */
#define ATTACH_VCPUS_MAX 8u

struct attach_table {
	uint32_t starts; /* of the server, this one included */
	uint32_t guests;
	uint32_t ending; /* 1: the machine is about to go down; signalled. A server with a `status_ended` says when it has nothing left to write */
	uint32_t reserved;
	struct attachment guest[ATTACH_MAX];
};
#define ATTACH_TABLE_SIZE 8192u
_Static_assert(sizeof(struct attach_table) <= ATTACH_TABLE_SIZE, "two pages");
