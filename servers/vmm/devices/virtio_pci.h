/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio over PCI, version 1 devices only (virtio 1.2, section 4.1): the transport, for any kind of device. */
#pragma once

#include <libsys/virtqueue.h>
#include "virtio_isr.h"

#define VIRTIO_QUEUES 9u
#define VIRTIO_F_INDIRECT_DESC ((uint64_t)1 << 28)
#define VIRTIO_F_EVENT_IDX ((uint64_t)1 << 29)
#define VIRTIO_F_VERSION_1 ((uint64_t)1 << 32)

struct virtio_device;

/* What makes a device of this or that kind. The functions from config_write on may be missing (NULL). */
struct virtio_device_ops {
	void (*notify)(struct virtio_device *device, unsigned queue); /* the driver added buffers */
	void (*started)(struct virtio_device *device);                /* DRIVER_OK was set */
	uint64_t (*config)(struct virtio_device *device, unsigned offset, unsigned size); /* reads device configuration */
	void (*config_write)(struct virtio_device *device, unsigned offset, unsigned size, uint64_t value);
	/* The driver sets FEATURES_OK, and `accepted` is a part of what was offered: false if these do not go together. */
	bool (*negotiated)(struct virtio_device *device);
	/* The next two are for a device whose queues are served by somebody else, in guest memory. */
	void (*changed)(struct virtio_device *device); /* virtio_running or virtio_notify_address may give something else */
	/*
	 * The driver resets the device, whose status was not 0: true if nobody uses its memory any more. Else it is asked again at
	 * each access of the driver, which sees the end of the reset only then.
	 */
	bool (*stopped)(struct virtio_device *device);
};

struct virtio_device {
	struct pci_function function; /* first: the PCI side hands it out */
	const struct virtio_device_ops *ops;
	const struct guest_memory *memory;
	uint64_t offered;    /* features */
	uint64_t accepted;
	unsigned queues;
	uint16_t queue_size; /* largest that is offered */
	uint32_t offered_select, accepted_select;
	uint16_t queue_select;
	uint8_t status;
	uint8_t resetting;   /* the status before a reset that is under way; else 0 */
	bool one_bell;       /* all queues have one notification address, */
	uint16_t apart;      /* but this one, if it is not 0 */
	uint8_t generation;  /* of the configuration */
	struct virtio_isr isr;
	uint8_t window;      /* offset of the capability for access through configuration space */
	struct virtqueue queue[VIRTIO_QUEUES];
};

/* A virtio device of this type (virtio 1.2, section 5) with PCI class class_code; to be plugged in by pci_add. */
void virtio_pci_init(struct virtio_device *device, const struct virtio_device_ops *ops,
		     const struct guest_memory *memory, uint16_t type, uint32_t class_code);

/* A page that the guest may read the ISR status in, its frame and the guest's space; before the guest runs. */
void virtio_isr_page(struct virtio_device *device, uint32_t *page, cptr_t frame, cptr_t space);

/* Whether the driver has set the device up and it may use its queues. */
bool virtio_running(const struct virtio_device *device);

/*
 * Where the driver notifies queue 0 (all queues but `apart` if one_bell is set), guest physical; 0 while the device's registers are not in the
 * memory window. It reads as 0, so a doorbell may stand in for it (docs/adding-a-device.md).
 */
uint64_t virtio_notify_address(const struct virtio_device *device);

/* Interrupts for queues that got buffers back from somebody who has asked the drivers' wishes himself. */
void virtio_interrupt(struct virtio_device *device);

/* Interrupts for a queue that got buffers back, if its driver wants that. */
void virtio_queue_done(struct virtio_device *device, struct virtqueue *queue);

/* Tells the driver that the configuration changed. */
void virtio_config_changed(struct virtio_device *device);

/* Stops the device until the driver resets it: the driver did something that makes no sense. */
void virtio_needs_reset(struct virtio_device *device);
