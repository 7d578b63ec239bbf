/* SPDX-License-Identifier: Apache-2.0 */
/* Platform-level interrupt controller (RISC-V PLIC specification 1.0) with level-triggered inputs. Callers hold the lock. */
#pragma once

#include "../bus.h"

#define PLIC_SOURCES 64u /* source 0 does not exist */
#define PLIC_CONTEXTS 16u

/* Called when a context starts or ends to signal an interrupt. */
typedef void (*plic_output_t)(void *to, bool level);

/* Called when a source is claimed, before what follows from it is signalled, and when that claim is completed. */
typedef void (*plic_watch_t)(void *watcher, unsigned source, bool claimed);

struct plic_context {
	uint64_t enable; /* bit per source */
	uint32_t threshold;
	bool signalled;
	plic_output_t output; /* NULL: leads nowhere */
	void *to;
};

struct plic {
	uint64_t level;  /* inputs, bit per source */
	uint64_t active; /* claimed and not yet completed: their gateways are closed */
	uint8_t priority[PLIC_SOURCES]; /* 0: never, to 7 */
	plic_watch_t watch; /* NULL: nobody wants to know */
	void *watcher;
	uint32_t *shown; /* NULL, or a page that the guest reads in place of the enable bits: 32 words for each context */
	unsigned contexts;
	struct plic_context context[PLIC_CONTEXTS];
};

/* Adds a context. output: NULL if it leads nowhere; it has its registers all the same. ERR_LIMIT: there are PLIC_CONTEXTS. */
enum err plic_add_context(struct plic *plic, plic_output_t output, void *to) __attribute__((warn_unused_result));

/* Sets the input of a source, 1 to PLIC_SOURCES - 1. */
void plic_set_input(struct plic *plic, unsigned source, bool level);

/* Whether a source is claimed and not yet completed. */
static inline bool plic_claimed(const struct plic *plic, unsigned source)
{
	return plic->active >> source & 1;
}

/* Takes aligned 4-byte accesses. */
bool plic_access(void *device, struct bus_access *access);
