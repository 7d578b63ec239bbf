/* SPDX-License-Identifier: Apache-2.0 */
/* Disks at the prompt: what is shown, and commands to the block server. */
#include "fake.h"

#define KEY "\035"
#define PROMPT KEY "c"

static void make_volumes(void)
{
	fake.block_status.volumes = 2;
	fake.block_status.volume[0] = (struct block_volume_status){
		.name = "base", .state = BLOCK_READY, .flags = BLOCK_FLAG_READ_ONLY, .capacity = 2097152, .reads = 12,
	};
	fake.block_status.volume[1] = (struct block_volume_status){
		.name = "alpha", .state = BLOCK_READY, .capacity = 2097152, .sessions = 1u << 3, .overlay = 1, .base = "base",
		.store_bytes = 64 << 20, .store_used = 1 << 20, .writes = 7, .snapshots = 1, .snapshot = { "monday" },
	};
	fake.block_status.session[3] = (struct block_session_status){ .requests = 9, .bytes = 36864, .serving = 1, .throttled = 2 };
}

TEST(volumes, lists_them)
{
	make_volumes();
	fake_type(PROMPT "volumes\r");
	assert_int_equal(fake_count("  base            read-only  1024 MiB     0                                   12          0      0"), 1);
	assert_int_equal(fake_count("  alpha           ready      1024 MiB     1 base             1024 KiB          0          7      0"), 1);
}

TEST(volumes, shows_all_of_one)
{
	make_volumes();
	fake_type(PROMPT "volumes alpha\r");
	assert_int_equal(fake_count("  its store holds 1024 KiB of 64 MiB"), 1);
	assert_int_equal(fake_count("  snapshot monday"), 1);
	assert_int_equal(fake_count("  session 3: in use, 9 requests, 36 KiB, 0 errors, 0 in flight, held up by its limit 2 times"), 1);
	fake_type("volumes gamma\r");
	assert_int_equal(fake_count("no volume is named 'gamma'; `volumes` lists them"), 1);
}

TEST(volumes, shows_why_one_failed)
{
	make_volumes();
	fake.block_status.volume[1].state = BLOCK_FAILED;
	memset(fake.block_status.volume[1].problem, 'x', sizeof(fake.block_status.volume[1].problem));
	memset(fake.block_status.volume[1].name, 'y', sizeof(fake.block_status.volume[1].name));
	fake_type(PROMPT "volumes yyyyyyyyyyyyyyy\r");
	assert_int_equal(fake_count("failed"), 1);
	assert_int_equal(fake_count("xxxxxxxx"), 1);
}

TEST(volumes, bounds_what_the_server_says)
{
	fake.block_status.volumes = UINT32_MAX;
	fake_type(PROMPT "volumes\r");
	assert_int_equal(fake_count("waiting"), BLOCK_VOLUMES_MAX);
}

TEST(volumes, sends_a_command_and_prints_the_answer)
{
	fake_type(PROMPT "snapshot alpha monday\r");
	assert_int_equal(fake.block_signals, 1);
	assert_int_equal(fake.block_command.operation, BLOCK_SNAPSHOT);
	assert_string_equal(fake.block_command.volume, "alpha");
	assert_string_equal(fake.block_command.name, "monday");
	fake_type("rollback alpha monday\r");
	assert_int_equal(fake_count("the block server is still busy with the last command"), 1);
	assert_int_equal(fake.block_signals, 1);
	strcpy(fake.block_status.answer, "volume alpha: snapshot monday is taken");
	fake.block_status.command = fake.block_command.sequence;
	fake_run();
	assert_int_equal(fake_count("volume alpha: snapshot monday is taken"), 1);
	fake_type("forget alpha tuesday\r");
	assert_int_equal(fake.block_command.operation, BLOCK_DELETE_SNAPSHOT);
	strcpy(fake.block_status.answer, "volume alpha has no snapshot tuesday");
	fake.block_status.error = 1;
	fake.block_status.command = fake.block_command.sequence;
	fake_run();
	assert_int_equal(fake_count("error: volume alpha has no snapshot tuesday"), 1);
}

TEST(volumes, never_uses_a_sequence_again)
{
	fake.block_status.command = 41;
	fake.block_command.sequence = 40;
	fake_type(PROMPT "rollback alpha monday\r");
	assert_int_equal(fake.block_command.sequence, 42);
	fake_run();
	assert_int_equal(fake_count("error"), 0);
}

TEST(volumes, wants_names_that_fit)
{
	fake_type(PROMPT "snapshot alpha sixteencharacter\r");
	assert_int_equal(fake_count("names of volumes and snapshots have at most 15 characters"), 1);
	fake_type("snapshot alpha\r");
	assert_int_equal(fake_count("usage: snapshot VOLUME NAME"), 1);
	assert_int_equal(fake.block_signals, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(volumes_lists_them, fake_setup),
		cmocka_unit_test_setup(volumes_shows_all_of_one, fake_setup),
		cmocka_unit_test_setup(volumes_shows_why_one_failed, fake_setup),
		cmocka_unit_test_setup(volumes_bounds_what_the_server_says, fake_setup),
		cmocka_unit_test_setup(volumes_sends_a_command_and_prints_the_answer, fake_setup),
		cmocka_unit_test_setup(volumes_never_uses_a_sequence_again, fake_setup),
		cmocka_unit_test_setup(volumes_wants_names_that_fit, fake_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
