/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio block device between a driver in the guest and a block server, both played by the test. */
#include <exit.h>
#include <signals.h>
#include "block_driver.h"
#include "test.h"

enum { ALL = BLOCK_FLAG_FLUSH | BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES };
enum { MEMORY = 2, MASTER = 4 };

static struct driver driver;

static struct block_session *const session = fake_session;

static const uint64_t always = BIT(BLOCK_F_SEG_MAX) | BIT(BLOCK_F_BLK_SIZE) | BIT(BLOCK_F_TOPOLOGY) | BIT(BLOCK_F_INDIRECT) |
	BIT(BLOCK_F_EVENT_INDEX) | BIT(BLOCK_F_VERSION_1);

static void machine(uint32_t harts, unsigned disks, uint32_t flags)
{
	fake_reset(NULL);
	for (unsigned i = 0; i < disks; i++)
		server_describe(i, flags);
	disk_machine(&driver, harts, disks);
}

static int prepare(void **state)
{
	(void)state;
	machine(2, 2, ALL);
	return 0;
}

static void kicked(unsigned hart)
{
	exit_handle(&fake_harts.vcpu[hart], &(struct vcpu_exit_info){ .cause = VCPU_EXIT_KICKED });
}

static bool line(unsigned device)
{
	return driver.plic.level >> (32 + device % 4) & 1;
}

static uint8_t isr(unsigned disk)
{
	return (uint8_t)disk_load(&driver, disk, AREA_ISR, 0, 1);
}

TEST(block, is_a_pci_function_of_its_own)
{
	(void)state;
	assert_int_equal(driver_config(&driver, 2, 0, 4), 0x10421af4);
	assert_int_equal(driver_config(&driver, 2, 8, 4), 0x01000001);
	assert_int_equal(driver_config(&driver, 2, 0x2c, 4), 0x00021af4);
	assert_int_equal(driver_config(&driver, 3, 0, 4), 0x10421af4);
	assert_int_equal(driver_config(&driver, 4, 0, 4), 0xffffffff);
}

TEST(block, describes_the_disk_in_all_widths)
{
	(void)state;
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 0, 8), 2048);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 0, 4), 2048);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 0, 2), 2048);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 1, 1), 8);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 12, 4), BLOCK_SEGMENTS_MAX);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 20, 4), 512);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 24, 1), 3);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 26, 2), 8);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 24, 8), 8 << 16 | 3);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 32, 1), 1);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 34, 2), 2);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 36, 4), 1024);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 40, 4), BLOCK_DISCARD_RANGES);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 44, 4), 8);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 48, 4), 1024);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 52, 4), BLOCK_DISCARD_RANGES);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 56, 1), 1);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 72, 4), 0);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 0xff8, 8), 0);
}

TEST(block, shows_nothing_that_the_server_must_not_say)
{
	(void)state;
	fake_reset(NULL);
	server_describe(0, ALL);
	session->block_size = 4096;
	session->capacity = 2049;
	session->physical_block_size = UINT32_MAX;
	session->segments = UINT32_MAX;
	session->discard_granularity = 0;
	disk_machine(&driver, 1, 1);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 0, 8), 2048);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 12, 4), BLOCK_SEGMENTS_MAX);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 20, 4), 4096);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 24, 1), 15);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 26, 2), 32768);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 44, 4), 1);
}

TEST(block, offers_what_the_session_can)
{
	(void)state;
	machine(1, 1, 0);
	assert_int_equal(disk_offered(&driver, 0), always);
	machine(1, 1, BLOCK_FLAG_FLUSH);
	assert_int_equal(disk_offered(&driver, 0), always | BIT(BLOCK_F_FLUSH) | BIT(BLOCK_F_CONFIG_WCE));
	machine(1, 1, BLOCK_FLAG_DISCARD);
	assert_int_equal(disk_offered(&driver, 0), always | BIT(BLOCK_F_DISCARD));
	machine(1, 1, BLOCK_FLAG_WRITE_ZEROES);
	assert_int_equal(disk_offered(&driver, 0), always | BIT(BLOCK_F_WRITE_ZEROES));
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 56, 1), 0);
	machine(1, 1, BLOCK_FLAG_READ_ONLY | BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES);
	assert_int_equal(disk_offered(&driver, 0), always | BIT(BLOCK_F_RO));
	machine(8, 1, 0);
	assert_int_equal(disk_offered(&driver, 0), always | BIT(BLOCK_F_MQ));
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 34, 2), BLOCK_QUEUES_MAX);
	assert_int_equal(disk_load(&driver, 0, AREA_COMMON, COMMON_QUEUES, 2), BLOCK_QUEUES_MAX);
}

TEST(block, takes_each_feature_that_it_offers_or_its_lack)
{
	uint64_t offered = disk_offered(&driver, 0);

	(void)state;
	fake.on_serve = server_obey;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t others = offered & ~BIT(bit);

		assert_int_equal(disk_negotiate(&driver, 0, offered | BIT(bit)), offered >> bit & 1);
		assert_int_equal(disk_negotiate(&driver, 0, BIT(BLOCK_F_VERSION_1) | BIT(bit)), offered >> bit & 1);
		if (bit == BLOCK_F_VERSION_1) {
			assert_false(disk_negotiate(&driver, 0, others));
			continue;
		}
		disk_start(&driver, 0, others);
		assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
		assert_int_equal(session->setup.features, others);
		assert_int_equal(session->done, session->wanted);
		assert_int_equal(session->wanted & 1, 1);
	}
}

TEST(block, hands_the_queues_to_the_server)
{
	(void)state;
	assert_int_equal(session->wanted, 0);
	assert_int_equal(fake.served[0], 0);
	disk_start(&driver, 0, BIT(BLOCK_F_MQ));
	assert_int_equal(session->wanted, 1);
	assert_int_equal(fake.served[0], 1);
	assert_int_equal(fake.served[1], 0);
	assert_int_equal(session->setup.queues, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(session->setup.queue[i].descriptors, DISK_RINGS(0, i));
		assert_int_equal(session->setup.queue[i].available, DISK_RINGS(0, i) + DISK_AVAILABLE);
		assert_int_equal(session->setup.queue[i].used, DISK_RINGS(0, i) + DISK_USED);
		assert_int_equal(session->setup.queue[i].size, DISK_QUEUE_SIZE);
	}
	assert_int_equal(session->setup.queue[2].size, 0);
}

TEST(block, hands_over_only_queues_that_were_enabled_in_time)
{
	(void)state;
	disk_negotiate(&driver, 0, BIT(BLOCK_F_VERSION_1));
	disk_enable_queue(&driver, 0, 1);
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, STATUS_STARTED);
	assert_int_equal(session->wanted, 1);
	assert_int_equal(session->setup.queue[0].size, 0);
	assert_int_equal(session->setup.queue[1].size, DISK_QUEUE_SIZE);
	disk_enable_queue(&driver, 0, 0);
	assert_int_equal(disk_load(&driver, 0, AREA_COMMON, COMMON_ENABLE, 2), 0);
	assert_int_equal(session->wanted, 1);
}

TEST(block, does_not_start_with_rings_outside_memory)
{
	(void)state;
	disk_negotiate(&driver, 0, BIT(BLOCK_F_VERSION_1));
	disk_store(&driver, 0, AREA_COMMON, COMMON_DESCRIPTORS, 8, 0x1000);
	disk_store(&driver, 0, AREA_COMMON, COMMON_ENABLE, 2, 1);
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, STATUS_STARTED);
	assert_true(disk_status(&driver, 0) & STATUS_BROKEN);
	assert_int_equal(session->wanted, 0);
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, 0);
	assert_int_equal(disk_status(&driver, 0), 0);
	assert_int_equal(session->wanted, 0);
}

TEST(block, waits_for_bus_mastering)
{
	(void)state;
	disk_command(&driver, 0, MEMORY);
	disk_start(&driver, 0, 0);
	assert_int_equal(session->wanted, 0);
	assert_int_equal(fake.bell[0][0].address, 0);
	disk_command(&driver, 0, MEMORY | MASTER);
	assert_int_equal(session->wanted, 1);
	assert_int_equal(fake.bell[0][0].address, disk_area(&driver, 0, AREA_NOTIFY));
	disk_command(&driver, 0, MEMORY);
	disk_command(&driver, 0, MEMORY | MASTER);
	assert_int_equal(session->wanted, 1);
}

TEST(block, is_notified_by_a_bell_on_each_vcpu)
{
	uint64_t address = disk_area(&driver, 0, AREA_NOTIFY);

	(void)state;
	disk_start(&driver, 0, BIT(BLOCK_F_MQ));
	assert_int_equal(fake.bell[0][0].address, address);
	assert_int_equal(fake.bell[0][0].signal, FAKE_SERVER);
	assert_int_equal(fake.bell[1][0].address, 0);
	assert_int_equal(fake.kicks[0], 0);
	assert_int_equal(fake.kicks[1], 1);
	kicked(1);
	assert_int_equal(fake.bell[1][0].address, address);
	assert_int_equal(fake.bell[1][0].signal, FAKE_SERVER);
	/* All queues have one address. */
	disk_store(&driver, 0, AREA_COMMON, COMMON_SELECT, 2, 1);
	assert_int_equal(disk_load(&driver, 0, AREA_COMMON, COMMON_NOTIFY_OFFSET, 2), 0);
	/* Another vCPU starts the second disk. */
	fake_harts.holder = &fake_harts.vcpu[1];
	disk_start(&driver, 1, 0);
	assert_int_equal(fake.bell[1][1].address, disk_area(&driver, 1, AREA_NOTIFY));
	assert_int_equal(fake.bell[1][1].signal, FAKE_SERVER + 1);
	assert_int_equal(fake.bell[0][1].address, 0);
	assert_int_equal(fake.kicks[0], 1);
	kicked(0);
	assert_int_equal(fake.bell[0][1].address, disk_area(&driver, 1, AREA_NOTIFY));
	assert_int_equal(fake.bell[0][0].address, address);
}

TEST(block, moves_its_bell_with_its_registers)
{
	(void)state;
	disk_start(&driver, 0, 0);
	disk_bar(&driver, 0, 0x41000000);
	assert_int_equal(fake.bell[0][0].address, disk_area(&driver, 0, AREA_NOTIFY));
	assert_int_equal(fake.bell[0][0].address >> 16, 0x4100);
	disk_bar(&driver, 0, 0x41004000);
	assert_int_equal(fake.bell[0][0].address, disk_area(&driver, 0, AREA_NOTIFY));
	disk_command(&driver, 0, MASTER);
	assert_int_equal(fake.bell[0][0].address, 0);
	disk_command(&driver, 0, MASTER | MEMORY);
	assert_int_equal(fake.bell[0][0].address, disk_area(&driver, 0, AREA_NOTIFY));
	/* Beside the window no register answers, so no bell may. */
	disk_bar(&driver, 0, 0x0c000000);
	assert_int_equal(fake.bell[0][0].address, 0);
	disk_bar(&driver, 0, 0x80000000);
	assert_int_equal(fake.bell[0][0].address, 0);
	disk_bar(&driver, 0, 0x7fffc000);
	assert_int_equal(fake.bell[0][0].address, disk_area(&driver, 0, AREA_NOTIFY));
	kicked(1);
	assert_int_equal(fake.bell[1][0].address, fake.bell[0][0].address);
}

TEST(block, passes_on_what_no_bell_catches)
{
	(void)state;
	disk_store(&driver, 0, AREA_NOTIFY, 0, 2, 0);
	assert_int_equal(fake.served[0], 0);
	fake.bell_answer = ERR_LIMIT;
	disk_start(&driver, 0, 0);
	assert_int_equal(fake.bell[0][0].address, 0);
	assert_int_equal(fake.served[0], 1);
	disk_store(&driver, 0, AREA_NOTIFY, 0, 2, 1);
	assert_int_equal(fake.served[0], 2);
	/* The bell of before must not stay behind when the new one is refused. */
	fake.bell_answer = ERR_OK;
	kicked(0);
	assert_int_not_equal(fake.bell[0][0].address, 0);
	fake.bell_answer = ERR_INVALID_CAP;
	disk_bar(&driver, 0, 0x41000000);
	assert_int_equal(fake.bell[0][0].address, 0);
	disk_store(&driver, 0, AREA_NOTIFY, 0, 4, 0);
	assert_int_equal(fake.served[0], 3);
}

TEST(block, ends_a_reset_when_the_server_has_let_go)
{
	(void)state;
	disk_start(&driver, 0, 0);
	server_obey(0);
	*disk_used(&driver, 0, 0) = 1;
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_true(line(2));
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, 0);
	assert_int_equal(session->wanted, 2);
	assert_int_equal(fake.served[0], 2);
	assert_int_equal(fake.bell[0][0].address, 0);
	assert_false(line(2));
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
	/* Until then nothing is taken, and nothing given. */
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, 1);
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, 0);
	disk_enable_queue(&driver, 0, 0);
	disk_store(&driver, 0, AREA_NOTIFY, 0, 2, 0);
	disk_store(&driver, 0, AREA_DEVICE, 32, 1, 0);
	*disk_used(&driver, 0, 0) = 2;
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_false(line(2));
	assert_int_equal(fake.served[0], 2);
	assert_int_equal(session->wanted, 2);
	assert_int_equal(session->setup.queue[0].size, DISK_QUEUE_SIZE);
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
	server_obey(0);
	assert_int_equal(disk_status(&driver, 0), 0);
	assert_int_equal(disk_load(&driver, 0, AREA_COMMON, COMMON_ENABLE, 2), 0);
	disk_start(&driver, 0, 0);
	assert_int_equal(session->wanted, 3);
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
}

TEST(block, begins_anew_without_a_look_at_the_end_of_the_reset)
{
	(void)state;
	disk_start(&driver, 0, 0);
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, 0);
	server_obey(0);
	disk_store(&driver, 0, AREA_COMMON, COMMON_STATUS, 1, 1);
	assert_int_equal(disk_status(&driver, 0), 1);
}

TEST(block, interrupts_for_what_came_back)
{
	(void)state;
	disk_start(&driver, 0, 0);
	disk_start(&driver, 1, 0);
	/* That the server has begun is nothing for the driver. */
	server_obey(0);
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	*disk_used(&driver, 0, 1) = 1;
	exit_handle(&fake_harts.vcpu[0], &(struct vcpu_exit_info){ .cause = VCPU_EXIT_NOTIFIED, .bits = BLOCK_CLIENT_SIGNAL(0) });
	assert_true(line(2));
	assert_false(line(3));
	assert_int_equal(isr(0), 1);
	assert_false(line(2));
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	*disk_used(&driver, 0, 0) = 1;
	*disk_used(&driver, 1, 0) = 7;
	signals_take(BLOCK_CLIENT_SIGNAL(0) | BLOCK_CLIENT_SIGNAL(1) | CONSOLE_SIGNAL_OWN);
	assert_true(line(2));
	assert_true(line(3));
	assert_int_equal(isr(1), 1);
	assert_true(line(2));
}

TEST(block, loses_no_signal_that_came_elsewhere)
{
	(void)state;
	disk_start(&driver, 1, 0);
	*disk_used(&driver, 1, 0) = 1;
	console_kept_bits = BLOCK_CLIENT_SIGNAL(1);
	exit_handle(&fake_harts.vcpu[1], &(struct vcpu_exit_info){ .cause = VCPU_EXIT_KICKED });
	assert_true(console_pending());
	harts_pass_on(&fake_harts.vcpu[1]);
	assert_false(console_pending());
	assert_int_equal(isr(1), 1);
}

TEST(block, asks_for_a_reset_when_its_queues_make_no_sense)
{
	(void)state;
	disk_start(&driver, 0, 0);
	session->broken = 1;
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED | STATUS_BROKEN);
	assert_int_equal(isr(0), 2);
	assert_int_equal(fake.bell[0][0].address, 0);
	disk_store(&driver, 0, AREA_NOTIFY, 0, 2, 0);
	assert_int_equal(fake.served[0], 1);
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	/* The other disk is as it was. */
	disk_start(&driver, 1, 0);
	assert_int_equal(disk_status(&driver, 1), STATUS_STARTED);
	fake.on_serve = server_obey;
	disk_start(&driver, 0, 0);
	assert_int_equal(session->wanted, 3);
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
	/* What was said of the queues of before is no matter now. */
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
}

TEST(block, interrupts_once_when_the_server_began_anew)
{
	(void)state;
	disk_start(&driver, 0, 0);
	session->server++;
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 1);
	signals_take(BLOCK_CLIENT_SIGNAL(0));
	assert_int_equal(isr(0), 0);
	assert_int_equal(disk_status(&driver, 0), STATUS_STARTED);
	assert_int_equal(session->wanted, 1);
	/* A driver that is not there is not interrupted. */
	session[1].server++;
	signals_take(BLOCK_CLIENT_SIGNAL(1));
	assert_int_equal(isr(1), 0);
}

TEST(block, keeps_writes_as_the_driver_chooses)
{
	(void)state;
	fake.on_serve = server_obey;
	disk_start(&driver, 0, BIT(BLOCK_F_FLUSH) | BIT(BLOCK_F_CONFIG_WCE));
	assert_int_equal(session->write_through, 0);
	disk_store(&driver, 0, AREA_DEVICE, 32, 1, 0);
	assert_int_equal(session->write_through, 1);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 32, 1), 0);
	disk_store(&driver, 0, AREA_DEVICE, 32, 1, 1);
	assert_int_equal(session->write_through, 0);
	disk_store(&driver, 0, AREA_DEVICE, 32, 1, 0);
	/* A reset forgets it. */
	disk_start(&driver, 0, BIT(BLOCK_F_FLUSH) | BIT(BLOCK_F_CONFIG_WCE));
	assert_int_equal(session->write_through, 0);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 32, 1), 1);
	/* Not agreed, no choice; and without flushes all is kept. */
	disk_start(&driver, 0, BIT(BLOCK_F_FLUSH));
	disk_store(&driver, 0, AREA_DEVICE, 32, 1, 0);
	assert_int_equal(session->write_through, 0);
	disk_start(&driver, 0, 0);
	assert_int_equal(session->write_through, 1);
	/* Other fields cannot be written. */
	disk_store(&driver, 0, AREA_DEVICE, 0, 8, 0);
	assert_int_equal(disk_load(&driver, 0, AREA_DEVICE, 0, 8), 2048);
}

TEST(block, has_lines_apart_as_far_as_there_are)
{
	(void)state;
	machine(1, 4, ALL);
	fake.on_serve = server_obey;
	for (unsigned i = 0; i < 4; i++) {
		disk_start(&driver, i, 0);
		*disk_used(&driver, i, 0) = 1;
	}
	signals_take(BLOCK_CLIENT_SIGNALS);
	assert_int_equal(driver.plic.level, UINT64_C(0xf) << 32);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(isr(i), 1);
	assert_int_equal(driver.plic.level, 0);
	assert_int_equal(driver_config(&driver, 6, 0, 4), 0xffffffff);
}

/* A session page that another server or guest left behind. */
TEST(block, starts_from_an_even_number)
{
	(void)state;
	fake_reset(NULL);
	server_describe(0, 0);
	session->wanted = session->done = UINT32_MAX;
	fake.on_serve = server_obey;
	disk_machine(&driver, 1, 1);
	assert_int_equal(session->wanted, 0);
	disk_start(&driver, 0, 0);
	assert_int_equal(session->wanted, 1);
}

int main(void)
{
#define RUN_BLOCK(name) cmocka_unit_test_setup(block_##name, prepare)
	const struct CMUnitTest tests[] = {
		RUN_BLOCK(is_a_pci_function_of_its_own), RUN_BLOCK(describes_the_disk_in_all_widths),
		RUN_BLOCK(shows_nothing_that_the_server_must_not_say), RUN_BLOCK(offers_what_the_session_can),
		RUN_BLOCK(takes_each_feature_that_it_offers_or_its_lack), RUN_BLOCK(hands_the_queues_to_the_server),
		RUN_BLOCK(hands_over_only_queues_that_were_enabled_in_time), RUN_BLOCK(does_not_start_with_rings_outside_memory),
		RUN_BLOCK(waits_for_bus_mastering), RUN_BLOCK(is_notified_by_a_bell_on_each_vcpu),
		RUN_BLOCK(moves_its_bell_with_its_registers), RUN_BLOCK(passes_on_what_no_bell_catches),
		RUN_BLOCK(ends_a_reset_when_the_server_has_let_go), RUN_BLOCK(begins_anew_without_a_look_at_the_end_of_the_reset),
		RUN_BLOCK(interrupts_for_what_came_back), RUN_BLOCK(loses_no_signal_that_came_elsewhere),
		RUN_BLOCK(asks_for_a_reset_when_its_queues_make_no_sense), RUN_BLOCK(interrupts_once_when_the_server_began_anew),
		RUN_BLOCK(keeps_writes_as_the_driver_chooses), RUN_BLOCK(has_lines_apart_as_far_as_there_are),
		RUN_BLOCK(starts_from_an_even_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
