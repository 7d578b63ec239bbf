/* SPDX-License-Identifier: Apache-2.0 */
/* The net server without its system calls: what happens in a turn of its loop. */
#pragma once

#include "nic.h"
#include "port.h"
#include "stream.h"

/* What the server wants from its system. */
struct server_system {
	uint64_t (*now)(void);                /* ticks */
	void (*signal)(unsigned session);     /* the VMM's notification, with this session's bit */
	void (*acknowledge)(unsigned device); /* its interrupt may come again; nothing if it has no handler */
	void (*open)(struct nic *nic, uint32_t mtu); /* resets it and makes it ready, or not; number and callbacks are set */
	void (*open_stream)(struct stream *stream, unsigned number); /* likewise the device of a capture */
};

/* Memory is of the sizes in <proto/net.h>, and all of it stays with the server. */
struct server_resources {
	const struct server_system *system;
	uint64_t hz; /* ticks a second */
	const void *tree; /* the system description */
	size_t tree_size;
	struct nic *nic; /* by number of the device, NET_DEVICES_MAX of them */
	unsigned nics;
	unsigned captures; /* devices for them */
	uint64_t epoch; /* ns since 1970 at tick 0 */
	uint8_t *sessions; /* NET_PAGE each */
	unsigned session_count;
	struct hold *hold; /* SERVER_HOLDS for each session */
	const struct attach_table *table;
	struct net_status *status;
	const struct net_command *command;
};
#define SERVER_HOLDS (NET_PAIRS_MAX * NET_QUEUE_SIZE)

/* Starts: NICs are reset. NULL, or what is wrong with what was given. */
const char *server_start(const struct server_resources *resources);

/* Deals with these bits of the notification, or none. true: more could be done right away. */
bool server_turn(uint64_t bits);

/* When a turn is due even without a signal, in ticks. */
uint64_t server_deadline(void);
