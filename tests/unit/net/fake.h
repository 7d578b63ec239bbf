/* SPDX-License-Identifier: Apache-2.0 */
/* A NIC in memory, the server's system, and guests with a small virtio-net driver, around the real net server. */
#pragma once

#include <libsys/virtio_net.h>
#include <server.h>

#define FAKE_HZ 10000000u
#define FAKE_EPOCH UINT64_C(1700000000123456789) /* ns */
#define FAKE_GUESTS 3u
#define FAKE_SESSIONS 3u /* one for each guest */
#define FAKE_RAM_SIZE (4u << 20)
#define FAKE_RAM_BASE UINT64_C(0x80000000)
#define FAKE_SENT 512u
#define FAKE_FRAME 9100u
#define FAKE_COMING 66000u /* bytes of a frame from outside */
#define FAKE_FILE (8u << 20)   /* bytes that can be captured */
#define FAKE_STREAM (1u << 20) /* bytes that may wait for the device */

/* All memory that outlives a server. */
struct fake_shared {
	_Alignas(4096) uint8_t ram[FAKE_GUESTS][FAKE_RAM_SIZE];
	_Alignas(4096) uint8_t sessions[FAKE_SESSIONS][NET_PAGE];
	_Alignas(4096) uint8_t status[NET_STATUS_SIZE];
};

/* What the description says; defaults are set by fake_reset. */
struct fake_options {
	uint64_t bandwidth[FAKE_SESSIONS], packets[FAKE_SESSIONS];
	uint64_t bandwidth_burst, packets_burst;
	uint32_t vlan[FAKE_SESSIONS], group[FAKE_SESSIONS];
	const char *address[FAKE_SESSIONS];
	uint32_t mtu;
	bool gateway;                   /* guests' addresses come from one, which is not there itself */
	uint64_t nic_features;
	unsigned captures;              /* devices for them, at most one is open */
	bool capture[FAKE_SESSIONS], capture_uplink;
	uint32_t snaplen;
	uint64_t capture_limit;
};

struct fake_sent {
	struct net_header header;
	uint32_t length;
	void *token;
	uint8_t data[66000];
};

extern struct {
	uint64_t time;
	unsigned signals[FAKE_SESSIONS]; /* to VMMs */
	unsigned acknowledged;
	unsigned warnings;
	struct nic nic[NET_DEVICES_MAX];
	struct fake_sent *sent;          /* in the NIC, oldest first */
	unsigned in_nic, room, kicks;
	unsigned complete;               /* of them leave with the next interrupt */
	bool awaited;
	struct { uint8_t data[FAKE_COMING]; uint32_t length; struct net_header header; } coming[256];
	unsigned comes;
	uint8_t *file;                   /* captured */
	uint32_t file_written, file_length; /* by the server, and of these that the device has read */
	bool file_discards;              /* nothing of it is kept, and so it may be long */
	bool file_slow;                  /* it reads nothing */
	const char *file_problem;        /* it fails by this */
	struct attach_table table;
	struct net_command command;
	struct fake_options options;
	struct fake_shared *shared;
	bool more;                       /* the last turn's answer */
} fake;

/* A fresh machine: guests that are not there, no server. */
void fake_reset(void);

/* A new server on the same memory; what was in the NIC is dropped. */
void fake_start(void);

/* A turn of the server, and further ones as long as it asks for them. */
void fake_turn(uint64_t bits);

/* Time passes until small frames are given back, and those that gather are taken. */
void fake_settle(void);

/* The NIC has sent so many frames, the oldest first. */
void fake_complete(unsigned count);

/* A frame comes from outside. */
void fake_come(const uint8_t *data, uint32_t length, const struct net_header *header);

void fake_attach(unsigned guest);
void fake_detach(unsigned guest);

struct net_session *fake_session(unsigned session);
struct net_status *fake_status(void);

/* A driver in a guest. */
#define GUEST_QUEUE 64u
#define GUEST_BUFFER 2048u /* bytes of a receive buffer of one that merges */

#define GUEST_EVENT_INDEX ((uint64_t)1 << 29)
#define GUEST_INDIRECT ((uint64_t)1 << 28)

struct guest {
	unsigned session;
	uint8_t *ram;
	uint32_t pairs;
	uint64_t features;
	bool interrupts;          /* wanted */
	uint32_t buffer;          /* bytes of a receive buffer */
	uint16_t available[NET_QUEUES_MAX], used[NET_QUEUES_MAX];
	uint16_t notified[NET_QUEUES_MAX]; /* the available index when the doorbell was last thought of */
	uint16_t order[NET_QUEUES_MAX][GUEST_QUEUE]; /* heads as they were given */
	unsigned done;            /* buffers of frames that came back */
	unsigned wrong;           /* ... in another order than they were given */
};

/* The driver of this session; it begins to be served. Buffers to receive into are given by guest_fill. */
void guest_init(struct guest *guest, unsigned session, uint32_t pairs, uint64_t features);
void guest_start(struct guest *guest);
void guest_stop(struct guest *guest);

/* Offers receive buffers, as many as fit. */
void guest_fill(struct guest *guest, uint32_t pair, unsigned count);

/* Puts a frame into a send queue, in pieces of at most `piece` bytes; not yet notified. false: the queue is full. */
bool guest_send(struct guest *guest, uint32_t pair, const struct net_header *header, const uint8_t *data, uint32_t length,
		uint32_t piece);

/* Rings the doorbell if the device wants that. */
void guest_notify(struct guest *guest);

/* Takes send buffers back. */
void guest_poll(struct guest *guest);

/* The next frame received on a pair: its length, and a copy; 0: none. */
uint32_t guest_receive(struct guest *guest, uint32_t pair, struct net_header *header, uint8_t *to);

/* Both, for a frame that comes alone: some time after the one before. */
void guest_say(struct guest *guest, const struct net_header *header, const uint8_t *data, uint32_t length);

/* A descriptor of a queue, and entries of its rings, as a hostile driver writes them. */
void guest_descriptor(struct guest *guest, unsigned queue, unsigned index, uint64_t address, uint32_t length, uint16_t flags,
		      uint16_t next);
void guest_offer(struct guest *guest, unsigned queue, uint16_t head);
uint64_t guest_address(const struct guest *guest, uint64_t offset);
