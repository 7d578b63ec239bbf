/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_size(const char *path, uint64_t *size)
{
	struct stat status;

	if (stat(path, &status))
		return false;
	if (!S_ISREG(status.st_mode)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
		return false;
	}
	if (access(path, R_OK))
		return false;
	*size = (uint64_t)status.st_size;
	return true;
}

bool file_read(const char *path, size_t limit, uint8_t **data, size_t *size)
{
	uint64_t expected;
	uint8_t *buffer;
	size_t got;
	FILE *file;

	if (!file_size(path, &expected))
		return false;
	if (expected > limit) {
		errno = EFBIG;
		return false;
	}
	file = fopen(path, "rb");
	if (!file)
		return false;
	buffer = memory_allocate((size_t)expected);
	got = fread(buffer, 1, (size_t)expected, file);
	fclose(file);
	if (got != expected) {
		free(buffer);
		errno = EIO;
		return false;
	}
	*data = buffer;
	*size = got;
	return true;
}

bool disk_file_size(const char *path, uint64_t *size)
{
	struct stat status;

	if (!stat(path, &status) && S_ISBLK(status.st_mode)) {
		*size = 512;
		return access(path, R_OK) == 0;
	}
	return file_size(path, size);
}

bool file_same(const char *a, const char *b)
{
	struct stat status_a, status_b;

	if (!strcmp(a, b))
		return true;
	return !stat(a, &status_a) && !stat(b, &status_b) && status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}
