/* SPDX-License-Identifier: Apache-2.0 */
#include "isa.h"

#include <string.h>

static bool is_one_of(const char *name, size_t length, const char *const list[])
{
	for (; *list; list++)
		if (strlen(*list) == length && memcmp(*list, name, length) == 0)
			return true;
	return false;
}

/* Extensions without state or traps of their own are safe; the others must be ones that kernel and VMM support. */
static bool allowed(const char *name, size_t length, const struct isa_features *features)
{
	static const char *const always[] = { "zicsr", "zifencei", "zicntr", "zihintpause", NULL };
	static const char *const cache[] = { "zicbom", "zicboz", NULL };
	static const char *const timer[] = { "sstc", NULL };

	if (length > 2 && name[0] == 'z' && name[1] == 'b')
		return true;
	return is_one_of(name, length, always) || (features->cache_blocks && is_one_of(name, length, cache)) ||
	       (features->sstc && is_one_of(name, length, timer));
}

bool isa_filter(const char *machine, const struct isa_features *features, char *output)
{
	size_t used = 4;

	if (strncmp(machine, "rv64i", 5) != 0)
		return false;
	memcpy(output, "rv64", 4);
	for (machine += 4; *machine && *machine != '_'; machine++)
		if (strchr("imafdc", *machine) && used < ISA_STRING_MAX - 1)
			output[used++] = *machine;
	while (*machine == '_') {
		size_t length = strcspn(++machine, "_");

		/* The machine's string may be of any length; what does not fit is left out. */
		if (allowed(machine, length, features) && used + 1 + length < ISA_STRING_MAX) {
			output[used++] = '_';
			memcpy(output + used, machine, length);
			used += length;
		}
		machine += length;
	}
	output[used] = '\0';
	return true;
}
