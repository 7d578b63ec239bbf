/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net (virtio 1.2, section 5.1): one pair of queues. Frames are received into buffers of its own, and sent from where they are, with
 * header and head from a slot of its own. What is only copied needs no interrupt when it is gone.
 */
#include "driver_virtio_net.h"

#include <libsys/virtio_driver.h>
#include <libsys/virtio_net.h>
#include <string.h>

enum { QUEUE_RECEIVE = 0, QUEUE_SEND = 1 };

#define QUEUE_SIZE 256u
#define HEADER sizeof(struct net_header)
#define SLOT_SIZE 256u          /* bytes for header and head of a frame */
#define RECEIVE_SIZE (1u << 20) /* bytes for buffers to receive into */
#define COPY_SIZE (384u << 10)  /* to send copies from */
#define MERGED_SIZE 4096u       /* bytes of a buffer, if a frame may take several: a large segment is 17 of them */
#define REAP_ROOM 64u           /* below this, room is looked for */
_Static_assert(HEADER + sizeof(((struct frame *)0)->head) <= SLOT_SIZE, "slot");
_Static_assert(HEADER + NET_FRAME_MAX <= FRAME_SEGMENTS * MERGED_SIZE, "any frame fits into the buffers of one");

#define WANTED (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC | VIRTIO_NET_F_HOST_TSO4 | \
		VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_HOST_USO | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS | \
		VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC)

/* A frame that is being sent. */
struct slot {
	void *token;
	int16_t copy; /* number of its copy; -1: none */
};

struct virtio_net {
	struct virtio_driver driver;
	struct virtio_driver_queue receive, send;
	bool merges;         /* a frame may take several buffers */
	bool has_status, armed, full;
	uint32_t buffer_size, copy_size; /* bytes of each */
	unsigned buffers, copies;
	unsigned free_slots, free_copies, held; /* held: frames with a token in the device */
	uint8_t *buffer, *slots, *copy;
	uint64_t buffer_physical, slots_physical, copy_physical;
	struct slot slot[QUEUE_SIZE];
	uint8_t free_slot[QUEUE_SIZE], free_copy[QUEUE_SIZE];
};
_Static_assert(sizeof(struct virtio_net) <= sizeof(((struct nic *)0)->state), "the driver's state");

static inline struct virtio_net *state_of(struct nic *nic)
{
	return (struct virtio_net *)(void *)nic->state;
}

static void release(struct nic *nic, struct slot *slot)
{
	struct virtio_net *net = state_of(nic);
	void *token = slot->token;

	slot->token = NULL;
	net->free_slot[net->free_slots++] = (uint8_t)(slot - net->slot);
	if (slot->copy >= 0)
		net->free_copy[net->free_copies++] = (uint8_t)slot->copy;
	if (token) {
		net->held--;
		nic->sent(nic, token);
	}
}

static __attribute__((cold)) void fail(struct nic *nic, const char *reason)
{
	struct virtio_net *net = state_of(nic);
	struct slot *slot;

	virtio_driver_reset(&net->driver);
	nic_fail(nic, reason);
	while ((slot = virtio_driver_queue_drop(&net->send)) != NULL)
		release(nic, slot);
}

/* Takes back what was sent. false: the device has failed. */
static bool reap(struct nic *nic)
{
	struct virtio_net *net = state_of(nic);
	struct slot *slot;
	uint32_t written;
	bool error = false;

	while ((slot = virtio_driver_queue_take(&net->send, &written, &error)) != NULL) {
		net->armed = false;
		release(nic, slot);
	}
	if (error)
		fail(nic, "its send ring makes no sense");
	return !error;
}

/* Interrupts for sent frames only if somebody waits for them. */
static bool arm(struct nic *nic)
{
	struct virtio_net *net = state_of(nic);

	while ((net->held || net->full) && !net->armed) {
		net->armed = true;
		if (virtio_driver_queue_wait(&net->send) && !reap(nic))
			return false;
		if (net->free_slots >= REAP_ROOM && net->free_copies >= REAP_ROOM / 2)
			net->full = false;
	}
	return true;
}

static unsigned net_room(struct nic *nic)
{
	struct virtio_net *net = state_of(nic);
	unsigned room;

	if ((net->free_slots < REAP_ROOM || net->free_copies < REAP_ROOM) && !reap(nic))
		return 0;
	room = net->free_slots < net->free_copies ? net->free_slots : net->free_copies;
	return room;
}

static void net_await(struct nic *nic)
{
	state_of(nic)->full = true;
}

static struct slot *take_slot(struct virtio_net *net)
{
	struct slot *slot = &net->slot[net->free_slot[--net->free_slots]];

	slot->token = NULL;
	slot->copy = -1;
	return slot;
}

static __attribute__((hot)) bool net_send(struct nic *nic, const struct frame *frame, void *token)
{
	struct virtio_net *net = state_of(nic);
	struct virtio_piece piece[FRAME_SEGMENTS + 1];
	struct net_header header = frame->header;
	unsigned pieces = 1, number;
	struct slot *slot;
	uint8_t *memory;

	if (net->free_slots == 0)
		return false;
	slot = take_slot(net);
	number = (unsigned)(slot - net->slot);
	memory = net->slots + (size_t)number * SLOT_SIZE;
	header.buffers = 0;
	header.header_length = frame->header.gso_type == NET_GSO_NONE ? 0 : (uint16_t)frame_payload(frame);
	memcpy(memory, &header, HEADER);
	memcpy(memory + HEADER, frame->head, frame->head_length);
	piece[0] = (struct virtio_piece){ net->slots_physical + number * SLOT_SIZE, (uint32_t)HEADER + frame->head_length, false };
	for (uint32_t i = 0; i < frame->segments; i++)
		piece[pieces++] = (struct virtio_piece){ frame->segment[i].physical, frame->segment[i].length, false };
	if (!virtio_driver_queue_add(&net->send, piece, pieces, slot)) {
		net->free_slot[net->free_slots++] = (uint8_t)number;
		return false;
	}
	if (frame->segments) {
		slot->token = token;
		net->held++;
	}
	return true;
}

static inline uint8_t *copy_at(const struct virtio_net *net, unsigned number)
{
	return net->copy + (size_t)number * net->copy_size;
}

static uint8_t *net_prepare(struct nic *nic, uint32_t *room)
{
	const struct virtio_net *net = state_of(nic);

	*room = net->copy_size - (uint32_t)HEADER;
	return net->free_copies ? copy_at(net, net->free_copy[net->free_copies - 1]) + HEADER : NULL;
}

static bool net_send_copy(struct nic *nic, const uint8_t *data, uint32_t length)
{
	struct virtio_net *net = state_of(nic);
	struct virtio_piece piece;
	struct slot *slot;
	uint8_t *memory;

	if (net->free_slots == 0 || net->free_copies == 0 || length > net->copy_size - HEADER)
		return false;
	slot = take_slot(net);
	slot->copy = net->free_copy[--net->free_copies];
	memory = copy_at(net, (unsigned)slot->copy);
	memset(memory, 0, HEADER);
	if (data != memory + HEADER)
		memcpy(memory + HEADER, data, length);
	piece = (struct virtio_piece){ net->copy_physical + (uint64_t)slot->copy * net->copy_size, (uint32_t)HEADER + length, false };
	if (virtio_driver_queue_add(&net->send, &piece, 1, slot))
		return true;
	release(nic, slot);
	return false;
}

static void net_kick(struct nic *nic)
{
	virtio_driver_queue_kick(&state_of(nic)->send);
	(void)arm(nic);
}

static inline uint8_t *buffer_at(const struct virtio_net *net, unsigned number)
{
	return net->buffer + (size_t)number * net->buffer_size;
}

static void add_buffer(struct virtio_net *net, uint8_t *buffer)
{
	struct virtio_piece piece = { net->buffer_physical + (uint64_t)(buffer - net->buffer), net->buffer_size, true };

	/* There are no more of them than entries. */
	(void)virtio_driver_queue_add(&net->receive, &piece, 1, buffer);
}

/* Puts a frame together from `count` buffers; false: it is not one. */
static bool gather(const struct virtio_net *net, struct frame *frame, uint8_t *const *buffer, const uint32_t *written, unsigned count)
{
	uint32_t first = written[0] - (uint32_t)HEADER;

	frame->length = first;
	for (unsigned i = 1; i < count; i++)
		frame->length += written[i];
	frame->head_length = frame->length < FRAME_HEAD ? frame->length : FRAME_HEAD;
	if (first < frame->head_length)
		return false;
	memcpy(&frame->header, buffer[0], HEADER);
	memcpy(frame->head, buffer[0] + HEADER, frame->head_length);
	frame->segments = 0;
	for (unsigned i = 0; i < count; i++) {
		uint32_t from = i ? 0 : (uint32_t)HEADER + frame->head_length;

		if (written[i] == from)
			continue;
		frame->segment[frame->segments++] = (struct frame_segment){
			.data = buffer[i] + from, .physical = net->buffer_physical + (uint64_t)(buffer[i] - net->buffer) + from,
			.length = written[i] - from };
	}
	return true;
}

/* The next frame that came: the buffers that it took, 0: none, -1: the ring makes no sense. */
static __attribute__((hot)) int receive_one(struct nic *nic)
{
	static struct frame frame;
	struct virtio_net *net = state_of(nic);
	uint8_t *buffer[FRAME_SEGMENTS];
	uint32_t written[FRAME_SEGMENTS];
	unsigned count = 1, have = 1;
	bool error = false;

	buffer[0] = virtio_driver_queue_take(&net->receive, &written[0], &error);
	if (!buffer[0])
		return error ? -1 : 0;
	if (written[0] < HEADER)
		return -1;
	if (net->merges) {
		struct net_header header;

		memcpy(&header, buffer[0], HEADER);
		count = header.buffers;
	}
	if (count == 0 || count > FRAME_SEGMENTS)
		return -1;
	/* A frame's buffers come together (section 5.1.6.4). */
	for (; have < count; have++) {
		buffer[have] = virtio_driver_queue_take(&net->receive, &written[have], &error);
		if (!buffer[have])
			return -1;
	}
	if (gather(net, &frame, buffer, written, count))
		nic->received(nic, &frame);
	for (unsigned i = 0; i < count; i++)
		add_buffer(net, buffer[i]);
	return (int)count;
}

static bool net_work(struct nic *nic, unsigned most)
{
	struct virtio_net *net = state_of(nic);
	uint32_t interrupt = net->driver.ops->interrupt(&net->driver);
	bool more = false;

	if ((interrupt & 2) && virtio_driver_broken(&net->driver)) {
		fail(nic, "the device needs a reset");
		return false;
	}
	if ((interrupt & 2) && net->has_status)
		nic->link = virtio_driver_config(&net->driver, VIRTIO_NET_CONFIG_STATUS, 2) & 1;
	if (!reap(nic) || !arm(nic))
		return false;
	/* By buffers, so that large segments count as what they are. */
	for (unsigned done = 0; !more;) {
		int result = receive_one(nic);

		if (nic->failed)
			return false;
		if (result < 0) {
			fail(nic, "its receive ring makes no sense");
			return false;
		}
		if (result == 0 && !virtio_driver_queue_wait(&net->receive))
			break;
		done += (unsigned)result;
		more = done >= most;
	}
	virtio_driver_queue_kick(&net->receive);
	return more;
}

/* Divides the memory for DMA; what the server before left there the device does not look at any more. */
static enum err lay_out(struct virtio_net *net, const struct nic_resources *resources, uint64_t features)
{
	size_t ring = (virtio_driver_queue_bytes(QUEUE_SIZE) + 4095) & ~(size_t)4095;
	size_t at = 2 * ring;
	enum err err;

	if (!resources->dma || resources->dma_size < at + QUEUE_SIZE * SLOT_SIZE + RECEIVE_SIZE + COPY_SIZE)
		return ERR_NO_MEMORY;
	memset(resources->dma, 0, resources->dma_size);
	err = virtio_driver_queue_open(&net->driver, &net->receive, QUEUE_RECEIVE, QUEUE_SIZE, resources->dma, resources->dma_physical,
				       features);
	if (!err)
		err = virtio_driver_queue_open(&net->driver, &net->send, QUEUE_SEND, QUEUE_SIZE, resources->dma + ring,
					       resources->dma_physical + ring, features);
	if (err)
		return err == ERR_INVALID_ARGUMENT ? ERR_RANGE : err;
	/* No chain may be longer than the queue (section 2.7.5.3.1). */
	if (net->send.size < FRAME_SEGMENTS + 1)
		return ERR_RANGE;
	net->copy_size = (uint32_t)((resources->mtu + FRAME_OVERHEAD + HEADER + 63) & ~(size_t)63);
	net->copies = COPY_SIZE / net->copy_size;
	net->buffer_size = features & VIRTIO_NET_F_MRG_RXBUF ? MERGED_SIZE : net->copy_size;
	net->buffers = RECEIVE_SIZE / net->buffer_size;
	if (net->buffers > net->receive.size)
		net->buffers = net->receive.size;
	if (net->copies > QUEUE_SIZE)
		net->copies = QUEUE_SIZE;
	net->slots = resources->dma + at;
	net->slots_physical = resources->dma_physical + at;
	at += QUEUE_SIZE * SLOT_SIZE;
	net->buffer = resources->dma + at;
	net->buffer_physical = resources->dma_physical + at;
	at += RECEIVE_SIZE;
	net->copy = resources->dma + at;
	net->copy_physical = resources->dma_physical + at;
	for (unsigned i = 0; i < net->send.size; i++)
		net->free_slot[net->free_slots++] = (uint8_t)i;
	for (unsigned i = 0; i < net->copies; i++)
		net->free_copy[net->free_copies++] = (uint8_t)i;
	return ERR_OK;
}

/* What the other side's senders may leave to be done, as features for sending. */
static uint64_t sent_by_others(uint64_t features)
{
	static const struct {
		uint64_t receives, sends;
	} pair[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_CSUM }, { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_HOST_TSO4 },
		{ VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_TSO6 }, { VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_HOST_ECN },
		{ VIRTIO_NET_F_GUEST_USO4 | VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_HOST_USO },
	};
	uint64_t result = 0;

	for (unsigned i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		result |= features & pair[i].receives ? pair[i].sends : 0;
	return result;
}

static void read_config(struct nic *nic, struct virtio_net *net, uint64_t features)
{
	struct virtio_driver *driver = &net->driver;
	uint64_t mtu = features & VIRTIO_NET_F_MTU ? virtio_driver_config(driver, VIRTIO_NET_CONFIG_MTU, 2) : 0;

	for (unsigned i = 0; i < ETHERNET_ADDRESS; i++)
		nic->mac[i] = features & VIRTIO_NET_F_MAC ? (uint8_t)virtio_driver_config(driver, VIRTIO_NET_CONFIG_MAC + i, 1) : 0;
	nic->mtu = mtu && mtu < NET_MTU_MAX ? (uint32_t)mtu : NET_MTU_MAX;
	net->has_status = features & VIRTIO_NET_F_STATUS;
	net->merges = features & VIRTIO_NET_F_MRG_RXBUF;
	nic->link = !net->has_status || (virtio_driver_config(driver, VIRTIO_NET_CONFIG_STATUS, 2) & 1);
	nic->features = features & (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN |
				    VIRTIO_NET_F_HOST_USO);
	nic->receive_features = sent_by_others(features);
}

/* Large segments only in several buffers each: one of 64 KiB for each would be too much memory. */
static uint64_t wanted_features(struct virtio_driver *driver)
{
	uint64_t offered = driver->ops->features(driver), wanted = WANTED;

	if (!(offered & VIRTIO_NET_F_GUEST_CSUM))
		return wanted;
	if (offered & VIRTIO_NET_F_MRG_RXBUF)
		wanted |= VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_USO4 | VIRTIO_NET_F_GUEST_USO6;
	/* Section 5.1.3.1: needs one of the others. */
	if (offered & wanted & (VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6))
		wanted |= VIRTIO_NET_F_GUEST_ECN;
	return wanted;
}

static enum err net_open(struct nic *nic, const struct nic_resources *resources)
{
	struct virtio_net *net = state_of(nic);
	uint64_t features;
	enum err err;

	if (resources->config)
		err = virtio_pci_open(&net->driver, resources->config, resources->registers, resources->registers_size);
	else
		err = virtio_mmio_open(&net->driver, resources->registers, resources->registers_size);
	if (err)
		return err;
	if (net->driver.device != VIRTIO_ID_NET)
		return ERR_INVALID_ARGUMENT;
	err = virtio_driver_negotiate(&net->driver, wanted_features(&net->driver), VIRTIO_F_INDIRECT_DESC, &features);
	if (!err)
		err = lay_out(net, resources, features);
	if (err) {
		virtio_driver_reset(&net->driver);
		return err == ERR_INVALID_ARGUMENT ? ERR_RANGE : err;
	}
	read_config(nic, net, features);
	for (unsigned i = 0; i < net->buffers; i++)
		add_buffer(net, buffer_at(net, i));
	virtio_driver_start(&net->driver);
	(void)virtio_driver_queue_wait(&net->receive);
	virtio_driver_queue_kick(&net->receive);
	return ERR_OK;
}

const struct nic_driver driver_virtio_net = {
	.name = "virtio-net",
	.open = net_open,
	.room = net_room,
	.await = net_await,
	.send = net_send,
	.prepare = net_prepare,
	.send_copy = net_send_copy,
	.kick = net_kick,
	.work = net_work,
};
