/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text, and descriptions that make no sense. */
#include "test.h"

#include <address.h>
#include <description.h>
#include <libfdt.h>
#include <string.h>

static uint8_t tree[4096];
static struct description description;

TEST(description, reads_ipv4_addresses)
{
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.256", "1.2.3.4 ", "1..3.4", "1.2.3.1234", "a.2.3.4" };
	uint8_t address[4];

	assert_true(address_read4("10.0.2.255", address));
	assert_memory_equal(address, "\x0a\x00\x02\xff", 4);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(address_read4(bad[i], address));
}

TEST(description, reads_ipv6_addresses)
{
	static const char *const bad[] = { "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", ":1::", "1:",
					   "1:2:3:4:5:6:7:8::", "1:2:3:4:5:6:7:", "fd00::21 ", "1:::2" };
	uint8_t address[16];

	assert_true(address_read6("fd00::21", address));
	assert_memory_equal(address, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x21", 16);
	assert_true(address_read6("::", address));
	assert_memory_equal(address, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_true(address_read6("::1", address));
	assert_int_equal(address[15], 1);
	assert_true(address_read6("1::", address));
	assert_memory_equal(address, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_true(address_read6("1:2:3:4:5:6:7:abCD", address));
	assert_memory_equal(address, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\xab\xcd", 16);
	assert_true(address_read6("1::7:8", address));
	assert_memory_equal(address, "\0\1\0\0\0\0\0\0\0\0\0\0\0\7\0\x8", 16);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(address_read6(bad[i], address));
}

/* A network and a guest with these properties of its NIC. NULL for an address list: none. */
static const char *read_with(uint32_t mtu, const char *net, const uint8_t *mac, uint32_t vlan, const char *addresses, int addresses_size)
{
	assert_int_equal(fdt_create(tree, sizeof(tree)), 0);
	assert_int_equal(fdt_finish_reservemap(tree), 0);
	assert_int_equal(fdt_begin_node(tree, ""), 0);
	assert_int_equal(fdt_property_string(tree, "compatible", SYSTEM_COMPATIBLE), 0);
	assert_int_equal(fdt_begin_node(tree, "nets"), 0);
	assert_int_equal(fdt_begin_node(tree, "lan"), 0);
	assert_int_equal(fdt_property_u32(tree, "mtu", mtu), 0);
	assert_int_equal(fdt_end_node(tree), 0);
	assert_int_equal(fdt_end_node(tree), 0);
	assert_int_equal(fdt_begin_node(tree, "guests"), 0);
	assert_int_equal(fdt_begin_node(tree, "alpha"), 0);
	assert_int_equal(fdt_begin_node(tree, "nics"), 0);
	assert_int_equal(fdt_begin_node(tree, "0"), 0);
	assert_int_equal(fdt_property(tree, "net", net, (int)strlen(net) + 1), 0);
	assert_int_equal(fdt_property(tree, "mac", mac, 6), 0);
	assert_int_equal(fdt_property_u32(tree, "vlan", vlan), 0);
	if (addresses)
		assert_int_equal(fdt_property(tree, "addresses", addresses, addresses_size), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fdt_end_node(tree), 0);
	assert_int_equal(fdt_end_node(tree), 0);
	assert_int_equal(fdt_finish(tree), 0);
	return description_read(tree, sizeof(tree), &description);
}

TEST(description, takes_what_makes_sense)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, 1 }, group[6] = { 0x53, 0x54, 0, 0, 0, 1 };

	assert_null(read_with(9000, "lan", mac, 4094, "10.0.2.21\0fd00::21", 19));
	assert_int_equal(description.sessions, 1);
	assert_int_equal(description.session[0].vlan, 4094);
	assert_int_equal(description.session[0].addresses.count4, 1);
	assert_int_equal(description.session[0].addresses.count6, 1);
	assert_string_equal(description.session[0].guest_name, "alpha");
	assert_non_null(read_with(575, "lan", mac, 0, NULL, 0));
	assert_non_null(read_with(9001, "lan", mac, 0, NULL, 0));
	assert_non_null(read_with(1500, "la", mac, 0, NULL, 0));
	assert_non_null(read_with(1500, "lane", mac, 0, NULL, 0));
	assert_non_null(read_with(1500, "lan", group, 0, NULL, 0));
	assert_non_null(read_with(1500, "lan", mac, 4095, NULL, 0));
	assert_non_null(read_with(1500, "lan", mac, 0, "10.0.2.21", 9));
	assert_non_null(read_with(1500, "lan", mac, 0, "10.0.2.21\0x", 12));
	assert_non_null(read_with(1500, "lan", mac, 0, "1.1.1.1\0001.1.1.2\0001.1.1.3\0001.1.1.4\0001.1.1.5", 40));
	assert_null(read_with(1500, "lan", mac, 0, NULL, 0));
	assert_non_null(description_read(tree, 20, &description));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(description, reads_ipv4_addresses),
		RUN(description, reads_ipv6_addresses),
		RUN(description, takes_what_makes_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
