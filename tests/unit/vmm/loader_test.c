/* SPDX-License-Identifier: Apache-2.0 */
#include <libfdt.h>
#include <loader.h>
#include "machine.h"
#include "fakes.h"
#include "test.h"

static _Alignas(8) uint8_t image[20000];
static _Alignas(8) uint8_t disk[5001];
static const uint8_t seed[64] = "not so random";
static struct guest_memory memory;
static struct loader_config config;
static struct loader_result result;

static void put(unsigned offset, uint64_t value, unsigned size)
{
	memcpy(image + offset, &value, size);
}

static int prepare(void **state)
{
	(void)state;
	memory = fake_memory();
	for (unsigned i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 7 + 1);
	for (unsigned i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 5 + 3);
	put(8, 0x20000, 8);
	put(16, 30000, 8);
	put(24, 0, 8);
	put(56, 0x05435352, 4);
	config = (struct loader_config){
		.name = "alpha", .cmdline = "console=hvc0", .kernel = image, .kernel_size = sizeof(image),
		.initrd = disk, .initrd_size = sizeof(disk), .seed = seed, .seed_size = sizeof(seed),
		.timebase_hz = 10000000, .harts = 1,
	};
	return 0;
}

TEST(loader, places_kernel_disk_and_tree)
{
	(void)state;
	assert_int_equal(loader_load(&memory, &config, &result), ERR_OK);
	assert_int_equal(result.entry, FAKE_RAM_BASE + 0x20000);
	assert_int_equal(result.initrd % 4096, 0);
	assert_int_equal(result.dtb % 4096, 0);
	assert_true(result.dtb + LOADER_DTB_MAX <= result.initrd);
	assert_memory_equal(memory.host + 0x20000, image, sizeof(image));
	assert_memory_equal(memory.host + (result.initrd - FAKE_RAM_BASE), disk, sizeof(disk));
}

static const void *property(const void *fdt, const char *path, const char *name, int *length)
{
	int node = fdt_path_offset(fdt, path);

	assert_true(node >= 0);
	return fdt_getprop(fdt, node, name, length);
}

TEST(loader, describes_the_machine)
{
	const void *fdt;
	const fdt32_t *cells;
	int length;

	(void)state;
	assert_int_equal(loader_load(&memory, &config, &result), ERR_OK);
	fdt = memory.host + (result.dtb - FAKE_RAM_BASE);
	assert_int_equal(fdt_check_header(fdt), 0);
	assert_string_equal(property(fdt, "/chosen", "bootargs", NULL), "console=hvc0");
	assert_string_equal(property(fdt, "/chosen", "stdout-path", NULL), "/soc/serial@10000000");
	assert_memory_equal(property(fdt, "/chosen", "rng-seed", &length), seed, 64);
	assert_int_equal(length, 64);
	cells = property(fdt, "/chosen", "linux,initrd-end", &length);
	assert_int_equal(length, 8);
	assert_int_equal(fdt32_to_cpu(cells[1]), result.initrd + sizeof(disk));
	assert_string_equal(property(fdt, "/cpus/cpu@0", "riscv,isa", NULL),
			    "rv64imafdc_zicntr_zicsr_zifencei_zihpm_sstc");
	assert_memory_equal(property(fdt, "/cpus/cpu@0", "riscv,isa-extensions", &length), "i\0m\0a\0f\0d\0c\0zicntr", 18);
	assert_string_equal(property(fdt, "/cpus/cpu@0", "mmu-type", NULL), "riscv,sv39");
	cells = property(fdt, "/memory@80000000", "reg", &length);
	assert_int_equal(fdt32_to_cpu(cells[1]), FAKE_RAM_BASE);
	assert_int_equal(fdt32_to_cpu(cells[3]), FAKE_RAM_SIZE);
	cells = property(fdt, "/soc/pci@30000000", "interrupt-map", &length);
	assert_int_equal(length, 16 * 24);
	assert_int_equal(fdt32_to_cpu(cells[4 * 6 + 5]), MACHINE_PCI_IRQ + 1); /* device 1, INTA */
	assert_int_equal(fdt32_to_cpu(*(const fdt32_t *)property(fdt, "/soc/serial@10000000", "interrupts", NULL)), MACHINE_UART_IRQ);
	property(fdt, "/soc/plic@c000000", "compatible", &length);
	assert_int_equal(length, 30);
}

TEST(loader, describes_several_harts)
{
	const void *fdt;
	const fdt32_t *cells;
	int length;

	(void)state;
	config.harts = 8;
	assert_int_equal(loader_load(&memory, &config, &result), ERR_OK);
	fdt = memory.host + (result.dtb - FAKE_RAM_BASE);
	assert_int_equal(fdt_check_full(fdt, LOADER_DTB_MAX), 0);
	assert_int_equal(fdt32_to_cpu(*(const fdt32_t *)property(fdt, "/cpus/cpu@7", "reg", NULL)), 7);
	assert_true(fdt_path_offset(fdt, "/cpus/cpu@8") < 0);
	cells = property(fdt, "/soc/plic@c000000", "interrupts-extended", &length);
	assert_int_equal(length, 8 * 16);
	for (unsigned hart = 0; hart < 8; hart++) {
		char path[40];

		snprintf(path, sizeof(path), "/cpus/cpu@%u/interrupt-controller", hart);
		assert_int_equal(cells[4 * hart], *(const fdt32_t *)property(fdt, path, "phandle", NULL));
		assert_int_equal(cells[4 * hart + 2], cells[4 * hart]);
		assert_int_equal(fdt32_to_cpu(cells[4 * hart + 1]), UINT32_MAX);
		assert_int_equal(fdt32_to_cpu(cells[4 * hart + 3]), 9);
	}
}

TEST(loader, boots_without_disk_and_seed)
{
	int length;

	(void)state;
	config.initrd = NULL;
	config.initrd_size = 0;
	config.seed = NULL;
	put(16, 0, 8); /* old images have no size */
	assert_int_equal(loader_load(&memory, &config, &result), ERR_OK);
	assert_int_equal(result.initrd, 0);
	assert_null(property(memory.host + (result.dtb - FAKE_RAM_BASE), "/chosen", "linux,initrd-start", &length));
}

static void assert_refused(enum err error)
{
	assert_int_equal(loader_load(&memory, &config, &result), error);
	assert_non_null(result.problem);
}

TEST(loader, refuses_what_is_no_image)
{
	(void)state;
	put(56, 0x1234, 4);
	assert_refused(ERR_INVALID_ARGUMENT);
	put(56, 0x05435352, 4);
	config.kernel_size = 63;
	assert_refused(ERR_INVALID_ARGUMENT);
	config.kernel_size = sizeof(image);
	put(24, 1, 8);
	assert_refused(ERR_INVALID_ARGUMENT);
	put(24, 0, 8);
	put(8, 0x20001, 8);
	assert_refused(ERR_INVALID_ARGUMENT);
	config.kernel = NULL;
	assert_refused(ERR_INVALID_ARGUMENT);
}

TEST(loader, refuses_what_does_not_fit)
{
	(void)state;
	put(16, UINT64_MAX, 8);
	assert_refused(ERR_NO_MEMORY);
	put(16, FAKE_RAM_SIZE - 0x20000, 8);
	assert_refused(ERR_NO_MEMORY);
	put(16, 30000, 8);
	put(8, FAKE_RAM_SIZE, 8);
	assert_refused(ERR_NO_MEMORY);
	put(8, UINT64_MAX - 4095, 8);
	assert_refused(ERR_NO_MEMORY);
	put(8, 0x20000, 8);
	config.initrd_size = FAKE_RAM_SIZE;
	assert_refused(ERR_NO_MEMORY);
	put(16, FAKE_RAM_SIZE - 0x20000 - 5001, 8);
	config.initrd_size = 5001;
	assert_refused(ERR_NO_MEMORY);
}

TEST(loader, refuses_a_tree_that_is_too_large)
{
	static char cmdline[LOADER_DTB_MAX];

	(void)state;
	memset(cmdline, 'x', sizeof(cmdline) - 1);
	config.cmdline = cmdline;
	assert_refused(ERR_NO_MEMORY);
}

TEST(isa, keeps_what_a_guest_can_have)
{
	char isa[256];

	(void)state;
	fdt_filter_isa("rv64imafdcvh_zicbom_zicsr_zba_svadu_sstc_smaia", isa, sizeof(isa));
	assert_string_equal(isa, "rv64imafdc_zicsr_zba_sstc");
	fdt_filter_isa("rv64imac", isa, sizeof(isa));
	assert_string_equal(isa, "rv64imac");
	fdt_filter_isa("rv64i__", isa, sizeof(isa));
	assert_string_equal(isa, "rv64i");
	fdt_filter_isa("rv64imafdc_zicsr", isa, 12);
	assert_string_equal(isa, "rv64imafdc");
}

int main(void)
{
#define RUN_PREPARED(name) cmocka_unit_test_setup(loader_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(places_kernel_disk_and_tree), RUN_PREPARED(describes_the_machine),
		RUN_PREPARED(describes_several_harts),
		RUN_PREPARED(boots_without_disk_and_seed), RUN_PREPARED(refuses_what_is_no_image),
		RUN_PREPARED(refuses_what_does_not_fit), RUN_PREPARED(refuses_a_tree_that_is_too_large),
		RUN(isa, keeps_what_a_guest_can_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
