/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's RAM in the backends. For each kind of them the guest keeps capabilities for it, frames and page tables, in a CNode of its own, so
 * that they go with the guest, and another server can use the same ones: a mapping in an address space that is gone counts for nothing.
 */
#pragma once

#include <proto/attach.h>

#include "system.h"

struct guest;

/* Most RAM of a guest with devices, bytes: its place in the server's address space. */
#define BACKEND_GUEST_SIZE (UINT64_C(16) << 30)

/* Whether any backend maps its RAM. */
bool backend_guest_mapped(const struct guest *guest);

/* Makes those CNodes, with the tables, from the memory of the guest's VMM. ERR_NO_MEMORY. frames: of its RAM. */
enum err backend_guest_prepare(struct guest *guest, uint64_t frames) __attribute__((warn_unused_result));

/* Keeps copies of a frame of RAM; to be called for all, in order. */
enum err backend_guest_keep(struct guest *guest, cptr_t frame) __attribute__((warn_unused_result));

/* Maps all of it in a server's address space. */
enum err backend_guest_map(struct guest *guest, enum backend_kind kind, cptr_t space) __attribute__((warn_unused_result));

/* The hart of the servers. */
#define BACKEND_HART 0u

/*
 * Puts capabilities that allow nothing but to charge into a server's CNode, each guest's in slots of its own from `accounts` on: of the scheduling
 * contexts of vCPUs on the server's hart, because that is where its time is missed; of all if there are none.
 */
enum err backend_guest_give_accounts(const struct guest *guest, cptr_t cnode, cptr_t accounts) __attribute__((warn_unused_result));

/* What the server is told; the epoch stays. */
void backend_guest_describe(const struct guest *guest, struct attachment *attachment);
