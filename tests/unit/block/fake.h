/* SPDX-License-Identifier: Apache-2.0 */
/* Disks in memory, the server's system, and guests with a small virtio-blk driver, around the real block server. */
#pragma once

#include <server.h>

#define FAKE_DISKS 2u
#define FAKE_DISK_SIZE (2u << 20)
#define FAKE_HZ 10000000u
#define FAKE_GUESTS 2u
#define FAKE_SESSIONS 3u /* 0 and 1 of the first guest, 2 of the second; 0 and 2 read volume "first", 1 writes volume "second" */
#define FAKE_RAM_SIZE (8u << 20)
#define FAKE_RAM_BASE UINT64_C(0x80000000)

/* All memory that outlives a server. */
struct fake_shared {
	_Alignas(4096) uint8_t ram[FAKE_GUESTS][FAKE_RAM_SIZE];
	_Alignas(4096) uint8_t sessions[FAKE_SESSIONS][BLOCK_PAGE];
	_Alignas(4096) uint8_t recovery[FAKE_SESSIONS][BLOCK_RECOVERY_SIZE];
	_Alignas(4096) uint8_t status[BLOCK_STATUS_SIZE];
};

struct fake_disk {
	struct io *started[256];  /* in the device */
	unsigned in_device;
	unsigned depth;           /* entries that it has */
	unsigned due;             /* of them end with the next interrupt */
	unsigned kicks, flushes, discards;
	unsigned errors;          /* so many of the next transfers fail */
	uint8_t data[FAKE_DISK_SIZE];
};

/* What the description says; defaults are set by fake_reset. */
struct fake_options {
	bool read_only[FAKE_SESSIONS];
	uint64_t bandwidth[FAKE_SESSIONS], operations[FAKE_SESSIONS];
	uint64_t bandwidth_burst, operations_burst;
	uint32_t block_size;
	uint32_t disk_flags;
	uint32_t segments;
};

extern struct {
	uint64_t time;
	unsigned signals[FAKE_SESSIONS]; /* to VMMs */
	unsigned acknowledged[FAKE_DISKS];
	unsigned warnings, errors;       /* lines of the log */
	struct fake_disk disk[FAKE_DISKS];
	struct disk server_disk[FAKE_DISKS];
	struct attach_table table;
	struct block_command command;
	struct fake_options options;
	struct fake_shared *shared;
	bool more;                       /* the last turn's answer */
	void (*transfers)(bool begin);   /* told before and after a disk touches memory; NULL: nobody */
} fake;

/* A fresh machine: blank disks with a pattern, guests that are not there, no server. */
void fake_reset(void);

/* A new server on the same memory and disks; what was in the disks is dropped. */
void fake_start(void);

/* A turn of the server, and further ones as long as it asks for them. */
void fake_turn(uint64_t bits);

/* Lets so many transfers of the disk end, the first ones, and interrupts. */
void fake_complete(unsigned disk, unsigned count);

/* Completes until nothing is left to do. */
void fake_settle(void);

void fake_attach(unsigned guest);
void fake_detach(unsigned guest);

struct block_session *fake_session(unsigned session);
struct block_recovery *fake_recovery(unsigned session);
struct block_status *fake_status(void);

/* The pattern of a fresh disk. */
uint8_t fake_pattern(unsigned disk, uint64_t offset);

/* A driver in a guest. Requests are numbered by their slots; each has room for 32 KiB of data. */
#define GUEST_SLOTS 80u
#define GUEST_DATA 32768u
#define GUEST_QUEUE 256u

struct guest {
	unsigned session, number;
	uint8_t *ram;
	uint64_t area;            /* offset in RAM of what belongs to this driver */
	uint32_t queues;
	uint64_t features;
	bool interrupts;          /* wanted */
	uint16_t available[BLOCK_QUEUES_MAX], used[BLOCK_QUEUES_MAX];
	bool busy[GUEST_SLOTS];
	unsigned done;            /* requests that came back */
	unsigned twice;           /* ... but were not in flight */
	uint64_t bytes;           /* that the used ring said */
};

#define GUEST_EVENT_INDEX ((uint64_t)1 << 29)
#define GUEST_INDIRECT ((uint64_t)1 << 28)
#define GUEST_FLUSH ((uint64_t)1 << 9)

enum { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_GET_ID = 8, BLK_DISCARD = 11, BLK_WRITE_ZEROES = 13 };

/* The driver of this session; it begins to be served. */
void guest_init(struct guest *guest, unsigned session, uint32_t queues, uint64_t features);
void guest_start(struct guest *guest);
void guest_stop(struct guest *guest);

/* Puts a request into the ring: `bytes` of data in pieces of at most `piece`. */
void guest_put(struct guest *guest, unsigned slot, uint32_t type, uint64_t sector, uint32_t bytes, uint32_t piece);

/* Rings the doorbell if the device wants that. */
void guest_notify(struct guest *guest);

/* Takes what came back. */
void guest_poll(struct guest *guest);

uint8_t *guest_data(const struct guest *guest, unsigned slot);
uint8_t guest_status(const struct guest *guest, unsigned slot);

/* A descriptor of queue 0, and entries of its rings, as a hostile driver writes them. */
void guest_descriptor(struct guest *guest, unsigned index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next);
void guest_offer(struct guest *guest, unsigned queue, uint16_t head);
uint64_t guest_address(const struct guest *guest, uint64_t offset);

/* Put, notify, complete; the status. */
uint8_t guest_do(struct guest *guest, uint32_t type, uint64_t sector, uint32_t bytes);
