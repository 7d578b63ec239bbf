/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, read and written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a regular file of at most `limit` bytes. On failure errno says why. The caller frees *data. */
bool file_read(const char *path, size_t limit, uint8_t **data, size_t *size);

/* Size of a regular file; false with errno set if there is none or it cannot be read. */
bool file_size(const char *path, uint64_t *size);

/* Size of what can be a disk: a regular file, or a block device (then 512). False with errno set as above. */
bool disk_file_size(const char *path, uint64_t *size);

/* True if both paths name one file; they need not exist. */
bool file_same(const char *a, const char *b);
