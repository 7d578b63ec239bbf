/* SPDX-License-Identifier: Apache-2.0 */
/* What the prompt shows of disks, and what it asks of the block server (<proto/block.h>). */
#pragma once

#include "mux.h"

/* All volumes, or one in full with its snapshots. name: NULL for all. */
void volumes_show(struct mux *mux, const char *name);

/* Sends a command about a snapshot; the answer is printed when it comes. */
void volumes_ask(struct mux *mux, enum block_operation operation, const char *volume, const char *name);

/* Prints the answer once it is there; true if it was. */
bool volumes_turn(struct mux *mux);
