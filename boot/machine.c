/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"
#include "machine_parts.h"

#include <libfdt.h>
#include <string.h>

static bool add_range(struct range_set *set, uint64_t base, uint64_t size)
{
	uint64_t end = base + size;

	return ranges_add(set, base, end < base ? UINT64_MAX : end);
}

/* A page of which the firmware has a part is all the firmware's. */
static void widen_to_pages(struct range_set *set)
{
	struct range_set wide = { .count = 0 };

	for (uint32_t i = 0; i < set->count; i++) {
		uint64_t end = set->range[i].end;

		end = end > UINT64_MAX - RANGE_PAGE ? UINT64_MAX : (end + RANGE_PAGE - 1) & ~(uint64_t)(RANGE_PAGE - 1);
		/* Cannot fail: no more ranges than there were. */
		(void)!ranges_add(&wide, set->range[i].base & ~(uint64_t)(RANGE_PAGE - 1), end);
	}
	*set = wide;
}

/* Adds every (address, size) of a node's `reg`. A node without one adds nothing. */
static bool add_reg(const void *tree, int parent, int node, struct range_set *set)
{
	int address_cells = fdt_address_cells(tree, parent), size_cells = fdt_size_cells(tree, parent), length;
	const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);

	if (reg == NULL || address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2)
		return true;
	for (int count = length / (4 * (address_cells + size_cells)); count > 0; count--) {
		uint64_t base = machine_cells(reg, address_cells);
		uint64_t size = machine_cells(reg + address_cells, size_cells);

		if (size != 0 && !add_range(set, base, size))
			return false;
		reg += address_cells + size_cells;
	}
	return true;
}

static const char *parse_memory(const void *tree, struct machine *machine)
{
	int node;

	fdt_for_each_subnode(node, tree, 0) {
		const char *type = fdt_getprop(tree, node, "device_type", NULL);

		if (type != NULL && strcmp(type, "memory") == 0 && machine_enabled(tree, node) &&
		    !add_reg(tree, 0, node, &machine->ram))
			return "there are too many ranges of memory";
	}
	ranges_shrink_to_pages(&machine->ram);
	if (!ranges_subtract(&machine->ram, MACHINE_PHYSICAL_END, UINT64_MAX))
		return "there are too many ranges of memory";
	return machine->ram.count == 0 ? "the device tree has no memory" : NULL;
}

static const char *parse_reserved(const void *tree, struct machine *machine)
{
	int parent = fdt_path_offset(tree, "/reserved-memory"), node;

	for (int i = 0; i < fdt_num_mem_rsv(tree); i++) {
		uint64_t base, size;

		if (fdt_get_mem_rsv(tree, i, &base, &size) == 0 && !add_range(&machine->reserved, base, size))
			return "there are too many ranges of reserved memory";
	}
	if (parent >= 0)
		fdt_for_each_subnode(node, tree, parent)
			if (machine_enabled(tree, node) && !add_reg(tree, parent, node, &machine->reserved))
				return "there are too many ranges of reserved memory";
	widen_to_pages(&machine->reserved);
	return NULL;
}

static uint64_t chosen_address(const void *tree, int chosen, const char *name)
{
	int length;
	const fdt32_t *cells = fdt_getprop(tree, chosen, name, &length);

	if (cells == NULL || (length != 4 && length != 8))
		return 0;
	return machine_cells(cells, length / 4);
}

static void parse_chosen(const void *tree, struct machine *machine)
{
	int chosen = fdt_path_offset(tree, "/chosen");
	uint64_t start, end;

	if (chosen < 0)
		return;
	start = chosen_address(tree, chosen, "linux,initrd-start");
	end = chosen_address(tree, chosen, "linux,initrd-end");
	if (start < end) {
		machine->archive_start = start;
		machine->archive_end = end;
	}
}

const char *machine_parse(const void *tree, size_t size, uint64_t boot_hart, struct machine *machine)
{
	const char *error;

	memset(machine, 0, sizeof(*machine));
	if (size < sizeof(struct fdt_header) || fdt_check_header(tree) != 0 || fdt_totalsize(tree) > size ||
	    fdt_check_full(tree, fdt_totalsize(tree)) != 0)
		return "the firmware gave no proper device tree";
	error = parse_memory(tree, machine);
	if (error == NULL)
		error = parse_reserved(tree, machine);
	if (error == NULL)
		error = machine_parse_harts(tree, boot_hart, machine);
	if (error == NULL)
		error = machine_parse_devices(tree, machine);
	parse_chosen(tree, machine);
	return error;
}
