/* SPDX-License-Identifier: Apache-2.0 */
/* SBI calls (RISC-V Supervisor Binary Interface specification 2.0). */
#include "console.h"
#include "hsm.h"
#include "sbi.h"
#include "vmm.h"

enum {
	EXT_SET_TIMER = 0, /* legacy calls */
	EXT_PUTCHAR = 1,
	EXT_GETCHAR = 2,
	EXT_CLEAR_IPI = 3,
	EXT_FENCE_I = 5,
	EXT_SFENCE_VMA = 6,
	EXT_SFENCE_VMA_ASID = 7,
	EXT_SHUTDOWN = 8,
	EXT_BASE = 0x10,
	EXT_TIME = 0x54494d45,
	EXT_IPI = 0x735049,
	EXT_RFENCE = 0x52464e43,
	EXT_HSM = 0x48534d,
	EXT_SRST = 0x53525354,
	EXT_DBCN = 0x4442434e,
};

#define SBI_VERSION 0x02000000u      /* 2.0 */
#define SBI_IMPLEMENTATION 0x5345u   /* no registered number */
#define SBI_IMPLEMENTATION_VERSION 1u

#define DBCN_MAX (CONSOLE_OUTPUT_SIZE / 2) /* bytes of one call; the specification allows a part */
#define HART_MASK_ALL UINT64_MAX           /* hart_mask_base */

#define RESET_VENDOR 0xf0000000u           /* types from here on */
#define REASON_IMPLEMENTATION 0xe0000000u  /* reasons from here on */

static bool extension_known(uint64_t extension)
{
	switch (extension) {
	case EXT_SET_TIMER:
	case EXT_PUTCHAR:
	case EXT_GETCHAR:
	case EXT_CLEAR_IPI:
	case EXT_FENCE_I:
	case EXT_SFENCE_VMA:
	case EXT_SFENCE_VMA_ASID:
	case EXT_SHUTDOWN:
	case EXT_BASE:
	case EXT_TIME:
	case EXT_IPI:
	case EXT_RFENCE:
	case EXT_HSM:
	case EXT_SRST:
	case EXT_DBCN:
		return true;
	default:
		return false;
	}
}

static struct sbi_answer call_base(uint64_t function, uint64_t argument)
{
	switch (function) {
	case 0:
		return sbi_answer(SBI_SUCCESS, SBI_VERSION);
	case 1:
		return sbi_answer(SBI_SUCCESS, SBI_IMPLEMENTATION);
	case 2:
		return sbi_answer(SBI_SUCCESS, SBI_IMPLEMENTATION_VERSION);
	case 3:
		return sbi_answer(SBI_SUCCESS, extension_known(argument));
	case 4: /* mvendorid, marchid, mimpid: 0 means unknown, so that no errata of the real hart are applied */
	case 5:
	case 6:
		return sbi_answer(SBI_SUCCESS, 0);
	default:
		return sbi_answer(SBI_NOT_SUPPORTED, 0);
	}
}

static void set_timer(struct vcpu_page *page, uint64_t time)
{
	page->timer = time;
	page->hvip &= ~(uint64_t)VCPU_IRQ_TIMER;
	page->requests |= VCPU_REQUEST_TIMER;
}

/* The harts that mask and base name, as bits; false: one of them does not exist (section "Hart list parameter"). */
static bool harts_of(const struct vcpu *vcpu, uint64_t mask, uint64_t base, uint64_t *harts)
{
	uint32_t count = vcpu->harts->count;
	uint64_t all = ((uint64_t)1 << count) - 1;

	if (base == HART_MASK_ALL) {
		*harts = all;
		return true;
	}
	if (base >= count || (mask & ~(all >> base)))
		return false;
	*harts = mask << base;
	return true;
}

static __attribute__((noinline)) void send_ipis(struct vcpu *vcpu, uint64_t harts)
{
	for (struct vcpu *to = vcpu->harts->vcpu; harts; harts >>= 1, to++) {
		if ((harts & 1) && __atomic_load_n(&to->state, __ATOMIC_RELAXED) != HART_STOPPED)
			harts_send(vcpu, to, VCPU_IRQ_SOFTWARE);
	}
}

static struct sbi_answer call_ipi(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	uint64_t harts;

	if (function != 0)
		return sbi_answer(SBI_NOT_SUPPORTED, 0);
	if (!harts_of(vcpu, argument[0], argument[1], &harts))
		return sbi_answer(SBI_INVALID_PARAM, 0);
	if (harts == (uint64_t)1 << vcpu->hart)
		vcpu->page->hvip |= VCPU_IRQ_SOFTWARE;
	else
		send_ipis(vcpu, harts);
	return sbi_answer(SBI_SUCCESS, 0);
}

static void fence_vvma(struct vcpu_page *page, uint64_t address, uint64_t size)
{
	page->fence_address = address;
	page->fence_size = size;
	page->requests |= VCPU_REQUEST_FENCE_VVMA;
}

/* The kernel fences every hart that may hold translations of the guest, so one request covers any set of vCPUs. */
static struct sbi_answer call_rfence(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	uint64_t harts, size = argument[3];

	if (function > 2) /* hfence: the guest has no hypervisor extension */
		return sbi_answer(SBI_NOT_SUPPORTED, 0);
	if (!harts_of(vcpu, argument[0], argument[1], &harts))
		return sbi_answer(SBI_INVALID_PARAM, 0);
	if (function != 0 && size != UINT64_MAX && argument[2] + size < argument[2])
		return sbi_answer(SBI_INVALID_ADDRESS, 0);
	if (!harts)
		return sbi_answer(SBI_SUCCESS, 0);
	if (function == 0)
		vcpu->page->requests |= VCPU_REQUEST_FENCE_I;
	else /* one address space or all: flushing all of them is allowed */
		fence_vvma(vcpu->page, argument[2], size);
	return sbi_answer(SBI_SUCCESS, 0);
}

static struct sbi_answer call_srst(uint64_t function, const uint64_t *argument)
{
	uint32_t type = (uint32_t)argument[0];
	uint32_t reason = (uint32_t)argument[1];

	if (function != 0 || (type > 2 && type >= RESET_VENDOR))
		return sbi_answer(SBI_NOT_SUPPORTED, 0);
	if (type > 2 || (reason > 1 && reason < REASON_IMPLEMENTATION))
		return sbi_answer(SBI_INVALID_PARAM, 0);
	if (reason == 1)
		vmm_crash(VMM_CRASH_GUEST);
	else if (type == 0)
		vmm_poweroff();
	else
		vmm_reboot();
	return sbi_answer(SBI_FAILED, 0);
}

static struct sbi_answer call_dbcn(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	uint64_t length = argument[0];
	uint8_t byte = (uint8_t)argument[0];
	void *data;

	if (function == 2) {
		console_write(&byte, 1);
		return sbi_answer(SBI_SUCCESS, 0);
	}
	if (function > 2)
		return sbi_answer(SBI_NOT_SUPPORTED, 0);
	if (length == 0)
		return sbi_answer(SBI_SUCCESS, 0);
	data = argument[2] ? NULL : memory_at(vcpu->memory, argument[1], length);
	if (!data)
		return sbi_answer(SBI_INVALID_PARAM, 0);
	if (length > DBCN_MAX)
		length = DBCN_MAX;
	if (function == 1)
		return sbi_answer(SBI_SUCCESS, console_read(data, length));
	console_write(data, length);
	return sbi_answer(SBI_SUCCESS, length);
}

static long legacy_console(uint64_t extension, uint8_t byte)
{
	if (extension == EXT_PUTCHAR) {
		console_put(byte);
		return SBI_SUCCESS;
	}
	console_flush();
	return console_read(&byte, 1) == 1 ? byte : SBI_FAILED;
}

/* Legacy calls answer in a0 alone. Their hart masks are in guest memory: fencing every hart is always right. */
static __attribute__((noinline)) long call_legacy(struct vcpu *vcpu, uint64_t extension)
{
	struct vcpu_page *page = vcpu->page;
	long result;

	switch (extension) {
	case EXT_SET_TIMER:
		set_timer(page, page->gpr[REG_A0]);
		return SBI_SUCCESS;
	case EXT_PUTCHAR:
	case EXT_GETCHAR:
		harts_lock(vcpu);
		result = legacy_console(extension, (uint8_t)page->gpr[REG_A0]);
		harts_unlock(vcpu);
		return result;
	case EXT_CLEAR_IPI:
		page->hvip &= ~(uint64_t)VCPU_IRQ_SOFTWARE;
		return SBI_SUCCESS;
	case EXT_FENCE_I:
		page->requests |= VCPU_REQUEST_FENCE_I;
		return SBI_SUCCESS;
	case EXT_SFENCE_VMA:
	case EXT_SFENCE_VMA_ASID:
		fence_vvma(page, 0, 0);
		return SBI_SUCCESS;
	case EXT_SHUTDOWN:
		harts_lock(vcpu);
		vmm_poweroff();
		harts_unlock(vcpu);
		return SBI_FAILED;
	default:
		return SBI_NOT_SUPPORTED;
	}
}

static inline void finish(struct vcpu_page *page, struct sbi_answer result)
{
	page->gpr[REG_A0] = (uint64_t)result.error;
	page->gpr[REG_A1] = result.value;
	page->pc += 4;
}

static __attribute__((noinline)) void call_hsm(struct vcpu *vcpu, uint64_t function)
{
	struct sbi_answer result;

	if (hsm_call(vcpu, function, &vcpu->page->gpr[REG_A0], &result))
		finish(vcpu->page, result);
}

/* The calls that need what all vCPUs share. */
static __attribute__((noinline)) struct sbi_answer call_locked(struct vcpu *vcpu, uint64_t extension, uint64_t function,
							       const uint64_t *argument)
{
	struct sbi_answer result;

	harts_lock(vcpu);
	if (extension == EXT_DBCN)
		result = call_dbcn(vcpu, function, argument);
	else
		result = call_srst(function, argument);
	harts_unlock(vcpu);
	return result;
}

__attribute__((hot)) void sbi_handle(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	const uint64_t *argument = &page->gpr[REG_A0];
	uint64_t function = page->gpr[REG_A6];
	uint64_t extension = page->gpr[REG_A7];
	struct sbi_answer result;

	if (extension < EXT_BASE) {
		page->gpr[REG_A0] = (uint64_t)call_legacy(vcpu, extension);
		page->pc += 4;
		return;
	}
	switch (extension) {
	case EXT_TIME:
		if (function == 0)
			set_timer(page, argument[0]);
		result = sbi_answer(function == 0 ? SBI_SUCCESS : SBI_NOT_SUPPORTED, 0);
		break;
	case EXT_BASE:
		result = call_base(function, argument[0]);
		break;
	case EXT_IPI:
		result = call_ipi(vcpu, function, argument);
		break;
	case EXT_RFENCE:
		result = call_rfence(vcpu, function, argument);
		break;
	case EXT_HSM:
		call_hsm(vcpu, function);
		return;
	case EXT_SRST:
	case EXT_DBCN:
		result = call_locked(vcpu, extension, function, argument);
		break;
	default:
		result = sbi_answer(SBI_NOT_SUPPORTED, 0);
		break;
	}
	finish(page, result);
}
