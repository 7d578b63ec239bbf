/* SPDX-License-Identifier: Apache-2.0 */
/* SBI calls (RISC-V Supervisor Binary Interface specification 2.0). */
#include "console.h"
#include "machine.h"
#include "sbi.h"
#include "vmm.h"

enum sbi_error {
	SBI_SUCCESS = 0,
	SBI_FAILED = -1,
	SBI_NOT_SUPPORTED = -2,
	SBI_INVALID_PARAM = -3,
	SBI_INVALID_ADDRESS = -5,
	SBI_ALREADY_AVAILABLE = -6,
};

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

#define SUSPEND_RETENTIVE 0u
#define SUSPEND_NON_RETENTIVE 0x80000000u
#define SUSPEND_PLATFORM 0x70000000u       /* any of these bits: a type of the platform, else reserved */
#define RESET_VENDOR 0xf0000000u           /* types from here on */
#define REASON_IMPLEMENTATION 0xe0000000u  /* reasons from here on */

struct sbi_answer {
	long error; /* enum sbi_error */
	uint64_t value;
};

static struct sbi_answer answer(long error, uint64_t value)
{
	return (struct sbi_answer){ .error = error, .value = value };
}

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
		return answer(SBI_SUCCESS, SBI_VERSION);
	case 1:
		return answer(SBI_SUCCESS, SBI_IMPLEMENTATION);
	case 2:
		return answer(SBI_SUCCESS, SBI_IMPLEMENTATION_VERSION);
	case 3:
		return answer(SBI_SUCCESS, extension_known(argument));
	case 4: /* mvendorid, marchid, mimpid: 0 means unknown, so that no errata of the real hart are applied */
	case 5:
	case 6:
		return answer(SBI_SUCCESS, 0);
	default:
		return answer(SBI_NOT_SUPPORTED, 0);
	}
}

static void set_timer(struct vcpu_page *page, uint64_t time)
{
	page->timer = time;
	page->hvip &= ~(uint64_t)VCPU_IRQ_TIMER;
	page->requests |= VCPU_REQUEST_TIMER;
}

/* The harts that mask and base name, as bits; false: one of them does not exist (section "Hart list parameter"). */
static bool harts_of(uint64_t mask, uint64_t base, uint64_t *harts)
{
	const uint64_t all = ((uint64_t)1 << MACHINE_HARTS) - 1;

	if (base == HART_MASK_ALL) {
		*harts = all;
		return true;
	}
	if (base >= MACHINE_HARTS || (mask & ~(all >> base)))
		return false;
	*harts = mask << base;
	return true;
}

static struct sbi_answer call_ipi(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	uint64_t harts;

	if (function != 0)
		return answer(SBI_NOT_SUPPORTED, 0);
	if (!harts_of(argument[0], argument[1], &harts))
		return answer(SBI_INVALID_PARAM, 0);
	if (harts >> vcpu->hart & 1)
		vcpu->page->hvip |= VCPU_IRQ_SOFTWARE;
	return answer(SBI_SUCCESS, 0);
}

static void fence_vvma(struct vcpu_page *page, uint64_t address, uint64_t size)
{
	page->fence_address = address;
	page->fence_size = size;
	page->requests |= VCPU_REQUEST_FENCE_VVMA;
}

static struct sbi_answer call_rfence(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	uint64_t harts, size = argument[3];

	if (function > 2) /* hfence: the guest has no hypervisor extension */
		return answer(SBI_NOT_SUPPORTED, 0);
	if (!harts_of(argument[0], argument[1], &harts))
		return answer(SBI_INVALID_PARAM, 0);
	if (function != 0 && size != UINT64_MAX && argument[2] + size < argument[2])
		return answer(SBI_INVALID_ADDRESS, 0);
	if (!(harts >> vcpu->hart & 1))
		return answer(SBI_SUCCESS, 0);
	if (function == 0)
		vcpu->page->requests |= VCPU_REQUEST_FENCE_I;
	else /* one address space or all: flushing all of them is allowed */
		fence_vvma(vcpu->page, argument[2], size);
	return answer(SBI_SUCCESS, 0);
}

/* With one hart, stopping it is the end of the machine. */
static struct sbi_answer call_hsm(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	struct vcpu_page *page = vcpu->page;
	uint32_t type = (uint32_t)argument[0];
	uint64_t opaque;

	switch (function) {
	case 0:
		return answer(argument[0] < MACHINE_HARTS ? SBI_ALREADY_AVAILABLE : SBI_INVALID_PARAM, 0);
	case 1:
		vmm_poweroff();
		return answer(SBI_FAILED, 0);
	case 2:
		return answer(argument[0] < MACHINE_HARTS ? SBI_SUCCESS : SBI_INVALID_PARAM, 0);
	case 3:
		if (type == SUSPEND_RETENTIVE) {
			page->requests |= VCPU_REQUEST_WAIT;
			return answer(SBI_SUCCESS, 0);
		}
		if (type != SUSPEND_NON_RETENTIVE)
			return answer(type & SUSPEND_PLATFORM ? SBI_NOT_SUPPORTED : SBI_INVALID_PARAM, 0);
		if (!memory_at(vcpu->memory, argument[1], 4) || (argument[1] & 1))
			return answer(SBI_INVALID_ADDRESS, 0);
		opaque = argument[2];
		vcpu_reset(vcpu, argument[1] - 4, vcpu->hart, opaque); /* the caller adds the length of ecall */
		page->requests |= VCPU_REQUEST_WAIT;
		return answer((long)vcpu->hart, opaque); /* a0 and a1 of the new start */
	default:
		return answer(SBI_NOT_SUPPORTED, 0);
	}
}

static struct sbi_answer call_srst(uint64_t function, const uint64_t *argument)
{
	uint32_t type = (uint32_t)argument[0];
	uint32_t reason = (uint32_t)argument[1];

	if (function != 0 || (type > 2 && type >= RESET_VENDOR))
		return answer(SBI_NOT_SUPPORTED, 0);
	if (type > 2 || (reason > 1 && reason < REASON_IMPLEMENTATION))
		return answer(SBI_INVALID_PARAM, 0);
	if (reason == 1)
		vmm_crash(VMM_CRASH_GUEST);
	else if (type == 0)
		vmm_poweroff();
	else
		vmm_reboot();
	return answer(SBI_FAILED, 0);
}

static struct sbi_answer call_dbcn(struct vcpu *vcpu, uint64_t function, const uint64_t *argument)
{
	uint64_t length = argument[0];
	uint8_t byte = (uint8_t)argument[0];
	void *data;

	if (function == 2) {
		console_write(&byte, 1);
		return answer(SBI_SUCCESS, 0);
	}
	if (function > 2)
		return answer(SBI_NOT_SUPPORTED, 0);
	if (length == 0)
		return answer(SBI_SUCCESS, 0);
	data = argument[2] ? NULL : memory_at(vcpu->memory, argument[1], length);
	if (!data)
		return answer(SBI_INVALID_PARAM, 0);
	if (length > DBCN_MAX)
		length = DBCN_MAX;
	if (function == 1)
		return answer(SBI_SUCCESS, console_read(data, length));
	console_write(data, length);
	return answer(SBI_SUCCESS, length);
}

/* Legacy calls answer in a0 alone. Their hart masks are in guest memory: fencing every hart is always right. */
static __attribute__((noinline)) long call_legacy(struct vcpu *vcpu, uint64_t extension)
{
	struct vcpu_page *page = vcpu->page;
	uint8_t byte = (uint8_t)page->gpr[REG_A0];

	switch (extension) {
	case EXT_SET_TIMER:
		set_timer(page, page->gpr[REG_A0]);
		return SBI_SUCCESS;
	case EXT_PUTCHAR:
		console_put(byte);
		return SBI_SUCCESS;
	case EXT_GETCHAR:
		console_flush();
		return console_read(&byte, 1) == 1 ? byte : SBI_FAILED;
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
		vmm_poweroff();
		return SBI_FAILED;
	default:
		return SBI_NOT_SUPPORTED;
	}
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
		result = answer(function == 0 ? SBI_SUCCESS : SBI_NOT_SUPPORTED, 0);
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
		result = call_hsm(vcpu, function, argument);
		break;
	case EXT_SRST:
		result = call_srst(function, argument);
		break;
	case EXT_DBCN:
		result = call_dbcn(vcpu, function, argument);
		break;
	default:
		result = answer(SBI_NOT_SUPPORTED, 0);
		break;
	}
	page->gpr[REG_A0] = (uint64_t)result.error;
	page->gpr[REG_A1] = result.value;
	page->pc += 4;
}
