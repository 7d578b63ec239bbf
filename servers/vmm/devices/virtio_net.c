/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "bytes.h"
#include "virtio_net.h"

#define TYPE_NETWORK 1u
#define CLASS_NETWORK_ETHERNET 0x020000u

/* Device configuration (section 5.1.4). */
enum {
	CONFIG_MAC = 0,
	CONFIG_STATUS = 6,
	CONFIG_MAX_PAIRS = 8,
	CONFIG_MTU = 10,
	CONFIG_SPEED = 12,
	CONFIG_DUPLEX = 16,
};
enum { STATUS_LINK_UP = 1, STATUS_ANNOUNCE = 2 };

/* There is no line whose speed could be told; drivers that weigh links by it see what Linux says of its own virtual ones. */
#define SPEED_MEGABITS 10000u
#define DUPLEX_FULL 1u

#define MTU_MIN 68u /* of the configuration (section 5.1.4.1) */

#define OFFERED (NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MTU | NET_F_MAC | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_GUEST_ECN | \
		 NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_HOST_ECN | NET_F_MRG_RXBUF | NET_F_STATUS | NET_F_CTRL_VQ | NET_F_CTRL_RX | \
		 NET_F_CTRL_VLAN | NET_F_CTRL_RX_EXTRA | NET_F_GUEST_ANNOUNCE | NET_F_CTRL_MAC_ADDR | NET_F_GUEST_USO4 | \
		 NET_F_GUEST_USO6 | NET_F_HOST_USO | NET_F_SPEED_DUPLEX | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX)

_Static_assert(VIRTIO_QUEUES >= NET_QUEUES_MAX + 1, "queues of a session, and the control queue");

static inline struct virtio_net *to_net(struct virtio_device *device)
{
	return (struct virtio_net *)device;
}

/* Features that need one of some others (section 5.1.3.1). */
static bool go_together(uint64_t accepted)
{
	static const struct {
		uint64_t features, need;
	} rule[] = {
		{ NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_GUEST_USO4 | NET_F_GUEST_USO6, NET_F_GUEST_CSUM },
		{ NET_F_GUEST_ECN, NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 },
		{ NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_HOST_USO, NET_F_CSUM },
		{ NET_F_HOST_ECN, NET_F_HOST_TSO4 | NET_F_HOST_TSO6 },
		{ NET_F_CTRL_RX | NET_F_CTRL_VLAN | NET_F_CTRL_RX_EXTRA | NET_F_GUEST_ANNOUNCE | NET_F_MQ | NET_F_CTRL_MAC_ADDR,
		  NET_F_CTRL_VQ },
	};

	for (unsigned i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		if ((accepted & rule[i].features) && !(accepted & rule[i].need))
			return false;
	}
	return true;
}

/* Where the control queue is depends on MQ (section 5.1.2). */
static bool negotiated(struct virtio_device *device)
{
	struct virtio_net *net = to_net(device);
	unsigned queues = device->accepted & NET_F_MQ ? 2 * net->pairs : 2;

	if (!go_together(device->accepted))
		return false;
	net->session.queues = queues;
	net->control = device->accepted & NET_F_CTRL_VQ ? (uint16_t)queues : 0;
	device->apart = net->control;
	return true;
}

static void begin(struct virtio_session *session)
{
	struct virtio_net *net = to_net(&session->device);
	struct net_setup *setup = &net->page->setup;

	*setup = (struct net_setup){ .features = session->device.accepted, .queues = session->queues };
	for (unsigned i = 0; i < session->queues; i++) {
		const struct virtqueue *queue = virtio_session_queue(session, i);

		if (!queue)
			continue;
		setup->queue[i].descriptors = queue->descriptors;
		setup->queue[i].available = queue->available;
		setup->queue[i].used = queue->used;
		setup->queue[i].size = queue->size;
	}
	net->announce = __atomic_load_n(&net->page->announce, __ATOMIC_ACQUIRE);
	virtio_net_control_begin(net);
}

static bool stopped(struct virtio_device *device)
{
	to_net(device)->config[CONFIG_STATUS] &= (uint8_t)~STATUS_ANNOUNCE;
	return virtio_session_stopped(device);
}

static void notify(struct virtio_device *device, unsigned queue)
{
	struct virtio_net *net = to_net(device);

	if (net->control && queue == net->control)
		virtio_net_control(net);
	else
		virtio_session_signal(&net->session);
}

static uint64_t config(struct virtio_device *device, unsigned offset, unsigned size)
{
	return offset + size <= VIRTIO_NET_CONFIG_SIZE ? bytes_get(to_net(device)->config + offset, size) : 0;
}

static void set_status(struct virtio_net *net, uint8_t status)
{
	if (net->config[CONFIG_STATUS] == status)
		return;
	net->config[CONFIG_STATUS] = status;
	if (net->session.device.accepted & NET_F_STATUS)
		virtio_config_changed(&net->session.device);
}

void virtio_net_announced(struct virtio_net *net)
{
	net->config[CONFIG_STATUS] &= (uint8_t)~STATUS_ANNOUNCE;
}

static void look_at_link(struct virtio_net *net)
{
	const uint64_t wanted = NET_F_STATUS | NET_F_GUEST_ANNOUNCE;
	uint32_t announce = __atomic_load_n(&net->page->announce, __ATOMIC_ACQUIRE);
	uint8_t status = net->config[CONFIG_STATUS] & STATUS_ANNOUNCE;

	if (__atomic_load_n(&net->page->link, __ATOMIC_ACQUIRE))
		status |= STATUS_LINK_UP;
	if (announce != net->announce && virtio_running(&net->session.device) && (net->session.device.accepted & wanted) == wanted)
		status |= STATUS_ANNOUNCE;
	net->announce = announce;
	set_status(net, status);
}

void virtio_net_signalled(struct virtio_net *net)
{
	struct virtio_device *device = &net->session.device;

	virtio_session_signalled(&net->session);
	look_at_link(net);
	if (!net->control || !virtio_running(device))
		return;
	virtio_net_control(net);
	if (device->queue[net->control].broken)
		virtio_needs_reset(device);
}

/* Takes over what the server says of the NIC; each field is read once. */
static bool describe(struct virtio_net *net)
{
	static const uint8_t none[sizeof(net->mac)];
	uint32_t mtu = net->page->mtu;
	uint8_t *bytes = net->config;

	memcpy(net->mac, net->page->mac, sizeof(net->mac));
	if ((net->mac[0] & 1) || !memcmp(net->mac, none, sizeof(none)) || mtu < MTU_MIN || mtu > NET_MTU_MAX)
		return false;
	memcpy(bytes + CONFIG_MAC, net->mac, sizeof(net->mac));
	bytes_put(bytes + CONFIG_MAX_PAIRS, 2, net->pairs);
	bytes_put(bytes + CONFIG_MTU, 2, mtu);
	bytes_put(bytes + CONFIG_SPEED, 4, SPEED_MEGABITS);
	bytes[CONFIG_DUPLEX] = DUPLEX_FULL;
	net->announce = __atomic_load_n(&net->page->announce, __ATOMIC_ACQUIRE);
	look_at_link(net);
	return true;
}

bool virtio_net_init(struct virtio_net *net, struct harts *harts, const struct guest_memory *memory, struct net_session *page,
		     cptr_t signal, unsigned number, unsigned bell)
{
	static const struct virtio_device_ops ops = {
		.notify = notify, .started = virtio_session_changed, .config = config, .negotiated = negotiated,
		.changed = virtio_session_changed, .stopped = stopped,
	};
	unsigned pairs = harts->count < NET_PAIRS_MAX ? harts->count : NET_PAIRS_MAX;

	*net = (struct virtio_net){
		.session = {
			.device = { .offered = OFFERED | (pairs > 1 ? NET_F_MQ : 0), .queues = 2 * pairs + 1,
				    .queue_size = NET_QUEUE_SIZE, .one_bell = true, .apart = (uint16_t)(2 * pairs) },
			.harts = harts, .signal = signal, .bell = bell, .queues = 2 * pairs, .begin = begin,
			.page = { &page->server, &page->done, &page->broken, &page->wanted },
		},
		.page = page, .number = number, .pairs = pairs,
	};
	if (!describe(net))
		return false;
	/* Another number than one that somebody left there. */
	net->wishes.filter.sequence = (page->filter.sequence + 1) & ~1u;
	virtio_session_open(&net->session);
	virtio_pci_init(&net->session.device, &ops, memory, TYPE_NETWORK, CLASS_NETWORK_ETHERNET);
	return true;
}
