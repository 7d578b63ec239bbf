/* SPDX-License-Identifier: Apache-2.0 */
/* Harts: which there are, and what they can do. */
#include "machine_parts.h"

#include <string.h>

uint64_t machine_cells(const fdt32_t *cells, int count)
{
	return count == 1 ? fdt32_ld(cells) : (uint64_t)fdt32_ld(cells) << 32 | fdt32_ld(cells + 1);
}

uint32_t machine_cell(const void *tree, int node, const char *name, uint32_t otherwise)
{
	int length;
	const fdt32_t *cell = fdt_getprop(tree, node, name, &length);

	return cell != NULL && length == 4 ? fdt32_ld(cell) : otherwise;
}

bool machine_enabled(const void *tree, int node)
{
	const char *status = fdt_getprop(tree, node, "status", NULL);

	return status == NULL || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

/* Looks for an extension in an ISA string as "rv64imafdch_zicsr_sstc": single letters first, then names. */
static bool isa_string_has(const char *isa, const char *extension)
{
	size_t wanted = strlen(extension);
	size_t letters = strcspn(isa, "_");

	if (wanted == 1)
		return letters > 4 && memchr(isa + 4, extension[0], letters - 4) != NULL;
	while (isa[letters] == '_') {
		isa += letters + 1;
		letters = strcspn(isa, "_");
		if (letters == wanted && memcmp(isa, extension, wanted) == 0)
			return true;
	}
	return false;
}

/* The list is the newer property: where it exists, it counts. */
static bool hart_has(const void *tree, int node, const char *extension)
{
	const char *isa;

	if (fdt_getprop(tree, node, "riscv,isa-extensions", NULL) != NULL)
		return fdt_stringlist_search(tree, node, "riscv,isa-extensions", extension) >= 0;
	isa = fdt_getprop(tree, node, "riscv,isa", NULL);
	return isa != NULL && strncmp(isa, "rv64", 4) == 0 && isa_string_has(isa, extension);
}

static const char *check_hart(const void *tree, int node)
{
	const char *mmu = fdt_getprop(tree, node, "mmu-type", NULL);

	if (!hart_has(tree, node, "h"))
		return "this machine has no H extension: start QEMU with -cpu rv64,h=true";
	if (!hart_has(tree, node, "f") || !hart_has(tree, node, "d"))
		return "this machine has no floating point (F and D extensions)";
	if (!hart_has(tree, node, "sstc"))
		return "this machine has no Sstc extension (supervisor timer)";
	if (mmu == NULL || (strcmp(mmu, "riscv,sv39") != 0 && strcmp(mmu, "riscv,sv48") != 0 &&
			    strcmp(mmu, "riscv,sv57") != 0))
		return "this machine has no Sv39 paging";
	return NULL;
}

static uint32_t hart_isa(const void *tree, int node)
{
	uint32_t isa = ISA_SSTC;

	if (hart_has(tree, node, "zicboz"))
		isa |= ISA_ZICBOZ;
	if (hart_has(tree, node, "svpbmt"))
		isa |= ISA_SVPBMT;
	if (hart_has(tree, node, "v"))
		isa |= ISA_VECTOR;
	if (hart_has(tree, node, "ssaia"))
		isa |= ISA_AIA;
	return isa;
}

/* True if the node is a hart in use; its number goes to *id. */
static bool is_hart(const void *tree, int cpus, int node, uint64_t *id)
{
	const char *type = fdt_getprop(tree, node, "device_type", NULL);
	int cells = fdt_address_cells(tree, cpus), length;
	const fdt32_t *reg = fdt_getprop(tree, node, "reg", &length);

	if (type == NULL || strcmp(type, "cpu") != 0 || !machine_enabled(tree, node))
		return false;
	if (reg == NULL || cells < 1 || cells > 2 || length != 4 * cells)
		return false;
	*id = machine_cells(reg, cells);
	return true;
}

uint32_t machine_hart_controller(const void *tree, uint64_t hart_id)
{
	int cpus = fdt_path_offset(tree, "/cpus"), node, controller;
	uint64_t id;

	fdt_for_each_subnode(node, tree, cpus) {
		if (!is_hart(tree, cpus, node, &id) || id != hart_id)
			continue;
		fdt_for_each_subnode(controller, tree, node)
			if (fdt_getprop(tree, controller, "interrupt-controller", NULL) != NULL)
				return fdt_get_phandle(tree, controller);
	}
	return 0;
}

const char *machine_parse_harts(const void *tree, uint64_t boot_hart, struct machine *machine)
{
	int cpus = fdt_path_offset(tree, "/cpus"), node;
	bool booted = false;

	machine->isa = UINT32_MAX;
	machine->harts = 1;
	machine->hart_id[0] = boot_hart;
	fdt_for_each_subnode(node, tree, cpus) {
		uint64_t id;
		const char *error;

		if (!is_hart(tree, cpus, node, &id))
			continue;
		if (id != boot_hart && machine->harts == HANDOVER_HARTS)
			continue;
		error = check_hart(tree, node);
		if (error != NULL)
			return error;
		machine->isa &= hart_isa(tree, node);
		if (id == boot_hart) {
			booted = true;
			machine->timebase_hz = machine_cell(tree, node, "timebase-frequency", 0);
			machine->cbo_zero_bytes = machine_cell(tree, node, "riscv,cboz-block-size", 0);
		} else {
			machine->hart_id[machine->harts++] = id;
		}
	}
	if (!booted)
		return "the device tree does not have the hart that booted";
	if (machine->timebase_hz == 0)
		machine->timebase_hz = machine_cell(tree, cpus, "timebase-frequency", 0);
	if (machine->timebase_hz == 0)
		return "the device tree does not say how fast time runs";
	if (machine->cbo_zero_bytes == 0 || (machine->isa & ISA_ZICBOZ) == 0) {
		machine->cbo_zero_bytes = 0;
		machine->isa &= ~(uint32_t)ISA_ZICBOZ;
	}
	return NULL;
}
