/* SPDX-License-Identifier: Apache-2.0 */
/* Address spaces: mapping, page tables that come and go, ids that never come back. */
#include "test.h"

#define TWO_MIB (UINT64_C(2) << 20)

static struct space *space_at(cptr_t index)
{
	return space_find(slot_at(index)->cap.word);
}

static enum err map_table(cptr_t table, cptr_t space, uint64_t at)
{
	return invoke(table, OP_PAGE_TABLE_MAP, space, at, 0, 0, 0);
}

static enum err map(cptr_t frame, cptr_t space, uint64_t at, uint64_t rights)
{
	return invoke(frame, OP_FRAME_MAP, space, at, rights, 0, 0);
}

static bool mapped(cptr_t space, uint64_t at, cptr_t frame)
{
	uint64_t address;
	unsigned rights;

	return host_translate(space_at(space), at, &address, &rights) && address == cap_range(&slot_at(frame)->cap).base;
}

/* A space with both tables for 4 KiB frames at address 0x40000000. */
struct place {
	cptr_t space, upper, lower;
};
#define AT UINT64_C(0x40000000)

static struct place make_place(unsigned type)
{
	struct place place = { make(type, 0), make(OBJECT_PAGE_TABLE, 0), make(OBJECT_PAGE_TABLE, 0) };

	assert_ok(map_table(place.upper, place.space, AT));
	assert_ok(map_table(place.lower, place.space, AT));
	return place;
}

TEST(space, id_finds_its_space_only)
{
	cptr_t a = make(OBJECT_VSPACE, 0), b = make(OBJECT_GSPACE, 0);

	assert_int_equal(space_at(a)->kind, SPACE_TASK);
	assert_int_equal(space_at(b)->kind, SPACE_GUEST);
	assert_null(space_find(0));
	assert_null(space_find(UINT32_MAX));
	assert_null(space_find(slot_at(a)->cap.word + SPACES_MAX));
	space_destroy(slot_at(a)->cap.word + SPACES_MAX);
	assert_non_null(space_at(a));
}

TEST(space, id_is_never_used_again)
{
	uint32_t seen[64];

	for (unsigned i = 0; i < 64; i++) {
		cptr_t space = make(OBJECT_VSPACE, 0);

		seen[i] = slot_at(space)->cap.word;
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
		space_use(space_at(space), 0);
		assert_ok(delete_cap(space));
		assert_null(space_find(seen[i]));
		assert_int_equal(host.flushed_id, seen[i]);
	}
}

TEST(space, entry_is_retired_when_its_ids_are_used_up)
{
	void *root = arch_pointer(paddr(RAM_BASE));
	uint32_t id = space_create(SPACE_TASK, root), other = space_create(SPACE_TASK, root), index = id & 0xff;

	space_destroy(id);
	while ((id & 0xff) == index && id >> 8 < (1u << 24) - 1) {
		id = space_create(SPACE_GUEST, root);
		space_destroy(id);
	}
	assert_int_equal(id & 0xff, index);
	while (space_available(1))
		assert_int_not_equal(space_create(SPACE_TASK, root) & 0xff, index);
	assert_err(LIMIT, retype(RAM, OBJECT_VSPACE, 0, free_slot(), 1));
	assert_null(space_find(id));
	space_destroy(other);
	assert_int_equal(space_create(SPACE_TASK, root) & 0xff, other & 0xff);
}

TEST(space, copies_keep_the_space_until_the_original_goes)
{
	cptr_t space = make(OBJECT_VSPACE, 0), copy = derive(space, RIGHT_ALL, 0);

	assert_ok(delete_cap(copy));
	assert_non_null(space_at(space));
	uint32_t id = slot_at(space)->cap.word;

	assert_ok(delete_cap(space));
	assert_null(space_find(id));
}

TEST(space, frame_maps_with_its_rights_in_both_stages)
{
	static const unsigned types[] = { OBJECT_VSPACE, OBJECT_GSPACE };

	for (unsigned i = 0; i < 2; i++) {
		struct place place = make_place(types[i]);
		cptr_t frame = make(OBJECT_FRAME, 12);
		uint64_t address;
		unsigned rights;

		assert_ok(map(frame, place.space, AT + 0x5000, RIGHT_READ | RIGHT_EXECUTE));
		assert_true(host_translate(space_at(place.space), AT + 0x5123, &address, &rights));
		assert_int_equal(address, cap_range(&slot_at(frame)->cap).base + 0x123);
		assert_int_equal(rights, RIGHT_READ | RIGHT_EXECUTE);
		assert_false(host_translate(space_at(place.space), AT + 0x6000, &address, &rights));
		assert_ok(invoke(frame, OP_FRAME_UNMAP, 0, 0, 0, 0, 0));
		assert_false(mapped(place.space, AT + 0x5000, frame));
		assert_ok(map(frame, place.space, AT, RIGHT_READ));
		assert_true(mapped(place.space, AT, frame));
	}
}

TEST(space, large_frames_map_where_aligned)
{
	cptr_t space = make(OBJECT_GSPACE, 0), table = make(OBJECT_PAGE_TABLE, 0), frame = make(OBJECT_FRAME, 21);

	assert_err(NO_TABLE, map(frame, space, AT, RIGHT_READ));
	assert_ok(map_table(table, space, AT));
	assert_err(ALIGNMENT, map(frame, space, AT + 0x1000, RIGHT_READ));
	assert_ok(map(frame, space, AT + TWO_MIB, RIGHT_READ));
	assert_true(mapped(space, AT + TWO_MIB, frame));
	cptr_t small = make(OBJECT_FRAME, 12), lower = make(OBJECT_PAGE_TABLE, 0);

	assert_err(NO_TABLE, map(small, space, AT + TWO_MIB, RIGHT_READ));
	assert_err(ALREADY_MAPPED, map_table(lower, space, AT + TWO_MIB));
	assert_ok(map_table(lower, space, AT));
	cptr_t other = make(OBJECT_FRAME, 21);

	assert_err(ALREADY_MAPPED, map(other, space, AT, RIGHT_READ));
}

TEST(space, frame_map_refuses_bad_arguments)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12), readable = derive(frame, RIGHT_READ, 0), blind = derive(frame, RIGHT_WRITE, 0);
	cptr_t other = make(OBJECT_FRAME, 12);

	assert_err(INVALID_CAP, map(frame, 0, AT, RIGHT_READ));
	assert_err(WRONG_TYPE, map(frame, CNODE, AT, RIGHT_READ));
	assert_err(ALIGNMENT, map(frame, place.space, AT + 1, RIGHT_READ));
	assert_err(RANGE, map(frame, place.space, UINT64_C(1) << 38, RIGHT_READ));
	assert_err(RANGE, map(frame, place.space, UINT64_C(1) << 44, RIGHT_READ));
	assert_err(RANGE, map(frame, place.space, ~UINT64_C(0xfff), RIGHT_READ));
	assert_err(NO_RIGHT, map(readable, place.space, AT, RIGHT_READ | RIGHT_WRITE));
	assert_err(NO_RIGHT, map(blind, place.space, AT, RIGHT_WRITE));
	assert_err(NO_RIGHT, map(frame, place.space, AT, 0));
	assert_err(NO_TABLE, map(frame, place.space, 0, RIGHT_READ));
	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	assert_err(ALREADY_MAPPED, map(frame, place.space, AT + 0x1000, RIGHT_READ));
	assert_err(ALREADY_MAPPED, map(other, place.space, AT, RIGHT_READ));
	assert_ok(map(readable, place.space, AT + 0x1000, RIGHT_READ));
	assert_err(UNKNOWN_OPERATION, invoke(frame, 3, 0, 0, 0, 0, 0));
}

TEST(space, range_is_that_of_the_stage)
{
	cptr_t task = make(OBJECT_VSPACE, 0), guest = make(OBJECT_GSPACE, 0), table = make(OBJECT_PAGE_TABLE, 0);

	assert_err(RANGE, map_table(table, task, UINT64_C(1) << 38));
	assert_err(RANGE, map_table(table, guest, UINT64_C(1) << 41));
	assert_err(RANGE, map_table(table, guest, UINT64_C(1) << 44));
	assert_err(RANGE, map_table(table, guest, UINT64_MAX));
	assert_ok(map_table(table, guest, (UINT64_C(1) << 41) - 1));
}

TEST(space, mapping_needs_the_write_right_on_the_space)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t readable = derive(place.space, (unsigned)~RIGHT_WRITE & RIGHT_ALL, 0), writable = derive(place.space, RIGHT_WRITE, 0);
	cptr_t frame = make(OBJECT_FRAME, 12), table = make(OBJECT_PAGE_TABLE, 0);

	assert_err(NO_RIGHT, map(frame, readable, AT, RIGHT_READ));
	assert_err(NO_RIGHT, map_table(table, readable, AT + TWO_MIB));
	assert_ok(map(frame, writable, AT, RIGHT_READ));
	assert_ok(map_table(table, writable, AT + TWO_MIB));
}

TEST(space, frame_deletion_ends_the_mapping)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12), copy = derive(frame, RIGHT_READ, 0);

	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	assert_ok(map(copy, place.space, AT + 0x1000, RIGHT_READ));
	assert_ok(delete_cap(copy));
	assert_false(mapped(place.space, AT + 0x1000, frame));
	assert_true(mapped(place.space, AT, frame));
	uint64_t address;
	unsigned rights;

	assert_ok(delete_cap(frame));
	assert_false(host_translate(space_at(place.space), AT, &address, &rights));
}

TEST(space, mapping_is_stale_when_its_space_is_gone)
{
	struct place place = make_place(OBJECT_VSPACE), other;
	cptr_t frame = make(OBJECT_FRAME, 12), stranger = make(OBJECT_FRAME, 12);

	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	assert_ok(delete_cap(place.space));
	other.space = make(OBJECT_VSPACE, 0);
	assert_ok(map_table(place.upper, other.space, AT));
	assert_ok(map_table(place.lower, other.space, AT));
	assert_false(mapped(other.space, AT, frame));
	assert_ok(map(stranger, other.space, AT, RIGHT_READ));
	assert_ok(invoke(frame, OP_FRAME_UNMAP, 0, 0, 0, 0, 0));
	assert_true(mapped(other.space, AT, stranger));
	assert_ok(map(frame, other.space, AT + 0x1000, RIGHT_READ));
}

TEST(space, table_is_empty_when_mapped_again)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12);

	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	assert_ok(invoke(place.lower, OP_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0));
	assert_false(mapped(place.space, AT, frame));
	assert_ok(delete_cap(frame));
	assert_ok(map_table(place.lower, place.space, AT));
	uint64_t address;
	unsigned rights;

	assert_false(host_translate(space_at(place.space), AT, &address, &rights));
}

TEST(space, stale_frame_does_not_end_a_newer_mapping)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12), newer = make(OBJECT_FRAME, 12);

	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	assert_ok(invoke(place.lower, OP_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0));
	assert_ok(map_table(place.lower, place.space, AT));
	assert_ok(map(newer, place.space, AT, RIGHT_READ));
	assert_err(ALREADY_MAPPED, map(frame, place.space, AT + 0x1000, RIGHT_READ));
	assert_ok(delete_cap(frame));
	assert_true(mapped(place.space, AT, newer));
}

TEST(space, stale_lower_table_does_not_end_a_newer_one)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t newer = make(OBJECT_PAGE_TABLE, 0), frame = make(OBJECT_FRAME, 12);

	assert_ok(invoke(place.upper, OP_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0));
	assert_ok(map_table(place.upper, place.space, AT));
	assert_ok(map_table(newer, place.space, AT));
	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	assert_err(ALREADY_MAPPED, map_table(place.lower, place.space, AT + TWO_MIB));
	assert_ok(delete_cap(place.lower));
	assert_true(mapped(place.space, AT, frame));
}

TEST(space, table_deletion_ends_all_below_it)
{
	struct place place = make_place(OBJECT_GSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12);

	assert_ok(map(frame, place.space, AT, RIGHT_READ));
	unsigned flushes = host.flushes;

	assert_ok(delete_cap(place.upper));
	assert_int_equal(host.flushes, flushes + 1);
	assert_false(mapped(place.space, AT, frame));
	assert_ok(delete_cap(frame));
	assert_ok(delete_cap(place.lower));
	assert_int_equal(host.flushes, flushes + 1);
}

TEST(space, table_map_refuses_bad_arguments)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t table = make(OBJECT_PAGE_TABLE, 0);

	assert_err(INVALID_CAP, map_table(table, 0, AT));
	assert_err(WRONG_TYPE, map_table(table, CNODE, AT));
	assert_err(ALREADY_MAPPED, map_table(table, place.space, AT));
	assert_err(ALREADY_MAPPED, map_table(place.upper, place.space, 0));
	assert_err(UNKNOWN_OPERATION, invoke(table, 2, 0, 0, 0, 0, 0));
	assert_ok(invoke(table, OP_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0));
	assert_ok(map_table(table, place.space, AT + TWO_MIB + 123));
	assert_int_equal(slot_at(table)->cap.page_number, (AT + TWO_MIB) >> 12);
}

TEST(space, frame_tells_its_address)
{
	cptr_t frame = make_from(DEVICE, OBJECT_FRAME, 12);

	assert_ok(invoke(frame, OP_FRAME_GET_ADDRESS, 0, 0, 0, 0, 0));
	assert_int_equal(invoke_result, DEVICE_BASE);
}

TEST(space, device_frame_maps_at_its_address)
{
	struct place place = make_place(OBJECT_VSPACE);
	cptr_t frame = make_from(DEVICE, OBJECT_FRAME, 12);
	uint64_t address;
	unsigned rights;

	assert_ok(map(frame, place.space, AT, RIGHT_READ | RIGHT_WRITE));
	assert_true(host_translate(space_at(place.space), AT + 4, &address, &rights));
	assert_int_equal(address, DEVICE_BASE + 4);
}

TEST(space, dead_space_of_a_copied_capability_is_refused)
{
	struct cap dead = { .type = OBJECT_VSPACE, .word = 5 + SPACES_MAX };
	cptr_t frame = make(OBJECT_FRAME, 12), table = make(OBJECT_PAGE_TABLE, 0);

	assert_err(INVALID_CAP, frame_map(slot_at(frame), &dead, vaddr(0), RIGHT_READ));
	assert_err(INVALID_CAP, table_map(slot_at(table), &dead, vaddr(0)));
}
