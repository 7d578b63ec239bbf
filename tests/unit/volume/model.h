/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An overlay on fake disks next to a plain array that knows, for each sector, what it may contain: now, and after a crash. Whatever
 * the overlay reads is compared with that; a difference ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "volumes.h"

#define MODEL_SECTORS (24u * 128u + 5u) /* of the overlay and its base */
#define MODEL_OPERATIONS 12u            /* at once */

/* New disks and a new overlay, which is open after it; store: clusters. */
void model_begin(uint32_t store);
void model_end(void);
/* One thing, by chance: begins a transfer or an operation on snapshots, or lets the disks work. */
void model_step(void);
/* Particular things, for scripts; each waits for nothing. */
void model_transfer(enum io_operation operation, uint64_t sector, uint32_t sectors);
void model_snapshot(enum block_operation operation, const char *name);
/* Lets everything end, unless the machine stops before. */
void model_finish(void);
/* Power fails (or only the server ends): opens again, and compares all. Errors of disks end with it. */
void model_crash(bool power);
/* Disks stop, or fail, when so many of the store's operations have ended. */
void model_stop_at(uint64_t operation);
void model_fail_at(uint64_t operation, uint64_t count);
bool model_stopped(void);
uint64_t model_operations(void);
unsigned model_snapshots(void);
struct volume *model_volume(void);
