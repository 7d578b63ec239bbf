/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay as a volume: which transfers may work at once, and the loop that all of its work is done by. */
#include "overlay_private.h"

#include <stdio.h>
#include <string.h>

#include <libsys/log.h>

struct io_segment overlay_memory(const struct overlay *overlay, uint32_t offset, uint32_t length)
{
	return (struct io_segment){ overlay->memory.data + offset, overlay->memory.physical + offset, length };
}

void overlay_queue(struct overlay *overlay, struct overlay_work *work)
{
	if (work->queued)
		return;
	work->queued = true;
	work->next = NULL;
	if (overlay->work)
		overlay->work_tail->next = work;
	else
		overlay->work = work;
	overlay->work_tail = work;
}

void overlay_run(struct overlay *overlay)
{
	if (overlay->running)
		return;
	overlay->running = true;
	while (overlay->work) {
		struct overlay_work *work = overlay->work;

		overlay->work = work->next;
		work->queued = false;
		work->run(overlay);
	}
	overlay->running = false;
}

void overlay_break(struct overlay *overlay, const char *why)
{
	if (!overlay->broken)
		log_warn("volume \"%s\": %s; it can only be read from now on", overlay->volume->config.name, why);
	overlay->broken = true;
}

static struct io *take_first(struct overlay *overlay)
{
	struct io *io = overlay->queue;

	overlay->queue = io->next;
	return io;
}

/* false: not now. */
static bool admit_first(struct overlay *overlay)
{
	struct io *io = overlay->queue;

	if (overlay->alone || overlay->operation.pending)
		return false;
	if (overlay->broken && io->operation != IO_READ) {
		take_first(overlay)->done(io, IO_ERROR);
		return true;
	}
	if (overlay_is_exclusive(overlay, io)) {
		if (overlay->active)
			return false;
		overlay->alone = true;
		overlay->active++;
		overlay_exclusive_begin(overlay, take_first(overlay));
		return true;
	}
	if (!overlay->free_requests)
		return false;
	overlay->active++;
	overlay_begin(overlay, take_first(overlay), false);
	return true;
}

/* In the order in which they came, so that none is overtaken for ever. */
static void admission_run(struct overlay *overlay)
{
	struct overlay_operation *operation = &overlay->operation;

	while (overlay->queue && admit_first(overlay))
		;
	operation->pending |= operation->resting;
	operation->resting = false;
	if (operation->pending && !overlay->active && overlay_commit_idle(overlay)) {
		operation->pending = false;
		operation->going = true;
		overlay->active++;
		overlay->alone = true;
		overlay_queue(overlay, &operation->work);
	}
}

void overlay_admit(struct overlay *overlay)
{
	overlay_queue(overlay, &overlay->admission);
}

static void overlay_submit(struct volume *volume, struct io *io)
{
	struct overlay *overlay = volume->overlay;

	if (overlay_begin_direct(overlay, io))
		return;
	io->next = NULL;
	if (overlay->queue)
		overlay->queue_tail->next = io;
	else
		overlay->queue = io;
	overlay->queue_tail = io;
	overlay_admit(overlay);
	overlay_run(overlay);
}

static void overlay_status(const struct volume *volume, struct block_volume_status *status)
{
	const struct overlay *overlay = volume->overlay;

	status->store_bytes = (uint64_t)overlay->store_clusters * OVERLAY_CLUSTER;
	status->store_used = (uint64_t)overlay->used_count * OVERLAY_CLUSTER;
	for (unsigned i = 0; i + 1 < overlay->layers; i++)
		if (!(overlay->map[i].layer.flags & OVERLAY_LAYER_DELETED))
			memcpy(status->snapshot[status->snapshots++], overlay->map[i].layer.name, OVERLAY_NAME_SIZE);
	if (overlay->broken)
		(void)snprintf(status->problem, sizeof(status->problem), "a write to the head of the store failed: the volume can only be read");
}

static const struct volume_kind overlay_kind = { overlay_submit, overlay_snapshot, overlay_status };

void overlay_init(struct overlay *overlay)
{
	overlay->volume->kind = &overlay_kind;
	overlay->volume->overlay = overlay;
	overlay->admission.run = admission_run;
	overlay->transfers.run = overlay_transfers_run;
	for (unsigned i = 0; i < OVERLAY_REQUESTS; i++) {
		overlay->request[i].overlay = overlay;
		overlay->request[i].next = overlay->free_requests;
		overlay->free_requests = &overlay->request[i];
	}
	overlay->inner.overlay = overlay;
	for (unsigned i = 0; i < OVERLAY_CHILDREN; i++) {
		overlay->child[i].next = overlay->free_children;
		overlay->free_children = &overlay->child[i];
	}
	overlay_commit_init(overlay);
	overlay_operation_init(overlay);
}
