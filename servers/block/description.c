/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the system description. */
#include "description.h"

#include <libfdt.h>
#include <string.h>

#define GUESTS_MAX ATTACH_GUESTS_MAX

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

/* Copies a string property into `size` bytes. false: it is there, but is no string or too long. Missing: empty. */
static bool read_string(const void *tree, int node, const char *name, char *to, size_t size)
{
	int length;
	const char *value = fdt_getprop(tree, node, name, &length);

	*to = '\0';
	if (!value)
		return true;
	if (length < 1 || (size_t)length > size || memchr(value, '\0', (size_t)length) != value + length - 1)
		return false;
	memcpy(to, value, (size_t)length);
	return true;
}

static bool read_name(const void *tree, int node, char *to, size_t size)
{
	int length;
	const char *name = fdt_get_name(tree, node, &length);

	if (!name || length < 1 || (size_t)length >= size)
		return false;
	memcpy(to, name, (size_t)length + 1);
	return true;
}

/* The serial number of the disk with this name. */
static bool find_serial(const void *tree, const char *disk, char *to)
{
	int disks = fdt_path_offset(tree, "/disks"), node;

	if (disks < 0)
		return false;
	node = fdt_subnode_offset(tree, disks, disk);
	return node >= 0 && read_string(tree, node, "serial", to, BLOCK_SERIAL_SIZE + 1) && *to;
}

static const char *read_volume(const void *tree, int node, struct volume_config *volume)
{
	char disk[64];
	uint64_t partition = read_number(tree, node, "partition", 0);

	*volume = (struct volume_config){ .read_only = fdt_getprop(tree, node, "read-only", NULL) != NULL };
	if (!read_name(tree, node, volume->name, sizeof(volume->name)))
		return "the name of a volume is too long";
	if (!read_string(tree, node, "disk", disk, sizeof(disk)) ||
		!read_string(tree, node, "label", volume->label, sizeof(volume->label)) ||
		!read_string(tree, node, "base", volume->base, sizeof(volume->base)) ||
		!read_string(tree, node, "store", volume->store, sizeof(volume->store)))
		return "a name in a volume is too long";
	if (*disk && !find_serial(tree, disk, volume->disk))
		return "a volume is on a disk that is not described";
	if (!*disk && (!*volume->base || !*volume->store))
		return "a volume has neither a disk nor base and store";
	if (partition > UINT32_MAX)
		return "the number of a partition is out of range";
	volume->partition = (uint32_t)partition;
	return NULL;
}

static const char *read_session(const void *tree, int node, struct session_config *session)
{
	session->read_only = fdt_getprop(tree, node, "read-only", NULL) != NULL;
	session->bandwidth = read_number(tree, node, "bandwidth", 0);
	session->bandwidth_burst = read_number(tree, node, "bandwidth-burst", session->bandwidth);
	session->operations = read_number(tree, node, "operations", 0);
	session->operations_burst = read_number(tree, node, "operations-burst", session->operations);
	if (!read_string(tree, node, "volume", session->volume, sizeof(session->volume)) || !*session->volume)
		return "a disk of a guest names no volume";
	if (!read_string(tree, node, "serial", session->serial, sizeof(session->serial)))
		return "the serial number of a guest's disk is too long";
	if (!*session->serial)
		strcpy(session->serial, session->volume);
	return NULL;
}

static const char *read_guest(const void *tree, int guest, struct description *description)
{
	int disks = fdt_subnode_offset(tree, guest, "disks"), node;
	unsigned disk = 0;

	if (disks < 0)
		return NULL;
	fdt_for_each_subnode(node, tree, disks) {
		struct session_config *session = &description->session[description->sessions];
		const char *problem;

		if (disk == BLOCK_DISKS_MAX || description->sessions == BLOCK_SESSIONS_MAX)
			return "a guest has too many disks";
		*session = (struct session_config){ .guest = description->guests, .disk = disk++ };
		if (!read_name(tree, guest, session->guest_name, sizeof(session->guest_name)))
			return "the name of a guest is too long";
		problem = read_session(tree, node, session);
		if (problem)
			return problem;
		description->sessions++;
	}
	return NULL;
}

const char *description_read(const void *tree, size_t size, struct description *description)
{
	int node, parent;
	const char *problem;

	memset(description, 0, sizeof(*description));
	if (size < sizeof(struct fdt_header) || fdt_check_header(tree) != 0 || fdt_totalsize(tree) > size)
		return "not a flattened device tree";
	if (fdt_node_check_compatible(tree, 0, SYSTEM_COMPATIBLE) != 0)
		return "made for another version of the system";
	parent = fdt_path_offset(tree, "/volumes");
	fdt_for_each_subnode(node, tree, parent) {
		if (description->volumes == BLOCK_VOLUMES_MAX)
			return "too many volumes";
		problem = read_volume(tree, node, &description->volume[description->volumes]);
		if (problem)
			return problem;
		description->volumes++;
	}
	parent = fdt_path_offset(tree, "/guests");
	fdt_for_each_subnode(node, tree, parent) {
		if (description->guests == GUESTS_MAX)
			return "too many guests";
		problem = read_guest(tree, node, description);
		if (problem)
			return problem;
		description->guests++;
	}
	return NULL;
}
