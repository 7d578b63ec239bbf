/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random system calls on the real kernel. The root thread builds one round after the other: children with a CNode of
 * their own, a few capabilities of their own and some to objects that all of them share, spread over the harts. All is
 * made from one untyped. They do what they like for a while; root and children let the kernel check its invariants in
 * between, and root revokes the untyped in the middle of it all. With `-icount` a seed is always the same run, also with
 * several harts.
 */
#pragma once

#include <abi/root_info.h>
#include <libsys/invoke.h>

#define CHILDREN_MAX 8u
#define CHILD_CNODE_BITS 6u
#define CHILD_SLOTS (1u << CHILD_CNODE_BITS)
#define OWN_PAGES 2u /* mapped writable for the child, which may use them as pages of vCPUs */
#define PAGES (OWN_PAGES + 1u) /* and one that all share */

/* What the machine's command line says: "syscalls NAME=VALUE ...". */
struct parameters {
	uint64_t seed;     /* of the first round; each further round has the next one */
	uint64_t rounds;
	uint64_t ticks;    /* of the timebase, that a round takes */
	uint64_t children; /* at most CHILDREN_MAX */
	uint64_t check;    /* a child lets the kernel check itself after so many calls; 0: never */
	uint64_t watch;    /* the kernel checks itself after so many system calls; 0: never */
};
extern struct parameters parameters;

/* Reads the command line from the machine's device tree; what is not there keeps its value. */
void parameters_read(void);

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
	SLOT_SCHED_CONTROL,
	SLOT_PAGE,    /* OWN_PAGES frames */
	/* The same objects for all children. */
	SLOT_SHARED = SLOT_PAGE + OWN_PAGES,
	SLOT_SHARED_CNODE = SLOT_SHARED,
	SLOT_SHARED_VSPACE,
	SLOT_SHARED_GSPACE,
	SLOT_SHARED_VCPU,
	SLOT_SHARED_THREAD,
	SLOT_SHARED_CONTEXT,
	SLOT_SHARED_PAGE,
	SLOT_FREE,
};
#define SHARED_OBJECTS ((unsigned)SLOT_FREE - SLOT_SHARED)

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
	struct vcpu_page *page;    /* PAGES: its own, then the one of all */
	struct call last;          /* for the report of a failure */
};

extern struct child children[CHILDREN_MAX];

/* Violations that a child was told of by the kernel. */
extern uint64_t violations_seen;

/* Numbers of calls and of successes by system call, of all rounds. */
extern uint64_t calls_made[16], calls_good[16];

uint64_t random_next(uint64_t *state);

/* Never returns. */
void child_main(struct child *child);

/* Fills a call with something that may well succeed, or not at all. */
void attack_choose(struct child *child, struct call *call);

/* Notes what the last call did. */
void attack_learn(struct child *child, uint64_t answer);

/* --- the root thread --- */

extern const struct root_info *root_info;
extern cptr_t root_free; /* slot */

/* Prints a failure with the children's last calls, and powers off. */
_Noreturn void fail(const char *what, uint64_t value);

void must(enum err err, const char *what);

/* Builds a round from the untyped, lets the children run for some time, revokes. */
void round_run(cptr_t untyped, uint64_t seed);
