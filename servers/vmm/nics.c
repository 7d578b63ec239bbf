/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "devices/virtio_net.h"
#include "isr.h"
#include "nics.h"
#include "sessions.h"

_Static_assert(DISKS_PCI_DEVICE + BLOCK_DISKS_MAX <= NICS_PCI_DEVICE, "device numbers of the disks");
_Static_assert(NICS_BELL + NET_NICS_MAX <= VCPU_BELLS, "a bell for each disk and NIC");

static const struct session_kind kind = {
	.resource = "nic", .count = "nics", .shown = "NIC", .server = "net", .most = NET_NICS_MAX, .size = sizeof(struct net_session),
};

static struct {
	struct virtio_net nic[NET_NICS_MAX];
	unsigned count;
} nics;

static bool refuse(const struct net_session *page, uint32_t state, unsigned number, const char *guest)
{
	char name[12];

	snprintf(name, sizeof(name), "%u", number);
	sessions_refuse(&kind, state, page->problem, sizeof(page->problem), guest, name);
	return false;
}

bool nics_open(struct harts *harts, const struct guest_memory *memory, struct pci *pci, const char *name)
{
	unsigned count = sessions_count(&kind);
	uint64_t deadline = sessions_deadline();

	nics.count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct virtio_net *nic = &nics.nic[i];
		cptr_t signal;
		struct net_session *page = sessions_find(&kind, i, &signal);
		uint32_t state = sessions_wait(&kind, &page->state, deadline);

		if (state != NET_READY || !virtio_net_init(nic, harts, memory, page, signal, i, NICS_BELL + i))
			return refuse(page, state, i, name);
		pci_add(pci, &nic->session.device.function, NICS_PCI_DEVICE + i);
		isr_open(pci, &nic->session.device);
		nics.count++;
	}
	return true;
}

void nics_signalled(uint64_t bits)
{
	if (!(bits & NET_CLIENT_SIGNALS))
		return;
	for (unsigned i = 0; i < nics.count; i++) {
		if (bits & NET_CLIENT_SIGNAL(i))
			virtio_net_signalled(&nics.nic[i]);
	}
}
