/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that the user gives to a server on a shared page, and their answers: one at a time for each server. */
#pragma once

#include "mux.h"

#define ASK_AGAIN_MS 50u /* how often the answer is looked for, if no signal tells of it */

/*
 * A number for the next command that was never answered yet: the pages outlive this console. answered: in the server's page;
 * written: the last one in the command page.
 */
uint32_t ask_sequence(const uint32_t *answered, uint32_t written);

/* Prints the answer of `size` bytes once it is there for *asked, then sets that to 0; true if it was. error: whether it failed. */
bool ask_turn(struct mux *mux, uint32_t *asked, const uint32_t *answered, const uint32_t *error, const char *answer, size_t size);
