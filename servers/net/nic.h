/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical NICs, and the seam for their drivers: a driver is one file that fills struct nic_driver, and a line in the table of nic.c. It sees
 * registers, an interrupt, and memory for rings and buffers; nothing of switches or guests.
 */
#pragma once

#include <proto/net.h>

#include "frame.h"

struct nic;

/* As struct disk_resources of the block server. */
struct nic_resources {
	volatile uint8_t *registers;
	size_t registers_size;
	volatile uint8_t *config; /* PCI, else NULL */
	uint8_t *dma;             /* zeroed, contiguous on the bus, NET_DMA_DEVICE bytes */
	uint64_t dma_physical;
	size_t dma_size;
	uint32_t mtu;             /* of its switch: the longest frames that it shall receive */
};

struct nic_driver {
	const char *name;
	/* Resets the device and makes it ready with receive buffers in place; errors as of struct disk_driver. */
	enum err (*open)(struct nic *nic, const struct nic_resources *resources) __attribute__((warn_unused_result));
	/* How many frames can be sent now. */
	unsigned (*room)(struct nic *nic);
	/* Makes sure, at the next kick, that work is called when there is room again. */
	void (*await)(struct nic *nic);
	/*
	 * Sends a checked frame that is plain, or leaves to be done what `features` has. Its head is copied; if it has segments, the device reads
	 * them later: token, not NULL then, comes back by `sent` when it has. false: no room now.
	 */
	bool (*send)(struct nic *nic, const struct frame *frame, void *token);
	/* Where the next copy can be made in place, of at most *room bytes; NULL: nowhere. Good until something is sent. */
	uint8_t *(*prepare)(struct nic *nic, uint32_t *room);
	/* Sends a copy of a plain frame, or what was made where prepare said: the memory is free at once. false: no room. */
	bool (*send_copy)(struct nic *nic, const uint8_t *data, uint32_t length);
	/* Lets the device look at what was sent; may call `sent`. */
	void (*kick)(struct nic *nic);
	/* Deals with an interrupt: calls `sent` and `received` for what came; at most `most` frames. true: there is more. */
	bool (*work)(struct nic *nic, unsigned most);
};

struct nic {
	const struct nic_driver *driver;
	uint8_t mac[ETHERNET_ADDRESS];
	uint32_t mtu;              /* most that it sends; NET_MTU_MAX if it does not say */
	bool link;
	uint64_t features;         /* VIRTIO_NET_F_* for sending: CSUM, HOST_TSO4 and so on; 0: none */
	uint64_t receive_features; /* likewise, of what it receives: what the other side's sender may leave to be done */
	unsigned number;
	bool failed;
	/* Of whoever opened it. frame: not yet checked, valid during the call. */
	void (*received)(struct nic *nic, struct frame *frame);
	void (*sent)(struct nic *nic, void *token);
	_Alignas(16) uint8_t state[16384]; /* the driver's own */
};

/*
 * Finds the driver that takes the device; number, received and sent are set before. ERR_INVALID_ARGUMENT: none; the others as struct nic_driver's
 * open. After an error it has failed, and may be used all the same: nothing is sent or received.
 */
enum err nic_open(struct nic *nic, const struct nic_resources *resources) __attribute__((warn_unused_result));

/* For drivers: the device makes no sense any more; nothing is sent or received from now on. */
void nic_fail(struct nic *nic, const char *reason);
