/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio-net device for tests of its driver: the device side of the same queues, behind a transport of functions. */
#pragma once

#include <libsys/virtio_driver.h>
#include <libsys/virtio_net.h>
#include <libsys/virtqueue.h>
#include <nic.h>

#define BUS_BASE UINT64_C(0x40000000)
#define BUS_SIZE (NET_DMA_DEVICE + (256u << 10))
#define DATA_OFFSET NET_DMA_DEVICE /* on the bus: the driver's memory, then data */
#define WIRE_FRAMES 600u

extern uint8_t bus[BUS_SIZE]; /* what the device sees */
extern struct nic_device {
	uint64_t features, accepted;
	uint8_t status, config[64];
	uint16_t queue_size;
	struct virtqueue queue[2];
	struct guest_memory memory;
	unsigned kicks, resets, warnings;
	uint32_t interrupt;  /* what its register says next */
	bool holds;          /* leaves what is to be sent in the ring */
	struct { struct net_header header; uint32_t length; uint8_t data[10000]; } *wire; /* what it sent, WIRE_FRAMES of them */
	unsigned sent;
} device;

/* Sends so many frames of the ring. */
void device_send(unsigned most);

/* Receives a frame, over so many buffers as it takes; each gets at most `piece` bytes. false: there were too few. */
bool device_receive(const struct net_header *header, const uint8_t *data, uint32_t length, uint32_t piece);
