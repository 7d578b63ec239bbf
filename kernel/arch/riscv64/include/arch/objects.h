/* SPDX-License-Identifier: Apache-2.0 */
/* What riscv64 keeps in the kernel objects. Assembly takes its offsets from offsets.c. */
#pragma once

#define CAUSE_TASK_ECALL 8
#define HART_STACK_SIZE 8192 /* bytes */

#ifndef __ASSEMBLER__

#include <abi/vcpu.h>

struct hart;

/* FP registers and fcsr: 264 bytes. */
struct fp_state {
	uint64_t f[32];
	uint64_t fcsr;
	struct hart *hart; /* whose FP registers hold this state, or NULL */
};

struct arch_thread {
	uint64_t registers[32]; /* [0] unused */
	uint64_t pc;
	struct hart *hart; /* which the trap entry is to use */
	uint64_t cause, value; /* of its fault */
	struct fp_state fp;
	struct vcpu *guest; /* the vCPU that it ran last */
	uint64_t satp;      /* of its VSpace, from the last switch to it */
	uint64_t key;       /* the hart's at that time: while they are equal, satp is good there; 0: never */
	uint32_t space;     /* whose id that is */
};

struct arch_vcpu {
	struct vcpu_page *page; /* where the trap entry saves the registers */
	struct hart *hart;      /* whose registers hold this vCPU's state, or NULL */
	uint64_t scratch;
	struct thread *vmm;     /* who ran it last: may use HLV while the state is in the hart */
	struct notification *rung; /* by the doorbell that is being handled */
	uint64_t csr[VCPU_REGISTERS]; /* valid when hart is NULL; scounteren always */
	struct fp_state fp;
};

struct arch_hart {
	uint64_t stack_top;
	uint64_t id;              /* the firmware's number */
	struct vcpu *live;        /* whose VS state is in the registers */
	struct fp_state *fp_owner; /* whose FP state is in the registers */
	uint64_t key;         /* another for each hart and each generation of ASIDs there; not 0 */
	uint64_t label_limit; /* of messages that tasks may send, as message info */
	uint64_t words_limit; /* likewise, in the top 16 bits */
	/* Values that a guest entry and exit load: constants, but long ones. */
	uint64_t guest_sstatus_bits; /* of sstatus, to be cleared at an exit */
	uint64_t guest_sstatus, guest_hstatus, task_hstatus, guest_stvec, task_stvec;
};

/* tp: set at each entry. */
static inline __attribute__((always_inline)) struct hart *arch_this_hart(void)
{
	register struct hart *hart __asm__("tp");

	__asm__("" : "=r"(hart));
	return hart;
}

#endif
