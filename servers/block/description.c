/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the system description. */
#include "description.h"

#include <libsys/description.h>

#define GUESTS_MAX ATTACH_GUESTS_MAX

/* The serial number of the disk with this name. */
static bool find_serial(const void *tree, const char *disk, char *to)
{
	int disks = fdt_path_offset(tree, "/disks"), node;

	if (disks < 0)
		return false;
	node = fdt_subnode_offset(tree, disks, disk);
	return node >= 0 && description_string(tree, node, "serial", to, BLOCK_SERIAL_SIZE + 1) && *to;
}

static const char *read_volume(const void *tree, int node, struct volume_config *volume)
{
	char disk[64];
	uint64_t partition = description_number(tree, node, "partition", 0);

	*volume = (struct volume_config){ .read_only = description_flag(tree, node, "read-only") };
	if (!description_name(tree, node, volume->name, sizeof(volume->name)))
		return "the name of a volume is too long";
	if (!description_string(tree, node, "disk", disk, sizeof(disk)) ||
		!description_string(tree, node, "label", volume->label, sizeof(volume->label)) ||
		!description_string(tree, node, "base", volume->base, sizeof(volume->base)) ||
		!description_string(tree, node, "store", volume->store, sizeof(volume->store)))
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
	session->read_only = description_flag(tree, node, "read-only");
	session->bandwidth = description_number(tree, node, "bandwidth", 0);
	session->bandwidth_burst = description_number(tree, node, "bandwidth-burst", session->bandwidth);
	session->operations = description_number(tree, node, "operations", 0);
	session->operations_burst = description_number(tree, node, "operations-burst", session->operations);
	if (!description_string(tree, node, "volume", session->volume, sizeof(session->volume)) || !*session->volume)
		return "a disk of a guest names no volume";
	if (!description_string(tree, node, "serial", session->serial, sizeof(session->serial)))
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
		if (!description_name(tree, guest, session->guest_name, sizeof(session->guest_name)))
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
	const char *problem = description_check(tree, size);

	memset(description, 0, sizeof(*description));
	if (problem)
		return problem;
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
