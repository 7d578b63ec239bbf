/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the boot archive (<abi/archive.h>). */
#pragma once

#include <abi/archive.h>

#define ARCHIVE_ALIGNMENT (2ul << 20) /* of the archive's start and size, in bytes */

/*
 * Checks the header and every entry of an archive of which `available` bytes are in memory.
 * Returns NULL if all is well, else what is wrong with it.
 */
const char *archive_check(const struct archive_header *archive, uint64_t available) __attribute__((warn_unused_result));

/* The entry of this name in an archive that was checked, or NULL. */
const struct archive_entry *archive_find(const struct archive_header *archive, const char *name);
