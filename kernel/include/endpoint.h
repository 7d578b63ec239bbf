/* SPDX-License-Identifier: Apache-2.0 */
/* Synchronous messages. Senders and receivers queue first in, first out; a reply object holds one caller. */
#pragma once

#include "objects.h"

/* The system calls of the current thread, whose arguments are checked and whose registers hold the message. */
void endpoint_send(struct endpoint *endpoint, const struct cap *cap, struct thread *thread, bool is_call);

struct receive_arguments {
	struct reply *reply; /* or NULL */
	uint32_t slot;       /* for a capability that comes along; 0: none */
	bool answer;         /* answer the reply object's caller first */
	uint64_t deadline;
};

/* ERR_BUSY: the reply object is in use. ERR_RESTART: nothing done yet. Else ERR_DONE. */
enum err endpoint_receive(struct endpoint *endpoint, struct thread *thread, const struct receive_arguments *arguments) must_check;

/* The thread's fault message; it then awaits the answer. */
void endpoint_send_fault(struct endpoint *endpoint, uint32_t badge, struct thread *thread);

/* Answers the caller, if there is one, with the message in the registers of `server`. From any hart. */
void reply_send(struct reply *reply, struct thread *server);

/* Claims a thread that waits in an endpoint's queue. False: somebody else did. */
bool endpoint_cancel(struct thread *thread) must_check;

/* What is being changed about a thread may be what the short paths rely on. All other harts stand still. */
void endpoint_unpark(struct thread *thread);

/* Gives the bits of its bound notification to a thread, and wakes it, if it receives. */
void endpoint_signal(struct thread *thread, struct notification *notification);

/* Claims the caller. All other harts stand still. */
void reply_cancel(struct reply *reply);

/* Wakes everybody with ERR_DELETED. All other harts stand still. */
void endpoint_destroy(struct endpoint *endpoint);
void reply_destroy(struct reply *reply);

/* Is this info word acceptable from a task? */
bool message_valid(uint64_t info);
