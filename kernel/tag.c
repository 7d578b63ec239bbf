/* SPDX-License-Identifier: Apache-2.0 */
#include "tag.h"

#include <abi/handover.h>
#include <arch/arch.h>

#include "lock.h"
#include "shadow.h"

static struct pool {
	struct lock lock;
	uint32_t first, next, end; /* numbers: the lowest, the next to give out, behind the highest */
	uint64_t generation;       /* above TAG_NUMBER_BITS */
	uint64_t wraps;
} pools[2];

static struct pool *pool_of(enum space_kind kind)
{
	return &pools[kind - SPACE_TASK];
}

static void begin_generation(struct pool *pool)
{
	pool->generation += UINT64_C(1) << TAG_NUMBER_BITS;
	pool->next = pool->first;
}

void tag_reset(enum space_kind kind, unsigned bits)
{
	struct pool *pool = pool_of(kind);

	pool->first = bits ? 1 : 0;
	pool->end = UINT32_C(1) << bits;
	pool->wraps = 0;
	begin_generation(pool);
}

uint64_t tag_wraps(enum space_kind kind)
{
	return word_read(&pool_of(kind)->wraps);
}

/* A tag of the current generation. */
static uint64_t renew(struct space *space)
{
	struct pool *pool = pool_of((enum space_kind)space->kind);

	lock_acquire(&pool->lock, LOCK_TAG);
	uint64_t tag = space->tag;

	if (!tag_same_generation(tag, pool->generation)) {
		if (pool->next == pool->end) {
			begin_generation(pool);
			pool->wraps++;
		}
		tag = pool->generation | pool->next++;
		__atomic_store_n(&space->tag, tag, __ATOMIC_RELAXED);
	}
	lock_release(&pool->lock, LOCK_TAG);
	/* Who changes the space's tables reads the tag afterwards; the walker reads them after this. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return tag;
}

/* Loads a space of a generation that is not this hart's. */
static __attribute__((noinline)) uint64_t load_renewed(struct hart *hart, struct space *space)
{
	enum space_kind kind = (enum space_kind)space->kind;
	uint64_t *mine = tag_of_hart(hart, kind), tag = renew(space);

	arch_tlb_load(hart, space, tag_number(tag));
	if (!tag_same_generation(tag, *mine)) {
		/* Only now: before, the walker would fill in more of the former space, whose number may be another's. */
		shadow_forgets(hart, true);
		arch_tlb_flush(kind, UINT32_C(1) << hart->index, TAG_ALL, 0, UINT64_MAX);
		shadow_forgets(hart, false);
		/* Until here, others that flush see the former generation, and flush all. */
		__atomic_store_n(mine, tag & ~TAG_NUMBER_MASK, __ATOMIC_RELEASE);
	}
	return tag;
}

uint64_t tag_load(struct hart *hart, struct space *space)
{
	space_use(space, hart->index);
	uint64_t tag = word_read(&space->tag);

	if (tag_same_generation(tag, *tag_of_hart(hart, (enum space_kind)space->kind)))
		arch_tlb_load(hart, space, tag_number(tag));
	else
		tag = load_renewed(hart, space);
	shadow_loaded(hart, space, tag_number(tag));
	return tag;
}

void tag_load_guest(struct hart *hart, struct space *space, struct vcpu *vcpu)
{
	uint64_t tag = tag_load(hart, space);
	struct tag_guest *guest = &hart->guests[tag_number(tag) % TAG_GUESTS];

	if (vcpu->last_hart != hart || guest->tag != tag || guest->vcpu != vcpu) {
		arch_tlb_flush_guest(hart, tag_number(tag));
		vcpu->last_hart = hart;
		*guest = (struct tag_guest){ .tag = tag, .vcpu = vcpu };
	}
	shadow_guest_loaded(hart, tag_number(tag), vcpu);
}

void tag_distrust_guests(struct hart *hart)
{
	for (unsigned i = 0; i < TAG_GUESTS; i++)
		hart->guests[i].tag = 0;
}

uint32_t tag_others_like(struct hart *hart, const struct space *space, uint32_t *strangers)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint32_t others = word_read(&space->harts) & ~(UINT32_C(1) << hart->index), like = 0;

	*strangers = 0;
	if (!others)
		return 0;
	uint64_t tag = word_read(&space->tag);

	if (tag_same_generation(tag, *tag_of_hart(hart, (enum space_kind)space->kind)))
		for (unsigned i = 0; others >> i; i++)
			if (others >> i & 1 && tag_same_generation(tag, word_read(tag_of_hart(&harts[i], (enum space_kind)space->kind))))
				like |= UINT32_C(1) << i;
	*strangers = others & ~like;
	return like;
}

void tag_flush(const struct space *space, uint64_t at, uint64_t size)
{
	enum space_kind kind = (enum space_kind)space->kind;
	uint32_t exact = 0, all = 0;

	shadow_changed(space, at, size);
	/* The entry first, then who may have read it, and under which tag: see space_use, renew. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint32_t users = word_read(&space->harts);
	uint64_t tag = word_read(&space->tag);

	for (unsigned i = 0; users >> i; i++) {
		if (!(users >> i & 1))
			continue;
		/* A hart of another generation has it under another number, or none. */
		if (tag_same_generation(tag, __atomic_load_n(tag_of_hart(&harts[i], kind), __ATOMIC_ACQUIRE)))
			exact |= UINT32_C(1) << i;
		else
			all |= UINT32_C(1) << i;
	}
	if (exact)
		arch_tlb_flush(kind, exact, tag_number(tag), at, size);
	if (all)
		arch_tlb_flush(kind, all, TAG_ALL, 0, UINT64_MAX);
	shadow_flush_done(space);
}

void tag_leave(struct hart *hart, const struct space *space)
{
	enum space_kind kind = (enum space_kind)space->kind;
	bool exact = tag_same_generation(space->tag, *tag_of_hart(hart, kind));

	arch_space_leave(space);
	shadow_forgets(hart, true);
	arch_tlb_flush(kind, UINT32_C(1) << hart->index, exact ? tag_number(space->tag) : TAG_ALL, 0, UINT64_MAX);
	shadow_forgets(hart, false);
}
