/* SPDX-License-Identifier: Apache-2.0 */
/* Opening of the guest's NICs: what the net server may answer, and when. */
#include <console.h>
#include <libsys/task.h>
#include "net_driver.h"
#include "test.h"

static struct driver driver;

static int prepare(void **state)
{
	static uint64_t exits;

	(void)state;
	fake_reset(NULL);
	driver_init(&driver);
	fake_make_harts(1, &driver.memory, NULL, &exits);
	fake.nics = 1;
	return 0;
}

static bool open_nics(void)
{
	return nics_open(&fake_harts, &driver.memory, &driver.pci, "alpha");
}

static void become_ready_with_a_signal(cptr_t notification)
{
	assert_int_equal(notification, TASK_SLOT_NOTIFICATION);
	if (fake.waits == 3)
		net_describe(0);
	fake.wait_answer = fake.waits == 3 ? ERR_OK : ERR_TIMED_OUT;
	fake.wait_bits = CONSOLE_SIGNAL_INPUT | NET_CLIENT_SIGNAL(0);
}

TEST(nics, are_none_without_any)
{
	(void)state;
	fake.nics = 0;
	assert_true(open_nics());
	assert_int_equal(fake.waits, 0);
	nics_signalled(NET_CLIENT_SIGNALS);
	assert_int_equal(driver_config(&driver, 8, 0, 4), 0xffffffff);
}

TEST(nics, wait_until_the_server_is_ready)
{
	(void)state;
	fake.on_wait = become_ready_with_a_signal;
	assert_true(open_nics());
	assert_int_equal(fake.waits, 3);
	assert_int_equal(driver_config(&driver, 8, 0, 4), 0x10411af4);
	assert_int_equal(console_kept_bits, CONSOLE_SIGNAL_INPUT | NET_CLIENT_SIGNAL(0));
}

TEST(nics, fail_with_the_problem_of_the_server)
{
	(void)state;
	fake_nic_session[0].state = NET_FAILED;
	strcpy(fake_nic_session[0].problem, "there is no switch \"lan\"");
	assert_false(open_nics());
	assert_string_equal(fake.log_text, "guest alpha cannot start: NIC \"0\": there is no switch \"lan\"\n");
	prepare(state);
	fake_nic_session[0].state = NET_FAILED;
	memset(fake_nic_session[0].problem, 'p', sizeof(fake_nic_session[0].problem));
	fake_nic_session[0].pad1[0] = 'p';
	assert_false(open_nics());
	assert_int_equal(strlen(fake.log_text), strlen("guest alpha cannot start: NIC \"0\": \n") + 108);
}

TEST(nics, fail_when_the_server_is_silent)
{
	uint64_t start = fake.time;

	(void)state;
	fake.nics = 2;
	net_describe(0);
	assert_false(open_nics());
	assert_string_equal(fake.log_text, "guest alpha cannot start: NIC \"1\": the net server does not answer\n");
	assert_int_equal(fake.time - start, 10 * task_info()->timebase_hz);
}

TEST(nics, fail_with_one_that_cannot_be)
{
	static const struct {
		uint8_t first;
		uint32_t mtu;
	} bad[] = { { 0, 1500 }, { 0x53, 1500 }, { 0xff, 1500 }, { 0x52, 0 }, { 0x52, 67 }, { 0x52, 9001 }, { 0x52, UINT32_MAX } };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		prepare(state);
		net_describe(0);
		memset(fake_nic_session[0].mac, 0, 6);
		fake_nic_session[0].mac[0] = bad[i].first;
		fake_nic_session[0].mtu = bad[i].mtu;
		assert_false(open_nics());
		assert_string_equal(fake.log_text, "guest alpha cannot start: NIC \"0\": the net server describes no NIC\n");
		assert_int_equal(driver_config(&driver, 8, 0, 4), 0xffffffff);
	}
}

int main(void)
{
#define RUN_NICS(name) cmocka_unit_test_setup(nics_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_NICS(are_none_without_any), RUN_NICS(wait_until_the_server_is_ready), RUN_NICS(fail_with_the_problem_of_the_server),
		RUN_NICS(fail_when_the_server_is_silent), RUN_NICS(fail_with_one_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
