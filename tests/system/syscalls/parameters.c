/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "syscalls.h"

#define MARK "syscalls "

struct parameters parameters = { .seed = 1, .rounds = 500, .ticks = 40000, .children = 4, .check = 256, .watch = 0 };

static const struct {
	const char *name;
	uint64_t *value;
} names[] = {
	{ "seed=", &parameters.seed },		 { "rounds=", &parameters.rounds }, { "ticks=", &parameters.ticks },
	{ "children=", &parameters.children }, { "check=", &parameters.check },   { "watch=", &parameters.watch },
};

static void read_one(const char *word)
{
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i].name);

		if (strncmp(word, names[i].name, length) == 0) {
			*names[i].value = strtoull(word + length, NULL, 0);
			return;
		}
	}
	fail("unknown parameter", (uint64_t)*word);
}

void parameters_read(void)
{
	const char *tree = (const char *)(uintptr_t)root_info->device_tree;
	size_t size = root_info->device_tree_size, length = strlen(MARK);

	/* The command line is the only string of the tree that begins so. */
	for (size_t i = 0; i + length < size; i++) {
		if (memcmp(tree + i, MARK, length) != 0)
			continue;
		for (const char *word = tree + i + length; word < tree + size && *word; word += strcspn(word, " ")) {
			word += strspn(word, " ");
			if (*word)
				read_one(word);
		}
		break;
	}
	if (parameters.children == 0 || parameters.children > CHILDREN_MAX)
		fail("children are out of range", parameters.children);
}
