/* SPDX-License-Identifier: Apache-2.0 */
/* Boot of a RISC-V Linux Image (Documentation/arch/riscv/boot-image-header.rst in Linux), or anything with its header. */
#include <string.h>
#include "loader.h"

#define PAGE_SIZE 4096u

struct image_header {
	uint32_t code[2];
	uint64_t text_offset; /* from the start of RAM */
	uint64_t image_size;  /* in memory, with what is zero at start */
	uint64_t flags;       /* bit 0: big-endian */
	uint32_t version;
	uint32_t reserved[3];
	uint64_t magic;
	uint32_t magic2;
	uint32_t reserved2;
};
_Static_assert(sizeof(struct image_header) == 64, "image header");

#define IMAGE_MAGIC2 0x05435352u /* "RSC\x05" */
#define IMAGE_BIG_ENDIAN 1u

static enum err fail(struct loader_result *result, enum err error, const char *problem)
{
	result->problem = problem;
	return error;
}

/* Where the kernel goes: *offset and *size bytes from the start of RAM. */
static enum err check_image(const struct guest_memory *memory, const struct loader_config *config,
			    struct loader_result *result, uint64_t *size)
{
	struct image_header header;
	uint64_t bytes = config->kernel_size;

	if (!config->kernel || bytes < sizeof(header))
		return fail(result, ERR_INVALID_ARGUMENT, "the kernel is too short to be an image");
	memcpy(&header, config->kernel, sizeof(header));
	if (header.magic2 != IMAGE_MAGIC2)
		return fail(result, ERR_INVALID_ARGUMENT,
			    "the kernel is no RISC-V Linux Image (no magic number at 0x38; is it compressed?)");
	if (header.flags & IMAGE_BIG_ENDIAN)
		return fail(result, ERR_INVALID_ARGUMENT, "the kernel is big-endian");
	if (header.text_offset & (PAGE_SIZE - 1))
		return fail(result, ERR_INVALID_ARGUMENT, "the kernel's text offset is not on a page");
	if (bytes < header.image_size)
		bytes = header.image_size;
	if (header.text_offset >= memory->size || bytes > memory->size - header.text_offset)
		return fail(result, ERR_NO_MEMORY, "the kernel does not fit into the guest's memory");
	result->entry = memory->base + header.text_offset;
	*size = bytes;
	return ERR_OK;
}

enum err loader_load(const struct guest_memory *memory, const struct loader_config *config,
		     struct loader_result *result)
{
	uint64_t end = memory->base + memory->size;
	uint64_t kernel_end, size;
	enum err error;

	*result = (struct loader_result){ .problem = NULL };
	error = check_image(memory, config, result, &size);
	if (error != ERR_OK)
		return error;
	kernel_end = result->entry + size;
	if (config->initrd) {
		if (config->initrd_size > end - kernel_end)
			return fail(result, ERR_NO_MEMORY, "the initial RAM disk does not fit into the guest's memory");
		end = (end - config->initrd_size) & ~(uint64_t)(PAGE_SIZE - 1);
		result->initrd = end;
	}
	if (end < kernel_end || end - kernel_end < LOADER_DTB_MAX)
		return fail(result, ERR_NO_MEMORY, "the device tree does not fit into the guest's memory");
	end = (end - LOADER_DTB_MAX) & ~(uint64_t)(PAGE_SIZE - 1);
	if (end < kernel_end)
		return fail(result, ERR_NO_MEMORY, "the device tree does not fit into the guest's memory");
	result->dtb = end;
	if (!fdt_write(memory_at(memory, result->dtb, LOADER_DTB_MAX), LOADER_DTB_MAX, memory, config, result->initrd))
		return fail(result, ERR_NO_MEMORY, "the device tree is too large");
	memcpy(memory_at(memory, result->entry, config->kernel_size), config->kernel, config->kernel_size);
	if (config->initrd)
		memcpy(memory_at(memory, result->initrd, config->initrd_size), config->initrd, config->initrd_size);
	return ERR_OK;
}
