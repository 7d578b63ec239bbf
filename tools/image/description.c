/* SPDX-License-Identifier: Apache-2.0 */
#include "description.h"

#include "file.h"
#include "keys.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct key root_keys[] = {
	{ "machine", TOML_TABLE, "[machine]" },
	{ "console", TOML_TABLE, "[console]" },
	{ "guest", TOML_TABLE, "[guest.NAME]" },
	{ "block", TOML_TABLE, "[block]" },
	{ "disk", TOML_TABLE, "[disk.NAME]" },
	{ "volume", TOML_TABLE, "[volume.NAME]" },
	{ "net", TOML_TABLE, "[net.NAME]" },
};

static const struct key block_keys[] = {
	{ "memory", TOML_STRING, "memory = \"16M\"" },
};

static const struct key machine_keys[] = {
	{ "memory", TOML_STRING, "memory = \"512M\"" },
	{ "harts", TOML_INTEGER, "harts = 1" },
};

static const struct key console_keys[] = {
	{ "escape", TOML_STRING, "escape = \"ctrl-]\"" },
	{ "scrollback", TOML_STRING, "scrollback = \"256K\"" },
};

/* least, most, unit */
static const uint64_t machine_limits[] = { 64 * MIB, 64 * GIB, PAGE_LARGE };
static const uint64_t block_limits[] = { 2 * MIB, 1 * GIB, PAGE_LARGE };
static const uint64_t scrollback_limits[] = { 256 * KIB, 16 * MIB, 4 * KIB };

static void read_machine(const struct toml_node *table, struct report *report, struct system_description *out)
{
	keys_check(table, machine_keys, COUNT(machine_keys), "[machine]", report);
	out->memory = keys_size(keys_find(table, machine_keys, COUNT(machine_keys), "memory"), machine_limits, out->memory, report);
	out->harts = keys_number(keys_find(table, machine_keys, COUNT(machine_keys), "harts"), 1, SYSTEM_HARTS_MAX, out->harts,
		report);
}

static void read_console(const struct toml_node *table, struct report *report, struct system_description *out)
{
	const struct toml_node *escape = keys_find(table, console_keys, COUNT(console_keys), "escape");

	keys_check(table, console_keys, COUNT(console_keys), "[console]", report);
	out->scrollback = keys_size(keys_find(table, console_keys, COUNT(console_keys), "scrollback"), scrollback_limits,
		out->scrollback, report);
	if (!escape)
		return;
	if (!text_read_control_key(escape->string, &out->escape)) {
		report_error(report, escape->line, "escape: \"%s\" is not a control key", escape->string);
		report_hint(report, escape->line, "write \"ctrl-\" and one of a to z, \\, ], ^, _; the usual one is \"ctrl-]\"");
	} else if (strchr("\t\n\r\033", out->escape)) {
		report_error(report, escape->line, "escape: \"%s\" is what Tab, Enter or Esc sends", escape->string);
		report_hint(report, escape->line, "take a key that guests rarely need, such as \"ctrl-]\"");
	}
}

static void read_guests(const struct toml_node *table, const struct search_path *search, struct report *report,
	struct system_description *out)
{
	if (table->children == 0) {
		report_error(report, table->line, "there is no guest");
		report_hint(report, table->line, "add one: [guest.NAME]");
	}
	for (size_t i = 0; i < table->children; i++) {
		const struct toml_node *guest = &table->child[i];

		if (guest->kind != TOML_TABLE) {
			report_error(report, guest->line, "guest.%s is not a table", guest->key);
			report_hint(report, guest->line, "keys of a guest stand below [guest.NAME]");
		} else if (out->guests == SYSTEM_GUESTS_MAX) {
			report_error(report, guest->line, "too many guests: at most %u", SYSTEM_GUESTS_MAX);
			report_hint(report, guest->line, "remove [guest.%s] and those after it", guest->key);
			return;
		} else {
			struct guest_description *description = &out->guest[out->guests++];

			description->color = (uint32_t)(1 + out->guests % 6);
			guest_read(guest, search, out->harts, report, description);
		}
	}
}

/* A file that an earlier guest boots from too takes room once. */
static bool seen_before(const struct system_description *system, size_t guest, const char *path)
{
	for (size_t i = 0; i < guest; i++) {
		if (system->guest[i].kernel && !strcmp(system->guest[i].kernel, path))
			return true;
		if (system->guest[i].initrd && !strcmp(system->guest[i].initrd, path))
			return true;
	}
	return false;
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static uint64_t block_overhead(const struct system_description *system)
{
	if (system->disks == 0)
		return 0;
	return system->block_memory + BLOCK_OVERHEAD + BLOCK_DISK_OVERHEAD * (system->disks + system->volumes);
}

static uint64_t net_overhead(const struct system_description *system)
{
	/* Captures may be asked for when the system is started. */
	uint64_t bytes = system->nets ? NET_OVERHEAD + NET_CAPTURES_MAX * NET_DMA_DEVICE : 0;

	for (size_t i = 0; i < system->nets; i++)
		bytes += (system->net[i].uplink ? NET_DMA_DEVICE : 0) + (system->net[i].nat.on ? GATEWAY_OVERHEAD : 0);
	return bytes;
}

static void check_total(const struct toml_node *machine, const struct system_description *system, struct report *report)
{
	uint64_t guests = 0, files = ARCHIVE_OVERHEAD, total;
	unsigned line = machine ? machine->line : 0;
	char have[24], need[24];

	for (size_t i = 0; i < system->guests; i++) {
		const struct guest_description *guest = &system->guest[i];

		guests += guest->memory;
		if (guest->kernel && !seen_before(system, i, guest->kernel))
			files += round_up(guest->kernel_size, PAGE_LARGE);
		if (guest->initrd && !seen_before(system, i, guest->initrd))
			files += round_up(guest->initrd_size, PAGE_LARGE);
	}
	/* One scrollback more: the system's own log. */
	total = guests + files + SYSTEM_OVERHEAD + block_overhead(system) + net_overhead(system) +
		round_up(system->scrollback * (system->guests + 1), PAGE_LARGE);
	if (total <= system->memory)
		return;
	text_write_size(system->memory, have);
	text_write_size(total, need);
	report_error(report, line, "the machine's memory of %s is too small: guests have %lluM, files %lluM, the system needs %lluM",
		have, (unsigned long long)(guests / MIB), (unsigned long long)(files / MIB),
		(unsigned long long)((total - guests - files) / MIB));
	report_hint(report, line, "set memory = \"%s\" or more in [machine], or give the guests less", need);
}

static void read_block(const struct toml_node *root, const struct search_path *search, struct report *report,
	struct system_description *out)
{
	const struct toml_node *block = keys_find(root, root_keys, COUNT(root_keys), "block");
	const struct toml_node *disks = keys_find(root, root_keys, COUNT(root_keys), "disk");
	const struct toml_node *volumes = keys_find(root, root_keys, COUNT(root_keys), "volume");

	if (block) {
		keys_check(block, block_keys, COUNT(block_keys), "[block]", report);
		out->block_memory = keys_size(keys_find(block, block_keys, COUNT(block_keys), "memory"), block_limits,
			out->block_memory, report);
	}
	if (disks)
		disks_read(disks, search, report, out);
	if (volumes)
		volumes_read(volumes, report, out);
}

static void read_root(const struct toml_node *root, const struct search_path *search, struct report *report,
	struct system_description *out)
{
	const struct toml_node *machine = keys_find(root, root_keys, COUNT(root_keys), "machine");
	const struct toml_node *console = keys_find(root, root_keys, COUNT(root_keys), "console");
	const struct toml_node *guests = keys_find(root, root_keys, COUNT(root_keys), "guest");
	const struct toml_node *nets = keys_find(root, root_keys, COUNT(root_keys), "net");
	unsigned before = report->errors;

	keys_check(root, root_keys, COUNT(root_keys), "the system description", report);
	if (machine)
		read_machine(machine, report, out);
	if (console)
		read_console(console, report, out);
	read_block(root, search, report, out);
	if (nets)
		nets_read(nets, report, out);
	if (guests) {
		read_guests(guests, search, report, out);
	} else if (before == report->errors) {
		report_error(report, 0, "there is no guest");
		report_hint(report, 0, "add one: [guest.NAME]");
	}
	if (before == report->errors)
		volumes_check(out, report);
	if (before == report->errors)
		nets_check(out, report);
	if (before == report->errors)
		captures_read(out, search, report);
	if (before == report->errors)
		check_total(machine, out, report);
}

static char *folder_of(const char *path)
{
	char *folder = text_copy(path);
	char *slash = strrchr(folder, '/');

	if (!slash)
		*folder = 0;
	else
		slash[slash == folder] = 0;
	return folder;
}

bool description_read(const char *path, const char *guests, struct report *report, struct system_description *out)
{
	struct search_path search = { .guests = guests };
	struct toml_error error = { .line = 0 };
	struct toml_node *root;
	char *folder;
	uint8_t *text;
	size_t size;

	memset(out, 0, sizeof(*out));
	out->memory = 512 * MIB;
	out->harts = 1;
	out->escape = 0x1d;
	out->scrollback = 512 * KIB;
	out->block_memory = 16 * MIB;
	if (!file_read(path, DESCRIPTION_FILE_MAX, &text, &size)) {
		report_error(report, 0, "cannot read the system description: %s", strerror(errno));
		report_hint(report, 0, "examples are in boot/systems");
		return false;
	}
	root = toml_read((const char *)text, size, &error);
	free(text);
	if (!root) {
		report_error(report, error.line, "%s", error.text);
		report_hint(report, error.line, "%s", strstr(error.text, "redefin") ? "each table and each key may stand once: every "
			"guest needs a name of its own" : "this is not TOML: see https://toml.io/en/v1.0.0");
		return false;
	}
	folder = folder_of(path);
	search.folder = folder;
	read_root(root, &search, report, out);
	free(folder);
	toml_free(root);
	return report->errors == 0;
}

void description_free(struct system_description *description)
{
	for (size_t i = 0; i < description->guests; i++) {
		free(description->guest[i].kernel);
		free(description->guest[i].initrd);
		for (size_t j = 0; j < description->guest[i].nics; j++)
			free(description->guest[i].nic[j].capture.file);
	}
	description->guests = 0;
	for (size_t i = 0; i < description->disks; i++)
		free(description->disk[i].file);
	description->disks = 0;
	for (size_t i = 0; i < description->nets; i++)
		free(description->net[i].capture.file);
	description->nets = 0;
	for (size_t i = 0; i < description->captures; i++)
		free(description->capture[i]);
	description->captures = 0;
}
