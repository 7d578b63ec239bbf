/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader: reads the machine's device tree and the boot archive, prepares the kernel and the root task, and jumps.
 * It runs once, on the boot hart, in HS-mode with paging off. Its own memory but the first page is free afterwards.
 */
#include "load.h"
#include "sbi.h"

#include <libfdt.h>
#include <string.h>

extern char image_start[], image_end[];
extern struct lobby lobby; /* entry.S */

_Noreturn void loader_main(uint64_t hart, const void *tree);
_Noreturn void loader_trap(uint64_t cause, uint64_t pc, uint64_t value);
_Noreturn void loader_no_paging(void);

/* entry.S: turns paging on with this satp and arrives at `entry` with a0 = handover and a1 = hart. */
_Noreturn void enter_kernel(uint64_t handover, uint64_t hart, uint64_t satp, uint64_t entry);

#define SATP_SV39 (8ul << 60)

/* Too large for the stack. */
static struct machine machine;
static struct memory memory;

static _Noreturn void fail(const char *subject, const char *text)
{
	sbi_print("serai: ");
	sbi_print(subject);
	sbi_print(text);
	sbi_print("\n");
	sbi_fail();
}

static void check(const char *subject, const char *error)
{
	if (error != NULL)
		fail(subject, error);
}

static void print_hex(uint64_t value)
{
	char text[19] = "0x0000000000000000";

	for (int digit = 17; digit > 1; digit--, value >>= 4)
		text[digit] = "0123456789abcdef"[value & 15];
	sbi_print(text);
}

void loader_trap(uint64_t cause, uint64_t pc, uint64_t value)
{
	sbi_print("serai: the loader trapped: scause ");
	print_hex(cause);
	sbi_print(" sepc ");
	print_hex(pc);
	sbi_print(" stval ");
	print_hex(value);
	sbi_print("\n");
	sbi_fail();
}

void loader_no_paging(void)
{
	fail("", "this machine has no Sv39 paging");
}

static bool take_out(uint64_t base, uint64_t end)
{
	base &= ~(uint64_t)(RANGE_PAGE - 1);
	end = (end + RANGE_PAGE - 1) & ~(uint64_t)(RANGE_PAGE - 1);
	return ranges_subtract(&memory.free, base, end);
}

/* All RAM but the firmware's, and of that what nothing lies in yet. */
static void prepare_memory(const void *tree)
{
	uint64_t loader = (uintptr_t)image_start;
	bool ok = true;

	memory.ram = machine.ram;
	for (uint32_t i = 0; i < machine.reserved.count; i++)
		ok = ok && ranges_subtract(&memory.ram, machine.reserved.range[i].base, machine.reserved.range[i].end);
	/* A firmware that does not say where it is lies below us. */
	for (uint32_t i = 0; i < machine.ram.count; i++)
		if (machine.ram.range[i].base < loader && machine.ram.range[i].end > loader &&
		    !ranges_overlap(&machine.reserved, machine.ram.range[i].base, loader))
			ok = ok && ranges_subtract(&memory.ram, machine.ram.range[i].base, loader);
	ok = ok && ranges_subtract(&memory.ram, loader, loader + RANGE_PAGE); /* the lobby's */
	memory.free = memory.ram;
	ok = ok && take_out(loader, (uintptr_t)image_end);
	ok = ok && take_out((uintptr_t)tree, (uintptr_t)tree + fdt_totalsize(tree));
	ok = ok && take_out(machine.archive_start, machine.archive_end);
	if (!ok)
		fail("", "there are too many ranges of memory");
}

/* The archive has to start on 2 MiB; firmware that does not know this may have put it elsewhere. */
static const struct archive_header *align_archive(uint64_t start, uint64_t size)
{
	uint64_t down = start & ~(ARCHIVE_ALIGNMENT - 1), to;
	struct range_set room = memory.free;

	if (down == start)
		return (const void *)(uintptr_t)start;
	if (!ranges_add(&room, start & ~(uint64_t)(RANGE_PAGE - 1),
			(machine.archive_end + RANGE_PAGE - 1) & ~(uint64_t)(RANGE_PAGE - 1)))
		fail("", "there are too many ranges of memory");
	if (ranges_contain(&room, down, down + size))
		to = down;
	else if (ranges_contain(&room, down + ARCHIVE_ALIGNMENT, down + ARCHIVE_ALIGNMENT + size))
		to = down + ARCHIVE_ALIGNMENT;
	else if (!ranges_find(&room, size, ARCHIVE_ALIGNMENT, &to))
		fail("boot archive: ", "there is not enough memory to align it");
	memmove((void *)(uintptr_t)to, (const void *)(uintptr_t)start, size);
	if (!take_out(to, to + size))
		fail("", "there are too many ranges of memory");
	return (const void *)(uintptr_t)to;
}

static const struct archive_header *find_archive(void)
{
	uint64_t start = machine.archive_start, end = machine.archive_end;
	const struct archive_header *archive = (const void *)(uintptr_t)start;
	const char *error;

	if (start == end)
		fail("", "no boot archive: start QEMU with -initrd ARCHIVE");
	if (!ranges_contain(&memory.ram, start, end) || start % sizeof(uint64_t) != 0)
		fail("boot archive: ", "it does not lie in free memory");
	error = archive_check(archive, end - start);
	check("boot archive: ", error);
	return align_archive(start, archive->size);
}

void loader_main(uint64_t hart, const void *tree)
{
	struct load load = { .machine = &machine, .memory = &memory, .device_tree = tree };
	uint64_t page;

	if ((uintptr_t)tree % 8 != 0)
		fail("", "the firmware gave no proper device tree");
	check("", machine_parse(tree, MACHINE_TREE_MAX, hart, &machine));
	prepare_memory(tree);
	load.archive = find_archive();
	if (!memory_take(&memory, sizeof(struct handover), RANGE_PAGE, &page))
		fail("", "there is not enough memory");
	load.handover = memset((void *)(uintptr_t)page, 0, sizeof(struct handover));
	load.handover->lobby = (uintptr_t)&lobby;
	check("kernel: ", load_kernel(&load));
	check("root task: ", load_root(&load));
	check("", load_finish(&load));
	enter_kernel(page, hart, SATP_SV39 | load.handover->kernel_table >> 12, load.kernel_entry);
}
