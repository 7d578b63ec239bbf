/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <linux/elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf.h"

static struct {
	Elf64_Ehdr header;
	Elf64_Phdr program[3];
	uint8_t content[256];
} file;

static struct elf_image image;

static int set_up(void **state)
{
	(void)state;
	memset(&file, 0, sizeof(file));
	memcpy(file.header.e_ident, "\177ELF\2\1\1", 7);
	file.header.e_type = ET_EXEC;
	file.header.e_machine = EM_RISCV;
	file.header.e_version = 1;
	file.header.e_entry = 0x10000;
	file.header.e_phoff = offsetof(typeof(file), program);
	file.header.e_phentsize = sizeof(Elf64_Phdr);
	file.header.e_phnum = 3;
	file.program[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x10000, .p_filesz = 64, .p_memsz = 64 };
	file.program[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = UINT64_MAX };
	file.program[2] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 64, .p_vaddr = 0x11000, .p_filesz = 8, .p_memsz = 0x3000 };
	return 0;
}

static bool good(void)
{
	return elf_read(&file, sizeof(file), &image) == NULL;
}

TEST(elf, reads_segments_and_rights)
{
	assert_true(good());
	assert_int_equal(image.entry, 0x10000);
	assert_int_equal(image.segments, 2);
	assert_int_equal(image.segment[0].rights, RIGHT_READ | RIGHT_EXECUTE);
	assert_int_equal(image.segment[1].rights, RIGHT_READ | RIGHT_WRITE);
	assert_int_equal(image.segment[1].address, 0x11000);
	assert_int_equal(image.segment[1].size, 0x3000);
	assert_int_equal(image.segment[1].file_size, 8);
	assert_int_equal(image.segment[1].offset, 64);
}

#define REFUSES(change) \
	do { \
		(void)set_up(NULL); \
		change; \
		assert_false(good()); \
	} while (0)

TEST(elf, refuses_what_is_not_a_static_program_of_ours)
{
	REFUSES(file.header.e_ident[0] = 0);
	REFUSES(file.header.e_ident[EI_CLASS] = ELFCLASS32);
	REFUSES(file.header.e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSES(file.header.e_type = ET_DYN);
	REFUSES(file.header.e_machine = EM_X86_64);
	REFUSES(file.header.e_phnum = 0);
	REFUSES(file.header.e_phnum = 60);
	REFUSES(file.header.e_phentsize = 32);
	REFUSES(file.header.e_phoff = UINT64_MAX - 8);
	REFUSES(file.header.e_phoff = sizeof(file) - 8);
	(void)set_up(NULL);
	assert_non_null(elf_read(&file, 63, &image));
}

TEST(elf, refuses_bad_segments)
{
	REFUSES(file.program[0].p_flags = PF_R | PF_W | PF_X);
	REFUSES(file.program[0].p_flags = PF_X);
	REFUSES(file.program[0].p_vaddr = 0x10004);
	REFUSES(file.program[0].p_vaddr = 0xf000);
	REFUSES(file.program[0].p_filesz = 65);
	REFUSES(file.program[2].p_offset = sizeof(file) - 7);
	REFUSES(file.program[2].p_offset = UINT64_MAX);
	REFUSES(file.program[2].p_vaddr = 0x10000);
	REFUSES(file.program[2].p_memsz = ELF_ADDRESS_MAX);
	REFUSES(file.program[2].p_memsz = UINT64_MAX);
	REFUSES(file.program[0].p_memsz = 0x1001);
	REFUSES(file.header.e_entry = 0x10040);
	REFUSES(file.header.e_entry = 0x11000);
	REFUSES(file.header.e_entry = 0);
}

TEST(elf, survives_damage)
{
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t *copy = malloc(sizeof(file));

		(void)set_up(NULL);
		memcpy(copy, &file, sizeof(file));
		for (unsigned j = 0; j < 3; j++)
			copy[(unsigned)rand() % (sizeof(file.header) + sizeof(file.program))] = (uint8_t)rand();
		if (!elf_read(copy, sizeof(file), &image))
			for (unsigned s = 0; s < image.segments; s++)
				assert_true(image.segment[s].offset + image.segment[s].file_size <= sizeof(file));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "elf reads_segments_and_rights", elf_reads_segments_and_rights, set_up, NULL, NULL },
		RUN(elf, refuses_what_is_not_a_static_program_of_ours),
		RUN(elf, refuses_bad_segments),
		RUN(elf, survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
