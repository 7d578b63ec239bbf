/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of a server: requests by endpoint, signals by the bound notification, one deadline. */
#pragma once

#include <libsys/syscalls.h>

struct server {
	/* Answers a request in place: *message is the request on entry and the answer on return. Return false for no answer. */
	bool (*request)(struct message *message);
	/* Signals that came since the last call. */
	void (*signals)(uint64_t bits);
	/* The deadline passed. */
	void (*timer)(void);
	/* Asked before each wait: timebase ticks, DEADLINE_NEVER for none. NULL: never. */
	uint64_t (*deadline)(void);
};

/* Runs for ever on TASK_SLOT_ENDPOINT and TASK_SLOT_REPLY. */
_Noreturn void server_run(const struct server *server);
