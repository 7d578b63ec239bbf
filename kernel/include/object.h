/* SPDX-License-Identifier: Apache-2.0 */
/* What capability management needs to know of each object type. */
#pragma once

#include "objects.h"

/* log2 of the bytes that an object takes from its untyped; size_bits counts for CNode, untyped and frame only. 0: no memory. */
unsigned object_bits(unsigned type, unsigned size_bits);

/* Is this size valid for retype? Fixed-size objects want 0 or their own size. */
bool object_size_valid(unsigned type, uint64_t size_bits);

/* Makes the object in zeroed memory and returns its capability with all rights. */
struct cap object_create(unsigned type, unsigned size_bits, paddr_t address);

/* Ends what this one capability holds: the mapping of a frame or table. Before it is unlinked. */
void object_release(struct slot *slot);

/* Do harts touch objects of this type without the capability lock? All others stand still while one ends. */
bool object_is_active(unsigned type);

/* Ends the object itself: the last capability goes. In bounded time. */
void object_destroy(const struct cap *cap);
