/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <libsys/server.h>
#include <libsys/task.h>

/* What the fake kernel delivers, one after the other; then the loop is left. */
struct event {
	enum err err;
	uint16_t label;
	uint64_t badge;
};
static const struct event events[] = {
	{ ERR_OK, 1, 10 }, { ERR_OK, LABEL_NOTIFICATION, 6 }, { ERR_OK, 2, 11 }, { ERR_TIMED_OUT, 0, 0 }, { ERR_OK, 1, 12 },
};
static unsigned next, replies, plain, timers;
static uint64_t signal_bits, last_deadline, last_answer;
static jmp_buf leave;

static enum err deliver(struct message *message, uint64_t deadline)
{
	last_deadline = deadline;
	if (next == sizeof(events) / sizeof(events[0]))
		longjmp(leave, 1);
	message->info = message_info(events[next].label, 1);
	message->badge = events[next].badge;
	message->word[0] = events[next].badge;
	return events[next++].err;
}

enum err sys_recv(cptr_t endpoint, cptr_t reply, struct message *message, uint64_t deadline)
{
	assert_int_equal(endpoint, TASK_SLOT_ENDPOINT);
	assert_int_equal(reply, TASK_SLOT_REPLY);
	plain++;
	return deliver(message, deadline);
}

enum err sys_reply_recv(cptr_t endpoint, cptr_t reply, struct message *message, uint64_t deadline)
{
	assert_int_equal(endpoint, TASK_SLOT_ENDPOINT);
	assert_int_equal(reply, TASK_SLOT_REPLY);
	replies++;
	last_answer = message->word[0];
	return deliver(message, deadline);
}

_Noreturn void task_fail(const char *format, ...)
{
	fail_msg("%s", format);
	__builtin_unreachable();
}

static bool request(struct message *message)
{
	message->word[0] += 100;
	return message_label(message->info) == 1;
}

static void signals(uint64_t bits)
{
	signal_bits |= bits;
}

static void timer(void)
{
	timers++;
}

static uint64_t deadline(void)
{
	return 42;
}

TEST(server, answers_requests_and_passes_on_signals_and_time)
{
	static const struct server server = { request, signals, timer, deadline };

	if (!setjmp(leave))
		server_run(&server);
	assert_int_equal(next, 5);
	assert_int_equal(replies, 2); /* after the requests with label 1 */
	assert_int_equal(plain, 4);
	assert_int_equal(last_answer, 112);
	assert_int_equal(signal_bits, 6);
	assert_int_equal(timers, 1);
	assert_int_equal(last_deadline, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(server, answers_requests_and_passes_on_signals_and_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
