/* SPDX-License-Identifier: Apache-2.0 */
#include "system.h"

#include <libfdt.h>
#include <string.h>

#define MEMORY_UNIT (UINT64_C(2) << 20)
#define MEMORY_MAX (UINT64_C(64) << 30)
#define CAP_MAX 10000u /* percent */
#define SCROLLBACK_MAX (UINT64_C(16) << 20)
#define ESCAPE_DEFAULT 0x1du
#define SCROLLBACK_DEFAULT (UINT64_C(512) << 10)

/* A number of one or two cells, or `otherwise`. */
static uint64_t read_number(const void *tree, int node, const char *name, uint64_t otherwise)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree, node, name, &length);

	if (value && length == 4)
		return fdt32_ld(value);
	if (value && length == 8)
		return (uint64_t)fdt32_ld(value) << 32 | fdt32_ld(value + 1);
	return otherwise;
}

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
	uint64_t vcpus = read_number(tree, node, "vcpus", 1);
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
	uint64_t share = read_number(tree, node, "cpu-share", SYSTEM_SHARE_DEFAULT), cap = read_number(tree, node, "cpu-cap", 0);
	uint64_t period = read_number(tree, node, "cpu-period", SYSTEM_PERIOD_DEFAULT);

	if (share < SYSTEM_SHARE_MIN || share > SYSTEM_SHARE_MAX)
		return "a guest's share of CPU time is out of range";
	if (cap > CAP_MAX || period < 1 || period > SYSTEM_PERIOD_MAX)
		return "a guest's cap of CPU time is out of range";
	guest->cpu_share = (uint32_t)share;
	guest->cpu_cap = (uint32_t)cap;
	guest->cpu_period = (uint32_t)period;
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
	guest->memory = read_number(tree, node, "memory", 0);
	guest->color = (uint32_t)read_number(tree, node, "color", 0);
	guest->autostart = fdt_getprop(tree, node, "autostart", NULL) != NULL;
	guest->restart_on_crash = read_number(tree, node, "restart", 0) == 1;
	if (guest->memory < MEMORY_UNIT || guest->memory > MEMORY_MAX || guest->memory % MEMORY_UNIT != 0)
		return "the memory of a guest is not a multiple of 2 MiB up to 64 GiB";
	const char *problem = read_vcpus(tree, node, first, guest);

	return problem ? problem : read_cpu(tree, node, guest);
}

const char *system_read(const void *tree, size_t size, struct system *system)
{
	uint32_t vcpus = 0;
	int node, guests;

	*system = (struct system){ 0 };
	if (size < sizeof(struct fdt_header) || fdt_check_header(tree) != 0 || fdt_totalsize(tree) > size)
		return "not a flattened device tree";
	if (fdt_node_check_compatible(tree, 0, SYSTEM_COMPATIBLE) != 0)
		return "made for another version of the system";
	node = fdt_path_offset(tree, "/console");
	system->escape = (uint32_t)read_number(tree, node, "escape", ESCAPE_DEFAULT);
	system->scrollback = read_number(tree, node, "scrollback", SCROLLBACK_DEFAULT);
	if (system->escape > 0xff || system->scrollback > SCROLLBACK_MAX)
		return "the console's escape key or scrollback is out of range";
	guests = fdt_path_offset(tree, "/guests");
	fdt_for_each_subnode(node, tree, guests) {
		if (system->guests == SYSTEM_GUESTS_MAX)
			return "too many guests";
		const char *problem = read_guest(tree, node, vcpus, &system->guest[system->guests]);

		if (problem)
			return problem;
		vcpus += system->guest[system->guests++].vcpus;
	}
	return system->guests ? NULL : "no guests";
}
