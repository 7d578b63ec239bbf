/* SPDX-License-Identifier: Apache-2.0 */
#include "elf_image.h"

#include <stdbool.h>
#include <string.h>

#define PAGE 4096u

enum { TYPE_EXECUTABLE = 2, MACHINE_RISCV = 243, SEGMENT_LOAD = 1 };

struct file_header {
	uint8_t ident[16];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t program_offset;
	uint64_t section_offset;
	uint32_t flags;
	uint16_t header_size;
	uint16_t program_entry_size;
	uint16_t program_entries;
	uint16_t section_entry_size;
	uint16_t section_entries;
	uint16_t section_names;
};
_Static_assert(sizeof(struct file_header) == 64, "Elf64_Ehdr");

struct program_header {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t physical;
	uint64_t file_size;
	uint64_t memory_size;
	uint64_t alignment;
};
_Static_assert(sizeof(struct program_header) == 56, "Elf64_Phdr");

static uint64_t page_up(uint64_t value)
{
	return (value + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static const char *check_header(const struct file_header *header, size_t size)
{
	/* Class 64, little-endian, version 1. */
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	if (size < sizeof(*header) || memcmp(header->ident, ident, sizeof(ident)) != 0)
		return "it is not a 64-bit ELF file";
	if (header->machine != MACHINE_RISCV || header->type != TYPE_EXECUTABLE)
		return "it is not a static RISC-V program";
	if (header->program_entry_size != sizeof(struct program_header) || header->program_offset > size ||
	    header->program_offset % 8 != 0 ||
	    header->program_entries * sizeof(struct program_header) > size - header->program_offset)
		return "its program headers are damaged";
	return NULL;
}

static const char *check_segment(const struct program_header *program, size_t size, uint64_t low, uint64_t high)
{
	if (program->file_size > program->memory_size || program->offset > size ||
	    program->file_size > size - program->offset)
		return "a segment is cut off";
	if (program->address < low || program->address >= high || program->memory_size > high - program->address)
		return "a segment lies outside its address range";
	if ((program->flags & ELF_WRITE) != 0 && (program->flags & ELF_EXECUTE) != 0)
		return "a segment is both writable and executable";
	if ((program->flags & ELF_READ) == 0)
		return "a segment is not readable";
	return NULL;
}

static bool entry_is_code(const struct elf_image *image)
{
	for (uint32_t i = 0; i < image->segments; i++) {
		const struct elf_segment *segment = &image->segment[i];

		if ((segment->flags & ELF_EXECUTE) != 0 && image->entry >= segment->address &&
		    image->entry - segment->address < segment->file_size)
			return image->entry % 4 == 0;
	}
	return false;
}

const char *elf_check(const void *file, size_t size, uint64_t low, uint64_t high, struct elf_image *image)
{
	const struct file_header *header = file;
	const char *error = check_header(header, size);
	const struct program_header *program;
	struct elf_image out = { 0 };

	if (error != NULL)
		return error;
	program = (const void *)((const uint8_t *)file + header->program_offset);
	for (uint32_t i = 0; i < header->program_entries; i++) {
		if (program[i].type != SEGMENT_LOAD || program[i].memory_size == 0)
			continue;
		error = check_segment(&program[i], size, low, high);
		if (error != NULL)
			return error;
		if (out.segments == ELF_SEGMENTS_MAX)
			return "it has too many segments";
		if (out.segments == 0)
			out.base = program[i].address & ~(uint64_t)(PAGE - 1);
		else if (program[i].address < out.end)
			return "two segments share a page";
		out.end = page_up(program[i].address + program[i].memory_size);
		out.segment[out.segments++] = (struct elf_segment){
			.address = program[i].address,
			.memory_size = program[i].memory_size,
			.file_offset = program[i].offset,
			.file_size = program[i].file_size,
			.flags = program[i].flags,
		};
	}
	out.entry = header->entry;
	if (!entry_is_code(&out))
		return "its entry point is not in its code";
	*image = out;
	return NULL;
}

void elf_copy(const void *file, const struct elf_image *image, void *memory)
{
	for (uint32_t i = 0; i < image->segments; i++) {
		const struct elf_segment *segment = &image->segment[i];

		memcpy((uint8_t *)memory + (segment->address - image->base), (const uint8_t *)file + segment->file_offset,
		       segment->file_size);
	}
}
