/* SPDX-License-Identifier: Apache-2.0 */
/* What was meant by a word that is nearly right. */
#pragma once

#include <stdbool.h>

/* True, with *best lowered, if fewer than *best edits make `typed` the name; 0 if the name begins with it. */
bool guess_is_closer(const char *typed, const char *name, unsigned *best);
