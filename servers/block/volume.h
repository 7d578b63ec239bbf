/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: what sessions read and write. A volume is a range of a disk (all of it, or a GPT partition), or an overlay: a base
 * volume that is only read, and a store, another volume, for what differs (docs/overlay-format.md). Each kind is one file that fills
 * struct volume_kind. Nothing here knows of guests, queues or drivers, and all of it runs on the build machine.
 */
#pragma once

#include <proto/block.h>

#include "disk.h"
#include "io.h"

struct volume;

/* What a description says of one volume. Names are NUL-terminated. */
struct volume_config {
	char name[BLOCK_NAME_MAX + 1];
	bool read_only;
	/* A range of a disk: */
	char disk[BLOCK_SERIAL_SIZE + 1]; /* serial number; empty: an overlay */
	uint32_t partition;      /* number from 1; 0: by label, or whole disk if that is empty, too */
	char label[37];          /* of a partition, ASCII */
	/* An overlay: */
	char base[BLOCK_NAME_MAX + 1], store[BLOCK_NAME_MAX + 1];
};

struct volume_kind {
	/* As volume_submit; within the volume and allowed. */
	void (*submit)(struct volume *volume, struct io *io);
	/* As volume_snapshot and so on; NULL: this kind has none. */
	void (*snapshot)(struct volume *volume, enum block_operation operation, const char *name,
			 void (*done)(struct volume *volume, const char *problem));
	/* Fills what only the kind knows in *status; NULL: nothing. */
	void (*status)(const struct volume *volume, struct block_volume_status *status);
};

struct volume {
	struct volume_config config;
	const struct volume_kind *kind;
	enum block_state state;
	char problem[108];       /* of BLOCK_FAILED */
	uint64_t capacity;       /* sectors */
	uint32_t block_size, physical_block_size; /* bytes */
	uint32_t flags;          /* BLOCK_FLAG_* */
	uint32_t segments;       /* most of a transfer */
	uint32_t discard_sectors, discard_granularity;
	uint32_t sessions;       /* bit per session that uses it */
	uint32_t writers;        /* sessions and overlays that may write to it: at most one */
	uint32_t overlays;       /* overlays that have it as base: then nobody may write to it */
	/* Of the kind. */
	struct disk *disk;       /* a range: */
	uint64_t first;          /* its first sector on the disk */
	struct overlay *overlay;
	/* Counters, since the server's start; `errors` is counted by whoever submits, when `done` says so. */
	uint64_t reads, writes, flushes, discards, read_bytes, written_bytes, errors;
};

/*
 * Memory for what volumes keep: staging for the disk, and notes of what is acknowledged but not yet in the maps on the disk. It must be as
 * the server before left it (libsys/proto/block.h). The maps of overlays are in memory by malloc.
 */
struct volume_memory {
	uint8_t *dma;            /* contiguous on the bus, from a 4 KiB boundary */
	uint64_t dma_physical;
	size_t dma_size;         /* bytes: BLOCK_DMA_VOLUMES, and BLOCK_DMA_OVERLAY for each overlay */
};

/*
 * Opens all volumes: reads partition tables and the heads of overlays. Each ends READY or FAILED with a problem; then `ready` is
 * called, once. Nothing is written but the metadata of blank stores. Errors of one volume are its own, and those of overlays on it.
 * The arrays stay with the volumes.
 */
void volumes_open(struct volume *volumes, unsigned count, struct disk *disks, unsigned disk_count,
		  const struct volume_memory *memory, void (*ready)(void));

/* NULL: there is none of this name. */
struct volume *volume_find(const char *name);

/* Registers a session that will use the volume. NULL: fine, else why not: busy, read-only, failed; valid until the next call. */
const char *volume_attach(struct volume *volume, unsigned session, bool read_only);

/*
 * Takes any transfer: out of range, not allowed or not possible: done is called with the error. IO_FLUSH: all writes that were done
 * before it was submitted are on the disk when it is done. Writes in flight at once may be done in any order. Whoever submits, or gives
 * a disk its interrupt, kicks the disks that are `unkicked` before it waits: volumes submit to them on their own, too.
 */
void volume_submit(struct volume *volume, struct io *io);

/*
 * An operation on the snapshots of a volume; `done` gets NULL or what is wrong. What is in flight ends first, what comes meanwhile waits.
 * For a rollback, the caller has seen to it that no guest uses the volume.
 */
void volume_snapshot(struct volume *volume, enum block_operation operation, const char *name,
		     void (*done)(struct volume *volume, const char *problem));

/* What the prompt shows. */
void volume_status(const struct volume *volume, struct block_volume_status *status);
