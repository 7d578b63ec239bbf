/* SPDX-License-Identifier: Apache-2.0 */
/* A server and a client with an endpoint between them. */
#pragma once

#include "test.h"

struct parties {
	cptr_t endpoint, badged, reply;
	struct made_thread server_made, client_made;
	struct thread *server, *client;
};

static inline struct parties meet(void)
{
	struct parties all = { .endpoint = make(OBJECT_ENDPOINT, 0), .reply = make(OBJECT_REPLY, 0) };

	all.badged = derive(all.endpoint, RIGHT_ALL, 42);
	all.server_made = make_thread(110);
	all.client_made = make_thread(100);
	all.server = all.server_made.thread;
	all.client = all.client_made.thread;
	thread_resume(all.server);
	thread_resume(all.client);
	return all;
}
