/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the riscv64 port. */
#pragma once

#include <abi/syscall.h>
#include <arch/arch.h>

#include <sched.h>

#include "csr.h"

/* entry.S */
extern char trap_entry_task[], trap_entry_guest[], hart_entry[], hart_entry_paged[];
_Noreturn void return_to_task(struct thread *thread);
_Noreturn void return_from_guest(struct thread *thread, uint64_t err, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
				 uint64_t bits);
_Noreturn void enter_guest(struct vcpu *vcpu, struct vcpu_page *page);
void fp_save(struct fp_state *state);
void fp_load(const struct fp_state *state);
uint64_t guest_fetch16(uint64_t address);

/* What a hart finds, by physical address, when the firmware starts it; and what became of that. */
enum { HART_STARTING = 1, HART_STARTED, HART_GIVEN_UP };

struct hart_start {
	uint64_t satp, entry, hart;
	uint32_t state;
};
_Static_assert(offsetof(struct hart_start, satp) == 0 && offsetof(struct hart_start, entry) == 8 &&
		       offsetof(struct hart_start, hart) == 16,
	       "entry.S");

/* Called from entry.S. */
void arch_boot(uint64_t handover, uint64_t hart_id);
_Noreturn void arch_hart_main(struct hart *hart);
_Noreturn void trap_task(struct thread *thread, uint64_t cause);
_Noreturn void trap_syscall(struct thread *thread, uint64_t number);
/* The second half of a signal, with nothing else to do, or for the thread that made it. */
_Noreturn void wake_and_leave(struct notification *notification, struct hart *hart);
_Noreturn void signal_and_switch(struct thread *thread, struct notification *notification);
_Noreturn void enter_after_requests(struct hart *hart, struct vcpu *vcpu, struct vcpu_page *page);
_Noreturn void trap_bell(struct vcpu *vcpu, struct vcpu_page *page);
_Noreturn void trap_guest(struct vcpu *vcpu, struct vcpu_page *page, uint64_t cause);

/* The way out of the kernel: to whatever thread is to run, or to sleep. */
_Noreturn void leave_kernel(struct hart *hart);

/* An interrupt of the host. */
void handle_interrupt(struct hart *hart, uint64_t cause);

/* vcpu.c: hands FP registers, gives the guest's state to the hart and takes it back. */
void fp_give(struct hart *hart, struct fp_state *state);
void fp_drop(struct hart *hart, struct fp_state *state);
void fp_put_away(struct hart *hart, struct fp_state *state);
void vcpu_unload(struct hart *hart);
void vcpu_load(struct hart *hart, struct vcpu *vcpu);
_Noreturn void vcpu_enter(struct hart *hart, struct thread *thread);
void vcpu_hart_init(struct hart *hart);

/* mmu.c */
void mmu_init(uint64_t kernel_table);
void mmu_hart_init(void);
uint64_t mmu_kernel_satp(void);
uint32_t mmu_asid(uint64_t satp);

/* machine.c: fences of the firmware on other harts; harts as bits of their index. SBI 2.0, chapter 8. */
enum remote_fence {
	REMOTE_FENCE_I = 0,
	REMOTE_SFENCE_VMA = 1,
	REMOTE_SFENCE_VMA_ASID = 2,
	REMOTE_HFENCE_GVMA_VMID = 3,
	REMOTE_HFENCE_GVMA = 4,
	REMOTE_HFENCE_VVMA = 6,
};
void remote_fence(enum remote_fence kind, uint32_t on, uint64_t start, uint64_t size, uint64_t tag);

/* plic.c */
void plic_init(uint64_t base, uint32_t sources, uint32_t context);
void plic_deliver(struct hart *hart);

extern uint32_t cbo_zero_bytes;
