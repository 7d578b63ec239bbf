/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin for QEMU 7.2 that counts the instructions of the whole machine between marks that a program in it sets, and appends
 * "MARK number instructions entries switches" to a file for each mark: entries are returns from a kernel by sret, switches are
 * writes of satp, vsatp or hgatp. A mark is the hint `slti zero, zero, number` (RISC-V unprivileged
 * specification, 2.9: HINTs do nothing), so a guest needs no right to set one, and a mark changes nothing.
 *
 * With code=NAME:ELF, for up to eight programs, a line "CODE NAME instructions ..." follows each mark: what ran of the code that this file holds,
 * each copy of it in memory on its own: NAME, NAME2, up to four in the order in which they first ran. All other code counts for none. With profile=FILE, too, "PROFILE mark NAME address count" tells at the end how often the
 * instruction at an address ran between that mark and the one after it, for odd marks, in all.
 *
 * An instruction counter in the machine would not do: firmware stops it, and a virtual machine has none.
 *
 * Debian packages no header for plugins; what is needed of the interface, version 1, is declared here.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct plugin_block;
struct plugin_instruction;
typedef void (*translated_callback)(plugin_id id, struct plugin_block *block);
typedef void (*executed_callback)(unsigned vcpu, void *data);
typedef void (*ended_callback)(plugin_id id, void *data);

enum { CALLBACK_NO_REGISTERS = 0, INLINE_ADD = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_callback callback);
size_t qemu_plugin_tb_n_insns(const struct plugin_block *block);
struct plugin_instruction *qemu_plugin_tb_get_insn(const struct plugin_block *block, size_t index);
const void *qemu_plugin_insn_data(const struct plugin_instruction *instruction);
size_t qemu_plugin_insn_size(const struct plugin_instruction *instruction);
uint64_t qemu_plugin_insn_vaddr(const struct plugin_instruction *instruction);
const void *qemu_plugin_insn_haddr(const struct plugin_instruction *instruction);
void qemu_plugin_register_atexit_cb(plugin_id id, ended_callback callback, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct plugin_instruction *instruction, executed_callback callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct plugin_instruction *instruction, int operation, void *to, uint64_t value);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count, char **words);

#define SRET 0x10200073u
#define CSR_SATP 0x180u
#define CSR_VSATP 0x280u
#define CSR_HGATP 0x680u

#define PROGRAMS_MAX 8u
#define MARKS_MAX 64u
#define CODE_MAX (1u << 20)
#define STEP 2u /* bytes between instructions */
#define COPIES_MAX 4u
#define COPY_NEAR (64u << 10) /* bytes that pages of one copy may be from where they would be if it were in one piece */

/* The code of a program, how often each instruction ran, up to the last mark, and between marks. */
struct program {
	char name[16];
	uint8_t *code;
	uint64_t base, size;
	struct {
		uint64_t place, executed; /* place: in QEMU's memory, of the address 0 */
	} copy[COPIES_MAX];
	unsigned copies;
	uint64_t *count, *before, *between[MARKS_MAX];
};

static uint64_t executed, entries, switches;
static FILE *output, *profile;
static struct program programs[PROGRAMS_MAX];
static unsigned program_count, last_mark;

/* Adds what ran since an odd mark to its sums. */
static void note_profile(struct program *program)
{
	size_t steps = program->size / STEP;
	uint64_t *sum;

	if (last_mark % 2 && last_mark < MARKS_MAX) {
		if (!program->between[last_mark])
			program->between[last_mark] = calloc(steps, sizeof(*sum));
		sum = program->between[last_mark];
		for (size_t i = 0; sum && i < steps; i++)
			sum[i] += program->count[i] - program->before[i];
	}
	memcpy(program->before, program->count, steps * sizeof(*program->count));
}

static void marked(unsigned vcpu, void *data)
{
	(void)vcpu;
	fprintf(output, "MARK %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (unsigned)(uintptr_t)data, executed, entries, switches);
	if (program_count)
		fprintf(output, "CODE");
	for (struct program *program = programs; program < programs + program_count; program++) {
		for (unsigned i = 0; i < program->copies; i++)
			fprintf(output, i ? " %s%u %" PRIu64 : " %s%.0u %" PRIu64, program->name, i ? i + 1 : 0, program->copy[i].executed);
		if (profile)
			note_profile(program);
	}
	if (program_count)
		fprintf(output, "\n");
	fflush(output);
	last_mark = (unsigned)(uintptr_t)data;
}

/* Any CSR instruction on one of them, but for csrrs and csrrc of zero, which only read. */
static bool is_switch(uint32_t word)
{
	uint32_t number = word >> 20, kind = word >> 12 & 7, source = word >> 15 & 31;

	if ((word & 0x7f) != 0x73 || !(kind & 3) || ((kind & 2) && !source))
		return false;
	return number == CSR_SATP || number == CSR_VSATP || number == CSR_HGATP;
}

/* Where to count what a copy of a program executes. */
static uint64_t *counter_of(struct program *program, uint64_t place)
{
	unsigned i = 0;

	while (i < program->copies && place - program->copy[i].place + COPY_NEAR > 2 * COPY_NEAR)
		i++;
	if (i == COPIES_MAX)
		return &program->copy[COPIES_MAX - 1].executed;
	if (i == program->copies) {
		program->copy[i].place = place;
		program->copies++;
	}
	return &program->copy[i].executed;
}

/* Addresses do not tell whose code it is, as tasks share them; the bytes do, from the instruction to the end of its page. */
static void count_program(struct plugin_instruction *instruction)
{
	uint64_t address = qemu_plugin_insn_vaddr(instruction);
	const void *bytes = qemu_plugin_insn_haddr(instruction);

	for (struct program *program = programs; bytes && program < programs + program_count; program++) {
		uint64_t offset = address - program->base, left = 4096 - address % 4096;

		if (offset >= program->size)
			continue;
		if (left > program->size - offset)
			left = program->size - offset;
		if (memcmp(bytes, program->code + offset, left))
			continue;
		qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, counter_of(program, (uint64_t)(uintptr_t)bytes - address), 1);
		if (profile)
			qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, &program->count[offset / STEP], 1);
		return;
	}
}

static void translated(plugin_id id, struct plugin_block *block)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
		struct plugin_instruction *instruction = qemu_plugin_tb_get_insn(block, i);
		uint32_t word = 0;

		qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, &executed, 1);
		count_program(instruction);
		if (qemu_plugin_insn_size(instruction) != sizeof(word))
			continue;
		memcpy(&word, qemu_plugin_insn_data(instruction), sizeof(word));
		if (word == SRET)
			qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, &entries, 1);
		if (is_switch(word))
			qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, &switches, 1);
		/* slti rd=zero, rs1=zero */
		if ((word & 0xfffffu) == 0x2013u && word >> 20)
			qemu_plugin_register_vcpu_insn_exec_cb(instruction, marked, CALLBACK_NO_REGISTERS, (void *)(uintptr_t)(word >> 20));
	}
}

static void ended(plugin_id id, void *data)
{
	(void)id;
	(void)data;
	for (struct program *program = programs; program < programs + program_count; program++)
		for (unsigned mark = 0; mark < MARKS_MAX; mark++)
			for (size_t i = 0; program->between[mark] && i < program->size / STEP; i++)
				if (program->between[mark][i])
					fprintf(profile, "PROFILE %u %s %" PRIx64 " %" PRIu64 "\n", mark, program->name,
						program->base + i * STEP, program->between[mark][i]);
	fclose(profile);
}

/* Reads the executable part of a file of our own build. */
static bool read_code(struct program *program, FILE *file)
{
	Elf64_Ehdr header;
	Elf64_Phdr part;

	if (fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_phentsize != sizeof(part))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (fseek(file, (long)(header.e_phoff + i * sizeof(part)), SEEK_SET) || fread(&part, sizeof(part), 1, file) != 1)
			return false;
		if (part.p_type != PT_LOAD || !(part.p_flags & PF_X) || !part.p_filesz || part.p_filesz > CODE_MAX)
			continue;
		program->base = part.p_vaddr;
		program->size = part.p_filesz & ~(uint64_t)(STEP - 1);
		program->code = malloc(part.p_filesz);
		program->count = calloc(program->size / STEP, sizeof(*program->count));
		program->before = calloc(program->size / STEP, sizeof(*program->before));
		return program->code && program->count && program->before && !fseek(file, (long)part.p_offset, SEEK_SET) &&
			fread(program->code, part.p_filesz, 1, file) == 1;
	}
	return false;
}

static bool add_program(const char *word)
{
	struct program *program = &programs[program_count];
	const char *path = strchr(word, ':');
	FILE *file;
	bool read;

	if (program_count == PROGRAMS_MAX || !path || path == word || (size_t)(path - word) >= sizeof(program->name))
		return false;
	file = fopen(path + 1, "rb");
	if (!file)
		return false;
	memcpy(program->name, word, (size_t)(path - word));
	read = read_code(program, file);
	fclose(file);
	program_count += read;
	return read;
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **words)
{
	(void)info;
	for (int i = 0; i < count; i++) {
		if (!strncmp(words[i], "to=", 3))
			output = fopen(words[i] + 3, "w");
		else if (!strncmp(words[i], "profile=", 8))
			profile = fopen(words[i] + 8, "w");
		else if (strncmp(words[i], "code=", 5) || !add_program(words[i] + 5))
			return 1;
	}
	if (!output)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	if (profile)
		qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
