/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and checks the list of a guest's disks. */
#include "description.h"

#include "keys.h"
#include "text.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define OPERATIONS_MAX 10000000u
#define EXAMPLE "disks = [\"data\", { volume = \"base\", read_only = true }]"

static const struct key disk_keys[] = {
	{ "volume", TOML_STRING, "volume = \"data\"" },
	{ "read_only", TOML_BOOLEAN, "read_only = true" },
	{ "serial", TOML_STRING, "serial = \"data\"" },
	{ "bandwidth", TOML_STRING, "bandwidth = \"20M\"" },
	{ "bandwidth_burst", TOML_STRING, "bandwidth_burst = \"40M\"" },
	{ "operations", TOML_INTEGER, "operations = 500" },
	{ "operations_burst", TOML_INTEGER, "operations_burst = 1000" },
};

static const uint64_t bandwidth_limits[] = { 64 * KIB, 64 * GIB, 1 }; /* least, most, unit: bytes a second */
/* A request must fit into the burst at least once. */
static const uint64_t burst_limits[] = { 1 * MIB, 64 * GIB, 1 };

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, disk_keys, COUNT(disk_keys), name);
}

static uint64_t largest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void read_volume(const char *name, unsigned line, struct report *report, struct guest_disk_description *out)
{
	out->volume.line = line;
	if (*name && strlen(name) <= BLOCK_NAME_MAX) {
		strcpy(out->volume.name, name);
	} else {
		report_error(report, line, "disks: there is no volume \"%s\"", name);
		report_hint(report, line, "the name of a volume has 1 to %u characters", BLOCK_NAME_MAX);
	}
}

static void read_limits(const struct toml_node *table, struct report *report, struct guest_disk_description *out)
{
	out->bandwidth = keys_size(find(table, "bandwidth"), bandwidth_limits, 0, report);
	out->bandwidth_burst = keys_size(find(table, "bandwidth_burst"), burst_limits,
		out->bandwidth ? largest(out->bandwidth / 10, MIB) : 0, report);
	out->operations = keys_number(find(table, "operations"), 1, OPERATIONS_MAX, 0, report);
	out->operations_burst = keys_number(find(table, "operations_burst"), 1, OPERATIONS_MAX,
		out->operations ? (uint32_t)largest(out->operations / 10, 16) : 0, report);
	keys_need(find(table, "bandwidth_burst"), find(table, "bandwidth"), "bandwidth", report);
	keys_need(find(table, "operations_burst"), find(table, "operations"), "operations", report);
}

static void read_table(const struct toml_node *table, const char *guest, struct report *report,
	struct guest_disk_description *out)
{
	const struct toml_node *volume = find(table, "volume"), *read_only = find(table, "read_only"), *serial = find(table, "serial");
	char what[80];

	snprintf(what, sizeof(what), "a disk of %s", guest);
	keys_check(table, disk_keys, COUNT(disk_keys), what, report);
	if (volume) {
		read_volume(volume->string, volume->line, report, out);
	} else {
		report_error(report, table->line, "%s has no volume", what);
		report_hint(report, table->line, "write %s", EXAMPLE);
	}
	out->read_only = read_only && read_only->boolean;
	if (serial && keys_serial(serial, report))
		strcpy(out->serial, serial->string);
	read_limits(table, report, out);
}

/* A guest finds its disks by their serial numbers. */
static void check_serial(const struct guest_description *guest, const struct guest_disk_description *disk, struct report *report)
{
	bool found = false;

	for (const struct guest_disk_description *other = guest->disk; other < disk && !found; other++) {
		found = *disk->serial && !strcmp(disk->serial, other->serial);
		if (found) {
			report_error(report, disk->volume.line, "guest %s has two disks with the serial number \"%s\"", guest->name,
				disk->serial);
			report_hint(report, disk->volume.line, "give one of them another: %s", disk_keys[2].example);
		}
	}
}

void guest_disks_read(const struct toml_node *list, const char *guest, struct report *report, struct guest_description *out)
{
	for (size_t i = 0; list && i < list->children; i++) {
		const struct toml_node *item = &list->child[i];
		struct guest_disk_description *disk = &out->disk[out->disks];

		if (out->disks == BLOCK_DISKS_MAX) {
			report_error(report, item->line, "disks of %s: there are %zu, at most %u are possible", guest, list->children,
				BLOCK_DISKS_MAX);
			report_hint(report, item->line, "put more onto one volume: the guest can partition it");
			break;
		}
		if (item->kind == TOML_STRING) {
			read_volume(item->string, item->line, report, disk);
		} else if (item->kind == TOML_TABLE) {
			read_table(item, guest, report, disk);
		} else {
			report_error(report, item->line, "disks of %s: number %zu of the list is neither a name nor a table", guest, i + 1);
			report_hint(report, item->line, "write %s", EXAMPLE);
			continue;
		}
		if (!*disk->serial)
			strcpy(disk->serial, disk->volume.name);
		check_serial(out, disk, report);
		out->disks++;
	}
	if (out->disks && out->memory > GUEST_SHARED_MAX) {
		report_error(report, list->line, "%s has disks and more than 16G of memory", guest);
		report_hint(report, list->line, "write memory = \"16G\", or take its disks away");
	}
}
