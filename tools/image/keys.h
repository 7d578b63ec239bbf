/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of a system description, key by key. */
#pragma once

#include "report.h"
#include "toml_reader.h"

struct key {
	const char *name;
	enum toml_kind kind;
	const char *example; /* a right value, for hints */
};

/* Reports keys that are not in the list, with a suggestion, and values of a wrong type. `what` names the table. */
void keys_check(const struct toml_node *table, const struct key *keys, size_t count, const char *what, struct report *report);

/* The value of a key if it is there and of the type that the list says, else NULL. */
const struct toml_node *keys_find(const struct toml_node *table, const struct key *keys, size_t count, const char *name);

/* True if the name of a table [what.NAME] is a possible one of at most so many characters; else it is reported. */
bool keys_name(const struct toml_node *table, const char *what, size_t most, struct report *report);

/* True if a string can be the serial number of a disk; else it is reported. */
bool keys_serial(const struct toml_node *value, struct report *report);

/* A size from `least` to `most` bytes, a multiple of `unit`; reported if it is not. Returns `otherwise` if absent or wrong. */
uint64_t keys_size(const struct toml_node *value, const uint64_t limits[3], uint64_t otherwise, struct report *report);

/* Likewise for a number from `least` to `most`. */
uint32_t keys_number(const struct toml_node *value, uint32_t least, uint32_t most, uint32_t otherwise, struct report *report);

/*
 * Likewise for a list of `count` numbers from 0 to `most`, of which there is one for each of `what`. False if it is absent or
 * wrong; then out[] is as it was.
 */
bool keys_list(const struct toml_node *value, const char *what, uint32_t count, uint32_t most, uint32_t *out,
	struct report *report);

/* Index of a string in a list of words, `otherwise` if absent; a word not in the list is reported. */
uint32_t keys_choice(const struct toml_node *value, const char *const *words, uint32_t count, uint32_t otherwise,
	struct report *report);

/* Reports a key that has no meaning without another: `value` is there and `other`, named so, is not. Either may be NULL. */
void keys_need(const struct toml_node *value, const struct toml_node *other, const char *name, struct report *report);
