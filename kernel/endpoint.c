/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <abi/syscall.h>
#include <arch/arch.h>

#include "notification.h"
#include "sched.h"
#include "smp.h"
#include "thread.h"

/* Registers of the message: see abi/syscall.h. */
enum { WORD_STATUS, WORD_INFO, WORD_FIRST, WORD_BADGE = 7 };

bool message_valid(uint64_t info)
{
	return message_words(info) <= MESSAGE_WORDS && message_label(info) < LABEL_KERNEL && (info & 0xfff8) == 0;
}

/* Copies a capability along with a message; false if anything is against it, and nothing happened. Capability lock held. */
static bool pass_capability(const struct thread *sender, uint32_t from_index, struct thread *receiver)
{
	struct slot *from = thread_slot(sender, from_index);
	const struct cap *cspace = &receiver->cspace.cap;
	uint32_t to_index = receiver->receive_slot;

	if (!from || slot_empty(from) || !to_index || cspace->type != OBJECT_CNODE || to_index >> cspace->size_bits)
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
	cap_prepare(to);
	cap_insert_child(from, to, cap);
	return true;
}

static void timeout_words(const struct thread *thread, uint64_t words[MESSAGE_WORDS])
{
	const struct sched_context *context = __atomic_load_n(&thread->sched_context, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		words[i] = 0;
	if (!context)
		return; /* taken away meanwhile */
	words[TIMEOUT_CONSUMED] = context->budget.consumed;
	words[TIMEOUT_REFILL] = budget_ready_at(&context->budget);
	words[TIMEOUT_BUDGET] = context->budget.amount;
	words[TIMEOUT_PERIOD] = context->budget.period;
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
	if (sender->fault == THREAD_TIMED_OUT) {
		to[WORD_INFO] = message_info(LABEL_TIMEOUT, TIMEOUT_WORDS);
		timeout_words(sender, &to[WORD_FIRST]);
		return;
	}
	const uint64_t *from = arch_thread_words(sender);
	uint64_t info = from[WORD_INFO];
	bool passed = sender->cap_to_send && sender->can_grant && pass_capability(sender, sender->cap_to_send, receiver);

	to[WORD_INFO] = (uint32_t)info | (uint64_t)passed << 32;
	for (unsigned i = 0; i < MESSAGE_WORDS; i++)
		to[WORD_FIRST + i] = from[WORD_FIRST + i];
}

/* After the transfer: the sender, current or claimed, awaits an answer, or goes on. */
static void settle(struct thread *sender, struct thread *receiver, struct reply *reply)
{
	if (!sender->is_call || !reply) {
		/* Without a reply object the receiver cannot answer. A fault stays one. */
		if (sender->fault == THREAD_NO_FAULT)
			arch_thread_words(sender)[WORD_STATUS] = sender->is_call ? ERR_DELETED : ERR_OK;
		sched_wake(sender);
		return;
	}
	if (sender->state == THREAD_READY)
		sched_unready(sender);
	sender->state = THREAD_AWAITS_REPLY;
	sender->reply = reply;
	if (sender->fault != THREAD_TIMED_OUT) /* there is nothing to lend */
		sched_lend(sender, receiver);
	__atomic_store_n(&reply->caller, sender, __ATOMIC_RELEASE);
}

/* From here on others may receive with this reply object. */
static void end_use(struct reply *reply)
{
	if (reply)
		__atomic_store_n(&reply->receiver, NULL, __ATOMIC_RELEASE);
}

/* Claims a thread in the endpoint's queue; the endpoint is locked. */
static void dequeue(struct endpoint *endpoint, struct thread *thread)
{
	queue_remove(&endpoint->queue, thread);
	__atomic_store_n(&thread->endpoint, NULL, __ATOMIC_RELAXED);
	thread->state = THREAD_WOKEN;
}

/* The same for a receiver: gives the reply object that it holds ready. */
static struct reply *end_receive(struct endpoint *endpoint, struct thread *receiver)
{
	struct reply *reply = receiver->reply;

	dequeue(endpoint, receiver);
	receiver->reply = NULL;
	return reply;
}

/* The short paths leave a passive receiver outside the queue: all others put it there first. */
static void endpoint_lock(struct endpoint *endpoint)
{
	lock_acquire(&endpoint->lock, LOCK_OBJECT);
	struct thread *receiver = endpoint->parked;

	if (!receiver)
		return;
	endpoint->parked = NULL;
	receiver->receive_slot = 0;
	queue_append(&endpoint->queue, receiver);
}

void endpoint_unpark(struct thread *thread)
{
	struct endpoint *endpoint = word_read(&thread->endpoint);

	if (!endpoint)
		return;
	endpoint_lock(endpoint);
	lock_release(&endpoint->lock, LOCK_OBJECT);
}

static void send(struct endpoint *endpoint, struct thread *sender)
{
	endpoint_lock(endpoint);
	struct thread *receiver = endpoint->queue.head;

	if (!receiver || receiver->state != THREAD_RECEIVING) {
		sched_unready(sender);
		sender->state = THREAD_SENDING;
		sender->endpoint = endpoint;
		queue_append(&endpoint->queue, sender);
		lock_release(&endpoint->lock, LOCK_OBJECT);
		return;
	}
	struct reply *reply = end_receive(endpoint, receiver);

	lock_release(&endpoint->lock, LOCK_OBJECT);
	transfer(sender, receiver);
	settle(sender, receiver, reply);
	end_use(reply);
	sched_wake(receiver);
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

static struct thread *first_sender(const struct endpoint *endpoint)
{
	struct thread *head = endpoint->queue.head;

	return head && head->state == THREAD_SENDING ? head : NULL;
}

/* Takes the signals of the bound notification, if there are any. */
static bool take_signals(struct thread *thread)
{
	return thread->bound && word_read(&thread->bound->bits) && notification_deliver(thread->bound, thread);
}

static void take_message(struct endpoint *endpoint, struct thread *sender, struct thread *thread, struct reply *reply)
{
	dequeue(endpoint, sender);
	lock_release(&endpoint->lock, LOCK_OBJECT);
	transfer(sender, thread);
	settle(sender, thread, reply);
	end_use(reply);
	/* A passive server that has just answered goes on with what this caller lends, maybe on another hart. */
	if (arch_this_hart()->current != thread)
		sched_wake(thread);
}

/* The current thread joins the receivers. */
static void block(struct endpoint *endpoint, struct thread *thread, struct reply *reply, uint64_t deadline)
{
	sched_unready(thread);
	thread->state = THREAD_RECEIVING;
	thread->reply = reply;
	thread->endpoint = endpoint;
	queue_append(&endpoint->queue, thread);
	sched_set_deadline(thread, deadline);
	if (!thread->bound)
		return;
	/* A signal that came since take_signals looked: who sent it may have seen no receiver. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (take_signals(thread)) {
		end_use(end_receive(endpoint, thread));
		sched_wake(thread);
	}
}

static void receive(struct endpoint *endpoint, struct thread *thread, struct reply *reply, uint64_t deadline)
{
	struct thread *sender = first_sender(endpoint);

	if (take_signals(thread)) {
		end_use(reply);
	} else if (sender) {
		take_message(endpoint, sender, thread, reply);
		return;
	} else if (deadline <= arch_time()) {
		end_use(reply);
		arch_thread_words(thread)[WORD_STATUS] = ERR_TIMED_OUT;
	} else {
		block(endpoint, thread, reply, deadline);
	}
	lock_release(&endpoint->lock, LOCK_OBJECT);
}

enum err endpoint_receive(struct endpoint *endpoint, struct thread *thread, const struct receive_arguments *arguments)
{
	struct reply *reply = arguments->reply;

	if (reply && !word_swap(&reply->receiver, NULL, thread))
		return ERR_BUSY;
	if (reply && !arguments->answer && word_read(&reply->caller)) {
		end_use(reply);
		return ERR_BUSY;
	}
	endpoint_lock(endpoint);
	struct thread *sender = first_sender(endpoint);
	bool grants = sender && sender->cap_to_send && sender->can_grant;

	if (grants) { /* the capability lock comes first */
		lock_release(&endpoint->lock, LOCK_OBJECT);
		if (!smp_lock()) {
			end_use(reply);
			return ERR_RESTART;
		}
		endpoint_lock(endpoint);
	}
	thread->receive_slot = arguments->slot;
	if (arguments->answer)
		reply_send(reply, thread);
	receive(endpoint, thread, reply, arguments->deadline);
	if (grants)
		smp_unlock();
	return ERR_DONE;
}

void reply_send(struct reply *reply, struct thread *server)
{
	struct thread *caller = word_read(&reply->caller) ? word_take(&reply->caller) : NULL;

	if (!caller)
		return;
	const uint64_t *from = arch_thread_words(server);
	uint64_t *to = arch_thread_words(caller);

	caller->reply = NULL;
	caller->state = THREAD_WOKEN;
	if (caller->fault != THREAD_NO_FAULT) {
		bool goes_on = message_label(from[WORD_INFO]) == 0;

		caller->fault = goes_on ? THREAD_NO_FAULT : THREAD_FAULTED;
	} else {
		to[WORD_STATUS] = ERR_OK;
		to[WORD_INFO] = (uint32_t)from[WORD_INFO];
		for (unsigned i = 0; i < MESSAGE_WORDS; i++)
			to[WORD_FIRST + i] = from[WORD_FIRST + i];
		to[WORD_BADGE] = 0;
	}
	sched_wake(caller);
}

void reply_cancel(struct reply *reply)
{
	struct thread *caller = reply->caller;

	reply->caller = NULL;
	caller->reply = NULL;
	caller->state = THREAD_WOKEN;
}

bool endpoint_cancel(struct thread *thread)
{
	struct endpoint *endpoint = word_read(&thread->endpoint);

	if (!endpoint)
		return false;
	endpoint_lock(endpoint);
	bool waits = thread->endpoint == endpoint;

	if (waits && thread->state == THREAD_RECEIVING)
		end_use(end_receive(endpoint, thread));
	else if (waits)
		dequeue(endpoint, thread);
	lock_release(&endpoint->lock, LOCK_OBJECT);
	return waits;
}

void endpoint_signal(struct thread *thread, struct notification *notification)
{
	struct endpoint *endpoint = word_read(&thread->endpoint);

	if (!endpoint)
		return;
	endpoint_lock(endpoint);
	bool waits = thread->endpoint == endpoint && thread->state == THREAD_RECEIVING;
	bool woken = waits && notification_deliver(notification, thread);

	if (woken)
		end_use(end_receive(endpoint, thread));
	lock_release(&endpoint->lock, LOCK_OBJECT);
	if (woken)
		sched_wake(thread);
}

void endpoint_destroy(struct endpoint *endpoint)
{
	endpoint_lock(endpoint);
	lock_release(&endpoint->lock, LOCK_OBJECT);
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
