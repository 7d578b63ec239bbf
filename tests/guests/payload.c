/* SPDX-License-Identifier: Apache-2.0 */
#include "payload.h"

#include <libfdt.h>
#include <string.h>

uint64_t payload_hart;
uint64_t payload_ram_base, payload_ram_end;

static char command_line[1024];
static char argument[128];
static uint64_t random_state = 0x5e7a1;

static uint64_t cells(const fdt32_t *cell, int count)
{
	return count == 1 ? fdt32_ld(cell) : (uint64_t)fdt32_ld(cell) << 32 | fdt32_ld(cell + 1);
}

static void read_memory(const void *tree)
{
	int node, length, address_cells = fdt_address_cells(tree, 0), size_cells = fdt_size_cells(tree, 0);

	fdt_for_each_subnode(node, tree, 0) {
		const char *type = fdt_getprop(tree, node, "device_type", NULL);
		const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);

		if (type == NULL || strcmp(type, "memory") != 0 || reg == NULL)
			continue;
		payload_ram_base = cells(reg, address_cells);
		payload_ram_end = payload_ram_base + cells(reg + address_cells, size_cells);
		return;
	}
}

static void read_tree(const void *tree)
{
	int chosen, length;
	const char *arguments;

	if (fdt_check_header(tree) != 0) {
		print("payload: no device tree\n");
		payload_exit(1);
	}
	read_memory(tree);
	chosen = fdt_path_offset(tree, "/chosen");
	arguments = chosen < 0 ? NULL : fdt_getprop(tree, chosen, "bootargs", &length);
	if (arguments != NULL && length > 0 && (size_t)length <= sizeof(command_line))
		memcpy(command_line, arguments, (size_t)length - 1);
}

void payload_start(uint64_t hart, const void *tree)
{
	payload_hart = hart;
	/* Cannot fail where Sstc is absent: the write is then skipped as an illegal instruction. */
	trap_mode = TRAP_SKIP;
	csr_write(STIMECMP, UINT64_MAX);
	trap_mode = TRAP_FATAL;
	trap_count = 0;
	read_tree(tree);
	payload_main();
	payload_exit(0);
}

const char *payload_argument(const char *key, const char *otherwise)
{
	size_t length = strlen(key);
	const char *word = command_line;

	while (*word != '\0') {
		size_t size = strcspn(word, " ");

		if (size > length && strncmp(word, key, length) == 0 && word[length] == '=' &&
		    size - length <= sizeof(argument)) {
			memcpy(argument, word + length + 1, size - length - 1);
			argument[size - length - 1] = '\0';
			return argument;
		}
		word += size;
		word += strspn(word, " ");
	}
	return otherwise;
}

void payload_exit(unsigned reason)
{
	sbi(SBI_SRST, 0, 0, reason, 0, 0);
	sbi(SBI_LEGACY_SHUTDOWN, 0, 0, 0, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}

uint64_t random_next(void)
{
	/* xorshift64* */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1d;
}
