/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <libsys/channel.h>
#include <libsys/log.h>
#include <libsys/syscalls.h>

static char last[1024];
static unsigned lines, signals;

static void sink(const char *line, unsigned long length)
{
	assert_true(length < sizeof(last));
	memcpy(last, line, length);
	last[length] = '\0';
	lines++;
}

enum err sys_signal(cptr_t notification)
{
	assert_int_equal(notification, 7);
	signals++;
	return ERR_OK;
}

TEST(log, makes_whole_lines_with_the_level)
{
	log_set_sink(sink);
	log_info("%d and %s", 1, "two");
	assert_string_equal(last, "1 and two\n");
	log_warn("x");
	assert_string_equal(last, "warning: x\n");
	lines = 0;
	log_debug("dropped");
	assert_int_equal(lines, 0);
	log_set_level(LOG_DEBUG);
	log_debug("kept");
	assert_string_equal(last, "debug: kept\n");
	log_set_level(LOG_INFO);
}

TEST(log, cuts_long_lines)
{
	char text[2000];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_set_sink(sink);
	log_error("%s", text);
	assert_true(strlen(last) < 400);
	assert_int_equal(last[strlen(last) - 1], '\n');
	assert_memory_equal(last, "error: aaa", 10);
}

TEST(log, fills_a_channel_with_whole_lines_and_counts_the_lost)
{
	static struct console_channel channel;
	static char text[CONSOLE_LOG_SIZE];
	struct ring_end consumer;

	memset(&channel, 0, sizeof(channel));
	log_set_channel(&channel, 7);
	ring_open(&consumer, &channel.log, channel.log_bytes, CONSOLE_LOG_SIZE);
	log_info("silent");
	assert_int_equal(signals, 0);
	channel.console_waits = 1;
	for (unsigned i = 0; i < 3000; i++)
		log_info("line %u", i % 10);
	assert_int_equal(signals, 3000);
	size_t length = ring_read(&consumer, text, sizeof(text));

	assert_int_equal(text[length - 1], '\n');
	assert_memory_equal(text, "silent\nline 0\nline 1\n", 21);
	log_info("after");
	length = ring_read(&consumer, text, sizeof(text));
	text[length] = '\0';
	assert_non_null(strstr(text, " lines lost)\nafter\n"));
	log_set_sink(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(log, makes_whole_lines_with_the_level),
		RUN(log, cuts_long_lines),
		RUN(log, fills_a_channel_with_whole_lines_and_counts_the_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
