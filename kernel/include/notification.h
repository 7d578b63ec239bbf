/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications: a word of bits that signals set and one waiter takes. */
#pragma once

#include "objects.h"

/* Sets bits and wakes one who waits: the bound thread (in recv or in its guest), else the first waiter. */
void notification_signal(struct notification *notification, uint64_t bits);

/* The current thread waits. */
void notification_wait(struct notification *notification, struct thread *thread, uint64_t deadline);

/* Gives the bits to a thread in recv. */
void notification_deliver(struct notification *notification, struct thread *thread);

/* ERR_BUSY: one of them is bound already. */
enum err notification_bind(struct notification *notification, struct thread *thread) must_check;
void notification_unbind(struct thread *thread);

void notification_cancel(struct thread *thread);
void notification_destroy(struct notification *notification);
