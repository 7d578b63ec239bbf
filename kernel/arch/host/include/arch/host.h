/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of the host port for tests and fuzzers: everything that hardware would do, done by hand. */
#pragma once

#include <setjmp.h>

#include <sched.h>
#include <space.h>

#define HOST_MEMORY_BASE UINT64_C(0x80000000) /* physical */
#define HOST_MEMORY_SIZE (UINT64_C(64) << 20) /* bytes */
#define HOST_CONSOLE_BYTES 1024u
#define HOST_IRQ_LAST 95u

enum host_stop {
	HOST_HALTED = 1,
	HOST_POWERED_OFF,
	HOST_POWERED_OFF_FAILURE,
};

struct host {
	uint64_t time;  /* what arch_time answers, in ticks */
	uint64_t timer; /* last arch_timer_set */
	unsigned timer_sets;

	unsigned interrupt_every; /* every n-th look at pending interrupts finds one; 0: none does */
	unsigned interrupt_looks; /* looks since the last one that was found */
	unsigned interrupts_seen;

	bool concurrent; /* each hart is a thread of the test process, which takes its interrupts itself */

	uint64_t zeroed; /* bytes given to arch_zero */
	unsigned flushes, page_flushes, guest_flushes;
	bool fences_lost; /* nothing is flushed */
	uint32_t flushed_id; /* space of the last flush of a whole space */

	bool irq_enabled[HOST_IRQ_LAST + 1];
	unsigned irq_completed[HOST_IRQ_LAST + 1];

	jmp_buf *stop; /* where halt and power-off go, with enum host_stop; without one the process aborts */
	unsigned idles;
	char console[HOST_CONSOLE_BYTES];
	unsigned console_length;
};

extern struct host host;

/* A machine with zeroed memory and one hart, before boot. */
void host_reset(void);

/* A second, third, ... hart that takes part, up to this number in all. */
void host_add_harts(unsigned count);

/* Goes on as another hart; taking the interrupts that it got is host_leave_kernel's business. */
void host_become(unsigned index);

/* Leaves the kernel as a port does; returns the thread that runs, or NULL if the hart would sleep. */
struct thread *host_leave_kernel(void);

/* What a guest exit does on a real port: the system call vcpu_run answers with this cause. */
void host_guest_exit(struct thread *thread, uint64_t cause);

/*
 * What this hart finds at an address by what it has loaded: in its TLB, or else in the tables, and then the TLB keeps it. False:
 * a fault.
 */
bool host_access(enum space_kind kind, uint64_t at, uint64_t *address);
void host_tlb_reset(void);

/* What the MMU would find at an address: the physical address and RIGHT_*; false if nothing. */
bool host_translate(const struct space *space, uint64_t at, uint64_t *address, unsigned *rights);
