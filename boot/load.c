/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"
#include "elf_image.h"
#include "table.h"

#include <libfdt.h>
#include <string.h>

#define KERNEL_END (KERNEL_BASE + (16u << 20))
#define ROOT_LOW 0x10000u
#define ROOT_HIGH 0x1000000u
#define ROOT_STACK_TOP 0x3e00000000u
#define ROOT_STACK_SIZE (64u << 10)
#define ROOT_INFO_ADDRESS 0x3d00000000u
#define ROOT_TREE_ADDRESS 0x3d00010000u
#define OBJECTS_ALIGNMENT (64u << 10)

static const char no_memory[] = "there is not enough memory";

static void *at(uint64_t physical)
{
	return (void *)(uintptr_t)physical;
}

static uint64_t pages(uint64_t size)
{
	return (size + TABLE_SIZE - 1) & ~(uint64_t)(TABLE_SIZE - 1);
}

static bool take_zeroed(struct load *load, uint64_t size, uint64_t alignment, uint64_t *base)
{
	if (!memory_take(load->memory, size, alignment, base))
		return false;
	memset(at(*base), 0, pages(size));
	return true;
}

static uint32_t table_rights(uint32_t flags)
{
	return TABLE_READ | ((flags & ELF_WRITE) != 0 ? TABLE_WRITE : 0u) | ((flags & ELF_EXECUTE) != 0 ? TABLE_EXECUTE : 0u);
}

/* Copies a program to fresh contiguous memory and maps it with the rights of its segments. */
static const char *load_program(struct load *load, const struct elf_image *image, const void *file,
				uint64_t table, uint32_t extra_rights, uint64_t *base)
{
	if (!take_zeroed(load, image->end - image->base, TABLE_SIZE, base))
		return no_memory;
	elf_copy(file, image, at(*base));
	for (uint32_t i = 0; i < image->segments; i++) {
		const struct elf_segment *segment = &image->segment[i];
		uint64_t start = segment->address & ~(uint64_t)(TABLE_SIZE - 1);
		uint64_t size = pages(segment->address + segment->memory_size) - start;

		if (!table_map(load->memory, table, start, *base + (start - image->base), size,
			       table_rights(segment->flags) | extra_rights))
			return no_memory;
	}
	return NULL;
}

/* GiBs with RAM, and the first two, where the devices are. */
static void map_direct(struct load *load, uint64_t table)
{
	const struct range_set *ram = &load->machine->ram;

	for (uint64_t base = 0; base < MACHINE_PHYSICAL_END; base += TABLE_GIGAPAGE)
		if (base < 2 * TABLE_GIGAPAGE || ranges_overlap(ram, base, base + TABLE_GIGAPAGE))
			table_map_gigapage(table, DIRECT_MAP_BASE + base, base, TABLE_READ | TABLE_WRITE | TABLE_GLOBAL);
}

const char *load_kernel(struct load *load)
{
	const struct archive_entry *entry = archive_find(load->archive, ARCHIVE_KERNEL);
	struct handover *handover = load->handover;
	const void *file;
	struct elf_image image;
	const char *error;

	if (entry == NULL)
		return "the boot archive has no kernel";
	file = (const uint8_t *)load->archive + entry->offset;
	error = elf_check(file, entry->size, KERNEL_BASE, KERNEL_END, &image);
	if (error != NULL)
		return error;
	if (!table_new(load->memory, &handover->kernel_table))
		return no_memory;
	map_direct(load, handover->kernel_table);
	error = load_program(load, &image, file, handover->kernel_table, TABLE_GLOBAL, &handover->kernel_base);
	if (error != NULL)
		return error;
	handover->kernel_size = image.end - image.base;
	load->kernel_entry = image.entry;
	handover->objects_size = ROOT_OBJECTS_SIZE;
	if (!take_zeroed(load, handover->objects_size, OBJECTS_ALIGNMENT, &handover->objects))
		return no_memory;
	return NULL;
}

static const char *map_root_data(struct load *load)
{
	struct handover *handover = load->handover;
	uint64_t table = handover->root_table, stack, tree, tree_size = fdt_totalsize(load->device_tree);

	if (!take_zeroed(load, ROOT_STACK_SIZE, TABLE_SIZE, &stack) ||
	    !take_zeroed(load, TABLE_SIZE, TABLE_SIZE, &handover->root_info) ||
	    !take_zeroed(load, tree_size, TABLE_SIZE, &tree))
		return no_memory;
	memcpy(at(tree), load->device_tree, tree_size);
	if (!table_map(load->memory, table, ROOT_STACK_TOP - ROOT_STACK_SIZE, stack, ROOT_STACK_SIZE,
		       TABLE_READ | TABLE_WRITE | TABLE_USER) ||
	    !table_map(load->memory, table, ROOT_INFO_ADDRESS, handover->root_info, TABLE_SIZE, TABLE_READ | TABLE_USER) ||
	    !table_map(load->memory, table, ROOT_TREE_ADDRESS, tree, pages(tree_size), TABLE_READ | TABLE_USER))
		return no_memory;
	handover->root_stack = ROOT_STACK_TOP;
	handover->root_info_va = ROOT_INFO_ADDRESS;
	handover->device_tree_va = ROOT_TREE_ADDRESS;
	handover->device_tree_size = tree_size;
	return NULL;
}

const char *load_root(struct load *load)
{
	const struct archive_entry *entry = archive_find(load->archive, ARCHIVE_ROOT);
	struct handover *handover = load->handover;
	const void *file;
	struct elf_image image;
	uint64_t base;
	const char *error;

	if (entry == NULL)
		return "the boot archive has no root task";
	file = (const uint8_t *)load->archive + entry->offset;
	error = elf_check(file, entry->size, ROOT_LOW, ROOT_HIGH, &image);
	if (error != NULL)
		return error;
	if (!table_new(load->memory, &handover->root_table))
		return no_memory;
	/* The kernel half is complete by now, so a copy of its entries stays valid. */
	table_share_kernel_half(handover->kernel_table, handover->root_table);
	error = load_program(load, &image, file, handover->root_table, TABLE_USER, &base);
	if (error != NULL)
		return error;
	handover->root_entry = image.entry;
	return map_root_data(load);
}

static bool add_regions(struct handover *handover, const struct range_set *set, enum region_kind kind)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (handover->regions == HANDOVER_REGIONS)
			return false;
		handover->region[handover->regions++] = (struct region){
			.base = set->range[i].base,
			.size = set->range[i].end - set->range[i].base,
			.kind = kind,
		};
	}
	return true;
}

const char *load_finish(struct load *load)
{
	const struct machine *machine = load->machine;
	struct handover *handover = load->handover;
	uint64_t archive = (uintptr_t)load->archive;
	struct range_set kept = { .range = { { archive, archive + load->archive->size } }, .count = 1 };

	handover->magic = HANDOVER_MAGIC;
	handover->version = SERAI_ABI_VERSION;
	handover->size = sizeof(*handover);
	handover->harts = machine->harts;
	handover->isa = machine->isa;
	memcpy(handover->hart_id, machine->hart_id, sizeof(handover->hart_id));
	memcpy(handover->plic_context, machine->plic_context, sizeof(handover->plic_context));
	handover->plic_base = machine->plic_base;
	handover->plic_sources = machine->plic_sources;
	handover->cbo_zero_bytes = machine->cbo_zero_bytes;
	handover->timebase_hz = machine->timebase_hz;
	handover->root_used = load->memory->taken - handover->kernel_size - handover->objects_size;
	handover->archive_base = archive;
	handover->archive_size = load->archive->size;
	if (!ranges_subtract(&load->memory->ram, archive, archive + load->archive->size) ||
	    !add_regions(handover, &load->memory->ram, REGION_RAM) ||
	    !add_regions(handover, &machine->devices, REGION_DEVICE) || !add_regions(handover, &kept, REGION_ARCHIVE))
		return "there are too many ranges of memory";
	return NULL;
}
