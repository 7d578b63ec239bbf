/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <libfdt.h>
#include <string.h>

#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

#include "cells.h"
#include "random.h"

/* The console that the firmware chose, else the first. */
static int find_uart(const void *tree)
{
	int chosen = fdt_path_offset(tree, "/chosen"), length;
	const char *path = chosen < 0 ? NULL : fdt_getprop(tree, chosen, "stdout-path", &length);

	if (path) {
		const char *options = memchr(path, ':', (size_t)length);
		int node = fdt_path_offset_namelen(tree, path, options ? (int)(options - path) : (int)strnlen(path, (size_t)length));

		if (node >= 0 && fdt_node_check_compatible(tree, node, "ns16550a") == 0)
			return node;
	}
	return fdt_node_offset_by_compatible(tree, -1, "ns16550a");
}

static void read_uart(const void *tree, struct machine *machine)
{
	int node = find_uart(tree), parent = node < 0 ? node : fdt_parent_offset(tree, node), reg_length, irq_length;
	int address_cells = parent < 0 ? parent : fdt_address_cells(tree, parent);

	if (address_cells < 1 || address_cells > 2)
		task_fail("this machine has no ns16550a for the console");
	const fdt32_t *reg = fdt_getprop(tree, node, "reg", &reg_length);
	const fdt32_t *irq = fdt_getprop(tree, node, "interrupts", &irq_length);

	if (!reg || reg_length < 4 * address_cells || !irq || irq_length < 4)
		task_fail("the ns16550a of this machine has no registers or no interrupt");
	machine->uart_base = cells_read(reg, address_cells);
	machine->uart_irq = fdt32_ld(irq);
}

static uint32_t read_cell(const void *tree, int node, const char *name)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree, node, name, &length);

	return value && length == 4 ? fdt32_ld(value) : 0;
}

static void read_isa(const void *tree, const struct root_info *info, struct machine *machine)
{
	const struct isa_features features = { .sstc = info->isa & ISA_SSTC, .cache_blocks = info->isa & ISA_ZICBOZ };
	int cpu = fdt_node_offset_by_prop_value(tree, -1, "device_type", "cpu", 4), length;
	const char *isa = cpu < 0 ? NULL : fdt_getprop(tree, cpu, "riscv,isa", &length);

	if (!isa || length < 1 || isa[length - 1] != '\0' || !isa_filter(isa, &features, machine->isa))
		task_fail("the machine's device tree has no usable riscv,isa");
	if (strstr(machine->isa, "_zicbom"))
		machine->cbom_block_size = read_cell(tree, cpu, "riscv,cbom-block-size");
	if (strstr(machine->isa, "_zicboz"))
		machine->cboz_block_size = read_cell(tree, cpu, "riscv,cboz-block-size");
}

static void read_seed(const void *tree)
{
	int chosen = fdt_path_offset(tree, "/chosen"), length = 0;
	const void *seed = chosen < 0 ? NULL : fdt_getprop(tree, chosen, "rng-seed", &length);

	if (!seed || length < 32)
		log_warn("the firmware gives no rng-seed: the guests' seeds depend on the time alone");
	random_seed(seed, seed && length > 0 ? (size_t)length : 0, sys_time());
}

void machine_read(const struct root_info *info, struct machine *machine)
{
	const void *tree = (const void *)(uintptr_t)info->device_tree;

	if (fdt_check_header(tree) != 0 || fdt_totalsize(tree) > info->device_tree_size)
		task_fail("the machine's device tree is not valid");
	*machine = (struct machine){ 0 };
	read_uart(tree, machine);
	read_isa(tree, info, machine);
	read_seed(tree);
}
