/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and checks the tables [net.NAME]. */
#include "description.h"

#include "keys.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MTU_MIN 576u /* RFC 791: what every host must take */
#define MTU_DEFAULT 1500u
#define TAP "tap:"

static const struct key net_keys[] = {
	{ "uplink", TOML_BOOLEAN, "uplink = true" },
	{ "mac", TOML_STRING, "mac = \"52:54:00:12:34:56\"" },
	{ "mtu", TOML_INTEGER, "mtu = 1500" },
	{ "host", TOML_STRING, "host = \"user\", \"tap:IFNAME\" or \"none\"" },
	{ "transport", TOML_STRING, "transport = \"pci\" or \"mmio\"" },
	{ "capture", TOML_STRING, "capture = \"uplink.pcapng\"" },
	{ "capture_limit", TOML_STRING, "capture_limit = \"64M\"" },
	{ "nat", TOML_BOOLEAN, "nat = true" },
	{ "subnet", TOML_STRING, "subnet = \"10.77.0.0/24\"" },
	{ "outside", TOML_TABLE, "outside = { address = \"10.0.2.15/24\", gateway = \"10.0.2.2\", dns = \"10.0.2.3\" }" },
};

static const char *const hosts[] = { "user", "none" };
const char *const net_transports[] = { "pci", "mmio" };

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, net_keys, COUNT(net_keys), name);
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *found;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	found = c ? strchr(digits, c) : NULL;
	return found ? (int)(found - digits) : -1;
}

static bool parse_mac(const char *text, uint8_t out[6])
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = digit(text[0]), low = digit(text[1]);

		if (high < 0 || low < 0 || (i < 5 && text[2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool nets_mac(const struct toml_node *value, struct report *report, uint8_t out[6])
{
	static const uint8_t none[6];
	uint8_t mac[6];

	if (!parse_mac(value->string, mac)) {
		report_error(report, value->line, "mac: \"%s\" is not an Ethernet address", value->string);
		report_hint(report, value->line, "write %s, or leave it out to have one made", net_keys[1].example);
	} else if (mac[0] & 1 || !memcmp(mac, none, sizeof(none))) {
		report_error(report, value->line, "mac: \"%s\" is not the address of one NIC", value->string);
		report_hint(report, value->line, "the first byte must be even, as in 52:54:00:12:34:56");
	} else {
		memcpy(out, mac, sizeof(mac));
		return true;
	}
	return false;
}

static void read_tap(const struct toml_node *value, struct report *report, struct net_description *out)
{
	const char *name = value->string + strlen(TAP);
	size_t length = strlen(name);

	out->host = NET_HOST_TAP;
	if (length >= 1 && length <= NET_INTERFACE_MAX && strcmp(name, ".") && strcmp(name, "..") &&
			strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == length) {
		strcpy(out->interface, name);
	} else {
		report_error(report, value->line, "host: the interface \"%s\" is not possible", name);
		report_hint(report, value->line, "its name has 1 to %u characters: letters, digits, -, _ and .", NET_INTERFACE_MAX);
	}
}

/* Keys that say something of the machine's NIC only. */
static void check_without_uplink(const struct toml_node *table, struct report *report)
{
	static const char *const names[] = { "mac", "host", "transport", "capture", "capture_limit" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const struct toml_node *value = find(table, names[i]);

		if (value) {
			report_error(report, value->line, "%s has no meaning without an uplink", names[i]);
			report_hint(report, value->line, "add %s, or take %s away", net_keys[0].example, names[i]);
		}
	}
}

static void read_net(const struct toml_node *table, struct report *report, struct net_description *out)
{
	const struct toml_node *uplink = find(table, "uplink"), *mac = find(table, "mac"), *host = find(table, "host");
	const struct toml_node *transport = find(table, "transport");
	const struct nat_nodes nat = { find(table, "nat"), find(table, "subnet"), find(table, "outside") };
	char what[64];

	snprintf(what, sizeof(what), "net %.40s", table->key);
	out->line = table->line;
	if (keys_name(table, "net", NET_NAME_MAX, report))
		strcpy(out->name, table->key);
	keys_check(table, net_keys, COUNT(net_keys), what, report);
	out->uplink = uplink && uplink->boolean;
	out->mtu = keys_number(find(table, "mtu"), MTU_MIN, NET_MTU_MAX, MTU_DEFAULT, report);
	nat_read(&nat, out->uplink, report, &out->nat);
	if (!out->uplink) {
		check_without_uplink(table, report);
		return;
	}
	if (mac)
		out->mac_given = nets_mac(mac, report, out->mac);
	if (host && !strncmp(host->string, TAP, strlen(TAP)))
		read_tap(host, report, out);
	else
		out->host = (enum net_host)keys_choice(host, hosts, COUNT(hosts), NET_HOST_USER, report);
	captures_reference(find(table, "capture"), find(table, "capture_limit"), report, &out->capture);
	out->transport = keys_choice(transport, net_transports, COUNT(net_transports), 0, report);
	if (transport && out->host == NET_HOST_NONE) {
		report_error(report, transport->line, "transport has no meaning with host = \"none\"");
		report_hint(report, transport->line, "the NIC is not made by the launcher: take it away");
	}
}

static void check_uplinks(const struct system_description *system, struct report *report)
{
	const struct net_description *last = &system->net[system->nets - 1];
	unsigned uplinks = 0;

	for (size_t i = 0; i < system->nets; i++)
		uplinks += system->net[i].uplink;
	if (last->uplink && uplinks == NET_DEVICES_MAX + 1) {
		report_error(report, last->line, "too many uplinks: at most %u", NET_DEVICES_MAX);
		report_hint(report, last->line, "a NIC of the machine each: take uplink away from net %s and those after it", last->name);
	}
}

void nets_read(const struct toml_node *table, struct report *report, struct system_description *out)
{
	for (size_t i = 0; i < table->children; i++) {
		const struct toml_node *net = &table->child[i];

		if (net->kind != TOML_TABLE) {
			report_error(report, net->line, "net.%s is not a table", net->key);
			report_hint(report, net->line, "keys of a switch stand below [net.NAME]");
		} else if (out->nets == NET_SWITCHES_MAX) {
			report_error(report, net->line, "too many nets: at most %u", NET_SWITCHES_MAX);
			report_hint(report, net->line, "remove [net.%s] and those after it", net->key);
			return;
		} else {
			read_net(net, report, &out->net[out->nets++]);
			check_uplinks(out, report);
		}
	}
}
