/* SPDX-License-Identifier: Apache-2.0 */
/* Checks who uses which volume, over the whole description. */
#include "description.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define USES_MAX (SYSTEM_GUESTS_MAX * BLOCK_DISKS_MAX + 2 * BLOCK_VOLUMES_MAX)

/* One user of a volume: a guest, or an overlay that has it as its base or store. */
struct use {
	const struct volume_description *volume;
	bool writes;
	unsigned line;
	char who[64]; /* with what it does: "guest alpha writes to it" */
};

struct uses {
	size_t count;
	struct use use[USES_MAX];
};

static const struct disk_description *find_disk(const struct system_description *system, const char *name)
{
	for (size_t i = 0; i < system->disks; i++)
		if (!strcmp(system->disk[i].name, name))
			return &system->disk[i];
	return NULL;
}

static const struct volume_description *find_volume(const struct system_description *system, const char *name)
{
	for (size_t i = 0; i < system->volumes; i++)
		if (!strcmp(system->volume[i].name, name))
			return &system->volume[i];
	return NULL;
}

static void report_unknown(const struct system_description *system, const struct reference *reference, bool disk,
	struct report *report)
{
	const char *names[BLOCK_VOLUMES_MAX + BLOCK_DEVICES_MAX], *what = disk ? "disk" : "volume", *suggestion;
	size_t count = 0;

	for (size_t i = 0; disk && i < system->disks; i++)
		names[count++] = system->disk[i].name;
	for (size_t i = 0; !disk && i < system->volumes; i++)
		names[count++] = system->volume[i].name;
	report_error(report, reference->line, "there is no %s \"%s\"", what, reference->name);
	suggestion = text_suggest(reference->name, names, count, sizeof(*names));
	if (suggestion)
		report_hint(report, reference->line, "did you mean \"%s\"?", suggestion);
	else if (!disk && find_disk(system, reference->name))
		report_hint(report, reference->line, "that is a disk: add [volume.%s] with disk = \"%s\"", reference->name,
			reference->name);
	else
		report_hint(report, reference->line, "add [%s.%s]", what, reference->name);
}

static bool is_known(const struct system_description *system, const struct reference *volume, struct report *report)
{
	if (!*volume->name || find_volume(system, volume->name))
		return true;
	report_unknown(system, volume, false, report);
	return false;
}

/* A disk whose partitions are made has no others. */
static void check_partition(const struct volume_description *volume, const struct disk_description *disk, struct report *report)
{
	if (!disk->partitions || (!volume->partition && !*volume->label))
		return;
	if (volume->partition > disk->partitions) {
		report_error(report, volume->disk.line, "volume %s: disk %s has only %zu partition%s", volume->name, disk->name,
			disk->partitions, disk->partitions == 1 ? "" : "s");
		report_hint(report, volume->disk.line, "they are made as [disk.%s] says", disk->name);
		return;
	}
	for (size_t i = 0; i < disk->partitions; i++)
		if (volume->partition || !strcmp(disk->partition[i].label, volume->label))
			return;
	report_error(report, volume->disk.line, "volume %s: disk %s has no partition \"%s\"", volume->name, disk->name,
		volume->label);
	report_hint(report, volume->disk.line, "they are made as [disk.%s] says: the first is \"%s\"", disk->name,
		disk->partition[0].label);
}

static void check_names(const struct system_description *system, struct report *report)
{
	for (size_t i = 0; i < system->volumes; i++) {
		const struct volume_description *volume = &system->volume[i];
		const struct disk_description *disk = find_disk(system, volume->disk.name);

		if (disk)
			check_partition(volume, disk, report);
		else if (*volume->disk.name)
			report_unknown(system, &volume->disk, true, report);
		is_known(system, &volume->base, report);
		if (is_known(system, &volume->store, report) && *volume->store.name &&
				*find_volume(system, volume->store.name)->base.name) {
			report_error(report, volume->store.line, "volume %s: its store %s is an overlay", volume->name,
				volume->store.name);
			report_hint(report, volume->store.line, "take a volume on a disk");
		}
	}
	for (size_t i = 0; i < system->guests; i++)
		for (size_t j = 0; j < system->guest[i].disks; j++)
			is_known(system, &system->guest[i].disk[j].volume, report);
}

static void check_circles(const struct system_description *system, struct report *report)
{
	for (size_t i = 0; i < system->volumes; i++) {
		const struct volume_description *volume = &system->volume[i], *base = volume;
		size_t steps = 0;

		while (base && *base->base.name && steps++ <= system->volumes) {
			base = find_volume(system, base->base.name);
			if (base == volume) {
				report_error(report, volume->base.line, "volume %s is its own base%s", volume->name,
					steps > 1 ? ", through others" : "");
				report_hint(report, volume->base.line, "the last base must be a volume on a disk");
				return;
			}
		}
	}
}

__attribute__((format(printf, 5, 6))) static void add_use(struct uses *uses, const struct volume_description *volume, bool writes,
	unsigned line, const char *format, ...)
{
	struct use *use = &uses->use[uses->count++];
	va_list arguments;

	use->volume = volume;
	use->writes = writes;
	use->line = line;
	va_start(arguments, format);
	vsnprintf(use->who, sizeof(use->who), format, arguments);
	va_end(arguments);
}

static void gather(const struct system_description *system, struct uses *uses)
{
	for (size_t i = 0; i < system->volumes; i++) {
		const struct volume_description *volume = &system->volume[i];

		if (!*volume->base.name)
			continue;
		add_use(uses, find_volume(system, volume->base.name), false, volume->base.line, "it is the base of %s", volume->name);
		add_use(uses, find_volume(system, volume->store.name), true, volume->store.line, "it is the store of %s",
			volume->name);
	}
	for (size_t i = 0; i < system->guests; i++) {
		for (size_t j = 0; j < system->guest[i].disks; j++) {
			const struct guest_disk_description *disk = &system->guest[i].disk[j];

			add_use(uses, find_volume(system, disk->volume.name), !disk->read_only, disk->volume.line, "guest %s %s it",
				system->guest[i].name, disk->read_only ? "reads" : "writes to");
		}
	}
}

static void check_writable(const struct system_description *system, const struct use *use, struct report *report)
{
	const struct volume_description *volume = use->volume;
	const struct disk_description *disk = find_disk(system, volume->disk.name);

	if (!use->writes || !(volume->read_only || (disk && disk->read_only)))
		return;
	if (volume->read_only)
		report_error(report, use->line, "volume %s is read-only, but %s", volume->name, use->who);
	else
		report_error(report, use->line, "volume %s is on disk %s, which is read-only, but %s", volume->name, disk->name,
			use->who);
	if (!strncmp(use->who, "guest", 5))
		report_hint(report, use->line, "write { volume = \"%s\", read_only = true }, or give it an overlay on this volume",
			volume->name);
	else
		report_hint(report, use->line, "take another volume as store");
}

/* The number of a volume's partition, as far as the description tells; 0: unknown. */
static size_t partition_of(const struct disk_description *disk, const struct volume_description *volume)
{
	for (size_t i = 0; !volume->partition && i < disk->partitions; i++)
		if (!strcmp(disk->partition[i].label, volume->label))
			return i + 1;
	return volume->partition;
}

/* The block server knows the partition table and checks the rest: a number and a label may be one partition. */
static bool overlap(const struct system_description *system, const struct volume_description *a, const struct volume_description *b)
{
	const struct disk_description *disk = find_disk(system, a->disk.name);
	bool whole_a = !a->partition && !*a->label, whole_b = !b->partition && !*b->label;

	if (a == b)
		return true;
	if (!disk || strcmp(a->disk.name, b->disk.name))
		return false;
	if (whole_a || whole_b)
		return true;
	if (*a->label && *b->label)
		return !strcmp(a->label, b->label);
	return partition_of(disk, a) && partition_of(disk, a) == partition_of(disk, b);
}

static void check_pair(const struct system_description *system, const struct use *first, const struct use *second,
	struct report *report)
{
	if (!(first->writes || second->writes) || !overlap(system, first->volume, second->volume))
		return;
	if (first->volume == second->volume)
		report_error(report, second->line, "volume %s cannot have both users: %s, and %s", first->volume->name, first->who,
			second->who);
	else
		report_error(report, second->line, "volumes %s and %s are the same part of disk %s: of the first, %s; of the second, %s",
			first->volume->name, second->volume->name, first->volume->disk.name, first->who, second->who);
	report_hint(report, second->line, "a volume is used for writing by one, or for reading by any number; overlays can share a base");
}

void volumes_check(const struct system_description *system, struct report *report)
{
	unsigned before = report->errors;
	struct uses uses = { .count = 0 };

	check_names(system, report);
	if (before == report->errors)
		check_circles(system, report);
	if (before != report->errors)
		return;
	gather(system, &uses);
	for (size_t i = 0; i < uses.count; i++) {
		check_writable(system, &uses.use[i], report);
		for (size_t j = 0; j < i; j++)
			check_pair(system, &uses.use[j], &uses.use[i], report);
	}
}
