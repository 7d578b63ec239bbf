/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

#define TREE_SIZE 16384

/* libfdt's macro of this name has a conversion of its own. */
static int property_string(void *to, const char *name, const char *value)
{
	return fdt_property(to, name, value, (int)strlen(value) + 1);
}

static uint8_t tree[TREE_SIZE];
static struct system result;

static void must(int error)
{
	assert_int_equal(error, 0);
}

static uint32_t vcpus, affinity_cells;
static uint32_t share, cap, period; /* of the next tree; 0: not in it */

static uint32_t disks;   /* of each guest but the first */
static uint32_t devices; /* of the system; 0: no such node */
static uint32_t overlays, first_disk; /* first_disk: number of a guest's first */
static uint32_t nics, first_nic, nets; /* likewise */
static uint32_t gateway_nics;

static void build_numbered(unsigned guest, const char *parent, unsigned first, unsigned count, const char *property)
{
	if (!count || guest == 0)
		return;
	must(fdt_begin_node(tree, parent));
	for (unsigned i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", first + i);
		must(fdt_begin_node(tree, name));
		must(property_string(tree, property, "base"));
		must(fdt_end_node(tree));
	}
	must(fdt_end_node(tree));
}

static void build_nodes(const char *parent, unsigned count, const char *property)
{
	must(fdt_begin_node(tree, parent));
	for (unsigned i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "node%u", i);
		must(fdt_begin_node(tree, name));
		must(property_string(tree, property, "other"));
		must(fdt_end_node(tree));
	}
	must(fdt_end_node(tree));
}

static void build(unsigned guests, const char *kernel, uint64_t memory)
{
	must(fdt_create(tree, TREE_SIZE));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	must(property_string(tree, "compatible", SYSTEM_COMPATIBLE));
	must(fdt_begin_node(tree, "console"));
	must(fdt_property_u32(tree, "escape", 0x14));
	must(fdt_property_u64(tree, "scrollback", 0x80000));
	must(fdt_end_node(tree));
	must(fdt_begin_node(tree, "guests"));
	for (unsigned i = 0; i < guests; i++) {
		char name[16];

		snprintf(name, sizeof(name), "guest%u", i);
		must(fdt_begin_node(tree, name));
		must(fdt_property_u64(tree, "memory", memory));
		if (vcpus)
			must(fdt_property_u32(tree, "vcpus", vcpus));
		if (affinity_cells && i == 1) {
			const uint8_t cells[12] = { 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 5 };

			must(fdt_property(tree, "affinity", cells, (int)(4 * affinity_cells)));
		}
		if (share)
			must(fdt_property_u32(tree, "cpu-share", share));
		if (cap)
			must(fdt_property_u32(tree, "cpu-cap", cap));
		if (period)
			must(fdt_property_u32(tree, "cpu-period", period));
		if (kernel)
			must(property_string(tree, "kernel", kernel));
		must(property_string(tree, "cmdline", "console=hvc0"));
		must(fdt_property_u32(tree, "color", 2 + i));
		if (i == 0)
			must(fdt_property(tree, "autostart", NULL, 0));
		must(fdt_property_u32(tree, "restart", i));
		build_numbered(i, "disks", first_disk, disks, "volume");
		build_numbered(i, "nics", first_nic, nics, "net");
		must(fdt_end_node(tree));
	}
	must(fdt_end_node(tree));
	if (devices) {
		must(fdt_begin_node(tree, "block"));
		must(fdt_property_u64(tree, "memory", 0x2000000));
		must(fdt_end_node(tree));
		build_nodes("disks", devices, "serial");
		build_nodes("volumes", overlays, "base");
	}
	if (nets)
		build_nodes("nets", nets, "uplink");
	if (gateway_nics) {
		must(fdt_begin_node(tree, "gateway"));
		build_nodes("nics", gateway_nics, "net");
		must(fdt_end_node(tree));
	}
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
}

TEST(system, reads_all_properties)
{
	build(2, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.escape, 0x14);
	assert_int_equal(result.scrollback, 0x80000);
	assert_int_equal(result.guests, 2);
	assert_string_equal(result.guest[1].name, "guest1");
	assert_string_equal(result.guest[1].kernel, "file.0");
	assert_string_equal(result.guest[1].initrd, "");
	assert_string_equal(result.guest[1].cmdline, "console=hvc0");
	assert_int_equal(result.guest[1].memory, 0x8000000);
	assert_int_equal(result.guest[1].color, 3);
	assert_true(result.guest[0].autostart && !result.guest[1].autostart);
	assert_true(!result.guest[0].restart_on_crash && result.guest[1].restart_on_crash);
}

TEST(system, reads_cpu_time_within_its_limits)
{
	build(1, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.guest[0].cpu_share, SYSTEM_SHARE_DEFAULT);
	assert_int_equal(result.guest[0].cpu_cap, 0);
	assert_int_equal(result.guest[0].cpu_period, SYSTEM_PERIOD_DEFAULT);
	share = 300, cap = 25, period = 20;
	build(1, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.guest[0].cpu_share, 300);
	assert_int_equal(result.guest[0].cpu_cap, 25);
	assert_int_equal(result.guest[0].cpu_period, 20);
	for (unsigned i = 0; i < 4; i++) {
		share = (const uint32_t[]){ SYSTEM_SHARE_MIN - 1, SYSTEM_SHARE_MAX + 1, 0, 0 }[i];
		cap = i == 2 ? 10001 : 0;
		period = i == 3 ? SYSTEM_PERIOD_MAX + 1 : 0;
		build(1, "file.0", 0x8000000);
		assert_non_null(system_read(tree, TREE_SIZE, &result));
	}
	share = cap = period = 0;
}

TEST(system, refuses_what_it_cannot_run)
{
	build(0, "file.0", 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	build(SYSTEM_GUESTS_MAX + 1, "file.0", 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	build(1, NULL, 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	build(1, "file.0", 0x8000001);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	build(1, "file.0", 0);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	build(1, "a name that is much too long for the boot archive", 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	build(1, "file.0", 0x8000000);
	assert_non_null(system_read(tree, 16, &result));
	assert_non_null(system_read(tree, fdt_totalsize(tree) - 1, &result));
	assert_int_equal(fdt_setprop_inplace(tree, 0, "compatible", "serai,system-2", sizeof(SYSTEM_COMPATIBLE)), 0);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
}

TEST(system, spreads_vcpus_over_harts)
{
	vcpus = 3;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.guest[0].vcpus, 3);
	assert_int_equal(result.guest[0].hart[2], 2);
	assert_int_equal(result.guest[1].hart[0], 3);
	affinity_cells = 3;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.guest[1].hart[0], 7);
	assert_int_equal(result.guest[1].hart[2], 5);
	assert_int_equal(result.guest[2].hart[0], 6);
	affinity_cells = 2;
	build(3, "file.0", 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	affinity_cells = 0;
	vcpus = 0;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.guest[2].vcpus, 1);
	assert_int_equal(result.guest[2].hart[0], 2);
	vcpus = SYSTEM_VCPUS_MAX + 1;
	build(3, "file.0", 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	vcpus = 0;
}

TEST(system, numbers_the_sessions_of_all_disks)
{
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_false(result.has[BACKEND_BLOCK]);
	assert_int_equal(result.sessions[BACKEND_BLOCK], 0);
	disks = 2, devices = 1, overlays = 3;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_true(result.has[BACKEND_BLOCK]);
	assert_int_equal(result.block_memory, 0x2000000);
	assert_int_equal(result.overlays, 3);
	assert_int_equal(result.sessions[BACKEND_BLOCK], 4);
	assert_int_equal(result.guest[0].devices[BACKEND_BLOCK], 0);
	assert_int_equal(result.guest[1].devices[BACKEND_BLOCK], 2);
	assert_int_equal(result.guest[1].session[BACKEND_BLOCK], 0);
	assert_int_equal(result.guest[2].devices[BACKEND_BLOCK], 2);
	assert_int_equal(result.guest[2].session[BACKEND_BLOCK], 2);
	disks = devices = overlays = 0;
}

TEST(system, refuses_disks_beyond_its_limits)
{
	const struct {
		uint32_t disks, devices, overlays, first;
		uint64_t memory;
	} wrong[] = {
		{ BLOCK_DISKS_MAX + 1, 1, 0, 0, 0x8000000 },
		{ 2, 1, 0, 1, 0x8000000 },
		{ 1, 0, 0, 0, 0x8000000 },
		{ 1, BLOCK_DEVICES_MAX + 1, 0, 0, 0x8000000 },
		{ 1, 1, BLOCK_VOLUMES_MAX + 1, 0, 0x8000000 },
		{ 1, 1, 0, 0, UINT64_C(17) << 30 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		disks = wrong[i].disks, devices = wrong[i].devices, overlays = wrong[i].overlays, first_disk = wrong[i].first;
		build(2, "file.0", wrong[i].memory);
		assert_non_null(system_read(tree, TREE_SIZE, &result));
	}
	disks = BLOCK_DISKS_MAX, devices = BLOCK_DEVICES_MAX, overlays = BLOCK_VOLUMES_MAX, first_disk = 0;
	build(2, "file.0", UINT64_C(16) << 30);
	assert_null(system_read(tree, TREE_SIZE, &result));
	disks = devices = overlays = 0;
}

TEST(system, numbers_the_sessions_of_all_nics)
{
	nics = 3, nets = 1;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_true(result.has[BACKEND_NET] && !result.has[BACKEND_BLOCK]);
	assert_int_equal(result.sessions[BACKEND_NET], 6);
	assert_int_equal(result.guest[0].devices[BACKEND_NET], 0);
	assert_int_equal(result.guest[2].devices[BACKEND_NET], 3);
	assert_int_equal(result.guest[2].session[BACKEND_NET], 3);
	/* Those of disks have numbers of their own. */
	disks = 2, devices = 1;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.guest[2].session[BACKEND_NET], 3);
	assert_int_equal(result.guest[2].session[BACKEND_BLOCK], 2);
	nics = nets = disks = devices = 0;
}

TEST(system, refuses_nics_beyond_its_limits)
{
	const struct {
		uint32_t nics, nets, first;
		uint64_t memory;
	} wrong[] = {
		{ NET_NICS_MAX + 1, 1, 0, 0x8000000 },
		{ 2, 1, 1, 0x8000000 },
		{ 1, 0, 0, 0x8000000 },
		{ 1, NET_SWITCHES_MAX + 1, 0, 0x8000000 },
		{ 1, 1, 0, UINT64_C(17) << 30 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		nics = wrong[i].nics, nets = wrong[i].nets, first_nic = wrong[i].first;
		build(2, "file.0", wrong[i].memory);
		assert_non_null(system_read(tree, TREE_SIZE, &result));
	}
	nics = NET_NICS_MAX, nets = NET_SWITCHES_MAX, first_nic = 0;
	build(2, "file.0", UINT64_C(16) << 30);
	assert_null(system_read(tree, TREE_SIZE, &result));
	nics = nets = 0;
}

TEST(system, numbers_the_sessions_of_the_gateway_last)
{
	nics = 3, nets = 1, gateway_nics = 2;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.gateway.nics, 2);
	assert_int_equal(result.gateway.session, 6);
	assert_int_equal(result.sessions[BACKEND_NET], 8);
	gateway_nics = GATEWAY_NICS + 1;
	build(3, "file.0", 0x8000000);
	assert_non_null(system_read(tree, TREE_SIZE, &result));
	nics = nets = gateway_nics = 0;
	build(3, "file.0", 0x8000000);
	assert_null(system_read(tree, TREE_SIZE, &result));
	assert_int_equal(result.gateway.nics, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(system, reads_all_properties),
		RUN(system, reads_cpu_time_within_its_limits),
		RUN(system, numbers_the_sessions_of_the_gateway_last),
		RUN(system, refuses_what_it_cannot_run),
		RUN(system, spreads_vcpus_over_harts),
		RUN(system, numbers_the_sessions_of_all_disks),
		RUN(system, refuses_disks_beyond_its_limits),
		RUN(system, numbers_the_sessions_of_all_nics),
		RUN(system, refuses_nics_beyond_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
