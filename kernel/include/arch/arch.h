/* SPDX-License-Identifier: Apache-2.0 */
/* The contract that every port implements. Nothing else of a port is visible to generic code. */
#pragma once

#include <abi/syscall.h>
#include <objects.h>
#include <space.h>

struct handover;

/* Each port's arch/objects.h also has arch_this_hart(): the hart that executes this. */

/* Interrupts another hart, after all that was written before. */
void arch_interrupt(const struct hart *hart);

/* One round of waiting for another hart. */
void arch_relax(void);

/* Physical memory through the direct map. */
void *arch_pointer(paddr_t address);
paddr_t arch_address(const void *pointer);

/* Zeroes memory; address and size are multiples of UNTYPED_UNIT. */
void arch_zero(void *pointer, size_t bytes);

/* Is an interrupt for the kernel pending? Long operations then stop at their next step. */
bool arch_interrupt_pending(void);

/* The timebase counter. */
uint64_t arch_time(void);

/* The next timer interrupt of this hart, in timebase ticks; DEADLINE_NEVER for none. */
void arch_timer_set(uint64_t deadline);

/* One byte to the firmware's console: panics and debug builds. */
void arch_putchar(char c);

/* Powers the machine off. failure: the firmware is told so. */
_Noreturn void arch_shutdown(bool failure);

/* Stops this hart for ever after a panic. */
_Noreturn void arch_halt(void);

/* Sleeps until an interrupt is pending. It may return early. */
void arch_idle(void);

/* The message registers of a thread that is not running: a0 to a7 of the calling convention. */
uint64_t *arch_thread_words(struct thread *thread);

/* The two extra inputs: [0] reply and receive slot, [1] deadline. */
uint64_t arch_thread_extra(const struct thread *thread, unsigned index);

void arch_thread_init(struct thread *thread);
void arch_thread_start_at(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument);
uint64_t arch_thread_register(const struct thread *thread, unsigned index); /* 0: pc, 1 to 31 */

/* The system call is to be done again when the thread runs next. */
void arch_thread_restart(struct thread *thread);

/* Words of the fault message. */
void arch_thread_fault_words(const struct thread *thread, uint64_t words[MESSAGE_WORDS]);

/* Makes this thread the one that the hart returns to: address space, lazy FP, access to its vCPU. NULL: none. */
void arch_switch(struct hart *hart, struct thread *thread);

/* The same if it is as short as satp, with no FP state of threads in the hart. False: it is not, and nothing has changed. */
bool arch_switch_short(struct hart *hart, struct thread *thread) must_check;

/* The thread is special until it runs again, for instance faulted: no short path. */
void arch_thread_slow(struct thread *thread);

/* The hart that holds state of a thread which does not run, or NULL. */
struct hart *arch_thread_hart(const struct thread *thread);

/* The thread may go on on another hart: no state of it, or of the guest that it is in, stays in its hart, which executes this. */
void arch_thread_park(struct thread *thread);

/* The thread goes away: no state of it stays in the hart. */
void arch_thread_forget(struct thread *thread);

/* Page tables of a fresh address space: the kernel's half. */
void arch_space_init(enum space_kind kind, void *root);

/* Mapping, page tables, and TLB maintenance; see space.h for the errors. Addresses are checked. */
enum err arch_map_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits, unsigned rights) must_check;
void arch_unmap_frame(const struct space *space, vaddr_t at, paddr_t frame, unsigned size_bits);
enum err arch_map_table(const struct space *space, vaddr_t at, paddr_t table, unsigned *covers_bits) must_check;
void arch_unmap_table(const struct space *space, vaddr_t at, paddr_t table, unsigned covers_bits);
/* A space ends: the hart that executes this no longer translates by it. */
void arch_space_leave(const struct space *space);

/* What tag.c is made of. This hart translates by the space under this number from now on; it forgets nothing. */
void arch_tlb_load(struct hart *hart, const struct space *space, uint32_t number);
/* The root table that this hart translates by, or NULL. */
const void *arch_tlb_root(enum space_kind kind);
/* These harts (bits) forget what they hold under this number, or TAG_ALL, of [at, at + size); size UINT64_MAX: all. */
void arch_tlb_flush(enum space_kind kind, uint32_t on, uint32_t number, uint64_t at, uint64_t size);
/* This hart forgets the guest's own translations under the number that it has loaded. */
void arch_tlb_flush_guest(const struct hart *hart, uint32_t number);

/* Frame sizes other than 4 KiB. */
bool arch_frame_size_valid(unsigned size_bits);

/* Interrupt controller. Sources are 1 to arch_irq_last(). */
unsigned arch_irq_last(void);
void arch_irq_enable(unsigned source);
void arch_irq_disable(unsigned source);
void arch_irq_complete(unsigned source);

/* vCPUs. */
void arch_vcpu_init(struct vcpu *vcpu);
enum err arch_vcpu_read(struct vcpu *vcpu, uint64_t number, uint64_t *value) must_check;
enum err arch_vcpu_write(struct vcpu *vcpu, uint64_t number, uint64_t value) must_check;
/* The hart that holds the vCPU's registers, or its FP registers; NULL: none. */
struct hart *arch_vcpu_hart(const struct vcpu *vcpu);
/* Saves what this hart holds of the vCPU. */
void arch_vcpu_put_away(struct vcpu *vcpu);
/* The vCPU goes away, or gets other memory: what this hart holds of it is lost. */
void arch_vcpu_forget(struct vcpu *vcpu);
/* When the idle guest's own timer expires, in host ticks; DEADLINE_NEVER: never. */
uint64_t arch_vcpu_deadline(struct vcpu *vcpu);
/* Is an interrupt pending that ends the guest's WFI? */
bool arch_vcpu_interrupt_pending(struct vcpu *vcpu);
