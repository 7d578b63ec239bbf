/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASIDs and VMIDs that are used up and begin again, on several harts, against a TLB that forgets only what it is told to;
 * and each check of the shadow, by fences that get lost.
 */
#include <lock.h>
#include <shadow.h>
#include <smp.h>
#include <tag.h>

#include "test.h"

#define AT UINT64_C(0x40000000)
#define SPACES 9u
#define HARTS 3u
#define PAGES 6u

/* A space with tables for 4 KiB frames at AT, and frames to map there. */
struct place {
	cptr_t space, upper, lower;
};
static cptr_t frames[SPACES][PAGES];

static struct space *space_at(cptr_t index)
{
	return space_find(slot_at(index)->cap.word);
}

static struct place make_place(unsigned type)
{
	struct place place = { make(type, 0), make(OBJECT_PAGE_TABLE, 0), make(OBJECT_PAGE_TABLE, 0) };

	assert_ok(invoke(place.upper, OP_PAGE_TABLE_MAP, place.space, AT, 0, 0, 0));
	assert_ok(invoke(place.lower, OP_PAGE_TABLE_MAP, place.space, AT, 0, 0, 0));
	return place;
}

static void map(cptr_t frame, cptr_t space, unsigned page)
{
	assert_ok(invoke(frame, OP_FRAME_MAP, space, AT + page * 4096, RIGHT_READ, 0, 0));
}

static void unmap(cptr_t frame)
{
	assert_ok(invoke(frame, OP_FRAME_UNMAP, 0, 0, 0, 0, 0));
}

static void small_tags(unsigned bits, unsigned hart_count)
{
	tag_reset(SPACE_TASK, bits);
	tag_reset(SPACE_GUEST, bits);
	host_add_harts(hart_count);
}

/* On this hart: what the space's tables say is what the hart finds. */
static void check_access(const struct space *space, unsigned page)
{
	uint64_t found = 0, right = 0;
	unsigned rights;
	bool mapped = host_translate(space, AT + page * 4096, &right, &rights);

	assert_int_equal(host_access(space->kind, AT + page * 4096, &found), mapped);
	assert_int_equal(found, right);
}

TEST(tag, numbers_of_a_generation_differ_and_none_is_given_twice)
{
	struct space *spaces[3];

	small_tags(2, 1);
	for (unsigned i = 0; i < 3; i++) {
		spaces[i] = space_at(make(OBJECT_GSPACE, 0));
		assert_int_equal(tag_number(tag_load(&harts[0], spaces[i])), i + 1);
	}
	assert_int_equal(tag_wraps(SPACE_GUEST), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(tag_number(tag_load(&harts[0], spaces[i])), i + 1);
	/* A number does not come back with the end of its space, but with the next generation. */
	space_destroy(spaces[0]->id);
	assert_int_equal(tag_number(tag_load(&harts[0], space_at(make(OBJECT_GSPACE, 0)))), 1);
	assert_int_equal(tag_wraps(SPACE_GUEST), 1);
	assert_int_equal(tag_wraps(SPACE_TASK), 0);
	struct thread *thread = spawn(100);

	become(thread);
	arch_thread_words(thread)[0] = DEBUG_WRAPS;
	enter_kernel(thread, SYS_DEBUG);
	assert_ok(answer_of(thread).err);
	assert_int_equal(arch_thread_words(thread)[1], 0);
	assert_int_equal(arch_thread_words(thread)[2], 1);
	assert_int_equal(tag_number(tag_load(&harts[0], spaces[1])), 2);
}

TEST(tag, hart_stays_in_its_generation_until_it_meets_a_newer_one)
{
	struct space *a = space_at(make(OBJECT_GSPACE, 0)), *b;

	small_tags(1, 2);
	uint64_t tag = tag_load(&harts[0], a), mine = harts[0].tags[1];

	for (unsigned i = 0; i < 3; i++) {
		b = space_at(make(OBJECT_GSPACE, 0));
		host_become(1);
		(void)tag_load(&harts[1], b);
		host_become(0);
		assert_int_equal(tag_load(&harts[0], a), tag);
		assert_int_equal(harts[0].tags[1], mine);
	}
	assert_int_equal(tag_wraps(SPACE_GUEST), 3);
	uint64_t newer = tag_load(&harts[0], b);

	assert_false(tag_same_generation(newer, tag));
	assert_true(tag_same_generation(newer, harts[0].tags[1]));
	/* Now the old tag is worth nothing here. */
	assert_false(tag_same_generation(tag_load(&harts[0], a), tag));
}

TEST(tag, machine_without_numbers_flushes_at_each_switch)
{
	struct place a = make_place(OBJECT_GSPACE), b = make_place(OBJECT_GSPACE);

	small_tags(0, 1);
	map(make(OBJECT_FRAME, 12), a.space, 0);
	map(make(OBJECT_FRAME, 12), b.space, 0);
	for (unsigned i = 0; i < 20; i++) {
		struct space *space = space_at(i % 2 ? a.space : b.space);

		assert_int_equal(tag_number(tag_load(&harts[0], space)), 0);
		check_access(space, 0);
	}
	assert_in_range(tag_wraps(SPACE_GUEST), 18, 20);
}

TEST(tag, unmapping_reaches_harts_of_other_generations)
{
	struct place place = make_place(OBJECT_GSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12);

	small_tags(1, 2);
	map(frame, place.space, 0);
	struct space *space = space_at(place.space);

	(void)tag_load(&harts[0], space);
	check_access(space, 0);
	/* The other hart wraps and takes the space along; this one goes on under the former number. */
	host_become(1);
	(void)tag_load(&harts[1], space_at(make(OBJECT_GSPACE, 0)));
	(void)tag_load(&harts[1], space);
	check_access(space, 0);
	unmap(frame);
	check_access(space, 0);
	host_become(0);
	check_access(space, 0);
}

TEST(tag, fence_by_number_reaches_only_harts_that_know_the_guest_by_it)
{
	struct space *a = space_at(make(OBJECT_GSPACE, 0)), *b = space_at(make(OBJECT_GSPACE, 0));
	uint32_t strangers;

	small_tags(2, 3);
	for (unsigned i = 0; i < 3; i++) {
		host_become(i);
		(void)tag_load(&harts[i], a);
	}
	host_become(0);
	assert_int_equal(tag_others_like(&harts[0], a, &strangers), 6);
	assert_int_equal(strangers, 0);
	/* Hart 1 begins the next generation, and has the guest under another number. */
	host_become(1);
	for (unsigned i = 0; i < 3; i++)
		(void)tag_load(&harts[1], space_at(make(OBJECT_GSPACE, 0)));
	(void)tag_load(&harts[1], b);
	(void)tag_load(&harts[1], a);
	assert_int_equal(tag_others_like(&harts[1], a, &strangers), 0);
	assert_int_equal(strangers, 5);
	host_become(0);
	assert_int_equal(tag_others_like(&harts[0], a, &strangers), 0);
	assert_int_equal(strangers, 6);
}

/* A vCPU that tag_load_guest knows; nothing else of it matters. */
static struct vcpu *new_vcpu(void)
{
	return vcpu_at(make(OBJECT_VCPU, 0));
}

static bool flushed_by_load(unsigned hart, struct space *space, struct vcpu *vcpu)
{
	unsigned flushes = host.guest_flushes;

	host_become(hart);
	tag_load_guest(&harts[hart], space, vcpu);
	return host.guest_flushes != flushes;
}

TEST(tag, guests_own_translations_go_when_vcpu_or_hart_or_number_changes)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0)), *other = space_at(make(OBJECT_GSPACE, 0));
	struct vcpu *a = new_vcpu(), *b = new_vcpu(), *c = new_vcpu();

	small_tags(2, 2);
	assert_true(flushed_by_load(0, space, a));
	assert_false(flushed_by_load(0, space, a));
	assert_true(flushed_by_load(0, space, b));
	assert_true(flushed_by_load(0, space, a));
	assert_true(flushed_by_load(0, other, c));
	assert_false(flushed_by_load(0, space, a));
	assert_true(flushed_by_load(1, space, a));
	assert_true(flushed_by_load(0, space, a));
	tag_distrust_guests(&harts[0]);
	assert_true(flushed_by_load(0, space, a));
	for (unsigned i = 0; i < 3; i++)
		(void)tag_load(&harts[0], space_at(make(OBJECT_GSPACE, 0)));
	assert_true(flushed_by_load(0, space, a));
}

static void configure(cptr_t vcpu, cptr_t gspace)
{
	assert_ok(invoke(vcpu, OP_VCPU_CONFIGURE, gspace, make(OBJECT_FRAME, 12), 0, 0, 0));
}

TEST(tag, guests_own_translations_go_when_vcpu_was_in_another_guest)
{
	cptr_t one = make(OBJECT_GSPACE, 0), two = make(OBJECT_GSPACE, 0), index = make(OBJECT_VCPU, 0);
	struct space *first = space_at(one), *second = space_at(two);
	struct vcpu *vcpu = vcpu_at(index);

	host_add_harts(2);
	configure(index, one);
	assert_true(flushed_by_load(0, first, vcpu));
	assert_true(flushed_by_load(1, first, vcpu));
	configure(index, two);
	assert_true(flushed_by_load(0, second, vcpu));
	configure(index, one);
	/* The last stay was here, but not under this number: that of before is older than the one on hart 1. */
	assert_true(flushed_by_load(0, first, vcpu));
	assert_false(flushed_by_load(0, first, vcpu));
}

/* --- any order of everything, on three harts, with three numbers --- */

static uint64_t random_state;

static unsigned any(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

struct run {
	struct place place[SPACES];
	struct space *loaded[HARTS]; /* NULL: dead since */
	unsigned type;
};

static void replace(struct run *run, unsigned i)
{
	for (unsigned hart = 0; hart < HARTS; hart++)
		if (run->loaded[hart] == space_at(run->place[i].space))
			run->loaded[hart] = NULL;
	assert_ok(delete_cap(run->place[i].space));
	assert_ok(delete_cap(run->place[i].upper));
	assert_ok(delete_cap(run->place[i].lower));
	for (unsigned page = 0; page < PAGES; page++)
		unmap(frames[i][page]);
	run->place[i] = make_place(run->type);
}

static void step(struct run *run)
{
	unsigned i = any(SPACES), page = any(PAGES), hart = any(HARTS), what = any(16);
	struct slot *frame = slot_at(frames[i][page]);

	host_become(hart);
	if (what < 4) {
		run->loaded[hart] = space_at(run->place[i].space);
		(void)tag_load(&harts[hart], run->loaded[hart]);
	} else if (what < 7 && frame->cap.word) {
		unmap(frames[i][page]);
	} else if (what < 7) {
		/* Any frame at any page, so that a stale translation is a wrong one. */
		(void)invoke(frames[i][page], OP_FRAME_MAP, run->place[i].space, AT + any(PAGES) * 4096, RIGHT_READ, 0, 0);
	} else if (what == 7 && any(8) == 0) {
		replace(run, i);
	} else if (what == 8 && any(4) == 0) {
		for (unsigned j = 0; j < PAGES; j++)
			unmap(frames[i][j]);
		assert_ok(invoke(run->place[i].lower, OP_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0));
		assert_ok(invoke(run->place[i].lower, OP_PAGE_TABLE_MAP, run->place[i].space, AT, 0, 0, 0));
	}
	for (unsigned h = 0; h < HARTS; h++) {
		host_become(h);
		if (run->loaded[h])
			check_access(run->loaded[h], any(PAGES));
	}
}

static void run_any_order(unsigned type, unsigned bits, uint64_t seed)
{
	struct run run = { .type = type };

	random_state = seed;
	host_become(0);
	for (unsigned i = 0; i < SPACES; i++) {
		run.place[i] = make_place(type);
		for (unsigned page = 0; page < PAGES; page++)
			frames[i][page] = make(OBJECT_FRAME, 12);
	}
	small_tags(bits, HARTS);
	for (unsigned i = 0; i < 4000; i++)
		step(&run);
	host_become(0);
	assert_in_range(tag_wraps(type == OBJECT_VSPACE ? SPACE_TASK : SPACE_GUEST), 100, 4000);
}

TEST(tag, no_hart_finds_what_is_not_in_the_tables_of_tasks)
{
	run_any_order(OBJECT_VSPACE, 2, 1);
}

TEST(tag, no_hart_finds_what_is_not_in_the_tables_of_guests)
{
	run_any_order(OBJECT_GSPACE, 2, 2);
}

TEST(tag, no_hart_finds_what_is_not_in_the_tables_without_numbers)
{
	run_any_order(OBJECT_GSPACE, 0, 3);
}

/* --- the shadow --- */

static jmp_buf stop;

/* Does this panic with these words, if all fences are lost? */
#define assert_shadow(words, statement)                                    \
	do {                                                               \
		host.stop = &stop;                                         \
		host.fences_lost = true;                                   \
		if (setjmp(stop) == 0) {                                   \
			statement;                                         \
			fail();                                            \
		}                                                          \
		host.fences_lost = false;                                  \
		harts[0].held = 0;                                         \
		shadow_reset();                                            \
		host.console[host.console_length] = 0;                     \
		assert_non_null(strstr(host.console, words));              \
	} while (0)

TEST(tag, shadow_finds_a_number_used_again_without_a_flush)
{
	struct space *spaces[2] = { space_at(make(OBJECT_GSPACE, 0)), space_at(make(OBJECT_GSPACE, 0)) };

	small_tags(1, 1);
	(void)tag_load(&harts[0], spaces[0]);
	assert_shadow("its tag is another's, too", (void)tag_load(&harts[0], spaces[1]));
}

TEST(tag, shadow_finds_a_flush_before_the_register_is_written)
{
	struct space *spaces[2] = { space_at(make(OBJECT_GSPACE, 0)), space_at(make(OBJECT_GSPACE, 0)) };

	small_tags(1, 1);
	(void)tag_load(&harts[0], spaces[0]);
	shadow_forgets(&harts[0], true);
	arch_tlb_flush(SPACE_GUEST, 1, TAG_ALL, 0, UINT64_MAX);
	shadow_forgets(&harts[0], false);
	assert_shadow("its tag is another's, too", (void)tag_load(&harts[0], spaces[1]));
}

TEST(tag, shadow_finds_an_unmapping_without_a_flush)
{
	struct place place = make_place(OBJECT_GSPACE);
	cptr_t frame = make(OBJECT_FRAME, 12);
	uint64_t address;

	map(frame, place.space, 0);
	(void)tag_load(&harts[0], space_at(place.space));
	assert_true(host_access(SPACE_GUEST, AT, &address));
	assert_shadow("stale after a flush", frame_unmap(slot_at(frame)));
	/* And the TLB has what the tables have no longer. */
	assert_true(host_access(SPACE_GUEST, AT, &address));
}

TEST(tag, shadow_finds_a_flush_of_the_wrong_address)
{
	struct place place = make_place(OBJECT_GSPACE);
	struct space *space = space_at(place.space);

	(void)tag_load(&harts[0], space);
	shadow_changed(space, AT, 8192);
	shadow_flushed(SPACE_GUEST, 1, tag_number(space->tag), AT + 4096, 4096);
	assert_shadow("stale after a flush", shadow_flush_done(space));
}

TEST(tag, shadow_finds_a_hart_that_a_flush_did_not_reach)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0));

	small_tags(2, 2);
	host_become(1);
	(void)tag_load(&harts[1], space);
	host_become(0);
	space->harts = 0;
	assert_shadow("stale after a flush", tag_flush(space, 0, UINT64_MAX));
	space->harts = 2;
}

TEST(tag, shadow_finds_a_space_that_ends_while_a_hart_holds_it)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0));

	(void)tag_load(&harts[0], space);
	assert_shadow("gone, but not forgotten", space_destroy(space->id));
}

TEST(tag, shadow_finds_memory_given_out_while_a_translation_of_it_is_stale)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0));
	cptr_t frame = make_from(SMALL_RAM, OBJECT_FRAME, 12);

	(void)tag_load(&harts[0], space);
	shadow_changed(space, AT, 4096);
	assert_ok(delete_cap(frame));
	host.stop = &stop;
	if (setjmp(stop) == 0) {
		(void)make_from(SMALL_RAM, OBJECT_FRAME, 12);
		fail();
	}
	host.console[host.console_length] = 0;
	assert_non_null(strstr(host.console, "stale when memory is used again"));
	shadow_reset();
	lock_forget(LOCK_CAPABILITY);
	smp_reset();
	smp_join(&harts[0]);
}

TEST(tag, shadow_finds_another_vcpus_translations)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0));
	struct vcpu *a = new_vcpu(), *b = new_vcpu();

	tag_load_guest(&harts[0], space, a);
	assert_shadow("another vCPU's translations", tag_load_guest(&harts[0], space, b));
}

TEST(tag, shadow_finds_translations_of_an_earlier_stay)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0));
	struct vcpu *vcpu = new_vcpu();

	host_add_harts(2);
	tag_load_guest(&harts[0], space, vcpu);
	host_become(1);
	tag_load_guest(&harts[1], space, vcpu);
	host_become(0);
	assert_shadow("of an earlier stay", tag_load_guest(&harts[0], space, vcpu));
}

TEST(tag, shadow_finds_translations_of_a_vcpu_that_was_at_the_same_address)
{
	struct space *space = space_at(make(OBJECT_GSPACE, 0));
	struct vcpu *vcpu = new_vcpu();

	tag_load_guest(&harts[0], space, vcpu);
	shadow_guest_new(vcpu);
	assert_shadow("of an earlier stay", tag_load_guest(&harts[0], space, vcpu));
}

TEST(tag, model_shows_wrong_translations_when_fences_are_lost)
{
	struct place places[2] = { make_place(OBJECT_GSPACE), make_place(OBJECT_GSPACE) };
	uint64_t address, right;
	unsigned rights;

	small_tags(1, 1);
	for (unsigned i = 0; i < 2; i++)
		map(make(OBJECT_FRAME, 12), places[i].space, 0);
	(void)tag_load(&harts[0], space_at(places[0].space));
	assert_true(host_access(SPACE_GUEST, AT, &address));
	assert_shadow("its tag is another's, too", (void)tag_load(&harts[0], space_at(places[1].space)));
	assert_true(host_translate(space_at(places[1].space), AT, &right, &rights));
	assert_true(host_access(SPACE_GUEST, AT, &address));
	assert_int_not_equal(address, right);
}
