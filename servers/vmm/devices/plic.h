/* SPDX-License-Identifier: Apache-2.0 */
/* Platform-level interrupt controller (RISC-V PLIC specification 1.0) with level-triggered inputs and one context per hart. */
#pragma once

#include "../bus.h"

#define PLIC_SOURCES 64u /* source 0 does not exist */
#define PLIC_CONTEXTS 8u

struct plic_context {
	uint64_t enable; /* bit per source */
	uint32_t threshold;
	uint64_t *line;  /* word and bit that show whether an interrupt is signalled */
	uint64_t line_mask;
};

struct plic {
	uint64_t level;  /* inputs, bit per source */
	uint64_t active; /* claimed and not yet completed: their gateways are closed */
	uint8_t priority[PLIC_SOURCES]; /* 0: never, to 7 */
	unsigned contexts;
	struct plic_context context[PLIC_CONTEXTS];
};

/* Adds a context whose output is the `mask` bit of *line. ERR_LIMIT: there are PLIC_CONTEXTS. */
enum err plic_add_context(struct plic *plic, uint64_t *line, uint64_t mask) __attribute__((warn_unused_result));

/* Sets the input of a source, 1 to PLIC_SOURCES - 1. */
void plic_set_input(struct plic *plic, unsigned source, bool level);

/* Takes aligned 4-byte accesses. */
bool plic_access(void *device, struct bus_access *access);
