/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_nic.h"

#include <string.h>

#define REGISTERS 0x49000000u /* of the BAR */
#define FUNCTION_ID 0x10411af4u
#define F_MQ (UINT64_C(1) << 22)

static uint8_t buffer[2][RING_SIZE][NIC_BUFFER] __attribute__((aligned(4096)));
static uint8_t out[NIC_HEADER + 1514];

bool nic_find(struct nic *nic)
{
	if (!virtio_find(&nic->device, FUNCTION_ID, 0, REGISTERS))
		return false;
	for (unsigned i = 0; i < sizeof(nic->mac); i++)
		nic->mac[i] = nic->device.config[i];
	return true;
}

bool nic_agree(struct nic *nic, uint64_t features)
{
	nic->queues = features & F_MQ ? 5 : 3;
	for (unsigned i = 0; i < NIC_QUEUES; i++)
		nic->seen[i] = 0;
	return virtio_agree(&nic->device, features | NIC_F_CTRL_VQ);
}

bool nic_start(struct nic *nic, uint64_t features)
{
	if (!nic_agree(nic, features))
		return false;
	for (unsigned i = 0; i < nic->queues; i++)
		virtio_queue(&nic->device, i, &nic->ring[i]);
	return virtio_start(&nic->device);
}

void nic_fill(struct nic *nic, unsigned queue)
{
	for (uint16_t i = 0; i < RING_SIZE; i++) {
		ring_describe(&nic->ring[queue], i, buffer[queue / 2][i], NIC_BUFFER, RING_WRITE, 0);
		ring_offer(&nic->ring[queue], i);
	}
	virtio_notify(&nic->device, queue);
}

static int wait_for(struct nic *nic, unsigned queue, unsigned ms)
{
	uint64_t end = csr_read(time) + (uint64_t)ms * TICKS_MS;
	int head;

	do {
		head = ring_take(&nic->ring[queue], &nic->seen[queue]);
	} while (head < 0 && csr_read(time) < end);
	return head;
}

bool nic_send(struct nic *nic, unsigned queue, const uint8_t *frame, uint32_t length)
{
	if (length > sizeof(out) - NIC_HEADER)
		return false;
	memset(out, 0, NIC_HEADER);
	memcpy(out + NIC_HEADER, frame, length);
	ring_describe(&nic->ring[queue], 0, out, NIC_HEADER + length, 0, 0);
	ring_offer(&nic->ring[queue], 0);
	virtio_notify(&nic->device, queue);
	return wait_for(nic, queue, 5000) >= 0;
}

/* Looks at what came, of either pair, and gives the buffers back; whether the answer was among it. */
static bool look(struct nic *nic, uint8_t host)
{
	const uint8_t wanted[] = { 0, 2 };
	bool found = false;

	for (unsigned queue = NIC_RECEIVE; queue + 1 < nic->queues; queue += 2) {
		int head;

		while ((head = ring_take(&nic->ring[queue], &nic->seen[queue])) >= 0) {
			const uint8_t *frame = buffer[queue / 2][head] + NIC_HEADER;

			if (frame[12] == 8 && frame[13] == 6 && memcmp(frame + 20, wanted, 2) == 0 && frame[31] == host)
				found = true;
			ring_offer(&nic->ring[queue], (uint16_t)head);
			virtio_notify(&nic->device, queue);
		}
	}
	return found;
}

bool nic_ask(struct nic *nic, uint8_t host, unsigned ms)
{
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0, 0, 0, 0,
			      10, 0, 2, 66, 0, 0, 0, 0, 0, 0, 10, 0, 2, host };
	uint64_t end = csr_read(time) + (uint64_t)ms * TICKS_MS;

	memcpy(frame + 6, nic->mac, 6);
	memcpy(frame + 22, nic->mac, 6);
	do {
		uint64_t again = csr_read(time) + 500u * TICKS_MS;

		if (!nic_send(nic, NIC_SEND, frame, sizeof(frame)))
			return false;
		do {
			if (look(nic, host))
				return true;
		} while (csr_read(time) < again);
	} while (csr_read(time) < end);
	return false;
}

uint8_t nic_command(struct nic *nic, uint8_t class, uint8_t command, const void *data, uint32_t length)
{
	unsigned queue = nic->queues - 1;
	volatile uint8_t answer = 0xff;
	uint8_t header[2] = { class, command };

	ring_describe(&nic->ring[queue], 0, header, sizeof(header), RING_NEXT, length ? 1 : 2);
	ring_describe(&nic->ring[queue], 1, data, length, RING_NEXT, 2);
	ring_describe(&nic->ring[queue], 2, (const void *)&answer, 1, RING_WRITE, 0);
	ring_offer(&nic->ring[queue], 0);
	virtio_notify(&nic->device, queue);
	(void)wait_for(nic, queue, 5000);
	__asm__ volatile("" ::"r"(header) : "memory");
	return answer;
}
