/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 24u

/* Reads digits; returns what follows, or NULL if there are none or their number exceeds 2^63. */
static const char *read_digits(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (value > ((uint64_t)INT64_MAX - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	*number = value;
	return text;
}

bool text_read_quantity(const char *text, const char *unit, uint64_t *number)
{
	uint64_t value;
	const char *end = read_digits(text, &value);

	if (!end || strcmp(end, unit) != 0)
		return false;
	*number = value;
	return true;
}

bool text_read_size(const char *text, uint64_t *bytes)
{
	uint64_t value = 0;
	unsigned shift = 0;

	text = read_digits(text, &value);
	if (!text)
		return false;
	if (*text == 'K')
		shift = 10;
	else if (*text == 'M')
		shift = 20;
	else if (*text == 'G')
		shift = 30;
	if (shift)
		text++;
	if (*text || value > ((uint64_t)INT64_MAX >> shift))
		return false;
	*bytes = value << shift;
	return true;
}

void text_write_size(uint64_t bytes, char out[24])
{
	if (bytes && bytes % GIB == 0)
		snprintf(out, 24, "%" PRIu64 "G", bytes / GIB);
	else if (bytes && bytes % MIB == 0)
		snprintf(out, 24, "%" PRIu64 "M", bytes / MIB);
	else if (bytes && bytes % KIB == 0)
		snprintf(out, 24, "%" PRIu64 "K", bytes / KIB);
	else
		snprintf(out, 24, "%" PRIu64, bytes);
}

bool text_read_control_key(const char *text, uint8_t *key)
{
	char letter;

	if (strncmp(text, "ctrl-", 5) || !text[5] || text[6])
		return false;
	letter = text[5];
	if (letter >= 'a' && letter <= 'z')
		letter = (char)(letter - 'a' + 'A');
	if (letter < 'A' || letter > '_')
		return false;
	*key = (uint8_t)(letter & 0x1f);
	return true;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance, or WORD_MAX for long words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a >= WORD_MAX || length_b >= WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(change, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[length_b];
}

const char *text_suggest(const char *word, const void *words, size_t count, size_t stride)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) > 4 ? 3 : 2;

	for (size_t i = 0; i < count; i++) {
		const char *candidate = *(const char *const *)((const char *)words + i * stride);
		size_t found = distance(word, candidate);

		/* One word that begins with the other is a good guess too: "mem", "vcpus_max". */
		if (strlen(word) >= 3 && (!strncmp(word, candidate, strlen(word)) || !strncmp(word, candidate, strlen(candidate))))
			found = least(found, 1);
		if (found < best_distance || (found == best_distance && !best && found < 3)) {
			best = candidate;
			best_distance = found;
		}
	}
	return best;
}

char *text_join_path(const char *folder, const char *path)
{
	size_t length = strlen(folder) + strlen(path) + 2;
	char *joined = memory_allocate(length);

	if (*path == '/' || !*folder)
		snprintf(joined, length, "%s", path);
	else
		snprintf(joined, length, "%s/%s", folder, path);
	return joined;
}

char *text_copy(const char *text)
{
	size_t length = strlen(text) + 1;

	return memcpy(memory_allocate(length), text, length);
}

void *memory_allocate(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);

	if (!memory) {
		fputs("image: error: no memory left\n", stderr);
		exit(1);
	}
	return memory;
}
