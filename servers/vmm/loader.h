/* SPDX-License-Identifier: Apache-2.0 */
/* What is put into a guest's memory before it starts: kernel image, initial RAM disk, device tree. */
#pragma once

#include <libsys/guest_memory.h>

#define LOADER_DTB_MAX 65536u /* bytes of the device tree */
#define LOADER_SEED_MAX 64u

struct loader_config {
	const char *name;      /* of the guest */
	const char *cmdline;
	const char *isa;       /* the machine's "riscv,isa", or NULL for a default; what a guest cannot have is left out */
	const uint8_t *kernel;
	size_t kernel_size;
	const uint8_t *initrd; /* NULL if there is none */
	size_t initrd_size;
	const uint8_t *seed;   /* random bytes, or NULL */
	size_t seed_size;
	uint64_t timebase_hz;
	uint32_t harts;
	uint32_t cboz_block_size; /* of cbo.zero, bytes; 0 if guests cannot use it */
};

struct loader_result {
	uint64_t entry;       /* guest physical */
	uint64_t dtb;         /* guest physical */
	uint64_t initrd;      /* guest physical; 0 if there is none */
	const char *problem;  /* in words, if the loading failed */
};

/* Loads everything. ERR_INVALID_ARGUMENT or ERR_NO_MEMORY, with result->problem set. */
enum err loader_load(const struct guest_memory *memory, const struct loader_config *config,
		     struct loader_result *result) __attribute__((warn_unused_result));

/* Writes the device tree of the machine to buffer[size]; false if it does not fit. */
bool fdt_write(void *buffer, size_t size, const struct guest_memory *memory, const struct loader_config *config,
	       uint64_t initrd);

/* Copies the parts of an ISA string that a guest can have to out[size]; the base and "sstc" as they are in it. */
void fdt_filter_isa(const char *isa, char *out, size_t size);
