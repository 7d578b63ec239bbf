/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and checks the CPU time of one guest: cpu.share, cpu.cap and cpu.period. */
#include "description.h"

#include "keys.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct key cpu_keys[] = {
	{ "share", TOML_INTEGER, "cpu.share = 100" },
	{ "cap", TOML_STRING, "cpu.cap = \"50%\"" },
	{ "period", TOML_STRING, "cpu.period = \"10ms\"" },
};

static const struct toml_node *find(const struct toml_node *table, const char *name)
{
	return keys_find(table, cpu_keys, COUNT(cpu_keys), name);
}

/* A whole number with its unit, from `least` to `most`; `otherwise` if it is absent or wrong. */
static uint32_t read_quantity(const struct toml_node *value, const char *unit, const uint32_t limits[2], uint32_t otherwise,
	struct report *report)
{
	uint64_t number;

	if (!value)
		return otherwise;
	if (!text_read_quantity(value->string, unit, &number)) {
		report_error(report, value->line, "cpu.%s: \"%s\" is not a whole number with %s", value->key, value->string, unit);
		report_hint(report, value->line, "write something like \"%" PRIu32 "%s\"", limits[1], unit);
	} else if (number < limits[0] || number > limits[1]) {
		report_error(report, value->line, "cpu.%s: %s is outside of %" PRIu32 "%s to %" PRIu32 "%s", value->key,
			value->string, limits[0], unit, limits[1], unit);
		report_hint(report, value->line, "the nearest possible value is \"%" PRIu32 "%s\"",
			limits[number > limits[1]], unit);
	} else {
		return (uint32_t)number;
	}
	return otherwise;
}

void cpu_read(const struct toml_node *table, const char *guest, struct report *report, struct guest_description *out)
{
	static const uint32_t periods[] = { 1, SYSTEM_PERIOD_MAX };
	/* For all vCPUs together: at least one percent each, and at most a whole hart each. */
	const uint32_t caps[] = { out->vcpus, 100 * out->vcpus };
	const struct toml_node *cap, *period;
	char what[80];

	out->cpu_share = SYSTEM_SHARE_DEFAULT;
	out->cpu_period = SYSTEM_PERIOD_DEFAULT;
	if (!table)
		return;
	snprintf(what, sizeof(what), "cpu of %s", guest);
	keys_check(table, cpu_keys, COUNT(cpu_keys), what, report);
	cap = find(table, "cap");
	period = find(table, "period");
	out->cpu_share = keys_number(find(table, "share"), SYSTEM_SHARE_MIN, SYSTEM_SHARE_MAX, out->cpu_share, report);
	out->cpu_cap = read_quantity(cap, "%", caps, 0, report);
	out->cpu_period = read_quantity(period, "ms", periods, out->cpu_period, report);
	if (period && !cap) {
		report_error(report, period->line, "cpu.period has no meaning without cpu.cap");
		report_hint(report, period->line, "add %s, or take the period away", cpu_keys[1].example);
	}
}
