/* SPDX-License-Identifier: Apache-2.0 */
/* What the host port keeps in the kernel objects: plain variables where a real port has registers. */
#pragma once

#include <abi/syscall.h>
#include <abi/vcpu.h>

#define HOST_MESSAGE_REGISTERS 8u

struct hart;

/* The hart as which this thread of the test process acts. */
extern _Thread_local struct hart *host_hart;

static inline struct hart *arch_this_hart(void)
{
	return host_hart;
}

struct arch_thread {
	uint64_t words[HOST_MESSAGE_REGISTERS]; /* a0 to a7 */
	uint64_t extra[2];                      /* t0, t1 */
	uint64_t pc, sp;
	uint64_t cause, value; /* of its fault */
	bool restarted;        /* the system call is to be done again; cleared by whoever does */
	bool forgotten;        /* arch_thread_forget was called */
	bool slowed;           /* arch_thread_slow was called */
	unsigned parked;       /* calls of arch_thread_park */
};

struct arch_vcpu {
	uint64_t registers[VCPU_REGISTERS];
	uint64_t deadline;      /* what arch_vcpu_deadline answers; DEADLINE_NEVER at first */
	bool interrupt_pending; /* what arch_vcpu_interrupt_pending answers */
	unsigned entries;       /* how often the guest was entered */
	unsigned forgotten;     /* how often its state was lost */
	unsigned put_away;      /* how often it was saved */
	struct hart *hart;      /* which holds its state: the one that entered it last */
};

struct arch_hart {
	struct thread *switched_to; /* last argument of arch_switch */
	unsigned switches;          /* calls of arch_switch */
	unsigned interrupts;        /* by other harts, not yet taken */
	unsigned left;              /* calls of arch_space_leave */
	struct {
		const void *root; /* NULL: none */
		uint32_t number;
	} translates[2];            /* by kind of space: what satp and hgatp are */
};
