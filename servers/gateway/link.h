/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A NIC of the gateway: a session of the net server (<proto/net.h>), whose queues lie in the gateway's own RAM. Here the gateway is what a
 * guest's driver and its VMM are for a guest. Frames are chains of buffers of one pool, and go from one NIC to the other as they are.
 */
#pragma once

#include <libsys/virtio_driver.h>
#include <proto/net.h>

#include "description.h"

#define BUFFER_SIZE 4096u /* bytes */
#define LINK_RECEIVE 256u /* entries of the queues */
#define LINK_SEND 128u
#define LINK_HEADER 12u   /* bytes of the header before a frame (virtio 1.2, section 5.1.6) */

struct buffer {
	struct buffer *next; /* of the frame, or of the free ones */
	uint8_t *data;
	uint64_t physical;
	uint32_t length;     /* bytes in it */
};

/* All of the gateway's RAM: queues first, then buffers. */
struct pool {
	uint8_t *memory, *end;
	uint64_t base;       /* address of the first byte in the session's terms */
	uint8_t *first;
	struct buffer *free;
	unsigned count;      /* that are free */
};

/* The offload header; little-endian, as the machine is. */
struct link_header {
	uint8_t flags;    /* LINK_NEEDS_CHECKSUM, LINK_DATA_VALID */
	uint8_t gso_type; /* 0: a plain frame */
	uint16_t header_length, gso_size, checksum_start, checksum_offset, buffers;
};
_Static_assert(sizeof(struct link_header) == LINK_HEADER, "virtio net header");
enum { LINK_NEEDS_CHECKSUM = 1, LINK_DATA_VALID = 2 };

/* A frame in buffers. Its head, what lies in the first one, is from `head` on. */
struct link_frame {
	struct buffer *first;
	struct link_header header;
	uint8_t *head;
	uint32_t head_length, length; /* bytes, of the first buffer's part and of all; without header */
};

struct link {
	struct virtio_driver driver; /* first */
	struct net_session *shared;
	struct pool *pool;
	void (*signal)(unsigned number); /* the net server's notification, with this session's bit */
	unsigned number;
	uint8_t *queues;     /* memory of both */
	uint8_t mac[MAC_SIZE];
	uint32_t wanted;     /* as in the page: odd while queues are set up */
	bool ready;          /* the server has said what the NIC is */
	bool running, up;
	struct virtio_driver_queue receive, send;
	uint64_t dropped;    /* frames without room to send */
};

/* Takes RAM of `size` bytes that the session sees at `base`. */
void pool_init(struct pool *pool, uint8_t *memory, size_t size, uint64_t base);

/* Takes memory for the queues; before pool_fill, which makes buffers of the rest (in `buffers`, at most `most`). */
void link_init(struct link *link, struct pool *pool, struct net_session *shared, unsigned number, void (*signal)(unsigned number));
void pool_fill(struct pool *pool, struct buffer *buffers, unsigned most);

/* A buffer, or NULL; a chain of them back. */
struct buffer *pool_take(struct pool *pool);
void pool_give(struct pool *pool, struct buffer *chain);

/* Sets up, starts again what makes no sense, sees link changes, and takes back what was sent. To be called when signalled, and every turn. */
void link_look(struct link *link);

/* The next frame that came; its buffers are the caller's. false: none. */
bool link_receive(struct link *link, struct link_frame *frame);

/* Sends a frame, whose buffers go with it in any case. Offload header and head are as the frame says. */
void link_send(struct link *link, struct link_frame *frame);

/* Makes an empty frame of one buffer, for `length` bytes at most BUFFER_SIZE - LINK_HEADER. false: there is no buffer. */
bool link_make(struct link *link, struct link_frame *frame, uint32_t length);

/* At the end of a turn: gives buffers to receive into, and tells the server. true: something came meanwhile. */
bool link_flush(struct link *link);
