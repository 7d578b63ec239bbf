/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that is a range of a physical disk. */
#pragma once

#include "volume.h"

/* Makes the volume READY: `sectors` from `first` of the disk, both multiples of its blocks, within it. */
void range_open(struct volume *volume, struct disk *disk, uint64_t first, uint64_t sectors);
