/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the prompt. */
#pragma once

#include "mux.h"

/* Runs one line; it is cut into words in place. */
void command_run(struct mux *mux, char *line);

/* Bytes with the largest unit that leaves four digits or fewer of what guests have. */
void command_bytes(uint64_t bytes, char out[24]);
