/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the riscv64 port. */
#pragma once

#include <abi/syscall.h>
#include <arch/arch.h>

#include <sched.h>

#include "csr.h"

/* entry.S */
extern char trap_entry_task[], trap_entry_guest[], boot_stack_top[];
_Noreturn void return_to_task(struct thread *thread);
_Noreturn void return_from_guest(struct thread *thread, uint64_t err, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
				 uint64_t bits);
_Noreturn void enter_guest(struct vcpu *vcpu, struct vcpu_page *page);
_Noreturn void return_with_message(struct thread *thread, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3,
				   uint64_t w4, uint64_t badge);
void fp_save(struct fp_state *state);
void fp_load(const struct fp_state *state);
uint64_t guest_fetch16(uint64_t address);

/* Called from entry.S. */
void arch_boot(uint64_t handover, uint64_t hart_id);
_Noreturn void trap_task(struct thread *thread, uint64_t cause);
_Noreturn void trap_syscall(struct thread *thread, uint64_t number);
_Noreturn void fast_call(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint64_t w4,
			 struct thread *thread);
_Noreturn void fast_reply_recv(uint64_t cptr, uint64_t info, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3,
			       uint64_t w4, struct thread *thread);
_Noreturn void fast_signal(struct thread *thread, uint64_t cptr);
_Noreturn void vcpu_run_fast(struct thread *thread, uint64_t cptr);
_Noreturn void trap_guest(struct vcpu *vcpu, struct vcpu_page *page, uint64_t cause);

/* The way out of the kernel: to whatever thread is to run, or to sleep. */
_Noreturn void leave_kernel(struct hart *hart);

/* An interrupt of the host. */
void handle_interrupt(struct hart *hart, uint64_t cause);

/* vcpu.c: hands FP registers, gives the guest's state to the hart and takes it back. */
void fp_give(struct hart *hart, struct fp_state *state);
void fp_drop(struct hart *hart, const struct fp_state *state);
void vcpu_unload(struct hart *hart);
void vcpu_load(struct hart *hart, struct vcpu *vcpu);
_Noreturn void vcpu_enter(struct hart *hart, struct thread *thread);
void vcpu_hart_init(struct hart *hart);

/* mmu.c */
void mmu_init(uint64_t kernel_table);
uint64_t mmu_kernel_satp(void);
uint64_t mmu_satp(const struct space *space);
uint64_t mmu_hgatp(const struct space *space);

/* plic.c */
void plic_init(uint64_t base, uint32_t sources, uint32_t context);
void plic_deliver(struct hart *hart);

/* What satp's and hgatp's ASID and VMID fields can hold; found at boot. */
extern unsigned asid_bits, vmid_bits;
extern uint32_t cbo_zero_bytes;
