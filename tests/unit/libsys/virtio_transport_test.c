/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's transports and negotiation, on a model of a device behind either: the registers are what io_read and io_write see. */
#include "test.h"

#include <string.h>

#include <libsys/io.h>
#include <libsys/virtio_driver.h>

enum { QUEUES = 3, BAR_SIZE = 0x4000, COMMON = 0x1000, ISR = 0x2000, NOTIFY = 0x3000, DEVICE = 0x3800, CAPABILITIES = 0x50 };

/* A device. Both transports lead here. */
static struct {
	uint64_t offered, accepted;
	uint32_t offered_select, accepted_select, queue_select, resets_after;
	uint8_t status, generation, isr, refuses;
	unsigned config_changes, notified[QUEUES];
	struct {
		uint16_t size;
		bool enabled;
		uint64_t address[3];
	} queue[QUEUES];
	uint8_t config[64];
} device;

static _Alignas(4096) uint8_t mmio[0x200], bar[BAR_SIZE];
static _Alignas(4096) uint8_t configuration[4096];
static struct virtio_driver driver;

static uint32_t feature_half(uint64_t features, uint32_t half)
{
	return half < 2 ? (uint32_t)(features >> 32 * half) : 0;
}

static void write_status(uint32_t value)
{
	if (value == 0) {
		device.accepted = 0;
		memset(device.queue, 0, sizeof(device.queue));
		device.queue[0].size = device.queue[2].size = 128;
	}
	device.status = (uint8_t)value & (uint8_t)~device.refuses;
}

static uint32_t read_status(void)
{
	if (device.status == 0 && device.resets_after) {
		device.resets_after--;
		return 0x0f;
	}
	return device.status;
}

static void write_accepted(uint32_t value)
{
	assert_in_range(device.accepted_select, 0, 1);
	device.accepted |= (uint64_t)value << 32 * device.accepted_select;
}

static uint32_t read_config(unsigned offset, unsigned size)
{
	uint32_t value = 0;

	assert_true(offset + size <= sizeof(device.config));
	memcpy(&value, device.config + offset, size);
	if (device.config_changes) {
		device.config_changes--;
		device.config[0]++;
		device.generation++;
	}
	return value;
}

static void write_address(unsigned which, bool high, uint32_t value)
{
	uint64_t *address = &device.queue[device.queue_select].address[which];

	assert_false(device.queue[device.queue_select].enabled);
	*address |= (uint64_t)value << (high ? 32 : 0);
}

static uint32_t mmio_read(unsigned offset, unsigned size)
{
	static const uint32_t identity[] = { 0x74726976, 2, VIRTIO_ID_BLOCK, 0x554d4551 };
	uint32_t value;

	if (offset >= 0x100)
		return read_config(offset - 0x100, size);
	assert_int_equal(size, 4);
	if (offset < 16) {
		memcpy(&value, mmio + offset, 4);
		return value ? value - 1 : identity[offset / 4];
	}
	switch (offset) {
	case 0x010: return feature_half(device.offered, device.offered_select);
	case 0x034: return device.queue_select < QUEUES ? device.queue[device.queue_select].size : 0;
	case 0x044: return device.queue_select < QUEUES && device.queue[device.queue_select].enabled;
	case 0x060: return device.isr;
	case 0x070: return read_status();
	case 0x0fc: return device.generation;
	default: fail_msg("read of register 0x%x", offset);
	}
	return 0;
}

static void mmio_write(unsigned offset, uint32_t value)
{
	switch (offset) {
	case 0x014: device.offered_select = value; break;
	case 0x020: write_accepted(value); break;
	case 0x024: device.accepted_select = value; break;
	case 0x030: device.queue_select = value; break;
	case 0x038: device.queue[device.queue_select].size = (uint16_t)value; break;
	case 0x044: device.queue[device.queue_select].enabled = value; break;
	case 0x050: device.notified[value]++; break;
	case 0x064: device.isr &= (uint8_t)~value; break;
	case 0x070: write_status(value); break;
	case 0x080: case 0x084: case 0x090: case 0x094: case 0x0a0: case 0x0a4:
		write_address((offset - 0x80) >> 4, offset & 4, value);
		break;
	default: fail_msg("write of register 0x%x", offset);
	}
}

/* Offset and width of each field. */
static uint32_t common_read(unsigned offset, unsigned size)
{
	bool exists = device.queue_select < QUEUES;

	switch (offset << 4 | size) {
	case 4 << 4 | 4: return feature_half(device.offered, device.offered_select);
	case 18 << 4 | 2: return QUEUES;
	case 20 << 4 | 1: return read_status();
	case 21 << 4 | 1: return device.generation;
	case 24 << 4 | 2: return exists ? device.queue[device.queue_select].size : 0;
	case 28 << 4 | 2: return exists && device.queue[device.queue_select].enabled;
	case 30 << 4 | 2: return device.queue_select * 2;
	default: fail_msg("read of %u bytes at %u", size, offset);
	}
	return 0;
}

static void common_write(unsigned offset, unsigned size, uint32_t value)
{
	switch (offset << 4 | size) {
	case 0 << 4 | 4: device.offered_select = value; break;
	case 8 << 4 | 4: device.accepted_select = value; break;
	case 12 << 4 | 4: write_accepted(value); break;
	case 20 << 4 | 1: write_status(value); break;
	case 22 << 4 | 2: device.queue_select = value; break;
	case 24 << 4 | 2: device.queue[device.queue_select].size = (uint16_t)value; break;
	case 28 << 4 | 2: device.queue[device.queue_select].enabled = value; break;
	case 32 << 4 | 4: case 36 << 4 | 4: case 40 << 4 | 4: case 44 << 4 | 4: case 48 << 4 | 4: case 52 << 4 | 4:
		write_address((offset - 32) >> 3, offset & 4, value);
		break;
	default: fail_msg("write of %u bytes at %u", size, offset);
	}
}

static uint32_t bar_read(unsigned offset, unsigned size)
{
	uint32_t isr = device.isr;

	if (offset >= COMMON && offset < COMMON + 56)
		return common_read(offset - COMMON, size);
	if (offset >= DEVICE)
		return read_config(offset - DEVICE, size);
	assert_int_equal(offset, ISR);
	assert_int_equal(size, 1);
	device.isr = 0;
	return isr;
}

uint32_t io_read(const volatile uint8_t *address, unsigned size)
{
	const uint8_t *at = (const uint8_t *)address;
	uint32_t value = 0;

	assert_int_equal((uintptr_t)at % size, 0);
	if (at >= mmio && at < mmio + sizeof(mmio))
		return mmio_read((unsigned)(at - mmio), size);
	if (at >= bar && at < bar + sizeof(bar))
		return bar_read((unsigned)(at - bar), size);
	assert_true(at >= configuration && at + size <= configuration + 256);
	memcpy(&value, at, size);
	return value;
}

void io_write(volatile uint8_t *address, unsigned size, uint32_t value)
{
	uint8_t *at = (uint8_t *)address;
	unsigned offset = (unsigned)(at - bar);

	assert_int_equal((uintptr_t)at % size, 0);
	if (at >= mmio && at < mmio + sizeof(mmio)) {
		assert_int_equal(size, 4);
		mmio_write((unsigned)(at - mmio), value);
	} else if (offset >= NOTIFY && offset < NOTIFY + 64) {
		assert_int_equal(size, 2);
		assert_int_equal((offset - NOTIFY) / 8, value);
		device.notified[value]++;
	} else {
		assert_true(at >= bar + COMMON && at < bar + COMMON + 56);
		common_write(offset - COMMON, size, value);
	}
}

static uint8_t *capability(unsigned at, uint8_t next, uint8_t length, uint8_t type, uint8_t which, uint32_t offset, uint32_t size)
{
	const uint8_t head[8] = { 9, next, length, type, which };

	memcpy(configuration + at, head, 8);
	memcpy(configuration + at + 8, &offset, 4);
	memcpy(configuration + at + 12, &size, 4);
	return configuration + at;
}

static int prepare(void **state)
{
	static const uint8_t identity[] = { 0xf4, 0x1a, 0x42, 0x10, 6, 0, 0x10, 0 };

	(void)state;
	memset(&device, 0, sizeof(device));
	memset(mmio, 0, sizeof(mmio));
	memset(configuration, 0, sizeof(configuration));
	memcpy(configuration, identity, sizeof(identity));
	configuration[0x34] = CAPABILITIES;
	configuration[CAPABILITIES] = 0x11; /* MSI-X */
	configuration[CAPABILITIES + 1] = 0x60;
	(void)capability(0x60, 0x70, 20, 5, 0, 0, 0); /* the window */
	configuration[0x74] = 4;
	(void)capability(0x74, 0x88, 16, 1, 4, COMMON, 56);
	configuration[0x61] = 0x74;
	(void)capability(0x88, 0x98, 16, 3, 4, ISR, 1);
	(void)capability(0x98, 0xb0, 20, 2, 4, NOTIFY, 64);
	configuration[0x98 + 16] = 4;
	(void)capability(0xb0, 0xc0, 16, 4, 4, DEVICE, 64);
	(void)capability(0xc0, 0, 16, 4, 4, 0, 1); /* a second one does not count */
	device.offered = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | 1;
	for (unsigned i = 0; i < sizeof(device.config); i++)
		device.config[i] = (uint8_t)(i + 1);
	return 0;
}

static int prepare_mmio(void **state)
{
	prepare(state);
	return virtio_mmio_open(&driver, mmio, sizeof(mmio));
}

static int prepare_pci(void **state)
{
	prepare(state);
	return virtio_pci_bar(configuration) != 4 || virtio_pci_open(&driver, configuration, bar, sizeof(bar));
}

TEST(virtio_driver, sets_a_device_up)
{
	uint64_t agreed;

	(void)state;
	device.resets_after = 10;
	assert_int_equal(driver.device, VIRTIO_ID_BLOCK);
	assert_int_equal(virtio_driver_negotiate(&driver, VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX, 0, &agreed), ERR_OK);
	assert_true(agreed == (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC));
	assert_true(device.accepted == agreed);
	assert_int_equal(device.resets_after, 0);
	assert_int_equal(device.status, 0x0b);
	assert_int_equal(driver.ops->queue_size(&driver, 2), 128);
	driver.ops->queue_enable(&driver, 2, 64, 0x123456789000, 0x223456789000, 0x323456789000);
	assert_true(device.queue[2].enabled);
	assert_int_equal(device.queue[2].size, 64);
	for (unsigned i = 0; i < 3; i++)
		assert_true(device.queue[2].address[i] == 0x023456789000u + (i + 1) * 0x100000000000u);
	/* In use, empty, and beyond. */
	assert_int_equal(driver.ops->queue_size(&driver, 2), 0);
	assert_int_equal(driver.ops->queue_size(&driver, 1), 0);
	assert_int_equal(driver.ops->queue_size(&driver, QUEUES), 0);
	virtio_driver_start(&driver);
	assert_int_equal(device.status, 0x0f);
	driver.ops->notify(&driver, 2);
	assert_int_equal(device.notified[2], 1);
	device.isr = 2;
	assert_int_equal(driver.ops->interrupt(&driver), 2);
	assert_int_equal(driver.ops->interrupt(&driver), 0);
	assert_false(virtio_driver_broken(&driver));
	device.status |= 0x40;
	assert_true(virtio_driver_broken(&driver));
	virtio_driver_reset(&driver);
	assert_int_equal(device.status, 0);
}

TEST(virtio_driver, gives_up_without_what_it_needs)
{
	uint64_t agreed = 77;

	(void)state;
	assert_int_equal(virtio_driver_negotiate(&driver, 1, VIRTIO_F_EVENT_IDX, &agreed), ERR_RANGE);
	assert_int_equal(device.status & 0x80, 0x80);
	device.offered &= ~VIRTIO_F_VERSION_1;
	assert_int_equal(virtio_driver_negotiate(&driver, 1, 0, &agreed), ERR_RANGE);
	device.offered |= VIRTIO_F_VERSION_1;
	device.refuses = 8;
	assert_int_equal(virtio_driver_negotiate(&driver, 1, 0, &agreed), ERR_RANGE);
	device.resets_after = UINT32_MAX;
	assert_int_equal(virtio_driver_negotiate(&driver, 1, 0, &agreed), ERR_TIMED_OUT);
	assert_int_equal(agreed, 77);
}

TEST(virtio_driver, reads_configuration)
{
	(void)state;
	assert_int_equal(virtio_driver_config(&driver, 5, 1), 6);
	assert_int_equal(virtio_driver_config(&driver, 4, 2), 0x0605);
	assert_int_equal(virtio_driver_config(&driver, 4, 4), 0x08070605);
	/* One that changes meanwhile is read again: 1 becomes 3, at a time when it is still. */
	device.config_changes = 2;
	assert_true(virtio_driver_config(&driver, 0, 8) == 0x0807060504030203);
	device.config_changes = 1000;
	(void)virtio_driver_config(&driver, 0, 8);
	assert_in_range(device.config_changes, 900, 999);
	assert_int_equal(virtio_driver_config(&driver, 0x200, 1), 0);
	assert_int_equal(virtio_driver_config(&driver, UINT32_MAX, 8), 0);
}

TEST(virtio_driver, refuses_what_is_no_mmio_device)
{
	static const uint32_t other[] = { 0, 1, 0 }; /* not the magic number, a legacy device, an empty slot */

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint32_t value = other[i] + 1;

		memset(mmio, 0, sizeof(mmio));
		memcpy(mmio + 4 * i, &value, 4);
		assert_int_equal(virtio_mmio_open(&driver, mmio, sizeof(mmio)), ERR_INVALID_ARGUMENT);
	}
	memset(mmio, 0, sizeof(mmio));
	assert_int_equal(virtio_mmio_open(&driver, mmio, 0xff), ERR_INVALID_ARGUMENT);
}

TEST(virtio_driver, takes_a_transitional_function)
{
	(void)state;
	configuration[2] = 1;
	configuration[0x2e] = VIRTIO_ID_BLOCK;
	assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_OK);
	assert_int_equal(driver.device, VIRTIO_ID_BLOCK);
}

TEST(virtio_driver, refuses_what_is_no_virtio_function)
{
	static const uint8_t other[][2] = { { 0, 0x86 }, { 3, 0x20 }, { 2, 0x80 }, { 6, 0 }, { 0x34, 0 }, { 0x77, 2 }, { 0x78, 6 } };

	for (unsigned i = 0; i < sizeof(other) / 2; i++) {
		prepare(state);
		configuration[other[i][0]] = other[i][1];
		assert_int_equal(virtio_pci_bar(configuration), -1);
		assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_INVALID_ARGUMENT);
	}
	/* A list without an end. */
	prepare(state);
	configuration[0x61] = CAPABILITIES;
	assert_int_equal(virtio_pci_bar(configuration), -1);
}

TEST(virtio_driver, refuses_areas_beyond_the_bar)
{
	static const struct {
		uint8_t cap;
		uint32_t offset, size;
	} areas[] = {
		{ 0x74, BAR_SIZE - 55, 56 }, { 0x74, COMMON, 55 }, { 0x74, COMMON + 2, 56 }, { 0x88, BAR_SIZE, 1 }, { 0x88, ISR, 0 },
		{ 0x98, NOTIFY, BAR_SIZE }, { 0x98, NOTIFY + 1, 64 }, { 0x98, NOTIFY, 1 }, { 0xb0, UINT32_MAX - 3, 64 },
		{ 0xb0, DEVICE, UINT32_MAX },
	};

	for (unsigned i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		prepare(state);
		memcpy(configuration + areas[i].cap + 8, &areas[i].offset, 4);
		memcpy(configuration + areas[i].cap + 12, &areas[i].size, 4);
		assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_RANGE);
	}
	/* In another BAR, cut short, or an odd multiplier. */
	prepare(state);
	configuration[0x98 + 4] = 3;
	assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_RANGE);
	prepare(state);
	configuration[0x98 + 2] = 16;
	assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_RANGE);
	prepare(state);
	configuration[0x98 + 16] = 3;
	assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_RANGE);
	/* A queue that would be notified beyond the area is none. */
	prepare(state);
	configuration[0x98 + 16] = 16;
	assert_int_equal(virtio_pci_open(&driver, configuration, bar, sizeof(bar)), ERR_OK);
	assert_int_equal(virtio_driver_negotiate(&driver, 0, 0, NULL), ERR_OK);
	assert_int_equal(driver.ops->queue_size(&driver, 0), 128);
	assert_int_equal(driver.ops->queue_size(&driver, 2), 0);
}

int main(void)
{
#define RUN_MMIO(what) { "virtio_mmio " #what, virtio_driver_##what, prepare_mmio, NULL, NULL }
#define RUN_PCI(what) { "virtio_pci " #what, virtio_driver_##what, prepare_pci, NULL, NULL }
	const struct CMUnitTest tests[] = {
		RUN_MMIO(sets_a_device_up), RUN_PCI(sets_a_device_up),
		RUN_MMIO(gives_up_without_what_it_needs), RUN_PCI(gives_up_without_what_it_needs),
		RUN_MMIO(reads_configuration), RUN_PCI(reads_configuration),
		RUN_MMIO(refuses_what_is_no_mmio_device), RUN_PCI(takes_a_transitional_function),
		RUN_PCI(refuses_what_is_no_virtio_function), RUN_PCI(refuses_areas_beyond_the_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
