/* SPDX-License-Identifier: Apache-2.0 */
/* The net server's side of the gateway's NICs, in memory; and a stack in the place of lwIP. */
#pragma once

#include <libsys/virtqueue.h>
#include <link.h>
#include <stack.h>

#define SESSION_RAM ((size_t)8 << 20)
#define SESSION_BASE UINT64_C(0x80000000)

struct session {
	struct net_session page;
	struct virtqueue receive, send; /* of the gateway */
	unsigned signals;
};

extern struct {
	uint8_t *ram;
	struct session session[SIDES];
	struct link link[SIDES];
	struct pool pool;
	/* What the stack was given, and what it answers. */
	unsigned input[SIDES];
	uint32_t outside;
	bool knows_hop;
	unsigned asked;
} world;

/* A new gateway without queues yet; the server has said what the NICs are. */
void world_init(void);

/* The server does what the pages ask for: queues are taken, or given back. */
void session_serve(enum side side);

/* Puts a frame, header first, into the gateway's buffers. false: it has none. */
bool session_deliver(enum side side, const struct link_header *header, const uint8_t *frame, uint32_t length);

/* What the gateway sent: bytes of the frame, 0: nothing; and gives the buffer back. */
uint32_t session_take(enum side side, struct link_header *header, uint8_t *frame, uint32_t most);
