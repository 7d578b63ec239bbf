/* SPDX-License-Identifier: Apache-2.0 */
/* Queues of threads, first in, first out, linked through the threads. */
#pragma once

#include "objects.h"

static inline void queue_append(struct thread_queue *queue, struct thread *thread)
{
	thread->next = NULL;
	thread->prev = queue->tail;
	if (queue->tail)
		queue->tail->next = thread;
	else
		queue->head = thread;
	queue->tail = thread;
}

static inline void queue_prepend(struct thread_queue *queue, struct thread *thread)
{
	thread->next = queue->head;
	thread->prev = NULL;
	if (queue->head)
		queue->head->prev = thread;
	else
		queue->tail = thread;
	queue->head = thread;
}

static inline void queue_remove(struct thread_queue *queue, struct thread *thread)
{
	if (thread->prev)
		thread->prev->next = thread->next;
	else
		queue->head = thread->next;
	if (thread->next)
		thread->next->prev = thread->prev;
	else
		queue->tail = thread->prev;
	thread->next = thread->prev = NULL;
}
