/* SPDX-License-Identifier: Apache-2.0 */
/* Checks nets and NICs over the whole description, and gives addresses to those that have none. */
#include "description.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* A NIC of a guest, or of the machine or the gateway: then `guest` is NULL. */
struct port {
	const struct guest_description *guest;
	size_t number;
	const struct net_description *net;
	struct nic_description *nic;
	const uint8_t *mac;
	unsigned line;
};

struct ports {
	size_t count;
	struct port port[NET_SESSIONS_MAX + NET_SWITCHES_MAX + GATEWAY_NICS];
};

static void name_port(const struct port *port, char out[64])
{
	if (port->guest)
		snprintf(out, 64, "NIC %zu of guest %s", port->number, port->guest->name);
	else
		snprintf(out, 64, "the %s of net %s", port->mac == port->net->mac ? "uplink" : "gateway", port->net->name);
}

/*
 * The same for the same name and number, on every host: FNV-1a of both, mixed, below 52:54, which is locally administered and
 * what virtual machines have.
 */
static void make_mac(const char *name, size_t number, uint8_t mac[6])
{
	char text[64];
	uint32_t hash = 2166136261u;

	snprintf(text, sizeof(text), "%s/%zu", name, number);
	for (const char *c = text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	hash = (hash ^ hash >> 16) * 0x85ebca6bu;
	hash ^= hash >> 13;
	mac[0] = 0x52;
	mac[1] = 0x54;
	for (int i = 0; i < 4; i++)
		mac[2 + i] = (uint8_t)(hash >> (24 - 8 * i));
}

static const struct net_description *find_net(const struct system_description *system, const char *name)
{
	for (size_t i = 0; i < system->nets; i++)
		if (!strcmp(system->net[i].name, name))
			return &system->net[i];
	return NULL;
}

static void report_unknown(const struct system_description *system, const struct reference *reference, struct report *report)
{
	const char *names[NET_SWITCHES_MAX], *suggestion;

	for (size_t i = 0; i < system->nets; i++)
		names[i] = system->net[i].name;
	report_error(report, reference->line, "there is no net \"%s\"", reference->name);
	suggestion = text_suggest(reference->name, names, system->nets, sizeof(*names));
	if (suggestion)
		report_hint(report, reference->line, "did you mean \"%s\"?", suggestion);
	else
		report_hint(report, reference->line, "add [net.%s]", reference->name);
}

/* Its NIC outside is alone with the uplink. */
static void collect_gateway(struct net_description *net, struct ports *ports)
{
	for (size_t i = 0; i < 1u + net->uplink; i++) {
		make_mac(GATEWAY_NAME, i, net->nat.mac[i]);
		ports->port[ports->count++] = (struct port){ .net = net, .mac = net->nat.mac[i], .line = net->line };
	}
}

static void collect(struct system_description *system, struct ports *ports, struct report *report)
{
	char name[NET_NAME_MAX + sizeof("net ")];

	ports->count = 0;
	for (size_t i = 0; i < system->nets; i++) {
		struct net_description *net = &system->net[i];

		if (net->nat.on)
			collect_gateway(net, ports);
		if (!net->uplink)
			continue;
		snprintf(name, sizeof(name), "net %s", net->name); /* no guest is named so */
		if (!net->mac_given)
			make_mac(name, 0, net->mac);
		ports->port[ports->count++] = (struct port){ .net = net, .mac = net->mac, .line = net->line };
	}
	for (size_t i = 0; i < system->guests; i++) {
		for (size_t j = 0; j < system->guest[i].nics; j++) {
			struct nic_description *nic = &system->guest[i].nic[j];
			const struct net_description *net = find_net(system, nic->net.name);

			if (!net)
				report_unknown(system, &nic->net, report);
			if (!nic->mac_given)
				make_mac(system->guest[i].name, j, nic->mac);
			ports->port[ports->count++] = (struct port){ .guest = &system->guest[i], .number = j, .net = net, .nic = nic,
				.mac = nic->mac, .line = nic->net.line };
		}
	}
}

static void check_mac(const struct port *one, const struct port *other, struct report *report)
{
	char first[64], second[64];

	if (memcmp(one->mac, other->mac, 6))
		return;
	name_port(one, first);
	name_port(other, second);
	report_error(report, other->line, "%s and %s have the same address, %02x:%02x:%02x:%02x:%02x:%02x", first, second, one->mac[0],
		one->mac[1], one->mac[2], one->mac[3], one->mac[4], one->mac[5]);
	report_hint(report, other->line, "give one of them another: mac = \"52:54:00:00:00:01\"");
}

static void report_shared(const struct port *one, const struct port *other, int family, const void *address, struct report *report)
{
	char first[64], second[64], text[INET6_ADDRSTRLEN] = "";

	name_port(one, first);
	name_port(other, second);
	inet_ntop(family, address, text, sizeof(text));
	report_error(report, other->line, "%s and %s have the same address on net %s, %s", first, second, one->net->name, text);
	report_hint(report, other->line, "take it away from one of them");
}

/* In one VLAN of a switch an IP address belongs to one NIC; those without a VLAN may be in any. */
static void check_addresses(const struct port *one, const struct port *other, struct report *report)
{
	const struct nic_description *a = one->nic, *b = other->nic;

	if (!a || !b || one->net != other->net || (a->vlan && b->vlan && a->vlan != b->vlan))
		return;
	for (size_t i = 0; i < a->addresses4; i++)
		for (size_t j = 0; j < b->addresses4; j++)
			if (!memcmp(a->address4[i], b->address4[j], 4))
				report_shared(one, other, AF_INET, a->address4[i], report);
	for (size_t i = 0; i < a->addresses6; i++)
		for (size_t j = 0; j < b->addresses6; j++)
			if (!memcmp(a->address6[i], b->address6[j], 16))
				report_shared(one, other, AF_INET6, a->address6[i], report);
}

static void check_ports(const struct port *one, const struct port *other, struct report *report)
{
	for (size_t i = 0; one->nic && other->nic && i < one->nic->forwards; i++) {
		for (size_t j = 0; j < other->nic->forwards; j++) {
			const struct forward *forward = &other->nic->forward[j];

			if (one->nic->forward[i].host == forward->host) {
				report_error(report, forward->line, "forward: port %u of the host goes to two NICs, of %s and %s", forward->host,
					one->guest->name, other->guest->name);
				report_hint(report, forward->line, "take another one");
			}
		}
	}
}

/* QEMU's user network is 10.0.2.0/24; it is its addresses 2 and 3 itself. */
static bool is_reachable(const uint8_t *address)
{
	return address[0] == 10 && address[1] == 0 && address[2] == 2 && address[3] > 3 && address[3] < 255;
}

static void check_forward(const struct port *port, struct report *report)
{
	const struct nic_description *nic = port->nic;
	unsigned line;

	if (!nic || !nic->forwards)
		return;
	line = nic->forward[0].line;
	if (port->net->nat.on) {
		if (!port->net->uplink) {
			report_error(report, line, "forward: net %s has no uplink", port->net->name);
			report_hint(report, line, "add uplink = true to [net.%s], or take forward away", port->net->name);
		}
		return;
	}
	if (!port->net->uplink || port->net->host != NET_HOST_USER) {
		report_error(report, line, "forward: net %s has no uplink to QEMU's user network", port->net->name);
		report_hint(report, line, "add uplink = true and host = \"user\" to [net.%s], or take forward away", port->net->name);
	} else if (nic->vlan) {
		report_error(report, line, "forward: QEMU's user network does not reach VLAN %u", nic->vlan);
		report_hint(report, line, "take vlan or forward away");
	} else if (nic->addresses4 != 1) {
		report_error(report, line, "forward: the NIC has %zu IPv4 addresses, not one", nic->addresses4);
		report_hint(report, line, "write addresses = [\"10.0.2.21\"], which the guest has to use");
	} else if (!is_reachable(nic->address4[0])) {
		report_error(report, line, "forward: QEMU's user network does not reach %u.%u.%u.%u", nic->address4[0][0],
			nic->address4[0][1], nic->address4[0][2], nic->address4[0][3]);
		report_hint(report, line, "take one of 10.0.2.4 to 10.0.2.254");
	}
}

void nets_check(struct system_description *system, struct report *report)
{
	unsigned before = report->errors;
	struct ports ports;

	nat_check(system, report);
	collect(system, &ports, report);
	for (size_t i = 0; before == report->errors && i < ports.count; i++)
		check_forward(&ports.port[i], report);
	for (size_t i = 0; before == report->errors && i < ports.count; i++) {
		for (size_t j = 0; j < i && before == report->errors; j++) {
			check_mac(&ports.port[j], &ports.port[i], report);
			check_addresses(&ports.port[j], &ports.port[i], report);
			check_ports(&ports.port[j], &ports.port[i], report);
		}
	}
}
