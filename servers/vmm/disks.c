/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "devices/virtio_blk.h"
#include "disks.h"
#include "isr.h"
#include "sessions.h"

static const struct session_kind kind = {
	.resource = "disk", .count = "disks", .shown = "disk", .server = "block", .most = BLOCK_DISKS_MAX,
	.size = sizeof(struct block_session),
};

static struct {
	struct virtio_blk disk[BLOCK_DISKS_MAX];
	unsigned count;
} disks;

static bool refuse(const struct block_session *page, uint32_t state, unsigned number, const char *guest)
{
	char name[BLOCK_SERIAL_SIZE + 1];

	sessions_text(name, sizeof(name), page->serial, sizeof(page->serial));
	if (!name[0])
		snprintf(name, sizeof(name), "%u", number);
	sessions_refuse(&kind, state, page->problem, sizeof(page->problem), guest, name);
	return false;
}

bool disks_open(struct harts *harts, const struct guest_memory *memory, struct pci *pci, const char *name)
{
	unsigned count = sessions_count(&kind);
	uint64_t deadline = sessions_deadline();

	disks.count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct virtio_blk *disk = &disks.disk[i];
		cptr_t signal;
		struct block_session *page = sessions_find(&kind, i, &signal);
		uint32_t state = sessions_wait(&kind, &page->state, deadline);

		if (state != BLOCK_READY || !virtio_blk_possible(page))
			return refuse(page, state, i, name);
		virtio_blk_init(disk, harts, memory, page, signal, i);
		pci_add(pci, &disk->session.device.function, DISKS_PCI_DEVICE + i);
		isr_open(pci, &disk->session.device);
		disks.count++;
	}
	return true;
}

void disks_signalled(uint64_t bits)
{
	if (!(bits & BLOCK_CLIENT_SIGNALS))
		return;
	for (unsigned i = 0; i < disks.count; i++) {
		if (bits & BLOCK_CLIENT_SIGNAL(i))
			virtio_session_signalled(&disks.disk[i].session);
	}
}
