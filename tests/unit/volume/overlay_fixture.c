/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay_fixture.h"

#include <stdio.h>

struct volume *overlay;
uint8_t data[4u << 20];
static uint8_t read_data[4u << 20];
static char answer[120];

static void answered(struct volume *volume, const char *problem)
{
	(void)volume;
	(void)snprintf(answer, sizeof(answer), "%s", problem ? problem : "");
}

const char *operate(enum block_operation operation, const char *name)
{
	(void)snprintf(answer, sizeof(answer), "no answer");
	volume_snapshot(overlay, operation, name, answered);
	fake_disks_run(false);
	return answer;
}

void open_ready(void)
{
	fake_disks_run(false);
	assert_true(volumes_open_all(false));
	assert_string_equal(overlay->problem, "");
	assert_int_equal(overlay->state, BLOCK_READY);
}

void assert_failed(const char *problem)
{
	fake_disks_run(false);
	assert_true(volumes_open_all(false));
	assert_string_equal(overlay->problem, problem);
	assert_int_equal(overlay->state, BLOCK_FAILED);
}

int overlay_begin_test(void **state)
{
	(void)state;
	volumes_forget();
	fake_seed(1);
	fake_disk_make(0, BASE, 512);
	fake_disk_make(1, STORE * CLUSTER, 512);
	for (uint32_t i = 0; i < BASE * 512; i += 512)
		memcpy(fake_disks[0].data + i, &i, 4);
	volumes_add("base", "disk0", 0, NULL);
	volumes_add("store", "disk1", 0, NULL);
	overlay = volumes_add_overlay("overlay", "base", "store");
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 512);
	open_ready();
	return 0;
}

int overlay_end_test(void **state)
{
	(void)state;
	fake_disks_run(false);
	volumes_forget();
	for (unsigned i = 0; i < FAKE_DISKS; i++)
		fake_disk_free(i);
	return 0;
}

void write_ok(uint64_t sector, uint32_t sectors)
{
	assert_int_equal(volumes_transfer(overlay, IO_WRITE, sector, sectors, data), IO_OK);
}

void flush_ok(void)
{
	assert_int_equal(volumes_transfer(overlay, IO_FLUSH, 0, 0, NULL), IO_OK);
}

void assert_data(uint64_t sector, uint32_t sectors, const void *expected)
{
	memset(read_data, 0xee, (size_t)sectors * 512);
	assert_int_equal(volumes_transfer(overlay, IO_READ, sector, sectors, read_data), IO_OK);
	assert_memory_equal(read_data, expected, (size_t)sectors * 512);
}

void assert_zero(uint64_t sector, uint32_t sectors)
{
	static const uint8_t zero[64 * 512];

	assert_data(sector, sectors, zero);
}

void assert_base(uint64_t sector, uint32_t sectors)
{
	assert_data(sector, sectors, fake_disks[0].data + sector * 512);
}
