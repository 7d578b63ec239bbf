/* SPDX-License-Identifier: Apache-2.0 */
#include "forward.h"

#include <libsys/bits.h>
#include <libsys/virtio_net.h>

#include "capture.h"
#include "offload.h"

struct forward forward;

/* A plain frame that was made of another one. */
static uint8_t bounce[NET_MTU_MAX + 64];

/* Whether the NIC does what the frame's sender left to be done. */
static bool does(const struct nic *nic, const struct frame *frame)
{
	uint64_t needed = 0;
	uint8_t type = frame->header.gso_type & (uint8_t)~NET_GSO_ECN;

	if (frame->header.flags)
		needed |= VIRTIO_NET_F_CSUM;
	if (type == NET_GSO_TCPV4)
		needed |= VIRTIO_NET_F_HOST_TSO4;
	else if (type == NET_GSO_TCPV6)
		needed |= VIRTIO_NET_F_HOST_TSO6;
	else if (type == NET_GSO_UDP_L4)
		needed |= VIRTIO_NET_F_HOST_USO;
	if (frame->header.gso_type & NET_GSO_ECN)
		needed |= VIRTIO_NET_F_HOST_ECN;
	return (nic->features & needed) == needed;
}

/* Whether all NICs of the set have room for it. A frame of more pieces than a NIC ever takes goes as far as it can. */
static bool room(port_set set, const struct frame *frame)
{
	for (set >>= NET_SESSIONS_MAX; set; set &= set - 1) {
		unsigned number = lowest_bit(set);
		struct nic *nic = &forward.nic[number];
		uint32_t needed = does(nic, frame) ? 1 : offload_count(frame);

		if (needed > FORWARD_PIECES)
			needed = FORWARD_PIECES;
		if (nic->driver->room(nic) >= needed)
			continue;
		nic->driver->await(nic);
		forward.full |= 1u << number;
		forward.sent |= 1u << number;
		return false;
	}
	return true;
}

/* Cuts and sums in software, in the NIC's own memory if it has some. false: it had no room for all. */
static __attribute__((noinline)) bool leave_plain(unsigned number, const struct frame *frame)
{
	struct nic *nic = &forward.nic[number];
	struct offload offload;
	bool good = true;

	offload_begin(&offload, frame);
	while (good) {
		uint32_t room, length;
		uint8_t *to = nic->driver->prepare(nic, &room);

		if (!to) {
			to = bounce;
			room = sizeof(bounce);
		}
		length = offload_next(&offload, to, room);
		if (!length)
			break;
		good = nic->driver->send_copy(nic, to, length);
		if (capture_wants(NET_SESSIONS_MAX + number))
			capture_received_plain(NET_SESSIONS_MAX + number, to, length, good ? NET_DROPS : NET_DROP_NO_BUFFER);
	}
	return good && offload_done(&offload);
}

/* Apart, for frames between guests have no use for its registers. */
static __attribute__((noinline)) void leave(unsigned number, const struct frame *frame, struct hold *hold)
{
	struct nic *nic = &forward.nic[number];
	struct net_port_status *counters = &forward.uplink[number];
	bool good = true;

	forward.sent |= 1u << number;
	/* What came from a NIC is in a buffer that it gets back: copied. */
	if (does(nic, frame) && (hold || !frame->segments)) {
		if (frame->segments) {
			hold->readers++;
			hold->port->held++;
		}
		good = nic->driver->send(nic, frame, hold);
		if (capture_wants(NET_SESSIONS_MAX + number))
			capture_received(NET_SESSIONS_MAX + number, frame, good ? NET_DROPS : NET_DROP_NO_BUFFER);
		if (!good && frame->segments) {
			hold->readers--;
			hold->port->held--;
		}
	} else {
		good = leave_plain(number, frame);
	}
	if (good) {
		counters->received_frames++;
		counters->received_bytes += frame->length;
	} else {
		counters->drops[NET_DROP_NO_BUFFER]++;
	}
}

static void deliver(port_set set, struct frame *frame, struct hold *hold)
{
	for (; set; set &= set - 1) {
		unsigned number = lowest_bit(set);

		if (number >= NET_SESSIONS_MAX)
			leave(number - NET_SESSIONS_MAX, frame, hold);
		else
			port_receive(&forward.port[number], frame);
	}
}

/* Those of the set that get frames without a tag. */
static port_set untagged(port_set set)
{
	port_set result = 0;

	for (port_set left = set; left; left &= left - 1) {
		if (forward.link[lowest_bit(left)].vlan)
			result |= left & -left;
	}
	return result;
}

__attribute__((hot)) enum forward_result forward_frame(struct net_switch *net, unsigned from, struct frame *frame, uint64_t now,
							struct hold *hold, enum net_drop *drop)
{
	port_set set = switch_route(net, from, frame, now, drop), plain;
	uint16_t vlan = forward.link[from].vlan;

	if (set && hold && !room(set, frame))
		return FORWARD_LATER;
	if (capture_wants(from))
		capture_sent(from, frame, *drop);
	if (!set)
		return FORWARD_DROPPED;
	frame->from = (uint8_t)from;
	if (!vlan && !frame->vlan) {
		deliver(set, frame, hold);
		return FORWARD_DONE;
	}
	plain = untagged(set);
	if (vlan) {
		/* From a port without tags: those like it first. A priority tag is none. */
		if (frame->tagged)
			frame_untag(frame);
		deliver(plain, frame, hold);
		if (set != plain && frame_tag(frame, vlan) == ERR_OK)
			deliver(set & ~plain, frame, hold);
	} else {
		deliver(set & ~plain, frame, hold);
		if (plain) {
			frame_untag(frame);
			deliver(plain, frame, hold);
		}
	}
	return FORWARD_DONE;
}
