/* SPDX-License-Identifier: Apache-2.0 */
/* Static RISC-V ELF files: the check and the facts that loading needs. Source: System V ABI, chapters 4 and 5. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 8u

enum { ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4 };

/* One loadable segment. */
struct elf_segment {
	uint64_t address;     /* virtual */
	uint64_t memory_size; /* bytes, more than 0; what exceeds file_size is zero */
	uint64_t file_offset; /* bytes */
	uint64_t file_size;   /* bytes */
	uint32_t flags;       /* ELF_*; never writable and executable */
};

struct elf_image {
	uint64_t entry;    /* virtual, 4-byte aligned, in an executable segment */
	uint64_t base;     /* virtual, 4 KiB aligned */
	uint64_t end;      /* virtual, 4 KiB aligned, exclusive */
	uint32_t segments; /* ascending, no two on one page */
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/*
 * Checks a file of `size` bytes all of whose segments have to lie in [low, high), and describes it in *image.
 * The file must be 8-byte aligned. Returns NULL if all is well, else what is wrong with it.
 */
const char *elf_check(const void *file, size_t size, uint64_t low, uint64_t high, struct elf_image *image)
	__attribute__((warn_unused_result));

/* Copies an image that was checked to zeroed memory of (end - base) bytes. */
void elf_copy(const void *file, const struct elf_image *image, void *memory);
