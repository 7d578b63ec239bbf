/* SPDX-License-Identifier: Apache-2.0 */
/* PCI, the virtio transport, its queues and the console, as a driver sees them. */
#include "fakes.h"
#include "test.h"
#include "virtio_driver.h"

static struct driver driver;

enum { RECEIVE, TRANSMIT };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { STATUS = 20, NEEDS_RESET = 0x40 };
#define TEXT 0x80020000u

static void deliver(void)
{
	virtio_console_input(&driver.console);
}

static int prepare(void **state)
{
	(void)state;
	fake_reset(deliver);
	fake_channel.columns = 80;
	fake_channel.rows = 25;
	driver_init(&driver);
	return 0;
}

static int prepare_started(void **state)
{
	prepare(state);
	driver_start(&driver);
	return 0;
}

static uint8_t status(void)
{
	return (uint8_t)driver_load(&driver, driver.common + STATUS, 1);
}

static void put_text(const char *text)
{
	memcpy(memory_at(&driver.memory, TEXT, 64), text, strlen(text));
}

TEST(pci, shows_bridge_device_and_nothing_else)
{
	(void)state;
	assert_int_equal(driver_config(&driver, 0, 0, 4), 0x00081b36);
	assert_int_equal(driver_config(&driver, 1, 0, 4), 0x10431af4);
	assert_int_equal(driver_config(&driver, 1, 8, 4), 0x07800001);
	assert_int_equal(driver_config(&driver, 1, 0x3d, 1), 1);
	assert_int_equal(driver_config(&driver, 2, 0, 4), 0xffffffff);
	assert_int_equal(driver_config(&driver, 31, 0, 2), 0xffff);
	assert_int_equal(driver_config(&driver, 1, 0x100, 4), 0);
	assert_int_equal(driver_config(&driver, 1, 0, 8) & 0xffffffff, 0x10431af4);
}

TEST(pci, sizes_the_bar)
{
	(void)state;
	driver_config_write(&driver, 0x10, 4, 0xffffffff);
	assert_int_equal(driver_config(&driver, 1, 0x10, 4), 0xffffc000);
	driver_config_write(&driver, 0x14, 4, 0xffffffff);
	assert_int_equal(driver_config(&driver, 1, 0x14, 4), 0);
	driver_config_write(&driver, 0, 4, 0);
	assert_int_equal(driver_config(&driver, 1, 0, 4), 0x10431af4);
	driver_config_write(&driver, 0x3c, 1, 33);
	assert_int_equal(driver_config(&driver, 1, 0x3c, 1), 33);
}

TEST(pci, answers_with_ones_where_no_bar_is)
{
	(void)state;
	driver_config_write(&driver, 0x10, 4, DRIVER_BAR);
	assert_int_equal(driver_load(&driver, DRIVER_BAR, 4), 0xffffffff);
	driver_config_write(&driver, 4, 2, 2);
	assert_int_equal(driver_load(&driver, DRIVER_BAR, 4), 0);
	assert_int_equal(driver_load(&driver, DRIVER_BAR + 0x4000, 4), 0xffffffff);
	driver_store(&driver, DRIVER_BAR + 0x4000, 4, 1);
}

TEST(virtio, negotiates_features)
{
	(void)state;
	driver_start(&driver);
	assert_int_equal(status(), 15);
	driver_store(&driver, driver.common, 4, 1);
	assert_int_equal(driver_load(&driver, driver.common + 4, 4), 1);
	driver_store(&driver, driver.common, 4, 2);
	assert_int_equal(driver_load(&driver, driver.common + 4, 4), 0);
	assert_int_equal(driver_load(&driver, driver.common + 18, 2), 2);
	assert_int_equal(driver_load(&driver, driver.device, 2), 80);
	assert_int_equal(driver_load(&driver, driver.device + 2, 2), 25);
}

TEST(virtio, refuses_features_that_were_not_offered)
{
	(void)state;
	driver_start(&driver);
	driver_store(&driver, driver.common + STATUS, 1, 0);
	assert_int_equal(status(), 0);
	driver_store(&driver, driver.common + STATUS, 1, 3);
	driver_store(&driver, driver.common + 8, 4, 0);
	driver_store(&driver, driver.common + 12, 4, 0xff);
	driver_store(&driver, driver.common + STATUS, 1, 11);
	assert_int_equal(status(), 3);
	driver_store(&driver, driver.common + STATUS, 1, 15);
	assert_int_equal(status(), 3);
}

TEST(virtio, refuses_rings_outside_memory)
{
	(void)state;
	driver_start(&driver);
	driver_store(&driver, driver.common + STATUS, 1, 0);
	driver_store(&driver, driver.common + STATUS, 1, 3);
	driver_store(&driver, driver.common + 22, 2, 1);
	driver_store(&driver, driver.common + 32, 8, 0x80000000u + FAKE_RAM_SIZE - 16);
	driver_store(&driver, driver.common + 28, 2, 1);
	assert_int_equal(driver_load(&driver, driver.common + 28, 2), 0);
	assert_true(status() & NEEDS_RESET);
	driver_store(&driver, driver.common + STATUS, 1, 0);
	assert_int_equal(status(), 0);
}

TEST(virtio, has_no_queue_beyond_its_own)
{
	(void)state;
	driver_start(&driver);
	driver_store(&driver, driver.common + 22, 2, 9);
	assert_int_equal(driver_load(&driver, driver.common + 24, 2), 0);
	driver_store(&driver, driver.common + 28, 2, 1);
	driver_notify(&driver, 9);
	assert_int_equal(status(), 15);
}

TEST(virtio, works_through_configuration_space)
{
	unsigned cap = (unsigned)driver_config(&driver, 1, 0x34, 1);

	(void)state;
	while (driver_config(&driver, 1, cap + 3, 1) != 5)
		cap = (unsigned)driver_config(&driver, 1, cap + 1, 1);
	driver_config_write(&driver, cap + 4, 1, 0);
	driver_config_write(&driver, cap + 8, 4, STATUS);
	driver_config_write(&driver, cap + 12, 4, 1);
	driver_config_write(&driver, cap + 16, 4, 3);
	driver_config_write(&driver, cap + 16, 4, 0x103);
	assert_int_equal(driver_config(&driver, 1, cap + 16, 1), 3);
	driver_config_write(&driver, cap + 8, 4, 0xffffffff);
	driver_config_write(&driver, cap + 16, 4, 1);
	driver_config_write(&driver, cap + 12, 4, 3);
	driver_config_write(&driver, cap + 16, 4, 1);
}

TEST(virtio_console, sends_within_the_notification)
{
	char text[64];

	(void)state;
	put_text("hello, ");
	driver_add(&driver, TRANSMIT, TEXT, 7, NEXT);
	driver_add(&driver, TRANSMIT, TEXT + 1, 3, 0);
	((uint16_t *)memory_at(&driver.memory, DRIVER_AVAILABLE + 0x4000, 4))[1]--;
	driver_notify(&driver, TRANSMIT);
	fake_output(text, sizeof(text));
	assert_string_equal(text, "hello, ell");
	assert_int_equal(driver_used(&driver, TRANSMIT), 1);
	assert_int_equal(fake.signals, 2);
	assert_true(driver.plic.level >> 33 & 1);
	assert_int_equal(driver_load(&driver, driver.isr, 1), 1);
	assert_false(driver.plic.level >> 33 & 1);
	assert_int_equal(driver_load(&driver, driver.isr, 1), 0);
}

TEST(virtio_console, raises_no_interrupt_that_is_not_wanted)
{
	(void)state;
	((uint16_t *)memory_at(&driver.memory, DRIVER_AVAILABLE + 0x4000, 4))[0] = 1;
	driver_add(&driver, TRANSMIT, TEXT, 4, 0);
	driver_notify(&driver, TRANSMIT);
	assert_int_equal(driver_used(&driver, TRANSMIT), 1);
	assert_int_equal(driver.plic.level, 0);
}

TEST(virtio_console, receives_what_is_typed)
{
	(void)state;
	driver_add(&driver, RECEIVE, TEXT, 4, WRITE);
	fake_type("typed");
	virtio_console_input(&driver.console);
	assert_int_equal(driver_used(&driver, RECEIVE), 1);
	assert_memory_equal(memory_at(&driver.memory, TEXT, 4), "type", 4);
	assert_true(driver.plic.level >> 33 & 1);
	/* The rest waits for a buffer, and the driver is asked to tell. */
	assert_int_equal(((uint16_t *)memory_at(&driver.memory, DRIVER_USED, 4))[0], 0);
	driver_add(&driver, RECEIVE, TEXT + 8, 16, WRITE);
	driver_notify(&driver, RECEIVE);
	assert_int_equal(driver_used(&driver, RECEIVE), 2);
	assert_memory_equal(memory_at(&driver.memory, TEXT + 8, 1), "d", 1);
	assert_int_equal(((uint16_t *)memory_at(&driver.memory, DRIVER_USED, 4))[0], 1);
}

TEST(virtio_console, tells_a_new_terminal_size)
{
	(void)state;
	fake_channel.columns = 132;
	virtio_console_input(&driver.console);
	assert_int_equal(driver_load(&driver, driver.isr, 1), 2);
	assert_int_equal(driver_load(&driver, driver.device, 4), 132 | 25 << 16);
	assert_int_equal(driver_load(&driver, driver.common + 21, 1), 1);
}

TEST(virtio_console, stops_at_a_bad_buffer)
{
	(void)state;
	driver_add(&driver, TRANSMIT, 0x1000, 4, 0);
	driver_notify(&driver, TRANSMIT);
	assert_true(status() & NEEDS_RESET);
	assert_int_equal(driver_load(&driver, driver.isr, 1), 2);
	assert_int_equal(driver_used(&driver, TRANSMIT), 0);
	driver_start(&driver);
	assert_int_equal(status(), 15);
}

TEST(virtio_console, stops_at_a_loop_of_descriptors)
{
	(void)state;
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		driver_add(&driver, TRANSMIT, TEXT, 4, NEXT);
	driver_notify(&driver, TRANSMIT);
	assert_true(status() & NEEDS_RESET);
}

TEST(virtio_console, stops_at_a_wild_index)
{
	(void)state;
	((uint16_t *)memory_at(&driver.memory, DRIVER_AVAILABLE + 0x4000, 4))[1] = 1000;
	driver_notify(&driver, TRANSMIT);
	assert_true(status() & NEEDS_RESET);
	driver_start(&driver);
	((uint16_t *)memory_at(&driver.memory, DRIVER_AVAILABLE + 0x4000, 4))[1] = 1;
	((uint16_t *)memory_at(&driver.memory, DRIVER_AVAILABLE + 0x4000, 6))[2] = 99;
	driver_notify(&driver, TRANSMIT);
	assert_true(status() & NEEDS_RESET);
}

TEST(virtio_console, refuses_indirect_descriptors)
{
	(void)state;
	driver_add(&driver, TRANSMIT, TEXT, 16, INDIRECT);
	driver_notify(&driver, TRANSMIT);
	assert_true(status() & NEEDS_RESET);
}

TEST(virtio_console, needs_bus_mastering)
{
	(void)state;
	driver_config_write(&driver, 4, 2, 2);
	driver_add(&driver, TRANSMIT, TEXT, 4, 0);
	driver_notify(&driver, TRANSMIT);
	assert_int_equal(driver_used(&driver, TRANSMIT), 0);
	assert_false(virtio_console_listens(&driver.console));
}

TEST(virtio_console, obeys_the_interrupt_disable_bit)
{
	(void)state;
	driver_config_write(&driver, 4, 2, 0x406);
	driver_add(&driver, TRANSMIT, TEXT, 4, 0);
	driver_notify(&driver, TRANSMIT);
	assert_int_equal(driver.plic.level, 0);
	assert_int_equal(driver_config(&driver, 1, 6, 2) & 8, 8);
	driver_config_write(&driver, 4, 2, 6);
	assert_true(driver.plic.level >> 33 & 1);
}

int main(void)
{
#define RUN_PREPARED(module, name) cmocka_unit_test_setup(module##_##name, prepare)
#define RUN_STARTED(name) cmocka_unit_test_setup(virtio_console_##name, prepare_started)
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(pci, shows_bridge_device_and_nothing_else), RUN_PREPARED(pci, sizes_the_bar),
		RUN_PREPARED(pci, answers_with_ones_where_no_bar_is), RUN_PREPARED(virtio, negotiates_features),
		RUN_PREPARED(virtio, refuses_features_that_were_not_offered),
		RUN_PREPARED(virtio, refuses_rings_outside_memory), RUN_PREPARED(virtio, has_no_queue_beyond_its_own),
		RUN_PREPARED(virtio, works_through_configuration_space), RUN_STARTED(sends_within_the_notification),
		RUN_STARTED(raises_no_interrupt_that_is_not_wanted), RUN_STARTED(receives_what_is_typed),
		RUN_STARTED(tells_a_new_terminal_size), RUN_STARTED(stops_at_a_bad_buffer),
		RUN_STARTED(stops_at_a_loop_of_descriptors), RUN_STARTED(stops_at_a_wild_index),
		RUN_STARTED(refuses_indirect_descriptors), RUN_STARTED(needs_bus_mastering),
		RUN_STARTED(obeys_the_interrupt_disable_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
