/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's RAM in the block server. The guest keeps the capabilities for it, frames and page tables in a CNode of its own, so that they go
 * with the guest, and another block server can use the same ones: a mapping in an address space that is gone counts for nothing.
 */
#pragma once

#include <proto/block.h>

struct guest;

/* Most RAM of a guest with disks, bytes: its place in the server's address space. */
#define BLOCK_GUEST_SIZE (UINT64_C(16) << 30)

/* Makes that CNode, with the tables, from the memory of the guest's VMM. ERR_NO_MEMORY. frames: of its RAM. */
enum err block_guest_prepare(struct guest *guest, uint64_t frames) __attribute__((warn_unused_result));

/* Keeps a copy of a frame of RAM; to be called for all, in order. */
enum err block_guest_keep(struct guest *guest, cptr_t frame) __attribute__((warn_unused_result));

/* Maps all of it in a server's address space. */
enum err block_guest_map(struct guest *guest, cptr_t space) __attribute__((warn_unused_result));

/* What the server is told; the epoch stays. */
void block_guest_describe(const struct guest *guest, struct attachment *attachment);
