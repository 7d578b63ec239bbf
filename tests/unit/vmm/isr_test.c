/* SPDX-License-Identifier: Apache-2.0 */
/* ISR status and interrupt line, as drivers of several habits use them. */
#include <isr.h>
#include "fakes.h"
#include "pci_driver.h"
#include "test.h"

static struct driver driver;
static struct virtio_console second; /* on the line of the first */

enum { FIRST = 1, SECOND = 5, SOURCE = 33, SECOND_BAR = 0x40120000 };
enum { CLAIM = 0x200004, ENABLE = 0x2000 };
enum { MEMORY = 2, MASTER = 4, NO_INTX = 0x400, COMMAND_ON = MEMORY | MASTER };

static void plic_store(uint64_t offset, uint32_t value)
{
	struct bus_access access = { .offset = offset, .size = 4, .value = value, .write = true };

	assert_true(plic_access(&driver.plic, &access));
}

static uint32_t claim(void)
{
	struct bus_access access = { .offset = CLAIM, .size = 4 };

	assert_true(plic_access(&driver.plic, &access));
	return (uint32_t)access.value;
}

static void complete(void)
{
	plic_store(CLAIM, SOURCE);
}

static bool level(void)
{
	return driver.plic.level >> SOURCE & 1;
}

static struct virtio_device *device(void)
{
	return &driver.console.device;
}

/* By the page where it is mapped for the guest, else by an exit; -1: the page is somewhere else. */
static int isr(void)
{
	if (!fake.isr_at[0])
		return (int)driver_load(&driver, driver.isr, 1);
	return fake.isr_at[0] == driver.isr ? *(const uint8_t *)fake_isr[0] : -1;
}

static void handle(int expected)
{
	assert_int_equal(claim(), SOURCE);
	assert_int_equal(isr(), expected);
	complete();
}

static void interrupt(void)
{
	virtio_interrupt(device());
	handle(ISR_QUEUE);
}

static void interrupts(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		interrupt();
}

static int prepare(void **state)
{
	(void)state;
	fake_reset(NULL);
	fake.isr_pages = 2;
	driver_init(&driver);
	isr_open(&driver.pci, device());
	driver_start(&driver);
	plic_store(4 * SOURCE, 1);
	plic_store(ENABLE + 4, 1u << (SOURCE - 32));
	return 0;
}

static int prepare_mapped(void **state)
{
	prepare(state);
	interrupts(VIRTIO_ISR_STEADY);
	assert_int_equal(fake.isr_at[0], driver.isr);
	return 0;
}

static void plug_second(void)
{
	virtio_console_init(&second, &driver.memory);
	pci_add(&driver.pci, &second.device.function, SECOND);
	isr_open(&driver.pci, &second.device);
	pci_driver_bar(&driver, SECOND, SECOND_BAR);
	pci_driver_command(&driver, SECOND, COMMAND_ON);
	assert_true(pci_driver_negotiate(&driver, SECOND, VIRTIO_F_VERSION_1));
	pci_driver_store(&driver, SECOND, AREA_COMMON, COMMON_STATUS, 1, STATUS_STARTED);
}

TEST(isr, is_mapped_for_a_driver_that_reads_once_in_each_interrupt)
{
	(void)state;
	interrupts(VIRTIO_ISR_STEADY - 1);
	assert_int_equal(fake.isr_maps, 0);
	interrupt();
	assert_int_equal(fake.isr_at[0], driver.isr);
	assert_int_equal(*fake_isr[0], 0);
	interrupts(100);
	assert_int_equal(fake.isr_maps, 1);
	assert_false(level());
}

TEST(isr, is_not_mapped_for_a_driver_that_completes_first)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		virtio_interrupt(device());
		assert_int_equal(claim(), SOURCE);
		complete();
		assert_int_equal(isr(), ISR_QUEUE);
	}
	assert_int_equal(fake.isr_maps, 0);
}

TEST(isr, is_not_mapped_for_a_driver_that_reads_until_nothing_is_left)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		virtio_interrupt(device());
		assert_int_equal(claim(), SOURCE);
		assert_int_equal(isr(), ISR_QUEUE);
		assert_int_equal(isr(), 0);
		complete();
	}
	assert_int_equal(fake.isr_maps, 0);
}

TEST(isr, is_not_mapped_for_a_driver_that_polls)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		virtio_interrupt(device());
		assert_int_equal(isr(), ISR_QUEUE);
		assert_int_equal(isr(), 0);
		assert_int_equal(claim(), 0);
	}
	/* Nor for one that does at times. */
	for (unsigned i = 0; i < 100; i++) {
		interrupt();
		if (i % 8 == 0)
			assert_int_equal(isr(), 0);
	}
	assert_int_equal(fake.isr_maps, 0);
}

TEST(isr, is_not_mapped_for_a_driver_that_reads_none)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		virtio_interrupt(device());
		assert_int_equal(claim(), SOURCE);
		complete();
	}
	assert_true(level());
	assert_int_equal(fake.isr_maps, 0);
}

TEST(isr, is_lowered_by_the_claim)
{
	(void)state;
	virtio_interrupt(device());
	assert_true(level());
	assert_int_equal(claim(), SOURCE);
	assert_false(level());
	assert_int_equal(isr(), ISR_QUEUE);
	assert_int_equal(claim(), 0);
	complete();
	assert_int_equal(claim(), 0);
	assert_false(driver.line);
}

TEST(isr, interrupts_again_for_what_comes_between_claim_and_completion)
{
	(void)state;
	virtio_interrupt(device());
	assert_int_equal(claim(), SOURCE);
	assert_int_equal(isr(), ISR_QUEUE);
	virtio_interrupt(device());
	assert_false(driver.line);
	complete();
	assert_true(driver.line);
	handle(ISR_QUEUE);
	assert_false(driver.line);
}

TEST(isr, waits_while_the_source_is_masked)
{
	(void)state;
	plic_store(ENABLE + 4, 0);
	virtio_interrupt(device());
	assert_int_equal(claim(), 0);
	assert_true(level());
	plic_store(ENABLE + 4, 1u << (SOURCE - 32));
	assert_true(driver.line);
	handle(ISR_QUEUE);
}

TEST(isr, tells_a_change_of_the_configuration)
{
	(void)state;
	virtio_config_changed(device());
	virtio_interrupt(device());
	handle(ISR_QUEUE | ISR_CONFIG);
	/* One that comes while the handler runs, before it reads and after. */
	virtio_interrupt(device());
	assert_int_equal(claim(), SOURCE);
	virtio_config_changed(device());
	assert_int_equal(isr(), ISR_QUEUE | ISR_CONFIG);
	complete();
	handle(ISR_CONFIG);
	interrupt();
	assert_false(level());
}

TEST(isr, is_no_more_after_a_reset)
{
	(void)state;
	virtio_interrupt(device());
	assert_int_equal(claim(), SOURCE);
	driver_store(&driver, driver.common + COMMON_STATUS, 1, 0);
	assert_int_equal(fake.isr_at[0], 0);
	assert_int_equal(*fake_isr[0], 0);
	assert_int_equal(isr(), 0);
	complete();
	driver_start(&driver);
	interrupts(VIRTIO_ISR_STEADY - 1);
	assert_int_equal(fake.isr_at[0], 0);
	interrupt();
	assert_int_equal(fake.isr_at[0], driver.isr);
}

/* Between claim and read: what the handler was promised it gets by an exit. */
TEST(isr, follows_the_bar)
{
	(void)state;
	virtio_interrupt(device());
	assert_int_equal(claim(), SOURCE);
	driver_config_write(&driver, 0x10, 4, DRIVER_BAR + 0x10000);
	assert_int_equal(fake.isr_at[0], 0);
	driver.isr += 0x10000;
	assert_int_equal(isr(), ISR_QUEUE);
	assert_int_equal(isr(), 0);
	complete();
	interrupts(VIRTIO_ISR_STEADY);
	assert_int_equal(fake.isr_at[0], driver.isr);
	driver_config_write(&driver, 4, 2, MASTER);
	assert_int_equal(fake.isr_at[0], 0);
}

TEST(isr, is_not_mapped_where_that_is_not_possible)
{
	(void)state;
	driver_config_write(&driver, 0x10, 4, DRIVER_BAR + 0x10000);
	driver.isr += 0x10000;
	fake.isr_answer = ERR_NO_TABLE;
	interrupts(3 * VIRTIO_ISR_STEADY);
	assert_int_equal(fake.isr_at[0], 0);
	fake.isr_answer = ERR_OK;
	interrupts(VIRTIO_ISR_STEADY);
	assert_int_equal(fake.isr_at[0], driver.isr);
}

TEST(isr, is_exact_for_a_driver_that_switches_interrupts_off)
{
	(void)state;
	driver_config_write(&driver, 4, 2, COMMAND_ON | NO_INTX);
	assert_int_equal(fake.isr_at[0], 0);
	virtio_interrupt(device());
	assert_false(level());
	assert_int_equal(isr(), ISR_QUEUE);
	assert_int_equal(isr(), 0);
}

TEST(isr, is_an_exit_while_the_line_is_shared)
{
	(void)state;
	plug_second();
	interrupts(10);
	assert_int_equal(fake.isr_at[0], driver.isr);
	virtio_interrupt(device());
	assert_int_equal(claim(), SOURCE);
	virtio_interrupt(&second.device);
	assert_int_equal(fake.isr_at[0], 0);
	assert_int_equal(isr(), ISR_QUEUE);
	complete();
	assert_true(driver.line);
	assert_int_equal(claim(), SOURCE);
	assert_int_equal(pci_driver_load(&driver, SECOND, AREA_ISR, 0, 1), ISR_QUEUE);
	complete();
	interrupts(10 * VIRTIO_ISR_STEADY);
	assert_int_equal(fake.isr_at[0], 0);
	/* Until the other one is reset. */
	pci_driver_store(&driver, SECOND, AREA_COMMON, COMMON_STATUS, 1, 0);
	interrupts(VIRTIO_ISR_STEADY);
	assert_int_equal(fake.isr_at[0], driver.isr);
}

TEST(pci, keeps_a_line_up_for_the_other_function)
{
	(void)state;
	plug_second();
	virtio_interrupt(device());
	virtio_interrupt(&second.device);
	assert_int_equal(isr(), ISR_QUEUE);
	assert_true(level());
	assert_int_equal(pci_driver_load(&driver, SECOND, AREA_ISR, 0, 1), ISR_QUEUE);
	assert_false(level());
	/* Nor does one that is masked lower it. */
	virtio_interrupt(device());
	virtio_interrupt(&second.device);
	driver_config_write(&driver, 4, 2, COMMAND_ON | NO_INTX);
	assert_true(level());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(isr_is_mapped_for_a_driver_that_reads_once_in_each_interrupt, prepare),
		cmocka_unit_test_setup(isr_is_not_mapped_for_a_driver_that_completes_first, prepare),
		cmocka_unit_test_setup(isr_is_not_mapped_for_a_driver_that_reads_until_nothing_is_left, prepare),
		cmocka_unit_test_setup(isr_is_not_mapped_for_a_driver_that_polls, prepare),
		cmocka_unit_test_setup(isr_is_not_mapped_for_a_driver_that_reads_none, prepare),
		cmocka_unit_test_setup(isr_is_lowered_by_the_claim, prepare_mapped),
		cmocka_unit_test_setup(isr_interrupts_again_for_what_comes_between_claim_and_completion, prepare_mapped),
		cmocka_unit_test_setup(isr_waits_while_the_source_is_masked, prepare_mapped),
		cmocka_unit_test_setup(isr_tells_a_change_of_the_configuration, prepare_mapped),
		cmocka_unit_test_setup(isr_is_no_more_after_a_reset, prepare_mapped),
		cmocka_unit_test_setup(isr_follows_the_bar, prepare_mapped),
		cmocka_unit_test_setup(isr_is_not_mapped_where_that_is_not_possible, prepare_mapped),
		cmocka_unit_test_setup(isr_is_exact_for_a_driver_that_switches_interrupts_off, prepare_mapped),
		cmocka_unit_test_setup(isr_is_an_exit_while_the_line_is_shared, prepare_mapped),
		cmocka_unit_test_setup(pci_keeps_a_line_up_for_the_other_function, prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
