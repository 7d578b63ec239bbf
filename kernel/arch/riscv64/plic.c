/* SPDX-License-Identifier: Apache-2.0 */
/* The platform-level interrupt controller. RISC-V PLIC specification 1.0. */

#include <abi/handover.h>
#include <irq.h>

#include "riscv.h"

#define PRIORITY 0x0u
#define ENABLE 0x2000u
#define ENABLE_STRIDE 0x80u
#define CONTEXT 0x200000u
#define CONTEXT_STRIDE 0x1000u
#define CLAIM 4u

static uintptr_t plic_base;
static uint32_t plic_sources, plic_context;

static volatile uint32_t *plic_register(uint64_t offset)
{
	return (volatile uint32_t *)(plic_base + offset);
}

static volatile uint32_t *enable_word(unsigned source)
{
	return plic_register(ENABLE + ENABLE_STRIDE * plic_context + source / 32 * 4);
}

static volatile uint32_t *claim_register(void)
{
	return plic_register(CONTEXT + CONTEXT_STRIDE * plic_context + CLAIM);
}

void plic_init(uint64_t base, uint32_t sources, uint32_t context)
{
	plic_base = (uintptr_t)arch_pointer(paddr(base));
	plic_sources = sources;
	plic_context = context;
	for (unsigned source = 1; source <= sources; source++) {
		*plic_register(PRIORITY + 4 * source) = 1;
		arch_irq_disable(source);
	}
	*plic_register(CONTEXT + CONTEXT_STRIDE * context) = 0; /* threshold */
}

void plic_deliver(struct hart *hart)
{
	(void)hart;
	uint32_t source = *claim_register();

	if (source != 0)
		irq_deliver(source);
}

unsigned arch_irq_last(void)
{
	return plic_sources;
}

void arch_irq_enable(unsigned source)
{
	*enable_word(source) |= UINT32_C(1) << source % 32;
}

void arch_irq_disable(unsigned source)
{
	*enable_word(source) &= ~(UINT32_C(1) << source % 32);
}

void arch_irq_complete(unsigned source)
{
	/* Completion of a source that is not enabled is ignored by the hardware. */
	bool enabled = *enable_word(source) >> source % 32 & 1;

	if (!enabled)
		arch_irq_enable(source);
	*claim_register() = source;
	if (!enabled)
		arch_irq_disable(source);
}
