/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a partition in a disk's GUID partition table (UEFI 2.10, section 5.3). */
#pragma once

#include "disk.h"

#define GPT_BUFFER_SIZE 65536u   /* bytes of memory for reading */
#define GPT_PARTITIONS_MAX 128u  /* in use at once */
#define GPT_ENTRIES_MAX 4096u
#define GPT_LABEL_MAX 36u        /* characters */

struct gpt;

/* One search; the caller keeps it until it is done. */
struct gpt {
	/* Set by the caller. */
	struct disk *disk;
	const char *disk_name;
	uint32_t number;              /* from 1; 0: by label */
	const char *label;            /* ASCII */
	struct io_segment buffer;     /* GPT_BUFFER_SIZE bytes */
	void (*done)(struct gpt *gpt);
	/* The result. */
	bool found;
	uint64_t first, sectors;      /* in sectors of 512 bytes */
	char problem[108];            /* if not found */
	/* Of gpt.c. */
	struct io io;
	enum io_status status;
	enum { GPT_HEADER, GPT_ENTRIES } step;
	bool running, ready, finished;
	unsigned place;               /* 0: primary; 1: its alternate; 2: the last block */
	bool seen;                    /* a signature was there, maybe a damaged table */
	uint64_t blocks, place_block, alternate;
	uint64_t entries_block, first_usable, last_usable;
	uint32_t entries, entry_size, entries_checksum;
	uint32_t checksum, next_entry;
	unsigned used, matches;
	struct {
		uint64_t first, last;     /* blocks, both inclusive */
	} partition[GPT_PARTITIONS_MAX], match;
};

/* Begins; gpt->done is called when it has ended, maybe before this returns. */
void gpt_find(struct gpt *gpt);
