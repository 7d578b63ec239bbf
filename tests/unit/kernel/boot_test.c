/* SPDX-License-Identifier: Apache-2.0 */
/* The first task: what it finds in its CNode and on its page. */
#include "test.h"

#include <boot.h>

static uint64_t total(const struct untyped_info *parts, unsigned count)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += UINT64_C(1) << parts[i].size_bits;
	return bytes;
}

TEST(boot, split_keeps_a_power_of_two_whole)
{
	struct untyped_info out[4];

	assert_int_equal(boot_split(0x80000000, 0x8000000, out, 4), 1);
	assert_int_equal(out[0].base, 0x80000000);
	assert_int_equal(out[0].size_bits, 27);
}

TEST(boot, split_covers_all_with_aligned_parts)
{
	struct untyped_info out[64];
	static const uint64_t regions[][2] = { { 0x80201000, 0x7dff000 }, { 0x1000, 0xf000 }, { 0x3000, 0x1000 }, { 0, 0x100000 },
					       { 0xfffff000, 0x3000 } };

	for (unsigned i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		unsigned count = boot_split(regions[i][0], regions[i][1], out, 64);
		uint64_t at = regions[i][0];

		assert_int_equal(total(out, count), regions[i][1]);
		for (unsigned j = 0; j < count; j++) {
			assert_int_equal(out[j].base, at);
			assert_true(is_aligned(at, out[j].size_bits));
			at += UINT64_C(1) << out[j].size_bits;
		}
	}
}

TEST(boot, split_of_everything_stays_below_the_largest_untyped)
{
	struct untyped_info out[8];
	unsigned count = boot_split(0, UINT64_C(1) << 38, out, 8);

	assert_int_equal(total(out, count), UINT64_C(1) << 38);
	for (unsigned i = 0; i < count; i++)
		assert_true(out[i].size_bits <= UNTYPED_MAX_BITS);
	assert_int_equal(boot_split(UINT64_C(1) << 40, UINT64_C(1) << 39, out, 8), 4);
	assert_int_equal(out[0].size_bits, UNTYPED_MAX_BITS);
}

TEST(boot, split_stops_at_the_limit_and_at_small_rests)
{
	struct untyped_info out[2];

	assert_int_equal(boot_split(0x1000, 0xf000, out, 2), 2);
	assert_int_equal(boot_split(0x1000, 0xf000, out, 0), 0);
	assert_int_equal(boot_split(0x1000, 0, out, 2), 0);
	assert_int_equal(boot_split(0x1000, 0xfff, out, 2), 0);
}

TEST(boot, root_task_has_its_capabilities)
{
	static const uint8_t types[] = { [ROOT_SLOT_CNODE] = OBJECT_CNODE,
					 [ROOT_SLOT_THREAD] = OBJECT_THREAD,
					 [ROOT_SLOT_VSPACE] = OBJECT_VSPACE,
					 [ROOT_SLOT_SCHED_CONTEXT] = OBJECT_SCHED_CONTEXT,
					 [ROOT_SLOT_IRQ_CONTROL] = OBJECT_IRQ_CONTROL,
					 [ROOT_SLOT_SCHED_CONTROL] = OBJECT_SCHED_CONTROL,
					 [ROOT_SLOT_PLATFORM_CONTROL] = OBJECT_PLATFORM_CONTROL };

	for (unsigned i = 1; i < sizeof(types); i++) {
		assert_int_equal(slot_at(i)->cap.type, types[i]);
		assert_int_equal(slot_at(i)->cap.rights, RIGHT_ALL);
		assert_int_equal(slot_at(i)->cap.level, 0);
	}
	assert_true(slot_empty(slot_at(0)));
	assert_int_equal(slot_at(CNODE)->cap.size_bits, ROOT_CNODE_BITS);
}

TEST(boot, root_info_describes_untypeds)
{
	const struct root_info *info = root_info();

	assert_int_equal(info->magic, ROOT_INFO_MAGIC);
	assert_int_equal(info->version, SERAI_ABI_VERSION);
	assert_int_equal(info->harts, 1);
	assert_int_equal(info->untypeds, 4);
	assert_int_equal(info->first_free_slot, ROOT_SLOT_UNTYPED + 4);
	assert_int_equal(info->kernel_bytes, kernel_bytes);
	assert_int_equal(info->cnode_bits, ROOT_CNODE_BITS);
	for (unsigned i = 0; i < info->untypeds; i++) {
		const struct untyped_info *untyped = &info->untyped[i];
		const struct cap *cap = &slot_at(untyped->slot)->cap;

		assert_int_equal(cap->type, untyped->kind == REGION_RAM ? OBJECT_UNTYPED : OBJECT_UNTYPED_DEVICE);
		assert_int_equal(cap_range(cap).base, untyped->base);
		assert_int_equal(cap->size_bits, untyped->size_bits);
	}
	assert_true(slot_empty(slot_at(info->first_free_slot)));
}

TEST(boot, root_task_starts_where_the_loader_says)
{
	struct thread *thread = root_thread();

	assert_ptr_equal(harts[0].current, thread);
	assert_int_equal(thread->priority, 220);
	assert_int_equal(arch_thread_register(thread, 0), 0x10000);
	assert_int_equal(arch_thread_register(thread, 2), 0x20000);
	assert_int_equal(arch_thread_register(thread, 10), 0x30000);
	assert_int_equal(cap_check(), 0);
}

TEST(boot, again_starts_from_nothing)
{
	cptr_t endpoint = make(OBJECT_ENDPOINT, 0);

	fixture_boot();
	assert_true(slot_empty(slot_at(endpoint)));
	assert_int_equal(cap_check(), 0);
	assert_ok(invoke(ROOT_SLOT_IRQ_CONTROL, OP_IRQ_CONTROL_GET, 10, CNODE, endpoint, 0, 0));
}
