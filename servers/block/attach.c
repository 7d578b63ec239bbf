/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as guests and their drivers come and go. */
#include <string.h>

#include <libsys/log.h>

#include "recovery.h"
#include "session_private.h"

#define MOMENTS 10000u /* in a second */
#define FEATURE_FLUSH ((uint64_t)1 << 9)
#define FEATURE_INDIRECT ((uint64_t)1 << 28)
#define FEATURE_EVENT_INDEX ((uint64_t)1 << 29)

void session_init(struct session *session, struct request *request, uint64_t hz)
{
	const struct session_config *config = &session->config;
	uint64_t now = session->now();

	for (unsigned i = 0; request && i < SESSION_REQUESTS; i++) {
		request[i].session = session;
		request[i].next = session->free;
		session->free = &request[i];
	}
	session->moment = hz / MOMENTS;
	limit_init(&session->bytes, config->bandwidth, config->bandwidth_burst, hz, now);
	limit_init(&session->operations, config->operations, config->operations_burst, hz, now);
}

/* Our part of the shared page. */
static void publish(struct session *session, uint32_t starts)
{
	struct block_session *shared = session->shared;
	const struct volume *volume = session->volume;

	shared->state = volume ? BLOCK_READY : BLOCK_FAILED;
	shared->broken = 0;
	memset(shared->serial, 0, sizeof(shared->serial));
	memcpy(shared->serial, session->config.serial, strnlen(session->config.serial, sizeof(shared->serial)));
	if (volume) {
		uint32_t flags = volume->flags;

		if (session->config.read_only)
			flags |= BLOCK_FLAG_READ_ONLY;
		if (flags & BLOCK_FLAG_READ_ONLY)
			flags &= ~(uint32_t)(BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES);
		shared->capacity = volume->capacity;
		shared->block_size = volume->block_size;
		shared->physical_block_size = volume->physical_block_size;
		shared->flags = flags;
		shared->segments = BLOCK_SEGMENTS_MAX;
		shared->discard_sectors = volume->discard_sectors;
		shared->discard_granularity = volume->discard_granularity;
	} else {
		memcpy(shared->problem, session->problem, sizeof(shared->problem));
	}
	session->counters.state = shared->state;
	__atomic_store_n(&shared->server, starts, __ATOMIC_RELEASE);
}

/* Copies what the guest's RAM is; false if that makes no sense. */
static bool copy_memory(struct session *session, const struct attachment *guest)
{
	uint64_t offset = 0;

	session->memory = (struct guest_memory){ (uint8_t *)(uintptr_t)guest->address, guest->base, guest->size };
	session->ranges = guest->ranges;
	if (guest->ranges == 0 || guest->ranges > ATTACH_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < session->ranges; i++) {
		if (guest->range[i].offset != offset || guest->range[i].size > guest->size - offset)
			return false;
		session->range[i].offset = offset;
		session->range[i].physical = guest->range[i].physical;
		offset += guest->range[i].size;
		session->range[i].end = offset;
	}
	return offset == guest->size;
}

/* Copies and checks what the driver set up. */
static bool set_up(struct session *session)
{
	struct block_setup setup;

	memcpy(&setup, &session->shared->setup, sizeof(setup));
	__asm__ volatile("" : : "r"(&setup) : "memory");
	session->queues = 0;
	session->next_queue = 0;
	session->touched = 0;
	if (setup.queues == 0 || setup.queues > BLOCK_QUEUES_MAX)
		return false;
	session->write_through = !(setup.features & FEATURE_FLUSH);
	for (uint32_t i = 0; i < setup.queues; i++) {
		struct virtqueue *queue = &session->queue[i];

		virtqueue_reset(queue, BLOCK_QUEUE_SIZE);
		if (setup.queue[i].size == 0)
			continue;
		if (setup.queue[i].size > BLOCK_QUEUE_SIZE)
			return false;
		queue->size = (uint16_t)setup.queue[i].size;
		queue->descriptors = setup.queue[i].descriptors;
		queue->available = setup.queue[i].available;
		queue->used = setup.queue[i].used;
		queue->event_index = setup.features & FEATURE_EVENT_INDEX;
		queue->indirect = setup.features & FEATURE_INDIRECT;
		if (!virtqueue_enable(queue, &session->memory))
			return false;
	}
	session->queues = setup.queues;
	return true;
}

/* Tells the client that `wanted` is in effect. */
static void settle(struct session *session, uint32_t wanted)
{
	session->done = wanted;
	__atomic_store_n(&session->shared->done, wanted, __ATOMIC_RELEASE);
	session->signal(session->number);
}

void session_stop(struct session *session)
{
	if (!session->serves)
		return;
	session->serves = 0;
	session->touched = 0;
	recovery_end(session->recovery);
	schedule_remove(session->schedule, &session->flow);
	session->pace = SESSION_IDLE;
}

/* A driver begins. */
static void start(struct session *session, uint32_t wanted)
{
	bool good = set_up(session);

	recovery_begin(session->recovery, wanted, session->epoch);
	session->serves = wanted;
	settle(session, wanted);
	if (good)
		session_wake(session);
	else
		session_break(session);
}

/* A driver goes on that was served by the server before this one: what it had taken comes first. */
static void resume(struct session *session, uint32_t wanted)
{
	struct recovery_entry entry[SESSION_REQUESTS];
	uint32_t count = UINT32_MAX;

	session->serves = wanted;
	if (set_up(session))
		count = recovery_resume(session->recovery, session->queue, session->queues, entry, SESSION_REQUESTS);
	settle(session, wanted);
	if (count == UINT32_MAX) {
		session_break(session);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct virtqueue_chain chain;
		uint64_t cost;

		virtqueue_chain_at(&session->queue[entry[i].queue], entry[i].head, &chain);
		if (!session_begin(session, entry[i].queue, &chain, &cost)) {
			session_break(session);
			return;
		}
	}
	session_wake(session);
}

void session_attach(struct session *session, const struct attachment *guest, uint32_t starts)
{
	uint32_t wanted;

	session->attached = true;
	session->detaching = false;
	session->epoch = guest->epoch;
	if (session->volume && !copy_memory(session, guest)) {
		session->volume = NULL;
		strcpy(session->problem, "the guest's memory is not described");
	}
	session->done = __atomic_load_n(&session->shared->done, __ATOMIC_RELAXED);
	publish(session, starts);
	if (session->volume) {
		wanted = __atomic_load_n(&session->shared->wanted, __ATOMIC_ACQUIRE);
		if ((wanted & 1) && session->recovery->serves == wanted && session->recovery->epoch == session->epoch)
			resume(session, wanted);
		else
			recovery_end(session->recovery);
		session_look(session);
	}
	session->signal(session->number);
}

void session_detach(struct session *session)
{
	session->detaching = true;
	session_stop(session);
}

bool session_detached(const struct session *session)
{
	return session->in_flight == 0;
}

void session_look(struct session *session)
{
	uint32_t wanted;

	if (!session->attached || session->detaching || !session->volume)
		return;
	wanted = __atomic_load_n(&session->shared->wanted, __ATOMIC_ACQUIRE);
	if (wanted == session->done) {
		if (session->serves && session->pace == SESSION_IDLE)
			session_wake(session);
		return;
	}
	session_stop(session);
	/* Looked at again when the last request has ended. */
	if (session->in_flight)
		return;
	if (wanted & 1)
		start(session, wanted);
	else
		settle(session, wanted);
}
