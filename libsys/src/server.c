/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/server.h>

#include <libsys/task.h>

_Noreturn void server_run(const struct server *server)
{
	struct message message = { 0 };
	bool answer = false;

	for (;;) {
		uint64_t deadline = server->deadline ? server->deadline() : DEADLINE_NEVER;
		enum err err = answer ? sys_reply_recv(TASK_SLOT_ENDPOINT, TASK_SLOT_REPLY, &message, deadline) :
					sys_recv(TASK_SLOT_ENDPOINT, TASK_SLOT_REPLY, &message, deadline);

		answer = false;
		if (err == ERR_TIMED_OUT) {
			if (server->timer)
				server->timer();
		} else if (err != ERR_OK) {
			task_fail("receive failed with error %d", (int)err);
		} else if (message_label(message.info) == LABEL_NOTIFICATION) {
			if (server->signals)
				server->signals(message.badge);
		} else {
			answer = server->request && server->request(&message);
		}
	}
}
