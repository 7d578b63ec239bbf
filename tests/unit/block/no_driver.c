/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of the real driver: no device is one of its. */
#include <driver_virtio_blk.h>

static enum err open(struct disk *disk, const struct disk_resources *resources)
{
	(void)disk;
	(void)resources;
	return ERR_INVALID_ARGUMENT;
}

const struct disk_driver driver_virtio_blk = { .name = "none", .open = open };
