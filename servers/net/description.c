/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the system description. */
#include "description.h"

#include <libsys/description.h>

#include "address.h"

#define MTU_MIN 576u
#define VLAN_MAX 4094u

/* false: there is no such property, or it is no Ethernet address of one station. */
static bool read_mac(const void *tree, int node, const char *name, uint8_t *to)
{
	int length;
	const uint8_t *value = fdt_getprop(tree, node, name, &length);

	if (!value || length != ETHERNET_ADDRESS || (value[0] & 1))
		return false;
	memcpy(to, value, ETHERNET_ADDRESS);
	return true;
}

/* The number of a file, from 1; 0: none that there can be. */
static unsigned read_capture(const void *tree, int node, const char *name)
{
	uint64_t number = description_number(tree, node, name, NET_CAPTURES_MAX);

	return number < NET_CAPTURES_MAX ? (unsigned)number + 1 : 0;
}

static const char *read_net(const void *tree, int node, struct switch_config *net)
{
	uint64_t mtu = description_number(tree, node, "mtu", 1500);

	*net = (struct switch_config){ .uplink = description_flag(tree, node, "uplink") };
	if (!description_name(tree, node, net->name, sizeof(net->name)))
		return "the name of a network is too long";
	if (mtu < MTU_MIN || mtu > NET_MTU_MAX)
		return "the MTU of a network is out of range";
	net->mtu = (uint32_t)mtu;
	net->capture = read_capture(tree, node, "uplink-capture");
	if (description_flag(tree, node, "uplink-mac")) {
		if (!read_mac(tree, node, "uplink-mac", net->uplink_mac))
			return "the address of an uplink is none";
		net->uplink_named = true;
	}
	return NULL;
}

static const char *read_addresses(const void *tree, int node, struct frame_addresses *addresses)
{
	int length;
	const char *value = fdt_getprop(tree, node, "addresses", &length), *end;

	if (!value)
		return NULL;
	end = value + length;
	if (length < 1 || end[-1] != '\0')
		return "the addresses of a NIC are no text";
	for (; value < end; value += strlen(value) + 1) {
		uint8_t address[16];

		if (address_read4(value, address) && addresses->count4 < 4)
			memcpy(addresses->address4[addresses->count4++], address, 4);
		else if (address_read6(value, address) && addresses->count6 < 4)
			memcpy(addresses->address6[addresses->count6++], address, 16);
		else
			return "an address of a NIC is none, or there are more than four";
	}
	return NULL;
}

static const char *read_session(const void *tree, int node, struct description *description, struct port_config *session)
{
	int length;
	const char *name = fdt_getprop(tree, node, "net", &length);
	uint64_t vlan = description_number(tree, node, "vlan", 0), group = description_number(tree, node, "group", 0);

	session->net = description->nets;
	for (unsigned i = 0; name && i < description->nets; i++) {
		if ((size_t)length == strlen(description->net[i].name) + 1 && memcmp(name, description->net[i].name, (size_t)length) == 0)
			session->net = i;
	}
	if (session->net == description->nets)
		return "a NIC of a guest is on no network that there is";
	if (!read_mac(tree, node, "mac", session->mac))
		return "a NIC of a guest has no address";
	for (unsigned i = 0; i < description->sessions; i++) {
		if (description->session[i].net == session->net && memcmp(description->session[i].mac, session->mac, ETHERNET_ADDRESS) == 0)
			return "two NICs of a network have one address";
	}
	if (vlan > VLAN_MAX || group > UINT32_MAX)
		return "the VLAN or group of a NIC is out of range";
	session->capture = read_capture(tree, node, "capture");
	session->vlan = (uint16_t)vlan;
	session->group = (uint32_t)group;
	session->bandwidth = description_number(tree, node, "bandwidth", 0);
	session->bandwidth_burst = description_number(tree, node, "bandwidth-burst", session->bandwidth);
	session->packets = description_number(tree, node, "packets", 0);
	session->packets_burst = description_number(tree, node, "packets-burst", session->packets);
	return read_addresses(tree, node, &session->addresses);
}

static const char *read_guest(const void *tree, int guest, unsigned number, struct description *description)
{
	int nics = fdt_subnode_offset(tree, guest, "nics"), node;
	unsigned nic = 0;

	if (nics < 0)
		return NULL;
	fdt_for_each_subnode(node, tree, nics) {
		struct port_config *session = &description->session[description->sessions];
		const char *problem;

		if (nic == NET_NICS_MAX || description->sessions == NET_SESSIONS_MAX)
			return "a guest has too many NICs";
		*session = (struct port_config){ .guest = number, .nic = nic++ };
		if (!description_name(tree, guest, session->guest_name, sizeof(session->guest_name)))
			return "the name of a guest is too long";
		problem = read_session(tree, node, description, session);
		if (problem)
			return problem;
		description->sessions++;
	}
	return NULL;
}

static const char *read_captures(const void *tree, struct description *description)
{
	int parent = fdt_path_offset(tree, "/captures"), node, length;

	if (parent < 0)
		return NULL;
	description->snaplen = (uint32_t)description_number(tree, parent, "snaplen", 0);
	fdt_for_each_subnode(node, tree, parent) {
		const char *file = fdt_getprop(tree, node, "file", &length);

		if (description->captures == NET_CAPTURES_MAX)
			return "too many files to capture to";
		if (!file || length < 1 || file[length - 1] != '\0')
			return "a file to capture to has no name";
		description->capture_limit[description->captures] = description_number(tree, node, "limit", 0);
		description->capture_file[description->captures++] = file;
	}
	return NULL;
}

/* Its NICs; on its network guests are its clients. */
static const char *read_gateway(const void *tree, int gateway, struct description *description)
{
	char net[NET_NAME_MAX + 1];
	unsigned guests = description->sessions;

	if (gateway < 0)
		return NULL;
	if (!description_string(tree, gateway, "net", net, sizeof(net)))
		return "the gateway has no network";
	for (unsigned i = 0; i < guests; i++) {
		struct port_config *session = &description->session[i];

		session->addresses.client = strcmp(description->net[session->net].name, net) == 0;
	}
	return read_guest(tree, gateway, ATTACH_GATEWAY, description);
}

const char *description_read(const void *tree, size_t size, struct description *description)
{
	int node, parent;
	const char *problem = description_check(tree, size);

	memset(description, 0, sizeof(*description));
	if (problem)
		return problem;
	parent = fdt_path_offset(tree, "/nets");
	fdt_for_each_subnode(node, tree, parent) {
		if (description->nets == NET_SWITCHES_MAX)
			return "too many networks";
		problem = read_net(tree, node, &description->net[description->nets]);
		if (problem)
			return problem;
		description->nets++;
	}
	parent = fdt_path_offset(tree, "/guests");
	fdt_for_each_subnode(node, tree, parent) {
		if (description->guests == ATTACH_GUESTS_MAX)
			return "too many guests";
		problem = read_guest(tree, node, description->guests, description);
		if (problem)
			return problem;
		description->guests++;
	}
	problem = read_gateway(tree, fdt_path_offset(tree, "/" GATEWAY_NAME), description);
	return problem ? problem : read_captures(tree, description);
}
