/* SPDX-License-Identifier: Apache-2.0 */
#include "irq.h"

#include <arch/arch.h>

#include "notification.h"

struct irq {
	bool exists;       /* a handler capability was made */
	bool in_service;   /* delivered, not yet acknowledged */
	struct slot notification;
};

static struct irq irqs[IRQ_SOURCES_MAX];
static struct lock lock; /* of all of them, and of the controller */

void irq_reset(void)
{
	for (unsigned i = 0; i < IRQ_SOURCES_MAX; i++)
		irqs[i] = (struct irq){ 0 };
}

enum err irq_get(struct slot *control, uint64_t source, struct slot *destination)
{
	if (source == 0 || source >= IRQ_SOURCES_MAX || source > arch_irq_last())
		return ERR_RANGE;
	if (irqs[source].exists)
		return ERR_BUSY;
	if (!slot_empty(destination))
		return ERR_SLOT_OCCUPIED;
	if (control->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	cap_prepare(destination);
	irqs[source].exists = true;
	cap_insert_child(control, destination, (struct cap){ .type = OBJECT_IRQ_HANDLER, .rights = RIGHT_ALL, .object = source });
	return ERR_OK;
}

enum err irq_bind(unsigned source, struct slot *notification)
{
	struct irq *irq = &irqs[source];

	if (notification->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	lock_acquire(&lock, LOCK_IRQ);
	cap_drop_copy(&irq->notification);
	cap_insert_child(notification, &irq->notification, notification->cap);
	arch_irq_enable(source);
	lock_release(&lock, LOCK_IRQ);
	return ERR_OK;
}

void irq_acknowledge(unsigned source)
{
	lock_acquire(&lock, LOCK_IRQ);
	if (irqs[source].in_service)
		arch_irq_complete(source);
	irqs[source].in_service = false;
	lock_release(&lock, LOCK_IRQ);
}

void irq_deliver(unsigned source)
{
	struct irq *irq = source < IRQ_SOURCES_MAX ? &irqs[source] : NULL;

	lock_acquire(&lock, LOCK_IRQ);
	struct cap cap = irq ? cap_read(&irq->notification) : (struct cap){ 0 };

	if (cap.type == OBJECT_NULL) {
		arch_irq_disable(source);
		arch_irq_complete(source);
	} else {
		irq->in_service = true;
	}
	lock_release(&lock, LOCK_IRQ);
	if (cap.type != OBJECT_NULL)
		notification_signal(cap_notification(&cap), cap.word);
}

void irq_destroy(unsigned source)
{
	lock_acquire(&lock, LOCK_IRQ);
	arch_irq_disable(source);
	lock_release(&lock, LOCK_IRQ);
	irq_acknowledge(source);
	cap_drop_copy(&irqs[source].notification);
	irqs[source].exists = false;
}
