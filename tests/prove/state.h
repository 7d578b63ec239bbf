/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state that the proofs start from and end in: all slots of a small system, in any well-formed condition.
 *
 * Four CNodes of one slot each (slot 0 besides), or with PROVE_WIDE one of two slots and two of one; and one slot inside
 * a thread, vCPU or interrupt source. Each of the five holds nothing or any capability; the derivation list has any order.
 * Levels count from base_level: what stands above that is outside of the model. As the CNodes are alike, an operation
 * on any of them is one on the first.
 */
#pragma once

#include <cap.h>

/* PROVE_PLACES, from the runner: slots that can hold a capability. */
#ifdef PROVE_WIDE
enum { FIRST_SLOTS = 2 };
#else
enum { FIRST_SLOTS = 1 };
#endif
enum {
	PLACES = PROVE_PLACES,
	PLACE_INNER = PLACES - 1,         /* the one inside a thread, vCPU or interrupt source */
	TABLES = PLACES - FIRST_SLOTS, /* CNodes */
};
_Static_assert(PLACES >= 4 && PLACES <= 5, "what the model has slots for");

/* A CNode of the model. It either always exists, with its capability outside of the model, or as any object does. */
struct table {
	bool fixed;
};

/* The object that the inner slot is a part of. */
struct holder {
	uint8_t type; /* PROVE_HOLDER, from the runner: OBJECT_THREAD, OBJECT_VCPU or OBJECT_IRQ_HANDLER */
	bool fixed;   /* as above */
	uint64_t object;
};

/* The memory that a capability stands for, in UNTYPED_UNIT; any: there is some. */
struct span {
	uint32_t first, last;
	bool any;
};

/* What a state says, taken out of slots and links. */
struct view {
	struct cap cap[PLACES];
	struct span span[PLACES];
	bool full[PLACES];
	uint8_t position[PLACES];           /* in the list, from 1; 0: not in it */
	bool above[PLACES][PLACES];         /* [i][j]: j was derived from i, in any number of steps */
	bool earlier[PLACES][PLACES];       /* [i][j]: i stands before j */
	bool deeper[PLACES][PLACES];        /* [i][j]: j has a greater level than i */
	bool same[PLACES][PLACES];          /* [i][j]: both name one object */
	bool meets[PLACES][PLACES];         /* [i][j]: some memory is part of both */
	bool below[PLACES][PLACES];         /* [i][j]: untyped i has j in it, below its watermark */
	bool meets_table[TABLES][PLACES];   /* [t][i]: some memory is part of both */
	bool covers_table[TABLES][PLACES];  /* [t][i]: the CNode lies in i */
	bool names[TABLES][PLACES];         /* [t][i]: i is a capability for this CNode */
	uint8_t queue[TABLES];              /* position among the dying CNodes, from 1; 0: not dying */
	uint32_t next_index[TABLES];        /* dying: first slot that is not known to be empty */
};

/* What freed memory holds, at one arbitrary place: if it is right there, it is right everywhere. */
struct witness {
	uint32_t unit; /* its address in UNTYPED_UNIT */
	bool zero;
};

/* What the operation ended, as the object's own code was told. */
struct ended {
	unsigned count;
	uint8_t type;
	uint64_t object;
};

extern struct table tables[TABLES];
extern struct holder holder;
extern struct witness witness;
extern struct ended ended;
extern uint8_t base_level;
extern struct view before, after;

/* Any value. CBMC gives them no body. */
bool nondet_bool(void);
uint8_t nondet_u8(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
struct cap nondet_cap(void);

struct slot *place_slot(unsigned place);
unsigned table_bits(unsigned table);
unsigned place_table(unsigned place); /* not for the inner slot */
unsigned place_index(unsigned place);

uint64_t table_address(unsigned table);

/* The table that a CNode capability names, or TABLES. */
unsigned table_named(const struct cap *cap);

/* Are there slots behind it: fixed, dying, or named by a capability? */
bool table_live(const struct view *view, unsigned table);
bool holder_live(const struct view *view);

struct span table_span(unsigned table);
struct span cap_span(const struct cap *cap);
bool spans_meet(struct span a, struct span b);
bool span_within(struct span outer, struct span inner);

/* Is the whole of it a naturally aligned range of physical memory? */
bool cap_span_good(const struct cap *cap);

/* Does it have a type, and size and place as its type demands? */
bool cap_good(const struct cap *cap);

/* The same object; false for untyped memory, each range of which has one capability. */
bool same_thing(const struct cap *a, struct span x, const struct cap *b, struct span y);
bool same_cap(const struct cap *a, const struct cap *b);
bool is_untyped(const struct cap *cap);

/* Can an object hold a capability of this type? */
bool may_be_held(unsigned type);

/* Which CNodes are dying. */
enum dying {
	DYING_NONE,
	DYING_FIRST, /* CNode 0 is, and has not yet come to its slot; then CNode 1 may be, anywhere */
	DYING_LAST,  /* likewise, but CNode 0 is through with its slots */
};

/* Any well-formed state, left in `before`. empty: places known to be empty, as bits. */
void state_any(enum dying dying, unsigned empty);

/*
 * Fills `after` from the slots, and fails the proof if list or queue are broken. source: the place that a copy was made of,
 * or PLACES.
 */
void state_read(unsigned source);

/* What follows from capabilities and positions. old: where the same may have been computed before, or NULL. */
void view_derive(struct view *view, const struct view *old, unsigned source);

/* Assumes or asserts all that a well-formed state has to be. */
void state_invariant(const struct view *view, bool assume);

/* What is left to do of all deletion: falls with each step. */
unsigned state_measure(const struct view *view);

/* Asserts that these places hold what they held, derived from what they were derived from; `used` may move its watermark. */
void state_unchanged(const bool *except, unsigned used);

/* A capability as an argument: it need not lie in the model, but if it is a CNode, it is this one, and that exists. */
struct cap any_cnode(unsigned table);

/* The kernel's own functions for one step, private to its file. */
void state_delete_leaf(unsigned place);

/* Asserts that a slot which an operation filled was not emptied in the same epoch: no hart can still hold what it had. */
void state_grace(unsigned place);

/*
 * A claim; or, in a second run with PROVE_REACH, none, but each point that must be reachable fails on purpose: the runner
 * wants to see that it does, so that no claim holds for want of a case.
 */
#ifdef PROVE_REACH
#define CHECK(condition, text) ((void)(condition))
#define REACHED(text) __CPROVER_assert(false, "reached: " text)
#else
#define CHECK(condition, text) __CPROVER_assert((condition), text)
#define REACHED(text) ((void)0)
#endif

/*
 * From here on no standard checks: what is checked for bounds, pointers, overflow and shifts is the kernel. So this header
 * comes last.
 */
#pragma CPROVER check push
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "pointer-primitive"
#pragma CPROVER check disable "bounds"
#pragma CPROVER check disable "signed-overflow"
#pragma CPROVER check disable "undefined-shift"
#pragma CPROVER check disable "div-by-zero"
