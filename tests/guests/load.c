/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that keeps a server busy for ever: the net server with small frames, many at once, if it has a NIC; else the block server with
 * doorbells of its first disk, without a request.
 */
#include "virtio_disk.h"
#include "virtio_nic.h"

#include <string.h>

#define FRAMES 32u /* at once */

static struct nic nic;
static struct disk disk;
static uint8_t frame[NIC_HEADER + 60];

static void send(void)
{
	volatile struct ring *ring = &nic.ring[NIC_SEND];

	memset(frame + NIC_HEADER, 0x52, 6); /* nobody: all ports get it */
	memcpy(frame + NIC_HEADER + 6, nic.mac, 6);
	for (uint16_t i = 0; i < FRAMES; i++)
		ring_describe(ring, i, frame, sizeof(frame), 0, 0);
	for (;;) {
		for (uint16_t i = 0; i < FRAMES; i++)
			ring_offer(ring, i);
		virtio_notify(&nic.device, NIC_SEND);
		for (unsigned i = 0; i < FRAMES; i++)
			while (ring_take(ring, &nic.seen[NIC_SEND]) < 0)
				;
	}
}

void payload_main(void)
{
	if (nic_find(&nic) && nic_start(&nic, 0)) {
		print("load: sends\n");
		send();
	}
	if (disk_find(&disk, 0) && disk_start(&disk, 0)) {
		print("load: rings\n");
		for (;;)
			disk_notify(&disk);
	}
	print("load: has nothing to do\n");
	payload_exit(1);
}
