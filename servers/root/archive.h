/* SPDX-License-Identifier: Apache-2.0 */
/* The boot archive: mapped in the root task, and given out file by file. */
#pragma once

#include <abi/root_info.h>

#include "space.h"

struct file {
	const void *content; /* in the root task */
	uint64_t offset;     /* in the archive */
	uint64_t size;       /* bytes */
};

/* Maps the archive and checks it; ends the task if it is bad. */
void archive_init(const struct root_info *info, struct space *root);

/* The file of this name. */
bool archive_find(const char *name, struct file *file);

/*
 * Maps a file read-only: pages that hold anything of another file are never among them. The file begins at *address,
 * which is base plus its offset within 2 MiB. base: a multiple of 2 MiB.
 */
enum err archive_map(const struct file *file, struct space *space, uint64_t base, uint64_t *address)
	__attribute__((warn_unused_result));

/* How many frames archive_map needs. */
uint64_t archive_frames(const struct file *file);
