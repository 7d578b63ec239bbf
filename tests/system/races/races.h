/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases in which threads and guests on several harts do to each other, and to the kernel, what hostile ones would. The root
 * thread makes what a case needs from one untyped, the arena, and revokes that at its end: all memory must come back. An
 * innocent thread and an innocent guest on each hart must get on all the time, with all their registers as they left them.
 */
#pragma once

#include <abi/root_info.h>
#include <libsys/invoke.h>

#define HARTS_MOST 8u
#define WORKERS_MOST 56u
#define INNOCENT_FIRST 40u /* number of the first innocent worker: those below are for cases */
#define GUEST_BASE 0x80000000ull
#define PRIORITY_WORKER 100u
#define PRIORITY_INNOCENT 110u
#define PRIORITY_ROOT 120u

/* What the machine's command line says: "races NAME=VALUE ...". */
struct parameters {
	uint64_t seed;
	uint64_t ms;     /* that a case with random actions takes */
	uint64_t stress; /* ms of the stress */
	uint64_t group;  /* which cases: bits of enum group */
};
extern struct parameters parameters;
extern const struct root_info *root_info;

enum group { GROUP_VMM = 1, GROUP_TAKE = 2, GROUP_MESSAGES = 4, GROUP_LEAKS = 8, GROUP_GUEST = 16, GROUP_STORM = 32, GROUP_STRESS = 64, GROUP_IDLE = 128, GROUP_BELLS = 256 };

struct race_case {
	const char *name;
	void (*run)(void);
};
extern const struct race_case vmm_cases[], take_cases[], message_cases[], leak_cases[], guest_cases[], storm_cases[], idle_cases[],
	stress_cases[], bell_cases[];

/* --- main.c: reports --- */

/* Prints what went wrong with the case and its seed, and powers off. */
_Noreturn void fail(const char *what, uint64_t value);
void must(enum err err, const char *what);
static inline void expect(bool good, const char *what, uint64_t value)
{
	if (!good)
		fail(what, value);
}

uint64_t random_of(uint64_t *state);
uint64_t pick(uint64_t below); /* for the root thread; the case's seed decides */

/* --- objects.c: what cases are made of; only for the root thread --- */

void objects_prepare(void);
void arena_begin(void);
void arena_end(void);  /* revokes all, and sees that the memory is there */
void arena_check(void); /* the same with all of it written, once a case */

cptr_t make(enum object_type type, unsigned bits);
/* Between objects_keep(true) and objects_keep(false) all is made for good: no arena_end takes it back. */
void objects_keep(bool keep);
/* Deletes what is in a slot of this space's CNode, and makes it anew. */
void remake(cptr_t slot, enum object_type type, unsigned bits);
cptr_t copy(cptr_t cap, uint64_t badge);
void give(cptr_t cnode, unsigned slot, cptr_t cap);
void *map_here(cptr_t frame);
void map_in(cptr_t space, cptr_t frame, uint64_t address, unsigned rights);
cptr_t context_of(uint64_t budget, uint64_t period);

uint64_t ticks_of(uint64_t ms);
void sleep_ticks(uint64_t ticks);
_Noreturn void wait_for_ever(void);
/* No violation, and all innocents get on. */
void check_kernel(void);

#define WAIT_TICKS (30 * root_info->timebase_hz) /* nothing takes so long, even on a busy build machine */
#define WAIT_FOR(condition, what)                                     \
	do {                                                          \
		uint64_t wait_end = sys_time() + WAIT_TICKS;          \
		while (!(condition)) {                                \
			expect(sys_time() < wait_end, what, __LINE__); \
			sleep_ticks(2000);                            \
		}                                                     \
	} while (0)

/* A thread of this space. */
struct worker {
	void (*run)(struct worker *self);
	cptr_t thread, context, fault_endpoint;
	cptr_t cap[8];      /* what it works with */
	cptr_t beginning;   /* of a server: endpoint */
	void *memory[2];
	uint64_t value[8];  /* and the numbers */
	volatile uint64_t progress;
	volatile uint64_t errors[24]; /* how often a system call answered so */
	volatile uint64_t quit, done;
	uint64_t random;
	uint32_t hart;
	uint32_t number;
};
extern struct worker workers[WORKERS_MOST];

/* A prepared worker of a number, all its fields empty; then its thread, made and started. */
struct worker *worker_new(unsigned number, void (*run)(struct worker *self), uint32_t hart);
void worker_start(struct worker *worker);
/* The same for a server, which then has no time of its own; it begins with server_begin. */
void worker_start_passive(struct worker *worker);
enum err server_begin(struct worker *self, cptr_t endpoint, cptr_t reply, struct message *message);
/* Counts the answer of a system call; fails if there is no reason for such an error in any case. */
void worker_note(struct worker *self, enum err err);
/* Sets `quit` in all workers of a case from 0 to count - 1. */
void workers_quit(unsigned count);
/* It has nothing to do any more: waits for ever. */
_Noreturn void worker_end(struct worker *self);
void move_to(cptr_t thread, uint32_t hart);

/* A guest with a page of memory for its code (which it and this space may write), a space of its own. */
struct guest {
	cptr_t vcpu, gspace, page_frame, memory, memory_there, tables[2];
	volatile struct vcpu_page *page;
	volatile uint64_t *words; /* its memory */
};
#define GUEST_WORD 200u /* index in `words` of the first word that guests count in: behind their code */
extern const char guest_count[], guest_spin[], guest_traps[], guest_timer[], guest_float[], guest_idle[], guest_masked[],
	guest_scratch[], guest_bells[], guest_bells_short[], guest_bells_both[], guest_ring[],
	guest_unmapped[], guest_unmapped_bell[], guests_end[];

struct guest make_guest(const char *code);
void guest_reset(const struct guest *guest);

/* --- innocent.c --- */

void innocents_start(void);
void innocents_check(void);

/* --- process.c: a thread in a space of its own that does one system call again and again --- */

struct process {
	cptr_t vspace, cnode, thread, context, tables[3];
	volatile uint64_t *data; /* [0]: first word of the message; [1]: turns; [2]: last a0; [3]: last a1 */
};
#define PROCESS_CAP 5u /* the slot of its capability in its CNode */

struct process make_process(unsigned number, cptr_t cap, cptr_t fault_endpoint, uint32_t hart);

/* --- float.c --- */

void float_threads(void);
void float_servers(void);
void float_guests(void);

/* --- registers.S, float.S --- */

/* All registers but sp, gp and tp are loaded from in[32] before an ecall and stored to out[32] after it. */
void registers_ecall(const uint64_t in[32], uint64_t out[32]);
/* The same with an illegal instruction in place of the ecall. */
void registers_fault(const uint64_t in[32], uint64_t out[32]);

void float_set(uint64_t pattern);     /* f0 to f31 and fcsr */
uint64_t float_differs(uint64_t pattern); /* 0: all as float_set left them */
void float_read(uint64_t out[33]);
