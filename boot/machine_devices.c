/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: the interrupt controller for the kernel, the registers of all others for tasks. */
#include "machine_parts.h"

#include <string.h>

enum { INTERRUPT_SUPERVISOR_EXTERNAL = 9 };

/* Registers of the firmware and of the kernel: no task ever gets them. */
static bool is_kept(const void *tree, int node)
{
	static const char *const kept[] = {
		"riscv,clint0", "sifive,clint0", "riscv,aclint-mswi", "riscv,aclint-mtimer", "riscv,aclint-sswi",
		"sifive,test0", "riscv,plic0", "sifive,plic-1.0.0", "riscv,aplic", "riscv,imsics",
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (fdt_node_check_compatible(tree, node, kept[i]) == 0)
			return true;
	return false;
}

static bool add_device(struct machine *machine, uint64_t base, uint64_t size)
{
	uint64_t end = base + size;

	if (size == 0 || base >= MACHINE_PHYSICAL_END)
		return true;
	if (end < base || end > MACHINE_PHYSICAL_END)
		end = MACHINE_PHYSICAL_END;
	return ranges_add(&machine->devices, base & ~(uint64_t)(RANGE_PAGE - 1),
			  (end + RANGE_PAGE - 1) & ~(uint64_t)(RANGE_PAGE - 1));
}

/* The windows of a PCI host: (3 cells of bus address, CPU address, 2 cells of size). */
static bool add_pci_windows(const void *tree, int parent, int node, struct machine *machine)
{
	int cells = fdt_address_cells(tree, parent), length;
	const fdt32_t *window = fdt_getprop(tree, node, "ranges", &length);

	if (window == NULL || cells < 1 || cells > 2)
		return true;
	for (int count = length / (4 * (5 + cells)); count > 0; count--) {
		if (!add_device(machine, machine_cells(window + 3, cells), machine_cells(window + 3 + cells, 2)))
			return false;
		window += 5 + cells;
	}
	return true;
}

static bool add_node(const void *tree, int parent, int node, struct machine *machine)
{
	int address_cells = fdt_address_cells(tree, parent), size_cells = fdt_size_cells(tree, parent), length;
	const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);
	const char *type = fdt_getprop(tree, node, "device_type", NULL);

	if (reg == NULL || !machine_enabled(tree, node) || is_kept(tree, node) ||
	    (type != NULL && strcmp(type, "memory") == 0))
		return true;
	if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2)
		return true;
	for (int count = length / (4 * (address_cells + size_cells)); count > 0; count--) {
		if (!add_device(machine, machine_cells(reg, address_cells),
				machine_cells(reg + address_cells, size_cells)))
			return false;
		reg += address_cells + size_cells;
	}
	return type == NULL || strcmp(type, "pci") != 0 || add_pci_windows(tree, parent, node, machine);
}

/* S-mode contexts are numbered by their place in interrupts-extended. */
static const char *find_contexts(const void *tree, int node, struct machine *machine)
{
	int length;
	const fdt32_t *entry = fdt_getprop(tree, node, "interrupts-extended", &length);

	for (uint32_t hart = 0; hart < machine->harts; hart++) {
		uint32_t controller = machine_hart_controller(tree, machine->hart_id[hart]);
		int context = 0;

		while (entry != NULL && context < length / 8 &&
		       (fdt32_ld(&entry[2 * context]) != controller ||
			fdt32_ld(&entry[2 * context + 1]) != INTERRUPT_SUPERVISOR_EXTERNAL))
			context++;
		if (entry == NULL || context == length / 8)
			return "the interrupt controller does not serve every hart";
		machine->plic_context[hart] = (uint32_t)context;
	}
	return NULL;
}

static const char *parse_plic(const void *tree, struct machine *machine)
{
	static const char *const names[] = { "riscv,plic0", "sifive,plic-1.0.0" };
	int node = -1, parent, cells;
	const fdt32_t *reg;

	for (size_t i = 0; i < 2 && node < 0; i++)
		node = fdt_node_offset_by_compatible(tree, -1, names[i]);
	if (node < 0)
		return "this machine has no PLIC: start QEMU with -machine virt";
	parent = fdt_parent_offset(tree, node);
	cells = parent < 0 ? 0 : fdt_address_cells(tree, parent);
	reg = fdt_getprop(tree, node, "reg", NULL);
	if (reg == NULL || cells < 1 || cells > 2)
		return "the interrupt controller has no registers";
	machine->plic_base = machine_cells(reg, cells);
	machine->plic_sources = machine_cell(tree, node, "riscv,ndev", 0);
	if (machine->plic_sources == 0 || machine->plic_sources > 1023)
		return "the interrupt controller has no sources";
	if (machine->plic_base >= 2ull << 30)
		return "the interrupt controller lies outside of the direct map";
	return find_contexts(tree, node, machine);
}

/* True for a bus whose children's addresses are the CPU's. */
static bool is_plain_bus(const void *tree, int node)
{
	int length;

	return fdt_node_check_compatible(tree, node, "simple-bus") == 0 &&
	       fdt_getprop(tree, node, "ranges", &length) != NULL && length == 0;
}

/* What belongs to the firmware, the kernel or memory may lie on a page with, or inside of, a device's range: take it out. */
static bool remove_kept(const void *tree, struct machine *machine)
{
	for (int node = fdt_next_node(tree, -1, NULL); node >= 0; node = fdt_next_node(tree, node, NULL)) {
		int parent, length;
		const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);

		if (reg == NULL || length != 16 || !is_kept(tree, node))
			continue;
		parent = fdt_parent_offset(tree, node);
		if (parent < 0 || fdt_address_cells(tree, parent) != 2 || fdt_size_cells(tree, parent) != 2)
			continue;
		if (!ranges_subtract(&machine->devices, machine_cells(reg, 2) & ~(uint64_t)(RANGE_PAGE - 1),
				     (machine_cells(reg, 2) + machine_cells(reg + 2, 2) + RANGE_PAGE - 1) &
					     ~(uint64_t)(RANGE_PAGE - 1)))
			return false;
	}
	for (uint32_t i = 0; i < machine->ram.count; i++)
		if (!ranges_subtract(&machine->devices, machine->ram.range[i].base, machine->ram.range[i].end))
			return false;
	return true;
}

const char *machine_parse_devices(const void *tree, struct machine *machine)
{
	static const char full[] = "there are too many devices";
	int node, child;

	fdt_for_each_subnode(node, tree, 0) {
		if (!add_node(tree, 0, node, machine))
			return full;
		if (!is_plain_bus(tree, node))
			continue;
		fdt_for_each_subnode(child, tree, node)
			if (!add_node(tree, node, child, machine))
				return full;
	}
	if (!remove_kept(tree, machine))
		return full;
	return parse_plic(tree, machine);
}
