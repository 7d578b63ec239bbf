/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of buses from device trees such as QEMU's machine "virt" has. */
#include "test.h"

#include <libfdt.h>
#include <string.h>

#include "bus.h"

#define PLIC 3u

static uint8_t tree[16384];
static struct buses buses;

static void must(int result)
{
	assert_int_equal(result, 0);
}

static void put_cells(const char *name, const uint32_t *values, unsigned count)
{
	fdt32_t cells[256];

	assert_true(count <= 256);
	for (unsigned i = 0; i < count; i++)
		cells[i] = cpu_to_fdt32(values[i]);
	must(fdt_property(tree, name, cells, (int)(4 * count)));
}
#define CELLS(name, ...) put_cells(name, (const uint32_t[]){ __VA_ARGS__ }, (unsigned)sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void put_string(const char *name, const char *value)
{
	must(fdt_property(tree, name, value, (int)strlen(value) + 1));
}

static void begin(void)
{
	must(fdt_create(tree, sizeof(tree)));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	must(fdt_begin_node(tree, "soc"));
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	must(fdt_begin_node(tree, "plic@c000000"));
	CELLS("phandle", PLIC);
	CELLS("#interrupt-cells", 1);
	CELLS("#address-cells", 0);
	must(fdt_end_node(tree));
}

static void end(void)
{
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
	buses_read(tree, &buses);
}

static void put_slot(uint32_t base, uint32_t irq, const char *status)
{
	must(fdt_begin_node(tree, "virtio_mmio"));
	put_string("compatible", "virtio,mmio");
	CELLS("reg", 0, base, 0, 0x1000);
	CELLS("interrupts", irq);
	if (status)
		put_string("status", status);
	must(fdt_end_node(tree));
}

/* Pins of the 4 slots that the mask tells apart go to sources 32 to 35 in turn. */
static void put_map(void)
{
	uint32_t map[16 * 6];
	unsigned count = 0;

	for (uint32_t slot = 0; slot < 4; slot++)
		for (uint32_t pin = 1; pin <= 4; pin++) {
			const uint32_t entry[] = { slot << 11, 0, 0, pin, PLIC, 32 + (slot + pin - 1) % 4 };

			memcpy(map + count, entry, sizeof(entry));
			count += 6;
		}
	put_cells("interrupt-map", map, count);
	CELLS("interrupt-map-mask", 0x1800, 0, 0, 7);
}

static void put_pci(void)
{
	must(fdt_begin_node(tree, "pci@30000000"));
	put_string("compatible", "pci-host-ecam-generic");
	CELLS("reg", 0, 0x30000000, 0, 0x10000000);
	CELLS("ranges", 0x1000000, 0, 0, 0, 0x3000000, 0, 0x10000, /**/ 0x2000000, 0, 0x40000000, 0, 0x40000000, 0, 0x40000000,
	      /**/ 0x3000000, 4, 0, 4, 0, 4, 0);
}

TEST(bus, finds_slots_of_virtio_mmio)
{
	begin();
	put_slot(0x10002000, 2, NULL);
	put_slot(0x10001000, 1, "okay");
	put_slot(0x10003000, 3, "disabled");
	put_slot(0x10004200, 4, NULL); /* shares its page */
	put_slot(0x10005000, 0, NULL); /* no interrupt */
	end();
	assert_int_equal(buses.slots, 2);
	assert_int_equal(buses.slot[0].base, 0x10002000);
	assert_int_equal(buses.slot[0].irq, 2);
	assert_int_equal(buses.slot[1].base, 0x10001000);
	assert_false(buses.pci.exists);
}

TEST(bus, finds_the_clock)
{
	begin();
	must(fdt_begin_node(tree, "rtc@101000"));
	put_string("compatible", "google,goldfish-rtc");
	CELLS("reg", 0, 0x101000, 0, 0x1000);
	must(fdt_end_node(tree));
	end();
	assert_int_equal(buses.rtc, 0x101000);
	begin();
	must(fdt_begin_node(tree, "rtc@101004"));
	put_string("compatible", "google,goldfish-rtc");
	CELLS("reg", 0, 0x101004, 0, 0x1000);
	must(fdt_end_node(tree));
	end();
	assert_int_equal(buses.rtc, 0);
}

TEST(bus, takes_no_more_slots_than_fit)
{
	begin();
	for (uint32_t i = 0; i < BUS_SLOTS_MAX + 5; i++)
		put_slot(0x10001000 + i * 0x1000, 1 + i, NULL);
	end();
	assert_int_equal(buses.slots, BUS_SLOTS_MAX);
}

TEST(bus, reads_the_pci_host)
{
	begin();
	put_pci();
	put_map();
	must(fdt_end_node(tree));
	end();
	assert_true(buses.pci.exists);
	assert_int_equal(buses.pci.config, 0x30000000);
	assert_int_equal(buses.pci.low.bus, 0x40000000);
	assert_int_equal(buses.pci.low.cpu, 0x40000000);
	assert_int_equal(buses.pci.low.size, 0x40000000);
	assert_int_equal(buses.pci.high.bus, UINT64_C(0x400000000));
	assert_int_equal(buses.pci.high.size, UINT64_C(0x400000000));
	assert_int_equal(bus_pci_irq(&buses.pci, 1 * 8, 1), 33);
	assert_int_equal(bus_pci_irq(&buses.pci, 1 * 8, 4), 32);
	assert_int_equal(bus_pci_irq(&buses.pci, 31 * 8 + 7, 1), 35); /* slot 31 is as slot 3, whatever the function */
	assert_int_equal(bus_pci_irq(&buses.pci, 0, 5), 0);
}

TEST(bus, leaves_out_a_map_that_makes_no_sense)
{
	begin();
	put_pci();
	CELLS("interrupt-map-mask", 0x1800, 0, 0, 7);
	CELLS("interrupt-map", 0, 0, 0, 1, PLIC, 32, /**/ 0, 0, 0, 2, 99 /* no such controller */, 33, /**/ 0, 0, 0, 3, PLIC, 34);
	must(fdt_end_node(tree));
	end();
	assert_int_equal(bus_pci_irq(&buses.pci, 0, 1), 32);
	assert_int_equal(bus_pci_irq(&buses.pci, 0, 2), 0);
	assert_int_equal(bus_pci_irq(&buses.pci, 0, 3), 0);
	begin();
	put_pci();
	CELLS("interrupt-map-mask", 0x1800, 0, 0, 7);
	CELLS("interrupt-map", 0, 0, 0, 1, PLIC); /* cut off */
	must(fdt_end_node(tree));
	end();
	assert_int_equal(bus_pci_irq(&buses.pci, 0, 1), 0);
}

TEST(bus, leaves_out_a_host_without_room_for_a_bus)
{
	begin();
	must(fdt_begin_node(tree, "pci@30000000"));
	put_string("compatible", "pci-host-ecam-generic");
	CELLS("reg", 0, 0x30000000, 0, 0x8000);
	must(fdt_end_node(tree));
	end();
	assert_false(buses.pci.exists);
}

TEST(bus, leaves_out_windows_that_overflow)
{
	begin();
	must(fdt_begin_node(tree, "pci@30000000"));
	put_string("compatible", "pci-host-ecam-generic");
	CELLS("reg", 0, 0x30000000, 0, 0x10000000);
	CELLS("ranges", 0x2000000, 0, 0x40000000, 0, 0x40000000, 1, 0, /**/ 0x3000000, 0xffffffff, 0xfffff000, 4, 0, 0, 0x2000);
	must(fdt_end_node(tree));
	end();
	assert_int_equal(buses.pci.low.size, 0);
	assert_int_equal(buses.pci.high.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(bus, finds_slots_of_virtio_mmio),
		RUN(bus, finds_the_clock),
		RUN(bus, takes_no_more_slots_than_fit),
		RUN(bus, reads_the_pci_host),
		RUN(bus, leaves_out_a_map_that_makes_no_sense),
		RUN(bus, leaves_out_a_host_without_room_for_a_bus),
		RUN(bus, leaves_out_windows_that_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
