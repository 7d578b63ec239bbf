/* SPDX-License-Identifier: Apache-2.0 */
/* FP registers as a pattern. Code made from C never touches them. */
	.option arch, +f, +d
	.section .text.float, "ax"

	.globl float_set
float_set:
	slli	a0, a0, 32
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	addi	t0, a0, \n
	fmv.d.x	f\n, t0
	.endr
	srli	t0, a0, 32
	andi	t0, t0, 31
	csrw	fcsr, t0
	ret

	.globl float_differs
float_differs:
	slli	a0, a0, 32
	li	a1, 0
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	addi	t0, a0, \n
	fmv.x.d	t1, f\n
	xor	t0, t0, t1
	or	a1, a1, t0
	.endr
	srli	t0, a0, 32
	andi	t0, t0, 31
	csrr	t1, fcsr
	xor	t0, t0, t1
	or	a0, a1, t0
	ret

	.globl float_read
float_read:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd	f\n, \n*8(a0)
	.endr
	csrr	t0, fcsr
	sd	t0, 256(a0)
	ret
