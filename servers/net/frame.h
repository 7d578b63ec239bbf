/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Ethernet frame on its way through the switch. Its head is copied from the sender's memory once, checked, and used from the copy; the
 * rest stays where it is until it is copied to a receiver or given to a NIC. What a guest changes meanwhile harms only its own frames.
 */
#pragma once

#include <abi/types.h>

#define FRAME_HEAD 192u     /* bytes: Ethernet, two tags, IPv6 with some extensions, TCP with options */
#define FRAME_SEGMENTS 32u
#define FRAME_MIN 14u       /* bytes of a frame; padding to 60 is the NIC's business */
#define ETHERNET_ADDRESS 6u
#define FRAME_ARP 0x0806u   /* type */
#define FRAME_ICMPV6 58u    /* protocol */
#define FRAME_OVERHEAD 22u  /* bytes of a frame beside its payload: Ethernet and two tags */

/* Header before each frame in a queue (virtio 1.2, section 5.1.6): 12 bytes, num_buffers always there. */
struct net_header {
	uint8_t flags;       /* NET_HEADER_* */
	uint8_t gso_type;    /* NET_GSO_* */
	uint16_t header_length; /* a hint only, never trusted */
	uint16_t gso_size;   /* bytes of payload of each segment */
	uint16_t checksum_start, checksum_offset;
	uint16_t buffers;
};
_Static_assert(sizeof(struct net_header) == 12, "virtio net header");

enum { NET_HEADER_NEEDS_CHECKSUM = 1, NET_HEADER_DATA_VALID = 2 };
/* UDP datagrams to be cut into IP fragments (type 3) are not served: no stack makes them any more. */
enum { NET_GSO_NONE = 0, NET_GSO_TCPV4 = 1, NET_GSO_TCPV6 = 4, NET_GSO_UDP_L4 = 5, NET_GSO_ECN = 0x80 };

/* A piece of the frame behind its head. */
struct frame_segment {
	const uint8_t *data; /* where this server sees it */
	uint64_t physical;   /* where a NIC sees it */
	uint32_t length;     /* bytes */
};

struct frame {
	struct net_header header;  /* checked by frame_check; flags and gso_type are 0 for plain frames */
	uint32_t length;           /* bytes of all, without net_header */
	uint32_t head_length;      /* bytes of it in head */
	uint32_t segments;         /* of the rest */
	struct frame_segment segment[FRAME_SEGMENTS];
	/* Filled by frame_check, offsets in head: */
	uint16_t type;             /* Ethernet type behind tags, host order */
	uint16_t vlan;             /* identifier of the outer 802.1Q tag, 0: none */
	bool tagged;
	uint8_t network;           /* where the network header begins */
	uint8_t transport;         /* where TCP or UDP begins; 0: not known */
	uint8_t protocol;          /* 6 TCP, 17 UDP, 58 ICMPv6 ...; 0: not known */
	uint8_t from;              /* port of the switch, set as it is forwarded */
	_Alignas(8) uint8_t pad[6]; /* so that the network header is aligned */
	struct net_header given;   /* what its present receiver gets before the head */
	uint8_t head[FRAME_HEAD + 8]; /* room for a tag */
};
_Static_assert(offsetof(struct frame, head) == offsetof(struct frame, given) + sizeof(struct net_header), "they are copied as one");

/*
 * Looks at the head: lengths, tags, IP headers; and whether the offload header fits the frame (checksum within it, TCP of the right family
 * behind gso_type, gso_size of TCP 48 at least, not more than 1365 parts). What is one segment only becomes NET_GSO_NONE. features: VIRTIO_NET_F_* that the sender agreed on. false: NET_DROP_BAD_FRAME.
 */
bool frame_check(struct frame *frame, uint64_t features) __attribute__((warn_unused_result));

/* Where the payload begins, of a frame that frame_check found to be TCP or UDP with all of its header in the head. */
uint32_t frame_payload(const struct frame *frame);

/* Whether it, or if it is to be cut then each of its parts, is as long as a network with this MTU (bytes) takes. Checked by frame_check. */
bool frame_fits(const struct frame *frame, uint32_t mtu);

/* Puts an 802.1Q tag in, or takes the outer one out. ERR_RANGE: no room in the head. */
enum err frame_tag(struct frame *frame, uint16_t vlan) __attribute__((warn_unused_result));
void frame_untag(struct frame *frame);

/* Copies bytes of the frame to memory; from + length is within it. */
void frame_copy(const struct frame *frame, uint32_t from, uint8_t *to, uint32_t length);

/* Whether source addresses of ARP, IPv4 and IPv6 in the frame are among those allowed, and what it says is, too. */
struct frame_addresses {
	uint32_t count4, count6;
	bool client; /* it has to be given its own by another port: it may not give any by DHCP, or as a router of IPv6 */
	uint8_t address4[4][4], address6[4][16];
};
bool frame_source_allowed(const struct frame *frame, const struct frame_addresses *allowed, const uint8_t mac[ETHERNET_ADDRESS]);

/* Whether it says by ARP or neighbour discovery that its sender has one of these addresses, or the link-local one of this MAC. */
bool frame_claims(const struct frame *frame, const struct frame_addresses *addresses, const uint8_t mac[ETHERNET_ADDRESS]);

static inline bool frame_is_multicast(const struct frame *frame)
{
	return frame->head[0] & 1;
}
