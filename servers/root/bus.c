/* SPDX-License-Identifier: Apache-2.0 */
#include "bus.h"

#include <libfdt.h>

#include "cells.h"

#define PAGE 4096u
#define BUS_CONFIG_SIZE (UINT64_C(1) << 20)
#define UNIT_CELLS 3 /* of an address on PCI: Devicetree specification, "PCI Bus Binding" (IEEE 1275) */
#define SPACE_MASK 0x03000000u
#define SPACE_MEMORY_32 0x02000000u
#define SPACE_MEMORY_64 0x03000000u

static const fdt32_t *property(const void *tree, int node, const char *name, int *count)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree, node, name, &length);

	*count = value ? length / 4 : 0;
	return value;
}

static bool enabled(const void *tree, int node)
{
	int length;
	const char *status = fdt_getprop(tree, node, "status", &length);

	return !status || (length > 1 && status[0] == 'o' && status[1] == 'k');
}

static void read_slot(const void *tree, int node, struct buses *buses)
{
	int parent = fdt_parent_offset(tree, node), cells = parent < 0 ? 0 : fdt_address_cells(tree, parent), count, lines;
	const fdt32_t *reg = property(tree, node, "reg", &count), *line = property(tree, node, "interrupts", &lines);

	if (buses->slots == BUS_SLOTS_MAX || !enabled(tree, node) || cells < 1 || cells > 2 || count < cells + 1 || lines < 1)
		return;
	struct bus_slot slot = { cells_read(reg, cells), fdt32_ld(line) };

	/* Two on one page cannot go to two servers. */
	if (slot.base % PAGE == 0 && slot.irq)
		buses->slot[buses->slots++] = slot;
}

static void read_windows(const void *tree, int node, int parent_cells, struct bus_pci *pci)
{
	int width = UNIT_CELLS + parent_cells + 2, count;
	const fdt32_t *range = property(tree, node, "ranges", &count);

	for (; count >= width; count -= width, range += width) {
		uint32_t space = fdt32_ld(range) & SPACE_MASK;
		struct bus_window window = {
			.bus = cells_read(range + 1, 2),
			.cpu = cells_read(range + UNIT_CELLS, parent_cells),
			.size = cells_read(range + UNIT_CELLS + parent_cells, 2),
		};

		if (window.bus + window.size < window.bus || window.cpu + window.size < window.cpu)
			continue;
		if (space == SPACE_MEMORY_32 && !pci->low.size && window.bus + window.size <= UINT64_C(1) << 32)
			pci->low = window;
		else if (space == SPACE_MEMORY_64 && !pci->high.size)
			pci->high = window;
	}
}

/* How many cells a controller's addresses and interrupts have; 0 where it does not say. */
static void read_controller(const void *tree, uint32_t phandle, uint32_t *address, uint32_t *interrupt)
{
	int controller = fdt_node_offset_by_phandle(tree, phandle), length;
	const fdt32_t *value = controller < 0 ? NULL : property(tree, controller, "#address-cells", &length);

	*address = value && length == 1 ? fdt32_ld(value) : 0;
	value = controller < 0 ? NULL : property(tree, controller, "#interrupt-cells", &length);
	*interrupt = value && length == 1 ? fdt32_ld(value) : 0;
}

/* Interrupts go to the one controller that the kernel has; the first cell there is the source. */
static void read_lines(const void *tree, int node, struct bus_pci *pci)
{
	int masks, count;
	const fdt32_t *mask = property(tree, node, "interrupt-map-mask", &masks);
	const fdt32_t *map = property(tree, node, "interrupt-map", &count);
	uint32_t last = 0, address = 0, interrupt = 0;

	if (masks < UNIT_CELLS + 1)
		return;
	pci->function_mask = fdt32_ld(mask);
	pci->pin_mask = fdt32_ld(mask + UNIT_CELLS);
	while (count > UNIT_CELLS + 2 && pci->lines < BUS_LINES_MAX) {
		uint32_t phandle = fdt32_ld(map + UNIT_CELLS + 1);

		/* To find it, libfdt reads the whole tree; usually all lines have the same. No phandle is 0. */
		if (phandle != last)
			read_controller(tree, phandle, &address, &interrupt);
		last = phandle;
		if (!phandle || address > 2 || interrupt < 1 || interrupt > 4)
			return;
		int width = UNIT_CELLS + 2 + (int)(address + interrupt);

		if (count < width)
			return;
		pci->line[pci->lines++] = (struct bus_line){
			.function = fdt32_ld(map) & pci->function_mask,
			.pin = fdt32_ld(map + UNIT_CELLS) & pci->pin_mask,
			.irq = fdt32_ld(map + UNIT_CELLS + 2 + address),
		};
		count -= width;
		map += width;
	}
}

static void read_pci(const void *tree, int node, struct bus_pci *pci)
{
	int parent = fdt_parent_offset(tree, node), cells = parent < 0 ? 0 : fdt_address_cells(tree, parent), count;
	const fdt32_t *reg = property(tree, node, "reg", &count);

	if (cells < 1 || cells > 2 || count < cells + 2 || !enabled(tree, node) || fdt_size_cells(tree, parent) != 2)
		return;
	pci->config = cells_read(reg, cells);
	pci->exists = pci->config % PAGE == 0 && cells_read(reg + cells, 2) >= BUS_CONFIG_SIZE;
	read_windows(tree, node, cells, pci);
	read_lines(tree, node, pci);
}

static void read_rtc(const void *tree, int node, struct buses *buses)
{
	int parent = fdt_parent_offset(tree, node), cells = parent < 0 ? 0 : fdt_address_cells(tree, parent), count;
	const fdt32_t *reg = property(tree, node, "reg", &count);

	if (enabled(tree, node) && cells >= 1 && cells <= 2 && count >= cells && cells_read(reg, cells) % PAGE == 0)
		buses->rtc = cells_read(reg, cells);
}

void buses_read(const void *tree, struct buses *buses)
{
	int node;

	*buses = (struct buses){ 0 };
	for (node = fdt_node_offset_by_compatible(tree, -1, "virtio,mmio"); node >= 0;
	     node = fdt_node_offset_by_compatible(tree, node, "virtio,mmio"))
		read_slot(tree, node, buses);
	node = fdt_node_offset_by_compatible(tree, -1, "pci-host-ecam-generic");
	if (node >= 0)
		read_pci(tree, node, &buses->pci);
	node = fdt_node_offset_by_compatible(tree, -1, "google,goldfish-rtc");
	if (node >= 0)
		read_rtc(tree, node, buses);
}

uint32_t bus_pci_irq(const struct bus_pci *pci, unsigned function, unsigned pin)
{
	for (unsigned i = 0; i < pci->lines; i++)
		if (pci->line[i].function == ((uint32_t)function << 8 & pci->function_mask) && pci->line[i].pin == (pin & pci->pin_mask))
			return pci->line[i].irq;
	return 0;
}
