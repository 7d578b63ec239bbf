/* SPDX-License-Identifier: Apache-2.0 */
#include "system.h"

#include <libsys/description.h>

#define MEMORY_UNIT (UINT64_C(2) << 20)
#define MEMORY_MAX (UINT64_C(64) << 30)
#define CAP_MAX 10000u /* percent */
#define SCROLLBACK_MAX (UINT64_C(16) << 20)
#define ESCAPE_DEFAULT 0x1du
#define SCROLLBACK_DEFAULT (UINT64_C(512) << 10)
#define GUEST_WITH_DEVICES_MAX (UINT64_C(16) << 30) /* bytes of RAM, which servers map */
#define BLOCK_MEMORY_DEFAULT (UINT64_C(16) << 20)
#define BLOCK_MEMORY_MAX (UINT64_C(1) << 30)

/* A NUL-terminated string below `size` bytes, or NULL. */
static const char *read_string(const void *tree, int node, const char *name, size_t size)
{
	int length;
	const char *value = fdt_getprop(tree, node, name, &length);

	if (!value || length < 1 || (size_t)length > size || value[length - 1] != '\0')
		return NULL;
	return value;
}

/* The hart of each vCPU: as it is said, else one after the other, from `first` on. */
static const char *read_vcpus(const void *tree, int node, uint32_t first, struct system_guest *guest)
{
	uint64_t vcpus = description_number(tree, node, "vcpus", 1);
	int length;
	const fdt32_t *affinity = fdt_getprop(tree, node, "affinity", &length);

	if (vcpus < 1 || vcpus > SYSTEM_VCPUS_MAX)
		return "a guest does not have 1 to 8 vCPUs";
	if (affinity && length != (int)(4 * vcpus))
		return "the affinity of a guest does not name a hart for each vCPU";
	guest->vcpus = (uint32_t)vcpus;
	for (uint32_t i = 0; i < guest->vcpus; i++)
		guest->hart[i] = affinity ? fdt32_ld(affinity + i) : first + i;
	return NULL;
}

static const char *read_cpu(const void *tree, int node, struct system_guest *guest)
{
	uint64_t share = description_number(tree, node, "cpu-share", SYSTEM_SHARE_DEFAULT), cap = description_number(tree, node, "cpu-cap", 0);
	uint64_t period = description_number(tree, node, "cpu-period", SYSTEM_PERIOD_DEFAULT);

	if (share < SYSTEM_SHARE_MIN || share > SYSTEM_SHARE_MAX)
		return "a guest's share of CPU time is out of range";
	if (cap > CAP_MAX || period < 1 || period > SYSTEM_PERIOD_MAX)
		return "a guest's cap of CPU time is out of range";
	guest->cpu_share = (uint32_t)share;
	guest->cpu_cap = (uint32_t)cap;
	guest->cpu_period = (uint32_t)period;
	return NULL;
}

/* How many nodes stand in another, or how many of them have a property if it is not NULL. None if there is no such node. */
static uint32_t count_nodes(const void *tree, int parent, const char *property)
{
	uint32_t count = 0;
	int node;

	if (parent < 0)
		return 0;
	fdt_for_each_subnode(node, tree, parent)
		count += !property || fdt_getprop(tree, node, property, NULL);
	return count;
}

/* What a guest has of devices with servers behind them: they are numbered from 0, without gaps. */
static const char *read_devices(const void *tree, int node, struct system_guest *guest)
{
	static const struct {
		const char *node;
		uint32_t most;
		const char *too_many, *not_numbered;
	} kinds[BACKENDS] = {
		[BACKEND_BLOCK] = { "disks", BLOCK_DISKS_MAX, "a guest has more than 4 disks",
				    "the disks of a guest are not numbered from 0" },
		[BACKEND_NET] = { "nics", NET_NICS_MAX, "a guest has more than 4 NICs", "the NICs of a guest are not numbered from 0" },
	};

	for (unsigned kind = 0; kind < BACKENDS; kind++) {
		int devices = fdt_subnode_offset(tree, node, kinds[kind].node);

		guest->devices[kind] = count_nodes(tree, devices, NULL);
		if (guest->devices[kind] > kinds[kind].most)
			return kinds[kind].too_many;
		for (uint32_t i = 0; i < guest->devices[kind]; i++) {
			const char name[] = { (char)('0' + i), '\0' };

			if (fdt_subnode_offset(tree, devices, name) < 0)
				return kinds[kind].not_numbered;
		}
		if (guest->devices[kind] && guest->memory > GUEST_WITH_DEVICES_MAX)
			return "a guest with disks or NICs has more than 16 GiB of memory";
	}
	return NULL;
}

static const char *read_guest(const void *tree, int node, uint32_t first, struct system_guest *guest)
{
	const char *name = fdt_get_name(tree, node, NULL);
	const char *kernel = read_string(tree, node, "kernel", SYSTEM_FILE_MAX);
	const char *initrd = read_string(tree, node, "initrd", SYSTEM_FILE_MAX);
	const char *cmdline = read_string(tree, node, "cmdline", SYSTEM_CMDLINE_MAX + 1);

	if (!name || !*name || strlen(name) > SYSTEM_NAME_MAX)
		return "the name of a guest is too long";
	if (!kernel)
		return "a guest has no kernel";
	if (!initrd && fdt_getprop(tree, node, "initrd", NULL))
		return "a guest's initrd is not a file name";
	*guest = (struct system_guest){ .cmdline = cmdline ? cmdline : "" };
	strcpy(guest->name, name);
	strcpy(guest->kernel, kernel);
	strcpy(guest->initrd, initrd ? initrd : "");
	guest->memory = description_number(tree, node, "memory", 0);
	guest->color = (uint32_t)description_number(tree, node, "color", 0);
	guest->autostart = fdt_getprop(tree, node, "autostart", NULL) != NULL;
	guest->restart_on_crash = description_number(tree, node, "restart", 0) == 1;
	if (guest->memory < MEMORY_UNIT || guest->memory > MEMORY_MAX || guest->memory % MEMORY_UNIT != 0)
		return "the memory of a guest is not a multiple of 2 MiB up to 64 GiB";
	const char *problem = read_vcpus(tree, node, first, guest);

	if (!problem)
		problem = read_cpu(tree, node, guest);
	return problem ? problem : read_devices(tree, node, guest);
}

static const char *read_guests(const void *tree, struct system *system)
{
	int node, guests = fdt_path_offset(tree, "/guests");
	uint32_t vcpus = 0;

	fdt_for_each_subnode(node, tree, guests) {
		if (system->guests == SYSTEM_GUESTS_MAX)
			return "too many guests";
		struct system_guest *guest = &system->guest[system->guests];
		const char *problem = read_guest(tree, node, vcpus, guest);

		if (problem)
			return problem;
		for (unsigned kind = 0; kind < BACKENDS; kind++) {
			guest->session[kind] = system->sessions[kind];
			system->sessions[kind] += guest->devices[kind];
		}
		vcpus += guest->vcpus;
		system->guests++;
	}
	return system->guests ? NULL : "no guests";
}

static const char *read_block(const void *tree, struct system *system)
{
	uint32_t disks = count_nodes(tree, fdt_path_offset(tree, "/disks"), NULL);
	int volumes = fdt_path_offset(tree, "/volumes");

	system->block_memory = description_number(tree, fdt_path_offset(tree, "/block"), "memory", BLOCK_MEMORY_DEFAULT);
	if (system->block_memory > BLOCK_MEMORY_MAX)
		return "the memory for the maps of overlays is out of range";
	system->has[BACKEND_BLOCK] = disks > 0;
	system->overlays = count_nodes(tree, volumes, "base");
	if (disks > BLOCK_DEVICES_MAX)
		return "too many disks";
	if (count_nodes(tree, volumes, NULL) > BLOCK_VOLUMES_MAX)
		return "too many volumes";
	return system->sessions[BACKEND_BLOCK] && !disks ? "a guest has disks, but the system has none" : NULL;
}

static const char *read_net(const void *tree, struct system *system)
{
	uint32_t nets = count_nodes(tree, fdt_path_offset(tree, "/nets"), NULL);

	system->has[BACKEND_NET] = nets > 0;
	if (nets > NET_SWITCHES_MAX)
		return "too many networks";
	system->gateway.nics = count_nodes(tree, fdt_path_offset(tree, "/" GATEWAY_NAME "/nics"), NULL);
	system->gateway.session = system->sessions[BACKEND_NET];
	system->sessions[BACKEND_NET] += system->gateway.nics;
	if (system->gateway.nics > GATEWAY_NICS || system->sessions[BACKEND_NET] > NET_SESSIONS_MAX)
		return "too many NICs of the gateway, or in all";
	return system->sessions[BACKEND_NET] && !nets ? "a guest has NICs, but the system has no network" : NULL;
}

const char *system_read(const void *tree, size_t size, struct system *system)
{
	const char *problem = description_check(tree, size);
	int node;

	*system = (struct system){ 0 };
	if (problem)
		return problem;
	node = fdt_path_offset(tree, "/console");
	system->escape = (uint32_t)description_number(tree, node, "escape", ESCAPE_DEFAULT);
	system->scrollback = description_number(tree, node, "scrollback", SCROLLBACK_DEFAULT);
	if (system->escape > 0xff || system->scrollback > SCROLLBACK_MAX)
		return "the console's escape key or scrollback is out of range";
	problem = read_guests(tree, system);
	if (!problem)
		problem = read_block(tree, system);
	return problem ? problem : read_net(tree, system);
}
