/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <libsys/log.h>

#include "lines.h"

static unsigned complaints;

void log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	assert_int_equal(level, LOG_ERROR);
	complaints++;
}

/* Disks on lines 32, 33 and 32; NICs on 34, 33 and 34. */
static const struct devices machine = {
	.count = 6,
	.device = {
		{ .id = DEVICE_BLOCK, .irq = 32 },
		{ .id = DEVICE_NET, .irq = 34 },
		{ .id = DEVICE_BLOCK, .irq = 33 },
		{ .id = DEVICE_NET, .irq = 33 },
		{ .id = DEVICE_BLOCK, .irq = 32 },
		{ .id = DEVICE_NET, .irq = 34 },
	},
};

TEST(lines, are_shared_within_a_server_only)
{
	const struct device *disk[4], *nic[4];

	complaints = 0;
	assert_int_equal(lines_choose(&machine, DEVICE_BLOCK, NULL, 0, disk, 4), 3);
	assert_ptr_equal(disk[0], &machine.device[0]);
	assert_ptr_equal(disk[2], &machine.device[4]);
	assert_int_equal(complaints, 0);
	assert_int_equal(lines_choose(&machine, DEVICE_NET, disk, 3, nic, 4), 2);
	assert_ptr_equal(nic[0], &machine.device[1]);
	assert_ptr_equal(nic[1], &machine.device[5]);
	assert_int_equal(complaints, 1);
	/* Without a block server nobody else has the line. */
	assert_int_equal(lines_choose(&machine, DEVICE_NET, NULL, 0, nic, 4), 3);
	assert_int_equal(complaints, 1);
	assert_int_equal(lines_choose(&machine, DEVICE_NET, NULL, 0, nic, 1), 1);
}

TEST(lines, have_the_bits_of_all_their_devices)
{
	const struct device *disk[4];

	assert_int_equal(lines_choose(&machine, DEVICE_BLOCK, NULL, 0, disk, 4), 3);
	assert_int_equal(lines_sharing(disk, 3, 0), 5);
	assert_int_equal(lines_sharing(disk, 3, 1), 2);
	assert_int_equal(lines_sharing(disk, 3, 2), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(lines, are_shared_within_a_server_only),
		RUN(lines, have_the_bits_of_all_their_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
