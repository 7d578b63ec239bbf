/* SPDX-License-Identifier: Apache-2.0 */
/* Boot of a hart, timer, firmware calls, and zeroing. */

#include <abi/handover.h>
#include <boot.h>
#include <kernel.h>
#include <smp.h>
#include <tag.h>

#include "riscv.h"

/* Supervisor Binary Interface 2.0: legacy console, System Reset, IPI, Remote Fence and Hart State Management extensions. */
#define SBI_LEGACY_PUTCHAR 1
#define SBI_SRST 0x53525354
#define SRST_SHUTDOWN 0
#define SRST_REASON_FAILURE 1
#define SBI_IPI 0x735049
#define SBI_RFENCE 0x52464e43
#define SBI_HSM 0x48534d
#define START_TIMEOUT_MS 4000u

uint32_t cbo_zero_bytes;

static long sbi_call_5(unsigned long extension, unsigned long function, unsigned long a, unsigned long b, unsigned long c,
		       unsigned long d, unsigned long e)
{
	register unsigned long a0 __asm__("a0") = a;
	register unsigned long a1 __asm__("a1") = b;
	register unsigned long a2 __asm__("a2") = c;
	register unsigned long a3 __asm__("a3") = d;
	register unsigned long a4 __asm__("a4") = e;
	register unsigned long a6 __asm__("a6") = function;
	register unsigned long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
	return (long)a0;
}

static long sbi_call(unsigned long extension, unsigned long function, unsigned long a, unsigned long b)
{
	return sbi_call_5(extension, function, a, b, 0, 0, 0);
}

void arch_interrupt(const struct hart *hart)
{
	__asm__ volatile("fence iorw, iorw" ::: "memory");
	(void)sbi_call(SBI_IPI, 0, 1, hart->arch.id);
}

void arch_relax(void)
{
	__asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" ::: "memory"); /* pause */
}

void remote_fence(enum remote_fence kind, uint32_t on, uint64_t start, uint64_t size, uint64_t tag)
{
	__asm__ volatile("fence iorw, iorw" ::: "memory");
	for (unsigned i = 0; on >> i; i++)
		if (on >> i & 1)
			(void)sbi_call_5(SBI_RFENCE, kind, 1, harts[i].arch.id, start, size, tag);
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
#ifdef SERAI_DEBUG
	kprintf("\r\nserai: used up %lu times: ASIDs; %lu times: VMIDs\r\n", tag_wraps(SPACE_TASK), tag_wraps(SPACE_GUEST));
#endif
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

static struct hart_start starts[HANDOVER_HARTS];
char hart_stacks[HANDOVER_HARTS][HART_STACK_SIZE] __attribute__((aligned(16)));

static void hart_prepare(const struct handover *handover, uint32_t index)
{
	struct hart *hart = &harts[index];

	sched_hart_init(hart, index);
	hart->arch.stack_top = (uint64_t)hart_stacks[index] + HART_STACK_SIZE;
	hart->arch.id = handover->hart_id[index];
	hart->arch.key = index + 1;
	hart->arch.label_limit = message_info(LABEL_KERNEL, 0);
	hart->arch.words_limit = (MESSAGE_WORDS + 1ul) << 48;
}

/* The registers of the hart that executes this. */
static void hart_init(struct hart *hart)
{
	vcpu_hart_init(hart);
	csr_write(CSR_STVEC, (uint64_t)trap_entry_task);
	csr_write(CSR_SCOUNTEREN, 7);
	csr_clear(CSR_SSTATUS, SSTATUS_FS | SSTATUS_SPP | SSTATUS_SIE | SSTATUS_SUM);
	csr_write(CSR_STIMECMP, -1ul);
	csr_write(CSR_SIE, 1ul << IRQ_TIMER | 1ul << IRQ_EXTERNAL | 1ul << IRQ_SOFT);
}

void arch_hart_main(struct hart *hart)
{
	mmu_hart_init();
	hart_init(hart);
	/* Who was given up meanwhile stays out. */
	if (!word_swap(&starts[hart->index].state, HART_STARTING, HART_STARTED))
		arch_halt();
	smp_join(hart);
	leave_kernel(hart);
}

static bool hart_start(struct hart *hart, const struct handover *handover)
{
	struct hart_start *start = &starts[hart->index];
	struct lobby *lobby = arch_pointer(paddr(handover->lobby));
	uint64_t offset = handover->kernel_base - KERNEL_BASE; /* physical - virtual */
	uint64_t end = arch_time() + handover->timebase_hz / 1000 * START_TIMEOUT_MS;

	start->satp = mmu_kernel_satp();
	start->entry = (uint64_t)hart_entry_paged;
	start->hart = (uint64_t)hart;
	start->state = HART_STARTING;
	lobby->entry = (uint64_t)hart_entry + offset;
	lobby->argument = (uint64_t)start + offset;
	__atomic_store_n(&lobby->hart, hart->arch.id, __ATOMIC_RELEASE);
	__asm__ volatile("fence rw, rw" ::: "memory");
	if (sbi_call_5(SBI_HSM, 0, hart->arch.id, lobby->entry, lobby->argument, 0, 0))
		return false;
	while (!(__atomic_load_n(&smp_online, __ATOMIC_ACQUIRE) >> hart->index & 1))
		if (arch_time() > end && word_swap(&start->state, HART_STARTING, HART_GIVEN_UP))
			return false;
	return true;
}

/* Starts all other harts, up to one that does not start; returns how many run. */
static uint32_t start_harts(const struct handover *handover)
{
	struct lobby *lobby = arch_pointer(paddr(handover->lobby));
	uint32_t started = 1;

	for (; started < handover->harts; started++) {
		hart_prepare(handover, started);
		if (!hart_start(&harts[started], handover)) {
			kprintf("serai: hart %lu does not start: going on with %u\r\n", handover->hart_id[started], started);
			break;
		}
	}
	__atomic_store_n(&lobby->hart, LOBBY_CLOSED, __ATOMIC_RELEASE);
	return started;
}

void arch_boot(uint64_t address, uint64_t hart_id)
{
	struct handover *handover = arch_pointer(paddr(address));

	if (handover->magic != HANDOVER_MAGIC || handover->version != SERAI_ABI_VERSION || handover->size != sizeof(*handover))
		panic("the loader is of another version");
	if (handover->hart_id[0] != hart_id)
		panic("the loader started hart %lu", hart_id);
	cbo_zero_bytes = handover->isa & ISA_ZICBOZ ? handover->cbo_zero_bytes : 0;
	mmu_init(handover->kernel_table);
	plic_init(handover->plic_base, handover->plic_sources, handover->plic_context[0]);
	hart_prepare(handover, 0);
	__asm__ volatile("mv tp, %0" ::"r"(&harts[0]));
	hart_init(&harts[0]);
	smp_reset();
	smp_join(&harts[0]);
	handover->harts = start_harts(handover);
	boot_root_task(handover);
	leave_kernel(&harts[0]);
}
