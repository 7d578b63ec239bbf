/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and checks boot archives (libsys/abi/archive.h). */
#pragma once

#include <abi/archive.h>
#include <stdbool.h>
#include <stdio.h>

#define ARCHIVE_FILE_MAX (8ull << 30) /* bytes of one file */

struct archive_file {
	char name[ARCHIVE_NAME_MAX];
	uint8_t *data; /* owned by the archive */
	size_t size;
	uint32_t checksum;
};

struct archive {
	struct archive_file file[ARCHIVE_ENTRIES_MAX];
	size_t files;
};

/* CRC-32 as in IEEE 802.3, zip and gzip. */
uint32_t archive_checksum(const uint8_t *data, size_t size);

/* Adds a file; the archive takes over the data. False if the name is too long or taken, or the archive is full. */
bool archive_add(struct archive *archive, const char *name, uint8_t *data, size_t size);

/* The name of a file with the same content, or NULL. */
const char *archive_find_content(const struct archive *archive, const uint8_t *data, size_t size);

/* Writes it in one step: the path has the old content or the new. False with errno set on failure. */
bool archive_write(const struct archive *archive, const char *path);

/*
 * Checks an archive in memory as strictly as the format is described, prints a line per file to `out` if that is not
 * NULL, and one per fault to `errors`. Returns the number of faults.
 */
unsigned archive_inspect(const uint8_t *data, size_t size, FILE *out, FILE *errors);

void archive_free(struct archive *archive);
