/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the root task tells each server at start: a read-only area at TASK_INFO_ADDRESS that lists the resources it was
 * given. A server holds nothing that is not listed here or in enum task_slot. Address of the area in a0 at entry.
 */
#pragma once

#include <abi/types.h>

#define TASK_INFO_MAGIC 0x6b736174u
#define TASK_INFO_ADDRESS 0x3f00000000ull
#define TASK_RESOURCES_MAX 96u
#define TASK_STRINGS_MAX 2048u

/* Slots with a fixed meaning in every server's CNode; 0 if the server has no use for one. */
enum task_slot {
	TASK_SLOT_ROOT = 1,         /* endpoint to the root task, badged with this server's number */
	TASK_SLOT_ENDPOINT = 2,     /* the endpoint on which this server receives */
	TASK_SLOT_NOTIFICATION = 3, /* its bound notification, full rights */
	TASK_SLOT_REPLY = 4,        /* a reply object */
	TASK_SLOT_FREE = 16,        /* further slots are named by resources */
};

enum task_resource_kind {
	TASK_CAP = 1,    /* slot: a capability */
	TASK_MEMORY = 2, /* address, size: mapped memory (RAM, ring, device registers) */
	TASK_VALUE = 3,  /* value: a number */
	TASK_STRING = 4, /* value: offset in strings; NUL-terminated */
};

struct task_resource {
	char name[28];  /* NUL-terminated, e.g. "uart", "alpha.channel", "ram", "cmdline" */
	uint32_t kind;  /* enum task_resource_kind */
	uint64_t value; /* number, string offset, or slot */
	uint64_t address;
	uint64_t size;  /* bytes */
};
_Static_assert(sizeof(struct task_resource) == 56, "task resource");

struct task_info {
	uint32_t magic;
	uint32_t version; /* SERAI_ABI_VERSION */
	char name[32];    /* of this server */
	uint64_t timebase_hz;
	uint64_t heap;      /* memory for malloc: address and bytes */
	uint64_t heap_size;
	uint32_t resources;
	uint32_t reserved;
	struct task_resource resource[TASK_RESOURCES_MAX];
	char strings[TASK_STRINGS_MAX];
};
_Static_assert(sizeof(struct task_info) <= 8192, "two pages");
