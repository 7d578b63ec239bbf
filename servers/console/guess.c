/* SPDX-License-Identifier: Apache-2.0 */
#include "guess.h"

#include <string.h>

enum { WORD_MAX = 24 };

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Edits that make one word the other (Levenshtein); words of WORD_MAX and more are as far as can be. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1], i, j;
	size_t width = strlen(b);

	if (strlen(a) > WORD_MAX || width > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= width; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= width; j++) {
			unsigned above = row[j];

			row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[width];
}

bool guess_is_closer(const char *typed, const char *name, unsigned *best)
{
	unsigned edits = !strncmp(name, typed, strlen(typed)) ? 0 : distance(typed, name);

	if (edits >= *best)
		return false;
	*best = edits;
	return true;
}
