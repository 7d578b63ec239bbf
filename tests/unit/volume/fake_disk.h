/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks that are arrays, in place of servers/block/disk.c. Transfers wait until the test lets them happen, in any order. What is written is
 * volatile until a flush: at a crash each sector keeps its last flushed contents, or any that was written to it since, or was on its way.
 */
#pragma once

#include <disk.h>

#define FAKE_DISKS 3u
#define FAKE_PENDING_MAX 1024u

struct fake_sector; /* contents written and not yet flushed */

struct fake_disk {
	uint8_t *data;        /* as a read sees it */
	uint8_t *durable;
	struct fake_sector *volatile_sector;
	unsigned volatile_count, volatile_room;
	struct io *pending[FAKE_PENDING_MAX];
	unsigned flush_point[FAKE_PENDING_MAX]; /* of a pending flush: how many volatile sectors it covers */
	bool slow[FAKE_PENDING_MAX];
	unsigned pending_count;
	bool at_once;         /* transfers end before disk_submit returns */
	bool dead;            /* nothing happens any more */
	uint64_t operations;  /* that have ended */
	uint64_t fail_at;     /* this one ends in an error, 0: none; a write leaves some of its sectors */
	uint64_t fail_count;  /* how many from there on */
	uint64_t die_at;      /* the machine stops before this one ends */
	uint64_t reads, writes, flushes, largest; /* for tests of how few there are; largest: sectors */
};

extern struct disk disks[FAKE_DISKS];
extern struct fake_disk fake_disks[FAKE_DISKS];

/* Random numbers for all that is left to chance: the same for the same seed. */
void fake_seed(uint64_t seed);
uint32_t fake_random(uint32_t below);
/* The next ones come from this data, until it is used up. */
void fake_feed(const uint8_t *data, size_t size);

/* A zeroed disk; its serial is "disk0" and so on. */
void fake_disk_make(unsigned number, uint64_t sectors, uint32_t block_size);
void fake_disk_free(unsigned number);

/* Lets one transfer happen, the oldest or (shuffle) any. false: none waits, or the machine has stopped. */
bool fake_disks_step(bool shuffle);
/* Lets all happen that wait, and what follows of them. */
void fake_disks_run(bool shuffle);

/* Power fails: what was on its way is lost or half done, and each disk has what it kept. */
void fake_disks_crash(void);
/* Only the server ends: what was done stays as it is. Of what was on its way each sector is done or not. */
void fake_disks_restart(void);
