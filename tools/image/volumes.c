/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the tables [volume.NAME]. */
#include "description.h"

#include "keys.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PARTITIONS_MAX 128u /* entries of a GPT as everybody makes it */

static const struct key volume_keys[] = {
	{ "disk", TOML_STRING, "disk = \"system\"" },
	{ "partition", TOML_ANY, "partition = 1 or partition = \"label\"" },
	{ "read_only", TOML_BOOLEAN, "read_only = true" },
	{ "base", TOML_STRING, "base = \"base\"" },
	{ "store", TOML_STRING, "store = \"store\"" },
};

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, volume_keys, COUNT(volume_keys), name);
}

static bool has_key(const struct toml_node *table, const char *name)
{
	for (size_t i = 0; i < table->children; i++)
		if (!strcmp(table->child[i].key, name))
			return true;
	return false;
}

static void read_reference(const struct toml_node *value, const char *what, struct report *report, struct reference *out)
{
	size_t length;

	if (!value)
		return;
	length = strlen(value->string);
	out->line = value->line;
	if (length >= 1 && length <= BLOCK_NAME_MAX) {
		strcpy(out->name, value->string);
	} else {
		report_error(report, value->line, "%s: there is no %s \"%s\"", value->key, what, value->string);
		report_hint(report, value->line, "the name of a %s has 1 to %u characters", what, BLOCK_NAME_MAX);
	}
}

static void read_partition(const struct toml_node *value, struct report *report, struct volume_description *out)
{
	size_t length;

	if (value->kind == TOML_INTEGER) {
		out->partition = keys_number(value, 1, PARTITIONS_MAX, 0, report);
		return;
	}
	if (value->kind != TOML_STRING) {
		report_error(report, value->line, "partition must be a number or a label");
		report_hint(report, value->line, "write %s", volume_keys[1].example);
		return;
	}
	length = strlen(value->string);
	for (const char *c = value->string; *c; c++)
		if (*c < ' ' || *c > '~')
			length = 0;
	if (length >= 1 && length <= DISK_LABEL_MAX) {
		strcpy(out->label, value->string);
	} else {
		report_error(report, value->line, "partition: the label \"%s\" is not possible", value->string);
		report_hint(report, value->line, "a label has 1 to %u characters of printable ASCII", DISK_LABEL_MAX);
	}
}

/* A volume is either on a disk, or an overlay with a base and a store. */
static void check_kind(const struct toml_node *table, const char *what, struct report *report)
{
	const struct toml_node *partition = find(table, "partition");
	bool disk = has_key(table, "disk"), base = has_key(table, "base"), store = has_key(table, "store");

	if (disk && (base || store)) {
		report_error(report, table->line, "%s has both a disk and a %s", what, base ? "base" : "store");
		report_hint(report, table->line, "an overlay has base and store, and any other volume has a disk");
	} else if (base && !store) {
		report_error(report, table->line, "%s is an overlay without a store", what);
		report_hint(report, table->line, "add %s: a volume for what is written", volume_keys[4].example);
	} else if (store && !base) {
		report_error(report, table->line, "%s has a store but no base", what);
		report_hint(report, table->line, "add %s: the volume that is only read", volume_keys[3].example);
	} else if (!disk && !base) {
		report_error(report, table->line, "%s has no disk", what);
		report_hint(report, table->line, "add %s, or for an overlay base and store", volume_keys[0].example);
	} else if (partition && !disk) {
		report_error(report, partition->line, "partition has no meaning without disk");
		report_hint(report, partition->line, "the partition is one of the base's or the store's volume");
	}
}

static void read_volume(const struct toml_node *table, struct report *report, struct volume_description *out)
{
	const struct toml_node *read_only = find(table, "read_only"), *partition = find(table, "partition");
	char what[64];

	snprintf(what, sizeof(what), "volume %.40s", table->key);
	out->line = table->line;
	if (keys_name(table, "volume", BLOCK_NAME_MAX, report))
		strcpy(out->name, table->key);
	keys_check(table, volume_keys, COUNT(volume_keys), what, report);
	check_kind(table, what, report);
	read_reference(find(table, "disk"), "disk", report, &out->disk);
	read_reference(find(table, "base"), "volume", report, &out->base);
	read_reference(find(table, "store"), "volume", report, &out->store);
	if (partition)
		read_partition(partition, report, out);
	out->read_only = read_only && read_only->boolean;
}

void volumes_read(const struct toml_node *table, struct report *report, struct system_description *out)
{
	for (size_t i = 0; i < table->children; i++) {
		const struct toml_node *volume = &table->child[i];

		if (volume->kind != TOML_TABLE) {
			report_error(report, volume->line, "volume.%s is not a table", volume->key);
			report_hint(report, volume->line, "keys of a volume stand below [volume.NAME]");
		} else if (out->volumes == BLOCK_VOLUMES_MAX) {
			report_error(report, volume->line, "too many volumes: at most %u", BLOCK_VOLUMES_MAX);
			report_hint(report, volume->line, "remove [volume.%s] and those after it", volume->key);
			return;
		} else {
			read_volume(volume, report, &out->volume[out->volumes++]);
		}
	}
}
