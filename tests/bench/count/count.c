/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin for QEMU 7.2 that counts the instructions of the whole machine between marks that a program in it sets, and appends
 * "MARK number instructions entries switches" to a file for each mark: entries are returns from a kernel by sret, switches are
 * writes of satp, vsatp or hgatp. A mark is the hint `slti zero, zero, number` (RISC-V unprivileged
 * specification, 2.9: HINTs do nothing), so a guest needs no right to set one, and a mark changes nothing.
 *
 * An instruction counter in the machine would not do: firmware stops it, and a virtual machine has none.
 *
 * Debian packages no header for plugins; what is needed of the interface, version 1, is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct plugin_block;
struct plugin_instruction;
typedef void (*translated_callback)(plugin_id id, struct plugin_block *block);
typedef void (*executed_callback)(unsigned vcpu, void *data);

enum { CALLBACK_NO_REGISTERS = 0, INLINE_ADD = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_callback callback);
size_t qemu_plugin_tb_n_insns(const struct plugin_block *block);
struct plugin_instruction *qemu_plugin_tb_get_insn(const struct plugin_block *block, size_t index);
const void *qemu_plugin_insn_data(const struct plugin_instruction *instruction);
size_t qemu_plugin_insn_size(const struct plugin_instruction *instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(struct plugin_instruction *instruction, executed_callback callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct plugin_instruction *instruction, int operation, void *to, uint64_t value);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count, char **words);

#define SRET 0x10200073u
#define CSR_SATP 0x180u
#define CSR_VSATP 0x280u
#define CSR_HGATP 0x680u

static uint64_t executed, entries, switches;
static FILE *output;

static void marked(unsigned vcpu, void *data)
{
	(void)vcpu;
	fprintf(output, "MARK %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (unsigned)(uintptr_t)data, executed, entries, switches);
	fflush(output);
}

/* Any CSR instruction on one of them, but for csrrs and csrrc of zero, which only read. */
static bool is_switch(uint32_t word)
{
	uint32_t number = word >> 20, kind = word >> 12 & 7, source = word >> 15 & 31;

	if ((word & 0x7f) != 0x73 || !(kind & 3) || ((kind & 2) && !source))
		return false;
	return number == CSR_SATP || number == CSR_VSATP || number == CSR_HGATP;
}

static void translated(plugin_id id, struct plugin_block *block)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
		struct plugin_instruction *instruction = qemu_plugin_tb_get_insn(block, i);
		uint32_t word = 0;

		qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD, &executed, 1);
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

int qemu_plugin_install(plugin_id id, const void *info, int count, char **words)
{
	(void)info;
	/* to=PATH */
	if (count != 1 || strncmp(words[0], "to=", 3))
		return 1;
	output = fopen(words[0] + 3, "w");
	if (!output)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
