/* SPDX-License-Identifier: Apache-2.0 */
#include "device_tree.h"

#include <arpa/inet.h>
#include <libfdt.h>
#include <string.h>

/* libfdt's sequential writer; the first error stays and nothing is written after it. */
struct writer {
	void *tree;
	int error;
};

static void begin(struct writer *writer, const char *name)
{
	if (!writer->error)
		writer->error = fdt_begin_node(writer->tree, name);
}

static void end(struct writer *writer)
{
	if (!writer->error)
		writer->error = fdt_end_node(writer->tree);
}

static void put_u32(struct writer *writer, const char *name, uint32_t value)
{
	if (!writer->error)
		writer->error = fdt_property_u32(writer->tree, name, value);
}

static void put_u64(struct writer *writer, const char *name, uint64_t value)
{
	if (!writer->error)
		writer->error = fdt_property_u64(writer->tree, name, value);
}

static void put_string(struct writer *writer, const char *name, const char *value)
{
	if (!writer->error)
		writer->error = fdt_property(writer->tree, name, value, (int)strlen(value) + 1);
}

static void put_flag(struct writer *writer, const char *name)
{
	if (!writer->error)
		writer->error = fdt_property(writer->tree, name, "", 0);
}

static void put_cells(struct writer *writer, const char *name, const uint32_t *values, uint32_t count)
{
	uint8_t *cell;

	if (!writer->error)
		writer->error = fdt_property_placeholder(writer->tree, name, (int)(count * 4), (void **)&cell);
	for (uint32_t i = 0; !writer->error && i < count; i++)
		fdt32_st(cell + 4 * i, values[i]);
}

static void put_bytes(struct writer *writer, const char *name, const uint8_t *bytes, size_t size)
{
	if (!writer->error)
		writer->error = fdt_property(writer->tree, name, bytes, (int)size);
}

static void write_guest_disk(struct writer *writer, const struct guest_disk_description *disk)
{
	put_string(writer, "volume", disk->volume.name);
	if (disk->read_only)
		put_flag(writer, "read-only");
	put_string(writer, "serial", disk->serial);
	if (disk->bandwidth) {
		put_u64(writer, "bandwidth", disk->bandwidth);
		put_u64(writer, "bandwidth-burst", disk->bandwidth_burst);
	}
	if (disk->operations) {
		put_u32(writer, "operations", disk->operations);
		put_u32(writer, "operations-burst", disk->operations_burst);
	}
}

static void write_guest_disks(struct writer *writer, const struct guest_description *guest)
{
	if (!guest->disks)
		return;
	begin(writer, "disks");
	for (size_t i = 0; i < guest->disks; i++) {
		const char name[] = { (char)('0' + i), '\0' };

		begin(writer, name);
		write_guest_disk(writer, &guest->disk[i]);
		end(writer);
	}
	end(writer);
}

/* A list of strings, one after the other. */
static void write_addresses(struct writer *writer, const struct nic_description *nic)
{
	char list[NIC_ADDRESSES_MAX * (INET_ADDRSTRLEN + INET6_ADDRSTRLEN)] = "";
	size_t used = 0;

	for (size_t i = 0; i < nic->addresses4; i++)
		used += strlen(inet_ntop(AF_INET, nic->address4[i], list + used, INET_ADDRSTRLEN)) + 1;
	for (size_t i = 0; i < nic->addresses6; i++)
		used += strlen(inet_ntop(AF_INET6, nic->address6[i], list + used, INET6_ADDRSTRLEN)) + 1;
	if (used)
		put_bytes(writer, "addresses", (const uint8_t *)list, used);
}

/* Pairs of ports, outside and of the guest: for the gateway. */
static void write_forwards(struct writer *writer, const struct nic_description *nic)
{
	uint32_t ports[2 * NIC_FORWARDS_MAX];

	for (size_t i = 0; i < nic->forwards; i++) {
		ports[2 * i] = nic->forward[i].host;
		ports[2 * i + 1] = nic->forward[i].guest;
	}
	if (nic->forwards)
		put_cells(writer, "forward", ports, 2 * (uint32_t)nic->forwards);
}

static void write_nic(struct writer *writer, const struct nic_description *nic)
{
	put_string(writer, "net", nic->net.name);
	put_bytes(writer, "mac", nic->mac, sizeof(nic->mac));
	if (nic->vlan)
		put_u32(writer, "vlan", nic->vlan);
	write_addresses(writer, nic);
	if (nic->bandwidth) {
		put_u64(writer, "bandwidth", nic->bandwidth);
		put_u64(writer, "bandwidth-burst", nic->bandwidth_burst);
	}
	if (nic->packets) {
		put_u32(writer, "packets", nic->packets);
		put_u32(writer, "packets-burst", nic->packets_burst);
	}
	if (nic->group)
		put_u32(writer, "group", nic->group);
	if (nic->capture.number)
		put_u32(writer, "capture", nic->capture.number - 1);
	write_forwards(writer, nic);
}

static void write_nics(struct writer *writer, const struct guest_description *guest)
{
	if (!guest->nics)
		return;
	begin(writer, "nics");
	for (size_t i = 0; i < guest->nics; i++) {
		const char name[] = { (char)('0' + i), '\0' };

		begin(writer, name);
		write_nic(writer, &guest->nic[i]);
		end(writer);
	}
	end(writer);
}

static void put_address(struct writer *writer, const char *name, const uint8_t *address)
{
	char text[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, address, text, sizeof(text));
	put_string(writer, name, text);
}

static void write_gateway_nic(struct writer *writer, const char *name, const char *net, const uint8_t *mac)
{
	begin(writer, name);
	put_string(writer, "net", net);
	put_bytes(writer, "mac", mac, 6);
	end(writer);
}

static void write_gateway(struct writer *writer, const struct net_description *net)
{
	const struct nat_description *nat = &net->nat;

	begin(writer, GATEWAY_NAME);
	put_string(writer, "net", net->name);
	put_address(writer, "address", nat->address);
	put_u32(writer, "prefix", nat->prefix);
	put_u32(writer, "mtu", net->mtu);
	if (nat->outside_given) {
		put_address(writer, "outside-address", nat->outside);
		put_u32(writer, "outside-prefix", nat->outside_prefix);
		put_address(writer, "outside-router", nat->router);
		put_address(writer, "outside-dns", nat->dns);
	}
	begin(writer, "nics");
	write_gateway_nic(writer, "0", net->name, nat->mac[0]);
	if (net->uplink)
		write_gateway_nic(writer, "1", GATEWAY_OUTSIDE, nat->mac[1]);
	end(writer);
	end(writer);
}

static void write_net(struct writer *writer, const struct net_description *net, const char *name, bool uplink)
{
	begin(writer, name);
	if (uplink) {
		put_flag(writer, "uplink");
		put_bytes(writer, "uplink-mac", net->mac, sizeof(net->mac));
	}
	if (uplink && net->capture.number)
		put_u32(writer, "uplink-capture", net->capture.number - 1);
	put_u32(writer, "mtu", net->mtu);
	end(writer);
}

static void write_captures(struct writer *writer, const struct system_description *system)
{
	if (!system->captures)
		return;
	begin(writer, "captures");
	if (system->snaplen)
		put_u32(writer, "snaplen", system->snaplen);
	for (size_t i = 0; i < system->captures; i++) {
		const char name[] = { (char)('0' + i), '\0' };

		begin(writer, name);
		put_string(writer, "file", system->capture[i]);
		put_u64(writer, "limit", system->capture_limit[i]);
		end(writer);
	}
	end(writer);
}

/* What the net server and the gateway read. With nat the uplink is on a switch of its own. */
static void write_nets(struct writer *writer, const struct system_description *system)
{
	if (!system->nets)
		return;
	begin(writer, "nets");
	for (size_t i = 0; i < system->nets; i++) {
		const struct net_description *net = &system->net[i];

		write_net(writer, net, net->name, net->uplink && !net->nat.on);
		if (net->uplink && net->nat.on)
			write_net(writer, net, GATEWAY_OUTSIDE, true);
	}
	end(writer);
	if (nat_net(system))
		write_gateway(writer, nat_net(system));
	write_captures(writer, system);
}

static void write_volume(struct writer *writer, const struct volume_description *volume)
{
	begin(writer, volume->name);
	if (*volume->base.name) {
		put_string(writer, "base", volume->base.name);
		put_string(writer, "store", volume->store.name);
	} else {
		put_string(writer, "disk", volume->disk.name);
		if (volume->partition)
			put_u32(writer, "partition", volume->partition);
		else if (*volume->label)
			put_string(writer, "label", volume->label);
	}
	if (volume->read_only)
		put_flag(writer, "read-only");
	end(writer);
}

/* What the block server reads. */
static void write_block(struct writer *writer, const struct system_description *system)
{
	if (!system->disks)
		return;
	begin(writer, "block");
	put_u64(writer, "memory", system->block_memory);
	end(writer);
	begin(writer, "disks");
	for (size_t i = 0; i < system->disks; i++) {
		begin(writer, system->disk[i].name);
		put_string(writer, "serial", system->disk[i].serial);
		end(writer);
	}
	end(writer);
	begin(writer, "volumes");
	for (size_t i = 0; i < system->volumes; i++)
		write_volume(writer, &system->volume[i]);
	end(writer);
}

static void write_guest(struct writer *writer, const struct guest_description *guest, const struct guest_files *files)
{
	begin(writer, guest->name);
	put_u64(writer, "memory", guest->memory);
	put_u32(writer, "vcpus", guest->vcpus);
	if (guest->has_affinity)
		put_cells(writer, "affinity", guest->affinity, guest->vcpus);
	put_u32(writer, "cpu-share", guest->cpu_share);
	if (guest->cpu_cap) {
		put_u32(writer, "cpu-cap", guest->cpu_cap);
		put_u32(writer, "cpu-period", guest->cpu_period);
	}
	put_string(writer, "kernel", files->kernel);
	if (files->initrd)
		put_string(writer, "initrd", files->initrd);
	put_string(writer, "cmdline", guest->cmdline);
	put_u32(writer, "color", guest->color);
	if (guest->autostart)
		put_flag(writer, "autostart");
	put_u32(writer, "restart", guest->restart);
	write_guest_disks(writer, guest);
	write_nics(writer, guest);
	end(writer);
}

int device_tree_write(const struct system_description *system, const struct guest_files *files, void *buffer)
{
	struct writer writer = { .tree = buffer, .error = fdt_create(buffer, DEVICE_TREE_MAX) };

	if (!writer.error)
		writer.error = fdt_finish_reservemap(buffer);
	begin(&writer, "");
	put_string(&writer, "compatible", SYSTEM_COMPATIBLE);
	begin(&writer, "console");
	put_u32(&writer, "escape", system->escape);
	put_u64(&writer, "scrollback", system->scrollback);
	end(&writer);
	write_block(&writer, system);
	write_nets(&writer, system);
	begin(&writer, "guests");
	for (size_t i = 0; i < system->guests; i++)
		write_guest(&writer, &system->guest[i], &files[i]);
	end(&writer);
	end(&writer);
	if (!writer.error)
		writer.error = fdt_finish(buffer);
	return writer.error ? writer.error : (int)fdt_totalsize(buffer);
}
