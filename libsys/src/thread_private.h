/* SPDX-License-Identifier: Apache-2.0 */
/* What a further thread finds in a0 when it starts: between thread.c and start.S. */
#pragma once

#include <abi/types.h>

struct thread_begin {
	uint64_t local; /* its thread-local storage */
	void (*run)(void *);
	void *argument;
	uint64_t unused; /* keeps the stack aligned to 16 bytes */
};
_Static_assert(offsetof(struct thread_begin, local) == 0 && offsetof(struct thread_begin, run) == 8 &&
	       offsetof(struct thread_begin, argument) == 16 && sizeof(struct thread_begin) == 32, "as start.S has it");

/* start.S. */
void thread_enter(struct thread_begin *begin);
