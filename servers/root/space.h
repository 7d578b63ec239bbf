/* SPDX-License-Identifier: Apache-2.0 */
/* Building address spaces: capabilities pass through scratch slots of the root task and end in the owner's hold. */
#pragma once

#include "arena.h"

/* A CNode that only keeps capabilities alive: it goes with its owner's memory, and all in it with it. */
struct hold {
	cptr_t cnode; /* 0: they stay in slots of the root task, for ever */
	uint32_t next, end;
};

struct space {
	cptr_t cap; /* VSpace or GSpace */
	struct arena *arena;
	struct hold *hold;
};

/* Scratch slots: the first half for frames, the second for copies of them. */
#define SCRATCH_FRAMES 16u
extern cptr_t scratch_frame, scratch_copy;

/* Takes the scratch slots, and makes the window through which new frames are filled. Once, at start. */
enum err space_init(struct space *root) __attribute__((warn_unused_result));

/* Empties the scratch slots after a failure. */
void scratch_clear(void);

/* Moves a capability from a slot of the root task to the hold. ERR_RANGE: full. */
enum err hold_put(struct hold *hold, cptr_t slot) __attribute__((warn_unused_result));

/* Maps the frame in a slot, making page tables as needed. */
enum err space_map(struct space *space, cptr_t frame, uint64_t address, unsigned rights) __attribute__((warn_unused_result));

/* Maps new zeroed memory, in large frames where it can. bytes: a multiple of 4 KiB. */
enum err space_add(struct space *space, uint64_t address, uint64_t bytes, unsigned rights) __attribute__((warn_unused_result));

/* Likewise, filled with file_bytes from content, then zeroes up to bytes. */
enum err space_add_content(struct space *space, uint64_t address, const void *content, uint64_t file_bytes, uint64_t bytes,
			   unsigned rights) __attribute__((warn_unused_result));

/* Maps a copy of a frame that has another owner. */
enum err space_add_copy(struct space *space, uint64_t address, cptr_t frame, unsigned rights) __attribute__((warn_unused_result));

/* Keeps a capability of scratch: maps it and moves it to the hold. */
enum err space_add_frame(struct space *space, uint64_t address, cptr_t frame, unsigned rights) __attribute__((warn_unused_result));
