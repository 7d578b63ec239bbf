/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block server <-> its clients (VMMs), the root task and the console. All of it is shared memory and notifications: nobody waits
 * in a call, so no side can hold up another, and each can be restarted alone. docs/disks.md tells the whole story.
 *
 * A session is one disk of one guest. Sessions are numbered over the guests of the system description, in order, and their disks.
 * The client (VMM) shows the guest a virtio-blk device and does what is rare: configuration, set-up, reset, interrupts. The
 * server works on the guest's virtqueues itself, in the guest's memory: the guest's doorbell signals the server, the disk reads and
 * writes the guest's pages, the server gives the buffers back and signals the client, which raises the interrupt.
 *
 * The server trusts nothing in a session: it copies, then checks the copy. A queue that makes no sense ends that session
 * (`broken`), nothing else.
 */
#pragma once

#include <abi/types.h>
#include <proto/attach.h>

#define BLOCK_SESSIONS_MAX 32u /* of the system */
#define BLOCK_DISKS_MAX 4u     /* of a guest */
#define BLOCK_QUEUES_MAX 4u    /* of a session */
#define BLOCK_QUEUE_SIZE 256u  /* most entries of a virtqueue */
#define BLOCK_SEGMENTS_MAX 126u /* data segments of a request (virtio seg_max) */
#define BLOCK_DISCARD_RANGES 16u /* most of a request to discard or write zeroes */
#define BLOCK_VOLUMES_MAX 16u
#define BLOCK_DEVICES_MAX 8u   /* physical disks */
#define BLOCK_SNAPSHOTS_MAX 8u /* of a volume */
#define BLOCK_NAME_MAX 15u     /* characters of a volume or snapshot */
#define BLOCK_SERIAL_SIZE 20u  /* virtio 1.2, section 5.2.6.1: GET_ID; NUL-padded */
#define BLOCK_PAGE 4096u

/*
 * Memory that root gives the server, contiguous on the bus, in this order: for each device; for the volumes together; for each overlay.
 * Zero when the server starts for the first time, kept when it starts again: overlays find there what was acknowledged and is not
 * yet in their maps on the disk.
 */
#define BLOCK_DMA_DEVICE (512u << 10)  /* bytes */
#define BLOCK_DMA_VOLUMES (64u << 10)
#define BLOCK_DMA_OVERLAY (512u << 10)
#define BLOCK_DMA_SIZE(devices, overlays) \
	((uint64_t)(devices) * BLOCK_DMA_DEVICE + BLOCK_DMA_VOLUMES + (uint64_t)(overlays) * BLOCK_DMA_OVERLAY)

/*
 * Badge bits of the server's notification. A badge has 32 bits, so sessions share them: a bit says "look at these". The interrupt of a
 * line that several devices share sets the bits of all of them; only the first has a handler, which is acknowledged after all were served.
 */
#define BLOCK_SIGNAL_SESSION(session) (UINT64_C(1) << ((session) % 16)) /* a doorbell rang, or `wanted` changed */
#define BLOCK_SIGNAL_DEVICE(device) (UINT64_C(1) << (16 + (device))) /* interrupt of a physical disk */
#define BLOCK_SIGNAL_CONTROL (UINT64_C(1) << 24)                 /* the table or the command changed */

/* Bit that the server signals to a VMM, per disk of the guest; below are those of the console (<proto/console.h>). */
#define BLOCK_CLIENT_SIGNAL(disk) (UINT64_C(1) << (8 + (disk)))
#define BLOCK_CLIENT_SIGNALS (UINT64_C(15) << 8)

enum block_state {
	BLOCK_WAITING = 0, /* the server has not looked yet */
	BLOCK_READY = 1,
	BLOCK_FAILED = 2,  /* there is no such disk for this guest; `problem` says why */
};

enum {
	BLOCK_FLAG_READ_ONLY = 1 << 0,
	BLOCK_FLAG_FLUSH = 1 << 1,        /* writes may be in a volatile cache until a flush */
	BLOCK_FLAG_DISCARD = 1 << 2,
	BLOCK_FLAG_WRITE_ZEROES = 1 << 3,
};

/* What the driver in the guest set up. Addresses are guest physical. */
struct block_setup {
	uint64_t features; /* accepted by the driver: VIRTIO_BLK_F_*, VIRTIO_F_* */
	uint32_t queues;   /* 1 to BLOCK_QUEUES_MAX */
	uint32_t reserved;
	struct {
		uint64_t descriptors, available, used;
		uint32_t size; /* 0: not enabled */
		uint32_t reserved;
	} queue[BLOCK_QUEUES_MAX];
};

/*
 * One page, shared by client and server.
 *
 * Set-up: the client writes `setup`, then a new odd `wanted`, and signals. The server copies setup, begins to serve, and writes
 * the same value to `done`. Reset: the client writes a new even `wanted` and signals; the server finishes or drops what it took,
 * touches the guest's memory no more, and writes `done`. The device shows its driver the end of the reset only then.
 *
 * A new guest: root zeroes the page, then raises the guest's epoch; the server then writes its part and signals.
 *
 * Restart of the server: it finds `setup` and `wanted` as they are, replays what was in flight (struct block_recovery), raises
 * `server`, and signals. The client raises an interrupt then: one may have been lost.
 */
struct block_session {
	/* Written by the server. */
	uint32_t server;     /* starts of the server so far; 0: none yet */
	uint32_t state;      /* enum block_state; the rest of this part counts from BLOCK_READY on */
	uint64_t capacity;   /* sectors of 512 bytes */
	uint32_t block_size; /* bytes: logical blocks, 512 or 4096 */
	uint32_t physical_block_size; /* bytes: what is written best at once */
	uint32_t flags;      /* BLOCK_FLAG_* */
	uint32_t segments;   /* most data segments of a request, at most BLOCK_SEGMENTS_MAX */
	uint32_t discard_sectors;      /* most sectors of a discard or write zeroes segment */
	uint32_t discard_granularity;  /* sectors */
	uint32_t done;       /* the `wanted` that is in effect */
	uint32_t broken;     /* the odd `wanted` whose queues made no sense, 0: none; the device asks its driver for a reset */
	char serial[BLOCK_SERIAL_SIZE];
	char problem[108];   /* NUL-terminated */
	uint8_t pad0[1024 - 192];
	/* Written by the client. */
	uint32_t wanted;
	uint32_t write_through; /* 1: the driver chose no write-back cache (VIRTIO_BLK_F_CONFIG_WCE) */
	struct block_setup setup;
};
_Static_assert(sizeof(struct block_session) <= BLOCK_PAGE, "one page");

/*
 * What the server took from a queue and has not yet given back; memory of the server alone, which root keeps when it restarts. In this
 * order: `sequence[head]` before the request is worked on; `last_used`, then `last` before the used index is published; after that
 * sequence[head] becomes 0, then `last` BLOCK_RECOVERY_NONE. So: next available = used index + number of entries that are not 0; that
 * of `last` counts only if the guest's used index still is `last_used`.
 */
#define BLOCK_RECOVERY_NONE UINT16_MAX
struct block_recovery_queue {
	uint64_t sequence[BLOCK_QUEUE_SIZE]; /* by head; 0: not in flight, else the order in which they were taken */
	uint16_t last;      /* head that is being given back, or BLOCK_RECOVERY_NONE */
	uint16_t last_used; /* used index before that */
	uint32_t reserved;
};
struct block_recovery {
	uint64_t next; /* sequence number */
	uint32_t serves; /* the `wanted` that the entries belong to; 0: nothing */
	uint32_t epoch;  /* of the guest (struct attachment) */
	struct block_recovery_queue queue[BLOCK_QUEUES_MAX];
};
#define BLOCK_RECOVERY_SIZE 12288u /* bytes for each session */
_Static_assert(sizeof(struct block_recovery) <= BLOCK_RECOVERY_SIZE, "recovery");

/* Server to root and console, read-only there. Names are NUL-terminated. */
struct block_volume_status {
	char name[BLOCK_NAME_MAX + 1];
	uint32_t state;      /* enum block_state */
	uint32_t flags;      /* BLOCK_FLAG_* */
	uint64_t capacity;   /* sectors */
	uint32_t sessions;   /* bit per session that uses it */
	uint32_t overlay;    /* 1: overlay */
	char base[BLOCK_NAME_MAX + 1];
	uint64_t store_bytes, store_used; /* of an overlay */
	uint64_t reads, writes, flushes, discards; /* requests since the server's start */
	uint64_t read_bytes, written_bytes;
	uint64_t errors;     /* requests that ended in an error */
	uint32_t snapshots;
	uint32_t reserved;
	char snapshot[BLOCK_SNAPSHOTS_MAX][BLOCK_NAME_MAX + 1]; /* oldest first */
	char problem[108];
	uint32_t reserved2;
};
struct block_session_status {
	uint64_t requests, bytes, errors;
	uint64_t throttled;  /* times that the rate limit held it up */
	uint32_t state;      /* enum block_state */
	uint32_t serving;    /* 1: the driver is at work */
	uint32_t in_flight;
	uint32_t broken;     /* times that its queues made no sense */
};
struct block_status {
	uint32_t ready;      /* = attach_table.starts: this server's disks are reset, it serves */
	uint32_t volumes;
	uint32_t guest[8];   /* epoch answered */
	uint32_t command;    /* sequence of the last command that is done */
	uint32_t error;      /* of it: 0 or 1 */
	char answer[120];    /* of it: a sentence */
	struct block_volume_status volume[BLOCK_VOLUMES_MAX];
	struct block_session_status session[BLOCK_SESSIONS_MAX];
};
#define BLOCK_STATUS_SIZE 12288u
_Static_assert(sizeof(struct block_status) <= BLOCK_STATUS_SIZE, "three pages");

/*
 * Console to server. The console writes the rest, then a new `sequence`, and signals BLOCK_SIGNAL_CONTROL; one at a time. The server
 * answers in block_status (error and answer, then command) and signals the console as if it had written to its log.
 */
enum block_operation {
	BLOCK_SNAPSHOT = 1,        /* freeze the volume's state under `name`; its users go on */
	BLOCK_ROLLBACK = 2,        /* back to `name`; later snapshots and changes are gone. Nobody may use it */
	BLOCK_DELETE_SNAPSHOT = 3, /* forget `name`: its changes become part of what follows */
};
struct block_command {
	uint32_t sequence; /* 0: none yet */
	uint32_t operation; /* enum block_operation */
	char volume[BLOCK_NAME_MAX + 1];
	char name[BLOCK_NAME_MAX + 1];
};
