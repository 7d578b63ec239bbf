/* SPDX-License-Identifier: Apache-2.0 */
#include "elf.h"

#include <string.h>

#define PAGE 4096u
#define MACHINE_RISCV 243u
#define TYPE_EXECUTABLE 2u
#define SEGMENT_LOAD 1u

enum { FLAG_EXECUTE = 1, FLAG_WRITE = 2, FLAG_READ = 4 };

struct file_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_offset, section_offset;
	uint32_t flags;
	uint16_t header_size, program_size, program_count, section_size, section_count, section_names;
};
_Static_assert(sizeof(struct file_header) == 64, "ELF header");

struct program_header {
	uint32_t type, flags;
	uint64_t offset, address, physical, file_size, memory_size, alignment;
};
_Static_assert(sizeof(struct program_header) == 56, "ELF program header");

static const char *check_header(const struct file_header *header, size_t size)
{
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	if (memcmp(header->ident, ident, sizeof(ident)) != 0)
		return "not a little-endian ELF64 file";
	if (header->type != TYPE_EXECUTABLE || header->machine != MACHINE_RISCV || header->version != 1)
		return "not a static RISC-V executable";
	if (header->program_size != sizeof(struct program_header) || header->program_count == 0)
		return "no program headers";
	if (header->program_offset > size || (size - header->program_offset) / sizeof(struct program_header) < header->program_count)
		return "program headers outside the file";
	return NULL;
}

static const char *add_segment(const struct program_header *program, size_t size, struct elf_image *image)
{
	uint64_t lowest = ELF_ADDRESS_MIN;

	if (image->segments == ELF_SEGMENTS_MAX)
		return "too many segments";
	if (image->segments) {
		const struct elf_segment *last = &image->segment[image->segments - 1];

		lowest = (last->address + last->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	}
	if (program->file_size > program->memory_size || program->offset > size || program->file_size > size - program->offset)
		return "a segment lies outside the file";
	if (program->address % PAGE != 0)
		return "a segment does not start on a page";
	if (program->address < lowest || program->address > ELF_ADDRESS_MAX || program->memory_size > ELF_ADDRESS_MAX - program->address)
		return "segments overlap, are out of order or out of range";
	if ((program->flags & FLAG_WRITE) && (program->flags & FLAG_EXECUTE))
		return "a segment is both writable and executable";
	if (!(program->flags & FLAG_READ))
		return "a segment cannot be read";
	image->segment[image->segments++] = (struct elf_segment){
		.address = program->address,
		.size = program->memory_size,
		.file_size = program->file_size,
		.offset = program->offset,
		.rights = RIGHT_READ | (program->flags & FLAG_WRITE ? RIGHT_WRITE : 0u) |
			  (program->flags & FLAG_EXECUTE ? RIGHT_EXECUTE : 0u),
	};
	return NULL;
}

static bool entry_valid(const struct elf_image *image)
{
	for (unsigned i = 0; i < image->segments; i++) {
		const struct elf_segment *segment = &image->segment[i];

		if ((segment->rights & RIGHT_EXECUTE) && image->entry >= segment->address &&
		    image->entry - segment->address < segment->file_size)
			return true;
	}
	return false;
}

const char *elf_read(const void *file, size_t size, struct elf_image *image)
{
	struct file_header header;
	const char *problem;

	if (size < sizeof(header))
		return "too short";
	memcpy(&header, file, sizeof(header));
	problem = check_header(&header, size);
	if (problem)
		return problem;
	*image = (struct elf_image){ .entry = header.entry };
	for (unsigned i = 0; i < header.program_count; i++) {
		struct program_header program;

		memcpy(&program, (const uint8_t *)file + header.program_offset + i * sizeof(program), sizeof(program));
		if (program.type != SEGMENT_LOAD || program.memory_size == 0)
			continue;
		problem = add_segment(&program, size, image);
		if (problem)
			return problem;
	}
	return entry_valid(image) ? NULL : "the entry point is not in code";
}
