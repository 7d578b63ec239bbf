/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page that a vCPU shares with its VMM, and how vcpu_run answers.
 * The VMM may write anything here: the kernel reads each field once and sanitises it. riscv64 layout.
 */
#pragma once

#include "types.h"

/* Requests that the kernel carries out at the next vcpu_run, and then clears. */
enum {
	VCPU_REQUEST_TIMER = 1 << 0,      /* vstimecmp = timer */
	VCPU_REQUEST_TRAP = 1 << 1,       /* raise trap_cause/trap_value in the guest at pc, as hardware would */
	VCPU_REQUEST_FENCE_I = 1 << 2,    /* fence.i */
	VCPU_REQUEST_FENCE_VVMA = 1 << 3, /* hfence.vvma of fence_address, or of everything if fence_size > 4096 or is 0 */
	VCPU_REQUEST_WAIT = 1 << 4,       /* block as the guest's WFI does */
};

/* 4 KiB, one per vCPU. */
struct vcpu_page {
	uint64_t gpr[32]; /* gpr[0] is ignored */
	uint64_t pc;
	uint64_t mode;          /* 0: VU, 1: VS */
	uint64_t hvip;          /* pending VS interrupts: bits 2 (software), 6 (timer), 10 (external); others ignored */
	uint64_t requests;      /* VCPU_REQUEST_* */
	uint64_t timer;         /* guest time of the next timer interrupt */
	uint64_t trap_cause;    /* 0 to 63 */
	uint64_t trap_value;    /* stval for the guest */
	uint64_t fence_address; /* guest virtual address */
	uint64_t fence_size;    /* bytes; 0: everything */
	uint64_t reserved[471];
};
_Static_assert(sizeof(struct vcpu_page) == 4096, "one page");

/*
 * How vcpu_run answers, in registers: a0 enum err, a1 cause, a2 stval, a3 guest physical address (htval << 2 | stval & 3),
 * a4 htinst, a7 notification bits. With a0 = ERR_OK, the cause is the hardware's scause or one of these.
 */
enum vcpu_exit {
	VCPU_EXIT_NOTIFIED = 0x100, /* the bound notification was signalled: a7 holds the bits */
	VCPU_EXIT_KICKED = 0x101,   /* vcpu_kick with 0 */
};

/* Doorbells of a vCPU (VCPU SET_BELL). */
#define VCPU_BELLS 8u

/* Exception causes that reach the VMM (privileged specification, table of scause). */
enum {
	CAUSE_VS_ECALL = 10,
	CAUSE_GUEST_FETCH_FAULT = 20,
	CAUSE_GUEST_LOAD_FAULT = 21,
	CAUSE_VIRTUAL_INSTRUCTION = 22,
	CAUSE_GUEST_STORE_FAULT = 23,
};

enum { VCPU_IRQ_SOFTWARE = 1 << 2, VCPU_IRQ_TIMER = 1 << 6, VCPU_IRQ_EXTERNAL = 1 << 10, VCPU_IRQ_ALL = 0x444 };

/* For VCPU READ_REGISTER and WRITE_REGISTER. */
enum vcpu_register {
	VCPU_VSSTATUS,
	VCPU_VSIE,
	VCPU_VSTVEC,
	VCPU_VSSCRATCH,
	VCPU_VSEPC,
	VCPU_VSCAUSE,
	VCPU_VSTVAL,
	VCPU_VSATP,
	VCPU_VSTIMECMP,
	VCPU_HTIMEDELTA,
	VCPU_SCOUNTEREN,
	VCPU_SENVCFG,
	VCPU_REGISTERS,
};
