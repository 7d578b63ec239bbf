/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of tasks, interrupts, and the way out of the kernel. */

#include <kernel.h>
#include <shadow.h>
#include <smp.h>
#include <syscall.h>
#include <tag.h>
#include <thread.h>
#include <vcpu.h>

#include "riscv.h"

enum {
	CAUSE_ILLEGAL_INSTRUCTION = 2,
};

#define SYSCALL_LENGTH 4u
#define REGISTER_T0 5u

void handle_interrupt(struct hart *hart, uint64_t cause)
{
	switch (cause & ~CAUSE_INTERRUPT) {
	case IRQ_TIMER:
		sched_timer(hart);
		break;
	case IRQ_EXTERNAL:
		plic_deliver(hart);
		break;
	case IRQ_SOFT:
		/* First the acknowledgement, then a look at what there is: what comes later interrupts again. */
		csr_clear(CSR_SIP, 1ul << IRQ_SOFT);
		__asm__ volatile("fence iorw, iorw" ::: "memory");
		while (smp_interrupted(hart))
			arch_relax();
		break;
	default:
		panic("interrupt %lu", cause & ~CAUSE_INTERRUPT);
	}
}

/* Nothing to run: wait for an interrupt with no guest state in the hart, whose timers would wake it for nothing. */
static void idle(struct hart *hart)
{
	vcpu_unload(hart);
	__atomic_store_n(&hart->idle, true, __ATOMIC_RELEASE);
	arch_idle();
	hart->idle = false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint64_t pending = csr_read(CSR_SIP) & csr_read(CSR_SIE);

	hart->charged_at = arch_time();
	if (pending & 1ul << IRQ_TIMER)
		handle_interrupt(hart, IRQ_TIMER);
	if (pending & 1ul << IRQ_EXTERNAL)
		handle_interrupt(hart, IRQ_EXTERNAL);
	if (pending & 1ul << IRQ_SOFT)
		handle_interrupt(hart, IRQ_SOFT);
}

_Noreturn void leave_kernel(struct hart *hart)
{
	for (;;) {
		struct thread *thread = sched_leave(hart);

		if (!thread)
			idle(hart);
		else if (!thread->vcpu)
			return_to_task(thread);
		else if (vcpu_may_enter(thread))
			vcpu_enter(hart, thread);
	}
}

/* A hypervisor load of a VMM faulted: it is skipped, and t0 says why. */
static bool skip_hypervisor_load(struct thread *thread, uint64_t cause)
{
	if (cause >= 64 || !(csr_read(CSR_HSTATUS) & HSTATUS_GVA))
		return false;
	thread->arch.pc += SYSCALL_LENGTH;
	thread->arch.registers[REGISTER_T0] = cause;
	return true;
}

/* First FP instruction since another thread or guest had the registers. */
static bool give_fp(struct hart *hart, struct thread *thread)
{
	if ((csr_read(CSR_SSTATUS) & SSTATUS_FS) != 0)
		return false;
	fp_give(hart, &thread->arch.fp);
	hart->task_fp = true;
	return true;
}

/* A hypervisor load of a VMM whose guest left the hart meanwhile: bring it back, and let the thread try again. */
static bool give_guest(struct hart *hart, struct thread *thread)
{
	struct vcpu *vcpu = thread->arch.guest;

	if (!vcpu || slot_empty(&vcpu->gspace) || slot_empty(&vcpu->frame))
		return false;
	if (hart->arch.live != vcpu) {
		enum err err = vcpu_claim(vcpu, thread, false);

		if (err)
			return err == ERR_RESTART;
		vcpu_load(hart, vcpu);
		vcpu_release(vcpu);
	} else if (csr_read(CSR_HSTATUS) & HSTATUS_HU) {
		return false;
	}
	csr_clear(CSR_HSTATUS, HSTATUS_SPVP);
	csr_set(CSR_HSTATUS, HSTATUS_HU | (vcpu->page->mode & 1 ? HSTATUS_SPVP : 0));
	return true;
}

static void fault(struct hart *hart, struct thread *thread, uint64_t cause)
{
	if (csr_read(CSR_SSTATUS) & SSTATUS_SPP)
		panic("kernel trap %lu at %lx, value %lx", cause, csr_read(CSR_SEPC), csr_read(CSR_STVAL));
	if (cause == CAUSE_ILLEGAL_INSTRUCTION && (give_guest(hart, thread) || give_fp(hart, thread)))
		return;
	if (skip_hypervisor_load(thread, cause))
		return;
	thread->arch.cause = cause;
	thread->arch.value = csr_read(CSR_STVAL);
	thread_raise_fault(thread);
}

_Noreturn void trap_task(struct thread *thread, uint64_t cause)
{
	struct hart *hart = thread->arch.hart;

	if (cause & CAUSE_INTERRUPT)
		handle_interrupt(hart, cause);
	else
		fault(hart, thread, cause);
	leave_kernel(hart);
}

_Noreturn void trap_syscall(struct thread *thread, uint64_t number)
{
	struct hart *hart = thread->arch.hart;

	syscall_handle(thread, number);
	leave_kernel(hart);
}

uint64_t *arch_thread_words(struct thread *thread)
{
	return &thread->arch.registers[10];
}

uint64_t arch_thread_extra(const struct thread *thread, unsigned index)
{
	return thread->arch.registers[REGISTER_T0 + index];
}

void arch_thread_init(struct thread *thread)
{
	thread->arch.hart = thread->hart;
}

void arch_thread_start_at(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
	for (unsigned i = 0; i < 32; i++)
		thread->arch.registers[i] = 0;
	thread->arch.pc = pc;
	thread->arch.registers[2] = sp;
	thread->arch.registers[10] = argument;
}

uint64_t arch_thread_register(const struct thread *thread, unsigned index)
{
	return index == 0 ? thread->arch.pc : thread->arch.registers[index];
}

void arch_thread_restart(struct thread *thread)
{
	thread->arch.pc -= SYSCALL_LENGTH;
}

void arch_thread_fault_words(const struct thread *thread, uint64_t words[MESSAGE_WORDS])
{
	words[FAULT_CAUSE] = thread->arch.cause;
	words[FAULT_PC] = thread->arch.pc;
	words[FAULT_ADDRESS] = thread->arch.value;
	words[FAULT_SP] = thread->arch.registers[2];
	words[FAULT_RA] = thread->arch.registers[1];
}

static inline void load_space(struct hart *hart, struct thread *thread)
{
	if (thread->arch.key == hart->arch.key && thread->arch.space == thread->vspace.cap.word) {
		csr_write(CSR_SATP, thread->arch.satp);
		if (thread->arch.space)
			shadow_loaded(hart, space_find(thread->arch.space), mmu_asid(thread->arch.satp));
		return;
	}
	struct space *space = space_find(thread->vspace.cap.word);

	if (space)
		(void)tag_load(hart, space);
	else
		csr_write(CSR_SATP, mmu_kernel_satp());
	thread->arch.hart = hart;
	thread->arch.satp = csr_read(CSR_SATP);
	thread->arch.space = thread->vspace.cap.word;
	thread->arch.key = hart->arch.key;
}

void arch_switch(struct hart *hart, struct thread *thread)
{
	if (!thread)
		return;
	load_space(hart, thread);
	if (hart->arch.fp_owner == &thread->arch.fp)
		csr_set(CSR_SSTATUS, SSTATUS_FS);
	else
		csr_clear(CSR_SSTATUS, SSTATUS_FS);
	/* Only the VMM whose guest is in the hart may look into the guest's memory by HLV. */
	if (hart->arch.live && hart->arch.live->arch.vmm == thread)
		csr_set(CSR_HSTATUS, HSTATUS_HU);
	else
		csr_clear(CSR_HSTATUS, HSTATUS_HU);
}

bool arch_switch_short(struct hart *hart, struct thread *thread)
{
	if (hart->task_fp || thread->arch.key != hart->arch.key)
		return false;
	csr_write(CSR_SATP, thread->arch.satp);
	if (thread->arch.space)
		shadow_loaded(hart, space_find(thread->arch.space), mmu_asid(thread->arch.satp));
	csr_clear(CSR_HSTATUS, HSTATUS_HU); /* a VMM that needs it traps once: give_guest */
	return true;
}

void arch_thread_slow(struct thread *thread)
{
	thread->arch.key = 0;
}

struct hart *arch_thread_hart(const struct thread *thread)
{
	return __atomic_load_n(&thread->arch.fp.hart, __ATOMIC_ACQUIRE);
}

void arch_thread_park(struct thread *thread)
{
	fp_put_away(arch_this_hart(), &thread->arch.fp);
	if (thread->vcpu)
		arch_vcpu_put_away(thread->vcpu);
}

void arch_thread_forget(struct thread *thread)
{
	fp_drop(thread->hart, &thread->arch.fp);
	if (thread->arch.guest)
		thread->arch.guest->arch.vmm = NULL;
	thread->arch.guest = NULL;
	if (thread->hart->current == NULL)
		csr_clear(CSR_HSTATUS, HSTATUS_HU);
}
