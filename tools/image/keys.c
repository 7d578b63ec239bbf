/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "text.h"

#include <inttypes.h>
#include <proto/block.h>
#include <string.h>

enum { LIMIT_LEAST, LIMIT_MOST, LIMIT_UNIT };

static const char *kind_name(enum toml_kind kind)
{
	switch (kind) {
	case TOML_TABLE:
		return "a table";
	case TOML_STRING:
		return "a string";
	case TOML_INTEGER:
		return "a number";
	case TOML_BOOLEAN:
		return "true or false";
	case TOML_ARRAY:
		return "a list";
	case TOML_OTHER:
	case TOML_ANY:
		break;
	}
	return "a value of another type";
}

static const struct key *find_key(const struct key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static void report_unknown(const struct toml_node *node, const struct key *keys, size_t count, const char *what,
	struct report *report)
{
	const char *suggestion = text_suggest(node->key, keys, count, sizeof(*keys));
	char list[160] = "";
	size_t used = 0;

	report_error(report, node->line, "%s has no key \"%s\"", what, node->key);
	if (suggestion) {
		report_hint(report, node->line, "did you mean \"%s\"?", suggestion);
		return;
	}
	for (size_t i = 0; i < count && used < sizeof(list) - 32; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", keys[i].name);
	report_hint(report, node->line, "known keys: %s", list);
}

void keys_check(const struct toml_node *table, const struct key *keys, size_t count, const char *what, struct report *report)
{
	for (size_t i = 0; i < table->children; i++) {
		const struct toml_node *node = &table->child[i];
		const struct key *key = find_key(keys, count, node->key);

		if (!key) {
			report_unknown(node, keys, count, what, report);
		} else if (node->kind != key->kind && key->kind != TOML_ANY) {
			report_error(report, node->line, "%s of %s must be %s, not %s", key->name, what, kind_name(key->kind),
				kind_name(node->kind));
			report_hint(report, node->line, "write %s", key->example);
		} else if (node->truncated) {
			report_error(report, node->line, "%s of %s has a NUL character", key->name, what);
		}
	}
}

const struct toml_node *keys_find(const struct toml_node *table, const struct key *keys, size_t count, const char *name)
{
	const struct key *key = find_key(keys, count, name);

	for (size_t i = 0; key && i < table->children; i++)
		if (!strcmp(table->child[i].key, name) && (key->kind == TOML_ANY || table->child[i].kind == key->kind))
			return &table->child[i];
	return NULL;
}

bool keys_name(const struct toml_node *table, const char *what, size_t most, struct report *report)
{
	const char *name = table->key;
	size_t length = strlen(name);

	if (length == 0 || length > most) {
		report_error(report, table->line, "%s name \"%s\" has %zu characters", what, name, length);
		report_hint(report, table->line, "a name has 1 to %zu characters", most);
		return false;
	}
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length || name[0] < 'a' || name[0] > 'z') {
		report_error(report, table->line, "%s name \"%s\" is not possible", what, name);
		report_hint(report, table->line, "a name begins with a to z and goes on with a to z, 0 to 9 and -");
		return false;
	}
	return true;
}

bool keys_serial(const struct toml_node *value, struct report *report)
{
	size_t length = strlen(value->string);

	if (length >= 1 && length <= BLOCK_SERIAL_SIZE &&
			strspn(value->string, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == length)
		return true;
	report_error(report, value->line, "serial: \"%s\" is not possible", value->string);
	report_hint(report, value->line, "a serial number has 1 to %u characters: letters, digits, -, _ and .", BLOCK_SERIAL_SIZE);
	return false;
}

uint64_t keys_size(const struct toml_node *value, const uint64_t limits[3], uint64_t otherwise, struct report *report)
{
	char least[24], most[24], near[24], unit[24];
	uint64_t bytes;

	if (!value)
		return otherwise;
	text_write_size(limits[LIMIT_LEAST], least);
	text_write_size(limits[LIMIT_MOST], most);
	text_write_size(limits[LIMIT_UNIT], unit);
	if (!text_read_size(value->string, &bytes)) {
		report_error(report, value->line, "%s: \"%s\" is not a size", value->key, value->string);
		report_hint(report, value->line, "write a whole number with K, M or G, such as \"%s\"", least);
		return otherwise;
	}
	if (bytes < limits[LIMIT_LEAST] || bytes > limits[LIMIT_MOST]) {
		report_error(report, value->line, "%s: %s is outside of %s to %s", value->key, value->string, least, most);
		report_hint(report, value->line, "the nearest possible size is \"%s\"", bytes < limits[LIMIT_LEAST] ? least : most);
		return otherwise;
	}
	if (bytes % limits[LIMIT_UNIT]) {
		text_write_size(bytes + limits[LIMIT_UNIT] - bytes % limits[LIMIT_UNIT], near);
		report_error(report, value->line, "%s: %s is not a multiple of %s", value->key, value->string, unit);
		report_hint(report, value->line, "the next possible size is \"%s\"", near);
		return otherwise;
	}
	return bytes;
}

uint32_t keys_number(const struct toml_node *value, uint32_t least, uint32_t most, uint32_t otherwise, struct report *report)
{
	if (!value)
		return otherwise;
	if (value->integer >= least && value->integer <= most)
		return (uint32_t)value->integer;
	if (least == most) {
		report_error(report, value->line, "%s: %" PRId64 " is not supported", value->key, value->integer);
		report_hint(report, value->line, "this version of Serai runs with %s = %" PRIu32, value->key, least);
	} else {
		report_error(report, value->line, "%s: %" PRId64 " is outside of %" PRIu32 " to %" PRIu32, value->key,
			value->integer, least, most);
		report_hint(report, value->line, "write %s = %" PRIu32, value->key, value->integer < least ? least : most);
	}
	return otherwise;
}

bool keys_list(const struct toml_node *value, const char *what, uint32_t count, uint32_t most, uint32_t *out,
	struct report *report)
{
	unsigned before = report->errors;

	if (!value)
		return false;
	if (value->children != count) {
		report_error(report, value->line, "%s: there are %zu numbers for %" PRIu32 " %s", value->key, value->children,
			count, what);
		report_hint(report, value->line, "write one number for each, such as %s = [0%s]", value->key,
			count > 1 ? ", ..." : "");
		return false;
	}
	for (size_t i = 0; i < value->children; i++) {
		const struct toml_node *item = &value->child[i];

		if (item->kind != TOML_INTEGER || item->integer < 0 || item->integer > most) {
			report_error(report, item->line, "%s: number %zu of the list is not a number from 0 to %" PRIu32,
				value->key, i + 1, most);
			report_hint(report, item->line, "write whole numbers, such as 0");
		}
	}
	if (before != report->errors)
		return false;
	for (uint32_t i = 0; i < count; i++)
		out[i] = (uint32_t)value->child[i].integer;
	return true;
}

uint32_t keys_choice(const struct toml_node *value, const char *const *words, uint32_t count, uint32_t otherwise,
	struct report *report)
{
	const char *suggestion;
	char list[128] = "";
	size_t used = 0;

	if (!value)
		return otherwise;
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(words[i], value->string))
			return i;
	report_error(report, value->line, "%s: \"%s\" is not one of its values", value->key, value->string);
	suggestion = text_suggest(value->string, words, count, sizeof(*words));
	for (uint32_t i = 0; i < count && used < sizeof(list) - 24; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i ? ", " : "", words[i]);
	if (suggestion)
		report_hint(report, value->line, "did you mean \"%s\"?", suggestion);
	else
		report_hint(report, value->line, "one of %s", list);
	return otherwise;
}

void keys_need(const struct toml_node *value, const struct toml_node *other, const char *name, struct report *report)
{
	if (!value || other)
		return;
	report_error(report, value->line, "%s has no meaning without %s", value->key, name);
	report_hint(report, value->line, "add %s, or take it away", name);
}
