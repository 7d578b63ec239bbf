/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Net server <-> its clients (VMMs), the root task and the console: as with the block server (<proto/block.h>), shared memory and
 * notifications only. docs/network.md tells the whole story.
 *
 * A session is one NIC of one guest; sessions are numbered over the guests of the system description, in order, and their NICs. Those of the
 * gateway (docs/network.md), which is its own VMM and driver, come last. The VMM
 * shows a virtio-net device and does configuration, the control queue, reset and interrupts; the server works on the receive and transmit
 * queues in the guest's memory. Receive queue i is queue 2 i, transmit queue i is queue 2 i + 1 (virtio 1.2, section 5.1.2).
 *
 * Buffers of a queue are given back in the order in which they were taken. So a server that begins anew knows from the used index what is
 * next; frames that were under way are sent again or lost, as on any network.
 */
#pragma once

#include <abi/types.h>
#include <proto/attach.h>

#define NET_SESSIONS_MAX 32u /* of the system */
#define NET_NICS_MAX 4u      /* of a guest */
#define NET_SWITCHES_MAX 8u
#define NET_DEVICES_MAX 4u   /* physical NICs */
#define NET_CAPTURES_MAX 3u   /* devices that frames are captured to, after the NICs */
#define NET_CAPTURE_FILE_MAX 127u /* bytes of a captured file's name that are kept */
#define NET_PAIRS_MAX 4u     /* receive and transmit queues of a session */
#define NET_QUEUES_MAX (2u * NET_PAIRS_MAX)
#define NET_QUEUE_SIZE 256u  /* most entries of a queue */
#define NET_NAME_MAX 15u     /* characters of a switch or NIC */
#define NET_MACS_MAX 16u     /* addresses that a driver may ask for beside its own */
#define NET_FRAME_MAX 65550u /* bytes of a frame with offloads, without the virtio header */
#define NET_MTU_MAX 9000u
#define NET_PAGE 4096u

#define NET_DMA_DEVICE (4u << 20) /* bytes for each device, contiguous on the bus */

/* Badge bits of the server's notification; sessions and lines are shared as at the block server. */
#define NET_SIGNAL_SESSION(session) (UINT64_C(1) << ((session) % 16))
#define NET_SIGNAL_DEVICE(device) (UINT64_C(1) << (16 + (device)))
#define NET_SIGNAL_CONTROL (UINT64_C(1) << 24)

/* Bit that the server signals to a VMM, per NIC of the guest. */
#define NET_CLIENT_SIGNAL(nic) (UINT64_C(1) << (12 + (nic)))
#define NET_CLIENT_SIGNALS (UINT64_C(15) << 12)

enum net_state { NET_WAITING = 0, NET_READY = 1, NET_FAILED = 2 };

/* What the driver in the guest set up; guest physical addresses. */
struct net_setup {
	uint64_t features; /* accepted: VIRTIO_NET_F_*, VIRTIO_F_* */
	uint32_t queues;   /* receive and transmit, not the control queue; even */
	uint32_t reserved;
	struct {
		uint64_t descriptors, available, used;
		uint32_t size; /* 0: not enabled */
		uint32_t reserved;
	} queue[NET_QUEUES_MAX];
};

/* What the driver wants to receive: from its control queue, by way of the VMM, at any time. */
struct net_filter {
	uint32_t sequence;  /* the VMM makes it odd before it writes, even after; the server reads again if it changed */
	uint32_t pairs;     /* in use, 1 to NET_PAIRS_MAX */
	uint8_t mac[6];     /* the device's address now; 0: the session's */
	uint8_t promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
	uint32_t macs;      /* further addresses, unicast and multicast */
	uint8_t address[NET_MACS_MAX][6];
	uint8_t vlan[512];  /* a bit for each VLAN, used if CTRL_VLAN was accepted */
};

/* One page, shared by client and server. Set-up, reset and restart go as in struct block_session. */
struct net_session {
	/* Written by the server. */
	uint32_t server;   /* starts of the server so far */
	uint32_t state;    /* enum net_state; the rest of this part counts from NET_READY on */
	uint32_t done;     /* the `wanted` that is in effect */
	uint32_t broken;   /* the odd `wanted` whose queues made no sense, 0: none */
	uint32_t link;     /* 1: up; a change is signalled */
	uint32_t announce; /* counts up when the driver should announce its addresses again (GUEST_ANNOUNCE); signalled */
	uint32_t mtu;      /* bytes */
	uint32_t flags;    /* none yet */
	uint8_t mac[6];
	uint8_t pad0[2];
	char problem[108]; /* NUL-terminated */
	uint8_t pad1[1024 - 148];
	/* Written by the client. */
	uint32_t wanted;
	uint32_t reserved;
	struct net_setup setup;
	struct net_filter filter;
};
_Static_assert(sizeof(struct net_session) <= NET_PAGE, "one page");

/* Why a frame was dropped. */
enum net_drop {
	NET_DROP_NO_BUFFER,  /* the receiver had none */
	NET_DROP_SHARE,      /* the receiver had few left, and its sender its share of them */
	NET_DROP_BAD_FRAME,  /* too short, too long, or its offload header makes no sense */
	NET_DROP_SOURCE_MAC, /* spoofed */
	NET_DROP_SOURCE_IP,  /* spoofed: not one of the NIC's addresses */
	NET_DROP_VLAN,       /* tagged where tags are not allowed, or another VLAN */
	NET_DROP_RATE,       /* over a limit that drops: broadcast and multicast */
	NET_DROP_ISOLATED,   /* between two ports of one isolation group */
	NET_DROP_LINK,       /* the port was down */
	NET_DROPS,
};

/* Server to root and console, read-only there. */
struct net_port_status {
	char name[NET_NAME_MAX + 1];        /* guest's name, or "uplink" */
	char net[NET_NAME_MAX + 1];         /* of the switch */
	uint8_t mac[6];
	uint8_t link;
	uint8_t capturing; /* 0: no, else its capture, from 1 */
	uint32_t state;   /* enum net_state */
	uint32_t serving; /* 1: the driver is at work */
	uint64_t sent_frames, sent_bytes;           /* by the port's owner */
	uint64_t received_frames, received_bytes;   /* by it */
	uint64_t drops[NET_DROPS];                  /* sent by it, but NO_BUFFER: meant for it; LINK: either */
	uint64_t throttled;                         /* times that its rate limit held it up */
	uint32_t broken;  /* times that its queues made no sense */
	uint32_t reserved;
	uint64_t captured, capture_lost;            /* frames, since its capture began */
};
struct net_status {
	uint32_t ready;    /* = the table's starts: NICs are reset, the server serves */
	uint32_t ports;    /* sessions first, then uplinks */
	uint32_t guest[ATTACH_MAX]; /* epoch answered */
	uint32_t command, error; /* as in struct block_status */
	char answer[240];
	uint32_t captures, reserved; /* devices to capture to; where they lead on the host: */
	char capture_file[NET_CAPTURES_MAX][NET_CAPTURE_FILE_MAX + 1];
	uint64_t capture_bytes[NET_CAPTURES_MAX], capture_limit[NET_CAPTURES_MAX]; /* written to it so far, and at most */
	uint32_t ended, reserved2; /* ended: after attach_table.ending, captures are at their end */
	struct net_port_status port[NET_SESSIONS_MAX + NET_DEVICES_MAX];
};
#define NET_STATUS_SIZE 12288u
_Static_assert(sizeof(struct net_status) <= NET_STATUS_SIZE, "three pages");

/* Console to server, as struct block_command. */
enum net_operation {
	NET_LINK_UP = 1,   /* of the NIC `nic` of guest `guest` */
	NET_LINK_DOWN = 2,
	NET_CAPTURE_ON = 3,    /* likewise */
	NET_CAPTURE_OFF = 4,
};
#define NET_UPLINK UINT32_MAX /* in place of a guest: `nic` is the number among the uplinks in the status */

struct net_command {
	uint32_t sequence; /* 0: none yet */
	uint32_t operation; /* enum net_operation */
	uint32_t guest, nic;
};
