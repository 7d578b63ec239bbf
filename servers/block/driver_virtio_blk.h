/* SPDX-License-Identifier: Apache-2.0 */
/* Disks on virtio: virtio-blk, by mmio or PCI. */
#pragma once

#include "disk.h"

extern const struct disk_driver driver_virtio_blk;
