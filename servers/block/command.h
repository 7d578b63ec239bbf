/* SPDX-License-Identifier: Apache-2.0 */
/* Commands from the prompt: snapshots of volumes. One at a time. */
#pragma once

#include "volume.h"

/* A command that the server before this one did not end is answered as failed. used: whether a guest that is there has the volume. */
void command_init(struct block_status *status, const struct block_command *command,
		  bool (*used)(const struct volume *volume));

/* Looks whether there is a new command, and begins it. */
void command_look(void);
