/* SPDX-License-Identifier: Apache-2.0 */
#include "shadow.h"

#ifdef SERAI_DEBUG
#include <abi/handover.h>
#include <arch/arch.h>

#include "kernel.h"
#include "lock.h"

/* What a hart may hold of the space with this index. */
static struct held {
	uint32_t id;        /* 0: nothing */
	uint32_t number;
	uint8_t kind;
	bool stale;
	uint64_t low, high; /* stale addresses, [low, high) */
} held[HANDOVER_HARTS][SPACES_MAX];

/* Of which vCPU a hart may hold a guest's own translations under a number. Those whose numbers meet share an entry. */
#define GUEST_NUMBERS 256u
static struct {
	const struct vcpu *vcpu;
	uint32_t number;
	bool stale;
} guests[HANDOVER_HARTS][GUEST_NUMBERS];

static bool forgets[HANDOVER_HARTS];
static struct lock busy;

static void begin(void)
{
	while (!lock_try(&busy))
		;
}

static void end(void)
{
	__atomic_store_n(&busy.held, 0, __ATOMIC_RELEASE);
}

void shadow_reset(void)
{
	for (unsigned i = 0; i < HANDOVER_HARTS; i++) {
		for (unsigned j = 0; j < SPACES_MAX; j++)
			held[i][j] = (struct held){ 0 };
		for (unsigned j = 0; j < GUEST_NUMBERS; j++)
			guests[i][j].vcpu = NULL;
		forgets[i] = false;
	}
	busy.held = 0;
}

static struct held *held_of(unsigned hart, const struct space *space)
{
	return &held[hart][space->id % SPACES_MAX];
}

/* Panics without the lock, so that its message can be read. */
static void expect(bool holds, const char *what, unsigned hart, uint32_t id)
{
	if (holds)
		return;
	end();
	panic("hart %u, space %x: %s", hart, id, what);
}

void shadow_loaded(const struct hart *hart, const struct space *space, uint32_t number)
{
	struct held *mine = held_of(hart->index, space);

	begin();
	if (mine->id != space->id || mine->number != number)
		for (const struct held *other = held[hart->index]; other < held[hart->index] + SPACES_MAX; other++)
			expect(other->id == 0 || other == mine || other->kind != space->kind || other->number != number,
			       "its tag is another's, too", hart->index, space->id);
	if (mine->id != space->id)
		*mine = (struct held){ .id = space->id, .kind = space->kind };
	mine->number = number;
	end();
}

void shadow_changed(const struct space *space, uint64_t at, uint64_t size)
{
	uint64_t limit = size == UINT64_MAX ? UINT64_MAX : at + size;

	begin();
	for (unsigned i = 0; i < HANDOVER_HARTS; i++) {
		struct held *entry = held_of(i, space);

		if (entry->id != space->id)
			continue;
		entry->low = entry->stale && entry->low < at ? entry->low : at;
		entry->high = entry->stale && entry->high > limit ? entry->high : limit;
		entry->stale = true;
	}
	end();
}

static void flushed(unsigned hart, struct held *entry, uint64_t at, uint64_t size)
{
	const struct hart *own = arch_this_hart();
	bool all = size == UINT64_MAX;

	if (at <= entry->low && (all || at + size >= entry->high))
		entry->stale = false;
	if (all && forgets[hart] && own == &harts[hart]) {
		const struct space *space = space_find(entry->id);

		/* What is loaded comes back at once. */
		if (!space || arch_tlb_root((enum space_kind)entry->kind) != space->root)
			entry->id = 0;
	}
}

void shadow_flushed(enum space_kind kind, uint32_t on, uint32_t number, uint64_t at, uint64_t size)
{
	begin();
	for (unsigned i = 0; on >> i; i++)
		for (struct held *entry = held[i]; on >> i & 1 && entry < held[i] + SPACES_MAX; entry++)
			if (entry->id && entry->kind == kind && (number == TAG_ALL || number == entry->number))
				flushed(i, entry, at, size);
	end();
}

void shadow_forgets(const struct hart *hart, bool on)
{
	forgets[hart->index] = on;
}

void shadow_flush_done(const struct space *space)
{
	begin();
	for (unsigned i = 0; i < HANDOVER_HARTS; i++) {
		const struct held *entry = held_of(i, space);

		expect(entry->id != space->id || !entry->stale, "stale after a flush", i, space->id);
	}
	end();
}

void shadow_space_gone(const struct space *space)
{
	begin();
	for (unsigned i = 0; i < HANDOVER_HARTS; i++)
		expect(held_of(i, space)->id != space->id, "gone, but not forgotten", i, space->id);
	end();
}

void shadow_memory_reused(void)
{
	begin();
	for (unsigned i = 0; i < HANDOVER_HARTS; i++)
		for (const struct held *entry = held[i]; entry < held[i] + SPACES_MAX; entry++)
			expect(!entry->id || !entry->stale, "stale when memory is used again", i, entry->id);
	end();
}

void shadow_guest_loaded(const struct hart *hart, uint32_t number, const struct vcpu *vcpu)
{
	unsigned index = number % GUEST_NUMBERS;

	begin();
	if (guests[hart->index][index].vcpu && guests[hart->index][index].number == number) {
		expect(guests[hart->index][index].vcpu == vcpu, "another vCPU's translations", hart->index, number);
		expect(!guests[hart->index][index].stale, "a vCPU's translations of an earlier stay", hart->index, number);
	}
	/* From now on what it left on other harts gets old. */
	for (unsigned i = 0; i < HANDOVER_HARTS; i++)
		for (unsigned j = 0; i != hart->index && j < GUEST_NUMBERS; j++)
			if (guests[i][j].vcpu == vcpu)
				guests[i][j].stale = true;
	guests[hart->index][index].vcpu = vcpu;
	guests[hart->index][index].number = number;
	guests[hart->index][index].stale = false;
	end();
}

void shadow_guest_flushed(const struct hart *hart, uint32_t number)
{
	unsigned index = number % GUEST_NUMBERS;

	begin();
	if (guests[hart->index][index].number == number)
		guests[hart->index][index].vcpu = NULL;
	end();
}

void shadow_guest_new(const struct vcpu *vcpu)
{
	begin();
	for (unsigned i = 0; i < HANDOVER_HARTS; i++)
		for (unsigned j = 0; j < GUEST_NUMBERS; j++)
			if (guests[i][j].vcpu == vcpu)
				guests[i][j].stale = true;
	end();
}
#endif
