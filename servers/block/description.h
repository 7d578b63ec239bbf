/* SPDX-License-Identifier: Apache-2.0 */
/* What the system description says of volumes and of the guests' disks (<proto/system.h>). */
#pragma once

#include <proto/system.h>

#include "volume.h"

/* One disk of one guest. */
struct session_config {
	char volume[BLOCK_NAME_MAX + 1];
	char serial[BLOCK_SERIAL_SIZE + 1];
	char guest_name[SYSTEM_NAME_MAX + 1];
	unsigned guest, disk;  /* numbers; the disk's in its guest */
	bool read_only;
	uint64_t bandwidth, bandwidth_burst;   /* bytes a second, bytes; 0: no limit */
	uint64_t operations, operations_burst; /* requests a second, requests; 0: no limit */
};

struct description {
	unsigned volumes, sessions, guests;
	struct volume_config volume[BLOCK_VOLUMES_MAX];
	struct session_config session[BLOCK_SESSIONS_MAX];
};

/* NULL, or a sentence that says what is wrong with the tree. */
const char *description_read(const void *tree, size_t size, struct description *description);
