/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "screen.h"

uint32_t ask_sequence(const uint32_t *answered, uint32_t written)
{
	uint32_t sequence = __atomic_load_n(answered, __ATOMIC_RELAXED);

	if (sequence < written)
		sequence = written;
	return sequence == UINT32_MAX ? 1 : sequence + 1;
}

bool ask_turn(struct mux *mux, uint32_t *asked, const uint32_t *answered, const uint32_t *error, const char *answer, size_t size)
{
	if (!*asked || !screen_ready(mux) || screen_held(mux) || __atomic_load_n(answered, __ATOMIC_ACQUIRE) != *asked)
		return false;
	*asked = 0;
	screen_begin(mux);
	screen_print(mux, "%s%.*s", *error ? "error: " : "", (int)size - 1, answer);
	screen_restore(mux);
	return true;
}
