/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and checks one [guest.NAME] table. */
#include "description.h"

#include "file.h"
#include "keys.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The header of a flat RISC-V Linux image (Linux: Documentation/arch/riscv/boot-image-header.rst). */
#define IMAGE_HEADER 64u
#define IMAGE_TEXT_OFFSET 8u
#define IMAGE_SIZE 16u
#define IMAGE_MAGIC 56u

/* What a kernel needs above its image and its initrd to reach user space at all. */
#define GUEST_SLACK (4 * MIB)

static const struct key guest_keys[] = {
	{ "memory", TOML_STRING, "memory = \"128M\"" },
	{ "vcpus", TOML_INTEGER, "vcpus = 1" },
	{ "affinity", TOML_ARRAY, "affinity = [0]" },
	{ "cpu", TOML_TABLE, "cpu.share = 100 or cpu.cap = \"50%\"" },
	{ "kernel", TOML_STRING, "kernel = \"@debian/linux\"" },
	{ "initrd", TOML_STRING, "initrd = \"@debian/initramfs\"" },
	{ "cmdline", TOML_STRING, "cmdline = \"console=hvc0\"" },
	{ "color", TOML_STRING, "color = \"green\"" },
	{ "autostart", TOML_BOOLEAN, "autostart = true" },
	{ "restart", TOML_STRING, "restart = \"never\" or \"on-crash\"" },
	{ "disks", TOML_ARRAY, "disks = [\"VOLUME\"]" },
	{ "nics", TOML_ARRAY, "nics = [\"NET\"]" },
};

/* Index: the ANSI colour. */
static const char *const colors[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" };
static const char *const restarts[] = { "never", "on-crash" };

static const uint64_t memory_limits[] = { 16 * MIB, 64 * GIB, PAGE_LARGE }; /* least, most, unit */

static void read_name(const struct toml_node *table, struct report *report, struct guest_description *out)
{
	if (!keys_name(table, "guest", SYSTEM_NAME_MAX, report))
		return;
	/* Names of logs and, in commands of the prompt, of the machine's NIC. */
	if (!strcmp(table->key, "serai") || !strcmp(table->key, "block") || !strcmp(table->key, "net") || !strcmp(table->key, "uplink")) {
		report_error(report, table->line, "guest name \"%s\" is the system's own", table->key);
		report_hint(report, table->line, "take another name");
	} else {
		strcpy(out->name, table->key);
	}
}

char *search_file(const struct toml_node *value, const struct search_path *search, struct report *report)
{
	if (value->string[0] != '@')
		return text_join_path(search->folder, value->string);
	if (search->guests)
		return text_join_path(search->guests, value->string + 1);
	report_error(report, value->line, "%s: %s is not known", value->key, value->string);
	report_hint(report, value->line, "name the folder of the guests' files with --guests");
	return NULL;
}

/* The file's path on the host; NULL if reported as missing. */
static char *find_file(const struct toml_node *value, const struct search_path *search, struct report *report, uint64_t *size)
{
	bool provided = value->string[0] == '@';
	char *path = search_file(value, search, report);

	if (!path)
		return NULL;
	if (!file_size(path, size)) {
		report_error(report, value->line, "%s: %s: %s", value->key, path, strerror(errno));
		report_hint(report, value->line, provided ? "provided are \"@debian/linux\", \"@debian/initramfs\", "
			"\"@debian/initramfs-bench\" and, for systems with disks, \"@debian/initramfs-disk\"" : "paths are relative to the folder of this file, or begin with @ for provided files");
	} else if (*size == 0) {
		report_error(report, value->line, "%s: %s is empty", value->key, path);
		report_hint(report, value->line, "name another file");
	} else {
		return path;
	}
	free(path);
	return NULL;
}

static uint64_t read_u64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

/* Reports a kernel that no VMM can load; gives the bytes of RAM that it needs, from the start of RAM. */
static uint64_t check_kernel(const struct toml_node *value, const char *path, uint64_t size, struct report *report)
{
	uint8_t header[IMAGE_HEADER] = { 0 };
	FILE *file = fopen(path, "rb");
	size_t got = file ? fread(header, 1, sizeof(header), file) : 0;
	uint64_t offset, image;

	if (file)
		fclose(file);
	if (got != sizeof(header) || memcmp(header + IMAGE_MAGIC, "RSC\x05", 4)) {
		report_error(report, value->line, "kernel: %s is not a flat RISC-V Linux image", path);
		report_hint(report, value->line, header[0] == 0x1f && header[1] == 0x8b ? "it is compressed: gunzip it"
			: "take the file \"Image\" of a kernel build, or \"@debian/linux\"");
		return 0;
	}
	offset = read_u64(header + IMAGE_TEXT_OFFSET);
	image = read_u64(header + IMAGE_SIZE);
	if (image < size)
		image = size;
	if (offset > GIB || image > 64 * GIB) {
		report_error(report, value->line, "kernel: %s has an impossible size in its header", path);
		report_hint(report, value->line, "the file is damaged: build it again");
		return 0;
	}
	return offset + image;
}

static void read_files(const struct toml_node *table, const struct search_path *search, struct report *report,
	struct guest_description *out)
{
	const struct toml_node *kernel = keys_find(table, guest_keys, COUNT(guest_keys), "kernel");
	const struct toml_node *initrd = keys_find(table, guest_keys, COUNT(guest_keys), "initrd");
	unsigned before = report->errors;
	uint64_t needed = 0;
	char suggestion[24];

	if (kernel) {
		out->kernel = find_file(kernel, search, report, &out->kernel_size);
		if (out->kernel)
			needed = check_kernel(kernel, out->kernel, out->kernel_size, report);
	}
	if (initrd)
		out->initrd = find_file(initrd, search, report, &out->initrd_size);
	needed += out->initrd_size + GUEST_SLACK;
	if (before != report->errors || !out->memory || needed <= out->memory)
		return;
	text_write_size((needed + PAGE_LARGE - 1) / PAGE_LARGE * PAGE_LARGE, suggestion);
	report_error(report, table->line, "the memory of guest %s is too small for its kernel and initrd", table->key);
	report_hint(report, table->line, "it needs memory = \"%s\" or more", suggestion);
}

static void read_cmdline(const struct toml_node *value, struct report *report, struct guest_description *out)
{
	const char *text = value ? value->string : "";
	int length;

	for (const char *c = text; *c; c++) {
		if (*c < ' ' || *c > '~') {
			report_error(report, value->line, "cmdline has a character that is not printable ASCII");
			report_hint(report, value->line, "write it on one line, with plain letters");
			return;
		}
	}
	length = snprintf(out->cmdline, sizeof(out->cmdline), "%s%sserai.host=%s", text, *text ? " " : "", out->name);
	if (length < 0 || (size_t)length >= sizeof(out->cmdline)) {
		report_error(report, value ? value->line : out->line, "cmdline is too long");
		report_hint(report, value ? value->line : out->line, "with serai.host=%s added it may have %u characters, and has %d",
			out->name, SYSTEM_CMDLINE_MAX, length);
	}
}

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, guest_keys, COUNT(guest_keys), name);
}

static bool has_key(const struct toml_node *table, const char *name)
{
	for (size_t i = 0; i < table->children; i++)
		if (!strcmp(table->child[i].key, name))
			return true;
	return false;
}

static void read_vcpus(const struct toml_node *table, uint32_t harts, struct report *report, struct guest_description *out)
{
	const struct toml_node *affinity = find(table, "affinity");
	unsigned before = report->errors;

	out->vcpus = keys_number(find(table, "vcpus"), 1, SYSTEM_VCPUS_MAX, 1, report);
	if (before == report->errors)
		out->has_affinity = keys_list(affinity, out->vcpus > 1 ? "vCPUs" : "vCPU", out->vcpus, harts - 1, out->affinity, report);
}

void guest_read(const struct toml_node *table, const struct search_path *search, uint32_t harts, struct report *report,
	struct guest_description *out)
{
	static const char *const required[] = { "memory", "kernel" };
	const struct toml_node *color = find(table, "color"), *autostart = find(table, "autostart");
	char what[64];

	snprintf(what, sizeof(what), "guest %.40s", table->key);
	out->line = table->line;
	read_name(table, report, out);
	keys_check(table, guest_keys, COUNT(guest_keys), what, report);
	for (size_t i = 0; i < COUNT(required); i++) {
		if (!has_key(table, required[i])) {
			report_error(report, table->line, "%s has no %s", what, required[i]);
			report_hint(report, table->line, "add %s", i ? guest_keys[4].example : guest_keys[0].example);
		}
	}
	out->memory = keys_size(find(table, "memory"), memory_limits, 0, report);
	read_vcpus(table, harts, report, out);
	cpu_read(find(table, "cpu"), what, report, out);
	out->color = keys_choice(color, colors, COUNT(colors), out->color, report);
	out->autostart = autostart ? autostart->boolean : true;
	out->restart = (enum guest_restart)keys_choice(find(table, "restart"), restarts, COUNT(restarts), RESTART_NEVER, report);
	if (color && out->color == 0) {
		report_error(report, color->line, "color: black would not be seen");
		report_hint(report, color->line, "take another colour");
	}
	guest_disks_read(find(table, "disks"), what, report, out);
	guest_nics_read(find(table, "nics"), what, report, out);
	read_files(table, search, report, out);
	read_cmdline(find(table, "cmdline"), report, out);
}
