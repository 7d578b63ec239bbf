/* SPDX-License-Identifier: Apache-2.0 */
/* Boot of a hart, timer, firmware calls, and zeroing. */

#include <abi/handover.h>
#include <boot.h>
#include <kernel.h>

#include "riscv.h"

/* Supervisor Binary Interface 2.0: legacy console, System Reset extension. */
#define SBI_LEGACY_PUTCHAR 1
#define SBI_SRST 0x53525354
#define SRST_SHUTDOWN 0
#define SRST_REASON_FAILURE 1

uint32_t cbo_zero_bytes;

static long sbi_call(unsigned long extension, unsigned long function, unsigned long a, unsigned long b)
{
	register unsigned long a0 __asm__("a0") = a;
	register unsigned long a1 __asm__("a1") = b;
	register unsigned long a6 __asm__("a6") = function;
	register unsigned long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
	return (long)a0;
}

void arch_putchar(char c)
{
	(void)sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)c, 0);
}

_Noreturn void arch_halt(void)
{
	csr_write(CSR_SIE, 0);
	for (;;)
		__asm__ volatile("wfi");
}

_Noreturn void arch_shutdown(bool failure)
{
	(void)sbi_call(SBI_SRST, 0, SRST_SHUTDOWN, failure ? SRST_REASON_FAILURE : 0);
	arch_halt();
}

uint64_t arch_time(void)
{
	return csr_read(CSR_TIME);
}

void arch_timer_set(uint64_t deadline)
{
	csr_write(CSR_STIMECMP, deadline);
}

bool arch_interrupt_pending(void)
{
	return (csr_read(CSR_SIP) & csr_read(CSR_SIE)) != 0;
}

void arch_idle(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

static void zero_blocks(uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += cbo_zero_bytes)
		__asm__ volatile(".insn i 0x0f, 2, x0, %0, 4" ::"r"(at + i) : "memory"); /* cbo.zero */
}

void arch_zero(void *pointer, size_t bytes)
{
	uint64_t *at = pointer, *end = at + bytes / 8;

	if (cbo_zero_bytes == UNTYPED_UNIT) {
		zero_blocks(pointer, bytes);
		return;
	}
	/* 128 stores a round: zeroing the guests' memory is a large part of a boot. */
	for (; end - at >= 128; at += 128)
		__asm__ volatile(".set n, 0\n\t.rept 128\n\tsd zero, n(%0)\n\t.set n, n + 8\n\t.endr" ::"r"(at) : "memory");
	for (; at < end; at += 4)
		at[0] = at[1] = at[2] = at[3] = 0;
}

static void hart_init(struct hart *hart, const struct handover *handover, uint32_t index)
{
	sched_hart_init(hart, index);
	hart->arch.stack_top = (uint64_t)boot_stack_top;
	hart->arch.id = handover->hart_id[index];
	hart->arch.plic_context = handover->plic_context[index];
	hart->arch.satp = mmu_kernel_satp();
	vcpu_hart_init(hart);
	csr_write(CSR_STVEC, (uint64_t)trap_entry_task);
	csr_write(CSR_SCOUNTEREN, 7);
	csr_clear(CSR_SSTATUS, SSTATUS_FS | SSTATUS_SPP | SSTATUS_SIE | SSTATUS_SUM);
	csr_write(CSR_STIMECMP, -1ul);
	csr_write(CSR_SIE, 1ul << IRQ_TIMER | 1ul << IRQ_EXTERNAL | 1ul << IRQ_SOFT);
}

void arch_boot(uint64_t address, uint64_t hart_id)
{
	const struct handover *handover = arch_pointer(paddr(address));

	if (handover->magic != HANDOVER_MAGIC || handover->version != SERAI_ABI_VERSION || handover->size != sizeof(*handover))
		panic("the loader is of another version");
	if (handover->hart_id[0] != hart_id)
		panic("the loader started hart %lu", hart_id);
	cbo_zero_bytes = handover->isa & ISA_ZICBOZ ? handover->cbo_zero_bytes : 0;
	mmu_init(handover->kernel_table);
	plic_init(handover->plic_base, handover->plic_sources, handover->plic_context[0]);
	hart_init(&harts[0], handover, 0);
	boot_root_task(handover);
	leave_kernel(&harts[0]);
}
