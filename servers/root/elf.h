/* SPDX-License-Identifier: Apache-2.0 */
/* Executables of servers: static ELF64 files for this machine, checked before anything of them is used. */
#pragma once

#include <abi/types.h>

#define ELF_SEGMENTS_MAX 8u
#define ELF_ADDRESS_MIN 0x10000u
#define ELF_ADDRESS_MAX 0x40000000u /* one past the last byte */

struct elf_segment {
	uint64_t address;   /* page aligned */
	uint64_t size;      /* bytes in memory */
	uint64_t file_size; /* bytes from the file, at most size */
	uint64_t offset;    /* in the file */
	unsigned rights;    /* RIGHT_*: never both WRITE and EXECUTE */
};

struct elf_image {
	uint64_t entry;
	unsigned segments;
	struct elf_segment segment[ELF_SEGMENTS_MAX]; /* by address, on pages of their own */
};

/* Why a file is not an executable for us, or NULL; then *image is filled. Specification: System V gABI, chapters 4 and 5. */
const char *elf_read(const void *file, size_t size, struct elf_image *image);
