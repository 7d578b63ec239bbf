/* SPDX-License-Identifier: Apache-2.0 */
/* The host port's machine: memory, time, interrupts, console, registers of threads. */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/unistd.h>

#include <abi/handover.h>
#include <arch/arch.h>
#include <arch/host.h>
#include <kernel.h>
#include <smp.h>
#include <tag.h>
#include <vcpu.h>

#define SYSCALL_LENGTH 4u

struct host host;
_Thread_local struct hart *host_hart;
static uint8_t *memory;

void host_reset(void)
{
	if (memory)
		munmap(memory, HOST_MEMORY_SIZE);
	memory = mmap(NULL, HOST_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	host = (struct host){ .timer = DEADLINE_NEVER };
	host_hart = &harts[0];
	smp_reset();
	host_tlb_reset();
	tag_reset(SPACE_TASK, TAG_NUMBER_BITS);
	tag_reset(SPACE_GUEST, TAG_NUMBER_BITS);
	sched_hart_init(&harts[0], 0);
	smp_join(&harts[0]);
}

void host_add_harts(unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		sched_hart_init(&harts[i], i);
		smp_join(&harts[i]);
	}
}

void host_become(unsigned index)
{
	host_hart = &harts[index];
}

void arch_interrupt(const struct hart *hart)
{
	__atomic_fetch_add(&harts[hart - harts].arch.interrupts, 1, __ATOMIC_SEQ_CST);
}

/* Whoever is interrupted gets a turn. All harts are outside the kernel but the one that waits. */
void arch_relax(void)
{
	struct hart *self = host_hart;

	if (host.concurrent) {
		(void)syscall(__NR_sched_yield); /* the kernel has a sched_yield of its own */
		return;
	}
	for (struct hart *hart = harts; hart < harts + HANDOVER_HARTS; hart++)
		if (hart != self && smp_online >> (hart - harts) & 1) {
			host_hart = hart;
			hart->arch.interrupts = 0;
			(void)smp_interrupted(hart);
		}
	host_hart = self;
}

void *arch_pointer(paddr_t address)
{
	return (void *)((uintptr_t)memory + address.value - HOST_MEMORY_BASE);
}

paddr_t arch_address(const void *pointer)
{
	return paddr((uintptr_t)pointer - (uintptr_t)memory + HOST_MEMORY_BASE);
}

void arch_zero(void *pointer, size_t bytes)
{
	if (arch_address(pointer).value % 64 != 0 || bytes % 64 != 0)
		panic("zeroing %lu bytes at %lx", bytes, arch_address(pointer).value);
	memset(pointer, 0, bytes);
	host.zeroed += bytes;
}

bool arch_interrupt_pending(void)
{
	if (host.concurrent)
		return __atomic_load_n(&host_hart->arch.interrupts, __ATOMIC_RELAXED) != 0;
	if (host.interrupt_every == 0 || ++host.interrupt_looks < host.interrupt_every)
		return false;
	host.interrupt_looks = 0;
	host.interrupts_seen++;
	return true;
}

uint64_t arch_time(void)
{
	return host.time;
}

void arch_timer_set(uint64_t deadline)
{
	host.timer = deadline;
	host.timer_sets++;
}

void arch_putchar(char c)
{
	if (host.console_length < HOST_CONSOLE_BYTES - 1)
		host.console[host.console_length++] = c;
}

static _Noreturn void stop(enum host_stop how)
{
	if (!host.stop)
		abort();
	longjmp(*host.stop, (int)how);
}

_Noreturn void arch_shutdown(bool failure)
{
	stop(failure ? HOST_POWERED_OFF_FAILURE : HOST_POWERED_OFF);
}

_Noreturn void arch_halt(void)
{
	stop(HOST_HALTED);
}

void arch_idle(void)
{
	host.idles++;
}

struct thread *host_leave_kernel(void)
{
	for (;;) {
		if (host_hart->arch.interrupts) {
			host_hart->arch.interrupts = 0;
			(void)smp_interrupted(host_hart);
		}
		struct thread *thread = sched_leave(host_hart);

		if (!thread) {
			arch_idle();
			return NULL;
		}
		if (!thread->vcpu)
			return thread;
		if (!vcpu_may_enter(thread))
			continue;
		thread->vcpu->arch.entries++;
		if (thread->vcpu->arch.hart != host_hart)
			tag_load_guest(host_hart, space_find(thread->vcpu->gspace.cap.word), thread->vcpu);
		thread->vcpu->arch.hart = host_hart;
		return thread;
	}
}

uint64_t *arch_thread_words(struct thread *thread)
{
	return thread->arch.words;
}

uint64_t arch_thread_extra(const struct thread *thread, unsigned index)
{
	return thread->arch.extra[index];
}

void arch_thread_init(struct thread *thread)
{
	thread->arch.restarted = false;
}

void arch_thread_start_at(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
	memset(thread->arch.words, 0, sizeof(thread->arch.words));
	memset(thread->arch.extra, 0, sizeof(thread->arch.extra));
	thread->arch.pc = pc;
	thread->arch.sp = sp;
	thread->arch.words[0] = argument;
}

/* As on riscv64: x2 is the stack pointer, x5 and x6 the extra inputs, x10 to x17 the message. */
uint64_t arch_thread_register(const struct thread *thread, unsigned index)
{
	if (index == 0)
		return thread->arch.pc;
	if (index == 2)
		return thread->arch.sp;
	if (index == 5 || index == 6)
		return thread->arch.extra[index - 5];
	return index >= 10 && index < 10 + HOST_MESSAGE_REGISTERS ? thread->arch.words[index - 10] : 0;
}

void arch_thread_restart(struct thread *thread)
{
	thread->arch.pc -= SYSCALL_LENGTH;
	thread->arch.restarted = true;
}

void arch_thread_fault_words(const struct thread *thread, uint64_t words[MESSAGE_WORDS])
{
	words[FAULT_CAUSE] = thread->arch.cause;
	words[FAULT_PC] = thread->arch.pc;
	words[FAULT_ADDRESS] = thread->arch.value;
	words[FAULT_SP] = thread->arch.sp;
	words[FAULT_RA] = 0;
}

void arch_switch(struct hart *hart, struct thread *thread)
{
	struct space *space = thread ? space_find(thread->vspace.cap.word) : NULL;

	if (space)
		(void)tag_load(hart, space);
	else if (thread)
		hart->arch.translates[0].root = NULL;
	hart->arch.switched_to = thread;
	hart->arch.switches++;
}

bool arch_switch_short(struct hart *hart, struct thread *thread)
{
	if (thread->arch.slowed)
		return false;
	arch_switch(hart, thread);
	return true;
}

void arch_thread_slow(struct thread *thread)
{
	thread->arch.slowed = true;
}

struct hart *arch_thread_hart(const struct thread *thread)
{
	(void)thread;
	return NULL;
}

void arch_thread_park(struct thread *thread)
{
	thread->arch.parked++;
}

void arch_thread_forget(struct thread *thread)
{
	struct hart *hart = thread->hart;

	thread->arch.forgotten = true;
	if (hart->arch.switched_to == thread)
		hart->arch.switched_to = NULL;
}

unsigned arch_irq_last(void)
{
	return HOST_IRQ_LAST;
}

void arch_irq_enable(unsigned source)
{
	if (source <= HOST_IRQ_LAST)
		host.irq_enabled[source] = true;
}

void arch_irq_disable(unsigned source)
{
	if (source <= HOST_IRQ_LAST)
		host.irq_enabled[source] = false;
}

void arch_irq_complete(unsigned source)
{
	if (source <= HOST_IRQ_LAST)
		host.irq_completed[source]++;
}
