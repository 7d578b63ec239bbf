/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway reads of the system description. */
#include "test.h"

#include <string.h>

#include <description.h>
#include <libfdt.h>

static uint8_t tree[4096];
static struct description description;
static const char *addresses;
static int addresses_size;
static uint32_t prefix, port;
static bool outside;

static void must(int result)
{
	assert_int_equal(result, 0);
}

static void put_nic(const char *name, const char *net, uint8_t last, bool leads)
{
	const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, last };

	must(fdt_begin_node(tree, name));
	must(fdt_property(tree, "net", net, (int)strlen(net) + 1));
	must(fdt_property(tree, "mac", mac, 6));
	if (leads) {
		const uint8_t ports[8] = { 0, 0, (uint8_t)(port >> 8), (uint8_t)port, 0, 0, 0, 22 };

		must(fdt_property(tree, "addresses", addresses, addresses_size));
		must(fdt_property(tree, "forward", ports, sizeof(ports)));
	}
	must(fdt_end_node(tree));
}

static const char *read(void)
{
	must(fdt_create(tree, sizeof(tree)));
	must(fdt_finish_reservemap(tree));
	must(fdt_begin_node(tree, ""));
	must(fdt_property(tree, "compatible", SYSTEM_COMPATIBLE, sizeof(SYSTEM_COMPATIBLE)));
	must(fdt_begin_node(tree, "gateway"));
	must(fdt_property(tree, "net", "lan", 4));
	must(fdt_property(tree, "address", "10.77.0.1", 10));
	must(fdt_property_u32(tree, "prefix", prefix));
	must(fdt_begin_node(tree, "nics"));
	put_nic("0", "lan", 8, false);
	if (outside)
		put_nic("1", "outside", 9, false);
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_begin_node(tree, "guests"));
	must(fdt_begin_node(tree, "alpha"));
	must(fdt_begin_node(tree, "nics"));
	put_nic("0", "other", 1, false);
	put_nic("1", "lan", 2, true);
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_end_node(tree));
	must(fdt_finish(tree));
	return description_read(tree, sizeof(tree), &description);
}

static int set_up(void **state)
{
	(void)state;
	addresses = "1.2.3.4\0" "10.77.0.10\0fd00::1";
	addresses_size = 27;
	prefix = 24;
	port = 2201;
	outside = true;
	return 0;
}

TEST(description, has_a_lease_for_each_nic_of_the_network)
{
	assert_null(read());
	assert_string_equal(description.net, "lan");
	assert_int_equal(description.address, 0x0a4d0001);
	assert_int_equal(description.mask, 0xffffff00);
	assert_true(description.outside && !description.outside_given);
	assert_int_equal(description.leases, 1);
	assert_int_equal(description.lease[0].address, 0x0a4d000a);
	assert_string_equal(description.lease[0].name, "alpha");
	assert_int_equal(description.forwards, 1);
	assert_int_equal(description.forward[0].outside, 2201);
	assert_int_equal(description.forward[0].inside, 22);
	assert_ptr_equal(lease_of_mac(&description, (const uint8_t[]){ 0x52, 0x54, 0, 0, 0, 2 }), &description.lease[0]);
	assert_null(lease_of_mac(&description, (const uint8_t[]){ 0x52, 0x54, 0, 0, 0, 1 }));
	assert_null(lease_of_address(&description, 0x0a4d000b));
	outside = false;
	assert_null(read());
	assert_false(description.outside);
}

TEST(description, refuses_what_makes_no_sense)
{
	static const char *const wrong[] = { "10.77.1.10", "10.77.0.1000", "10.77.0", "10.77.0.10.", "10.77..10", "x", "", "10.77.0.256" };

	prefix = 31;
	assert_non_null(read());
	prefix = 24;
	port = 0;
	assert_non_null(read());
	port = 2201;
	addresses_size = 26;
	assert_non_null(read());
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		addresses = wrong[i];
		addresses_size = (int)strlen(wrong[i]) + 1;
		assert_non_null(read());
	}
	assert_non_null(description_read(tree, 20, &description));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(description, has_a_lease_for_each_nic_of_the_network, set_up),
		RUN_WITH(description, refuses_what_makes_no_sense, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
