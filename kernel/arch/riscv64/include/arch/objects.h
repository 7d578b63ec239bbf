/* SPDX-License-Identifier: Apache-2.0 */
/* What riscv64 keeps in the kernel objects. Assembly uses the offsets below; each is pinned by an assertion. */
#pragma once

#define THREAD_REGISTERS 0
#define THREAD_PC 256
#define THREAD_HART 264
#define VCPU_PAGE_POINTER 0
#define VCPU_HART 8
#define VCPU_SCRATCH 16
#define PAGE_PC 256
#define HART_STACK 0
#define SYSCALL_REPLY_RECV 1
#define SYSCALL_SIGNAL 4
#define SYSCALL_VCPU_RUN 8
#define CAUSE_TASK_ECALL 8
#define HART_STACK_SIZE 8192 /* bytes */

#ifndef __ASSEMBLER__

#include <abi/vcpu.h>

#include <space.h>

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
	uint32_t space;     /* whose id that is; 0: none */
};
_Static_assert(offsetof(struct arch_thread, registers) == THREAD_REGISTERS, "offset");
_Static_assert(offsetof(struct arch_thread, pc) == THREAD_PC, "offset");
_Static_assert(offsetof(struct arch_thread, hart) == THREAD_HART, "offset");

struct arch_vcpu {
	struct vcpu_page *page; /* where the trap entry saves the registers */
	struct hart *hart;      /* whose registers hold this vCPU's state, or NULL */
	uint64_t scratch;
	struct thread *vmm;     /* who ran it last: may use HLV while the state is in the hart */
	uint64_t hgatp;
	struct hart *last_hart; /* where it ran last */
	uint64_t csr[VCPU_REGISTERS]; /* valid when hart is NULL; scounteren always */
	struct fp_state fp;
};
_Static_assert(offsetof(struct arch_vcpu, page) == VCPU_PAGE_POINTER, "offset");
_Static_assert(offsetof(struct arch_vcpu, hart) == VCPU_HART, "offset");
_Static_assert(offsetof(struct arch_vcpu, scratch) == VCPU_SCRATCH, "offset");
_Static_assert(offsetof(struct vcpu_page, pc) == PAGE_PC, "offset");
_Static_assert(SYS_VCPU_RUN == SYSCALL_VCPU_RUN && SYS_SIGNAL == SYSCALL_SIGNAL && SYS_CALL == 0 &&
		       SYS_REPLY_RECV == SYSCALL_REPLY_RECV,
	       "numbers");

struct arch_hart {
	uint64_t stack_top;
	uint64_t id;              /* the firmware's number */
	struct vcpu *live;        /* whose VS state is in the registers */
	struct fp_state *fp_owner; /* whose FP state is in the registers */
	uint64_t satp;
	const struct vcpu *last_vcpu[SPACES_MAX]; /* by VMID: the vCPU that ran here last */
	/* Values that a guest entry and exit load: constants, but long ones. */
	uint64_t guest_sstatus, guest_hstatus, task_hstatus, guest_stvec, task_stvec;
};
_Static_assert(offsetof(struct arch_hart, stack_top) == HART_STACK, "offset");

/* tp: set at each entry. */
static inline __attribute__((always_inline)) struct hart *arch_this_hart(void)
{
	register struct hart *hart __asm__("tp");

	__asm__("" : "=r"(hart));
	return hart;
}

#endif
