/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/log.h>
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include <proto/block.h>
#include <proto/net.h>
#include <stdio.h>
#include "console.h"
#include "sessions.h"

#define WAIT_SECONDS 10u
#define LOOKS_PER_SECOND 50u
#define PROBLEM_MAX 128u

_Static_assert(BLOCK_WAITING == SESSION_WAITING && BLOCK_READY == SESSION_READY && BLOCK_FAILED == SESSION_FAILED, "states");
_Static_assert(NET_WAITING == SESSION_WAITING && NET_READY == SESSION_READY && NET_FAILED == SESSION_FAILED, "states");

unsigned sessions_count(const struct session_kind *kind)
{
	uint64_t count = task_value(kind->count, 0);

	if (count > kind->most)
		task_fail("%llu %s are not possible", (unsigned long long)count, kind->count);
	return (unsigned)count;
}

void *sessions_find(const struct session_kind *kind, unsigned number, cptr_t *signal)
{
	char name[28];
	size_t size = 0;
	void *page;

	snprintf(name, sizeof(name), "%s.%u.session", kind->resource, number);
	page = task_memory(name, &size);
	snprintf(name, sizeof(name), "%s.%u.signal", kind->resource, number);
	*signal = task_cap(name);
	if (!page || size < kind->size || !*signal)
		task_fail("the resources of %s %u are missing or too small", kind->resource, number);
	return page;
}

uint64_t sessions_deadline(void)
{
	return sys_time() + (uint64_t)WAIT_SECONDS * task_info()->timebase_hz;
}

/* Looks at times too: the server may be on its way up. */
uint32_t sessions_wait(const struct session_kind *kind, const uint32_t *state, uint64_t deadline)
{
	uint64_t hz = task_info()->timebase_hz;
	uint32_t answer = __atomic_load_n(state, __ATOMIC_ACQUIRE);

	for (uint64_t now = sys_time(); now < deadline && answer == SESSION_WAITING; now = sys_time()) {
		uint64_t look = now + hz / LOOKS_PER_SECOND, bits = 0;
		enum err error = sys_wait(TASK_SLOT_NOTIFICATION, look < deadline ? look : deadline, &bits);

		if (error == ERR_OK)
			console_kept_bits |= bits;
		else if (error != ERR_TIMED_OUT)
			task_fail("the %s server cannot be waited for (error %u)", kind->server, (unsigned)error);
		answer = __atomic_load_n(state, __ATOMIC_ACQUIRE);
	}
	return answer;
}

void sessions_text(char *to, size_t size, const char *from, size_t length)
{
	size_t used = 0;

	while (used < length && used + 1 < size && from[used] >= ' ' && from[used] <= '~') {
		to[used] = from[used];
		used++;
	}
	to[used] = '\0';
}

void sessions_refuse(const struct session_kind *kind, uint32_t state, const char *problem, size_t length, const char *guest,
		     const char *name)
{
	char reason[PROBLEM_MAX];

	if (state == SESSION_FAILED)
		sessions_text(reason, sizeof(reason), problem, length);
	else
		snprintf(reason, sizeof(reason), state == SESSION_READY ? "the %s server describes no %s" : "the %s server does not answer",
			 kind->server, kind->shown);
	log_warn("guest %s cannot start: %s \"%s\": %s", guest, kind->shown, name, reason);
}
