/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random system calls on the real kernel. The root thread builds one round after the other: children with a CNode of
 * their own and a few capabilities, all made from one untyped. They do what they like for a while; the root thread lets
 * the kernel check its invariants in between, and revokes the untyped in the middle of it all. Runs with `-icount`, so
 * that a seed is always the same run.
 */
#pragma once

#include <abi/root_info.h>
#include <libsys/invoke.h>

#define CHILDREN 3u
#define CHILD_CNODE_BITS 6u
#define CHILD_SLOTS (1u << CHILD_CNODE_BITS)
#define SHARED_PAGES 2u /* mapped writable for the children, and theirs to use as pages of vCPUs */

/* What a child's CNode holds at the start of a round; SLOT_FREE and later slots are empty. */
enum child_slot {
	SLOT_CNODE = 1,
	SLOT_UNTYPED,
	SLOT_ENDPOINT,
	SLOT_REPLY,
	SLOT_NOTIFICATION,
	SLOT_VSPACE,
	SLOT_GSPACE,
	SLOT_VCPU,
	SLOT_THREAD,  /* a victim that can run, in a space of its own with nothing in it */
	SLOT_CONTEXT,
	SLOT_IRQ_CONTROL,
	SLOT_PAGE,    /* SHARED_PAGES frames */
	SLOT_FREE = SLOT_PAGE + SHARED_PAGES,
};

/* One system call: a0 to a6, the number, t0, t1. Returns a0; all other answers are in place. */
struct call {
	uint64_t a[7];
	uint64_t number;
	uint64_t t0, t1;
};

/* In trap.S. */
uint64_t syscalls_trap(struct call *call);
extern const char child_entry[];

struct child {
	uint64_t random;
	uint8_t type[CHILD_SLOTS]; /* what the child believes is there */
	uint64_t calls;
	struct vcpu_page *page;    /* SHARED_PAGES */
};

extern struct child children[CHILDREN];

/* Numbers of calls and of successes by system call, of all rounds. */
extern uint64_t calls_made[16], calls_good[16];

uint64_t random_next(uint64_t *state);

/* Never returns. */
void child_main(struct child *child);

/* Fills a call with something that may well succeed, or not at all. */
void attack_choose(struct child *child, struct call *call);

/* Notes what a call did. */
void attack_learn(struct child *child, const struct call *call, uint64_t answer, const struct call *before);

/* --- the root thread --- */

extern const struct root_info *root_info;
extern cptr_t root_free; /* slot */

/* Prints a failure and powers off. */
_Noreturn void fail(const char *what, uint64_t value);

void must(enum err err, const char *what);

/* Builds a round from the untyped, lets the children run for some ticks, revokes. */
void round_run(cptr_t untyped, uint64_t seed, uint64_t ticks);
