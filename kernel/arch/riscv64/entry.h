/* SPDX-License-Identifier: Apache-2.0 */
/* What the assembly files share. */
#pragma once

#include <arch/objects.h>
#include <offsets.h>

#include "csr.h"

#define CNODE_SLOT_SHIFT 5
#define CAUSE_TIMER (CAUSE_INTERRUPT + IRQ_TIMER)
#define CAUSE_WFI 22 /* virtual instruction */
#define CAUSE_STORE_FAULT 23 /* store guest-page fault */

	.macro	clear_temporaries
	.irp	n, 1,5,6,7,28,29,30,31
	li	x\n, 0
	.endr
	.endm

	.macro	save_three base, skip1, skip2, skip3
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if	(\n != \skip1) && (\n != \skip2) && (\n != \skip3)
	sd	x\n, \n*8(\base)
	.endif
	.endr
	.endm

	.macro	save_most base, skip1, skip2
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if	(\n != \skip1) && (\n != \skip2)
	sd	x\n, \n*8(\base)
	.endif
	.endr
	.endm

	.macro	load_most base, skip
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if	\n != \skip
	ld	x\n, \n*8(\base)
	.endif
	.endr
	.endm

/*
 * A trap of a task, or of the kernel itself (a bug): sscratch = the thread, which stays there. A system call saves what the
 * C calling convention keeps, and its arguments stay in their registers for those that have a short path.
 */
	.macro	task_registers operation
	.irp	n, 2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
	\operation	x\n, \n*8(a0)
	.endr
	.endm
