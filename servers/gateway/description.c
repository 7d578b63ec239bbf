/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the system description. */
#include "description.h"

#include <libsys/description.h>

static uint32_t read_number(const void *tree, int node, const char *name, uint32_t otherwise)
{
	return (uint32_t)description_number(tree, node, name, otherwise);
}

/* "10.0.2.21" up to the end of the text; false: it is something else. */
static bool parse_address(const char *text, uint32_t *address)
{
	uint32_t number = 0, part = 0;
	unsigned digits = 0, parts = 1;

	for (; *text; text++) {
		if (*text == '.' && digits && parts < 4) {
			number = number << 8 | part;
			part = digits = 0;
			parts++;
		} else if (*text >= '0' && *text <= '9' && digits < 3) {
			part = part * 10 + (uint32_t)(*text - '0');
			digits++;
		} else {
			return false;
		}
	}
	if (parts != 4 || !digits || part > 255)
		return false;
	*address = number << 8 | part;
	return true;
}

static bool read_address(const void *tree, int node, const char *name, uint32_t *address)
{
	int length;
	const char *value = fdt_getprop(tree, node, name, &length);

	return value && length > 0 && value[length - 1] == '\0' && parse_address(value, address);
}

static uint32_t mask_of(uint32_t prefix)
{
	return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

static const char *read_gateway(const void *tree, int node, struct description *out)
{
	uint32_t prefix = read_number(tree, node, "prefix", 0), outside = read_number(tree, node, "outside-prefix", 0);
	int nics = fdt_subnode_offset(tree, node, "nics");

	if (!description_string(tree, node, "net", out->net, sizeof(out->net)) || !*out->net)
		return "the gateway has no network";
	if (!read_address(tree, node, "address", &out->address) || prefix < 8 || prefix > 30 || outside > 30)
		return "the gateway has no address";
	out->mask = mask_of(prefix);
	out->mtu = read_number(tree, node, "mtu", 1500);
	if (out->mtu < 576 || out->mtu > NET_MTU_MAX)
		return "the MTU of the gateway is out of range";
	out->outside = fdt_subnode_offset(tree, nics, "1") >= 0;
	out->outside_mask = mask_of(outside);
	out->outside_given = read_address(tree, node, "outside-address", &out->outside_address) &&
			     read_address(tree, node, "outside-router", &out->outside_router) &&
			     read_address(tree, node, "outside-dns", &out->outside_dns);
	return NULL;
}

/* The first address of the NIC that is in the subnet. */
static bool find_address(const void *tree, int node, const struct description *description, uint32_t *address)
{
	int length;
	const char *value = fdt_getprop(tree, node, "addresses", &length), *end = value ? value + length : NULL;

	if (!value || length < 1 || end[-1] != '\0')
		return false;
	for (; value < end; value += strlen(value) + 1) {
		if (parse_address(value, address) && ((*address ^ description->address) & description->mask) == 0)
			return true;
	}
	return false;
}

static const char *read_forwards(const void *tree, int node, struct description *out)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree, node, "forward", &length);

	if (!value)
		return NULL;
	if (length % 8)
		return "the forwarded ports of a NIC are no pairs";
	for (int i = 0; i < length / 8; i++) {
		uint32_t outside = fdt32_ld(value + 2 * i), inside = fdt32_ld(value + 2 * i + 1);

		if (outside == 0 || outside > UINT16_MAX || inside == 0 || inside > UINT16_MAX || out->forwards == FORWARDS_MAX)
			return "a forwarded port is none, or there are too many";
		out->forward[out->forwards++] = (struct forward){ (uint16_t)outside, (uint16_t)inside, out->leases - 1 };
	}
	return NULL;
}

static const char *read_nic(const void *tree, int node, const char *guest, struct description *out)
{
	struct lease *lease = &out->lease[out->leases];
	int length, net_length;
	const uint8_t *mac = fdt_getprop(tree, node, "mac", &length);
	const char *net = fdt_getprop(tree, node, "net", &net_length);

	if (!net || (size_t)net_length != strlen(out->net) + 1 || memcmp(net, out->net, (size_t)net_length) != 0)
		return NULL;
	if (out->leases == NET_SESSIONS_MAX || strlen(guest) >= sizeof(lease->name))
		return "there are too many NICs, or a guest's name is too long";
	if (!mac || length != MAC_SIZE)
		return "a NIC of a guest has no address";
	*lease = (struct lease){ 0 };
	memcpy(lease->mac, mac, MAC_SIZE);
	strcpy(lease->name, guest);
	if (!find_address(tree, node, out, &lease->address) || lease_of_address(out, lease->address))
		return "a NIC of a guest has no address in the subnet, or that of another";
	out->leases++;
	return read_forwards(tree, node, out);
}

const char *description_read(const void *tree, size_t size, struct description *description)
{
	int guests, guest, node;
	const char *problem;

	memset(description, 0, sizeof(*description));
	problem = description_check(tree, size);
	if (problem)
		return problem;
	node = fdt_path_offset(tree, "/" GATEWAY_NAME);
	if (node < 0)
		return "there is no gateway";
	problem = read_gateway(tree, node, description);
	guests = fdt_path_offset(tree, "/guests");
	fdt_for_each_subnode(guest, tree, guests) {
		int nics = fdt_subnode_offset(tree, guest, "nics");

		if (nics < 0)
			continue;
		fdt_for_each_subnode(node, tree, nics) {
			if (!problem)
				problem = read_nic(tree, node, fdt_get_name(tree, guest, NULL), description);
		}
	}
	return problem;
}

const struct lease *lease_of_address(const struct description *description, uint32_t address)
{
	for (unsigned i = 0; i < description->leases; i++) {
		if (description->lease[i].address == address)
			return &description->lease[i];
	}
	return NULL;
}

const struct lease *lease_of_mac(const struct description *description, const uint8_t mac[MAC_SIZE])
{
	for (unsigned i = 0; i < description->leases; i++) {
		if (memcmp(description->lease[i].mac, mac, MAC_SIZE) == 0)
			return &description->lease[i];
	}
	return NULL;
}
