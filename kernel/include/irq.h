/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts as capabilities: one handler per source, which signals a notification. */
#pragma once

#include "objects.h"

#define IRQ_SOURCES_MAX 128u

void irq_reset(void);

/* Makes the handler of a source: ERR_RANGE, ERR_BUSY, ERR_SLOT_OCCUPIED, ERR_LIMIT. */
enum err irq_get(struct slot *control, uint64_t source, struct slot *destination) must_check;

/* ERR_LIMIT. A source that was bound before is bound anew. */
enum err irq_bind(unsigned source, struct slot *notification) must_check;

void irq_acknowledge(unsigned source);

/* The interrupt controller delivered this source. */
void irq_deliver(unsigned source);

void irq_destroy(unsigned source);
