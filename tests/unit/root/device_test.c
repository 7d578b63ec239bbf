/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of device registers, from untypeds that give frames out in order and start over only when all are gone. */
#include "test.h"

#include <string.h>

#include <libsys/invoke.h>

#include "device.h"
#include "root.h"
#include "slots.h"

#define FIRST 64u
#define END 1024u
#define LOW UINT64_C(0x10000000)
#define HIGH UINT64_C(0x40000000)

struct root root;

static struct root_info info;
static struct {
	bool used;
	unsigned untyped;
	uint64_t address, size;
} frames[END];
static uint64_t watermark[2]; /* bytes from the start of each untyped */
static unsigned made;

static bool any_of(unsigned untyped)
{
	for (unsigned i = 0; i < END; i++)
		if (frames[i].used && frames[i].untyped == untyped)
			return true;
	return false;
}

static enum err model_retype(unsigned untyped, const uint64_t *a)
{
	uint64_t size = UINT64_C(1) << a[1], start;

	assert_int_equal(a[0], OBJECT_FRAME);
	assert_int_equal(a[4], 1);
	assert_false(frames[a[3]].used);
	start = any_of(untyped) ? (watermark[untyped] + size - 1) & -size : 0;
	if (start + size > UINT64_C(1) << info.untyped[untyped].size_bits)
		return ERR_NO_MEMORY;
	watermark[untyped] = start + size;
	frames[a[3]].used = true;
	frames[a[3]].untyped = untyped;
	frames[a[3]].address = info.untyped[untyped].base + start;
	frames[a[3]].size = size;
	made++;
	return ERR_OK;
}

enum err sys_invoke(cptr_t cap, uint64_t operation, const uint64_t arguments[5], uint64_t *result)
{
	(void)result;
	if (cap == ROOT_SLOT_CNODE) {
		assert_int_equal(operation, OP_CNODE_DELETE);
		frames[arguments[0]].used = false;
		return ERR_OK;
	}
	assert_int_equal(operation, OP_UNTYPED_RETYPE);
	return model_retype((unsigned)(cap - ROOT_SLOT_UNTYPED), arguments);
}

static int set_up(void **state)
{
	(void)state;
	memset(frames, 0, sizeof(frames));
	made = 0;
	info.untypeds = 3;
	info.untyped[0] = (struct untyped_info){ .base = LOW, .size_bits = 16, .kind = REGION_DEVICE, .slot = ROOT_SLOT_UNTYPED };
	info.untyped[1] = (struct untyped_info){ .base = HIGH, .size_bits = 30, .kind = REGION_DEVICE, .slot = ROOT_SLOT_UNTYPED + 1 };
	info.untyped[2] = (struct untyped_info){ .base = UINT64_C(1) << 31, .size_bits = 24, .kind = REGION_RAM, .slot = 99 };
	root.info = &info;
	slots_init(FIRST, END);
	return 0;
}

static void make(struct device_page *pages, unsigned count)
{
	assert_int_equal(device_make(pages, count), ERR_OK);
	for (unsigned i = 0; i < count; i++) {
		assert_true(frames[pages[i].slot].used);
		assert_int_equal(frames[pages[i].slot].address, pages[i].address);
		assert_int_equal(frames[pages[i].slot].size, 4096);
	}
	for (unsigned i = 0; i < END; i++)
		count -= frames[i].used;
	assert_int_equal(count, 0); /* nothing else is left */
}

TEST(device, makes_frames_of_several_untypeds_in_any_order)
{
	cptr_t slot = slots_allocate(6);
	struct device_page pages[] = {
		{ HIGH + 0x3ff00000, slot }, { LOW, slot + 1 }, { HIGH + 0x5000, slot + 2 },
		{ LOW + 0xf000, slot + 3 }, { HIGH + 0x4000, slot + 4 }, { LOW + 0x1000, slot + 5 },
	};
	uint32_t free_slots = slots_free_count();

	make(pages, 6);
	assert_int_equal(slots_free_count(), free_slots);
	assert_true(made < 1500); /* large frames where they fit */
}

TEST(device, starts_over_when_all_frames_are_gone)
{
	cptr_t slot = slots_allocate(2);
	struct device_page pages[] = { { LOW + 0x8000, slot }, { HIGH + 0x100000, slot + 1 } };

	make(pages, 2);
	frames[slot].used = frames[slot + 1].used = false;
	pages[0] = (struct device_page){ LOW, slot };
	pages[1] = (struct device_page){ HIGH, slot + 1 };
	make(pages, 2);
}

TEST(device, knows_what_it_was_given)
{
	struct device_page page = { UINT64_C(1) << 31, 1000 };

	assert_true(device_covered(LOW) && device_covered(LOW + 0xffff) && device_covered(HIGH + 0x3fffffff));
	assert_false(device_covered(LOW + 0x10000) || device_covered(LOW - 1) || device_covered(UINT64_C(1) << 31));
	assert_int_equal(device_make(&page, 1), ERR_INVALID_ARGUMENT);
}

#define RUN_FRESH(module, what) { #module " " #what, module##_##what, set_up, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_FRESH(device, makes_frames_of_several_untypeds_in_any_order),
		RUN_FRESH(device, starts_over_when_all_frames_are_gone),
		RUN_FRESH(device, knows_what_it_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
