/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in the store of an overlay, for the block server and the tools of the build machine; docs/overlay-format.md tells how it is
 * used. All numbers are little-endian. Checksums are CRC32C over the whole structure with its checksum field as 0.
 */
#pragma once

#include <abi/types.h>

#define OVERLAY_VERSION 1u
#define OVERLAY_BLOCK 4096u    /* bytes */
#define OVERLAY_CLUSTER 65536u /* bytes */
#define OVERLAY_BLOCKS 16u     /* of a cluster */
#define OVERLAY_NAME_SIZE 16u  /* of a snapshot, NUL-padded */
#define OVERLAY_LAYERS_MAX 9u  /* 8 snapshots and the top */
#define OVERLAY_FINGERPRINT (1u << 20) /* bytes at each end of the base that its checksum covers; all of it once if it is shorter than both */

#define OVERLAY_MAGIC "SERAIOVL"
#define OVERLAY_JOURNAL_MAGIC "SERAIJNL"
#define OVERLAY_PAGE_MAGIC UINT32_C(0x50414d53) /* "SMAP" */

/* Places in the store, in clusters. */
#define OVERLAY_JOURNAL_FIRST 1u     /* two records, one after the other */
#define OVERLAY_JOURNAL_CLUSTERS 4u  /* of each record */
#define OVERLAY_RESERVED 9u          /* clusters before the first that is given out */
#define OVERLAY_SUPERBLOCK_COPY 32768u /* bytes: where the second copy of the superblock is; the first is at 0 */

struct overlay_layer {
	char name[OVERLAY_NAME_SIZE]; /* of the snapshot; empty: the top */
	uint32_t id;       /* from 1, never used again */
	uint32_t map;      /* first cluster of its map */
	uint32_t flags;    /* OVERLAY_LAYER_* */
	uint32_t reserved;
};
#define OVERLAY_LAYER_DELETED 1u /* a snapshot that is becoming part of the layer above; at most one */

struct overlay_superblock {
	char magic[8];
	uint32_t version;
	uint32_t checksum;
	uint64_t sequence;     /* the higher one counts */
	uint8_t uuid[16];
	uint32_t cluster_size; /* bytes: OVERLAY_CLUSTER */
	uint32_t block_size;   /* bytes: OVERLAY_BLOCK */
	uint64_t capacity;     /* sectors of 512 bytes, of the overlay and of its base */
	uint32_t store;        /* clusters of the store when this was written: it may have grown, never shrunk */
	uint32_t base;         /* CRC32C of both ends of the base */
	uint32_t next_layer;   /* id */
	uint32_t layers;
	struct overlay_layer layer[OVERLAY_LAYERS_MAX]; /* oldest first; the last is the top */
	uint8_t reserved[4096 - 72 - OVERLAY_LAYERS_MAX * 32];
};
_Static_assert(sizeof(struct overlay_superblock) == OVERLAY_BLOCK, "a block");

/* Where a layer has a cluster of the overlay. A block that is neither present nor zero is in an older layer, or the base. */
struct overlay_entry {
	uint32_t cluster; /* of the store; 0 exactly if nothing is present */
	uint16_t present; /* bit per block */
	uint16_t zero;    /* bit per block that reads as zeros; never also present */
};

#ifndef OVERLAY_PAGE_ENTRIES /* tests have fewer, so that little data has many pages */
#define OVERLAY_PAGE_ENTRIES 508u
#endif
struct overlay_page {
	uint32_t magic;
	uint32_t checksum;
	uint32_t layer;    /* id */
	uint32_t index;    /* its place in the map */
	uint64_t store;    /* the first half of the uuid */
	uint64_t sequence; /* of the journal record that it was in; 0: none since its layer was made */
	struct overlay_entry entry[OVERLAY_PAGE_ENTRIES];
	uint8_t reserved[4096 - 32 - OVERLAY_PAGE_ENTRIES * 8];
};
_Static_assert(sizeof(struct overlay_page) == OVERLAY_BLOCK, "a block");

/* The first block of a journal record; the pages follow. */
#ifndef OVERLAY_JOURNAL_PAGES
#define OVERLAY_JOURNAL_PAGES 62u
#endif
struct overlay_journal {
	char magic[8];
	uint32_t checksum;
	uint32_t pages;
	uint64_t store;    /* as struct overlay_page */
	uint64_t sequence; /* the highest valid record counts */
	uint32_t page[OVERLAY_JOURNAL_PAGES]; /* their checksums */
	uint8_t reserved[4096 - 32 - OVERLAY_JOURNAL_PAGES * 4];
};
_Static_assert(sizeof(struct overlay_journal) == OVERLAY_BLOCK, "a block");
