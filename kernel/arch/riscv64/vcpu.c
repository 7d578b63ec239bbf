/* SPDX-License-Identifier: Apache-2.0 */
/* Guest entry and exit, and the guest state that lies in the hart. Privileged spec, chapter "Hypervisor extension". */

#include <abi/vcpu.h>
#include <kernel.h>
#include <shadow.h>
#include <smp.h>
#include <syscall.h>
#include <tag.h>
#include <thread.h>
#include <vcpu.h>

#include "riscv.h"

enum {
	CAUSE_GUEST_WFI = 22,
	INSTRUCTION_WFI = 0x10500073,
	INSTRUCTION_LENGTH = 4,
};

/* What a guest raises by itself and is to handle itself: all synchronous causes of VS and VU but the ecall of VS. */
#define HEDELEG 0xb1fful
#define HIDELEG 0x444ul
#define HVIP_MASK 0x444ul
/* The guest's own timer; and cache-block operations as the machine has them, where invalidate flushes. */
#define HENVCFG_STCE (1ul << 63)
#define HENVCFG_CBO (0xdul << 4)
#define HSTATUS_GUEST (HSTATUS_VSXL64 | HSTATUS_VTW | HSTATUS_HU | HSTATUS_SPV | HSTATUS_SPVP)
#define HSTATUS_TASK (HSTATUS_VSXL64 | HSTATUS_VTW)
/* Bits of vsstatus that a VMM may set: SIE SPIE UBE SPP VS FS XS SUM MXR UXL is fixed. */
#define VSSTATUS_MASK (1ul << 1 | 1ul << 5 | 1ul << 8 | 3ul << 9 | 3ul << 13 | 1ul << 18 | 1ul << 19)

void vcpu_hart_init(struct hart *hart)
{
	hart->arch.guest_sstatus = (csr_read(CSR_SSTATUS) & SSTATUS_UXL) | SSTATUS_FS | SSTATUS_SPIE;
	hart->arch.guest_sstatus_bits = SSTATUS_SPP | SSTATUS_FS;
	hart->arch.guest_hstatus = HSTATUS_GUEST;
	hart->arch.task_hstatus = HSTATUS_TASK | HSTATUS_HU;
	hart->arch.guest_stvec = (uint64_t)trap_entry_guest;
	hart->arch.task_stvec = (uint64_t)trap_entry_task;
	csr_write(CSR_HEDELEG, HEDELEG);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_HIDELEG, HIDELEG);
	csr_write(CSR_HCOUNTEREN, 7);
	csr_write(CSR_HENVCFG, HENVCFG_STCE | HENVCFG_CBO);
	csr_write(CSR_VSTIMECMP, -1ul);
	csr_write(CSR_HSTATUS, HSTATUS_TASK);
}

void fp_give(struct hart *hart, struct fp_state *state)
{
	if (hart->arch.fp_owner == state)
		return;
	csr_set(CSR_SSTATUS, SSTATUS_FS);
	if (hart->arch.fp_owner) {
		fp_save(hart->arch.fp_owner);
		__atomic_store_n(&hart->arch.fp_owner->hart, NULL, __ATOMIC_RELEASE);
	}
	fp_load(state);
	state->hart = hart;
	hart->arch.fp_owner = state;
	hart->task_fp = false;
}

void fp_drop(struct hart *hart, struct fp_state *state)
{
	if (hart->arch.fp_owner != state)
		return;
	hart->arch.fp_owner = NULL;
	hart->task_fp = false;
	state->hart = NULL;
}

void fp_put_away(struct hart *hart, struct fp_state *state)
{
	if (hart->arch.fp_owner != state)
		return;
	csr_set(CSR_SSTATUS, SSTATUS_FS);
	fp_save(state);
	csr_clear(CSR_SSTATUS, SSTATUS_FS);
	fp_drop(hart, state);
}

static void save_csrs(uint64_t *csr)
{
	csr[VCPU_VSSTATUS] = csr_read(CSR_VSSTATUS);
	csr[VCPU_VSIE] = csr_read(CSR_VSIE);
	csr[VCPU_VSTVEC] = csr_read(CSR_VSTVEC);
	csr[VCPU_VSSCRATCH] = csr_read(CSR_VSSCRATCH);
	csr[VCPU_VSEPC] = csr_read(CSR_VSEPC);
	csr[VCPU_VSCAUSE] = csr_read(CSR_VSCAUSE);
	csr[VCPU_VSTVAL] = csr_read(CSR_VSTVAL);
	csr[VCPU_VSATP] = csr_read(CSR_VSATP);
	csr[VCPU_VSTIMECMP] = csr_read(CSR_VSTIMECMP);
	csr[VCPU_SENVCFG] = csr_read(CSR_SENVCFG);
}

static void load_csrs(const uint64_t *csr)
{
	csr_write(CSR_VSSTATUS, csr[VCPU_VSSTATUS]);
	csr_write(CSR_VSIE, csr[VCPU_VSIE]);
	csr_write(CSR_VSTVEC, csr[VCPU_VSTVEC]);
	csr_write(CSR_VSSCRATCH, csr[VCPU_VSSCRATCH]);
	csr_write(CSR_VSEPC, csr[VCPU_VSEPC]);
	csr_write(CSR_VSCAUSE, csr[VCPU_VSCAUSE]);
	csr_write(CSR_VSTVAL, csr[VCPU_VSTVAL]);
	csr_write(CSR_VSATP, csr[VCPU_VSATP]);
	csr_write(CSR_SENVCFG, csr[VCPU_SENVCFG]);
	csr_write(CSR_HTIMEDELTA, csr[VCPU_HTIMEDELTA]);
	csr_write(CSR_VSTIMECMP, csr[VCPU_VSTIMECMP]); /* last: see docs/caveats.md on QEMU 7.2 */
}

void vcpu_unload(struct hart *hart)
{
	struct vcpu *vcpu = hart->arch.live;

	if (!vcpu)
		return;
	save_csrs(vcpu->arch.csr);
	csr_write(CSR_VSTIMECMP, -1ul);
	csr_write(CSR_VSIE, 0);
	csr_clear(CSR_HSTATUS, HSTATUS_HU);
	hart->arch.live = NULL;
	__atomic_store_n(&vcpu->arch.hart, NULL, __ATOMIC_RELEASE);
}

/* Puts the vCPU's state into the hart. Its GSpace must exist. */
void vcpu_load(struct hart *hart, struct vcpu *vcpu)
{
	struct space *space = space_find(vcpu->gspace.cap.word);

	vcpu_unload(hart);
	vcpu->arch.hart = hart;
	hart->arch.live = vcpu;
	/* The walker must not go on with another vCPU's tables in this one's memory: both registers are active in HS-mode. */
	csr_write(CSR_VSATP, 0);
	tag_load_guest(hart, space, vcpu);
	load_csrs(vcpu->arch.csr);
}

/* The guest's trap as hardware would take it into VS-mode; privileged spec, "Trap entry". */
static void raise_trap(struct vcpu_page *page, uint64_t cause, uint64_t value, uint64_t mode)
{
	uint64_t status = csr_read(CSR_VSSTATUS);

	status = (status & ~(SSTATUS_SPP | SSTATUS_SPIE)) | (mode ? SSTATUS_SPP : 0);
	if (status & SSTATUS_SIE)
		status |= SSTATUS_SPIE;
	csr_write(CSR_VSSTATUS, status & ~SSTATUS_SIE);
	csr_write(CSR_VSEPC, page->pc);
	csr_write(CSR_VSCAUSE, cause & 63);
	csr_write(CSR_VSTVAL, value);
	page->pc = csr_read(CSR_VSTVEC) & ~3ul;
	page->mode = 1;
}

void arch_tlb_flush_guest(const struct hart *hart, uint32_t number)
{
	__asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" ::: "memory"); /* hfence.vvma */
	shadow_guest_flushed(hart, number);
}

static void fence_vvma(uint64_t address, uint64_t size)
{
	if (size == 0 || size > 4096)
		__asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" ::: "memory"); /* hfence.vvma */
	else
		__asm__ volatile(".insn r 0x73, 0, 0x11, x0, %0, x0" ::"r"(address) : "memory");
}

/* On a hart that knows a guest by another VMID than the one that asks, where the firmware's fence would miss. */
static void fence_stranger(void *argument)
{
	(void)argument;
	fence_vvma(0, 0);
	tag_distrust_guests(arch_this_hart());
}

static bool fence_strangers(uint32_t strangers)
{
	if (!smp_lock())
		return false;
	for (unsigned i = 0; strangers >> i; i++)
		if (strangers >> i & 1)
			smp_ask(&harts[i], fence_stranger, NULL);
	smp_unlock();
	return true;
}

/* On this hart, and on all others where a CPU of this guest was. False: another hart asks this one first. */
static __attribute__((noinline)) bool fence_guest(struct hart *hart, const struct vcpu *vcpu, const struct vcpu_page *page,
						  uint64_t requests)
{
	const struct space *space = space_find(vcpu->gspace.cap.word);
	uint64_t address = page->fence_address, size = page->fence_size;
	uint32_t strangers;

	if (!space)
		return true;
	uint32_t others = tag_others_like(hart, space, &strangers);

	if (requests & VCPU_REQUEST_FENCE_I) {
		__asm__ volatile("fence.i" ::: "memory");
		if (others | strangers)
			remote_fence(REMOTE_FENCE_I, others | strangers, 0, 0, 0);
	}
	if (requests & VCPU_REQUEST_FENCE_VVMA) {
		fence_vvma(address, size);
		/* Without a size: all. The firmware takes the VMID from this hart's hgatp. */
		if (others)
			remote_fence(REMOTE_HFENCE_VVMA, others, size ? address : 0, size ? size : UINT64_MAX, 0);
		if (strangers)
			return fence_strangers(strangers);
	}
	return true;
}

/* The VMM's requests. False: the guest is to wait, and does not enter now. */
static bool carry_out(struct thread *thread, struct vcpu_page *page)
{
	uint64_t requests = page->requests;

	page->requests = 0;
	if (requests & VCPU_REQUEST_TIMER)
		csr_write(CSR_VSTIMECMP, page->timer);
	/* If it has to wait, all is done once more later: nothing here has an effect that counts twice. */
	if (requests & (VCPU_REQUEST_FENCE_I | VCPU_REQUEST_FENCE_VVMA) &&
	    !fence_guest(thread->arch.hart, thread->vcpu, page, requests)) {
		/* Once that has its answer, nothing here may be touched: all of it may be gone. */
		page->requests = requests;
		handle_interrupt(arch_this_hart(), IRQ_SOFT);
		return false;
	}
	if (requests & VCPU_REQUEST_TRAP)
		raise_trap(page, page->trap_cause, page->trap_value, page->mode & 1);
	if (requests & VCPU_REQUEST_WAIT) {
		csr_write(CSR_HVIP, page->hvip & HVIP_MASK);
		vcpu_idle(thread);
		return thread->state == THREAD_READY;
	}
	return true;
}

/* The last step: all that is not in the hart yet. The page's values count only here. */
static inline __attribute__((always_inline)) _Noreturn void enter(const struct hart *hart, struct vcpu *vcpu,
								    struct vcpu_page *page)
{
	csr_write(CSR_HVIP, page->hvip & HVIP_MASK);
	csr_write(CSR_SCOUNTEREN, vcpu->arch.csr[VCPU_SCOUNTEREN]);
	csr_write(CSR_SSTATUS, hart->arch.guest_sstatus | (page->mode & 1) * SSTATUS_SPP);
	csr_write(CSR_HSTATUS, hart->arch.guest_hstatus);
	csr_write(CSR_STVEC, hart->arch.guest_stvec);
	csr_write(CSR_SEPC, page->pc);
	enter_guest(vcpu, page);
}

_Noreturn void vcpu_enter(struct hart *hart, struct thread *thread)
{
	struct vcpu *vcpu = thread->vcpu;
	struct vcpu_page *page = vcpu->page;

	if (hart->arch.live != vcpu)
		vcpu_load(hart, vcpu);
	if (vcpu->arch.vmm != thread) {
		/* Another hart may be doing the same to the other ends of these. */
		if (vcpu->arch.vmm)
			(void)word_swap(&vcpu->arch.vmm->arch.guest, vcpu, NULL);
		if (thread->arch.guest && thread->arch.guest != vcpu)
			(void)word_swap(&thread->arch.guest->arch.vmm, thread, NULL);
		thread->arch.guest = vcpu;
		vcpu->arch.vmm = thread;
	}
	if (page->requests && !carry_out(thread, page))
		leave_kernel(hart);
	fp_give(hart, &vcpu->arch.fp);
	vcpu->arch.page = page;
	enter(hart, vcpu, page);
}

_Noreturn void enter_after_requests(struct hart *hart, struct vcpu *vcpu, struct vcpu_page *page)
{
	if (!carry_out(vcpu->thread, page))
		leave_kernel(hart);
	enter(hart, vcpu, page);
}

/* Did the guest execute WFI? QEMU 7.2 gives the previous instruction in stval, so the instruction itself is read. */
static bool is_wfi(uint64_t pc)
{
	return guest_fetch16(pc) == (INSTRUCTION_WFI & 0xffff) && guest_fetch16(pc + 2) == INSTRUCTION_WFI >> 16;
}

/* Back in the kernel: the hart's registers that differ between guest and task. */
static inline void end_guest_mode(const struct hart *hart, struct vcpu *vcpu, struct vcpu_page *page)
{
	uint64_t mode = csr_read(CSR_SSTATUS) / SSTATUS_SPP & 1;

	page->mode = mode;
	page->hvip = csr_read(CSR_HVIP);
	csr_clear(CSR_SSTATUS, SSTATUS_SPP | SSTATUS_FS);
	csr_write(CSR_HSTATUS, hart->arch.task_hstatus | mode * HSTATUS_SPVP);
	csr_write(CSR_STVEC, hart->arch.task_stvec);
	vcpu->arch.csr[VCPU_SCOUNTEREN] = csr_swap(CSR_SCOUNTEREN, 7);
}

/* The guest rang a doorbell that somebody waits for, and is to go on behind its store. */
_Noreturn void trap_bell(struct vcpu *vcpu, struct vcpu_page *page)
{
	struct hart *hart = vcpu->arch.hart;

	end_guest_mode(hart, vcpu, page);
	wake_and_leave(vcpu->arch.rung, hart);
}

static __attribute__((noinline)) _Noreturn void interrupted(struct hart *hart, uint64_t cause)
{
	handle_interrupt(hart, cause);
	leave_kernel(hart);
}

static __attribute__((noinline)) _Noreturn void virtual_instruction(struct thread *thread, struct vcpu_page *page)
{
	/* In VU-mode it is the VMM's business: the guest has to see an illegal instruction. */
	if (page->mode & 1 && is_wfi(page->pc)) {
		page->pc += INSTRUCTION_LENGTH;
		vcpu_idle(thread);
		leave_kernel(thread->arch.hart);
	}
	vcpu_leave(thread);
	return_from_guest(thread, ERR_OK, CAUSE_GUEST_WFI, INSTRUCTION_WFI, 0, 0, 0);
}

_Noreturn void trap_guest(struct vcpu *vcpu, struct vcpu_page *page, uint64_t cause)
{
	struct hart *hart = vcpu->arch.hart;

	uint64_t value = csr_read(CSR_STVAL);

	end_guest_mode(hart, vcpu, page);
	if (cause & CAUSE_INTERRUPT)
		interrupted(hart, cause);
	if (cause == CAUSE_GUEST_WFI && value == INSTRUCTION_WFI)
		virtual_instruction(vcpu->thread, page);
	uint64_t address = csr_read(CSR_HTVAL) << 2 | (value & 3);
	uint64_t instruction = csr_read(CSR_HTINST);
	struct thread *thread = vcpu->thread;

	vcpu_leave(thread);
	return_from_guest(thread, ERR_OK, cause, value, address, instruction, 0);
}

void arch_vcpu_init(struct vcpu *vcpu)
{
	vcpu->arch.csr[VCPU_VSTIMECMP] = -1ul;
	vcpu->arch.csr[VCPU_VSSTATUS] = 2ul << 32; /* UXL: 64 bit */
	vcpu->arch.csr[VCPU_SCOUNTEREN] = 7; /* as firmware leaves it; Linux relies on it */
}

struct hart *arch_vcpu_hart(const struct vcpu *vcpu)
{
	struct hart *hart = __atomic_load_n(&vcpu->arch.hart, __ATOMIC_ACQUIRE);

	return hart ? hart : __atomic_load_n(&vcpu->arch.fp.hart, __ATOMIC_ACQUIRE);
}

void arch_vcpu_put_away(struct vcpu *vcpu)
{
	struct hart *hart = arch_this_hart();

	if (vcpu->arch.hart == hart)
		vcpu_unload(hart);
	fp_put_away(hart, &vcpu->arch.fp);
}

void arch_vcpu_forget(struct vcpu *vcpu)
{
	struct hart *hart = arch_this_hart();

	if (vcpu->arch.hart == hart)
		vcpu_unload(hart);
	fp_drop(hart, &vcpu->arch.fp);
	if (vcpu->arch.vmm)
		vcpu->arch.vmm->arch.guest = NULL;
	vcpu->arch.vmm = NULL;
}

enum err arch_vcpu_read(struct vcpu *vcpu, uint64_t number, uint64_t *value)
{
	if (number >= VCPU_REGISTERS)
		return ERR_RANGE;
	if (vcpu->arch.hart)
		vcpu_unload(vcpu->arch.hart);
	*value = vcpu->arch.csr[number];
	return ERR_OK;
}

enum err arch_vcpu_write(struct vcpu *vcpu, uint64_t number, uint64_t value)
{
	uint64_t mode = value >> 60;

	if (number >= VCPU_REGISTERS)
		return ERR_RANGE;
	/* Other modes of vsatp are reserved; QEMU 7.2 takes them and aborts (privileged specification, table "satp.MODE"). */
	if (number == VCPU_VSATP && mode != 0 && (mode < 8 || mode > 10))
		return ERR_RANGE;
	if (vcpu->arch.hart)
		vcpu_unload(vcpu->arch.hart);
	if (number == VCPU_VSSTATUS)
		value = (value & VSSTATUS_MASK) | 2ul << 32;
	vcpu->arch.csr[number] = value;
	return ERR_OK;
}

uint64_t arch_vcpu_deadline(struct vcpu *vcpu)
{
	bool live = vcpu->arch.hart;
	uint64_t timer = live ? csr_read(CSR_VSTIMECMP) : vcpu->arch.csr[VCPU_VSTIMECMP];
	uint64_t enabled = live ? csr_read(CSR_VSIE) : vcpu->arch.csr[VCPU_VSIE];
	uint64_t now = arch_time(), guest_now = now + vcpu->arch.csr[VCPU_HTIMEDELTA];

	if (!(enabled & 1ul << IRQ_TIMER) || timer == UINT64_MAX)
		return DEADLINE_NEVER;
	if (timer <= guest_now)
		return now;
	uint64_t wait = timer - guest_now;

	return wait < DEADLINE_NEVER - now ? now + wait : DEADLINE_NEVER;
}

bool arch_vcpu_interrupt_pending(struct vcpu *vcpu)
{
	uint64_t enabled = vcpu->arch.hart ? csr_read(CSR_VSIE) : vcpu->arch.csr[VCPU_VSIE];

	/* vsie has the bits one below hvip: SSIE 1, STIE 5, SEIE 9. */
	return ((vcpu->page->hvip >> 1) & enabled) != 0;
}
