/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and checks the list of a guest's NICs. */
#include "description.h"

#include "keys.h"
#include "text.h"

#include <arpa/inet.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PACKETS_MAX 10000000u
#define GROUPS_MAX 65535u
#define EXAMPLE "nics = [\"lan\", { net = \"lan\", vlan = 5 }]"

static const struct key nic_keys[] = {
	{ "net", TOML_STRING, "net = \"lan\"" },
	{ "mac", TOML_STRING, "mac = \"52:54:00:12:34:56\"" },
	{ "vlan", TOML_INTEGER, "vlan = 5" },
	{ "addresses", TOML_ARRAY, "addresses = [\"10.0.2.21\", \"fd00::21\"]" },
	{ "bandwidth", TOML_STRING, "bandwidth = \"10M\"" },
	{ "bandwidth_burst", TOML_STRING, "bandwidth_burst = \"1M\"" },
	{ "packets", TOML_INTEGER, "packets = 5000" },
	{ "packets_burst", TOML_INTEGER, "packets_burst = 500" },
	{ "group", TOML_INTEGER, "group = 1" },
	{ "forward", TOML_TABLE, "forward = { 2201 = 22 }" },
	{ "capture", TOML_STRING, "capture = \"alpha.pcapng\"" },
	{ "capture_limit", TOML_STRING, "capture_limit = \"64M\"" },
};

static const uint64_t bandwidth_limits[] = { 64 * KIB, 64 * GIB, 1 }; /* least, most, unit: bytes a second */
/* The largest frame must fit into the burst. */
static const uint64_t burst_limits[] = { 128 * KIB, 64 * GIB, 1 };

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, nic_keys, COUNT(nic_keys), name);
}

static uint64_t largest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void read_net(const char *name, unsigned line, struct report *report, struct nic_description *out)
{
	out->net.line = line;
	if (*name && strlen(name) <= NET_NAME_MAX) {
		strcpy(out->net.name, name);
	} else {
		report_error(report, line, "nics: there is no net \"%s\"", name);
		report_hint(report, line, "the name of a net has 1 to %u characters", NET_NAME_MAX);
	}
}

/* Of one host, to be sent from: not the unspecified, loopback, multicast and broadcast ones. */
static bool is_host4(const uint8_t *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/* Nor those that stand for IPv4 addresses (RFC 4291, sections 2.5.2 to 2.5.5 and 2.7). */
static bool is_host6(const uint8_t *address)
{
	static const uint8_t zero[10];

	return address[0] != 0xff && (memcmp(address, zero, sizeof(zero)) ||
		((address[10] || address[11]) && (address[10] != 0xff || address[11] != 0xff)));
}

/* Takes an address in if there is room and it is not there yet. */
static bool add_address(const struct toml_node *item, uint8_t *list, size_t *count, const uint8_t *address, size_t size,
	struct report *report)
{
	for (size_t i = 0; i < *count; i++) {
		if (!memcmp(list + i * size, address, size)) {
			report_error(report, item->line, "addresses: \"%s\" stands there twice", item->string);
			report_hint(report, item->line, "take one away");
			return false;
		}
	}
	if (*count == NIC_ADDRESSES_MAX) {
		report_error(report, item->line, "addresses: more than %u of one family", NIC_ADDRESSES_MAX);
		report_hint(report, item->line, "a NIC has at most %u IPv4 and %u IPv6 addresses, or any if the list is left out",
			NIC_ADDRESSES_MAX, NIC_ADDRESSES_MAX);
		return false;
	}
	memcpy(list + *count * size, address, size);
	++*count;
	return true;
}

static bool read_address(const struct toml_node *item, struct report *report, struct nic_description *out)
{
	uint8_t address[16];

	if (item->kind == TOML_STRING && inet_pton(AF_INET, item->string, address) == 1 && is_host4(address))
		return add_address(item, *out->address4, &out->addresses4, address, 4, report);
	if (item->kind == TOML_STRING && inet_pton(AF_INET6, item->string, address) == 1 && is_host6(address))
		return add_address(item, *out->address6, &out->addresses6, address, 16, report);
	if (item->kind == TOML_STRING)
		report_error(report, item->line, "addresses: \"%s\" is not the IP address of a host", item->string);
	else
		report_error(report, item->line, "addresses: the list has something that is not a string");
	report_hint(report, item->line, "write %s", nic_keys[3].example);
	return false;
}

static void read_addresses(const struct toml_node *list, struct report *report, struct nic_description *out)
{
	if (list && list->children == 0) {
		report_error(report, list->line, "addresses: the list is empty, so nothing could be sent");
		report_hint(report, list->line, "write %s, or leave it out to allow any", nic_keys[3].example);
	}
	for (size_t i = 0; list && i < list->children; i++)
		if (!read_address(&list->child[i], report, out))
			return;
}

/* A port of TCP as a key: "2201"; 0 if it is not one. */
static uint16_t read_port(const char *text)
{
	uint64_t port;

	return *text != '0' && text_read_quantity(text, "", &port) && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void read_forwards(const struct toml_node *table, struct report *report, struct nic_description *out)
{
	for (size_t i = 0; table && i < table->children; i++) {
		const struct toml_node *item = &table->child[i];
		struct forward *forward = &out->forward[out->forwards];
		uint16_t host = read_port(item->key);

		if (out->forwards == NIC_FORWARDS_MAX) {
			report_error(report, item->line, "forward: there are %zu ports, at most %u are possible", table->children,
				NIC_FORWARDS_MAX);
			report_hint(report, item->line, "take some away");
			return;
		}
		if (!host || item->kind != TOML_INTEGER || item->integer < 1 || item->integer > UINT16_MAX) {
			report_error(report, item->line, "forward: \"%s\" and its value are not two ports", item->key);
			report_hint(report, item->line, "write %s: the host's port, then the guest's, 1 to 65535", nic_keys[9].example);
			return;
		}
		*forward = (struct forward){ .host = host, .guest = (uint16_t)item->integer, .line = item->line };
		out->forwards++;
	}
}

static void read_limits(const struct toml_node *table, struct report *report, struct nic_description *out)
{
	out->bandwidth = keys_size(find(table, "bandwidth"), bandwidth_limits, 0, report);
	out->bandwidth_burst = keys_size(find(table, "bandwidth_burst"), burst_limits,
		out->bandwidth ? largest(out->bandwidth / 10, burst_limits[0]) : 0, report);
	out->packets = keys_number(find(table, "packets"), 1, PACKETS_MAX, 0, report);
	out->packets_burst = keys_number(find(table, "packets_burst"), 1, PACKETS_MAX,
		out->packets ? (uint32_t)largest(out->packets / 10, 64) : 0, report);
	keys_need(find(table, "bandwidth_burst"), find(table, "bandwidth"), "bandwidth", report);
	keys_need(find(table, "packets_burst"), find(table, "packets"), "packets", report);
}

static void read_table(const struct toml_node *table, const char *guest, struct report *report, struct nic_description *out)
{
	const struct toml_node *net = find(table, "net"), *mac = find(table, "mac");
	char what[80];

	snprintf(what, sizeof(what), "a NIC of %s", guest);
	keys_check(table, nic_keys, COUNT(nic_keys), what, report);
	if (net) {
		read_net(net->string, net->line, report, out);
	} else {
		report_error(report, table->line, "%s has no net", what);
		report_hint(report, table->line, "write %s", EXAMPLE);
	}
	if (mac)
		out->mac_given = nets_mac(mac, report, out->mac);
	out->vlan = keys_number(find(table, "vlan"), 1, 4094, 0, report);
	out->group = keys_number(find(table, "group"), 1, GROUPS_MAX, 0, report);
	read_addresses(find(table, "addresses"), report, out);
	read_limits(table, report, out);
	read_forwards(find(table, "forward"), report, out);
	captures_reference(find(table, "capture"), find(table, "capture_limit"), report, &out->capture);
}

void guest_nics_read(const struct toml_node *list, const char *guest, struct report *report, struct guest_description *out)
{
	for (size_t i = 0; list && i < list->children; i++) {
		const struct toml_node *item = &list->child[i];
		struct nic_description *nic = &out->nic[out->nics];

		if (out->nics == NET_NICS_MAX) {
			report_error(report, item->line, "nics of %s: there are %zu, at most %u are possible", guest, list->children,
				NET_NICS_MAX);
			report_hint(report, item->line, "a NIC without vlan carries several VLANs: the guest can tag");
			break;
		}
		if (item->kind == TOML_STRING) {
			read_net(item->string, item->line, report, nic);
		} else if (item->kind == TOML_TABLE) {
			read_table(item, guest, report, nic);
		} else {
			report_error(report, item->line, "nics of %s: number %zu of the list is neither a name nor a table", guest, i + 1);
			report_hint(report, item->line, "write %s", EXAMPLE);
			continue;
		}
		out->nics++;
	}
	if (out->nics && out->memory > GUEST_SHARED_MAX) {
		report_error(report, list->line, "%s has NICs and more than 16G of memory", guest);
		report_hint(report, list->line, "write memory = \"16G\", or take its NICs away");
	}
}
