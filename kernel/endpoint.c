/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <abi/syscall.h>
#include <arch/arch.h>

#include "notification.h"
#include "sched.h"
#include "thread.h"

/* Registers of the message: see abi/syscall.h. */
enum { WORD_STATUS, WORD_INFO, WORD_FIRST, WORD_BADGE = 7 };

/* Labels from here on are the kernel's own. */
#define LABEL_KERNEL 0xff00u

bool message_valid(uint64_t info)
{
	return message_words(info) <= MESSAGE_WORDS && message_label(info) < LABEL_KERNEL && (info & 0xfff8) == 0;
}

/* Copies a capability along with a message; false if anything is against it, and nothing happened. */
static bool pass_capability(const struct thread *sender, uint32_t from_index, struct thread *receiver)
{
	struct slot *from = thread_slot(sender, from_index);
	const struct cap *cspace = &receiver->cspace.cap;
	uint32_t to_index = receiver->receive_slot;

	if (!from || !to_index || cspace->type != OBJECT_CNODE || to_index >> cspace->size_bits)
		return false;
	struct slot *to = cap_cnode(cspace) + to_index;
	unsigned type = from->cap.type;

	if (!slot_empty(to) || from->cap.level == CAP_LEVEL_MAX)
		return false;
	if (type != OBJECT_ENDPOINT && type != OBJECT_NOTIFICATION && type != OBJECT_FRAME)
		return false;
	struct cap cap = from->cap;

	if (type == OBJECT_FRAME)
		cap.word = cap.page_number = 0;
	cap_insert_child(from, to, cap);
	return true;
}

/* Moves the message of a sender, with its badge, to a receiver. Neither is in a queue. */
static void transfer(struct thread *sender, struct thread *receiver)
{
	uint64_t *to = arch_thread_words(receiver);

	to[WORD_STATUS] = ERR_OK;
	to[WORD_BADGE] = sender->badge;
	if (sender->fault == THREAD_FAULTED) {
		to[WORD_INFO] = message_info(LABEL_FAULT, FAULT_WORDS);
		arch_thread_fault_words(sender, &to[WORD_FIRST]);
		return;
	}
	const uint64_t *from = arch_thread_words(sender);
	uint64_t info = from[WORD_INFO];
	bool passed = sender->cap_to_send && sender->can_grant && pass_capability(sender, sender->cap_to_send, receiver);

	to[WORD_INFO] = (uint32_t)info | (uint64_t)passed << 32;
	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		to[WORD_FIRST + i] = from[WORD_FIRST + i];
}

/* After the transfer: the sender awaits an answer, or goes on. */
static void settle(struct thread *sender, struct thread *receiver, struct reply *reply)
{
	if (!sender->is_call) {
		arch_thread_words(sender)[WORD_STATUS] = ERR_OK;
		sched_ready(sender);
		return;
	}
	if (!reply) {
		thread_wake_with(sender, ERR_DELETED); /* the receiver cannot answer */
		return;
	}
	sched_unready(sender);
	sender->state = THREAD_AWAITS_REPLY;
	sender->reply = reply;
	reply->caller = sender;
	if (!receiver->sched_context && sender->sched_context) {
		reply->borrower = receiver;
		receiver->lent_by = reply;
		sched_context_pass(sender, receiver);
	}
}

static void dequeue(struct thread *thread)
{
	queue_remove(&thread->endpoint->queue, thread);
	thread->endpoint = NULL;
}

/* Ends a receiver's wait: it no longer holds its reply object ready. */
static struct reply *end_receive(struct thread *receiver)
{
	struct reply *reply = receiver->reply;

	dequeue(receiver);
	sched_clear_deadline(receiver);
	receiver->reply = NULL;
	if (reply)
		reply->receiver = NULL;
	return reply;
}

static void send(struct endpoint *endpoint, struct thread *sender)
{
	struct thread *receiver = endpoint->queue.head;

	if (!receiver || receiver->state != THREAD_RECEIVING) {
		sched_unready(sender);
		sender->state = THREAD_SENDING;
		sender->endpoint = endpoint;
		queue_append(&endpoint->queue, sender);
		return;
	}
	struct reply *reply = end_receive(receiver);

	transfer(sender, receiver);
	receiver->state = THREAD_READY;
	settle(sender, receiver, reply);
	sched_ready(receiver);
}

void endpoint_send(struct endpoint *endpoint, const struct cap *cap, struct thread *thread, bool is_call)
{
	thread->badge = cap->word;
	thread->can_grant = cap->rights & RIGHT_GRANT;
	thread->cap_to_send = message_cap(arch_thread_words(thread)[WORD_INFO]);
	thread->is_call = is_call;
	send(endpoint, thread);
}

void endpoint_send_fault(struct endpoint *endpoint, uint32_t badge, struct thread *thread)
{
	thread->badge = badge;
	thread->cap_to_send = 0;
	thread->is_call = true;
	send(endpoint, thread);
}

void endpoint_receive(struct endpoint *endpoint, struct thread *thread, struct reply *reply, uint64_t deadline)
{
	struct thread *sender = endpoint->queue.head;

	if (thread->bound && thread->bound->bits) {
		notification_deliver(thread->bound, thread);
		return;
	}
	if (sender && sender->state == THREAD_SENDING) {
		dequeue(sender);
		sender->state = THREAD_READY;
		transfer(sender, thread);
		settle(sender, thread, reply);
		return;
	}
	if (deadline <= arch_time()) {
		arch_thread_words(thread)[WORD_STATUS] = ERR_TIMED_OUT;
		return;
	}
	/* A passive server goes to sleep without CPU time: what it was lent stays with it until it answers. */
	sched_unready(thread);
	thread->state = THREAD_RECEIVING;
	thread->endpoint = endpoint;
	thread->reply = reply;
	if (reply)
		reply->receiver = thread;
	queue_append(&endpoint->queue, thread);
	sched_set_deadline(thread, deadline);
}

void reply_return_context(struct reply *reply)
{
	struct thread *holder = NULL;
	struct reply *loan = reply;

	/* A borrower without the context is itself a caller who lent it on: all those loans end, too. */
	while (loan && loan->borrower) {
		holder = loan->borrower;
		holder->lent_by = NULL;
		loan->borrower = NULL;
		loan = holder->sched_context ? NULL : holder->reply;
	}
	if (holder)
		sched_context_pass(holder, reply->caller);
}

/* The caller leaves the reply object. */
static struct thread *release_caller(struct reply *reply)
{
	struct thread *caller = reply->caller;

	reply_return_context(reply);
	reply->caller = NULL;
	caller->reply = NULL;
	return caller;
}

void reply_send(struct reply *reply, struct thread *server)
{
	if (!reply->caller)
		return;
	struct thread *caller = release_caller(reply);
	const uint64_t *from = arch_thread_words(server);
	uint64_t *to = arch_thread_words(caller);

	if (caller->fault == THREAD_FAULTED) {
		caller->state = THREAD_STOPPED;
		if (message_label(from[WORD_INFO]) == 0)
			thread_resume(caller);
		return;
	}
	to[WORD_STATUS] = ERR_OK;
	to[WORD_INFO] = (uint32_t)from[WORD_INFO];
	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		to[WORD_FIRST + i] = from[WORD_FIRST + i];
	to[WORD_BADGE] = 0;
	sched_ready(caller);
}

void reply_cancel(struct reply *reply)
{
	(void)release_caller(reply);
}

void endpoint_cancel(struct thread *thread)
{
	if (thread->state == THREAD_RECEIVING)
		(void)end_receive(thread);
	else
		dequeue(thread);
}

void endpoint_destroy(struct endpoint *endpoint)
{
	while (endpoint->queue.head)
		thread_wake_with(endpoint->queue.head, ERR_DELETED);
}

void reply_destroy(struct reply *reply)
{
	if (reply->caller)
		thread_wake_with(reply->caller, ERR_DELETED);
	if (reply->receiver)
		thread_wake_with(reply->receiver, ERR_DELETED);
}
