/* SPDX-License-Identifier: Apache-2.0 */
/* PLIC. A source is pending while its input is high and it is not claimed: that is all the state a level input has. */
#include <libsys/bits.h>
#include "plic.h"

#define PRIORITY_MASK 7u

enum {
	PRIORITY_END = PLIC_SOURCES * 4,
	PENDING_BASE = 0x1000,
	ENABLE_BASE = 0x2000,
	ENABLE_STRIDE = 0x80, /* so that all are in one page */
	CONTEXT_BASE = 0x200000,
	CONTEXT_STRIDE = 0x1000,
	CONTEXT_THRESHOLD = 0,
	CONTEXT_CLAIM = 4,
};

static inline uint64_t pending(const struct plic *plic)
{
	return plic->level & ~plic->active;
}

/* The pending and enabled source with the highest priority above `threshold`, lowest number first; 0 if there is none. */
static unsigned best_source(const struct plic *plic, const struct plic_context *context, uint32_t threshold)
{
	uint64_t sources = pending(plic) & context->enable;
	unsigned best = 0;

	while (sources) {
		unsigned source = lowest_bit(sources);

		sources &= sources - 1;
		if (plic->priority[source] > threshold) {
			threshold = plic->priority[source];
			best = source;
		}
	}
	return best;
}

static void update_context(const struct plic *plic, struct plic_context *context)
{
	bool level;

	if (!context->output)
		return;
	level = best_source(plic, context, context->threshold) != 0;
	if (level == context->signalled)
		return;
	context->signalled = level;
	context->output(context->to, level);
}

static void update(struct plic *plic)
{
	for (unsigned i = 0; i < plic->contexts; i++)
		update_context(plic, &plic->context[i]);
}

enum err plic_add_context(struct plic *plic, plic_output_t output, void *to)
{
	if (plic->contexts == PLIC_CONTEXTS)
		return ERR_LIMIT;
	plic->context[plic->contexts++] = (struct plic_context){ .output = output, .to = to };
	return ERR_OK;
}

void plic_set_input(struct plic *plic, unsigned source, bool level)
{
	uint64_t bit = (uint64_t)1 << source;

	if (!(plic->level & bit) == !level)
		return;
	plic->level ^= bit;
	update(plic);
}

/* Claims take no notice of the threshold (specification, "Interrupt Claims"). */
static uint32_t claim(struct plic *plic, struct plic_context *context)
{
	unsigned source = best_source(plic, context, 0);

	if (source) {
		plic->active |= (uint64_t)1 << source;
		if (plic->watch)
			plic->watch(plic->watcher, source, true);
		update(plic);
	}
	return source;
}

static void complete(struct plic *plic, const struct plic_context *context, uint32_t source)
{
	if (source >= PLIC_SOURCES || !(context->enable >> source & 1) || !plic_claimed(plic, source))
		return;
	plic->active &= ~((uint64_t)1 << source);
	if (plic->watch)
		plic->watch(plic->watcher, source, false);
	update(plic);
}

static uint32_t half(uint64_t word, uint64_t offset)
{
	return offset == 0 ? (uint32_t)word : offset == 4 ? (uint32_t)(word >> 32) : 0;
}

static uint32_t plic_read(struct plic *plic, uint64_t offset)
{
	uint64_t index;

	if (offset >= CONTEXT_BASE) {
		index = (offset - CONTEXT_BASE) / CONTEXT_STRIDE;
		if (index >= plic->contexts)
			return 0;
		if (offset % CONTEXT_STRIDE == CONTEXT_CLAIM)
			return claim(plic, &plic->context[index]);
		return offset % CONTEXT_STRIDE == CONTEXT_THRESHOLD ? plic->context[index].threshold : 0;
	}
	if (offset < PRIORITY_END)
		return plic->priority[offset / 4];
	if (offset >= ENABLE_BASE) {
		index = (offset - ENABLE_BASE) / ENABLE_STRIDE;
		return index < plic->contexts ? half(plic->context[index].enable, offset % ENABLE_STRIDE) : 0;
	}
	if (offset >= PENDING_BASE)
		return half(pending(plic), offset - PENDING_BASE);
	return 0;
}

static void write_enable(struct plic_context *context, uint64_t offset, uint32_t value)
{
	if (offset == 0)
		context->enable = (context->enable & ~(uint64_t)UINT32_MAX) | (value & ~1u);
	else if (offset == 4)
		context->enable = (context->enable & UINT32_MAX) | (uint64_t)value << 32;
}

/* Other vCPUs may read it at any time. */
static void show_enable(struct plic *plic, uint64_t index)
{
	uint32_t *word;

	if (!plic->shown)
		return;
	word = plic->shown + index * ENABLE_STRIDE / sizeof(*word);
	__atomic_store_n(&word[0], (uint32_t)plic->context[index].enable, __ATOMIC_RELAXED);
	__atomic_store_n(&word[1], (uint32_t)(plic->context[index].enable >> 32), __ATOMIC_RELAXED);
}

static void plic_write(struct plic *plic, uint64_t offset, uint32_t value)
{
	struct plic_context *context;
	uint64_t index;

	if (offset >= CONTEXT_BASE) {
		index = (offset - CONTEXT_BASE) / CONTEXT_STRIDE;
		if (index >= plic->contexts)
			return;
		context = &plic->context[index];
		if (offset % CONTEXT_STRIDE == CONTEXT_CLAIM) {
			complete(plic, context, value);
		} else if (offset % CONTEXT_STRIDE == CONTEXT_THRESHOLD) {
			context->threshold = value & PRIORITY_MASK;
			update_context(plic, context);
		}
	} else if (offset < PRIORITY_END) {
		if (offset)
			plic->priority[offset / 4] = (uint8_t)(value & PRIORITY_MASK);
		update(plic);
	} else if (offset >= ENABLE_BASE) {
		index = (offset - ENABLE_BASE) / ENABLE_STRIDE;
		if (index >= plic->contexts)
			return;
		write_enable(&plic->context[index], offset % ENABLE_STRIDE, value);
		show_enable(plic, index);
		update_context(plic, &plic->context[index]);
	}
}

__attribute__((hot)) bool plic_access(void *device, struct bus_access *access)
{
	if (access->size != 4)
		return false;
	if (access->write)
		plic_write(device, access->offset, (uint32_t)access->value);
	else
		access->value = plic_read(device, access->offset);
	return true;
}
