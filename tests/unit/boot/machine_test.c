/* SPDX-License-Identifier: Apache-2.0 */
/* Device trees as QEMU's virt machine has them, whole, with parts missing, and damaged. */
#include "test.h"

#include "machine.h"

#include <libfdt.h>
#include <stdlib.h>

#define TREE_SIZE 16384

struct options {
	const char *isa;         /* riscv,isa */
	const char *extensions;  /* riscv,isa-extensions with its size, instead */
	int extensions_size;
	const char *mmu;
	uint32_t harts;
	uint32_t timebase;
	bool no_plic;
	bool no_memory;
	bool no_archive;
	bool hart_disabled; /* the last one */
};

static const struct options usual = {
	.isa = "rv64imafdch_zicsr_zicboz_sstc",
	.mmu = "riscv,sv57",
	.harts = 2,
	.timebase = 10000000,
};

static uint8_t *tree;
static struct machine machine;

static void reg(uint64_t base, uint64_t size)
{
	fdt64_t cells[2] = { cpu_to_fdt64(base), cpu_to_fdt64(size) };

	assert_int_equal(fdt_property(tree, "reg", cells, sizeof(cells)), 0);
}

static void text(const char *name, const char *value)
{
	assert_int_equal(fdt_property(tree, name, value, (int)strlen(value) + 1), 0);
}

static void begin(const char *name)
{
	assert_int_equal(fdt_begin_node(tree, name), 0);
}

static void end(void)
{
	assert_int_equal(fdt_end_node(tree), 0);
}

static void cells(uint32_t address, uint32_t size)
{
	assert_int_equal(fdt_property_u32(tree, "#address-cells", address), 0);
	assert_int_equal(fdt_property_u32(tree, "#size-cells", size), 0);
}

static void device(const char *name, const char *compatible, uint64_t base, uint64_t size)
{
	begin(name);
	text("compatible", compatible);
	reg(base, size);
	end();
}

static void add_harts(const struct options *options)
{
	char name[] = "cpu@0";

	begin("cpus");
	cells(1, 0);
	if (options->timebase != 0)
		assert_int_equal(fdt_property_u32(tree, "timebase-frequency", options->timebase), 0);
	for (uint32_t i = 0; i < options->harts; i++) {
		name[4] = (char)('0' + i);
		begin(name);
		text("device_type", "cpu");
		assert_int_equal(fdt_property_u32(tree, "reg", i), 0);
		text("mmu-type", options->mmu);
		assert_int_equal(fdt_property_u32(tree, "riscv,cboz-block-size", 64), 0);
		if (options->isa != NULL)
			text("riscv,isa", options->isa);
		if (options->extensions != NULL)
			assert_int_equal(fdt_property(tree, "riscv,isa-extensions", options->extensions,
						      options->extensions_size), 0);
		if (options->hart_disabled && i + 1 == options->harts)
			text("status", "disabled");
		begin("interrupt-controller");
		assert_int_equal(fdt_property(tree, "interrupt-controller", NULL, 0), 0);
		assert_int_equal(fdt_property_u32(tree, "phandle", 100 + i), 0);
		end();
		end();
	}
	end();
}

static void add_plic(const struct options *options)
{
	fdt32_t contexts[4 * 9];

	begin("plic@c000000");
	text("compatible", "riscv,plic0");
	reg(0xc000000, 0x600000);
	assert_int_equal(fdt_property_u32(tree, "riscv,ndev", 96), 0);
	for (uint32_t i = 0; i < options->harts; i++) {
		contexts[4 * i] = contexts[4 * i + 2] = cpu_to_fdt32(100 + i);
		contexts[4 * i + 1] = cpu_to_fdt32(11);
		contexts[4 * i + 3] = cpu_to_fdt32(9);
	}
	assert_int_equal(fdt_property(tree, "interrupts-extended", contexts, (int)(options->harts * 16)), 0);
	end();
}

static void add_pci(void)
{
	/* (flags, bus address, CPU address, size) */
	const uint64_t windows[2][3] = { { 0x40000000, 0x40000000, 0x40000000 }, { 1ull << 34, 1ull << 34, 1ull << 40 } };
	fdt32_t ranges[2][7];

	for (unsigned i = 0; i < 2; i++) {
		ranges[i][0] = cpu_to_fdt32(0x2000000);
		for (unsigned j = 0; j < 3; j++) {
			ranges[i][1 + 2 * j] = cpu_to_fdt32((uint32_t)(windows[i][j] >> 32));
			ranges[i][2 + 2 * j] = cpu_to_fdt32((uint32_t)windows[i][j]);
		}
	}
	begin("pci@30000000");
	text("device_type", "pci");
	reg(0x30000000, 0x10000000);
	assert_int_equal(fdt_property(tree, "ranges", ranges, sizeof(ranges)), 0);
	end();
}

static void add_soc(const struct options *options)
{
	begin("soc");
	cells(2, 2);
	text("compatible", "simple-bus");
	assert_int_equal(fdt_property(tree, "ranges", NULL, 0), 0);
	device("serial@10000000", "ns16550a", 0x10000000, 0x100);
	device("virtio_mmio@10001000", "virtio,mmio", 0x10001000, 0x1000);
	device("rtc@101000", "google,goldfish-rtc", 0x101000, 0x1000);
	device("test@100000", "sifive,test0", 0x100000, 0x1000);
	device("clint@2000000", "riscv,clint0", 0x2000000, 0x10000);
	/* A range that claims the PLIC and RAM as well. */
	device("odd@bff0000", "vendor,odd", 0xbff0000, 0x1000000);
	device("odder@7ff00000", "vendor,odder", 0x7ffff000, 0x2000);
	if (!options->no_plic)
		add_plic(options);
	add_pci();
	end();
}

static void build(const struct options *options)
{
	assert_int_equal(fdt_create(tree, TREE_SIZE), 0);
	assert_int_equal(fdt_add_reservemap_entry(tree, 0x9fff0000, 0x800), 0);
	assert_int_equal(fdt_finish_reservemap(tree), 0);
	begin("");
	cells(2, 2);
	if (!options->no_memory) {
		begin("memory@80000000");
		text("device_type", "memory");
		reg(0x80000000, 0x20000000);
		end();
	}
	begin("reserved-memory");
	cells(2, 2);
	begin("firmware@80000000");
	reg(0x80000000, 0x80000);
	end();
	end();
	begin("chosen");
	if (!options->no_archive) {
		assert_int_equal(fdt_property_u32(tree, "linux,initrd-start", 0x88200000), 0);
		assert_int_equal(fdt_property_u64(tree, "linux,initrd-end", 0x88400000), 0);
	}
	end();
	add_harts(options);
	add_soc(options);
	end();
	assert_int_equal(fdt_finish(tree), 0);
}

static const char *parse(const struct options *options, uint64_t boot_hart)
{
	build(options);
	return machine_parse(tree, TREE_SIZE, boot_hart, &machine);
}

TEST(machine, is_read_when_proper)
{
	assert_null(parse(&usual, 0));
	assert_int_equal(machine.harts, 2);
	assert_int_equal(machine.isa, ISA_SSTC | ISA_ZICBOZ);
	assert_int_equal(machine.cbo_zero_bytes, 64);
	assert_int_equal(machine.timebase_hz, 10000000);
	assert_int_equal(machine.plic_base, 0xc000000);
	assert_int_equal(machine.plic_sources, 96);
	assert_int_equal(machine.plic_context[0], 1);
	assert_int_equal(machine.plic_context[1], 3);
	assert_int_equal(machine.archive_start, 0x88200000);
	assert_int_equal(machine.archive_end, 0x88400000);
	assert_int_equal(machine.ram.count, 1);
	assert_true(ranges_contain(&machine.ram, 0x80000000, 0xa0000000));
	assert_true(ranges_contain(&machine.reserved, 0x80000000, 0x80080000));
	assert_true(ranges_contain(&machine.reserved, 0x9fff0000, 0x9fff1000));
}

TEST(machine, gives_devices_but_not_the_kernels)
{
	assert_null(parse(&usual, 0));
	assert_true(ranges_contain(&machine.devices, 0x10000000, 0x10002000));
	assert_true(ranges_contain(&machine.devices, 0x101000, 0x102000));
	assert_true(ranges_contain(&machine.devices, 0x30000000, 0x80000000));
	assert_true(ranges_contain(&machine.devices, 1ull << 34, MACHINE_PHYSICAL_END));
	assert_false(ranges_overlap(&machine.devices, MACHINE_PHYSICAL_END, UINT64_MAX));
	assert_false(ranges_overlap(&machine.devices, 0x100000, 0x101000));
	assert_false(ranges_overlap(&machine.devices, 0x2000000, 0x2010000));
	assert_false(ranges_overlap(&machine.devices, 0xc000000, 0xc600000));
	assert_true(ranges_contain(&machine.devices, 0xbff0000, 0xc000000));
	assert_true(ranges_contain(&machine.devices, 0xc600000, 0xcff0000));
	assert_false(ranges_overlap(&machine.devices, 0x80000000, 0xa0000000));
}

TEST(machine, puts_the_boot_hart_first)
{
	struct options options = usual;

	options.harts = 9;
	assert_null(parse(&options, 8));
	assert_int_equal(machine.harts, HANDOVER_HARTS);
	assert_int_equal(machine.hart_id[0], 8);
	assert_int_equal(machine.plic_context[0], 17);
	assert_int_equal(machine.hart_id[1], 0);
	options = usual;
	options.hart_disabled = true;
	assert_null(parse(&options, 0));
	assert_int_equal(machine.harts, 1);
	assert_non_null(parse(&options, 1));
	assert_non_null(parse(&usual, 5));
}

TEST(machine, is_refused_when_a_need_is_missing)
{
	struct options options = usual;

	options.isa = "rv64imafdc_zicsr_zihintpause_sstc";
	assert_non_null(parse(&options, 0));
	options.isa = "rv64imach_zicsr_sstc";
	assert_non_null(parse(&options, 0));
	options.isa = "rv64imafdch_zicsr_sstcx";
	assert_non_null(parse(&options, 0));
	options.isa = "rv64";
	assert_non_null(parse(&options, 0));
	options.isa = NULL;
	assert_non_null(parse(&options, 0));
	options = usual;
	options.mmu = "riscv,none";
	assert_non_null(parse(&options, 0));
	options = usual;
	options.timebase = 0;
	assert_non_null(parse(&options, 0));
	options = usual;
	options.no_plic = true;
	assert_non_null(parse(&options, 0));
	options = usual;
	options.no_memory = true;
	assert_non_null(parse(&options, 0));
}

TEST(machine, prefers_the_extension_list)
{
	struct options options = usual;
	static const char all[] = "i\0m\0a\0f\0d\0h\0v\0sstc\0svpbmt\0ssaia";
	static const char some[] = "i\0m\0a\0sstc";

	options.extensions = all;
	options.extensions_size = sizeof(all);
	assert_null(parse(&options, 0));
	assert_int_equal(machine.isa, ISA_SSTC | ISA_VECTOR | ISA_SVPBMT | ISA_AIA);
	assert_int_equal(machine.cbo_zero_bytes, 0);
	options.extensions = some;
	options.extensions_size = sizeof(some);
	assert_non_null(parse(&options, 0));
}

TEST(machine, has_no_archive_when_none_is_given)
{
	struct options options = usual;

	options.no_archive = true;
	assert_null(parse(&options, 0));
	assert_int_equal(machine.archive_start, machine.archive_end);
}

/* Damaged trees give an error or a machine; the sanitizers watch. */
TEST(machine, survives_damage)
{
	uint8_t *copy = malloc(TREE_SIZE);
	uint32_t seed = 3, size;

	build(&usual);
	size = fdt_totalsize(tree);
	memcpy(copy, tree, size);
	for (unsigned round = 0; round < 5000; round++) {
		uint8_t *exact = aligned_alloc(8, (size + 7) & ~7u);

		memcpy(exact, copy, size);
		for (unsigned i = 0; i < 1 + round % 4; i++) {
			seed = seed * 1664525u + 1013904223u;
			exact[(seed >> 4) % size] = (uint8_t)(seed >> 24);
		}
		if (machine_parse(exact, size, 0, &machine) == NULL)
			assert_true(machine.ram.count > 0 && machine.harts >= 1 && machine.harts <= HANDOVER_HARTS);
		free(exact);
	}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_is_read_when_proper),
		cmocka_unit_test(machine_gives_devices_but_not_the_kernels),
		cmocka_unit_test(machine_puts_the_boot_hart_first),
		cmocka_unit_test(machine_is_refused_when_a_need_is_missing),
		cmocka_unit_test(machine_prefers_the_extension_list),
		cmocka_unit_test(machine_has_no_archive_when_none_is_given),
		cmocka_unit_test(machine_survives_damage),
	};
	int failed;

	tree = aligned_alloc(8, TREE_SIZE);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(tree);
	return failed;
}
