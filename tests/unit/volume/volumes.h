/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of a test, described and opened as a server would. */
#pragma once

#include <volume.h>

extern struct volume volumes[BLOCK_VOLUMES_MAX];
extern unsigned volume_count;
extern char volume_log[4096]; /* warnings since the last opening */

/* Frees what the volumes have, after a crash. */
void volumes_close(void);
/* Forgets all volumes, and the memory that the server keeps over its restarts. */
void volumes_forget(void);
struct volume *volumes_add(const char *name, const char *disk, uint32_t partition, const char *label);
struct volume *volumes_add_overlay(const char *name, const char *base, const char *store);
/* Opens all; transfers happen, in any order if `shuffle`. false: the disks died before it was done. */
bool volumes_open_all(bool shuffle);
/* As a machine that was switched on: the kept memory is zero. */
void volumes_forget_memory(void);
uint8_t *volumes_memory(void);

/* A transfer and its end, for one at a time. Returns the status; -1: the disks died. */
int volumes_transfer(struct volume *volume, enum io_operation operation, uint64_t sector, uint32_t sectors, void *data);
