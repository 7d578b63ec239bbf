/* SPDX-License-Identifier: Apache-2.0 */
/* Synchronous messages. Senders and receivers queue first in, first out; a reply object holds one caller. */
#pragma once

#include "objects.h"

/* The system calls of the current thread, whose arguments are checked and whose registers hold the message. */
void endpoint_send(struct endpoint *endpoint, const struct cap *cap, struct thread *thread, bool is_call);
void endpoint_receive(struct endpoint *endpoint, struct thread *thread, struct reply *reply, uint64_t deadline);

/* The thread's fault message; it then awaits the answer. */
void endpoint_send_fault(struct endpoint *endpoint, uint32_t badge, struct thread *thread);

/* Answers the caller, if there is one, with the message in the registers of `server`. */
void reply_send(struct reply *reply, struct thread *server);

/* Takes a thread out of the queue it stands in. */
void endpoint_cancel(struct thread *thread);

/* The caller no longer waits. Its scheduling context comes back. */
void reply_cancel(struct reply *reply);

/* A lent scheduling context goes back to the caller. */
void reply_return_context(struct reply *reply);

/* Wakes everybody with ERR_DELETED. */
void endpoint_destroy(struct endpoint *endpoint);
void reply_destroy(struct reply *reply);

/* Is this info word acceptable from a task? */
bool message_valid(uint64_t info);
