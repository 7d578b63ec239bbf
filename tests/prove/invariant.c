/* SPDX-License-Identifier: Apache-2.0 */
/* What a well-formed state is, told without the kernel's own words for it: ranges, sizes and kinship are computed anew here. */
#include "state.h"

#define SOURCES 4096u                      /* interrupt sources: a 12-bit number */

enum clause {
#define CLAUSE(name, text) CLAUSE_##name,
#include "clauses.def"
#undef CLAUSE
	CLAUSES,
};

/* One step of a clause: it holds if all its steps do. No branches: CBMC then sees one formula, not many paths. */
#define HOLD(name, condition) (kept[CLAUSE_##name] &= (condition))

bool is_untyped(const struct cap *cap)
{
	return (cap->type == OBJECT_UNTYPED) | (cap->type == OBJECT_UNTYPED_DEVICE);
}

/* log2 of the units that an object takes, plus 1; 0: it is not made of memory, or its size is in the capability. */
static const uint8_t fixed_bits[256] = {
	[OBJECT_THREAD] = THREAD_BITS - 5,
	[OBJECT_SCHED_CONTEXT] = SCHED_CONTEXT_BITS - 5,
	[OBJECT_ENDPOINT] = ENDPOINT_BITS - 5,
	[OBJECT_REPLY] = REPLY_BITS - 5,
	[OBJECT_NOTIFICATION] = NOTIFICATION_BITS - 5,
	[OBJECT_VSPACE] = VSPACE_BITS - 5,
	[OBJECT_PAGE_TABLE] = PAGE_TABLE_BITS - 5,
	[OBJECT_GSPACE] = GSPACE_BITS - 5,
	[OBJECT_VCPU] = VCPU_BITS - 5,
};

/* The units of a range less one: its lowest bits, which vary within it. */
static uint32_t span_mask(const struct cap *cap)
{
	bool own = is_untyped(cap) | (cap->type == OBJECT_FRAME);
	unsigned bits = own ? cap->size_bits - 5u : cap->type == OBJECT_CNODE ? cap->size_bits : fixed_bits[cap->type];

	return (1u << ((bits - 1) & 31)) - 1;
}

struct span cap_span(const struct cap *cap)
{
	bool page = (cap->type == OBJECT_FRAME) | (cap->type == OBJECT_PAGE_TABLE), own = is_untyped(cap);
	uint32_t first = own ? cap->base : page ? cap->frame_number << 6 : (uint32_t)(cap->object >> 6);
	bool any = own | page | (cap->type == OBJECT_CNODE) | (fixed_bits[cap->type] != 0);

	return (struct span){ first, first | span_mask(cap), any };
}

bool cap_span_good(const struct cap *cap)
{
	bool page = (cap->type == OBJECT_FRAME) | (cap->type == OBJECT_PAGE_TABLE);
	bool whole = is_untyped(cap) | (page ? cap->frame_number >> 26 == 0 : (cap->object >> 38 == 0) & ((cap->object & 63) == 0));
	struct span span = cap_span(cap);

	return !span.any | (whole & ((span.first & span_mask(cap)) == 0));
}

bool spans_meet(struct span a, struct span b)
{
	return a.any & b.any & (a.first <= b.last) & (b.first <= a.last);
}

bool span_within(struct span outer, struct span inner)
{
	return (inner.first >= outer.first) & (inner.last <= outer.last);
}

static bool is_control(unsigned type)
{
	return (type == OBJECT_IRQ_CONTROL) | (type == OBJECT_SCHED_CONTROL) | (type == OBJECT_PLATFORM_CONTROL);
}

bool same_thing(const struct cap *a, struct span x, const struct cap *b, struct span y)
{
	bool memory = (x.first == y.first) & (x.last == y.last) & x.any & y.any;
	bool handler = (a->type == OBJECT_IRQ_HANDLER) & (a->object == b->object);

	return (a->type == b->type) & !is_untyped(a) & (memory | handler | is_control(a->type));
}

bool same_cap(const struct cap *a, const struct cap *b)
{
	return (a->type == b->type) & (a->rights == b->rights) & (a->level == b->level) & (a->size_bits == b->size_bits) &
	       (a->word == b->word) & (a->object == b->object);
}

/* Types that cannot be copied. */
static bool single(const struct cap *cap)
{
	return is_untyped(cap) | (cap->type == OBJECT_PAGE_TABLE) | (cap->type == OBJECT_REPLY) | (cap->type == OBJECT_IRQ_HANDLER);
}

bool table_live(const struct view *view, unsigned table)
{
	bool live = tables[table].fixed | (view->queue[table] != 0);

	for (unsigned i = 0; i < PLACES; i++)
		live |= view->full[i] & view->names[table][i];
	return live;
}

static bool names_holder(const struct view *view, unsigned i)
{
	return view->full[i] & (view->cap[i].type == holder.type) & (view->cap[i].object == holder.object);
}

bool holder_live(const struct view *view)
{
	bool live = holder.fixed;

	for (unsigned i = 0; i < PLACES; i++)
		live |= names_holder(view, i);
	return live;
}

static bool size_good(const struct cap *cap)
{
	unsigned type = cap->type, bits = cap->size_bits;

	return (!is_untyped(cap) | ((bits >= UNTYPED_MIN_BITS) & (bits <= UNTYPED_MAX_BITS))) &
	       ((type != OBJECT_CNODE) | ((bits >= CNODE_MIN_BITS) & (bits <= CNODE_MAX_BITS) & (cap->word == 1u << (bits & 31)))) &
	       ((type != OBJECT_FRAME) | (bits == 12) | (bits == 21) | (bits == 30));
}

/* At most the units of the range. */
static bool fits(struct span span, uint32_t units)
{
	return (units == 0) | (units - 1 <= span.last - span.first);
}

bool cap_good(const struct cap *cap)
{
	return (cap->type != OBJECT_NULL) & (cap->type < OBJECT_TYPES) & size_good(cap) & cap_span_good(cap) &
	       ((cap->type != OBJECT_IRQ_HANDLER) | ((cap->object > 0) & (cap->object < SOURCES)));
}

static void each_cap(const struct view *view, unsigned i, bool assume, bool *kept)
{
	const struct cap *cap = &view->cap[i];
	struct span span = view->span[i];
	/* What holds for a capability by itself held for it before; no operation writes to what is clean. */
	bool held = !assume & before.full[i] & same_cap(cap, &before.cap[i]);
	bool empty = !view->full[i] | held, typed = empty | !is_untyped(cap);
	bool ram = !typed & (cap->type == OBJECT_UNTYPED);
	uint32_t offset = witness.unit - span.first;

	HOLD(TYPE, empty | ((cap->type < OBJECT_TYPES) & size_good(cap) & ((cap->rights & ~(RIGHT_ALL | CAP_DEVICE)) == 0)));
	HOLD(DEVICE, empty | !(cap->rights & CAP_DEVICE) | (cap->type == OBJECT_FRAME));
	HOLD(LEVEL, empty | (cap->level >= base_level));
	HOLD(RANGE, empty | cap_span_good(cap));
	HOLD(SOURCE, empty | (cap->type != OBJECT_IRQ_HANDLER) | ((cap->object > 0) & (cap->object < SOURCES)));
	HOLD(WATERMARK, typed | fits(span, cap->word));
	HOLD(WATERMARK, typed | fits(span, cap->clean));
	HOLD(CLEAN, !ram | (witness.unit < span.first) | (offset < cap->word) | (offset >= cap->clean) | witness.zero);
}

/* The child stands for a part of its parent, or is a copy of it. */
static bool kin(const struct view *view, unsigned parent, unsigned child)
{
	const struct cap *a = &view->cap[parent], *b = &view->cap[child];
	bool device = a->type == OBJECT_UNTYPED_DEVICE;
	bool part = view->span[child].any & (b->type != OBJECT_UNTYPED_DEVICE) & (!device | (b->type == OBJECT_FRAME));

	if (is_untyped(a))
		return part & ((b->type != OBJECT_FRAME) | (device == !!(b->rights & CAP_DEVICE)));
	if (a->type == OBJECT_IRQ_CONTROL)
		return (b->type == OBJECT_IRQ_HANDLER) | (b->type == OBJECT_IRQ_CONTROL);
	return view->same[parent][child] & !single(a);
}

/* A badge, once there is one, and the id of a space. */
static bool word_kept(const struct cap *a, const struct cap *b)
{
	bool space = (a->type == OBJECT_VSPACE) | (a->type == OBJECT_GSPACE) | (a->type == OBJECT_CNODE);
	bool badge = ((a->type == OBJECT_ENDPOINT) | (a->type == OBJECT_NOTIFICATION)) & (a->word != 0);

	return !(space | badge) | (a->word == b->word);
}

static void each_family(const struct view *view, unsigned child, bool *kept)
{
	const struct cap *b = &view->cap[child];
	bool has_parent = b->level == base_level;

	for (unsigned i = 0; i < PLACES; i++) {
		if (i == child)
			continue;
		const struct cap *a = &view->cap[i];
		bool parent = view->above[i][child] & (b->level == (uint8_t)(a->level + 1));
		bool origin = is_untyped(a) | ((a->type == OBJECT_IRQ_CONTROL) & (b->type == OBJECT_IRQ_HANDLER));

		has_parent |= parent;
		HOLD(BELOW, !(view->above[i][child] & is_untyped(a)) | view->below[i][child]);
		HOLD(KIN, !parent | kin(view, i, child));
		HOLD(RIGHTS, !parent | origin | ((b->rights & ~a->rights) == 0));
		HOLD(DEVICE, !parent | origin | ((a->rights & CAP_DEVICE) == (b->rights & CAP_DEVICE)));
		HOLD(WORD, !parent | word_kept(a, b));
	}
	HOLD(PARENT, !view->full[child] | has_parent);
}

static void each_pair(const struct view *view, unsigned i, unsigned j, bool *kept)
{
	const struct cap *a = &view->cap[i], *b = &view->cap[j];
	bool full = view->full[i] & view->full[j], related = view->above[i][j] | view->above[j][i];

	/* Copies of one object have the original or a copy above both. */
	for (unsigned k = 0; k < PLACES; k++)
		if (k != i && k != j)
			related |= view->above[k][i] & view->above[k][j] & view->same[i][j] & view->same[k][i];
	HOLD(OVERLAP, !full | !view->meets[i][j] | related);
	HOLD(HANDLER, !full | (a->type != OBJECT_IRQ_HANDLER) | (b->type != OBJECT_IRQ_HANDLER) | (a->object != b->object));
}

struct span table_span(unsigned table)
{
	uint32_t first = (uint32_t)(table_address(table) >> 6);

	return (struct span){ first, first + table_bits(table) - 1, true }; /* 64 and 128 bytes */
}

static void each_table(const struct view *view, unsigned t, bool assume, bool *kept)
{
	bool live = table_live(view, t), dying = view->queue[t] != 0;

	HOLD(DYING, !(tables[t].fixed & dying));
	HOLD(PROGRESS, !dying | ((view->next_index[t] > 0) & (view->next_index[t] <= 1u << table_bits(t))));
	for (unsigned i = 0; i < PLACES; i++) {
		bool full = view->full[i], meets = full & view->meets_table[t][i];

		if (i != PLACE_INNER && place_table(i) == t) {
			HOLD(HOLDS, !full | live);
			HOLD(PROGRESS, !full | !dying | (place_index(i) >= view->next_index[t]));
		}
		HOLD(CNODE, !(tables[t].fixed & meets));
		HOLD(CNODE, !assume | !(full & view->names[t][i]) | (view->cap[i].size_bits == table_bits(t)));
		HOLD(DYING, !(dying & meets) | (is_untyped(&view->cap[i]) & view->covers_table[t][i]));
	}
}

static void each_holder(const struct view *view, bool *kept)
{
	const struct cap *cap = &view->cap[PLACE_INNER];
	struct cap thread = { .type = holder.type, .object = holder.object };
	bool empty = !view->full[PLACE_INNER], copy = false;

	HOLD(HOLDS, cap_good(&thread));
	for (unsigned i = 0; i < PLACE_INNER; i++) {
		HOLD(HOLDS, !(holder.fixed & names_holder(view, i)));
		HOLD(INNER, !view->above[PLACE_INNER][i]);
		copy |= view->above[i][PLACE_INNER] & (cap->level == (uint8_t)(view->cap[i].level + 1)) & view->same[i][PLACE_INNER];
	}
	HOLD(HOLDS, empty | holder_live(view));
	for (unsigned i = 0; i < PLACES; i++)
		HOLD(HOLDS, !(holder.fixed & view->full[i] & spans_meet(cap_span(&thread), view->span[i])));
	HOLD(INNER, empty | copy);
	HOLD(INNER, empty | may_be_held(cap->type));
}

bool may_be_held(unsigned type)
{
	return (type == OBJECT_CNODE) | (type == OBJECT_VSPACE) | (type == OBJECT_ENDPOINT) | (type == OBJECT_GSPACE) |
	       (type == OBJECT_FRAME) | (type == OBJECT_NOTIFICATION);
}

void state_invariant(const struct view *view, bool assume)
{
	bool kept[CLAUSES];

	for (unsigned i = 0; i < CLAUSES; i++)
		kept[i] = true;
	for (unsigned i = 0; i < PLACES; i++) {
		each_cap(view, i, assume, kept);
		each_family(view, i, kept);
		for (unsigned j = 0; j < i; j++)
			each_pair(view, i, j, kept);
	}
	for (unsigned t = 0; t < TABLES; t++)
		each_table(view, t, assume, kept);
	each_holder(view, kept);
#define CLAUSE(name, text)                                  \
	if (assume)                                         \
		__CPROVER_assume(kept[CLAUSE_##name]);      \
	else                                                \
		CHECK(kept[CLAUSE_##name], text);
#include "clauses.def"
#undef CLAUSE
}
