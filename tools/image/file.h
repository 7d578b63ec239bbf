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
