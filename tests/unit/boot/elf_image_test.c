/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF check: each fact wrong in turn, and random damage. */
#include "test.h"

#include "elf_image.h"

#include <elf.h>
#include <stdlib.h>

#define LOW 0x10000u
#define HIGH 0x100000u
#define FILE_SIZE 0x3000u

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segment[3];
	uint8_t rest[FILE_SIZE - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
};
_Static_assert(sizeof(struct program) == FILE_SIZE, "file size");

static struct program *file;
static struct elf_image image;

static struct program *proper(void)
{
	memset(file, 0, sizeof(*file));
	memcpy(file->header.e_ident, "\177ELF\2\1\1", 7);
	file->header.e_type = ET_EXEC;
	file->header.e_machine = EM_RISCV;
	file->header.e_entry = LOW + 4;
	file->header.e_phoff = sizeof(Elf64_Ehdr);
	file->header.e_phentsize = sizeof(Elf64_Phdr);
	file->header.e_phnum = 3;
	file->segment[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = LOW,
					 .p_filesz = 0x100, .p_memsz = 0x100 };
	file->segment[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_flags = PF_R, .p_offset = UINT64_MAX, .p_filesz = 1 };
	file->segment[2] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2010,
					 .p_vaddr = LOW + 0x1010, .p_filesz = 0xff0, .p_memsz = 0x2000 };
	((uint8_t *)file)[0x1000] = 0x13;
	((uint8_t *)file)[0x2fff] = 0x55;
	return file;
}

static const char *check(void)
{
	return elf_check(file, FILE_SIZE, LOW, HIGH, &image);
}

TEST(elf, is_described_when_proper)
{
	uint8_t memory[0x4000] = { 0 };

	proper();
	assert_null(check());
	assert_int_equal(image.segments, 2);
	assert_int_equal(image.base, LOW);
	assert_int_equal(image.end, LOW + 0x4000);
	assert_int_equal(image.entry, LOW + 4);
	elf_copy(file, &image, memory);
	assert_int_equal(memory[0], 0x13);
	assert_int_equal(memory[0x1fff], 0x55);
	assert_int_equal(memory[0x2000], 0);
}

TEST(elf, is_refused_when_header_is_wrong)
{
	proper()->header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_non_null(check());
	proper()->header.e_machine = EM_X86_64;
	assert_non_null(check());
	proper()->header.e_type = ET_DYN;
	assert_non_null(check());
	proper()->header.e_phoff = FILE_SIZE - 8;
	assert_non_null(check());
	proper()->header.e_phoff = UINT64_MAX & ~7ull;
	assert_non_null(check());
	proper()->header.e_phoff++;
	assert_non_null(check());
	proper()->header.e_phentsize--;
	assert_non_null(check());
	proper()->header.e_phnum = 0;
	assert_non_null(check());
	proper()->header.e_entry = LOW + 0x1010;
	assert_non_null(check());
	proper()->header.e_entry = LOW + 2;
	assert_non_null(check());
	proper();
	assert_non_null(elf_check(file, 63, LOW, HIGH, &image));
}

TEST(elf, is_refused_when_a_segment_is_wrong)
{
	proper()->segment[0].p_flags |= PF_W;
	assert_non_null(check());
	proper()->segment[0].p_flags = PF_X;
	assert_non_null(check());
	proper()->segment[0].p_filesz = 0x101;
	assert_non_null(check());
	proper()->segment[2].p_offset++;
	assert_non_null(check());
	proper()->segment[2].p_offset = UINT64_MAX;
	assert_non_null(check());
	proper()->segment[2].p_vaddr = LOW + 0xff0;
	assert_non_null(check());
	proper()->segment[2].p_vaddr = HIGH;
	assert_non_null(check());
	proper()->segment[2].p_memsz = HIGH;
	assert_non_null(check());
	proper()->segment[2].p_memsz = UINT64_MAX;
	assert_non_null(check());
	proper()->segment[0].p_vaddr = 0;
	assert_non_null(check());
}

/* Whatever passes the check can be copied without touching anything outside. */
TEST(elf, stays_in_bounds_when_damaged)
{
	uint32_t seed = 7, accepted = 0;

	for (unsigned round = 0; round < 20000; round++) {
		proper();
		for (unsigned i = 0; i < 2; i++) {
			seed = seed * 1664525u + 1013904223u;
			((uint8_t *)file)[(seed >> 8) % 232] = (uint8_t)(seed >> 24);
		}
		if (check() == NULL) {
			uint8_t *memory = calloc(1, image.end - image.base);

			elf_copy(file, &image, memory);
			free(memory);
			accepted++;
		}
	}
	assert_true(accepted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_is_described_when_proper),
		cmocka_unit_test(elf_is_refused_when_header_is_wrong),
		cmocka_unit_test(elf_is_refused_when_a_segment_is_wrong),
		cmocka_unit_test(elf_stays_in_bounds_when_damaged),
	};
	int failed;

	file = aligned_alloc(4096, sizeof(*file));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(file);
	return failed;
}
