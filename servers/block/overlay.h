/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that is an overlay: a base that is only read, and a store for what differs (docs/overlay-format.md). */
#pragma once

#include "volume.h"

/*
 * Opens the volume from its base and store, which are READY and stay so; formats the store if it is blank. `memory`: BLOCK_DMA_OVERLAY bytes,
 * kept over restarts of the server. `done` is called, maybe before this returns, when the volume is READY, or FAILED with its problem.
 */
void overlay_open(struct volume *volume, struct volume *base, struct volume *store, const struct io_segment *memory,
		  void (*done)(struct volume *volume));

/* Frees all memory of an overlay at which nothing works. For tests; a server never closes one that is READY. */
void overlay_close(struct volume *volume);
