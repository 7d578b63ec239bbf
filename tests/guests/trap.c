/* SPDX-License-Identifier: Apache-2.0 */
#include "payload.h"

enum { CAUSE_FETCH_MISALIGNED = 0, CAUSE_FETCH_ACCESS = 1, CAUSE_USER_ECALL = 8, CAUSE_FETCH_PAGE = 12 };
enum { IRQ_SOFTWARE = 1, IRQ_TIMER = 5 };

#define CAUSE_INTERRUPT (1ull << 63)
#define TICKS_AGAIN 100000u /* 10 ms on QEMU's timebase of 10 MHz */

enum trap_mode trap_mode;
volatile uint64_t trap_count;
volatile uint64_t trap_cause;
volatile uint64_t trap_fast_taken;

extern char image_start[], image_end[];

uint64_t trap_recover_sp, trap_recover_pc;

static void handle_interrupt(uint64_t number)
{
	/* Again and again: one that comes before the WFI that it was to end must not be the last. */
	if (number == IRQ_TIMER)
		csr_write(STIMECMP, csr_read(time) + TICKS_AGAIN);
	else if (number == IRQ_SOFTWARE)
		csr_clear(sip, SIE_SOFTWARE);
	else
		csr_clear(sie, SIE_EXTERNAL);
}

/* Back to S-mode, to the end of trap_try or trap_user. */
static void give_up(struct trap_frame *frame)
{
	frame->pc = trap_recover_pc;
	frame->x[2] = trap_recover_sp;
	frame->status |= SSTATUS_SPP;
}

static _Noreturn void fatal(const struct trap_frame *frame, uint64_t cause, uint64_t value)
{
	print("payload: trap: cause %x pc %x value %x status %x ra %x sp %x\n", cause, frame->pc, value, frame->status,
	      frame->x[1], frame->x[2]);
	payload_exit(1);
}

void trap_handle(struct trap_frame *frame, uint64_t cause, uint64_t value)
{
	if ((cause & CAUSE_INTERRUPT) != 0) {
		handle_interrupt(cause & ~CAUSE_INTERRUPT);
		return;
	}
	if (cause == CAUSE_USER_ECALL && frame->x[17] == TRAP_USER_EXIT && trap_recover_pc != 0) {
		give_up(frame);
		return;
	}
	if (trap_mode == TRAP_FATAL)
		fatal(frame, cause, value);
	trap_count++;
	trap_cause = cause;
	/* By the place too, not by the cause alone: a failed walk for a fetch can be reported as that of a load. */
	if (cause == CAUSE_FETCH_ACCESS || cause == CAUSE_FETCH_PAGE || cause == CAUSE_FETCH_MISALIGNED ||
	    frame->pc < (uintptr_t)image_start || frame->pc >= (uintptr_t)image_end) {
		if (trap_recover_pc == 0)
			fatal(frame, cause, value);
		give_up(frame);
		return;
	}
	frame->pc += (*(const uint16_t *)frame->pc & 3) == 3 ? 4 : 2;
}
