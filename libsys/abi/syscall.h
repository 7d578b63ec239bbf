/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calling convention of the system calls, and the layout of a message.
 *
 * riscv64: `ecall` with the number (enum syscall) in a7.
 *   in   a0 capability   a1 message info or operation   a2-a6 five words or arguments
 *        t0 low half: reply object, high half: slot for a received capability (recv, reply_recv)
 *        t1 deadline in timebase ticks, DEADLINE_NEVER for none (recv, reply_recv, wait)
 *   out  a0 enum err     a1 message info or result      a2-a6 words     a7 badge of the sender or of the signals
 * Registers that a C function keeps (sp, gp, tp, s0-s11) are kept; all others are lost. vcpu_run keeps sp, gp and tp only, and
 * may leave values of the guest in the others.
 *
 * A hypervisor load (HLV, HLVX) of a task that faults is skipped, and t0 becomes the exception cause; set t0 to 0 before.
 */
#pragma once

#include "types.h"

/* Words of a message that travel in registers. */
#define MESSAGE_WORDS 5u

/*
 * Message info: bits 0-2 number of words (0 to 5), bits 16-31 label, bits 32-63 capability to pass (0: none).
 * On receipt the upper half is 1 if a capability arrived, else 0.
 */
typedef uint64_t message_info_t;

static inline message_info_t message_info(uint16_t label, unsigned words)
{
	return (message_info_t)label << 16 | words;
}

static inline uint16_t message_label(message_info_t info)
{
	return (uint16_t)(info >> 16);
}

static inline unsigned message_words(message_info_t info)
{
	return (unsigned)(info & 7);
}

static inline cptr_t message_cap(message_info_t info)
{
	return (cptr_t)(info >> 32);
}

/* Labels that the kernel itself sends; protocols use 0 to 0xfeff. */
enum {
	LABEL_KERNEL = 0xff00,
	LABEL_NOTIFICATION = 0xffff, /* recv: signals of the bound notification arrived; the badge holds the bits */
	LABEL_FAULT = 0xfffe,        /* a thread faulted; words: struct fault_message; the answer's label 0 resumes it */
	LABEL_TIMEOUT = 0xfffd,      /* a thread ran out of budget; words: enum timeout_word; answered like a fault */
};

/* Words of a fault message. The badge is the one of the thread's fault endpoint capability. */
enum fault_word {
	FAULT_CAUSE,   /* the architecture's cause (riscv64: scause) */
	FAULT_PC,      /* where */
	FAULT_ADDRESS, /* the faulting address or instruction (riscv64: stval) */
	FAULT_SP,
	FAULT_RA,
	FAULT_WORDS,
};

/*
 * Words of a timeout message, about the context that the thread ran on, its own or a caller's. The badge is the one of the thread's
 * timeout endpoint capability. Once it is answered the thread waits for the refill, or goes on at once if it was given
 * a new budget meanwhile. The message lends nothing: who takes it needs a context of its own.
 */
enum timeout_word {
	TIMEOUT_CONSUMED, /* ticks, ever */
	TIMEOUT_REFILL,   /* clock: when it may run again by itself */
	TIMEOUT_BUDGET,   /* ticks */
	TIMEOUT_PERIOD,   /* ticks */
	TIMEOUT_WORDS,
};

/* `debug` in debug builds: a0 selects. */
enum debug_operation {
	DEBUG_PUTCHAR,  /* a1: byte */
	DEBUG_CHECK,    /* check the kernel's invariants; a1: number of violations */
	DEBUG_WATCH,    /* a1: check them after every so many system calls, and panic if one is violated; 0: no longer */
	DEBUG_WRAPS,    /* a1: how often ASIDs, a2: VMIDs were used up and began again */
};
