/* SPDX-License-Identifier: Apache-2.0 */
/* The VMM's end of a session, by the words `wanted`, `done`, `broken` and `server` of its page. */
#include <libsys/syscalls.h>
#include "../bells.h"
#include "virtio_session.h"

#define USED_INDEX 2u /* offset in the used ring */

static inline struct virtio_session *to_session(struct virtio_device *device)
{
	return (struct virtio_session *)device;
}

void virtio_session_signal(const struct virtio_session *session)
{
	(void)sys_signal(session->signal);
}

static void set_wanted(struct virtio_session *session, uint32_t wanted)
{
	session->wanted = wanted;
	__atomic_store_n(session->page.wanted, wanted, __ATOMIC_SEQ_CST);
	virtio_session_signal(session);
}

void virtio_session_open(struct virtio_session *session)
{
	uint32_t wanted = __atomic_load_n(session->page.wanted, __ATOMIC_RELAXED);

	session->wanted = wanted;
	session->server = __atomic_load_n(session->page.server, __ATOMIC_ACQUIRE);
	if (wanted & 1)
		set_wanted(session, wanted + 1);
}

void virtio_session_notify(struct virtio_device *device, unsigned queue)
{
	(void)queue;
	virtio_session_signal(to_session(device));
}

void virtio_session_changed(struct virtio_device *device)
{
	struct virtio_session *session = to_session(device);
	bool running = virtio_running(device);

	if (running && !(session->wanted & 1)) {
		for (unsigned i = 0; i < session->queues; i++)
			session->used[i] = 0;
		session->begin(session);
		set_wanted(session, session->wanted + 1);
	}
	bells_set(session->harts, session->bell, running ? virtio_notify_address(device) : 0, session->signal);
}

bool virtio_session_stopped(struct virtio_device *device)
{
	struct virtio_session *session = to_session(device);

	if (session->wanted & 1) {
		set_wanted(session, session->wanted + 1);
		virtio_session_changed(device);
	}
	return __atomic_load_n(session->page.done, __ATOMIC_ACQUIRE) == session->wanted;
}

/* Several signals may have been one, or the last one may have been for what the driver was already interrupted for. */
static bool look_at_queues(struct virtio_session *session)
{
	bool moved = false;

	for (unsigned i = 0; i < session->queues; i++) {
		const struct virtqueue *queue = virtio_session_queue(session, i);
		uint16_t used;

		if (!queue)
			continue;
		used = __atomic_load_n((const uint16_t *)(const void *)(queue->used_ring + USED_INDEX), __ATOMIC_ACQUIRE);
		moved |= used != session->used[i];
		session->used[i] = used;
	}
	return moved;
}

void virtio_session_signalled(struct virtio_session *session)
{
	struct virtio_device *device = &session->device;
	uint32_t server = __atomic_load_n(session->page.server, __ATOMIC_ACQUIRE);
	bool anew = server != session->server;

	session->server = server;
	if (!(session->wanted & 1))
		return;
	if (__atomic_load_n(session->page.broken, __ATOMIC_ACQUIRE) == session->wanted) {
		if (virtio_running(device))
			virtio_needs_reset(device);
	} else if (look_at_queues(session) || anew) {
		virtio_interrupt(device);
	}
}
