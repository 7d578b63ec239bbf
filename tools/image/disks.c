/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and checks the tables [disk.NAME]. */
#include "description.h"

#include "file.h"
#include "keys.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a GPT takes of a disk: a MiB at its start and one at its end. */
#define TABLE_SIZE (2 * MIB)

static const struct key disk_keys[] = {
	{ "file", TOML_STRING, "file = \"disks/store.img\"" },
	{ "format", TOML_STRING, "format = \"raw\" or \"qcow2\"" },
	{ "read_only", TOML_BOOLEAN, "read_only = true" },
	{ "cache", TOML_STRING, "cache = \"writeback\"" },
	{ "transport", TOML_STRING, "transport = \"pci\" or \"mmio\"" },
	{ "serial", TOML_STRING, "serial = \"store\"" },
	{ "size", TOML_STRING, "size = \"8G\"" },
	{ "partitions", TOML_TABLE, "partitions = { data = \"4G\", more = \"rest\" }" },
};

const char *const disk_formats[] = { "raw", "qcow2" };
const char *const disk_caches[] = { "writeback", "none", "writethrough", "unsafe" };
const char *const disk_transports[] = { "pci", "mmio" };

/* least, most, unit */
static const uint64_t size_limits[] = { 1 * MIB, 16384 * GIB, 4 * KIB };
static const uint64_t partition_limits[] = { 1 * MIB, 16384 * GIB, 1 * MIB };

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, disk_keys, COUNT(disk_keys), name);
}

static void read_serial(const struct toml_node *table, struct report *report, struct disk_description *out)
{
	const struct toml_node *value = find(table, "serial");

	if (!value)
		strcpy(out->serial, out->name);
	else if (keys_serial(value, report))
		strcpy(out->serial, value->string);
}

/* The first bytes of a qcow2 image (QEMU: docs/interop/qcow2.txt). */
static bool is_qcow2(const char *path)
{
	char magic[4] = "";
	FILE *file = fopen(path, "rb");
	size_t got = file ? fread(magic, 1, sizeof(magic), file) : 0;

	if (file)
		fclose(file);
	return got == sizeof(magic) && !memcmp(magic, "QFI\xfb", sizeof(magic));
}

static void check_content(const struct toml_node *value, uint64_t size, struct report *report, const struct disk_description *disk)
{
	bool qcow2 = is_qcow2(disk->file);

	if (qcow2 != (disk->format == DISK_QCOW2)) {
		report_error(report, value->line, "file: %s is %s qcow2 image, but the format is %s", disk->file, qcow2 ? "a" : "no",
			disk_formats[disk->format]);
		report_hint(report, value->line, "write format = \"%s\", or convert it: ./serai disk convert",
			disk_formats[qcow2 ? DISK_QCOW2 : DISK_RAW]);
	} else if (!qcow2 && (size == 0 || size % 512)) {
		report_error(report, value->line, "file: %s has %llu bytes: a disk has whole sectors of 512", disk->file,
			(unsigned long long)size);
		report_hint(report, value->line, "make one with ./serai disk create, or remove it and give its size");
	} else if (!disk->read_only && access(disk->file, W_OK)) {
		report_error(report, value->line, "file: %s cannot be written: %s", disk->file, strerror(errno));
		report_hint(report, value->line, "allow it, or add read_only = true");
	}
}

static void read_file(const struct toml_node *value, const struct search_path *search, struct report *report,
	bool made, struct disk_description *out)
{
	uint64_t size;

	out->file = search_file(value, search, report);
	if (!out->file)
		return;
	for (const char *c = out->file; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			report_error(report, value->line, "file: the path has a control character");
			report_hint(report, value->line, "rename it");
			return;
		}
	}
	if (disk_file_size(out->file, &size)) {
		out->exists = true;
		check_content(value, size, report, out);
	} else if (errno != ENOENT || !made) {
		report_error(report, value->line, "file: %s: %s", out->file, strerror(errno));
		report_hint(report, value->line, errno != ENOENT ? "name a file or a block device" : *value->string == '@' ? "`./serai run` "
			"makes \"@debian/root.img\"; there are no other disks" : "add size = \"8G\" to have an empty disk made, "
			"or name another file");
	} else if (out->read_only) {
		report_error(report, value->line, "file: %s would be made empty, and never be written", out->file);
		report_hint(report, value->line, "take read_only or size away, or name another file");
	}
}

static void read_label(const struct toml_node *node, struct report *report, struct disk_description *out)
{
	struct partition_description *partition = &out->partition[out->partitions];
	size_t length = strlen(node->key);

	if (length < 1 || length > DISK_LABEL_MAX ||
			strspn(node->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != length) {
		report_error(report, node->line, "partitions: the label \"%s\" is not possible", node->key);
		report_hint(report, node->line, "a label has 1 to %u characters: letters, digits, -, _ and .", DISK_LABEL_MAX);
	} else {
		strcpy(partition->label, node->key);
		out->partitions++;
	}
}

static void read_partitions(const struct toml_node *table, struct report *report, struct disk_description *out)
{
	uint64_t sum = TABLE_SIZE;
	char need[24];

	for (size_t i = 0; i < table->children; i++) {
		const struct toml_node *node = &table->child[i];

		if (i == DISK_PARTITIONS_MAX) {
			report_error(report, node->line, "partitions: too many: at most %u", DISK_PARTITIONS_MAX);
			report_hint(report, node->line, "remove %s and those after it", node->key);
			return;
		}
		if (node->kind != TOML_STRING) {
			report_error(report, node->line, "partitions: the size of %s must be a string", node->key);
			report_hint(report, node->line, "write %s", disk_keys[7].example);
			return;
		}
		out->partition[out->partitions].size = 0;
		if (strcmp(node->string, "rest")) {
			out->partition[out->partitions].size = keys_size(node, partition_limits, MIB, report);
			sum += out->partition[out->partitions].size;
		} else if (i + 1 < table->children) {
			report_error(report, node->line, "partitions: %s has the rest, but is not the last", node->key);
			report_hint(report, node->line, "move it to the end, or give its size");
		} else {
			sum += MIB;
		}
		read_label(node, report, out);
	}
	if (out->size && sum > out->size) {
		text_write_size((sum + MIB - 1) / MIB * MIB, need);
		report_error(report, table->line, "partitions: they do not fit into the disk");
		report_hint(report, table->line, "write size = \"%s\" or more", need);
	}
}

/* Keys that say something of a file only. */
static void check_without_file(const struct toml_node *table, struct report *report)
{
	static const char *const names[] = { "format", "cache", "transport", "size" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const struct toml_node *value = find(table, names[i]);

		if (value) {
			report_error(report, value->line, "%s has no meaning without file", names[i]);
			report_hint(report, value->line, "add %s, or take %s away", disk_keys[0].example, names[i]);
		}
	}
}

static void read_disk(const struct toml_node *table, const struct search_path *search, struct report *report,
	struct disk_description *out)
{
	const struct toml_node *file = find(table, "file"), *read_only = find(table, "read_only");
	const struct toml_node *partitions = find(table, "partitions");
	char what[64];

	snprintf(what, sizeof(what), "disk %.40s", table->key);
	out->line = table->line;
	if (keys_name(table, "disk", BLOCK_NAME_MAX, report))
		strcpy(out->name, table->key);
	keys_check(table, disk_keys, COUNT(disk_keys), what, report);
	read_serial(table, report, out);
	out->read_only = read_only && read_only->boolean;
	out->format = keys_choice(find(table, "format"), disk_formats, COUNT(disk_formats), DISK_RAW, report);
	out->cache = keys_choice(find(table, "cache"), disk_caches, COUNT(disk_caches), 0, report);
	out->transport = keys_choice(find(table, "transport"), disk_transports, COUNT(disk_transports), 0, report);
	out->size = keys_size(find(table, "size"), size_limits, 0, report);
	if (file)
		read_file(file, search, report, find(table, "size") != NULL, out);
	else
		check_without_file(table, report);
	if (partitions && !find(table, "size")) {
		report_error(report, partitions->line, "partitions has no meaning without size");
		report_hint(report, partitions->line, "add %s: partitions are made with the file", disk_keys[6].example);
	} else if (partitions) {
		read_partitions(partitions, report, out);
	}
}

static void check_same(const struct system_description *system, const struct disk_description *disk, struct report *report)
{
	for (const struct disk_description *other = system->disk; other < disk; other++) {
		if (*disk->serial && !strcmp(disk->serial, other->serial)) {
			report_error(report, disk->line, "disks %s and %s have the same serial number, \"%s\"", other->name, disk->name,
				disk->serial);
			report_hint(report, disk->line, "give one of them another: %s", disk_keys[5].example);
		}
		if (disk->file && other->file && file_same(disk->file, other->file)) {
			report_error(report, disk->line, "disks %s and %s are the same file, %s", other->name, disk->name, disk->file);
			report_hint(report, disk->line, "one disk can have several volumes, and one volume several readers");
		}
	}
}

void disks_read(const struct toml_node *table, const struct search_path *search, struct report *report,
	struct system_description *out)
{
	for (size_t i = 0; i < table->children; i++) {
		const struct toml_node *disk = &table->child[i];

		if (disk->kind != TOML_TABLE) {
			report_error(report, disk->line, "disk.%s is not a table", disk->key);
			report_hint(report, disk->line, "keys of a disk stand below [disk.NAME]");
		} else if (out->disks == BLOCK_DEVICES_MAX) {
			report_error(report, disk->line, "too many disks: at most %u", BLOCK_DEVICES_MAX);
			report_hint(report, disk->line, "remove [disk.%s] and those after it", disk->key);
			return;
		} else {
			read_disk(disk, search, report, &out->disk[out->disks]);
			check_same(out, &out->disk[out->disks++], report);
		}
	}
}
