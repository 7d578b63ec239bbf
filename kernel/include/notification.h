/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications: a word of bits that signals set and one waiter takes. */
#pragma once

#include "objects.h"

/* Sets bits, from any hart, and wakes one who waits: the bound thread (in recv or in its guest), else the first waiter. */
void notification_signal(struct notification *notification, uint64_t bits);

/* The second half of a signal: wakes who is there, now that bits are set. */
void notification_wake(struct notification *notification);

/* The current thread waits. */
void notification_wait(struct notification *notification, struct thread *thread, uint64_t deadline);

/* Takes the bits; false if there are none. */
bool notification_poll(struct notification *notification, uint64_t *bits) must_check;

/* Gives the bits to a thread in recv; false if there are none. */
bool notification_deliver(struct notification *notification, struct thread *thread) must_check;

/* ERR_BUSY: one of them is bound already. All other harts stand still. */
enum err notification_bind(struct notification *notification, struct thread *thread) must_check;
void notification_unbind(struct thread *thread);

/* A waiter's deadline passed: claims it and makes its state ready. False: somebody else did, or might just now. */
bool notification_time_out(struct thread *thread) must_check;

/* Claims a waiter. False: somebody else did. */
bool notification_cancel(struct thread *thread) must_check;

/* All other harts stand still. */
void notification_destroy(struct notification *notification);
