/* SPDX-License-Identifier: Apache-2.0 */
/* A server that never answers: it waits for ever, and takes all signals. */
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>

int main(void)
{
	struct console_channel *channel = task_memory("channel", NULL);

	if (channel)
		log_set_channel(channel, task_cap("console"));
	log_info("deaf");
	for (;;) {
		uint64_t bits;

		if (sys_wait(TASK_SLOT_NOTIFICATION, DEADLINE_NEVER, &bits) != ERR_OK)
			task_fail("cannot wait");
	}
}
