/* SPDX-License-Identifier: Apache-2.0 */
/* Opening of the guest's disks: what the block server may answer, and when. */
#include <console.h>
#include <libsys/task.h>
#include "block_driver.h"
#include "test.h"

static struct driver driver;

static int prepare(void **state)
{
	static uint64_t exits;

	(void)state;
	fake_reset(NULL);
	driver_init(&driver);
	fake_make_harts(1, &driver.memory, NULL, &exits);
	fake.disks = 1;
	return 0;
}

static bool open_disks(void)
{
	return disks_open(&fake_harts, &driver.memory, &driver.pci, "alpha");
}

static void become_ready(cptr_t notification)
{
	assert_int_equal(notification, TASK_SLOT_NOTIFICATION);
	if (fake.waits == 3)
		server_describe(0, 0);
}

static void become_ready_with_a_signal(cptr_t notification)
{
	become_ready(notification);
	fake.wait_answer = fake.waits == 3 ? ERR_OK : ERR_TIMED_OUT;
	fake.wait_bits = CONSOLE_SIGNAL_INPUT | BLOCK_CLIENT_SIGNAL(0);
}

TEST(disks, are_none_without_any)
{
	(void)state;
	fake.disks = 0;
	assert_true(open_disks());
	assert_int_equal(fake.waits, 0);
	disks_signalled(BLOCK_CLIENT_SIGNALS);
	assert_int_equal(driver_config(&driver, 2, 0, 4), 0xffffffff);
}

TEST(disks, wait_until_the_server_is_ready)
{
	(void)state;
	fake.on_wait = become_ready;
	assert_true(open_disks());
	assert_int_equal(fake.waits, 3);
	assert_int_equal(driver_config(&driver, 2, 0, 4), 0x10421af4);
}

TEST(disks, keep_what_others_signal_meanwhile)
{
	(void)state;
	fake.on_wait = become_ready_with_a_signal;
	assert_true(open_disks());
	assert_int_equal(console_kept_bits, CONSOLE_SIGNAL_INPUT | BLOCK_CLIENT_SIGNAL(0));
}

TEST(disks, fail_with_the_problem_of_the_server)
{
	(void)state;
	fake_session[0].state = BLOCK_FAILED;
	strcpy(fake_session[0].serial, "data");
	strcpy(fake_session[0].problem, "volume \"data\" is in use");
	assert_false(open_disks());
	assert_string_equal(fake.log_text, "guest alpha cannot start: disk \"data\": volume \"data\" is in use\n");
	assert_int_equal(fake.log_errors, 0);
}

TEST(disks, fail_with_text_that_has_no_end)
{
	(void)state;
	fake_session[0].state = BLOCK_FAILED;
	memset(fake_session[0].serial, 's', sizeof(fake_session[0].serial));
	memset(fake_session[0].problem, 'p', sizeof(fake_session[0].problem));
	fake_session[0].pad0[0] = 'p';
	assert_false(open_disks());
	assert_int_equal(strlen(fake.log_text), strlen("guest alpha cannot start: disk \"\": \n") + 20 + 108);
	prepare(state);
	fake_session[0].state = BLOCK_FAILED;
	strcpy(fake_session[0].problem, "bad\033[2J");
	assert_false(open_disks());
	assert_string_equal(fake.log_text, "guest alpha cannot start: disk \"0\": bad\n");
}

TEST(disks, fail_when_the_server_is_silent)
{
	uint64_t start = fake.time;

	(void)state;
	assert_false(open_disks());
	assert_string_equal(fake.log_text, "guest alpha cannot start: disk \"0\": the block server does not answer\n");
	assert_int_equal(fake.time - start, 10 * task_info()->timebase_hz);
}

TEST(disks, fail_with_a_disk_that_cannot_be)
{
	static const uint32_t sizes[] = { 0, 511, 1024, 8192, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		prepare(state);
		server_describe(0, 0);
		fake_session[0].block_size = sizes[i];
		assert_false(open_disks());
		assert_string_equal(fake.log_text, "guest alpha cannot start: disk \"disk0\": the block server describes no disk\n");
	}
}

int main(void)
{
#define RUN_DISKS(name) cmocka_unit_test_setup(disks_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_DISKS(are_none_without_any), RUN_DISKS(wait_until_the_server_is_ready),
		RUN_DISKS(keep_what_others_signal_meanwhile), RUN_DISKS(fail_with_the_problem_of_the_server),
		RUN_DISKS(fail_with_text_that_has_no_end), RUN_DISKS(fail_when_the_server_is_silent),
		RUN_DISKS(fail_with_a_disk_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
