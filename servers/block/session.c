/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions while they serve: taking and giving back. */
#include "session.h"

#include <libsys/account.h>
#include <libsys/log.h>

#include "recovery.h"
#include "request.h"
#include "session_private.h"

#define COMPLAINTS_MAX 8u
#define BUSY_REQUESTS 4u /* in flight */

static inline void notify_all(struct session *session, bool notify)
{
	for (uint32_t i = 0; i < session->queues; i++)
		virtqueue_set_notify(&session->queue[i], notify);
}

/* The number of a queue with buffers, in turn; or `queues`. */
static inline uint32_t next_ready(struct session *session)
{
	uint32_t at = session->next_queue;

	for (uint32_t i = 0; i < session->queues; i++) {
		if (at >= session->queues)
			at = 0;
		if (virtqueue_ready(&session->queue[at])) {
			session->next_queue = at + 1;
			return at;
		}
		at++;
	}
	return session->queues;
}

void session_wake(struct session *session)
{
	if (session->pace == SESSION_IDLE)
		notify_all(session, false);
	session->pace = SESSION_QUEUED;
	schedule_add(session->schedule, &session->flow);
}

/*
 * All queues are empty: the driver shall notify. A buffer may have come just before it could know that. While it has several requests in
 * flight it is likely to add more at once, each with a doorbell: then the server rather looks again in a moment, without any.
 */
static uint32_t rest(struct session *session)
{
	uint32_t at;

	if (session->in_flight >= BUSY_REQUESTS && session->fresh) {
		session->fresh = false;
		session->pace = SESSION_BUSY;
		session->held_until = session->now() + session->moment;
		return session->queues;
	}
	notify_all(session, true);
	at = next_ready(session);
	if (at == session->queues)
		session->pace = SESSION_IDLE;
	else
		notify_all(session, false);
	return at;
}

/* Whether its limits hold the session up. */
static bool held(struct session *session)
{
	uint64_t now, until = 0;

	if (!session->bytes.rate && !session->operations.rate)
		return false;
	now = session->now();
	if (!limit_open(&session->bytes, now))
		until = limit_deadline(&session->bytes);
	if (!limit_open(&session->operations, now) && limit_deadline(&session->operations) > until)
		until = limit_deadline(&session->operations);
	if (!until)
		return false;
	session->held_until = until;
	session->pace = SESSION_HELD;
	session->counters.throttled++;
	return true;
}

void session_unhold(struct session *session, uint64_t now)
{
	if (now >= session_deadline(session))
		session_wake(session);
}

void session_break(struct session *session)
{
	uint32_t wanted = session->serves;

	session_stop(session);
	session->counters.broken++;
	if (session->complaints < COMPLAINTS_MAX) {
		session->complaints++;
		log_warn("%s: disk %u: the driver's queues make no sense; waiting for its reset", session->config.guest_name,
			 session->config.disk);
	}
	__atomic_store_n(&session->shared->broken, wanted, __ATOMIC_RELEASE);
	session->signal(session->number);
}

bool session_begin(struct session *session, uint32_t queue, struct virtqueue_chain *chain, uint64_t *cost)
{
	struct request *request = session->free;

	session->free = request->next;
	request->queue = (uint8_t)queue;
	request->head = chain->head;
	session->in_flight++;
	if (!request_begin(request, &session->queue[queue], chain)) {
		session->in_flight--;
		request->next = session->free;
		session->free = request;
		return false;
	}
	/* It may have ended, but is as it was until the next one begins. */
	limit_take(&session->bytes, request->bytes);
	limit_take(&session->operations, 1);
	*cost = request->cost;
	return true;
}

/* What follows is for this guest. */
static inline void account(const struct session *session)
{
	if (account_meter.guest != session->config.guest)
		account_switch(session->config.guest, session->now());
}

__attribute__((hot)) uint64_t session_take(struct flow *flow)
{
	struct session *session = (struct session *)(void *)flow;
	uint32_t at = next_ready(session);
	struct virtqueue_chain chain;
	uint64_t cost;

	account(session);
	if (at == session->queues) {
		at = rest(session);
		if (at == session->queues)
			return 0;
	}
	if (session->in_flight == SESSION_REQUESTS) {
		session->pace = SESSION_FULL;
		return 0;
	}
	if (held(session))
		return 0;
	if (!virtqueue_pop(&session->queue[at], &chain) || recovery_taken(session->recovery, at, chain.head)) {
		session_break(session);
		return 0;
	}
	recovery_take(session->recovery, at, chain.head);
	session->fresh = true;
	if (!session_begin(session, at, &chain, &cost)) {
		session_break(session);
		return 0;
	}
	return cost;
}

__attribute__((hot)) void session_give(struct session *session, struct request *request, uint8_t status, uint32_t written)
{
	account(session);
	session->in_flight--;
	schedule_refund(session->schedule, &session->flow, request->cost);
	session->counters.requests++;
	if (status == REQUEST_OK)
		session->counters.bytes += request->bytes;
	else
		session->counters.errors++;
	if (session->serves) {
		struct virtqueue *queue = &session->queue[request->queue];

		__atomic_store_n(request->status, status, __ATOMIC_RELAXED);
		recovery_giving(session->recovery, request->queue, request->head, queue->next_used);
		virtqueue_put(queue, request->head, written);
		virtqueue_publish(queue);
		recovery_given(session->recovery, request->queue, request->head);
		session->touched |= 1u << request->queue;
	}
	request->next = session->free;
	session->free = request;
	if (session->pace == SESSION_BUSY || session->pace == SESSION_FULL)
		session_wake(session);
	else if (!session->serves && session->in_flight == 0)
		session_look(session);
}

void session_tell(struct session *session)
{
	uint32_t touched = session->touched;
	bool wanted = false;

	if (!touched)
		return;
	session->touched = 0;
	for (uint32_t i = 0; i < session->queues; i++) {
		if (touched & 1u << i)
			wanted |= virtqueue_wants_interrupt(&session->queue[i]);
	}
	if (wanted)
		session->signal(session->number);
}
