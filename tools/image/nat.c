/* SPDX-License-Identifier: Apache-2.0 */
/* Nets whose addresses, names and way out come from the gateway (docs/network.md): nat = true in a table [net.NAME]. */
#include "description.h"

#include "keys.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PREFIX_MIN 16u
#define PREFIX_MAX 28u
#define OUTSIDE_PREFIX_MAX 30u
#define SUBNET_DEFAULT "10.77.0.0/24"
#define HOST_FIRST 10u       /* of guests without an address of their own, in nets with room for that */
#define HOST_FIRST_SMALL 2u
#define SMALL 64u            /* addresses */

static const struct key outside_keys[] = {
	{ "address", TOML_STRING, "address = \"10.0.2.15/24\"" },
	{ "gateway", TOML_STRING, "gateway = \"10.0.2.2\"" },
	{ "dns", TOML_STRING, "dns = \"10.0.2.3\"" },
};

static uint32_t number_of(const uint8_t *address)
{
	return (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 | address[3];
}

static void bytes_of(uint32_t number, uint8_t *address)
{
	for (int i = 0; i < 4; i++)
		address[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t mask_of(uint32_t prefix)
{
	return UINT32_MAX << (32 - prefix);
}

bool nat_contains(const struct nat_description *nat, const uint8_t *address)
{
	return ((number_of(address) ^ number_of(nat->subnet)) & mask_of(nat->prefix)) == 0;
}

/* "10.0.2.15/24" */
static bool parse_prefixed(const char *text, uint8_t address[4], uint32_t *prefix, uint32_t least, uint32_t most)
{
	const char *slash = strchr(text, '/');
	char copy[INET_ADDRSTRLEN];
	uint64_t bits;

	if (!slash || (size_t)(slash - text) >= sizeof(copy))
		return false;
	memcpy(copy, text, (size_t)(slash - text));
	copy[slash - text] = '\0';
	if (inet_pton(AF_INET, copy, address) != 1 || !text_read_quantity(slash + 1, "", &bits) || bits < least || bits > most)
		return false;
	*prefix = (uint32_t)bits;
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/* Whether an address can be that of a host, within its network. */
static bool is_host(const uint8_t *address, uint32_t prefix)
{
	uint32_t host = number_of(address) & ~mask_of(prefix);

	return host != 0 && host != ~mask_of(prefix);
}

static void read_subnet(const struct toml_node *value, struct report *report, struct nat_description *out)
{
	const char *text = value ? value->string : SUBNET_DEFAULT;

	if (!parse_prefixed(text, out->subnet, &out->prefix, PREFIX_MIN, PREFIX_MAX)) {
		report_error(report, value->line, "subnet: \"%s\" is not a network of IPv4", text);
		report_hint(report, value->line, "write subnet = \"%s\": an address and %u to %u bits of it", SUBNET_DEFAULT, PREFIX_MIN,
			PREFIX_MAX);
	} else if (number_of(out->subnet) & ~mask_of(out->prefix)) {
		uint8_t right[4];

		bytes_of(number_of(out->subnet) & mask_of(out->prefix), right);
		report_error(report, value->line, "subnet: \"%s\" is the address of a host", text);
		report_hint(report, value->line, "its network is \"%u.%u.%u.%u/%u\"", right[0], right[1], right[2], right[3], out->prefix);
	} else {
		bytes_of(number_of(out->subnet) + 1, out->address);
	}
}

/* An address of the outside network; false is reported. */
static bool read_outside_address(const struct toml_node *table, const char *name, struct report *report, uint8_t address[4])
{
	const struct toml_node *value = keys_find(table, outside_keys, COUNT(outside_keys), name);

	if (value && inet_pton(AF_INET, value->string, address) == 1 && address[0] != 0 && address[0] != 127 && address[0] < 224)
		return true;
	report_error(report, value ? value->line : table->line, "outside: %s is %s", name, value ? "not the address of a host" : "missing");
	report_hint(report, value ? value->line : table->line, "write outside = { %s, %s, %s }, or leave it out to ask a DHCP server",
		outside_keys[0].example, outside_keys[1].example, outside_keys[2].example);
	return false;
}

static void read_outside(const struct toml_node *table, struct report *report, struct nat_description *out)
{
	const struct toml_node *address = keys_find(table, outside_keys, COUNT(outside_keys), "address");
	unsigned line = address ? address->line : table->line;

	keys_check(table, outside_keys, COUNT(outside_keys), "outside", report);
	if (!address || !parse_prefixed(address->string, out->outside, &out->outside_prefix, 8, OUTSIDE_PREFIX_MAX) ||
			!is_host(out->outside, out->outside_prefix)) {
		report_error(report, line, "outside: address is %s", address ? "not that of a host in its network" : "missing");
		report_hint(report, line, "write %s", outside_keys[0].example);
		return;
	}
	if (!read_outside_address(table, "gateway", report, out->router) || !read_outside_address(table, "dns", report, out->dns))
		return;
	if ((number_of(out->router) ^ number_of(out->outside)) & mask_of(out->outside_prefix)) {
		report_error(report, line, "outside: the gateway is not in the network of the address");
		report_hint(report, line, "write %s", outside_keys[0].example);
		return;
	}
	out->outside_given = true;
}

void nat_read(const struct nat_nodes *nodes, bool uplink, struct report *report, struct nat_description *out)
{
	const struct toml_node *lost = nodes->subnet ? nodes->subnet : nodes->outside;

	out->on = nodes->nat && nodes->nat->boolean;
	if (!out->on) {
		if (lost) {
			report_error(report, lost->line, "%s has no meaning without nat", lost->key);
			report_hint(report, lost->line, "add nat = true, or take %s away", lost->key);
		}
		return;
	}
	out->line = nodes->nat->line;
	read_subnet(nodes->subnet, report, out);
	if (nodes->outside && !uplink) {
		report_error(report, nodes->outside->line, "outside has no meaning without an uplink");
		report_hint(report, nodes->outside->line, "add uplink = true, or take outside away");
	} else if (nodes->outside) {
		read_outside(nodes->outside, report, out);
	}
}

/* Whether any NIC of the net, or the gateway, has this address. */
static bool is_taken(const struct system_description *system, const struct net_description *net, uint32_t number)
{
	uint8_t address[4];

	bytes_of(number, address);
	if (!memcmp(address, net->nat.address, 4))
		return true;
	for (size_t i = 0; i < system->guests; i++) {
		for (size_t j = 0; j < system->guest[i].nics; j++) {
			const struct nic_description *nic = &system->guest[i].nic[j];

			for (size_t k = 0; k < nic->addresses4; k++)
				if (!strcmp(nic->net.name, net->name) && !memcmp(nic->address4[k], address, 4))
					return true;
		}
	}
	return false;
}

/* Gives a NIC the next free address, unless it has one in the subnet. */
static void lease(const struct system_description *system, const struct net_description *net, struct nic_description *nic, uint32_t *next,
	struct report *report)
{
	unsigned line = nic->net.line;

	for (size_t i = 0; i < nic->addresses4; i++) {
		if (!nat_contains(&net->nat, nic->address4[i]))
			continue;
		if (is_host(nic->address4[i], net->nat.prefix) && memcmp(nic->address4[i], net->nat.address, 4))
			return;
		report_error(report, line, "addresses: one is that of net %s itself, or of its gateway", net->name);
		report_hint(report, line, "take another one of its subnet, or leave it out");
		return;
	}
	while (is_taken(system, net, *next))
		++*next;
	if (nic->addresses4 == NIC_ADDRESSES_MAX || *next - number_of(net->nat.subnet) >= ~mask_of(net->nat.prefix)) {
		report_error(report, line, "net %s has no address for a NIC", net->name);
		report_hint(report, line, "write a larger subnet, or fewer addresses of the NIC");
		return;
	}
	bytes_of(*next, nic->address4[nic->addresses4++]);
}

static void check_nics(struct system_description *system, const struct net_description *net, struct report *report)
{
	uint32_t first = ~mask_of(net->nat.prefix) < SMALL ? HOST_FIRST_SMALL : HOST_FIRST, next = number_of(net->nat.subnet) + first;

	for (size_t i = 0; i < system->guests; i++) {
		for (size_t j = 0; j < system->guest[i].nics; j++) {
			struct nic_description *nic = &system->guest[i].nic[j];

			if (strcmp(nic->net.name, net->name))
				continue;
			if (nic->vlan) {
				report_error(report, nic->net.line, "vlan: the gateway of net %s is in no VLAN", net->name);
				report_hint(report, nic->net.line, "take vlan away, or nat from the net");
				return;
			}
			lease(system, net, nic, &next, report);
		}
	}
}

/* What the gateway takes must be left. */
static void check_room(const struct system_description *system, const struct net_description *net, struct report *report)
{
	size_t nics = 0;

	for (size_t i = 0; i < system->guests; i++) {
		nics += system->guest[i].nics;
		if (!strcmp(system->guest[i].name, GATEWAY_NAME)) {
			report_error(report, system->guest[i].line, "guest name \"" GATEWAY_NAME "\" is the system's own, with nat");
			report_hint(report, system->guest[i].line, "take another name");
		}
	}
	for (size_t i = 0; i < system->nets; i++) {
		if (!strcmp(system->net[i].name, GATEWAY_OUTSIDE)) {
			report_error(report, system->net[i].line, "net name \"" GATEWAY_OUTSIDE "\" is the system's own, with nat");
			report_hint(report, system->net[i].line, "take another name");
		}
	}
	if (nics + GATEWAY_NICS > NET_SESSIONS_MAX || (net->uplink && system->nets == NET_SWITCHES_MAX)) {
		report_error(report, net->nat.line, "nat: the gateway needs %u NICs of %u in all, and a net", GATEWAY_NICS, NET_SESSIONS_MAX);
		report_hint(report, net->nat.line, "take a NIC or a net away");
	}
}

const struct net_description *nat_net(const struct system_description *system)
{
	for (size_t i = 0; i < system->nets; i++)
		if (system->net[i].nat.on)
			return &system->net[i];
	return NULL;
}

void nat_check(struct system_description *system, struct report *report)
{
	const struct net_description *found = NULL;

	for (size_t i = 0; i < system->nets; i++) {
		const struct net_description *net = &system->net[i];

		if (!net->nat.on)
			continue;
		if (found) {
			report_error(report, net->nat.line, "nat: nets %s and %s both have it", found->name, net->name);
			report_hint(report, net->nat.line, "one net of a system can have it");
			return;
		}
		found = net;
	}
	if (!found)
		return;
	check_room(system, found, report);
	check_nics(system, found, report);
}
