/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overlay next to a model, by chance: transfers in any order, crashes, errors. With a number as argument: so many rounds, from a seed
 * that may be the second argument.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "model.h"

static unsigned rounds = 20, seed = 1;

static void play(unsigned steps)
{
	for (unsigned i = 0; i < steps && !model_stopped(); i++)
		model_step();
}

/* Several lives of one overlay: in each, it is used, something goes wrong, and it is opened again. */
static void live(unsigned number, uint32_t store, bool errors)
{
	fake_seed(number);
	model_begin(store);
	for (unsigned life = 0; life < 12; life++) {
		uint32_t failure = 1 + fake_random(150);

		if (fake_random(2))
			model_stop_at(1 + fake_random(300));
		if (errors && fake_random(4))
			model_fail_at(failure, 1 + fake_random(4));
		play(100 + fake_random(500));
		if (fake_random(2))
			model_finish();
		model_crash(fake_random(3) > 0);
	}
	model_end();
}

TEST(model, crashes)
{
	for (unsigned i = 0; i < rounds; i++)
		live(seed + i, 200, false);
}

TEST(model, crashes_with_a_small_store)
{
	for (unsigned i = 0; i < rounds; i++)
		live(seed + i, 48, false);
}

TEST(model, crashes_and_errors_of_the_disk)
{
	for (unsigned i = 0; i < rounds; i++)
		live(seed + i, 60 + i % 100, true);
}

/* More changes than there is room for notes: commits make some on the way. */
TEST(model, discards_of_everything)
{
	for (unsigned number = 1; number < 12; number++) {
		fake_seed(number);
		model_begin(60);
		model_transfer(IO_WRITE, 500, 700);
		model_finish();
		if (number % 2)
			model_stop_at(number);
		else
			model_fail_at(number, 2);
		model_transfer(IO_DISCARD, 0, MODEL_SECTORS);
		model_finish();
		model_transfer(IO_WRITE_ZEROES, 0, MODEL_SECTORS);
		model_crash(number % 3);
		model_end();
	}
}

/* A short life in which everything happens; stops at each operation of the store in turn. */
static void script(unsigned which)
{
	model_transfer(IO_WRITE, 0, 16);
	model_transfer(IO_WRITE, 3, 2);
	model_transfer(IO_FLUSH, 0, 0);
	model_finish();
	if (which == 1)
		model_transfer(IO_DISCARD, 8, 300);
	if (which != 1)
		model_snapshot(BLOCK_SNAPSHOT, "first");
	model_transfer(IO_WRITE, 8, 600);
	model_transfer(IO_WRITE, 1277, 20);
	model_transfer(IO_WRITE_ZEROES, 2000, 333);
	model_finish();
	if (which == 2)
		model_snapshot(BLOCK_ROLLBACK, "first");
	if (which == 3)
		model_snapshot(BLOCK_DELETE_SNAPSHOT, "first");
	model_transfer(IO_WRITE, 16, 8);
	model_finish();
	model_transfer(IO_FLUSH, 0, 0);
	model_finish();
}

static void stop_everywhere(unsigned which, bool power, bool fail)
{
	uint64_t operation = 1;
	bool stopped = true;

	for (; stopped; operation++) {
		fake_seed(operation);
		model_begin(120);
		if (fail)
			model_fail_at(operation, 1);
		else
			model_stop_at(operation);
		script(which);
		stopped = fail ? model_operations() >= operation : model_stopped();
		model_crash(power);
		play(30);
		model_finish();
		model_crash(!power);
		model_end();
	}
	assert_true(operation > 15);
}

TEST(model, power_fails_at_each_operation)
{
	for (unsigned which = 0; which < 4; which++)
		stop_everywhere(which, true, false);
}

TEST(model, server_ends_at_each_operation)
{
	for (unsigned which = 0; which < 4; which++)
		stop_everywhere(which, false, false);
}

TEST(model, each_operation_fails)
{
	for (unsigned which = 0; which < 4; which++)
		stop_everywhere(which, true, true);
}

TEST(model, power_fails_while_formatting)
{
	for (uint64_t operation = 1; operation < 40; operation++) {
		fake_seed(operation);
		model_begin(60);
		memset(fake_disks[1].data, 0, (size_t)disks[1].capacity * 512);
		memset(fake_disks[1].durable, 0, (size_t)disks[1].capacity * 512);
		volumes_forget_memory();
		model_stop_at(operation);
		(void)volumes_open_all(true);
		model_crash(true);
		model_end();
	}
}

/* The last page of the map is only in the journal; then there are more pages to write than a record has, and power fails. */
static bool lose_place(uint64_t operation, bool fail_again)
{
	bool stopped;

	fake_seed(operation);
	model_begin(120);
	model_fail_at(5, 1); /* after data, flush, record, flush */
	model_transfer(IO_WRITE, 24 * 128, 5);
	model_finish();
	model_transfer(IO_FLUSH, 0, 0);
	model_finish();
	if (fail_again) {
		model_fail_at(2, 1); /* the next record */
		model_transfer(IO_FLUSH, 0, 0);
		model_finish();
	}
	model_fail_at(0, 0);
	for (uint64_t sector = 0; sector < 24 * 128; sector += 4 * 128)
		model_transfer(IO_WRITE, sector, 8);
	model_finish();
	model_stop_at(operation);
	model_transfer(IO_FLUSH, 0, 0);
	model_finish();
	stopped = model_stopped();
	model_crash(true);
	model_end();
	return stopped;
}

TEST(model, page_that_could_not_be_written_to_its_place_is_kept)
{
	uint64_t operation = 1;

	while (lose_place(operation, false))
		operation++;
	assert_true(operation > 10);
	for (operation = 1; lose_place(operation, true); operation++)
		;
}

/* Freed by a discard that only the server's notes have: it must not be given to others before the disk's map does without it. */
TEST(model, clusters_freed_before_a_restart_are_kept_until_a_commit)
{
	for (unsigned number = 1; number < 10; number++) {
		fake_seed(number);
		model_begin(60);
		model_transfer(IO_WRITE, 0, 512);
		model_finish();
		model_transfer(IO_FLUSH, 0, 0);
		model_finish();
		model_transfer(IO_DISCARD, 0, 512);
		model_finish();
		model_crash(false);
		model_transfer(IO_WRITE, 1024, 640);
		model_finish();
		model_crash(true);
		model_end();
	}
}

/* Pages on their way to the map of a layer that a rollback drops: nobody else has its place before they are there. */
TEST(model, dropped_maps_are_not_written_to)
{
	for (unsigned number = 1; number < 40; number++) {
		fake_seed(number);
		model_begin(40);
		model_snapshot(BLOCK_SNAPSHOT, "one");
		for (unsigned round = 0; round < 4; round++) {
			model_finish();
			for (uint64_t sector = 0; sector < 24 * 128; sector += 4 * 128)
				model_transfer(IO_WRITE, sector, 8);
			model_snapshot(BLOCK_ROLLBACK, "one");
			for (unsigned i = 0; i < 40; i++)
				(void)fake_disks_step(true);
			for (uint64_t sector = 0; sector < 24 * 128; sector += 256)
				model_transfer(IO_WRITE, sector, 256);
		}
		model_finish();
		model_crash(number % 2);
		model_end();
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(model, power_fails_at_each_operation),
		RUN(model, server_ends_at_each_operation),
		RUN(model, each_operation_fails),
		RUN(model, power_fails_while_formatting),
		RUN(model, page_that_could_not_be_written_to_its_place_is_kept),
		RUN(model, clusters_freed_before_a_restart_are_kept_until_a_commit),
		RUN(model, dropped_maps_are_not_written_to),
		RUN(model, discards_of_everything),
		RUN(model, crashes),
		RUN(model, crashes_with_a_small_store),
		RUN(model, crashes_and_errors_of_the_disk),
	};

	if (argc > 1)
		rounds = (unsigned)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = (unsigned)strtoul(argv[2], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
