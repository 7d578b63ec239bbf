/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <libsys/log.h>
#include <libsys/task.h>

#include "task_private.h"

static struct task_info info;

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

static void add(const char *name, enum task_resource_kind kind, uint64_t value, uint64_t address, uint64_t size)
{
	struct task_resource *resource = &info.resource[info.resources++];

	*resource = (struct task_resource){ .kind = (uint32_t)kind, .value = value, .address = address, .size = size };
	strncpy(resource->name, name, sizeof(resource->name));
}

static int set_up(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	add("both", TASK_VALUE, 5, 0, 0);
	add("both", TASK_CAP, 17, 0, 0);
	add("ram", TASK_MEMORY, 0, 0x1000, 0x2000);
	strcpy(info.strings, "zero");
	strcpy(info.strings + 5, "five");
	add("text", TASK_STRING, 5, 0, 0);
	add("outside", TASK_STRING, TASK_STRINGS_MAX, 0, 0);
	add("a name of twenty-eight bytes", TASK_VALUE, 9, 0, 0);
	task_set_info(&info);
	return 0;
}

TEST(task, finds_by_name_and_kind)
{
	size_t size = 1;

	assert_ptr_equal(task_info(), &info);
	assert_int_equal(task_value("both", 0), 5);
	assert_int_equal(task_cap("both"), 17);
	assert_ptr_equal(task_memory("ram", &size), (void *)0x1000);
	assert_int_equal(size, 0x2000);
	assert_ptr_equal(task_memory("ram", NULL), (void *)0x1000);
	assert_string_equal(task_string("text", NULL), "five");
	assert_int_equal(task_value("a name of twenty-eight bytes", 0), 9);
}

TEST(task, answers_what_was_not_given)
{
	assert_int_equal(task_value("ram", 3), 3);
	assert_int_equal(task_cap("ram"), 0);
	assert_null(task_memory("both", NULL));
	assert_string_equal(task_string("nothing", "otherwise"), "otherwise");
	assert_null(task_string("outside", NULL));
	assert_null(task_find("bot", TASK_VALUE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(task, finds_by_name_and_kind),
		RUN(task, answers_what_was_not_given),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
