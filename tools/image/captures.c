/* SPDX-License-Identifier: Apache-2.0 */
/* Which NICs are captured, and to which files of the host. */
#include "description.h"

#include "keys.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define UPLINK "uplink"
#define MOST "at most %u files are possible; several NICs may go to one", NET_CAPTURES_MAX

/* They go to QEMU line by line. */
static bool is_path(const char *file)
{
	for (const char *c = file; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	return *file;
}

void captures_reference(const struct toml_node *value, const struct toml_node *limit, struct report *report, struct capture_reference *out)
{
	static const uint64_t limits[] = { CAPTURE_LIMIT_MIN, CAPTURE_LIMIT_MAX, 1 };

	keys_need(limit, value, "capture", report);
	out->limit = keys_size(limit, limits, 0, report);
	if (!value)
		return;
	out->line = value->line;
	if (is_path(value->string)) {
		out->file = text_copy(value->string);
	} else {
		report_error(report, value->line, "capture: this is not the name of a file");
		report_hint(report, value->line, "write capture = \"alpha.pcapng\"");
	}
}

/* The number of a file, from 1, which becomes the system's; 0: there are too many. */
static unsigned number_of(struct system_description *system, char *path)
{
	size_t number = 0;

	while (number < system->captures && strcmp(system->capture[number], path))
		number++;
	if (number == system->captures && number < NET_CAPTURES_MAX) {
		system->capture_limit[number] = CAPTURE_LIMIT_DEFAULT;
		system->capture[system->captures++] = path;
		return (unsigned)number + 1;
	}
	free(path);
	return number < system->captures ? (unsigned)number + 1 : 0;
}

/* All that name a limit of one file name the same. */
static void limit_one(struct system_description *system, const struct capture_reference *capture, bool given[NET_CAPTURES_MAX],
	struct report *report)
{
	unsigned number = capture->number - 1;

	if (!capture->number || !capture->limit)
		return;
	if (given[number] && system->capture_limit[number] != capture->limit) {
		report_error(report, capture->line, "capture_limit: the file %s has another limit elsewhere", capture->file);
		report_hint(report, capture->line, "write the same for all that are captured to one file, or only once");
	}
	given[number] = true;
	system->capture_limit[number] = capture->limit;
}

static void read_one(struct system_description *system, struct capture_reference *capture, const struct search_path *search,
	struct report *report)
{
	if (!capture->file)
		return;
	capture->number = number_of(system, text_join_path(search->folder, capture->file));
	if (!capture->number) {
		report_error(report, capture->line, "capture: too many files");
		report_hint(report, capture->line, MOST);
	}
}

void captures_read(struct system_description *system, const struct search_path *search, struct report *report)
{
	bool given[NET_CAPTURES_MAX] = { false };

	for (size_t i = 0; i < system->nets; i++)
		read_one(system, &system->net[i].capture, search, report);
	for (size_t i = 0; i < system->guests; i++)
		for (size_t j = 0; j < system->guest[i].nics; j++)
			read_one(system, &system->guest[i].nic[j].capture, search, report);
	for (size_t i = 0; i < system->nets; i++)
		limit_one(system, &system->net[i].capture, given, report);
	for (size_t i = 0; i < system->guests; i++)
		for (size_t j = 0; j < system->guest[i].nics; j++)
			limit_one(system, &system->guest[i].nic[j].capture, given, report);
}

/* "alpha" is alpha's first NIC, "alpha.1" its second. */
static struct capture_reference *find_nic(struct system_description *system, const char *name, bool *guest_exists)
{
	size_t length = strcspn(name, ".");
	uint64_t number = 0;

	if (name[length] && !text_read_quantity(name + length + 1, "", &number))
		return NULL;
	for (size_t i = 0; i < system->guests; i++) {
		struct guest_description *guest = &system->guest[i];

		if (strlen(guest->name) == length && !strncmp(guest->name, name, length)) {
			*guest_exists = true;
			return number < guest->nics ? &guest->nic[number].capture : NULL;
		}
	}
	return NULL;
}

/* By the name of its net, or "uplink" if it is the only one. */
static struct capture_reference *find_uplink(struct system_description *system, const char *name)
{
	struct capture_reference *found = NULL;
	unsigned uplinks = 0;

	for (size_t i = 0; i < system->nets; i++) {
		struct net_description *net = &system->net[i];

		if (!net->uplink)
			continue;
		if (!strcmp(net->name, name))
			return &net->capture;
		uplinks++;
		found = &net->capture;
	}
	return !strcmp(name, UPLINK) && uplinks == 1 ? found : NULL;
}

static void report_unknown(const struct system_description *system, const char *name, bool guest_exists, struct report *report)
{
	const char *names[SYSTEM_GUESTS_MAX + NET_SWITCHES_MAX + 1], *suggestion;
	size_t count = 0;
	unsigned uplinks = 0;

	for (size_t i = 0; i < system->guests; i++)
		if (system->guest[i].nics)
			names[count++] = system->guest[i].name;
	for (size_t i = 0; i < system->nets; i++) {
		if (system->net[i].uplink)
			names[count++] = system->net[i].name;
		uplinks += system->net[i].uplink;
	}
	if (uplinks == 1)
		names[count++] = UPLINK;
	report_error(report, 0, guest_exists ? "there is no NIC %s" : "nothing that can be captured is named \"%s\"", name);
	suggestion = text_suggest(name, names, count, sizeof(*names));
	if (suggestion && !guest_exists)
		report_hint(report, 0, "did you mean \"%s\"?", suggestion);
	else if (!strcmp(name, UPLINK) && uplinks)
		report_hint(report, 0, "there are %u uplinks: write the name of a net", uplinks);
	else
		report_hint(report, 0, "write a guest's name, or one with the number of its NIC, such as alpha.0, or uplink");
}

bool captures_add(struct system_description *system, const char *name, const char *file, struct report *report)
{
	bool guest_exists = false;
	struct capture_reference *capture = find_nic(system, name, &guest_exists);

	if (!capture && !guest_exists)
		capture = find_uplink(system, name);
	if (!capture) {
		report_unknown(system, name, guest_exists, report);
	} else if (!is_path(file)) {
		report_error(report, 0, "%s: this is not the name of a file", name);
		report_hint(report, 0, "control characters are not possible");
	} else {
		capture->number = number_of(system, text_copy(file));
		if (!capture->number) {
			report_error(report, 0, "%s: too many files", name);
			report_hint(report, 0, MOST);
		}
		return capture->number;
	}
	return false;
}

void captures_add_spare(struct system_description *system, const char *file)
{
	if (system->nets && !system->captures)
		(void)number_of(system, text_copy(file));
}
