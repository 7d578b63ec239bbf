/* SPDX-License-Identifier: Apache-2.0 */
/* Nets and the NICs of guests in system descriptions. */
#include "device_tree.h"
#include "fixture.h"

#include <libfdt.h>

#define NET(keys) "[net.lan]\n" keys GUEST("a")
#define UPLINK(keys) "[net.lan]\nuplink = true\n" keys GUEST("a")
/* A net with an uplink and a guest with one NIC, in line 6. */
#define NIC(keys) UPLINK("") "nics = [{ net = \"lan\", " keys " }]\n"
/* A net with the gateway and a guest with one NIC, in line 6 if `keys` is empty. */
#define NAT(keys, nic) "[net.lan]\nnat = true\n" keys GUEST("a") "nics = [{ " nic "net = \"lan\" }]\n"
#define NICS(list) UPLINK("") "nics = [" list "]\n"

static const struct wrong_text wrong[] = {
	/* nets */
	{ "net = 1\n" GUEST("a"), 1, "t.toml:1:", "must be a table", "[net.NAME]" },
	{ "[net]\na = 1\n" GUEST("a"), 1, "t.toml:2:", "net.a is not a table", "below [net.NAME]" },
	{ "[net.L]\n" GUEST("a"), 1, "t.toml:1:", "net name \"L\" is not possible", "a to z" },
	{ "[net.abcdefghijklmnop]\n" GUEST("a"), 1, "t.toml:1:", "has 16 characters", "1 to 15" },
	{ NET("uplinks = true\n"), 1, "t.toml:2:", "net lan has no key \"uplinks\"", "did you mean \"uplink\"?" },
	{ NET("uplink = 1\n"), 1, "t.toml:2:", "must be true or false", "uplink = true" },
	{ NET("mtu = 575\n"), 1, "t.toml:2:", "mtu: 575 is outside of 576 to 9000", "mtu = 576" },
	{ NET("mtu = 9001\n"), 1, "t.toml:2:", "mtu: 9001", "mtu = 9000" },
	{ NET("host = \"user\"\n"), 1, "t.toml:2:", "host has no meaning without an uplink", "uplink = true" },
	{ NET("uplink = false\ntransport = \"pci\"\n"), 1, "t.toml:3:", "transport has no meaning without an uplink", "take transport away" },
	{ NET("mac = \"52:54:00:00:00:01\"\n"), 1, "t.toml:2:", "mac has no meaning without an uplink", "" },
	{ UPLINK("host = \"usr\"\n"), 1, "t.toml:3:", "host: \"usr\"", "did you mean \"user\"?" },
	{ UPLINK("host = \"tap:\"\n"), 1, "t.toml:3:", "the interface \"\" is not possible", "1 to 15" },
	{ UPLINK("host = \"tap:sixteencharacter\"\n"), 1, "t.toml:3:", "is not possible", "1 to 15" },
	{ UPLINK("host = \"tap:a,script=x\"\n"), 1, "t.toml:3:", "interface \"a,script=x\"", "letters, digits" },
	{ UPLINK("host = \"tap:..\"\n"), 1, "t.toml:3:", "interface \"..\"", "" },
	{ UPLINK("host = \"none\"\ntransport = \"mmio\"\n"), 1, "t.toml:4:", "no meaning with host = \"none\"", "" },
	{ UPLINK("transport = \"usb\"\n"), 1, "t.toml:3:", "transport: \"usb\"", "\"pci\", \"mmio\"" },
	{ UPLINK("mac = \"52:54:00:00:00\"\n"), 1, "t.toml:3:", "is not an Ethernet address", "52:54:00:12:34:56" },
	{ "[net.a]\n[net.b]\n[net.c]\n[net.d]\n[net.e]\n[net.f]\n[net.g]\n[net.h]\n[net.i]\n" GUEST("a"), 1, "t.toml:9:",
		"too many nets: at most 8", "[net.i]" },
	{ "[net]\na.uplink = true\nb.uplink = true\nc.uplink = true\nd.uplink = true\ne.uplink = true\n" GUEST("a"), 1, "t.toml:6:",
		"too many uplinks: at most 4", "net e" },
	{ "[machine]\nmemory = \"64M\"\n" UPLINK(""), 1, "t.toml:1:", "too small", "" },
	/* NICs, in line 6 */
	{ NICS("1"), 1, "t.toml:6:", "number 1 of the list is neither", "nics = " },
	{ GUEST("a") "nics = \"lan\"\n", 1, "t.toml:4:", "must be a list", "nics = " },
	{ GUEST("a") "nics = [\"lan\"]\n", 1, "t.toml:4:", "there is no net \"lan\"", "add [net.lan]" },
	{ NICS("\"lam\""), 1, "t.toml:6:", "there is no net \"lam\"", "did you mean \"lan\"?" },
	{ NICS("\"\""), 1, "t.toml:6:", "there is no net \"\"", "1 to 15" },
	{ NICS("\"abcdefghijklmnop\""), 1, "t.toml:6:", "there is no net", "1 to 15" },
	{ NICS("{ vlan = 1 }"), 1, "t.toml:6:", "a NIC of guest a has no net", "nics = " },
	{ NICS("\"lan\", \"lan\", \"lan\", \"lan\", \"lan\""), 1, "t.toml:6:", "there are 5, at most 4", "VLAN" },
	{ NIC("capture = 1"), 1, "t.toml:6:", "must be a string", "capture = \"alpha.pcapng\"" },
	{ NIC("capture = \"\""), 1, "t.toml:6:", "not the name of a file", "capture = \"alpha.pcapng\"" },
	{ NIC("capture = \"a\\tb\""), 1, "t.toml:6:", "not the name of a file", "" },
	{ NICS("{ net = \"lan\", capture = \"a\" }, { net = \"lan\", capture = \"b\" }, { net = \"lan\", capture = \"c\" }, "
		"{ net = \"lan\", capture = \"d\" }"), 1, "t.toml:6:", "capture: too many files", "at most 3" },
	{ NIC("capture = \"a\", capture_limit = \"63K\""), 1, "t.toml:6:", "capture_limit", "" },
	{ NIC("capture = \"a\", capture_limit = 5"), 1, "t.toml:6:", "must be a string", "capture_limit = \"64M\"" },
	{ NIC("capture_limit = \"64K\""), 1, "t.toml:6:", "capture_limit", "" },
	{ NICS("{ net = \"lan\", capture = \"a\", capture_limit = \"1M\" }, { net = \"lan\", capture = \"a\", capture_limit = \"2M\" }"), 1,
		"t.toml:6:", "the file a has another limit elsewhere", "the same for all" },
	{ NET("capture = \"a\"\n"), 1, "t.toml:2:", "capture has no meaning without an uplink", "uplink = true" },
	{ NIC("vlna = 1"), 1, "t.toml:6:", "has no key \"vlna\"", "\"vlan\"?" },
	{ NIC("vlan = 0"), 1, "t.toml:6:", "vlan: 0 is outside of 1 to 4094", "vlan = 1" },
	{ NIC("vlan = 4095"), 1, "t.toml:6:", "vlan: 4095", "vlan = 4094" },
	{ NIC("group = 0"), 1, "t.toml:6:", "group: 0", "group = 1" },
	{ NIC("mac = \"52:54:00:00:00:0g\""), 1, "t.toml:6:", "is not an Ethernet address", "leave it out" },
	{ NIC("mac = \"52-54-00-00-00-01\""), 1, "t.toml:6:", "is not an Ethernet address", "" },
	{ NIC("mac = \"52:54:00:00:00:010\""), 1, "t.toml:6:", "is not an Ethernet address", "" },
	{ NIC("mac = \"53:54:00:00:00:01\""), 1, "t.toml:6:", "is not the address of one NIC", "must be even" },
	{ NIC("mac = \"00:00:00:00:00:00\""), 1, "t.toml:6:", "is not the address of one NIC", "" },
	{ NIC("addresses = []"), 1, "t.toml:6:", "the list is empty", "leave it out" },
	{ NIC("addresses = [1]"), 1, "t.toml:6:", "not a string", "addresses = " },
	{ NIC("addresses = [\"10.0.2\"]"), 1, "t.toml:6:", "\"10.0.2\" is not the IP address of a host", "10.0.2.21" },
	{ NIC("addresses = [\"10.0.2.256\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"10.0.2.0/24\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"0.0.0.0\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"224.0.0.1\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"ff02::1\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"::1\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"::ffff:10.0.2.1\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"fd00:::1\"]"), 1, "t.toml:6:", "is not the IP address", "" },
	{ NIC("addresses = [\"fd00::1\", \"fd00:0::1\"]"), 1, "t.toml:6:", "\"fd00:0::1\" stands there twice", "" },
	{ NIC("addresses = [\"1.0.0.1\", \"1.0.0.2\", \"1.0.0.3\", \"1.0.0.4\", \"1.0.0.5\"]"), 1, "t.toml:6:", "more than 4", "4 IPv4" },
	{ NIC("bandwidth = \"fast\""), 1, "t.toml:6:", "not a size", "" },
	{ NIC("bandwidth = \"1K\""), 1, "t.toml:6:", "outside of 64K", "\"64K\"" },
	{ NIC("bandwidth = \"1M\", bandwidth_burst = \"64K\""), 1, "t.toml:6:", "outside of 128K", "\"128K\"" },
	{ NIC("bandwidth_burst = \"1M\""), 1, "t.toml:6:", "no meaning without bandwidth", "" },
	{ NIC("packets = 0"), 1, "t.toml:6:", "packets: 0", "packets = 1" },
	{ NIC("packets_burst = 5"), 1, "t.toml:6:", "no meaning without packets", "" },
	{ NIC("forward = { 2201 = \"ssh\" }"), 1, "t.toml:6:", "\"2201\" and its value are not two ports", "2201 = 22" },
	{ NIC("forward = { ssh = 22 }"), 1, "t.toml:6:", "\"ssh\" and its value", "" },
	{ NIC("forward = { 65536 = 22 }"), 1, "t.toml:6:", "\"65536\" and its value", "" },
	{ NIC("forward = { 02201 = 22 }"), 1, "t.toml:6:", "\"02201\" and its value", "" },
	{ NIC("forward = { 2201 = 0 }"), 1, "t.toml:6:", "not two ports", "" },
	{ NIC("forward = { 1 = 1, 2 = 2, 3 = 3, 4 = 4, 5 = 5, 6 = 6, 7 = 7, 8 = 8, 9 = 9 }"), 1, "t.toml:6:", "9 ports, at most 8", "" },
	{ NIC("forward = { 2201 = 22 }"), 1, "t.toml:6:", "the NIC has 0 IPv4 addresses", "addresses = " },
	{ NIC("addresses = [\"10.0.2.4\", \"10.0.2.5\"], forward = { 2201 = 22 }"), 1, "t.toml:6:", "has 2 IPv4 addresses", "" },
	{ NIC("addresses = [\"10.0.3.4\"], forward = { 2201 = 22 }"), 1, "t.toml:6:", "does not reach 10.0.3.4", "10.0.2.4 to" },
	{ NIC("addresses = [\"10.0.2.3\"], forward = { 2201 = 22 }"), 1, "t.toml:6:", "does not reach 10.0.2.3", "" },
	{ NIC("addresses = [\"10.0.2.4\"], vlan = 7, forward = { 2201 = 22 }"), 1, "t.toml:6:", "does not reach VLAN 7", "" },
	{ NET("") "nics = [{ net = \"lan\", addresses = [\"10.0.2.4\"], forward = { 2201 = 22 } }]\n", 1, "t.toml:5:",
		"net lan has no uplink to QEMU's user network", "host = \"user\"" },
	{ UPLINK("host = \"tap:tap0\"\n") "nics = [{ net = \"lan\", addresses = [\"10.0.2.4\"], forward = { 2201 = 22 } }]\n", 1, "t.toml:7:",
		"has no uplink to QEMU's user network", "" },
	{ "[machine]\nmemory = \"64G\"\n[net.lan]\n[guest.a]\nmemory = \"17G\"\nkernel = \"image\"\nnics = [\"lan\"]\n", 1, "t.toml:7:",
		"guest a has NICs and more than 16G", "16G" },
	{ GUEST("net"), 1, "t.toml:1:", "guest name \"net\" is the system's own", "" },
	/* the gateway */
	{ NET("nat = 1\n"), 1, "t.toml:2:", "must be true or false", "nat = true" },
	{ NET("subnet = \"10.1.0.0/24\"\n"), 1, "t.toml:2:", "subnet has no meaning without nat", "add nat" },
	{ UPLINK("outside = { address = \"10.0.2.15/24\" }\n"), 1, "t.toml:3:", "outside has no meaning without nat", "add nat" },
	{ NAT("outside = { address = \"10.0.2.15/24\" }\n", ""), 1, "t.toml:3:", "outside has no meaning without an uplink", "uplink = true" },
	{ NAT("subnet = \"10.1.0.0\"\n", ""), 1, "t.toml:3:", "\"10.1.0.0\" is not a network", "10.77.0.0/24" },
	{ NAT("subnet = \"10.1.0.0/29\"\n", ""), 1, "t.toml:3:", "is not a network", "16 to 28" },
	{ NAT("subnet = \"10.1.0.0/15\"\n", ""), 1, "t.toml:3:", "is not a network", "" },
	{ NAT("subnet = \"224.1.0.0/16\"\n", ""), 1, "t.toml:3:", "is not a network", "" },
	{ NAT("subnet = \"10.1.0.7/24\"\n", ""), 1, "t.toml:3:", "is the address of a host", "10.1.0.0/24" },
	{ NAT("uplink = true\noutside = {}\n", ""), 1, "t.toml:4:", "outside: address is missing", "10.0.2.15/24" },
	{ NAT("uplink = true\noutside = { address = \"10.0.2.255/24\", gateway = \"10.0.2.2\", dns = \"10.0.2.3\" }\n", ""), 1, "t.toml:4:",
		"not that of a host", "" },
	{ NAT("uplink = true\noutside = { address = \"10.0.2.15/24\", dns = \"10.0.2.3\" }\n", ""), 1, "t.toml:4:", "gateway is missing", "DHCP" },
	{ NAT("uplink = true\noutside = { address = \"10.0.2.15/24\", gateway = \"10.0.2.2\", dns = \"x\" }\n", ""), 1, "t.toml:4:",
		"dns is not the address", "" },
	{ NAT("uplink = true\noutside = { address = \"10.0.2.15/24\", gateway = \"10.0.3.2\", dns = \"10.0.2.3\" }\n", ""), 1, "t.toml:4:",
		"gateway is not in the network", "" },
	{ NAT("", "vlan = 3, "), 1, "t.toml:6:", "the gateway of net lan is in no VLAN", "take vlan" },
	{ NAT("", "addresses = [\"10.77.0.1\"], "), 1, "t.toml:6:", "that of net lan itself", "another one" },
	{ NAT("", "addresses = [\"10.77.0.255\"], "), 1, "t.toml:6:", "that of net lan itself", "" },
	{ NAT("", "addresses = [\"1.0.0.1\", \"1.0.0.2\", \"1.0.0.3\", \"1.0.0.4\"], "), 1, "t.toml:6:", "has no address for a NIC", "" },
	{ NAT("", "forward = { 2201 = 22 }, "), 1, "t.toml:6:", "net lan has no uplink", "uplink = true" },
	{ "[net.lan]\nnat = true\n" GUEST("gateway"), 1, "t.toml:3:", "guest name \"gateway\" is the system's own", "" },
	{ "[net.outside]\nnat = true\n" GUEST("a"), 1, "t.toml:1:", "net name \"outside\" is the system's own", "" },
	{ "[net.a]\nnat = true\n[net.b]\nnat = true\n" GUEST("a"), 1, "t.toml:4:", "nets a and b both have it", "one net" },
	/* of two NICs, the second in line 10 */
	{ NIC("mac = \"52:54:00:00:00:01\"") GUEST("b") "nics = [{ net = \"lan\", mac = \"52:54:00:00:00:01\" }]\n", 1, "t.toml:10:",
		"NIC 0 of guest a and NIC 0 of guest b have the same address, 52:54:00:00:00:01", "mac = " },
	{ UPLINK("mac = \"52:54:00:00:00:01\"\n") "nics = [{ net = \"lan\", mac = \"52:54:00:00:00:01\" }]\n", 1, "t.toml:7:",
		"the uplink of net lan and NIC 0 of guest a have the same address", "" },
	{ NIC("addresses = [\"10.0.2.4\"]") GUEST("b") "nics = [{ net = \"lan\", addresses = [\"10.0.2.4\"] }]\n", 1, "t.toml:10:",
		"have the same address on net lan, 10.0.2.4", "" },
	{ NIC("addresses = [\"fd00::4\"]") GUEST("b") "nics = [{ net = \"lan\", vlan = 4, addresses = [\"fd00:0::4\"] }]\n", 1, "t.toml:10:",
		"have the same address on net lan, fd00::4", "" },
	{ NIC("addresses = [\"10.0.2.4\"], forward = { 2201 = 22 }") GUEST("b")
		"nics = [{ net = \"lan\", addresses = [\"10.0.2.5\"], forward = { 2201 = 80 } }]\n", 1, "t.toml:10:",
		"port 2201 of the host goes to two NICs, of a and b", "" },
};

TEST(nets, names_line_and_remedy_of_each_error)
{
	check_wrong(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

TEST(nets, reads_nets_and_nics)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0xab, 0xcd, 0xef }, address[] = { 10, 0, 2, 21 };
	static const char text[] = "[net.lan]\nuplink = true\nhost = \"tap:br-0.1\"\ntransport = \"mmio\"\nmtu = 9000\n[net.inner]\n" GUEST("a")
		"nics = [\"inner\", { net = \"lan\", mac = \"52:54:00:AB:cd:ef\", vlan = 5, group = 2, addresses = [\"fd00::1\", \"10.0.2.21\"], "
		"bandwidth = \"20M\", packets = 5000, packets_burst = 7 }]\n" GUEST("b") "nics = [{ net = \"lan\", bandwidth = \"64K\" }]\n";
	const struct nic_description *nic;
	struct system_description system;

	assert_int_equal(read_text(text, sizeof(text) - 1, &system), 0);
	assert_string_equal(messages, "");
	assert_int_equal(system.nets, 2);
	assert_true(system.net[0].uplink && !system.net[1].uplink);
	assert_int_equal(system.net[0].host, NET_HOST_TAP);
	assert_string_equal(system.net[0].interface, "br-0.1");
	assert_string_equal(net_transports[system.net[0].transport], "mmio");
	assert_int_equal(system.net[0].mtu, 9000);
	assert_int_equal(system.net[1].mtu, 1500);
	assert_int_equal(system.guest[0].nics, 2);
	assert_string_equal(system.guest[0].nic[0].net.name, "inner");
	nic = &system.guest[0].nic[1];
	assert_memory_equal(nic->mac, mac, 6);
	assert_int_equal(nic->vlan, 5);
	assert_int_equal(nic->group, 2);
	assert_int_equal(nic->addresses4, 1);
	assert_memory_equal(nic->address4[0], address, 4);
	assert_int_equal(nic->addresses6, 1);
	assert_int_equal(nic->bandwidth, 20 * MIB);
	assert_int_equal(nic->bandwidth_burst, 2 * MIB);
	assert_int_equal(nic->packets, 5000);
	assert_int_equal(nic->packets_burst, 7);
	assert_int_equal(system.guest[1].nic[0].bandwidth_burst, 128 * KIB);
	assert_int_equal(system.guest[1].nic[0].packets_burst, 0);
	description_free(&system);
}

/* An address stays the same when another guest or net is added, and differs from all others. */
TEST(nets, makes_addresses_that_stay)
{
	static const char one[] = "[net.lan]\nuplink = true\n" GUEST("a") "nics = [\"lan\", \"lan\"]\n";
	static const char two[] = "[net.aaa]\nuplink = true\n[net.lan]\nuplink = true\n" GUEST("b") "nics = [\"lan\", \"lan\", \"lan\"]\n" GUEST("a")
		"nics = [\"lan\", \"lan\", \"aaa\"]\n";
	/* Written down once: guests remember addresses. */
	static const uint8_t first[] = { 0x52, 0x54, 0x20, 0x13, 0xbf, 0x77 }, uplink[] = { 0x52, 0x54, 0xef, 0xae, 0xab, 0x13 };
	struct system_description before, after;

	assert_int_equal(read_text(one, sizeof(one) - 1, &before), 0);
	assert_int_equal(read_text(two, sizeof(two) - 1, &after), 0);
	assert_memory_equal(before.net[0].mac, after.net[1].mac, 6);
	for (unsigned i = 0; i < 2; i++)
		assert_memory_equal(before.guest[0].nic[i].mac, after.guest[1].nic[i].mac, 6);
	assert_memory_equal(before.guest[0].nic[0].mac, first, 6);
	assert_memory_equal(before.net[0].mac, uplink, 6);
	assert_memory_not_equal(before.net[0].mac, after.net[0].mac, 6);
	assert_memory_not_equal(before.guest[0].nic[0].mac, before.guest[0].nic[1].mac, 6);
	description_free(&before);
	description_free(&after);
}

/* The same IP address in two VLANs, or on two nets, is two hosts'. */
TEST(nets, allows_an_address_in_several_networks)
{
	static const char text[] = "[net.lan]\n[net.other]\n" GUEST("a") "nics = [{ net = \"lan\", vlan = 1, addresses = [\"10.0.2.4\"] }, "
		"{ net = \"lan\", vlan = 2, addresses = [\"10.0.2.4\"] }, { net = \"other\", addresses = [\"10.0.2.4\"] }]\n";

	assert_int_equal(count_errors(text), 0);
}

/* Each cut, and each changed byte, of a right file: an error or not, but never a crash. */
TEST(nets, survives_noise)
{
	static const char text[] = NIC("mac = \"52:54:00:00:00:02\", vlan = 5, addresses = [\"10.0.2.4\", \"fd00::4\"]") GUEST("b")
		"nics = [\"lan\", { net = \"lan\", addresses = [\"10.0.2.5\"], forward = { 2201 = 22 } }]\n";
	struct system_description system;
	char changed[sizeof(text)];

	for (size_t length = 0; length < sizeof(text); length++) {
		read_text(text, length, &system);
		description_free(&system);
		memcpy(changed, text, sizeof(text));
		changed[length] = "]\"=,{\n0"[length % 7];
		read_text(changed, sizeof(text) - 1, &system);
		description_free(&system);
	}
}

static size_t add_guest(char *text, size_t length, char name)
{
	length += (size_t)snprintf(text + length, TEXT_MAX - length, "[guest.%c]\nmemory = \"32M\"\nkernel = \"image\"\n"
		"cmdline = \"%01000u\"\ndisks = [", name, 0);
	for (unsigned i = 0; i < BLOCK_DISKS_MAX; i++)
		length += (size_t)snprintf(text + length, TEXT_MAX - length, "{ volume = \"abcdefghijklm00\", read_only = true, "
			"serial = \"%020u\", bandwidth = \"1M\", operations = 5 }, ", i);
	length += (size_t)snprintf(text + length, TEXT_MAX - length, "]\nnics = [");
	for (unsigned i = 0; i < NET_NICS_MAX; i++) {
		length += (size_t)snprintf(text + length, TEXT_MAX - length, "{ net = \"abcdefghijklmn7\", bandwidth = \"1M\", packets = 5, "
			"vlan = 5, group = 5, addresses = [");
		for (unsigned j = 0; j < NIC_ADDRESSES_MAX; j++)
			length += (size_t)snprintf(text + length, TEXT_MAX - length, "\"192.168.%u.%u\", \"fd01:1111:1111:1111:1111:1111:%x%x:1%u11\", ",
				200 + j, ((unsigned)name - 'a') * NET_NICS_MAX + i + 100, (unsigned)name, 0x10 + i, j);
		length += (size_t)snprintf(text + length, TEXT_MAX - length, "] }, ");
	}
	return length + (size_t)snprintf(text + length, TEXT_MAX - length, "]\n");
}

/* Every limit at once, disks as well, fits into the description that the target gets. */
TEST(nets, writes_the_largest_description)
{
	static char text[TEXT_MAX];
	static uint8_t tree[DEVICE_TREE_MAX];
	const struct guest_files file = { "a name of a file in the archive", "a name of a file in the archive" };
	const struct guest_files files[SYSTEM_GUESTS_MAX] = { file, file, file, file, file, file, file, file };
	struct system_description system;
	size_t length = (size_t)snprintf(text, sizeof(text), "[machine]\nmemory = \"4G\"\n");

	for (unsigned i = 0; i < BLOCK_DEVICES_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[disk.abcdefghijklmn%u]\n", i);
	for (unsigned i = 0; i < BLOCK_VOLUMES_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[volume.abcdefghijklm%02u]\n"
			"disk = \"abcdefghijklmn0\"\npartition = \"%036u\"\n", i, i);
	for (unsigned i = 0; i < NET_SWITCHES_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[net.abcdefghijklmn%u]\nuplink = %s\n", i,
			i < NET_DEVICES_MAX ? "true" : "false");
	for (char name = 'a'; name < 'a' + (char)SYSTEM_GUESTS_MAX; name++)
		length = add_guest(text, length, name);
	assert_true(length < sizeof(text));
	assert_int_equal(read_text(text, length, &system), 0);
	assert_true(device_tree_write(&system, files, tree) > 0);
	assert_int_equal(fdt_path_offset(tree, "/guests/h/nics/4"), -FDT_ERR_NOTFOUND);
	assert_non_null(fdt_getprop(tree, fdt_path_offset(tree, "/guests/h/nics/3"), "mac", NULL));
	description_free(&system);
}

static uint32_t get_u32(const void *tree, int node, const char *name)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree, node, name, &length);

	assert_non_null(value);
	assert_int_equal(length, 4);
	return fdt32_ld(value);
}

/* As <proto/system.h> says. */
TEST(nets, writes_what_the_target_reads)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	static const char text[] = "[net.lan]\nuplink = true\nmac = \"52:54:00:12:34:56\"\n[net.inner]\n" GUEST("a")
		"nics = [\"inner\", { net = \"lan\", vlan = 5, group = 2, addresses = [\"fd00:0::21\", \"10.0.2.21\"], bandwidth = \"20M\", packets = 50 }]\n";
	static const char addresses[] = "10.0.2.21\0fd00::21";
	static uint8_t tree[DEVICE_TREE_MAX];
	const struct guest_files files = { "file.1", NULL };
	struct system_description system;
	int length, node;

	assert_int_equal(read_text(text, sizeof(text) - 1, &system), 0);
	assert_true(device_tree_write(&system, &files, tree) > 0);
	node = fdt_path_offset(tree, "/nets/lan");
	assert_non_null(fdt_getprop(tree, node, "uplink", &length));
	assert_int_equal(length, 0);
	assert_memory_equal(fdt_getprop(tree, node, "uplink-mac", &length), mac, 6);
	assert_int_equal(length, 6);
	assert_int_equal(get_u32(tree, node, "mtu"), 1500);
	node = fdt_path_offset(tree, "/nets/inner");
	assert_null(fdt_getprop(tree, node, "uplink", NULL));
	assert_null(fdt_getprop(tree, node, "uplink-mac", NULL));
	node = fdt_path_offset(tree, "/guests/a/nics/0");
	assert_string_equal(fdt_getprop(tree, node, "net", NULL), "inner");
	assert_memory_equal(fdt_getprop(tree, node, "mac", &length), system.guest[0].nic[0].mac, 6);
	assert_null(fdt_getprop(tree, node, "vlan", NULL));
	assert_null(fdt_getprop(tree, node, "addresses", NULL));
	assert_null(fdt_getprop(tree, node, "bandwidth", NULL));
	node = fdt_path_offset(tree, "/guests/a/nics/1");
	assert_int_equal(get_u32(tree, node, "vlan"), 5);
	assert_int_equal(get_u32(tree, node, "group"), 2);
	assert_int_equal(get_u32(tree, node, "packets"), 50);
	assert_int_equal(get_u32(tree, node, "packets-burst"), 64);
	assert_int_equal(fdt64_ld(fdt_getprop(tree, node, "bandwidth-burst", NULL)), 2 * MIB);
	assert_memory_equal(fdt_getprop(tree, node, "addresses", &length), addresses, sizeof(addresses));
	assert_int_equal(length, sizeof(addresses));
	description_free(&system);
}

#define TWO "[net.lan]\nuplink = true\ncapture = \"up\"\n" GUEST("alpha") "nics = [\"lan\", { net = \"lan\", capture = \"one\", capture_limit = \"2M\" }]\n"

/* What captures_add reports, with the file of the NIC or uplink named; NULL: nothing. */
static const char *add(struct system_description *system, const char *name, const char *file)
{
	struct report report = { .file = "--pcap" };
	bool good;

	memset(messages, 0, sizeof(messages));
	report.stream = fmemopen(messages, sizeof(messages) - 1, "w");
	assert_non_null(report.stream);
	good = captures_add(system, name, file, &report);
	fclose(report.stream);
	assert_int_equal(good, report.errors == 0);
	return good ? NULL : messages;
}

static void test_nets_numbers_files_of_captures(void **state)
{
	static uint8_t tree[DEVICE_TREE_MAX];
	const struct guest_files files[SYSTEM_GUESTS_MAX] = { { .kernel = "file.0" } };
	struct system_description system;
	char path[FOLDER_MAX + 16];
	int node;

	(void)state;
	assert_int_equal(read_text(TWO, strlen(TWO), &system), 0);
	assert_int_equal(system.captures, 2);
	snprintf(path, sizeof(path), "%s/one", folder);
	assert_string_equal(system.capture[system.guest[0].nic[1].capture.number - 1], path);
	assert_int_equal(system.guest[0].nic[0].capture.number, 0);
	captures_add_spare(&system, "spare");
	assert_int_equal(system.captures, 2);
	assert_null(add(&system, "alpha", path));
	assert_int_equal(system.guest[0].nic[0].capture.number, system.guest[0].nic[1].capture.number);
	assert_null(add(&system, "alpha.1", "other"));
	assert_null(add(&system, "uplink", "other"));
	assert_int_equal(system.captures, 3);
	assert_non_null(strstr(add(&system, "lan", "more"), "too many files"));
	assert_null(add(&system, "lan", "other"));
	assert_int_equal(system.net[0].capture.number, 3);
	assert_non_null(strstr(add(&system, "alpha.2", "x"), "there is no NIC alpha.2"));
	assert_non_null(strstr(add(&system, "alhpa", "x"), "did you mean \"alpha\"?"));
	assert_non_null(strstr(add(&system, "alpha.x", "x"), "nothing that can be captured"));
	assert_non_null(strstr(add(&system, "alpha", "x\ny"), "not the name of a file"));
	system.snaplen = 96;
	assert_true(device_tree_write(&system, files, tree) > 0);
	assert_int_equal(get_u32(tree, fdt_path_offset(tree, "/nets/lan"), "uplink-capture"), 2);
	assert_int_equal(get_u32(tree, fdt_path_offset(tree, "/guests/alpha/nics/0"), "capture"), 1);
	assert_int_equal(get_u32(tree, fdt_path_offset(tree, "/captures"), "snaplen"), 96);
	node = fdt_path_offset(tree, "/captures/1");
	assert_int_equal(fdt64_ld(fdt_getprop(tree, node, "limit", NULL)), 2 * MIB);
	node = fdt_path_offset(tree, "/captures/2");
	assert_int_equal(fdt64_ld(fdt_getprop(tree, node, "limit", NULL)), GIB);
	assert_string_equal(fdt_getprop(tree, node, "file", NULL), "other");
	description_free(&system);
}

static void test_nets_have_a_spare_file_for_captures(void **state)
{
	static const char none[] = GUEST("alpha"), two[] = "[net.a]\nuplink = true\n[net.b]\nuplink = true\n" GUEST("alpha");
	struct system_description system;

	(void)state;
	assert_int_equal(read_text(none, strlen(none), &system), 0);
	captures_add_spare(&system, "spare");
	assert_int_equal(system.captures, 0);
	assert_non_null(strstr(add(&system, "alpha", "x"), "there is no NIC alpha"));
	assert_non_null(strstr(add(&system, "uplink", "x"), "nothing that can be captured"));
	description_free(&system);
	assert_int_equal(read_text(two, strlen(two), &system), 0);
	captures_add_spare(&system, "spare");
	assert_int_equal(system.captures, 1);
	assert_non_null(strstr(add(&system, "uplink", "x"), "there are 2 uplinks: write the name of a net"));
	description_free(&system);
}

TEST(nets, gives_addresses_of_the_gateway)
{
	static const char text[] = "[net.lan]\nnat = true\nuplink = true\nsubnet = \"192.168.7.0/24\"\n"
		"outside = { address = \"10.0.2.20/24\", gateway = \"10.0.2.2\", dns = \"10.0.2.3\" }\n" GUEST("a")
		"nics = [\"lan\", { net = \"lan\", addresses = [\"fd00::1\", \"192.168.7.10\"], forward = { 2201 = 22 } }]\n" GUEST("b")
		"nics = [{ net = \"lan\", addresses = [\"10.9.9.9\"] }]\n";
	static const uint8_t own[] = { 192, 168, 7, 1 }, first[] = { 192, 168, 7, 11 }, last[] = { 192, 168, 7, 12 };
	static uint8_t tree[DEVICE_TREE_MAX];
	const struct guest_files files[2] = { { "file.1", NULL }, { "file.1", NULL } };
	struct system_description system;
	int node;

	assert_int_equal(read_text(text, sizeof(text) - 1, &system), 0);
	assert_memory_equal(system.net[0].nat.address, own, 4);
	/* The first free one, as another guest has .10; one beside those that it has. */
	assert_memory_equal(system.guest[0].nic[0].address4[0], first, 4);
	assert_int_equal(system.guest[0].nic[1].addresses4, 1);
	assert_int_equal(system.guest[1].nic[0].addresses4, 2);
	assert_memory_equal(system.guest[1].nic[0].address4[1], last, 4);
	assert_true(device_tree_write(&system, files, tree) > 0);
	node = fdt_path_offset(tree, "/gateway");
	assert_string_equal(fdt_getprop(tree, node, "net", NULL), "lan");
	assert_string_equal(fdt_getprop(tree, node, "address", NULL), "192.168.7.1");
	assert_int_equal(get_u32(tree, node, "prefix"), 24);
	assert_string_equal(fdt_getprop(tree, node, "outside-address", NULL), "10.0.2.20");
	assert_string_equal(fdt_getprop(tree, node, "outside-router", NULL), "10.0.2.2");
	assert_string_equal(fdt_getprop(tree, node, "outside-dns", NULL), "10.0.2.3");
	/* The uplink is on a switch of its own. */
	assert_null(fdt_getprop(tree, fdt_path_offset(tree, "/nets/lan"), "uplink", NULL));
	assert_non_null(fdt_getprop(tree, fdt_path_offset(tree, "/nets/outside"), "uplink", NULL));
	assert_string_equal(fdt_getprop(tree, fdt_path_offset(tree, "/gateway/nics/0"), "net", NULL), "lan");
	assert_string_equal(fdt_getprop(tree, fdt_path_offset(tree, "/gateway/nics/1"), "net", NULL), "outside");
	node = fdt_path_offset(tree, "/guests/a/nics/1");
	assert_memory_equal(fdt_getprop(tree, node, "forward", NULL), "\0\0\x08\x99\0\0\0\x16", 8);
	description_free(&system);
}

TEST(nets, a_small_subnet_is_used_up)
{
	char text[4096] = "[net.lan]\nnat = true\nsubnet = \"10.1.1.16/28\"\n", guest[256];
	struct system_description system;

	for (unsigned i = 0; i < 4; i++) {
		snprintf(guest, sizeof(guest), GUEST("%c") "nics = [\"lan\", \"lan\", \"lan\"%s]\n", 'a' + i, i == 3 ? ", \"lan\"" : "");
		strcat(text, guest);
	}
	/* 16 less the network's, the gateway's, and broadcast. */
	assert_int_equal(read_text(text, strlen(text), &system), 0);
	assert_int_equal(system.guest[3].nic[3].address4[0][3], 16 + 14);
	description_free(&system);
	strcat(text, GUEST("e") "nics = [\"lan\"]\n");
	assert_int_not_equal(read_text(text, strlen(text), &system), 0);
	assert_non_null(strstr(messages, "net lan has no address for a NIC"));
	description_free(&system);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nets_names_line_and_remedy_of_each_error),
		cmocka_unit_test(test_nets_reads_nets_and_nics),
		cmocka_unit_test(test_nets_makes_addresses_that_stay),
		cmocka_unit_test(test_nets_allows_an_address_in_several_networks),
		cmocka_unit_test(test_nets_gives_addresses_of_the_gateway),
		cmocka_unit_test(test_nets_a_small_subnet_is_used_up),
		cmocka_unit_test(test_nets_survives_noise),
		cmocka_unit_test(test_nets_writes_the_largest_description),
		cmocka_unit_test(test_nets_writes_what_the_target_reads),
		cmocka_unit_test(test_nets_numbers_files_of_captures),
		cmocka_unit_test(test_nets_have_a_spare_file_for_captures),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	snprintf(toml_path, sizeof(toml_path), "%s/t.toml", folder);
	make_files();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_files();
	return failed;
}
