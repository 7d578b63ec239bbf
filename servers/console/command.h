/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the prompt. */
#pragma once

#include "mux.h"

/* Runs one line; it is cut into words in place. */
void command_run(struct mux *mux, char *line);

/* Bytes with the largest unit that leaves four digits or fewer of what guests have. */
void command_bytes(uint64_t bytes, char out[24]);

/* The channel of a guest by its name or number, or of a server by its name. NULL: there is none; that is printed. */
struct channel *command_find_channel(struct mux *mux, const char *name);

/* Decimal number without sign, at most 9 digits. False: it is none. */
bool command_number(const char *text, uint64_t *value);
